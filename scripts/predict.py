"""A trained model and a split -> one label image an input image."""

from pathlib import Path

import torch

from tailcutmix.dataset.manifest import read_manifest
from tailcutmix.dataset.packing import open_packed
from tailcutmix.devices import lease_devices
from tailcutmix.job import job
from tailcutmix.labels import read_labels
from tailcutmix.prediction.build import build_predictor
from tailcutmix.prediction.run import predict_split

with job(snakemake, terminal=True), lease_devices(snakemake.resources.gpu) as lease:
    torch.set_num_threads(snakemake.threads)
    labels, settings = read_labels(snakemake.input.labels), snakemake.params.settings
    chosen, expert_of = snakemake.input.get("scales"), snakemake.params.expert_of
    predictor = build_predictor(settings, labels, snakemake.input.model, lease.devices[0], chosen, expert_of)
    packed = open_packed(Path(snakemake.input.images).parent)
    rows = read_manifest(snakemake.input.manifest, snakemake.wildcards.split)
    predict_split(predictor, packed, rows, labels, snakemake.output.predictions, settings["batch"])
