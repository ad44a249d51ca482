"""M1 and val -> for each class, the training scales or the full set."""

from pathlib import Path

import torch

from tailcutmix.dataset.packing import open_packed
from tailcutmix.devices import lease_devices
from tailcutmix.job import job
from tailcutmix.labels import read_labels
from tailcutmix.models.build import load_model
from tailcutmix.prediction.inference import Predictor
from tailcutmix.prediction.scales import FULL, TRAINING, select_scales, write_scales

with job(snakemake, terminal=True), lease_devices(snakemake.resources.gpu) as lease:
    torch.set_num_threads(snakemake.threads)
    labels, settings = read_labels(snakemake.input.labels), snakemake.params.settings
    model = load_model(settings, labels.num_classes, snakemake.input.model, lease.devices[0])
    sets = {TRAINING: settings["training_scales"], FULL: settings["scales"]}
    device, input_scale = lease.devices[0], settings.get("input_scale", 1.0)
    predictor = Predictor(model, sets, flip=settings["flip"], device=device, input_scale=input_scale)
    packed = open_packed(Path(snakemake.input.images).parent)
    write_scales(select_scales(predictor, packed, labels, settings["batch"]), snakemake.output.scales)
