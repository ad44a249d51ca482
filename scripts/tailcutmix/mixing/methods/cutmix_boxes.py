"""CutMix with several boxes, as an entry of the challenge had it (CutMix Sprinkles, VIPriors workshop, ECCV 2020)."""

import numpy as np

from tailcutmix.mixing.augment import AUG
from tailcutmix.mixing.batch import Batch
from tailcutmix.mixing.material import Material
from tailcutmix.mixing.paste import paste_into
from tailcutmix.mixing.source import Source
from tailcutmix.mixing.streams import CONTRAST, Draws, choice, layout
from tailcutmix.mixing.windows import box_mask, centred_boxes
from tailcutmix.plan.settings.recipe import Mixing as MixingSettings

BOXES = 4

LARGEST = 0.5
"""Of a box's sides, as shares of the crop's: four boxes so large cover the crop once."""

NUMBERS = layout(mixed=1, image=1, aug=AUG, boxes=(layout(centre=6, side=6), BOXES))
"""Three numbers for each y and x: their median is distributed as Beta(2, 2)."""


class Mixing:
    """Four boxes of one other image at the same places, image and label; centres and sides are Beta(2, 2)."""

    def __init__(self, source: Source, settings: MixingSettings, material: Material):
        self.source, self.probability = source, settings.probability

    def __call__(self, draws: Draws, batch: Batch) -> None:
        rows, u = draws.mixed(CONTRAST, NUMBERS, self.probability)
        if len(rows) == 0:
            return
        windows = self.source.draw(u["aug"], choice(u["image"], len(self.source.image_ids)))
        centres, sides = (beta22(u["boxes"][name]) for name in ("centre", "side"))
        boxes = beta_boxes(centres.reshape(-1, 2), sides.reshape(-1, 2), self.source.crop)
        single = box_mask(boxes, self.source.crop, self.source.device)
        mask = single.view(len(rows), BOXES, *self.source.crop).any(1)
        paste_into(batch, rows, self.source.cut_images(windows), self.source.cut_labels(windows), mask)
        batch.note(rows, [self.source.image_ids[n] for n in windows.index], mask)


def beta22(u: np.ndarray) -> np.ndarray:
    """(..., 2) from Beta(2, 2), of (..., 6) uniform numbers: the second smallest of three."""
    middle: np.ndarray = np.median(u.reshape(*u.shape[:-1], 2, 3), axis=-1)
    return middle


def beta_boxes(centre: np.ndarray, side: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Boxes around ``centre``, ``side`` times the largest side long, clipped.

    Args:
        centre, side: (B, 2) in [0, 1), y and x.
        size: (h, w) of the images.

    Returns:
        (B, 4) int64: top, left, bottom, right, half-open.
    """
    length = np.maximum(np.rint(LARGEST * side * np.asarray(size)).astype(np.int64), 1)
    return centred_boxes(choice(centre, np.asarray(size)), length, size)
