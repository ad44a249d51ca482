"""Cross-entropy and weights of single pixels, as several losses sum them."""

import torch
from torch.nn import functional as F

from tailcutmix.labels import IGNORE
from tailcutmix.plan.settings.recipe import Training
from tailcutmix.training.class_weights import ClassCounts, class_weights
from tailcutmix.training.targets import Targets


def weights_on(device: torch.device, training: Training, counts: ClassCounts) -> torch.Tensor | None:
    """(C,) float32 class weights of the configuration on a device, or None for 1 each."""
    weights = class_weights(training, counts)
    return None if weights is None else weights.to(device)


def cross_entropy_sum(logits: torch.Tensor, targets: Targets, weights: torch.Tensor | None = None) -> torch.Tensor:
    """Class-weighted cross-entropy summed over all pixels that are not ignored.

    Args:
        logits: (b, C, h, w), any float type; computed in float32.
        targets: of the same b, h, w.
        weights: (C,) or None for 1 each.
    """
    logits = logits.float()
    if targets.labels_b is None or targets.lam is None:
        return F.cross_entropy(logits, targets.labels, weights, ignore_index=IGNORE, reduction="sum")
    return targets.summed(lambda labels: pixel_cross_entropy(logits, labels, weights).sum((1, 2)))


def pixel_cross_entropy(
    logits: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor | None = None
) -> torch.Tensor:
    """(b, h, w) float32: class-weighted cross-entropy of each pixel, 0 where it is ignored."""
    return F.cross_entropy(logits.float(), labels, weights, ignore_index=IGNORE, reduction="none")


def pixel_weights(labels: torch.Tensor, weights: torch.Tensor | None = None) -> torch.Tensor:
    """(b, h, w) float32: the class's weight of each pixel, 0 where it is ignored."""
    if weights is None:
        return (labels != IGNORE).float()
    return F.pad(weights, (0, IGNORE + 1 - len(weights)))[labels]


def weight_sum(targets: Targets, weights: torch.Tensor | None = None) -> torch.Tensor:
    """What :func:`cross_entropy_sum` is divided by to be a mean: the (class-weighted) number of labelled pixels."""
    if weights is None:
        return targets.summed(labelled_pixels)
    return targets.summed(lambda labels: pixel_weights(labels, weights).sum((1, 2)))


def labelled_pixels(labels: torch.Tensor) -> torch.Tensor:
    """(b,) float32, how many pixels of each image are not ignored."""
    return (labels != IGNORE).sum((1, 2)).float()
