"""What a run knows of its data: classes with their buckets, and the objects of the tail."""

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from tailcutmix.dataset.images import decode_instances
from tailcutmix.dataset.manifest import read_manifest, read_verified
from tailcutmix.labels import LabelTable
from tailcutmix.paper.classes import read_classes
from tailcutmix.paper.crops import choose_region
from tailcutmix.paper.page.pictures import Picture, photo
from tailcutmix.paper.scored import Listed, image_of, label_of
from tailcutmix.plan.settings.tail import Regions
from tailcutmix.tail.regions import Region, find_regions
from tailcutmix.tail.subsets import Box, image_boxes

MOST_LABELS = 2000
"""Label images that are looked into for objects; of a larger set as many, evenly spread."""

MOST_HOLDERS = 6
"""Images shown of those that hold a tail class."""

CROP_WIDTH, HOLDER_WIDTH = 200, 240


@dataclass(frozen=True)
class ClassRow:
    """A class as the page's table has it."""

    name: str
    colour: str
    share: float
    bar: float
    train_images: int | None
    split_images: int | None
    bucket: str
    moved_from: str
    val_iou: float | None
    reason: str


@dataclass(frozen=True)
class Level:
    """The crop of a region at a level."""

    level: int
    crop: Picture


@dataclass(frozen=True)
class Holder:
    """An image that holds a class: its regions' number and the pixels of the largest, and the image itself or None."""

    image_id: str
    regions: int
    largest: int
    image: Picture | None = None


@dataclass
class TailClass:
    """The objects of a tail class in the train split, as regions."""

    name: str
    colour: str
    areas: list[int] = field(default_factory=list)
    dropped: int = 0
    histogram: list[tuple[str, int, float]] = field(default_factory=list)
    levels: list[Level] = field(default_factory=list)
    shown_region: str = ""
    holders: list[Holder] = field(default_factory=list)

    @property
    def median(self) -> int:
        """Pixels of a typical region."""
        return int(np.median(self.areas)) if self.areas else 0


def class_rows(
    statistics: Path, buckets: Path, split: str, labels: LabelTable, reasons: Mapping[str, str]
) -> list[ClassRow]:
    """One row per class, the most frequent first; ``bar`` is its share on a log scale, 0..100."""
    frame = read_classes(statistics, buckets, split)
    seen = frame["share"][frame["share"] > 0]
    low = math.log10(seen.min()) - 0.3 if len(seen) else -1.0
    rows = []
    for row in frame.to_dict("records"):
        share, iou = float(row["share"]), row["val_iou"]
        bar = 100 * (math.log10(share) - low) / -low if share > 0 else 0.0
        rows.append(
            ClassRow(
                name=row["class"],
                colour=_hexadecimal(labels, row["class"]),
                share=share,
                bar=bar,
                train_images=None if pd.isna(row["train_images"]) else int(row["train_images"]),
                split_images=None if pd.isna(row["split_images"]) else int(row["split_images"]),
                bucket=row["bucket"],
                moved_from=row["moved_from"],
                val_iou=None if pd.isna(iou) else float(iou),
                reason=reasons.get(row["class"], ""),
            )
        )
    return rows


def tail_classes(
    manifest: Path, labels: LabelTable, tail: Sequence[str], regions: Regions, workers: int = 1
) -> tuple[list[TailClass], int, int]:
    """The objects of each tail class, how many train images were looked at, and how many there are.

    Args:
        tail: names of the classes.
        regions: what a region is, and the levels.
        workers: label images read at the same time.
    """
    listed = read_manifest(manifest, "train")
    total = len(listed)
    if total > MOST_LABELS:
        listed = listed.iloc[np.linspace(0, total - 1, MOST_LABELS).round().astype(int)]
    ids = {name: labels.class_of(name).id for name in tail}

    def look(row: Listed) -> dict[str, tuple[list[Region], int]]:
        label = label_of(row)
        instances = None
        if regions.source == "instances" and row["instance"]:
            instances = decode_instances(read_verified(row, "instance"), row["instance"])
        return {name: find_regions(label, b, regions.source, regions.min_area, instances) for name, b in ids.items()}

    rows: list[Listed] = [*listed.to_dict("records")] if tail else []
    with ThreadPoolExecutor(max(1, workers)) as pool:
        found = list(pool.map(look, rows))
    described = []
    for name in tail:
        held = [(row, *looked[name]) for row, looked in zip(rows, found, strict=True) if any(looked[name])]
        described.append(_describe(name, labels, held, regions))
    return described, len(rows), total


