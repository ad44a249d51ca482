"""Class-uniform sampling, as in NVIDIA's code for hierarchical multi-scale attention (Tao et al., 2020)."""

import logging

import numpy as np
import torch

from tailcutmix.mixing.sampling._epochs import Epochs, anywhere, wrapped
from tailcutmix.plan.settings.recipe import Training

logger = logging.getLogger(__name__)

CLASS_SHARE = 0.5
"""Share of an epoch that is drawn over classes (the published default)."""


class Sampling:
    """Half of an epoch by images, half spread evenly over the classes.

    A class sample is a crop around the centroid of the class in a square tile of an image; tiles are as wide as the
    shorter side of the images.
    """

    centred = False

    def __init__(self, labels: torch.Tensor, num_classes: int, samples: int, seed: int, training: Training):
        self.images, self.samples = len(labels), samples
        self.centroids = [found for found in _centroids(labels, num_classes) if len(found)]
        self.per_class = int(samples * CLASS_SHARE / max(len(self.centroids), 1))
        if self.per_class == 0:
            logger.warning("class-uniform sampling: an epoch of %d is too short for %d classes: images are drawn "
                           "uniformly; raise expand", samples, len(self.centroids))  # fmt: skip
        self._places = Epochs(seed, samples, self._build_epoch)

    def __call__(self, positions: np.ndarray) -> np.ndarray:
        return self._places(positions)

    def _build_epoch(self, rng: np.random.Generator) -> np.ndarray:
        by_class = [wrapped(found, self.per_class, rng) for found in self.centroids]
        by_image = wrapped(anywhere(np.arange(self.images)), self.samples - sum(map(len, by_class)), rng)
        return rng.permutation(np.concatenate([by_image, *by_class]), axis=0)


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
