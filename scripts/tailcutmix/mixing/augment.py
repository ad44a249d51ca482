"""AUG = AUGN after AUGP [report, section 3].

AUGP keeps every region of class b: mirroring and photometric jitter. AUGN may lose it: a scale and a random crop.
Both are drawn on the host as numbers; cutting the window applies mirroring, scale and crop at once.
"""

import numpy as np
import torch

from tailcutmix.mixing.streams import choice, layout
from tailcutmix.mixing.windows import Windows
from tailcutmix.plan.settings.recipe import Augmentation

AUG = layout(scale=1, position=2, flip=1, photometric=3)
"""The uniform numbers that one AUG takes: position is y, x; photometric is brightness, contrast, saturation."""

LUMA = (0.299, 0.587, 0.114)


def draw_windows(
    u: np.ndarray, index: np.ndarray, augmentation: Augmentation, image_size: tuple[int, int], crop: tuple[int, int]
) -> Windows:
    """Draw the parameters of AUG for B images.

    Args:
        u: (B,) of AUG.
        index: (B,) images to cut from.
        augmentation: ``scale`` of the image before the crop; ``flip``; ``jitter``, half the range of the photometric
            factors around 1.
        image_size: (H, W) of the packed images.
        crop: (h, w) of the output.
    """
    low, high = augmentation.scale
    scale = low + u["scale"] * (high - low)
    length = np.maximum(np.rint(np.asarray(crop) / scale[:, None]).astype(np.int64), 1)
    first, last = position_range(length, image_size)
    start = first + choice(u["position"], last - first + 1)
    flip = (u["flip"] < 0.5) & augmentation.flip
    factors = 1 + augmentation.jitter * (2 * u["photometric"] - 1)
    return Windows(np.asarray(index, np.int64), np.concatenate([start, length], axis=1), flip, factors)


def position_range(length: np.ndarray, image_size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """First and last start of windows of ``length`` (B, 2): within the image, or around it where they are larger."""
    room = np.asarray(image_size) - length
    return np.minimum(room, 0), np.maximum(room, 0)


def photometric(images: torch.Tensor, factors: torch.Tensor, grey: torch.Tensor) -> torch.Tensor:
    """Brightness, contrast (around the mean grey of the whole image) and saturation, as one affine map per sample.

    Args:
        images: (B, 3, h, w) float32 in 0..1; changed in place.
        factors: (B, 3) float32, brightness, contrast and saturation.
        grey: (B,) float32, mean luma of the source images, 0..1.

    Returns:
        The images, cut to 0..1.
    """
    brightness, contrast, saturation = (factors[:, i, None, None, None] for i in range(3))
    red, green, blue = images.split(1, dim=1)
    luma = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
    gain = contrast * brightness
    shift = luma.mul_(gain * (1 - saturation)).add_((1 - contrast) * brightness * grey[:, None, None, None])
    return images.mul_(gain * saturation).add_(shift).clamp_(0, 1)
