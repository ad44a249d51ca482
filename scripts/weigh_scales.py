"""A trained model and a split -> how much each scale counts: by object, and in a few pictures."""

import torch

from tailcutmix.dataset.packing import PackedFiles, open_packed
from tailcutmix.devices import lease_devices
from tailcutmix.files import write_csv
from tailcutmix.labels import read_labels
from tailcutmix.models.build import load_model
from tailcutmix.plan.settings.jobs import Inference
from tailcutmix.plan.settings.keys import typed
from tailcutmix.plan.settings.recipe import Network
from tailcutmix.prediction.weights_of_scales import weigh_split, write_pictures
from tailcutmix.rule_script import job

with job(snakemake), lease_devices(snakemake.resources.gpu) as lease:
    torch.set_num_threads(snakemake.threads)
    given, device = snakemake.input, lease.devices[0]
    network, inference = typed(Network, snakemake.params.network), typed(Inference, snakemake.params.inference)
    labels = read_labels(given.labels)
    model = load_model(network, labels.num_classes, given.model, device)
    packed = open_packed(typed(PackedFiles, dict(given.items())), given.manifest)
    objects, pictures = weigh_split(model, packed, labels, inference.scales, device, network.input_scale)
    write_csv(objects, snakemake.output.objects)
    write_pictures(pictures, snakemake.output.pictures)
