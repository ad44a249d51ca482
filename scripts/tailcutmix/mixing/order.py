"""Which image, and which place in it, each sample of training is cut from."""

import logging
from functools import lru_cache

import numpy as np
import torch

from tailcutmix.mixing.augment import position_range
from tailcutmix.mixing.streams import ORDER, choice, generator
from tailcutmix.mixing.windows import Windows

logger = logging.getLogger(__name__)

CLASS_SHARE = 0.5
"""Share of an epoch that class-uniform sampling draws over classes (the published default)."""


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


class ClassUniform:
    """Class-uniform sampling: half of an epoch by images, half spread evenly over the classes.

    A class sample is a crop around the centroid of the class in a square tile of an image, as in NVIDIA's code for
    hierarchical multi-scale attention (tiles as wide as the shorter side of the images).
    """

    def __init__(self, labels: torch.Tensor, num_classes: int, samples: int, seed: int):
        """Find the centroids.

        Args:
            labels: (N, H, W) uint8, packed labels; read once.
            num_classes: C.
            samples: samples of an epoch.
            seed: of the run.
        """
        self.images, self.samples, self.seed = len(labels), samples, seed
        self.centroids = [found for found in _centroids(labels, num_classes) if len(found)]
        self.per_class = int(samples * CLASS_SHARE / max(len(self.centroids), 1))
        if self.per_class == 0:
            logger.warning("class-uniform sampling: an epoch of %d is too short for %d classes: images are drawn "
                           "uniformly; raise expand", samples, len(self.centroids))  # fmt: skip
        self._epoch = lru_cache(maxsize=2)(self._build_epoch)

    def __call__(self, positions: np.ndarray) -> np.ndarray:
        """(B, 3) int64: image, y and x of the centroid for each sample; y = x = -1 where an image was drawn."""
        return np.stack([self._epoch(int(p) // self.samples)[int(p) % self.samples] for p in positions])

    def _build_epoch(self, number: int) -> np.ndarray:
        rng = generator(self.seed, number, ORDER)
        by_class = [_wrapped(found, self.per_class, rng) for found in self.centroids]
        images = np.full((self.images, 3), -1, np.int64)
        images[:, 0] = np.arange(self.images)
        by_image = _wrapped(images, self.samples - sum(map(len, by_class)), rng)
        return rng.permutation(np.concatenate([by_image, *by_class]), axis=0)


def focus(windows: Windows, places: np.ndarray, u: np.ndarray, image_size: tuple[int, int]) -> None:
    """Move windows, in place, so that they hold their centroid at a random position, but stay in the image.

    Args:
        windows: B windows.
        places: (B, 2) int64, y and x; a negative y leaves the window alone.
        u: (B, 2) in [0, 1).
        image_size: (H, W).
    """
    first, last = position_range(windows.box[:, 2:], image_size)
    start = np.clip(places - choice(u, windows.box[:, 2:]), first, last)
    windows.box[:, :2] = np.where(places[:, :1] >= 0, start, windows.box[:, :2])


def _wrapped(rows: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """``count`` rows in random order, none twice before all have come once."""
    return rows[rng.permutation(len(rows))[np.arange(count) % len(rows)]]


def _centroids(labels: torch.Tensor, num_classes: int) -> list[np.ndarray]:
    """For each class (M, 3) int64: image, y and x of its centroid in each tile that holds it."""
    found: list[list[tuple[int, int, int]]] = [[] for _ in range(num_classes)]
    _, height, width = labels.shape
    tile = min(height, width)
    for n in range(len(labels)):
        for top in range(0, height, tile):
            for left in range(0, width, tile):
                part = labels[n, top : top + tile, left : left + tile]
                values = part.reshape(-1).int()
                place = torch.arange(len(values), device=part.device)
                pixels, y, x = (
                    torch.bincount(values, weights, minlength=256)[:num_classes].double().cpu().numpy()
                    for weights in (None, (place // part.shape[1]).double(), (place % part.shape[1]).double())
                )
                for train_id in np.flatnonzero(pixels):
                    centroid = top + int(y[train_id] / pixels[train_id]), left + int(x[train_id] / pixels[train_id])
                    found[train_id].append((n, *centroid))
    return [np.array(rows, np.int64).reshape(-1, 3) for rows in found]
