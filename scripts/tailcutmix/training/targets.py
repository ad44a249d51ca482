"""What the pixels of a batch shall become."""

from collections.abc import Callable
from dataclasses import dataclass

import torch


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

    def summed(self, by_image: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        """The sum over the images of what ``by_image`` makes of labels (b, h, w): (b,).

        With MixUp an image counts lam * by_image(labels) + (1 - lam) * by_image(labels_b).
        """
        if self.labels_b is None or self.lam is None:
            return by_image(self.labels).sum()
        return (self.lam * by_image(self.labels) + (1 - self.lam) * by_image(self.labels_b)).sum()
