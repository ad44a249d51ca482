"""A trained model and a split, or those of each fold of train and its images -> one label image per input image."""

import torch

from tailcutmix.dataset.manifest import read_manifest
from tailcutmix.dataset.packing import PackedFiles, open_packed
from tailcutmix.dataset.parts import parts_of
from tailcutmix.devices import lease_devices
from tailcutmix.labels import read_labels
from tailcutmix.models.build import load_model
from tailcutmix.plan.settings.jobs import Inference
from tailcutmix.plan.settings.keys import typed
from tailcutmix.plan.settings.recipe import Network
from tailcutmix.prediction.inference import build_predictor
from tailcutmix.prediction.prior import prior_shift
from tailcutmix.prediction.run import predict_split
from tailcutmix.prediction.scales import read_scales
from tailcutmix.rule_script import job

with job(snakemake, terminal=True), lease_devices(snakemake.resources.gpu) as lease:
    torch.set_num_threads(snakemake.threads)
    given, device = snakemake.input, lease.devices[0]
    network, inference = typed(Network, snakemake.params.network), typed(Inference, snakemake.params.inference)
    labels, scales, expert_of = read_labels(given.labels), given.get("scales"), snakemake.params.expert_of
    known = labels.class_of(expert_of) if expert_of else None
    chosen, folds = read_scales(scales, labels) if scales else None, len(given.model)
    shifts = [0.0] * folds
    if known and given.get("history"):
        unseen = 0.0 if folds > 1 else None
        shifts = [prior_shift(history, given.statistics, known, unseen) for history in given.history]
    networks = (load_model(network, labels.num_classes, weights, device) for weights in given.model)
    predictors = (
        build_predictor(network, inference, model, device, chosen, known, shift)
        for model, shift in zip(networks, shifts, strict=True)
    )
    packed = open_packed(typed(PackedFiles, dict(given.items())), given.manifest)
    rows = read_manifest(given.manifest, snakemake.wildcards.split)
    parts = zip(predictors, parts_of(packed, folds), strict=True)
    predict_split(parts, rows, labels, snakemake.output.predictions, inference.batch)
