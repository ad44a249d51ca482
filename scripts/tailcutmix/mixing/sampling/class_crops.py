"""Crops centred on each class, beside crops of all images (EfficientSeg, an entry of the challenge, 2020)."""

import logging

import numpy as np
import torch

from tailcutmix.mixing.sampling._epochs import Epochs, anywhere, class_pixels, places_of, wrapped
from tailcutmix.plan.settings.recipe import Training

logger = logging.getLogger(__name__)

CLASS_SHARE = 0.8
"""Share of an epoch that is centred on classes: theirs has 40 crops for each of up to 19 classes, and 200 images."""


class Sampling:
    """As many crops centred on a pixel of each class as on one of any other; the rest of the epoch by images."""

    centred = True

    def __init__(self, labels: torch.Tensor, num_classes: int, samples: int, seed: int, training: Training):
        self.images, self.samples = len(labels), samples
        self.pixels = class_pixels(labels, num_classes)
        self.classes = np.flatnonzero([len(held) for held in self.pixels])
        self.per_class = int(samples * CLASS_SHARE / max(len(self.classes), 1))
        if self.per_class == 0:
            logger.warning("crops centred on classes: an epoch of %d is too short for %d classes: images are drawn "
                           "uniformly; raise expand", samples, len(self.classes))  # fmt: skip
        self._places = Epochs(seed, samples, self._build_epoch)

    def __call__(self, positions: np.ndarray) -> np.ndarray:
        return self._places(positions)

    def _build_epoch(self, rng: np.random.Generator) -> np.ndarray:
        by_class = places_of(np.repeat(self.classes, self.per_class), self.pixels, rng)
        by_image = wrapped(anywhere(np.arange(self.images)), self.samples - len(by_class), rng)
        return rng.permutation(np.concatenate([by_image, by_class]), axis=0)
