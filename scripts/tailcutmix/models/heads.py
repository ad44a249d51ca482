"""The fully convolutional head of the report (section 4), for semantics and for attention alike."""

from torch import nn


def head(in_channels: int, channels: int, out_channels: int) -> nn.Sequential:
    """3x3 conv, BN, ReLU, 3x3 conv, BN, ReLU, 1x1 conv; no biases.

    (B, in_channels, h, w) -> (B, out_channels, h, w). The report's network has channels = 256.
    """
    layers = nn.Sequential(
        nn.Conv2d(in_channels, channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
        nn.Conv2d(channels, channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
        nn.Conv2d(channels, out_channels, 1, bias=False),
    )
    for module in layers:
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)  # by fan-in: first logits of order one
    return layers
