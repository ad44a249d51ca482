"""Boxes of level t around the regions of a tail class, and the subset of crops that they cut [report, section 3]."""

import logging
import math
import os
import shutil
from collections.abc import Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tailcutmix.dataset.images import decode_image, decode_instances, decode_label, write_png
from tailcutmix.dataset.manifest import check_ids, read_verified
from tailcutmix.errors import UserError
from tailcutmix.files import read_table, write_csv
from tailcutmix.labels import Label
from tailcutmix.plan.settings.tail import Regions
from tailcutmix.tail.regions import Region, find_regions

logger = logging.getLogger(__name__)

REGION_COLUMNS = ("image_id", "region", "x", "y", "w", "h", "area")
COUNT_COLUMNS = ("level", "kept", "clipped", "dropped", "covering", "too_large")

COVERING = 0.9
"""A box that covers more of the canvas than this nearly replaces the image that it is pasted into."""


class Box(NamedTuple):
    """A row of ``boxes.csv``: the box of one region and level, in pixels of the original image.

    Attributes:
        region: its number in the image.
        x, y, w, h: the part that lies in the image.
        clipped: 1 where the box reached beyond the image, else 0.
    """

    image_id: str
    region: int
    level: int
    x: int
    y: int
    w: int
    h: int
    clipped: int
    image_width: int
    image_height: int


BOX_COLUMNS = Box._fields


def level_box(
    x: int, y: int, w: int, h: int, level: int, r: float, s: float
) -> tuple[Fraction, Fraction, Fraction, Fraction]:
    """Expand a box to level t: by (r + s*t) of the original width and height on each side; level 1 stays tight.

    x1 = x1 - (r + s*t)*w, y1 = y1 - (r + s*t)*h, w = w + 2*(r + s*t)*w, h = h + 2*(r + s*t)*h, for t > 1.

    Computed exactly, r and s being the decimal fractions that are written in the configuration: in floating point, an
    edge on the border between two pixels can come to lie beside it.

    Returns:
        (x1, y1, w, h) in pixels; it may reach beyond the image, see :func:`clip_box`.
    """
    if level < 1 or not 0 < r < 1 or not s > 1:
        raise UserError(f"regions: level {level}, r {r}, s {s}: the report asks for t >= 1, 0 < r < 1 and s > 1")
    ratio = Fraction(0) if level == 1 else Fraction(str(r)) + Fraction(str(s)) * level
    return x - ratio * w, y - ratio * h, w + 2 * ratio * w, h + 2 * ratio * h


def clip_box(box: tuple[Fraction, Fraction, Fraction, Fraction], width: int, height: int) -> tuple[int, int, int, int]:
    """Clip a box to the image, without moving its centre, and take in every pixel that it touches.

    Returns:
        (x, y, w, h) with 0 <= x, x + w <= width, and the same for y and h.
    """
    x, y, w, h = box
    left, top = max(0, math.floor(x)), max(0, math.floor(y))
    right, bottom = min(width, math.ceil(x + w)), min(height, math.ceil(y + h))
    return left, top, right - left, bottom - top


def image_boxes(
    image_id: str, regions: Sequence[Region], levels: Sequence[int], r: float, s: float, width: int, height: int
) -> list[Box]:
    """Rows of ``boxes.csv`` for one image: the clipped box of every region and level."""
    rows = []
    for number, (x, y, w, h, _) in enumerate(regions):
        for level in levels:
            wanted = level_box(x, y, w, h, level, r, s)
            clipped = wanted[0] < 0 or wanted[1] < 0 or wanted[0] + wanted[2] > width or wanted[1] + wanted[3] > height
            box = clip_box(wanted, width, height)
            rows.append(Box(image_id, number, level, *box, int(clipped), width, height))
    return rows


@dataclass(frozen=True)
class Canvas:
    """What patches are pasted into: the training crop.

    Attributes:
        height, width: in pixels of the packed images.
        packed: (height, width) of the packed images; None: the size of each image itself.
    """

    height: int
    width: int
    packed: tuple[int, int] | None = None

    def share_of(self, box: Box) -> float:
        """The share of the canvas that a patch of this box covers at scale 1; 1 where it fills it."""
        high, wide = self.packed or (box.image_height, box.image_width)
        height, width = box.h * high / box.image_height, box.w * wide / box.image_width
        return min(height / self.height, 1) * min(width / self.width, 1)


@dataclass(frozen=True)
class Subset:
    """Where the subset B1 of one class is written.

    Attributes:
        regions, boxes, counts: CSV tables: tight boxes, clipped boxes of all levels, and counts by level.
        levels: level -> folder of its crops ``<image_id>_<region>.png`` and their labels ``..._label.png`` (label ids).
    """

    regions: Path
    boxes: Path
    counts: Path
    levels: Mapping[int, Path]

    @classmethod
    def under(cls, folder: str | Path, levels: Sequence[int]) -> "Subset":
        """All of it in one folder."""
        folder = Path(folder)
        return cls(
            regions=folder / "regions.csv",
            boxes=folder / "boxes.csv",
            counts=folder / "counts.csv",
            levels={level: folder / f"level{level}" for level in levels},
        )


class Cut(NamedTuple):
    """What one image gives: rows of the two tables, regions dropped for their size, levels of boxes left out."""

    regions: list[tuple[str | int, ...]]
    boxes: list[Box]
    dropped: int
    too_large: list[int]


