"""Repeat-factor sampling (Gupta, Dollár and Girshick, LVIS, CVPR 2019)."""

import numpy as np
import torch

from tailcutmix.mixing.sampling._epochs import Epochs, anywhere
from tailcutmix.plan.settings.recipe import Training


class Sampling:
    """Images that hold a class which few images hold come more often; crops lie anywhere."""

    centred = False

    def __init__(self, labels: torch.Tensor, num_classes: int, samples: int, seed: int, training: Training):
        held = [torch.bincount(label.reshape(-1), minlength=256)[:num_classes].cpu().numpy() > 0 for label in labels]
        self.factors, self.samples = repeat_factors(np.stack(held), training.repeat_threshold), samples
        self._places = Epochs(seed, samples, self._build_epoch)

    def __call__(self, positions: np.ndarray) -> np.ndarray:
        return self._places(positions)

    def _build_epoch(self, rng: np.random.Generator) -> np.ndarray:
        """Passes over the data, in each of which image i comes r_i times on average, to the length of an epoch."""
        passes: list[np.ndarray] = []
        while sum(map(len, passes)) < self.samples:
            times = np.floor(self.factors + rng.random(len(self.factors))).astype(np.int64)
            passes.append(rng.permutation(np.repeat(np.arange(len(times)), times)))
        return anywhere(np.concatenate(passes)[: self.samples])


def repeat_factors(held: np.ndarray, threshold: float) -> np.ndarray:
    """r_i, the largest over the classes of image i of r_c = max(1, sqrt(t / f_c)); f_c: share of images that hold c.

    Args:
        held: (N, C) bool, which image holds which class.
        threshold: t; a class in a larger share of the images repeats nothing.

    Returns:
        (N,) float64, 1 or more.
    """
    share = np.maximum(held.mean(axis=0), 1 / len(held))
    by_class = np.maximum(1, np.sqrt(threshold / share))
    factors: np.ndarray = np.where(held, by_class, 1.0).max(axis=1)
    return factors
