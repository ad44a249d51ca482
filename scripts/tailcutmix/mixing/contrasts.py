"""What the cutmix of the report is compared with: CutMix, MixUp and CutOut, made for dense labels."""

import numpy as np

from tailcutmix.mixing.streams import choice

MIXUP_ALPHA = 0.2
"""Of the Beta distribution that MixUp draws lambda from (Zhang et al., ICLR 2018, ImageNet)."""


def cutmix_boxes(lam: np.ndarray, centre: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Rectangles of CutMix (Yun et al., ICCV 2019): of area 1 - lambda around a uniform centre, clipped.

    Args:
        lam: (B,) in [0, 1), lambda: uniform, which is Beta(1, 1).
        centre: (B, 2) in [0, 1), y and x.
        size: (h, w) of the images.

    Returns:
        (B, 4) int64: top, left, bottom, right, half-open.
    """
    length = (np.asarray(size) * np.sqrt(1 - lam[:, None])).astype(np.int64)
    return _clipped(choice(centre, np.asarray(size)), length, size)


def cutout_boxes(centre: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Squares of CutOut (DeVries and Taylor, 2017): half the shorter side wide, around a uniform centre, clipped.

    Args:
        centre: (B, 2) in [0, 1), y and x.
        size: (h, w) of the images.

    Returns:
        (B, 4) int64: top, left, bottom, right, half-open.
    """
    length = np.full((len(centre), 2), max(min(size) // 2, 1), np.int64)
    return _clipped(choice(centre, np.asarray(size)), length, size)


def _clipped(centre: np.ndarray, length: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    start = centre - length // 2
    return np.concatenate([np.maximum(start, 0), np.minimum(start + length, np.asarray(size))], axis=1)
