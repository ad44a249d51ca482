"""What is scored, and which tables are written."""

from dataclasses import dataclass
from typing import Literal

from tailcutmix.plan.settings.keys import key


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

    differences: tuple[tuple[str, str], ...] = ()
    """pairs of rows, `[first, second]`, for the table of differences; pairs that Table 1 lacks are left out"""
