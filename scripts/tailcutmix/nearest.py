"""Nearest resize of label images, the one rule everywhere: an output pixel takes the source pixel under its centre.

In integers, so that every step and every machine agrees. A centre that falls on the border of two source pixels belongs
to the one after it; OpenCV's INTER_NEAREST_EXACT gives the same pixels, but rounds some of these borders the other way.
"""

from collections.abc import Sequence

import numpy as np


def pixel_under_centre(pixel: np.ndarray, source: int | np.ndarray, output: int | np.ndarray) -> np.ndarray:
    """The source pixel under the centre of an output pixel, along one axis: floor((pixel + 1/2) * source / output).

    Args:
        pixel: (...) int, output pixels; those outside 0..output-1 give places outside the source.
        source, output: lengths in pixels, 1 or more.
    """
    return (2 * pixel + 1) * source // (2 * output)


def resize_nearest(labels: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """(..., h, w) labels at size (H, W); the array itself where that is its size."""
    if labels.shape[-2:] == tuple(size):
        return labels
    rows, columns = (
        pixel_under_centre(np.arange(length), source, length)
        for source, length in zip(labels.shape[-2:], size, strict=True)
    )
    return labels[..., rows[:, None], columns]
