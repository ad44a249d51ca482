"""Level 0 and the levels from 1 on together, in place of the report's one or the other: a sample gets one of them."""

from dataclasses import replace

from tailcutmix.mixing.batch import Batch
from tailcutmix.mixing.material import Material
from tailcutmix.mixing.methods import level0, levels
from tailcutmix.mixing.source import Source
from tailcutmix.mixing.streams import CONTRAST, Draws, layout
from tailcutmix.plan.settings.recipe import Mixing as MixingSettings


class Mixing:
    """Level 0 for one sample in 1 + the number of levels, as often as each of these; a patch out of B1 for the rest."""

    def __init__(self, source: Source, settings: MixingSettings, material: Material):
        self.level0, self.levels = (method.Mixing(source, settings, material) for method in (level0, levels))
        known = 0 if material.boxes is None else material.boxes["level"].nunique()
        self.share = 1 / (1 + (len(settings.levels) or known))

    def __call__(self, draws: Draws, batch: Batch) -> None:
        of_level0 = draws.uniforms(CONTRAST, layout(level0=1))["level0"] < self.share
        self.level0(replace(draws, among=of_level0), batch)
        self.levels(replace(draws, among=~of_level0), batch)
