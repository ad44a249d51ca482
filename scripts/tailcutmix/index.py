"""The index of :class:`tailcutmix.transform.TailCutMix`: what can be mixed in, found once in a folder of label images.

    python -m tailcutmix.index LABELS --images IMAGES --out INDEX

A label image is paired with the image of the same name, in the same subfolder. The classes that are mixed in are those
of ``--classes``, or the tail that the bucket rule finds. INDEX then holds the images of these classes and their labels,
as arrays that are mapped into memory, and the boxes of the classes' regions at every level.
"""

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from tailcutmix.dataset.images import read_label
from tailcutmix.dataset.manifest import LISTING_COLUMNS, build, write_manifest
from tailcutmix.dataset.packing import Packed, PackedFiles, open_packed, pack
from tailcutmix.errors import UserError
from tailcutmix.files import replacing_folder, write_csv
from tailcutmix.labels import IGNORE, LABEL_COLUMNS, Label, LabelTable, read_labels
from tailcutmix.plan.settings.tail import Buckets, Regions
from tailcutmix.progress import Progress
from tailcutmix.tail.bucket_table import read_tail
from tailcutmix.tail.buckets import initial_buckets
from tailcutmix.tail.regions import find_regions
from tailcutmix.tail.subsets import BOX_COLUMNS, Box, image_boxes, read_boxes

IMAGE_TYPES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
LABEL_TYPES = (".png", ".bmp", ".tif", ".tiff")  # whose pixels are what was written


@dataclass(frozen=True)
class IndexFiles:
    """The files of an index: the packed arrays of its images, their manifest, and the tables."""

    packed: PackedFiles
    manifest: Path
    labels: Path
    buckets: Path
    boxes: Path

    @classmethod
    def under(cls, folder: str | Path) -> "IndexFiles":
        """All of them in one folder."""
        tables = (Path(folder) / f"{name}.csv" for name in ("manifest", "labels", "buckets", "boxes"))
        return cls(PackedFiles.under(folder), *tables)


@dataclass(frozen=True)
class Index:
    """What can be mixed in.

    Attributes:
        packed: the N images that hold a class of the tail, and their train ids.
        labels: the label table, with the classes in train id order.
        tail: the classes, most frequent first.
        boxes: the boxes of their regions at each level, in pixels of the original images, with a column ``class``.
    """

    packed: Packed
    labels: LabelTable
    tail: tuple[Label, ...]
    boxes: pd.DataFrame


def open_index(folder: str | Path) -> Index:
    """Open what :func:`make_index` wrote; raises UserError where a file is missing or damaged."""
    if not Path(folder).is_dir():
        raise UserError(f"{folder}: no such index; make it with: python -m tailcutmix.index LABELS --images IMAGES")
    files = IndexFiles.under(folder)
    labels = read_labels(files.labels)
    packed = open_packed(files.packed, files.manifest)
    return Index(packed, labels, read_tail(files.buckets, labels), read_boxes(files.boxes))


def list_pairs(labels: str | Path, images: str | Path, label_suffix: str = "", image_suffix: str = "") -> pd.DataFrame:
    """Pair every label image with the image of its name, in the same subfolder.

    Args:
        labels: folder of ``<name><label_suffix>.png`` (or BMP or TIFF), searched with its subfolders.
        images: folder of ``<name><image_suffix>`` with any ending of IMAGE_TYPES.
        label_suffix, image_suffix: such as ``_gtFine_labelIds`` and ``_leftImg8bit``.

    Returns:
        LISTING_COLUMNS, in the order of the labels' paths; image ids are their numbers in it.

    Raises:
        UserError: a missing folder, no label, or a label without image.
    """
    labels, images = Path(labels), Path(images)
    for folder in (labels, images):
        if not folder.is_dir():
            raise UserError(f"{folder}: no such folder")
    found = [
        path
        for path in sorted(labels.rglob("*"))
        if path.suffix.lower() in LABEL_TYPES and path.stem.endswith(label_suffix) and not path.name.startswith(".")
    ]
    if not found:
        raise UserError(f"{labels}: no label image (*{label_suffix}.png) in it")
    known: dict[Path, Path] = {}
    for path in sorted(images.rglob(f"*{image_suffix}.*")):
        if path.suffix.lower() in IMAGE_TYPES and not path.name.startswith("."):
            known.setdefault(path.relative_to(images).with_suffix(""), path)
    rows = []
    for number, label in enumerate(found):
        name = f"{label.stem.removesuffix(label_suffix)}{image_suffix}"
        image = known.get(label.relative_to(labels).with_name(name))
        if image is None:
            raise UserError(f"{label}: no image {name}.* in the same place under {images}; see --image-suffix")
        rows.append(("train", f"{number:08d}", str(image.absolute()), str(label.absolute()), ""))
    return pd.DataFrame(rows, columns=list(LISTING_COLUMNS))


