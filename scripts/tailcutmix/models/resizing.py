"""Sizes: resizing between scales, and padding to what a network can divide."""

from collections.abc import Sequence
from fractions import Fraction
from math import lcm

import torch
import torch.nn.functional as F

from tailcutmix.errors import UserError

MAX_DENOMINATOR = 8
"""A scale is a multiple of 1/n with n up to this; finer ones would ask for absurd paddings."""


def resize(x: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """Bilinear resize of (B, C, h, w) to size (H, W), corners not aligned; x itself where the size is its own."""
    size = (int(size[0]), int(size[1]))
    if x.shape[-2:] == size:
        return x
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


def at_scale(x: torch.Tensor, scale: float) -> torch.Tensor:
    """(B, C, H, W) resized bilinearly by a factor, to the nearest whole size (padded x has one at every scale)."""
    return resize(x, (round(x.shape[-2] * scale), round(x.shape[-1] * scale)))


def padding_multiple(multiple: int, scales: Sequence[float]) -> int:
    """Least M such that scale * M is a multiple of ``multiple`` at every scale: 64 for 32 and {.5, 1, 2}.

    Raises UserError for a scale that is not positive or not a fraction with a small denominator (.3 is not).
    """
    denominators = []
    for scale in scales:
        fraction = Fraction(scale).limit_denominator(MAX_DENOMINATOR)
        if fraction <= 0 or abs(float(fraction) - scale) > 1e-6:
            raise UserError(f"scale {scale} cannot be used: write multiples of .5, .25 or .125, above 0")
        denominators.append(fraction.denominator)
    return multiple * lcm(*denominators)


def pad_to_multiple(x: torch.Tensor, multiple: int) -> torch.Tensor:
    """Zeros (the mean colour of normalised images) below and to the right, up to multiples of ``multiple``.

    Training crops that reach beyond their image are filled the same way. Padding comes before any resizing, so one
    pixel stays the same place at every scale, and cropping the fused output back to the size of x is exact.
    """
    height, width = x.shape[-2:]
    below, right = -height % multiple, -width % multiple
    return F.pad(x, (0, right, 0, below)) if below or right else x


def check_scales(scales: Sequence[float]) -> tuple[float, ...]:
    """Scales without doubles, ascending; raises UserError unless 1.0 is one of them."""
    unique = tuple(sorted({float(scale) for scale in scales}))
    if 1.0 not in unique:
        raise UserError(f"scales {list(scales)}: a set of scales must hold 1.0")
    return unique
