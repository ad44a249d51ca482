"""The order of the images in training, and crops that hold a given place; other orders are in ``sampling/``."""

from functools import lru_cache

import numpy as np

from tailcutmix.mixing.augment import position_range
from tailcutmix.mixing.streams import ORDER, choice, generator
from tailcutmix.mixing.windows import Windows


def image_order(seed: int, positions: np.ndarray, images: int) -> np.ndarray:
    """Image of each sample: every pass over the data is a permutation of it.

    Args:
        seed: of the run.
        positions: (B,) int64, number of the sample since training began.
        images: N.
    """
    passes = positions // images
    return np.array([_permutation(seed, int(q), images)[p % images] for q, p in zip(passes, positions, strict=True)])


@lru_cache(maxsize=8)
def _permutation(seed: int, number: int, count: int) -> np.ndarray:
    return generator(seed, number, ORDER).permutation(count)


def focus(windows: Windows, places: np.ndarray, u: np.ndarray, image_size: tuple[int, int]) -> None:
    """Move windows, in place, so that they hold their place at a random position, but stay in the image.

    Args:
        windows: B windows.
        places: (B, 2) int64, y and x; a negative y leaves the window alone.
        u: (B, 2) in [0, 1), where in the window the place lies; 1/2 is its middle.
        image_size: (H, W).
    """
    first, last = position_range(windows.box[:, 2:], image_size)
    start = np.clip(places - choice(u, windows.box[:, 2:]), first, last)
    windows.box[:, :2] = np.where(places[:, :1] >= 0, start, windows.box[:, :2])
