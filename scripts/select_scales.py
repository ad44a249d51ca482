"""M1 and val, or the M1 of each fold of train and its images -> for each class, the training scales or the full set."""

import torch

from tailcutmix.dataset.packing import PackedFiles, open_packed
from tailcutmix.dataset.parts import parts_of
from tailcutmix.devices import lease_devices
from tailcutmix.labels import read_labels
from tailcutmix.models.build import load_model
from tailcutmix.plan.settings.jobs import Inference
from tailcutmix.plan.settings.keys import typed
from tailcutmix.plan.settings.recipe import Network
from tailcutmix.plan.settings.results import Selection
from tailcutmix.prediction.inference import Predictor, scale_sets
from tailcutmix.prediction.scales import select_scales, write_scales
from tailcutmix.rule_script import job

with job(snakemake, terminal=True), lease_devices(snakemake.resources.gpu) as lease:
    torch.set_num_threads(snakemake.threads)
    given, device = snakemake.input, lease.devices[0]
    network, inference = typed(Network, snakemake.params.network), typed(Inference, snakemake.params.inference)
    labels = read_labels(given.labels)
    networks = (load_model(network, labels.num_classes, weights, device) for weights in given.model)
    predictors = (
        Predictor(
            model, scale_sets(network, inference), flip=inference.flip, device=device, input_scale=network.input_scale
        )
        for model in networks
    )
    packed = open_packed(typed(PackedFiles, dict(given.items())), given.manifest)
    parts = zip(predictors, parts_of(packed, len(given.model)), strict=True)
    selection = typed(Selection, snakemake.params.selection)
    write_scales(select_scales(parts, labels, inference.batch, selection), snakemake.output.scales)
