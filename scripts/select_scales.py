"""M1 and val -> for each class, the training scales or the full set."""

import torch

from tailcutmix.dataset.packing import PackedFiles, open_packed
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
    predictor = Predictor(
        load_model(network, labels.num_classes, given.model, device),
        scale_sets(network, inference),
        flip=inference.flip,
        device=device,
        input_scale=network.input_scale,
    )
    packed = open_packed(typed(PackedFiles, dict(given.items())), given.manifest)
    selection = typed(Selection, snakemake.params.selection)
    write_scales(select_scales(predictor, packed, labels, inference.batch, selection), snakemake.output.scales)
