"""ClassMix (Olsson et al., WACV 2021) on labelled pairs: the pixels of half of another image's classes."""

import numpy as np
import torch

from tailcutmix.mixing.augment import AUG
from tailcutmix.mixing.batch import Batch
from tailcutmix.mixing.material import Material
from tailcutmix.mixing.paste import paste_into
from tailcutmix.mixing.source import Source
from tailcutmix.mixing.streams import CONTRAST, Draws, choice, layout
from tailcutmix.plan.settings.recipe import Mixing as MixingSettings


class Mixing:
    """Half of the classes in the other crop, rounded up, are pasted at the same place; ignored pixels never are."""

    def __init__(self, source: Source, settings: MixingSettings, material: Material):
        self.source, self.probability = source, settings.probability
        self.numbers = layout(mixed=1, image=1, aug=AUG, classes=(layout(rank=1), len(material.classes)))

    def __call__(self, draws: Draws, batch: Batch) -> None:
        rows, u = draws.mixed(CONTRAST, self.numbers, self.probability)
        if len(rows) == 0:
            return
        windows = self.source.draw(u["aug"], choice(u["image"], len(self.source.image_ids)))
        images, labels = self.source.cut_images(windows), self.source.cut_labels(windows)
        mask = classmix_mask(labels, u["classes"]["rank"])
        paste_into(batch, rows, images, labels, mask)
        batch.note(rows, [self.source.image_ids[n] for n in windows.index], mask)


def classmix_mask(labels: torch.Tensor, u: np.ndarray) -> torch.Tensor:
    """(B, h, w) bool, M: the pixels of those ceil(n / 2) of the n classes in a label whose numbers are smallest.

    Args:
        labels: (B, h, w) uint8 train ids; 255 counts as no class.
        u: (B, C) in [0, 1), a number for each class.
    """
    flat = labels.flatten(1).long()
    present = torch.zeros(len(labels), 256, dtype=torch.bool, device=labels.device).scatter_(1, flat, True)
    rank = torch.from_numpy(u).to(labels.device).where(present[:, : u.shape[1]], 1.0).argsort(1).argsort(1)
    chosen = torch.zeros_like(present)
    chosen[:, : u.shape[1]] = 2 * rank < present[:, : u.shape[1]].sum(1, keepdim=True)
    return chosen.gather(1, flat).view_as(labels)
