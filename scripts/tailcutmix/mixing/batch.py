"""A batch of training, and the count of what was mixed into it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch


@dataclass
class Counts:
    """What was mixed into a batch; ``history.csv`` has a column for each of these.

    Attributes:
        pixels_pasted: (C,) int64 pixels of each class that came from another image, on the device of the batch.
        pixels_seen: (C,) int64 pixels of each class in the mixed labels, on the device of the batch.
        images_mixed: samples that were mixed.
        cyc_draws, cyc_fallbacks: draws of CYC, and samples for which it fell back on a window around a pixel.
        patches_cropped, patches_clipped: patches larger than the canvas, and at the border of their own image.
        patches_without_class: patches that hold no pixel of their class, for they were cropped or made smaller; a
            scalar int64 on the device of the batch.
    """

    pixels_pasted: torch.Tensor
    pixels_seen: torch.Tensor
    images_mixed: int = 0
    cyc_draws: int = 0
    cyc_fallbacks: int = 0
    patches_cropped: int = 0
    patches_clipped: int = 0
    patches_without_class: torch.Tensor | int = 0

    @classmethod
    def none(cls, classes: int, device: torch.device | str = "cpu") -> "Counts":
        """Of a batch in which nothing is counted yet."""
        pasted, seen = (torch.zeros(classes, dtype=torch.int64, device=device) for _ in range(2))
        return cls(pasted, seen)

    def tensors(self) -> list[torch.Tensor]:
        """What is counted on the device."""
        return [value for value in vars(self).values() if isinstance(value, torch.Tensor)]


def count_pixels(labels: torch.Tensor, num_classes: int, mask: torch.Tensor | None = None) -> torch.Tensor:
    """(C,) int64 pixels of each class in ``labels`` (uint8), or in those that ``mask`` (bool, same shape) holds."""
    counted = torch.zeros(256, dtype=torch.int64, device=labels.device)
    held = torch.ones_like(labels, dtype=torch.bool) if mask is None else mask
    counted.index_add_(0, labels.reshape(-1).int(), held.reshape(-1).long())
    return counted[:num_classes]


@dataclass
class Batch:
    """The part of a global batch that one rank trains on.

    A mixing changes it in place, while its images are not yet normalised and its labels are uint8.

    Attributes:
        images: (b, 3, h, w) float32: in 0..1 while the batch is mixed, then normalised.
        labels: (b, h, w) train ids, 255 ignored: uint8 while the batch is mixed, then int64.
        counts: what was mixed.
        image_ids: b strings, ``base`` or ``base + mixed-in``, for messages.
        labels_b: (b, h, w) int64, labels of the second image under MixUp, else None.
        lam: (b,) float32, weight of ``labels`` under MixUp (``labels_b`` has 1 - lam), else None.
        pasted: (b, h, w) bool, the pixels that came from another image; None where none did.
    """

    images: torch.Tensor
    labels: torch.Tensor
    counts: Counts
    image_ids: list[str]
    labels_b: torch.Tensor | None = None
    lam: torch.Tensor | None = None
    pasted: torch.Tensor | None = None

    def tensors(self) -> list[torch.Tensor]:
        """All tensors of the batch."""
        held = (self.images, self.labels, self.labels_b, self.lam, self.pasted)
        return [tensor for tensor in held if tensor is not None] + self.counts.tensors()

    def at(self, rows: np.ndarray) -> slice | torch.Tensor:
        """Index of the samples ``rows`` (M,) int64, ascending; all of them, the rule, are indexed without a copy."""
        return slice(None) if len(rows) == len(self.labels) else torch.from_numpy(rows).to(self.labels.device)

    def note(self, rows: np.ndarray, image_ids: Sequence[str], pasted: torch.Tensor | None = None) -> None:
        """Note what was mixed, after it was; a batch may be mixed more than once.

        Args:
            rows: (M,) int64, the samples that were mixed, ascending.
            image_ids: M strings, the images mixed in.
            pasted: (M, h, w) bool, the pixels that now are those of these images, image and label.
        """
        self.counts.images_mixed += len(rows)
        for row, image_id in zip(rows, image_ids, strict=True):
            self.image_ids[row] += f" + {image_id}"
        if pasted is not None:
            if self.pasted is None:
                self.pasted = torch.zeros(self.labels.shape, dtype=torch.bool, device=pasted.device)
            self.pasted[self.at(rows)] |= pasted
            self.counts.pixels_pasted = count_pixels(self.labels, len(self.counts.pixels_pasted), self.pasted)
