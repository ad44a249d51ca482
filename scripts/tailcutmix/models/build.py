"""From settings to a network, and from a weight file to a trained one."""

from pathlib import Path

import torch

from tailcutmix.errors import UserError
from tailcutmix.models.attention import FUSIONS
from tailcutmix.models.multiscale import MultiScaleNet
from tailcutmix.models.unet import UNet
from tailcutmix.models.weights import load_weights
from tailcutmix.plan.settings.recipe import Network


def build_model(network: Network, num_classes: int) -> MultiScaleNet:
    """A network with random weights; raises UserError that names the key where no network fits."""
    width, scales = network.width, network.training_scales
    if network.architecture == "unet":
        if not isinstance(width, int) or width < 1:
            raise UserError(f"width: a U-Net's is the number of its first channels, such as 64, not {width!r}")
        return UNet(num_classes, width)
    if network.architecture != "hrnet":
        raise UserError(f"architecture: {network.architecture!r} is unknown; use hrnet or unet")
    if network.attention not in FUSIONS:
        raise UserError(f"attention: {network.attention!r} is unknown; use {', '.join(FUSIONS)}")
    if network.attention != "none" and len(set(scales)) < 2:
        raise UserError(f"training_scales: attention learns from two scales or more, not {list(scales)}")
    from tailcutmix.models.hrnet import ScaleAttentionNet  # here, as timm takes seconds that a U-Net need not wait for

    return ScaleAttentionNet(network, num_classes)


def load_model(
    network: Network, num_classes: int, weights: str | Path, device: torch.device | str = "cpu"
) -> MultiScaleNet:
    """The network with the weights of a safetensors file, in evaluation mode on the device.

    Raises UserError where the file is missing, damaged, or holds the weights of another network.
    """
    model = build_model(network, num_classes)
    load_weights(model, weights)
    return model.to(device).eval()
