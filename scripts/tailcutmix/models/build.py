"""From settings to a network, and from a weight file to a trained one."""

from collections.abc import Mapping
from pathlib import Path

import torch

from tailcutmix.errors import UserError
from tailcutmix.models.attention import FUSIONS
from tailcutmix.models.multiscale import MultiScaleNet
from tailcutmix.models.unet import UNet
from tailcutmix.models.weights import load_weights


def build_model(settings: Mapping, num_classes: int) -> MultiScaleNet:
    """A network with random weights.

    Settings: architecture ("hrnet" or "unet") and width (HRNet's name: 48, 18, "w18_small" or a small number; or the
    channels of a U-Net's first level, 64 in the organisers'). For HRNet also head_channels (256), attention
    ("hierarchical", "explicit" or "none"), training_scales ([.5, 1]) and auxiliary_weight (above 0: the forward pass
    returns the logits of each scale as well). Raises UserError that names the key.
    """
    architecture = settings.get("architecture", "hrnet")
    if architecture == "unet":
        width = settings.get("width", 64)
        if not isinstance(width, int) or width < 1:
            raise UserError(f"width: a U-Net's is the number of its first channels, such as 64, not {width!r}")
        return UNet(num_classes, width)
    if architecture != "hrnet":
        raise UserError(f"architecture: {architecture!r} is unknown; use hrnet or unet")
    attention = settings.get("attention", "hierarchical")
    if attention not in FUSIONS:
        raise UserError(f"attention: {attention!r} is unknown; use {', '.join(FUSIONS)}")
    training_scales = settings.get("training_scales", (0.5, 1.0))
    if attention != "none" and len(set(training_scales)) < 2:
        raise UserError(f"training_scales: attention learns from two scales or more, not {list(training_scales)}")
    from tailcutmix.models.hrnet import ScaleAttentionNet  # here, as timm takes seconds that a U-Net need not wait for

    return ScaleAttentionNet(
        settings.get("width", 48),
        num_classes,
        head_channels=settings.get("head_channels", 256),
        attention=attention,
        training_scales=training_scales,
        auxiliary=settings.get("auxiliary_weight", 0.0) > 0,
    )


def load_model(
    settings: Mapping, num_classes: int, weights: str | Path, device: torch.device | str = "cpu"
) -> MultiScaleNet:
    """The network of the settings with the weights of a safetensors file, in evaluation mode on the device.

    Raises UserError where the file is missing, damaged, or holds the weights of another network.
    """
    model = build_model(settings, num_classes)
    load_weights(model, weights)
    return model.to(device).eval()
