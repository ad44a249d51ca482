"""The second image of each sample, for mixings of two whole images."""

import numpy as np

from tailcutmix.mixing.augment import AUG
from tailcutmix.mixing.source import Source
from tailcutmix.mixing.streams import CONTRAST, Draws, choice, layout
from tailcutmix.mixing.windows import Windows

NUMBERS = layout(mixed=1, image=1, box_lambda=1, box_centre=2, aug=AUG)
"""The box is CutMix's alone."""


def draw_partners(draws: Draws, source: Source, probability: float) -> tuple[np.ndarray, np.ndarray, Windows]:
    """The samples that are mixed, their numbers, and what AUG cuts out of other, uniformly drawn images.

    Returns:
        (M,) int64 rows, (M,) of NUMBERS, and M windows.
    """
    rows, u = draws.mixed(CONTRAST, NUMBERS, probability)
    return rows, u, source.draw(u["aug"], choice(u["image"], len(source.image_ids)))
