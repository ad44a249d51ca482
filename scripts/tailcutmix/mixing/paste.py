"""Pixels under a mask taken from other images, label and image alike."""

import numpy as np
import torch

from tailcutmix.mixing.batch import Batch


def paste(
    images: torch.Tensor, labels: torch.Tensor, others: torch.Tensor, other_labels: torch.Tensor, mask: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """X~ = (1 - M) * X_a + M * XB_a, and the same for Y [report, section 3].

    Args:
        images, others: (B, 3, h, w), X_a and XB_a; the result takes the place of ``others``.
        labels, other_labels: (B, h, w) of one dtype, Y_a and YB_a.
        mask: (B, h, w) bool, M.
    """
    mixed = torch.where(mask[:, None], others, images, out=others)
    return mixed, torch.where(mask, other_labels, labels)


def paste_into(
    batch: Batch, rows: np.ndarray, others: torch.Tensor, other_labels: torch.Tensor, mask: torch.Tensor
) -> None:
    """:func:`paste` into the samples ``rows`` (M,) of a batch, in place."""
    here = batch.at(rows)
    batch.images[here], batch.labels[here] = paste(batch.images[here], batch.labels[here], others, other_labels, mask)
