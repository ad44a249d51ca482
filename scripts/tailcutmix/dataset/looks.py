"""What one image of a set, its label and its instance map are, before anything is trained."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tailcutmix.dataset.images import is_deep, is_turned, read_image, read_instances, read_label, read_size
from tailcutmix.dataset.leakage import thumbnail
from tailcutmix.errors import UserError
from tailcutmix.labels import IGNORE, LabelTable

FIRST_OBJECT = 1000
"""Values of instance maps above it are single objects: label id * 1000 + number."""

MAY_CONTRADICT = 0.01
"""Share of an image's objects whose label id may be another than in the label image, for edges drawn twice."""


@dataclass
class Seen:
    """What one image, its label and its instance map are; ``objects``: label ids of which there are single objects."""

    row: Mapping[Hashable, Any]
    size: tuple[int, int] | None = None
    deep: bool = False
    turned: bool = False
    objects: frozenset[int] = frozenset()
    contradicts: bool = False
    thumbnail: np.ndarray | None = None
    counts: np.ndarray = field(default_factory=lambda: np.zeros(256, np.int64))
    errors: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Wanted:
    """What a run asks of its files.

    Attributes:
        scored: the split that the tables score.
        judged: the split whose scores move classes between the buckets; "" where none does.
        size: (height, width) to which images are resized, or None.
        allow_shared_images: whether an image may stand in two splits.
        region_source: what a region is; ``instances`` needs instance maps of train images.
        look_alikes: whether every image is decoded, to find pictures that were saved twice.
    """

    scored: str
    judged: str = ""
    size: tuple[int, int] | None = None
    allow_shared_images: bool = False
    region_source: str = "components"
    look_alikes: bool = False

    @property
    def scores(self) -> tuple[str, ...]:
        """The splits that are scored."""
        return tuple(dict.fromkeys(filter(None, (self.judged, self.scored))))


def look(row: Mapping[Hashable, Any], labels: LabelTable, wanted: Wanted) -> Seen:
    """Look at the files of one row of a listing: headers, the label, and the instance map where something reads it."""
    seen = Seen(row)
    try:
        seen.size, seen.deep, seen.turned = read_size(row["image"]), is_deep(row["image"]), is_turned(row["image"])
        if wanted.look_alikes:
            seen.thumbnail = thumbnail(read_image(row["image"]))
    except UserError as error:
        seen.errors.append(str(error))
    for kind in ("label", "instance"):
        if not row[kind]:
            continue
        try:
            shape = read_size(row[kind], as_stored=True)
            if seen.size and shape != seen.size:
                seen.errors.append(f"{row[kind]}: {kind} is {shape[1]}x{shape[0]} but its image {row['image']} is "
                                   f"{seen.size[1]}x{seen.size[0]}")  # fmt: skip
        except UserError as error:
            seen.errors.append(str(error))
    try:
        ids = read_label(row["label"]) if row["label"] else None
        if ids is not None:
            seen.counts = np.bincount(ids.ravel(), minlength=256)
        if row["instance"] and row["split"] in _splits_with_objects(labels, wanted):
            _look_at_objects(seen, read_instances(row["instance"]), ids)
        if row["split"] in wanted.scores:
            _check_objects(seen, labels)
    except UserError as error:
        if str(error) not in seen.errors:
            seen.errors.append(str(error))
    unknown = set(np.flatnonzero(seen.counts)) - {*labels.ids, IGNORE}
    if unknown:
        listed = ", ".join(map(str, sorted(unknown)))
        seen.errors.append(
            f"{row['label']}: label id {listed} not in the label table; add a row for it to dataset.labels"
        )
    return seen


def _splits_with_objects(labels: LabelTable, wanted: Wanted) -> set[str]:
    """Splits whose instance maps something reads; the others may hold what they will."""
    things = [known for known in labels.classes if known.has_instances]
    splits = set(wanted.scores) if things else set()
    if wanted.region_source == "instances" or any(known.average_instance_size is None for known in things):
        splits.add("train")
    return splits


def _look_at_objects(seen: Seen, instances: np.ndarray, ids: np.ndarray | None) -> None:
    objects = instances > FIRST_OBJECT
    owners = instances[objects] // FIRST_OBJECT
    seen.objects = frozenset(np.unique(owners).tolist())
    if ids is not None and ids.shape == instances.shape and len(owners):
        there = ids[objects]
        seen.contradicts = bool(((there != owners) & (there != IGNORE)).mean() > MAY_CONTRADICT)


def _check_objects(seen: Seen, labels: LabelTable) -> None:
    unknown = seen.objects - set(labels.ids.tolist())
    if unknown:
        raise UserError(
            f"{seen.row['instance']}: objects of label id {min(unknown)}, which is not in the label table; values are "
            "label id * 1000 + number"
        )
