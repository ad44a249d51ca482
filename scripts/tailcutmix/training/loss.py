"""Cross-entropy over the labelled pixels of the whole batch, however it is split over parts and processes."""

from dataclasses import dataclass

import torch
from torch.nn import functional as F

from tailcutmix.labels import IGNORE


@dataclass(frozen=True)
class LossWeights:
    """What the terms of a step's loss weigh.

    Attributes:
        classes: (C,) float32 on the device of the logits, or None for 1 each.
        auxiliary: weight of the cross-entropy of each training scale's own logits; 0 leaves it out.
    """

    classes: torch.Tensor | None = None
    auxiliary: float = 0.0


@dataclass(frozen=True)
class Targets:
    """What a batch's pixels shall become.

    Attributes:
        labels: (b, h, w) int64 train ids; 255 is ignored.
        labels_b: the second labels of MixUp, or None.
        lam: (b,) or scalar share of ``labels`` in MixUp, 0..1; None without it.
    """

    labels: torch.Tensor
    labels_b: torch.Tensor | None = None
    lam: torch.Tensor | float | None = None

    def split(self, parts: int) -> list["Targets"]:
        """``parts`` consecutive pieces along the batch."""
        if self.labels_b is None or self.lam is None:
            return [Targets(labels) for labels in self.labels.chunk(parts)]
        lam = torch.as_tensor(self.lam, device=self.labels.device).expand(len(self.labels))
        pieces = zip(self.labels.chunk(parts), self.labels_b.chunk(parts), lam.chunk(parts), strict=True)
        return [Targets(*piece) for piece in pieces]


def cross_entropy_sum(logits: torch.Tensor, targets: Targets, class_weights: torch.Tensor | None) -> torch.Tensor:
    """Class-weighted cross-entropy summed over all pixels that are not ignored.

    Args:
        logits: (b, C, h, w), any float type; computed in float32.
        targets: of the same b, h, w. With MixUp each image counts lam * CE(labels) + (1 - lam) * CE(labels_b).
        class_weights: (C,) or None for 1 each.
    """
    logits = logits.float()

    def summed(labels: torch.Tensor, reduction: str) -> torch.Tensor:
        return F.cross_entropy(logits, labels, class_weights, ignore_index=IGNORE, reduction=reduction)

    if targets.labels_b is None or targets.lam is None:
        return summed(targets.labels, "sum")
    first, second = (summed(labels, "none").sum((1, 2)) for labels in (targets.labels, targets.labels_b))
    return (targets.lam * first + (1 - targets.lam) * second).sum()


def weight_sum(targets: Targets, class_weights: torch.Tensor | None) -> torch.Tensor:
    """What :func:`cross_entropy_sum` is divided by to be a mean: the (class-weighted) number of labelled pixels."""

    def weights(labels: torch.Tensor) -> torch.Tensor:
        if class_weights is None:
            return (labels != IGNORE).sum((1, 2)).float()
        table = F.pad(class_weights, (0, IGNORE + 1 - len(class_weights)))
        return table[labels].sum((1, 2))

    if targets.labels_b is None or targets.lam is None:
        return weights(targets.labels).sum()
    return (targets.lam * weights(targets.labels) + (1 - targets.lam) * weights(targets.labels_b)).sum()


def inverse_frequency(pixels: torch.Tensor) -> torch.Tensor:
    """(C,) float32 class weights, one over each class's share of pixels, mean 1; a class without pixels has none."""
    shares = pixels.double() / pixels.sum()
    weights = torch.where(pixels > 0, 1 / shares, 0.0)
    return (weights / weights[pixels > 0].mean()).float()