def write_subset(
    manifest: pd.DataFrame,
    known: Label,
    settings: Regions,
    out: Subset,
    canvas: Canvas,
    workers: int | None = None,
) -> pd.DataFrame:
    """Cut the tail subset of one class: all its regions at all levels, in original image coordinates.

    Args:
        manifest: the rows of the train split of ``manifest.csv``; files are checked against its checksums.
        known: the class.
        settings: ``levels``, ``r`` and ``s`` as in :func:`level_box`, ``source`` and ``min_area`` as in
            :func:`~tailcutmix.tail.regions.find_regions`; boxes above ``max_canvas_share`` are left out.
        out: the files to write.
        canvas: what the shares are of.
        workers: images cut at the same time; None: the CPUs of this process.

    Returns:
        One row per level: level; kept boxes and how many of them are clipped; regions dropped for their size; kept
        boxes that cover more than nine tenths of the canvas, and boxes that were too large for it.
    """
    levels = sorted(out.levels)
    folders = {level: Path(folder) for level, folder in out.levels.items()}
    for folder in folders.values():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)

    most = 1.0 if settings.max_canvas_share is None else settings.max_canvas_share

    def cut(row: dict[Hashable, Any]) -> Cut:
        image_id, instances = row["image_id"], None
        ids = decode_label(read_verified(row, "label"), row["label"])
        if settings.source == "instances" and row["instance"]:
            instances = decode_instances(read_verified(row, "instance"), row["instance"])
        regions, dropped = find_regions(ids, known.id, settings.source, settings.min_area, instances)
        height, width = ids.shape
        found = image_boxes(image_id, regions, levels, settings.r, settings.s, width, height)
        shares = [canvas.share_of(box) for box in found]
        boxes = [box for box, share in zip(found, shares, strict=True) if share <= most]
        too_large = [box.level for box, share in zip(found, shares, strict=True) if share > most]
        if boxes:
            pixels = decode_image(read_verified(row, "image"), row["image"])
            for box in boxes:
                name, part = f"{image_id}_{box.region}", np.s_[box.y : box.y + box.h, box.x : box.x + box.w]
                write_png(folders[box.level] / f"{name}.png", pixels[part])
                write_png(folders[box.level] / f"{name}_label.png", ids[part])
        return Cut([(image_id, number, *region) for number, region in enumerate(regions)], boxes, dropped, too_large)

    labelled = manifest[manifest["label"].astype(str) != ""]
    with ThreadPoolExecutor(workers or len(os.sched_getaffinity(0))) as pool:
        results = list(pool.map(cut, labelled.to_dict("records")))
    kept = [box for result in results for box in result.boxes]
    too_large = [level for result in results for level in result.too_large]
    regions = pd.DataFrame([row for result in results for row in result.regions], columns=list(REGION_COLUMNS))
    boxes = pd.DataFrame(kept, columns=list(BOX_COLUMNS))
    boxes["class"] = known.slug
    dropped = sum(result.dropped for result in results)
    counts = pd.DataFrame(
        [
            (
                level,
                sum(box.level == level for box in kept),
                sum(box.clipped for box in kept if box.level == level),
                dropped,
                sum(canvas.share_of(box) > COVERING for box in kept if box.level == level),
                too_large.count(level),
            )
            for level in levels
        ],
        columns=list(COUNT_COLUMNS),
    )
    for path, frame in ((out.regions, regions), (out.boxes, boxes), (out.counts, counts)):
        write_csv(frame, path)
    if regions.empty:
        logger.warning("%s: no region is left (%d dropped below %d pixels)", known.slug, dropped, settings.min_area)
    else:
        images = regions.image_id.nunique()
        logger.info("%s: %d regions in %d images, %d dropped", known.slug, len(regions), images, dropped)
    for row in counts.itertuples(index=False):
        logger.info(
            "%s: level %d: %d crops, %d of them clipped, %d nearly fill the training crop, %d left out as too large",
            *(known.slug, row.level, row.kept, row.clipped, row.covering, row.too_large),
        )
    return counts


def read_boxes(path: str | Path) -> pd.DataFrame:
    """Read ``boxes.csv`` (BOX_COLUMNS, and the class), names as text; raises UserError that names the file."""
    boxes = read_table(path, (*BOX_COLUMNS, "class"), "table of boxes", whole=BOX_COLUMNS[1:])
    check_ids(boxes["image_id"], path, "delete it and run again")
    start, length = boxes[["x", "y"]].to_numpy(), boxes[["w", "h"]].to_numpy()
    inside = (start >= 0) & (length > 0) & (start + length <= boxes[["image_width", "image_height"]].to_numpy())
    if not (inside.all() and (boxes["region"] >= 0).all() and (boxes["level"] > 0).all()):
        raise UserError(f"{path}: a box that does not lie in its image; delete it and run again")
    return boxes


def scale_boxes(boxes: pd.DataFrame, width: int, height: int) -> pd.DataFrame:
    """Carry boxes over to images packed at ``width`` x ``height``, outwards to whole pixels."""
    scaled = boxes.copy()
    for start, length, size, full in (("x", "w", width, "image_width"), ("y", "h", height, "image_height")):
        begin, wide, was = (boxes[column].to_numpy(np.int64) for column in (start, length, full))
        low, high = begin * size // was, -(-(begin + wide) * size // was)
        scaled[start], scaled[length] = low, high - low
        scaled[full] = size
    return scaled
