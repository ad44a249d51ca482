"""What is scored, and which tables are written."""

from dataclasses import dataclass
from typing import Literal

from tailcutmix.plan.settings.keys import FRACTION, key


@dataclass(frozen=True)
class Selection:
    """How far a choice between two settings on val is trusted; without enough evidence the default stays."""

    min_images: int = key(1, minimum=1)
    """val images that must hold a class before its scales, or its expert, are chosen by them"""

    margin: float = key(0.0, **FRACTION)
    """by how much of IoU the choice must be better than the default"""


@dataclass(frozen=True)
class Evaluation:
    """What the tables score."""

    split: Literal["val", "test"] = "val"
    """the split that the tables score; its labels must be there"""

    bootstrap: int = key(1000, minimum=100, maximum=100000)
    """replicates behind each interval"""

    threads: int = key(4, minimum=1)
    """images that are scored, or laid over by the ensemble, at the same time"""


@dataclass(frozen=True)
class Tables:
    """Rows of the tables."""

    table1: tuple[str, ...] = key((), minItems=1, uniqueItems=True)
    """models and ensembles in the order of their rows"""

    ablation: tuple[str, ...] = key((), minItems=1, uniqueItems=True)
    """the same for the ablation, which `snakemake ablation` makes"""

    allow_idle: bool = False
    """go on where the method of a row of Table 1 does nothing (no class in the tail, probability 0, all level weights
    0); the table then says so. Otherwise the run stops as soon as it is known"""

    differences: tuple[tuple[str, str], ...] = ()
    """pairs of rows, `[first, second]`, for the table of differences; pairs that Table 1 lacks are left out"""
