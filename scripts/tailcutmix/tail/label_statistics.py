"""The label distribution: pixels and images of every class [report, section 3]."""

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

logger = logging.getLogger(__name__)

STATISTICS_COLUMNS = ("split", "class", "pixels", "share", "images")


def count_labels(labels: np.ndarray, num_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Count the labelled pixels of a split, image by image.

    Args:
        labels: (N, H, W) uint8 train ids, 255 where ignored; an array on disk is read one image at a time.
        num_classes: C; ids of C and above are not counted.

    Returns:
        pixels (C,) int64, and images (C,) int64 that hold one pixel of the class or more.
    """
    pixels = np.zeros(num_classes, np.int64)
    images = np.zeros(num_classes, np.int64)
    for label in labels:
        counts = np.bincount(np.asarray(label).ravel(), minlength=256)[:num_classes]
        pixels += counts
        images += counts > 0
    return pixels, images


def label_statistics(labels: Mapping[str, np.ndarray], classes: Sequence[str]) -> pd.DataFrame:
    """The table ``stats/labels.csv``: one row per split and class, in train id order.

    Args:
        labels: split -> (N, H, W) uint8 train ids.
        classes: C class names in train id order.

    Returns:
        Columns split, class, pixels, share (of the labelled pixels of the split, 0..1; 0 in a split without labels)
        and images.
    """
    rows = []
    for split, array in labels.items():
        pixels, images = count_labels(array, len(classes))
        total = int(pixels.sum())
        if total == 0:
            logger.info("%s: no labelled pixel (a split without labels?)", split)
        else:
            absent = [name for name, count in zip(classes, pixels, strict=True) if count == 0]
            if absent:
                logger.info("%s: classes that never occur: %s", split, ", ".join(absent))
        for name, count, holders in zip(classes, pixels, images, strict=True):
            rows.append((split, name, int(count), int(count) / max(total, 1), int(holders)))
    return pd.DataFrame(rows, columns=list(STATISTICS_COLUMNS))
