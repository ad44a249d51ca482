"""Which classes an image of ToyCity holds: the long tail of MiniCity, as a function of seed, split and index alone."""

import math
from functools import cache

import numpy as np

SPLIT_CODES = {"train": 0, "val": 1, "test": 2}

IMAGES_OF_CLASS = {
    "train": (6, 6),
    "bus": (8, 7),
    "truck": (33, 13),
    "motorcycle": (41, 18),
    "wall": (68, 38),
    "rider": (73, 36),
    "fence": (86, 45),
    "bicycle": (112, 54),
    "traffic light": (106, 52),
    "terrain": (112, 56),
    "person": (164, 80),
    "traffic sign": (188, 94),
    "car": (192, 96),
    "pole": (198, 99),
}
"""Images that hold a class, of 200 train images and of 100 val or test images (those of MiniCity, where known).
Road, sidewalk, building, vegetation and sky are in (nearly) every image."""

FIRST = 16
"""Among so many first images of a split every class occurs at least MINIMUM times."""
MINIMUM = {"train": 3, "val": 2, "test": 2}


def share(name: str, split: str) -> float:
    """Share of the images of a split that hold a class."""
    train, other = IMAGES_OF_CLASS[name]
    return train / 200 if split == "train" else other / 100


def classes_of(seed: int, split: str, index: int) -> frozenset[str]:
    """The classes of IMAGES_OF_CLASS that image ``index`` holds; nothing depends on how many images there are."""
    found = {name for name in IMAGES_OF_CLASS if name != "rider" and _holds(seed, split, name, index)}
    if {"traffic sign", "traffic light"} & found:
        found.add("pole")  # which carries them
    if {"bicycle", "motorcycle"} & found:
        mounts = sum(_has_mount(seed, split, earlier) for earlier in range(index))
        bicycle, motorcycle = share("bicycle", split), share("motorcycle", split)
        # a rider needs something to ride, so riders are dealt out among the images that hold it
        mounted = share("rider", split) / (bicycle + motorcycle - bicycle * motorcycle)
        if _dealt(seed, split, "rider", mounts, min(mounted, 1.0), 0):
            found.add("rider")
    return frozenset(found)


@cache
def _has_mount(seed: int, split: str, index: int) -> bool:
    return any(_holds(seed, split, name, index) for name in ("bicycle", "motorcycle"))


def _holds(seed: int, split: str, name: str, index: int) -> bool:
    return _dealt(seed, split, name, index, share(name, split), MINIMUM[split])


def _dealt(seed: int, split: str, name: str, index: int, rate: float, minimum: int) -> bool:
    """Whether a class dealt out evenly at ``rate`` falls on ``index``.

    Occurrence k falls at random into the k-th stretch of 1 / rate images; where that leaves fewer than ``minimum``
    occurrences among the first images, the first ``minimum`` ones fall there, and the stretches after go on as before.
    """
    rng = np.random.default_rng([seed, SPLIT_CODES[split], list(IMAGES_OF_CLASS).index(name)])
    early = minimum if minimum > rate * FIRST else 0
    if index in rng.permutation(FIRST)[:early]:
        return True
    places = rng.random(math.floor(index * rate) + 2)
    for k in range(max(early, len(places) - 3), len(places)):
        start, stop = math.floor(k / rate + 1e-9), math.floor((k + 1) / rate + 1e-9)
        if start + int(places[k] * (stop - start)) == index:
            return True
    return False
