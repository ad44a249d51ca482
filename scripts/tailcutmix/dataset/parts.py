"""Packed images cut into folds: each by itself, and all but one."""

import numpy as np

from tailcutmix.dataset.packing import Packed
from tailcutmix.plan.folds import Fold, check_folds, folds_of


def parts_of(packed: Packed, count: int) -> list[Packed]:
    """The images of each of ``count`` folds, still mapped from their files; one fold is the whole split."""
    blocks = (fold.block(len(packed)) for fold in folds_of(count))
    return [_between(packed, block.start, block.stop) for block in blocks]


def without(packed: Packed, fold: Fold) -> Packed:
    """The images that are not in a fold. They stay mapped where they follow one another, else they are copied.

    Raises:
        UserError: there are fewer images than folds.
    """
    check_folds(fold.of, len(packed))
    block = fold.block(len(packed))
    before, after = _between(packed, 0, block.start), _between(packed, block.stop, len(packed))
    if not len(before) or not len(after):
        return after if len(after) else before
    return Packed(
        np.concatenate([before.images, after.images]),
        np.concatenate([before.labels, after.labels]),
        before.image_ids + after.image_ids,
        np.concatenate([before.has_label, after.has_label]),
    )


def _between(packed: Packed, start: int, stop: int) -> Packed:
    here = slice(start, stop)
    return Packed(packed.images[here], packed.labels[here], packed.image_ids[here], packed.has_label[here])
