"""Buckets and regions [report, section 3]."""

from dataclasses import dataclass
from typing import Literal

from tailcutmix.plan.settings.keys import FRACTION, LEVELS, key

EMPTY_TAIL = "no class is in the tail"
"""Why a method of the tail does nothing."""


@dataclass(frozen=True)
class Buckets:
    """Head, middle and tail [report, section 3]."""

    cuts: tuple[int, int] | None = key(None, minimum=0)
    """number of classes in the head and in the middle, by pixel share; the rest is the tail. `null`: tertiles"""

    rebucket: bool = True
    """one pass with M0's IoU on val: poor middle classes into the tail, good tail classes into the middle"""

    model: str = "m0"
    """the model whose IoU on val moves classes"""

    poor: float | None = key(None, **FRACTION)
    """the IoU below which a middle class is poor; `null`: mean IoU over the classes"""

    good: float | None = key(None, **FRACTION)
    """the IoU from which on a tail class is good; `null`: mean IoU over the classes"""

    margin: float = key(0.0, **FRACTION)
    """how far beyond these an IoU must lie"""

    tail: tuple[str, ...] | None = key(None, uniqueItems=True)
    """a fixed list of class names instead; the whole graph is then known before anything runs. `[]`: no tail, no
    experts"""


@dataclass(frozen=True)
class Regions:
    """Regions of a tail class and their boxes at each level [report, section 3]."""

    source: Literal["components", "image", "instances"] = "components"
    """what a region is: `components` (8-connected), `image` (one box per image), `instances` (one box per instance
    id)"""

    min_area: int = key(0, minimum=0)
    """regions below this many pixels are dropped and counted; 0 keeps all"""

    r: float = key(0.5, exclusiveMinimum=0, exclusiveMaximum=1)
    """ratio of the expansion by r + s*t"""

    s: float = key(1.1, exclusiveMinimum=1)
    """step of the expansion by r + s*t"""

    levels: tuple[int, ...] = key((1, 2, 3), **LEVELS)
    """the levels t: 1 is the tight box, higher ones are expanded"""

    max_canvas_share: float | None = key(None, exclusiveMinimum=0, maximum=1)
    """boxes that cover more than this share of the experts' training crop, unscaled, are left out and counted; `null`
    keeps all, though a large object's patch of level 2 or 3 then nearly replaces the image that it is pasted into"""
