"""Pixel counts of one image: the confusion of label ids, and what was predicted on each instance."""

from dataclasses import dataclass

import numpy as np

from tailcutmix.confusion import confusion_matrix

FIRST_INSTANCE = 1000
"""Instance images hold label id * 1000 + number for an instance, and the label id alone for groups and stuff."""

LABEL_VALUES = 256
"""Values that a label image may hold."""


@dataclass(frozen=True)
class Counts:
    """Pixel counts of one image; R is one more than the highest id that may be predicted.

    Attributes:
        confusion: (256, R) int64, pixels by (ground truth value, predicted id).
        values: (n,) int, the instance values above 1000, ascending.
        hits: (n, R) int64, pixels of each instance by predicted id.
    """

    confusion: np.ndarray
    values: np.ndarray
    hits: np.ndarray


def count_pixels(label: np.ndarray, prediction: np.ndarray, instance: np.ndarray | None, size: int) -> Counts:
    """Count one image.

    Label images are piecewise constant: in a street scene of 2 million pixels, ground truth, instance or prediction
    change some 50 thousand times along the rows. So runs are counted with their lengths, which is faster than any
    histogram over pixels, and one division into runs serves the confusion and the instances.

    Args:
        label: (H, W) unsigned integer, ground truth values below 256.
        prediction: (H, W) unsigned integer, predicted ids below `size`.
        instance: (H, W) unsigned integer, instance values, or None.
        size: R.
    """
    images = [image.reshape(-1) for image in (label, prediction, instance) if image is not None]
    changes = images[0][1:] != images[0][:-1]
    for image in images[1:]:
        changes |= image[1:] != image[:-1]
    starts = np.concatenate(([0], np.flatnonzero(changes) + 1))
    lengths = np.diff(starts, append=images[0].size)
    predicted = images[1][starts]
    confusion = confusion_matrix(images[0][starts], predicted, (LABEL_VALUES, size), lengths)
    if instance is None:
        return Counts(confusion, np.zeros(0, int), np.zeros((0, size), np.int64))
    value = images[2][starts]
    chosen = np.flatnonzero(value > FIRST_INSTANCE)
    value = value[chosen]
    values = np.flatnonzero(np.bincount(value))
    index = np.zeros(values[-1] + 1 if len(values) else 1, np.intp)
    index[values] = np.arange(len(values))
    hits = confusion_matrix(index[value], predicted[chosen], (len(values), size), lengths[chosen])
    return Counts(confusion, values, hits)
