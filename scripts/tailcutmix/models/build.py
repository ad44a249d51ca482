"""From settings to a network, and from a weight file to a trained one."""

from importlib import import_module
from pathlib import Path

import torch

from tailcutmix.errors import UserError
from tailcutmix.models.multiscale import MultiScaleNet
from tailcutmix.models.weights import load_weights
from tailcutmix.plan.settings.recipe import ARCHITECTURES, Network


def build_model(network: Network, num_classes: int) -> MultiScaleNet:
    """A network with random weights; raises UserError that names the key where no network fits."""
    if network.architecture not in ARCHITECTURES:
        raise UserError(f"architecture is {network.architecture!r}; it must be one of: {', '.join(ARCHITECTURES)}")
    module = import_module(f"tailcutmix.models.architectures.{network.architecture}")
    model: MultiScaleNet = module.build(network, num_classes)
    return model


def load_model(
    network: Network, num_classes: int, weights: str | Path, device: torch.device | str = "cpu"
) -> MultiScaleNet:
    """The network with the weights of a safetensors file, in evaluation mode on the device.

    Raises UserError where the file is missing, damaged, or holds the weights of another network.
    """
    model = build_model(network, num_classes)
    load_weights(model, weights)
    return model.to(device).eval()
