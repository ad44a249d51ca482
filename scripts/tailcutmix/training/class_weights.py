"""What the classes weigh in the loss, from how often they occur in the training labels."""

from functools import cached_property

import numpy as np
import torch

from tailcutmix.plan.settings.recipe import Training
from tailcutmix.tail.label_statistics import count_labels


class ClassCounts:
    """Pixels and images of each class, counted in one pass over the labels when they are first asked for.

    Attributes:
        total: N, the images.
    """

    def __init__(self, labels: np.ndarray, num_classes: int):
        """``labels`` (N, H, W) uint8 train ids, 255 ignored; ``num_classes`` is C."""
        self._labels, self._num_classes = labels, num_classes
        self.total = len(labels)

    @property
    def pixels(self) -> torch.Tensor:
        """(C,) int64 labelled pixels of each class."""
        return self._counted[0]

    @property
    def images(self) -> torch.Tensor:
        """(C,) int64 images that hold each class."""
        return self._counted[1]

    @cached_property
    def _counted(self) -> tuple[torch.Tensor, torch.Tensor]:
        pixels, images = count_labels(self._labels, self._num_classes)
        return torch.from_numpy(pixels), torch.from_numpy(images)


def class_weights(training: Training, counts: ClassCounts) -> torch.Tensor | None:
    """(C,) float32 weights that ``training.class_weights`` names; None for 1 each, and nothing is counted."""
    match training.class_weights:
        case "inverse_frequency":
            return inverse_frequency(counts.pixels)
        case "effective_number":
            return effective_number(counts.images, training.effective_number_beta)
        case "bounded":
            return bounded(counts.images, counts.total)
        case "none":
            return None


def inverse_frequency(pixels: torch.Tensor) -> torch.Tensor:
    """(C,) float32 class weights, one over each class's share of pixels, mean 1; a class without pixels has none."""
    return _with_mean_one(1 / (pixels.double() / pixels.sum()))


def effective_number(samples: torch.Tensor, beta: float) -> torch.Tensor:
    """(C,) float32 class weights 1 / E_n, E_n = (1 - beta^n) / (1 - beta), mean 1 (Cui et al., CVPR 2019).

    E_n is the volume that n samples cover, each of which lies within an earlier one with a probability that rises as
    they grow in number. beta = 0 gives 1 for each class, beta towards 1 gives 1 / n.

    Args:
        samples: (C,) int64, n of each class; one without samples weighs nothing.
        beta: 0 or more, below 1.
    """
    return _with_mean_one((1 - beta) / (1 - beta ** samples.double()))


def bounded(images: torch.Tensor, total: int) -> torch.Tensor:
    """(C,) float32 class weights 1 + 2 (1 - n / N): from 1, in every image, to 3, in none.

    Args:
        images: (C,) int64, n, images that hold each class.
        total: N.
    """
    return (3 - 2 * images.double() / total).float()


def _with_mean_one(weights: torch.Tensor) -> torch.Tensor:
    """Weights (C,), infinite for a class that does not occur: it gets 0, the others a mean of 1."""
    occurs = weights.isfinite()
    return (torch.where(occurs, weights, 0.0) / weights[occurs].mean()).float()
