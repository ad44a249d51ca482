"""Choices made on val: when the evidence is enough to leave the default."""

import numpy as np

from tailcutmix.plan.settings.results import Selection


def better(first: np.ndarray, default: np.ndarray, images: np.ndarray, selection: Selection) -> np.ndarray:
    """(C,) bool: whether the first of two settings is to be taken instead of the default.

    Args:
        first, default: (C,) IoU on val, NaN where undefined.
        images: (C,) val images that hold the class.
        selection: how much evidence is asked for.
    """
    taken: np.ndarray = (first > default + selection.margin) & (images >= selection.min_images)
    return taken
