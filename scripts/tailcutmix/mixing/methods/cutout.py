"""CutOut (DeVries and Taylor, 2017) for dense labels, a contrast to the report's."""

import numpy as np
import torch

from tailcutmix.dataset.normalisation import MEAN
from tailcutmix.labels import IGNORE
from tailcutmix.mixing.batch import Batch
from tailcutmix.mixing.material import Material
from tailcutmix.mixing.source import Source
from tailcutmix.mixing.streams import CONTRAST, Draws, choice, layout
from tailcutmix.mixing.windows import box_mask, centred_boxes
from tailcutmix.plan.settings.recipe import Mixing as MixingSettings

NUMBERS = layout(mixed=1, centre=2)


class Mixing:
    """A square without image (mean colour) and without label (255)."""

    def __init__(self, source: Source, settings: MixingSettings, material: Material):
        self.source, self.probability = source, settings.probability

    def __call__(self, draws: Draws, batch: Batch) -> None:
        rows, u = draws.mixed(CONTRAST, NUMBERS, self.probability)
        if len(rows) == 0:
            return
        boxes = np.zeros((len(batch.labels), 4), np.int64)
        boxes[rows] = cutout_boxes(u["centre"], self.source.crop)
        mask = box_mask(boxes, self.source.crop, self.source.device)
        mean = batch.images.new_tensor(MEAN)[:, None, None]
        torch.where(mask[:, None], mean, batch.images, out=batch.images)
        batch.labels.masked_fill_(mask, IGNORE)
        batch.counts.images_mixed = len(rows)


def cutout_boxes(centre: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Squares half the shorter side wide, around a uniform centre, clipped.

    Args:
        centre: (B, 2) in [0, 1), y and x.
        size: (h, w) of the images.

    Returns:
        (B, 4) int64: top, left, bottom, right, half-open.
    """
    length = np.full((len(centre), 2), max(min(size) // 2, 1), np.int64)
    return centred_boxes(choice(centre, np.asarray(size)), length, size)
