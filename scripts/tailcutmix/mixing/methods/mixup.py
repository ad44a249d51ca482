"""MixUp (Zhang et al., ICLR 2018) for dense labels, a contrast to the report's."""

import torch

from tailcutmix.mixing.batch import Batch
from tailcutmix.mixing.material import Material
from tailcutmix.mixing.methods._partners import draw_partners
from tailcutmix.mixing.source import Source
from tailcutmix.mixing.streams import BETA, Draws
from tailcutmix.plan.settings.recipe import Mixing as MixingSettings

ALPHA = 0.2
"""Of the Beta distribution that lambda is drawn from, as the paper does for ImageNet."""


class Mixing:
    """A convex combination of two images; the loss takes both labels with the same weights."""

    def __init__(self, source: Source, settings: MixingSettings, material: Material):
        self.source, self.probability = source, settings.probability

    def __call__(self, draws: Draws, batch: Batch) -> None:
        rows, _, windows = draw_partners(draws, self.source, self.probability)
        batch.labels_b = batch.labels.long()
        batch.lam = torch.ones(len(batch.labels), device=self.source.device)
        if len(rows) == 0:
            return
        here, lam = batch.at(rows), draws.beta(BETA, ALPHA)[rows]
        batch.lam[here] = torch.from_numpy(lam).float().to(self.source.device)
        weight = batch.lam[here, None, None, None]
        batch.images[here] = torch.lerp(self.source.cut_images(windows), batch.images[here], weight)
        batch.labels_b[here] = self.source.cut_labels(windows).long()
        batch.note(rows, [self.source.image_ids[n] for n in windows.index])
