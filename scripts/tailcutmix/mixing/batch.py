"""A batch of training, and the count of what was mixed into it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch


@dataclass
class Counts:
    """What was mixed into a batch; ``history.csv`` has a column for each of these.

    Attributes:
        pixels_added: (C,) int64 pixels of each class that came from another image, on the device of the batch.
        images_mixed: samples that were mixed.
        cyc_draws, cyc_fallbacks: draws of CYC, and samples for which it fell back on a window around a pixel.
        patches_cropped, patches_clipped: patches larger than the canvas, and at the border of their own image.
    """

    pixels_added: torch.Tensor
    images_mixed: int = 0
    cyc_draws: int = 0
    cyc_fallbacks: int = 0
    patches_cropped: int = 0
    patches_clipped: int = 0


def count_pixels(labels: torch.Tensor, mask: torch.Tensor, num_classes: int) -> torch.Tensor:
    """(C,) int64 pixels of each class among those of ``labels`` (uint8) that ``mask`` (bool, same shape) holds."""
    counted = torch.zeros(256, dtype=torch.int64, device=labels.device)
    counted.index_add_(0, labels.reshape(-1).int(), mask.reshape(-1).long())
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
        held = (self.images, self.labels, self.labels_b, self.lam, self.pasted, self.counts.pixels_added)
        return [tensor for tensor in held if tensor is not None]

    def at(self, rows: np.ndarray) -> slice | torch.Tensor:
        """Index of the samples ``rows`` (M,) int64, ascending; all of them, the rule, are indexed without a copy."""
        return slice(None) if len(rows) == len(self.labels) else torch.from_numpy(rows).to(self.labels.device)

    def note(self, rows: np.ndarray, image_ids: Sequence[str], pasted: torch.Tensor | None = None) -> None:
        """Note what was mixed, after it was.

        Args:
            rows: (M,) int64, the samples that were mixed, ascending.
            image_ids: M strings, the images mixed in.
            pasted: (M, h, w) bool, the pixels that now are those of these images, image and label.
        """
        self.counts.images_mixed = len(rows)
        for row, image_id in zip(rows, image_ids, strict=True):
            self.image_ids[row] += f" + {image_id}"
        if pasted is not None:
            self.pasted = pasted
            if len(rows) < len(self.labels):
                self.pasted = torch.zeros(self.labels.shape, dtype=torch.bool, device=pasted.device)
                self.pasted[self.at(rows)] = pasted
            self.counts.pixels_added = count_pixels(self.labels, self.pasted, len(self.counts.pixels_added))