def _describe(
    name: str, labels: LabelTable, held: Sequence[tuple[Listed, list[Region], int]], regions: Regions
) -> TailClass:
    known = TailClass(name, _hexadecimal(labels, name))
    boxes: list[Box] = []
    for row, found, dropped in held:
        known.dropped += dropped
        known.areas += [region.area for region in found]
        size = row["width"], row["height"]
        boxes += image_boxes(row["image_id"], found, regions.levels, regions.r, regions.s, *size)
    known.histogram = histogram(known.areas)
    by_size = sorted(held, key=lambda entry: -max((region.area for region in entry[1]), default=0))
    for place, (row, found, _) in enumerate(by_size):
        picture = photo(_marked(row, found), HOLDER_WIDTH) if found and place < MOST_HOLDERS else None
        largest = max((region.area for region in found), default=0)
        known.holders.append(Holder(row["image_id"], len(found), largest, picture))
    rows = {row["image_id"]: row for row, _, _ in held}
    b = labels.class_of(name).id

    def tight(image_id: str, number: int) -> tuple[np.ndarray, np.ndarray]:
        box = next(box for box in boxes if (box.image_id, box.region) == (image_id, number))
        part = slice(box.y, box.y + box.h), slice(box.x, box.x + box.w)
        return image_of(rows[image_id])[part], label_of(rows[image_id])[part] == b

    chosen = choose_region(pd.DataFrame(boxes, columns=list(Box._fields)), tight)
    if chosen is not None:
        image_id, number = chosen
        image = image_of(rows[image_id])
        known.shown_region = image_id
        for box in boxes:
            if (box.image_id, box.region) == (image_id, number):
                crop = image[box.y : box.y + box.h, box.x : box.x + box.w]
                known.levels.append(Level(box.level, photo(np.ascontiguousarray(crop), CROP_WIDTH)))
    return known


def histogram(areas: Sequence[int]) -> list[tuple[str, int, float]]:
    """(range of pixels, regions in it, percent of the fullest) by powers of four."""
    if not areas:
        return []
    places = [int(math.log(area, 4) + 1e-9) for area in areas]
    counts = [places.count(place) for place in range(min(places), max(places) + 1)]
    return [
        (f"{4**place:,} to {4 ** (place + 1) - 1:,}", count, 100 * count / max(counts))
        for place, count in enumerate(counts, min(places))
    ]


def _marked(row: Listed, found: Sequence[Region]) -> np.ndarray:
    """The image with a frame around each region."""
    image = image_of(row).copy()
    thick = max(1, image.shape[1] // 240)
    for x, y, w, h, _ in found:
        for grown, colour in ((2 * thick, 0), (thick, 255)):
            top, left = max(0, y - grown), max(0, x - grown)
            bottom, right = y + h + grown, x + w + grown
            inside = np.zeros(image.shape[:2], bool)
            inside[top:bottom, left:right] = True
            inner = grown - thick
            inside[max(0, y - inner) : y + h + inner, max(0, x - inner) : x + w + inner] = False
            image[inside] = colour
    return image


def _hexadecimal(labels: LabelTable, name: str) -> str:
    return "#{:02x}{:02x}{:02x}".format(*labels.class_of(name).colour)
