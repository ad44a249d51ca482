"""CutMix (Yun et al., ICCV 2019) for dense labels, a contrast to the report's."""

import numpy as np

from tailcutmix.mixing.batch import Batch
from tailcutmix.mixing.material import Material
from tailcutmix.mixing.methods._partners import draw_partners
from tailcutmix.mixing.paste import paste_into
from tailcutmix.mixing.source import Source
from tailcutmix.mixing.streams import Draws, choice
from tailcutmix.mixing.windows import box_mask, centred_boxes
from tailcutmix.plan.settings.recipe import Mixing as MixingSettings


class Mixing:
    """A rectangle of another image at the same place, image and label."""

    def __init__(self, source: Source, settings: MixingSettings, material: Material):
        self.source, self.probability = source, settings.probability

    def __call__(self, draws: Draws, batch: Batch) -> None:
        rows, u, windows = draw_partners(draws, self.source, self.probability)
        if len(rows) == 0:
            return
        boxes = cutmix_boxes(u["box_lambda"], u["box_centre"], self.source.crop)
        mask = box_mask(boxes, self.source.crop, self.source.device)
        others, other_labels = self.source.cut_images(windows), self.source.cut_labels(windows)
        paste_into(batch, rows, others, other_labels, mask)
        batch.note(rows, [self.source.image_ids[n] for n in windows.index], mask)


def cutmix_boxes(lam: np.ndarray, centre: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Rectangles of area 1 - lambda around a uniform centre, clipped.

    Args:
        lam: (B,) in [0, 1), lambda: uniform, which is Beta(1, 1).
        centre: (B, 2) in [0, 1), y and x.
        size: (h, w) of the images.

    Returns:
        (B, 4) int64: top, left, bottom, right, half-open.
    """
    length = (np.asarray(size) * np.sqrt(1 - lam[:, None])).astype(np.int64)
    return centred_boxes(choice(centre, np.asarray(size)), length, size)
