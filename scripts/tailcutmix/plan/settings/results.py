"""What is scored, and which tables are written."""

from dataclasses import dataclass
from typing import Literal

from tailcutmix.plan.settings.keys import FRACTION, key


@dataclass(frozen=True)
class Selection:
    """On which images settings are chosen, and how far that is trusted; without enough evidence the default stays."""

    folds: int = key(0, minimum=0, maximum=100)
    """0: val decides which classes move between buckets, the scales of each class and the experts in use. 2 or more: so
    many blocks of train decide, each judged by networks that are trained once more without it; val stays clean"""

    min_images: int = key(1, minimum=1)
    """images of val, or of train with `folds`, that must hold a class before its scales, or its expert, are chosen by
    them"""

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