def make_index(
    listing: pd.DataFrame,
    out: str | Path,
    labels: LabelTable | None = None,
    *,
    buckets: Buckets = Buckets(),  # noqa: B008 (frozen)
    regions: Regions = Regions(),  # noqa: B008 (frozen)
    size: tuple[int, int] | None = None,
    threads: int = 1,
) -> Index:
    """Find the tail and its regions, and write the index.

    Args:
        listing: image and label files, see :func:`list_pairs`.
        out: the folder to make; it appears complete or not at all, and replaces one of that name.
        labels: says which label id is which train id. None: the label images hold train ids, 255 ignored, and a
            class is called by its number.
        buckets: ``cuts`` and ``tail`` are heeded: the bucket rule, or the names of the classes.
        regions: ``levels``, ``r``, ``s``, ``min_area``, and ``source``, components or image.
        size: (height, width) that the images are packed at; None: their own, which must then be one.
        threads: files read at the same time.

    Raises:
        UserError: a damaged file, images of several sizes without ``size``, or no tail.
    """
    with ThreadPoolExecutor(threads) as pool:
        counted = Progress("count labels", len(listing)).over(pool.map(_count_ids, listing["label"]))
        counts = np.stack(list(counted))
    labels = _numbered(counts) if labels is None else labels
    table = _buckets(counts, labels, buckets)
    with replacing_folder(out) as partial:
        files = IndexFiles.under(partial)
        write_csv(_rows_of(labels), files.labels)
        write_csv(table, files.buckets)
        tail = read_tail(files.buckets, labels)
        held = counts[:, [known.id for known in tail]].any(axis=1)
        if not held.any():
            raise UserError("the tail is empty: name the classes that are mixed in (--classes), or set --cuts")
        rows = build(listing.loc[np.flatnonzero(held)], threads)
        write_manifest(rows, files.manifest)
        write_csv(_boxes(rows, tail, regions, threads), files.boxes)
        pack(files.manifest, "train", labels, size, files.packed, threads)
    return open_index(out)


def _count_ids(label: str) -> np.ndarray:
    """(256,) int64 pixels of each label id."""
    return np.bincount(read_label(label).reshape(-1), minlength=256)


def _numbered(counts: np.ndarray) -> LabelTable:
    """The table of label images that hold train ids: a class for every number up to the largest."""
    present = np.flatnonzero(counts[:, :IGNORE].any(axis=0))
    highest = max(int(present.max(initial=0)), 1)
    return LabelTable(tuple(Label(number, str(number), number) for number in range(highest + 1)))


def _rows_of(labels: LabelTable) -> pd.DataFrame:
    """A label table as :func:`tailcutmix.labels.read_labels` reads it."""
    rows = [
        (row.id, row.name, row.train_id, row.category, int(row.has_instances), f"#{bytes(row.colour).hex()}",
         row.average_instance_size)
        for row in labels.rows
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(LABEL_COLUMNS))


def _buckets(counts: np.ndarray, labels: LabelTable, buckets: Buckets) -> pd.DataFrame:
    """The bucket of each class, by its share of the labelled pixels."""
    pixels = counts[:, [known.id for known in labels.classes]].sum(axis=0)
    statistics = pd.DataFrame({"class": labels.class_names, "share": pixels / max(int(pixels.sum()), 1)})
    return initial_buckets(statistics, buckets.cuts, buckets.tail)


def _boxes(rows: pd.DataFrame, tail: Sequence[Label], regions: Regions, threads: int) -> pd.DataFrame:
    """The boxes of all regions of the tail, class by class, as the workflow's ``boxes.csv`` has them for one class."""

    def boxes_of(image_id: str, label: str) -> list[list[Box]]:
        ids = read_label(label)
        height, width = ids.shape
        found = (find_regions(ids, known.id, regions.source, regions.min_area)[0] for known in tail)
        return [image_boxes(image_id, places, regions.levels, regions.r, regions.s, width, height) for places in found]

    with ThreadPoolExecutor(threads) as pool:
        done = pool.map(boxes_of, rows["image_id"], rows["label"])
        images = list(Progress("find regions", len(rows)).over(done))
    frames = [
        pd.DataFrame([box for image in images for box in image[number]], columns=list(BOX_COLUMNS)).assign(
            **{"class": known.slug}
        )
        for number, known in enumerate(tail)
    ]
    return pd.concat(frames, ignore_index=True)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tailcutmix.index", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("labels", metavar="LABELS", help="folder of label images, one id per pixel, with subfolders")
    parser.add_argument("--images", required=True, help="folder of the images")
    parser.add_argument("--out", required=True, help="folder to make")
    parser.add_argument("--table", help="label table (CSV); without one the labels hold train ids, 255 ignored")
    parser.add_argument("--label-suffix", default="", help="such as _gtFine_labelIds, where names end so")
    parser.add_argument("--image-suffix", default="", help="such as _leftImg8bit")
    parser.add_argument("--size", type=int, nargs=2, metavar=("HEIGHT", "WIDTH"), help="resize the images to one size")
    parser.add_argument(
        "--classes", nargs="+", help="the classes that are mixed in; default: the tail by the bucket rule"
    )
    parser.add_argument("--cuts", type=int, nargs=2, metavar=("HEAD", "MIDDLE"), help="classes in head and middle "
                        "(default: tertiles)")  # fmt: skip
    parser.add_argument("--levels", type=int, nargs="+", default=Regions.levels, help="levels of the boxes (1 2 3)")
    parser.add_argument("--min-area", type=int, default=Regions.min_area, help="drop regions of fewer pixels (0)")
    parser.add_argument("--threads", type=int, default=2, help="files read at the same time (2)")
    options = parser.parse_args(arguments)
    if options.threads < 1 or min(options.size or [1]) < 1:
        parser.error("--threads and --size must be positive")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = parse(arguments)
    try:
        listing = list_pairs(options.labels, options.images, options.label_suffix, options.image_suffix)
        index = make_index(
            listing,
            options.out,
            read_labels(options.table) if options.table else None,
            buckets=Buckets(cuts=options.cuts, tail=options.classes and tuple(options.classes)),
            regions=replace(Regions(), levels=tuple(options.levels), min_area=options.min_area),
            size=options.size and tuple(options.size),
            threads=options.threads,
        )
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for known in index.tail:
        boxes = index.boxes[(index.boxes["class"] == known.slug) & (index.boxes["level"] == min(options.levels))]
        print(f"{known.name}: {len(boxes)} regions in {boxes['image_id'].nunique()} images")
    print(f"written: {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
