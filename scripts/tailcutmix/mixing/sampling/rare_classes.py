"""Rare class sampling (Hoyer, Dai and Van Gool, DAFormer, CVPR 2022, section 3.3)."""

import numpy as np
import torch

from tailcutmix.errors import UserError
from tailcutmix.mixing.sampling._epochs import Epochs, class_pixels, places_of
from tailcutmix.plan.settings.recipe import Training


class Sampling:
    """A class by P(c), then any image that holds it, then a crop that holds one of its pixels."""

    centred = False

    def __init__(self, labels: torch.Tensor, num_classes: int, samples: int, seed: int, training: Training):
        pixels = class_pixels(labels, num_classes)
        counts = sum(torch.bincount(label.reshape(-1), minlength=256)[:num_classes].cpu() for label in labels)
        self.probability = class_probability(np.asarray(counts), training.rare_class_temperature)
        self._places = Epochs(
            seed, samples, lambda rng: places_of(rng.choice(num_classes, samples, p=self.probability), pixels, rng)
        )

    def __call__(self, positions: np.ndarray) -> np.ndarray:
        return self._places(positions)


def class_probability(pixels: np.ndarray, temperature: float) -> np.ndarray:
    """P(c) = exp((1 - f_c) / T) over its sum, f_c being the class's share of pixels.

    Args:
        pixels: (C,) labelled pixels of each class; one without pixels is never drawn.
        temperature: T, above 0; as it falls, the rarest classes are drawn alone.

    Returns:
        (C,) float64.
    """
    if not pixels.any():
        raise UserError("training.sampling is rare_classes, but no train image has a labelled pixel")
    share = pixels / pixels.sum()
    lowest = share[pixels > 0].min()
    weight = np.where(pixels > 0, np.exp((lowest - share) / temperature), 0.0)
    probability: np.ndarray = weight / weight.sum()
    return probability
