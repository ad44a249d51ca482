"""Regions of a class in a label image: their minimum area rectangles R [report, section 3]."""

from typing import NamedTuple

import cv2
import numpy as np

from tailcutmix.errors import UserError

SOURCES = ("components", "image", "instances")


class Region(NamedTuple):
    """An axis-aligned, half-open box of one region: columns x..x+w, rows y..y+h, and its pixels of the class."""

    x: int
    y: int
    w: int
    h: int
    area: int


def find_regions(
    label: np.ndarray,
    b: int,
    source: str = "components",
    min_area: float = 0,
    instances: np.ndarray | None = None,
) -> tuple[list[Region], int]:
    """Find the regions of class ``b``: MB = (YB == b) and the boxes R of its parts.

    Args:
        label: (H, W) integer label image.
        b: the value of the class in ``label``.
        source: ``components``: the 8-connected components of MB; ``image``: all of MB as one region;
            ``instances``: one region for each value of ``instances`` under MB.
        min_area: regions of fewer pixels are dropped; 0 keeps every one.
        instances: (H, W) integer instance ids, for ``instances`` only.

    Returns:
        The regions, from top to bottom and left to right as their boxes begin, and the number dropped.
    """
    mask = label == b
    if not mask.any():
        return [], 0
    if source == "components":
        _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
        found = [Region(*map(int, row)) for row in stats[1:]]
    elif source == "image":
        found = [_box(*np.nonzero(mask))]
    elif source == "instances":
        if instances is None:
            raise UserError("regions.source is instances, but an image of the data set has no instance ids")
        rows, columns = np.nonzero(mask)
        values = instances[rows, columns]
        found = [_box(rows[values == value], columns[values == value]) for value in np.unique(values)]
    else:
        raise UserError(f"regions.source is {source!r}; it must be one of: {', '.join(SOURCES)}")
    kept = sorted((region for region in found if region.area >= min_area), key=lambda region: (region.y, region.x))
    return kept, len(found) - len(kept)


def _box(rows: np.ndarray, columns: np.ndarray) -> Region:
    x, y = int(columns.min()), int(rows.min())
    return Region(x, y, int(columns.max()) + 1 - x, int(rows.max()) + 1 - y, len(rows))
