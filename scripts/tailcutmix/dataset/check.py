"""What a set's files say before anything is trained: every problem at once, each with its cure."""

from collections.abc import Hashable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tailcutmix.dataset.images import ZIP_SEPARATOR, is_deep, is_turned, read_label, read_size
from tailcutmix.errors import UserError
from tailcutmix.labels import IGNORE, LabelTable
from tailcutmix.plan.layout import IMAGE_TYPES, SPLITS
from tailcutmix.progress import Progress

OTHER_PICTURES = (".gif", ".jp2", ".heic", ".avif", ".ppm", ".npy")


@dataclass(frozen=True)
class Finding:
    """One kind of thing that was found: what, in how many files (the first is named), and what to do."""

    what: str
    cure: str
    files: tuple[str, ...] = ()
    stops: bool = False

    def __str__(self) -> str:
        where = f" ({len(self.files)} files, first {self.files[0]})" if len(self.files) > 1 else ""
        where = f" ({self.files[0]})" if len(self.files) == 1 else where
        return f"{'STOPS' if self.stops else 'note '}  {self.what}{where}: {self.cure}"


@dataclass
class _Seen:
    """What one image and its label are."""

    row: Mapping[Hashable, Any]
    size: tuple[int, int] | None = None
    deep: bool = False
    turned: bool = False
    counts: np.ndarray = field(default_factory=lambda: np.zeros(256, np.int64))
    errors: list[str] = field(default_factory=list)


def examine(
    listing: pd.DataFrame, labels: LabelTable, scored: str, size: tuple[int, int] | None, processes: int = 1
) -> tuple[list[Finding], pd.DataFrame]:
    """Look at every header and every label.

    Args:
        listing: as :mod:`tailcutmix.dataset.sources` returns it.
        labels: the label table.
        scored: the split that the tables score.
        size: (height, width) to which images are resized, or None.
        processes: files read at the same time.

    Returns:
        What was found, what stops the run first; and pixels, share and images of each class and split as
        :func:`tailcutmix.tail.label_statistics.label_statistics` gives them, at the files' size.
    """
    with ThreadPoolExecutor(max(1, processes)) as pool:
        looks = pool.map(lambda row: _look(row, labels), listing.to_dict("records"))
        seen = list(Progress("check", len(listing)).over(looks))
    statistics = _statistics(seen, labels)
    found = [
        *_of_files(seen, size),
        *_of_classes(statistics, labels, seen, scored),
        *_of_labels(seen, labels, scored),
        *_left_out(listing),
    ]
    return sorted(found, key=lambda finding: not finding.stops), statistics


def _look(row: Mapping[Hashable, Any], labels: LabelTable) -> _Seen:
    seen = _Seen(row)
    try:
        seen.size, seen.deep, seen.turned = read_size(row["image"]), is_deep(row["image"]), is_turned(row["image"])
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
            if kind == "label":
                seen.counts = np.bincount(read_label(row[kind]).ravel(), minlength=256)
        except UserError as error:
            seen.errors.append(str(error))
    unknown = set(np.flatnonzero(seen.counts)) - {*labels.ids, IGNORE}
    if unknown:
        listed = ", ".join(map(str, sorted(unknown)))
        seen.errors.append(
            f"{row['label']}: label id {listed} not in the label table; add a row for it to dataset.labels"
        )
    return seen


def _of_files(seen: list[_Seen], size: tuple[int, int] | None) -> list[Finding]:
    found = []
    errors = [error for entry in seen for error in entry.errors]
    found += [Finding(error, "mend it, then run again", stops=True) for error in errors[:20]]
    if len(errors) > 20:
        found.append(Finding(f"{len(errors) - 20} more files have faults like these", "mend these first", stops=True))
    sizes = {entry.size for entry in seen if entry.size}
    if len(sizes) > 1 and size is None:
        listed = ", ".join(f"{width}x{height}" for height, width in sorted(sizes)[:3])
        found.append(
            Finding(f"images of {len(sizes)} sizes ({listed})", "set dataset.size: [height, width]", stops=True)
        )
    deep = tuple(entry.row["image"] for entry in seen if entry.deep)
    turned = tuple(entry.row["image"] for entry in seen if entry.turned)
    if deep:
        found.append(Finding("grey images of 16 bits", "read as 8 bits, 65535 as 255", deep))
    if turned:
        found.append(Finding("photographs that EXIF turns", "they are turned; labels must be upright", turned))
    return found


def _statistics(seen: list[_Seen], labels: LabelTable) -> pd.DataFrame:
    rows = []
    for split in dict.fromkeys(entry.row["split"] for entry in seen if entry.row["split"] in SPLITS):
        counts = np.array([entry.counts[[known.id for known in labels.classes]]
                           for entry in seen if entry.row["split"] == split])  # fmt: skip
        pixels, images = counts.sum(0), (counts > 0).sum(0)
        for name, count, holders in zip(labels.class_names, pixels, images, strict=True):
            rows.append((split, name, int(count), int(count) / max(int(pixels.sum()), 1), int(holders)))
    return pd.DataFrame(rows, columns=["split", "class", "pixels", "share", "images"])


def _of_classes(statistics: pd.DataFrame, labels: LabelTable, seen: list[_Seen], scored: str) -> list[Finding]:
    found = []
    ignored = any(entry.counts[IGNORE] for entry in seen)
    hint = "check dataset.labels against the values in the labels"
    if ignored:
        hint += "; 255 is always ignored: a mask of 0 and 255 must be saved as 0 and 1"
    for split in dict.fromkeys(("train", scored)):
        rows = statistics[statistics.split == split]
        absent = list(rows.loc[rows.pixels == 0, "class"])
        if not absent or (split != "train" and not rows.pixels.sum()):
            continue
        few = split == "train" and labels.num_classes - len(absent) < 2
        found.append(Finding(f"no pixel in {split} of {', '.join(absent)}", hint, stops=few))
    return found


def _of_labels(seen: list[_Seen], labels: LabelTable, scored: str) -> list[Finding]:
    found = []
    classes = [known.id for known in labels.classes]
    for split in dict.fromkeys(("train", scored)):
        rows = [entry for entry in seen if entry.row["split"] == split]
        bare = tuple(entry.row["image"] for entry in rows if not entry.row["label"])
        void = tuple(entry.row["label"] for entry in rows if entry.row["label"] and not entry.counts[classes].any())
        if bare:
            found.append(Finding(f"{split} images without label", "score the other split by evaluation.split", bare))
        if void:
            found.append(Finding(f"{split} labels without a pixel of any class", "they teach and score nothing", void))
    return found


def _left_out(listing: pd.DataFrame) -> list[Finding]:
    """Pictures beside those that were listed."""
    taken = {path for kind in ("image", "label", "instance") for path in listing[kind]}
    folders = sorted({str(Path(path).parent) for path in listing.image if ZIP_SEPARATOR not in path})
    beside = [str(path) for folder in folders for path in sorted(Path(folder).iterdir()) if str(path) not in taken]
    pictures = tuple(path for path in beside if Path(path).suffix.lower() in (*IMAGE_TYPES, *OTHER_PICTURES))
    cure = "check name and ending (docs/data.md), or let them be"
    return [Finding("pictures that are left out", cure, pictures)] if pictures else []


def require(found: list[Finding]) -> None:
    """Raise a UserError of one line per finding where any of them stops the run."""
    stops = [finding for finding in found if finding.stops]
    if len(stops) == 1:
        raise UserError(str(stops[0]).removeprefix("STOPS  "))
    if stops:
        raise UserError("\n".join([f"{len(stops)} problems in the data", *map(str, stops)]))
