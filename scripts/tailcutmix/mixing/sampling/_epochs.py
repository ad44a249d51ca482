"""Epochs as tables of places: a row (image, y, x) for each sample; y = x = -1 where the crop may lie anywhere."""

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import torch

from tailcutmix.mixing.streams import ORDER, generator

PIXELS = 16
"""Pixels of a class in an image that :func:`class_pixels` keeps."""

Build = Callable[[np.random.Generator], np.ndarray]


class Epochs:
    """The rows of any samples: an epoch is built from seed and number when one of its samples is first asked for."""

    def __init__(self, seed: int, samples: int, build: Build):
        """``build`` makes (``samples``, 3) int64 of a random generator that is the epoch's own."""
        self.samples = samples
        self._epoch = lru_cache(maxsize=2)(lambda number: build(generator(seed, number, ORDER)))

    def __call__(self, positions: np.ndarray) -> np.ndarray:
        """(B, 3) int64 rows of (B,) samples, counted since training began."""
        return np.stack([self._epoch(int(p) // self.samples)[int(p) % self.samples] for p in positions])


def anywhere(images: np.ndarray) -> np.ndarray:
    """(B, 3) int64 rows of (B,) images in which the crop may lie anywhere."""
    return np.stack([images, np.full_like(images, -1), np.full_like(images, -1)], axis=1)


def wrapped(rows: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """``count`` rows in random order, none twice before all have come once."""
    return rows[rng.permutation(len(rows))[np.arange(count) % len(rows)]]


def class_pixels(labels: torch.Tensor, num_classes: int) -> list[np.ndarray]:
    """For each class (M, PIXELS, 3) int64: image, y and x of pixels of the class in each of the M images that hold it.

    They are spread evenly over the class's pixels from top to bottom, so that an image takes as little memory whatever
    it holds.

    Args:
        labels: (N, H, W) uint8 train ids; read once.
        num_classes: C.
    """
    found: list[list[np.ndarray]] = [[] for _ in range(num_classes)]
    for n, label in enumerate(labels):
        values = label.reshape(-1).cpu().numpy()
        order = np.argsort(values, kind="stable")
        counts = np.bincount(values, minlength=256)
        first = np.cumsum(counts) - counts
        for train_id in np.flatnonzero(counts[:num_classes]):
            spread = (2 * np.arange(PIXELS) + 1) * counts[train_id] // (2 * PIXELS)
            y, x = np.divmod(order[first[train_id] + spread], label.shape[1])
            found[train_id].append(np.stack([np.full_like(y, n), y, x], axis=1))
    return [np.array(rows, np.int64).reshape(-1, PIXELS, 3) for rows in found]


def places_of(classes: np.ndarray, pixels: Sequence[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """(B, 3) int64: for each of (B,) classes a random image that holds it, and there a random one of its ``pixels``."""
    places = np.empty((len(classes), 3), np.int64)
    for train_id in np.unique(classes):
        rows = np.flatnonzero(classes == train_id)
        held = pixels[train_id]
        places[rows] = held[rng.integers(len(held), size=len(rows)), rng.integers(PIXELS, size=len(rows))]
    return places
