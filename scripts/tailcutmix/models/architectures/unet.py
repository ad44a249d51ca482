"""The U-Net of the challenge organisers, the baseline row of the report's Table 1."""

from itertools import pairwise

import torch
from torch import nn

from tailcutmix.errors import UserError
from tailcutmix.models.multiscale import MultiScaleNet
from tailcutmix.models.resizing import at_scale
from tailcutmix.plan.settings.recipe import Network


def build(network: Network, num_classes: int) -> "UNet":
    """The U-Net whose first level has ``width`` channels."""
    width = network.width
    if not isinstance(width, int) or width < 1:
        raise UserError(f"width: a U-Net's is the number of its first channels, such as 64, not {width!r}")
    return UNet(num_classes, width)


def double_conv(in_channels: int, out_channels: int) -> nn.Sequential:
    """Twice 3x3 conv, BN, ReLU; the size stays."""
    layers = []
    for channels in (in_channels, out_channels):
        layers += [nn.Conv2d(channels, out_channels, 3, padding=1), nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class UNet(MultiScaleNet):
    """U-Net with BatchNorm and bilinear upsampling; channels 64-128-256-512-512 and 13.40 M parameters at 19 classes.

    It is trained at one scale; asked for several, it averages logits. Corners are aligned in its upsampling, as in the
    organisers' network.

    Args:
        num_classes: C.
        width: channels of the first level; 64 is the organisers' network, less makes all levels thinner in proportion.
    """

    def __init__(self, num_classes: int, width: int):
        super().__init__(16, "none", (1.0,))
        levels = [width * factor for factor in (1, 2, 4, 8, 8)]
        self.first = double_conv(3, levels[0])
        self.down = nn.ModuleList(double_conv(above, below) for above, below in pairwise(levels))
        # each step up sees its level beside what comes from below, which has as many channels
        out = [levels[2], levels[1], levels[0], levels[0]]
        self.up = nn.ModuleList(double_conv(2 * skip, o) for skip, o in zip(levels[3::-1], out, strict=True))
        self.pool = nn.MaxPool2d(2)
        self.upsample = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        self.last = nn.Conv2d(levels[0], num_classes, 1)

    def ends(self) -> list[nn.Module]:
        return [self.first[0], self.last]

    def predict_scale(self, x: torch.Tensor, scale: float, attention: bool = True) -> tuple[torch.Tensor, None]:
        """Logits (B, C, H * scale, W * scale), and None for attention; see the base class."""
        x = at_scale(x, scale).contiguous(memory_format=torch.channels_last)
        skips = [self.first(x)]
        for down in self.down:
            skips.append(down(self.pool(skips[-1])))
        x = skips.pop()
        for up in self.up:
            x = up(torch.cat([skips.pop(), self.upsample(x)], dim=1))
        return self.last(x), None
