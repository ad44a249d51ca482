"""Packed arrays: each split decoded once into memory-mapped arrays that training and scoring read at no cost."""

import hashlib
from collections.abc import Hashable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from tailcutmix.dataset.images import decode_image, decode_label
from tailcutmix.dataset.manifest import check_ids, read_manifest, read_verified
from tailcutmix.errors import UserError
from tailcutmix.files import read_table, replacing
from tailcutmix.labels import IGNORE, LabelTable
from tailcutmix.nearest import resize_nearest
from tailcutmix.progress import Progress

_INDEX_COLUMNS = ("image_id", "split", "has_label", "digest")
_CONTENT = ["image_id", "split", "width", "height", "image_sha256", "label_sha256"]


@dataclass(frozen=True)
class PackedFiles:
    """The files of one packed split.

    Attributes:
        images: .npy of (N, H, W, 3) uint8 RGB.
        truth: .npy of (N, H, W) uint8 train ids, 255 ignored.
        index: CSV table, one row per image: its id, whether it has a label, and a digest of what was packed.
    """

    images: Path
    truth: Path
    index: Path

    @classmethod
    def under(cls, folder: str | Path) -> "PackedFiles":
        """All of them in one folder."""
        return cls(*(Path(folder) / name for name in ("images.npy", "labels.npy", "index.csv")))


@dataclass(frozen=True)
class Packed:
    """One split, memory-mapped and read-only.

    Attributes:
        images: (N, H, W, 3) uint8 RGB.
        labels: (N, H, W) uint8 train ids, 255 ignored; all 255 for an image without label.
        image_ids: N strings, in the order of the arrays.
        has_label: (N,) bool.
    """

    images: np.ndarray
    labels: np.ndarray
    image_ids: list[str]
    has_label: np.ndarray

    def __len__(self) -> int:
        return len(self.image_ids)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of every image."""
        return self.images.shape[1], self.images.shape[2]


def pack(
    manifest_path: str | Path,
    split: str,
    labels: LabelTable,
    size: tuple[int, int] | None,
    files: PackedFiles,
    processes: int = 1,
) -> None:
    """Decode a split into arrays of its images and of their labels, and an index.

    Args:
        manifest_path: the manifest; every file is checked against its checksum there.
        split: train, val or test.
        labels: gives the label ids that may occur and their train ids; label value 255 always means ignored.
        size: (height, width) to resize to: images by area (smaller) or linearly (larger), labels by nearest pixel.
            None keeps the files' size, which must then be the same for all.
        files: what is written; each file appears complete or not at all, the index last.
        processes: images decoded at the same time (threads: decoders hold no lock); memory is bounded by this number.

    Raises:
        UserError: a missing, broken or changed file, images of several sizes without ``size``, or a label id that
            the table does not list.
    """
    rows = read_manifest(manifest_path, split)
    height, width = tuple(size) if size else _common_size(rows, manifest_path)
    known = np.zeros(256, bool)
    known[[*labels.ids, IGNORE]] = True
    with ExitStack() as stack:  # its contexts end in reverse order
        index_path, truth_path, images_path = (
            stack.enter_context(replacing(path)) for path in (files.index, files.truth, files.images)
        )
        shape = (len(rows), height, width)
        images = np.lib.format.open_memmap(images_path, mode="w+", dtype=np.uint8, shape=(*shape, 3))
        targets = np.lib.format.open_memmap(truth_path, mode="w+", dtype=np.uint8, shape=shape)

        def put(item: tuple[int, dict[Hashable, Any]]) -> None:
            position, row = item
            images[position] = resized(decode_image(read_verified(row, "image"), row["image"]), height, width)
            targets[position] = IGNORE
            if row["label"]:
                ids = decode_label(read_verified(row, "label"), row["label"])
                _check_ids(ids, known, row["label"])
                targets[position] = labels.to_train_id[resize_nearest(ids, (height, width))]

        with ThreadPoolExecutor(max(1, processes)) as pool:
            done = pool.map(put, enumerate(rows.to_dict("records")))
            for _ in Progress(f"pack {split}", len(rows)).over(done):
                pass
        for array in (images, targets):
            array.flush()
        index = rows[["image_id", "split"]].assign(has_label=(rows.label != "").astype(int), digest=_digests(rows))
        index.to_csv(index_path, index=False)


def _common_size(rows: pd.DataFrame, manifest_path: str | Path) -> tuple[int, int]:
    sizes = rows[["height", "width"]].drop_duplicates()
    if len(sizes) > 1:
        found = ", ".join(f"{row.width}x{row.height}" for row in sizes.head(3).itertuples())
        raise UserError(f"{manifest_path}: images differ in size ({found}); set dataset.size: [height, width]")
    return int(sizes.height.iloc[0]), int(sizes.width.iloc[0])


def resized(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """(H, W, 3) uint8 at another size: by area where it gets smaller, else linearly; itself where that is its size."""
    if image.shape[:2] == (height, width):
        return image
    method = cv2.INTER_AREA if height * width < image.shape[0] * image.shape[1] else cv2.INTER_LINEAR
    return cv2.resize(image, (width, height), interpolation=method)


def _check_ids(ids: np.ndarray, known: np.ndarray, path: str) -> None:
    present = np.bincount(ids.ravel(), minlength=256) > 0
    unknown = np.flatnonzero(present & ~known)
    if unknown.size:
        raise UserError(f"{path}: label id {unknown[0]} is not in the label table; add a row for it to dataset.labels")


def _digests(rows: pd.DataFrame) -> list[str]:
    """One digest per row over what a packed image depends on; paths are left out, so a data set may move."""
    lines = rows[_CONTENT].astype(str).agg(",".join, axis=1)
    return [hashlib.sha256(line.encode()).hexdigest() for line in lines]


def open_packed(files: PackedFiles, manifest_path: str | Path) -> Packed:
    """Map the packed arrays of a split, and check them against the manifest.

    Raises:
        UserError: a missing or cut-off file, files that do not fit together, or a manifest that changed since.
    """
    index = read_index(files.index)
    images, labels = open_array(files.images), open_array(files.truth)
    if images.ndim != 4 or images.shape[:3] != labels.shape or len(images) != len(index):
        raise UserError(
            f"{files.index}: images {images.shape}, labels {labels.shape} and index ({len(index)}) do not fit "
            "together; delete it and run again"
        )
    _check_manifest(manifest_path, index, files.index)
    return Packed(images, labels, list(index.image_id), (index.has_label == "1").to_numpy())


def read_index(path: str | Path) -> pd.DataFrame:
    """The index of a packed split, all columns text; raises UserError where it is missing or damaged."""
    index = read_table(path, _INDEX_COLUMNS, "index of packed arrays", dtype=str, keep_default_na=False)
    check_ids(index["image_id"], path, "delete it and run again")
    if index.empty or index["split"].nunique() > 1 or not index["has_label"].isin(["0", "1"]).all():
        raise UserError(f"{path}: not an index of one split; delete it and run again")
    return index


def open_array(path: str | Path) -> np.ndarray:
    """Map a packed array of uint8, read-only; raises UserError where it is missing or damaged."""
    try:
        array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; pack the split first") from None
    except (ValueError, OSError, EOFError) as error:
        raise UserError(f"{path}: broken or cut off ({error}); delete it and run again") from None
    if array.dtype != np.uint8:
        raise UserError(f"{path}: expected uint8, found {array.dtype}; delete it and run again")
    return array


def _check_manifest(manifest: str | Path, index: pd.DataFrame, index_path: Path) -> None:
    split = index.split.iloc[0]
    rows = read_manifest(manifest, split)
    if list(rows.image_id) != list(index.image_id):
        raise UserError(f"{manifest}: other images in split {split} than in {index_path}; delete that file")
    for image_id, before, now in zip(rows.image_id, index.digest, _digests(rows), strict=True):
        if before != now:
            raise UserError(f"{manifest}: image {image_id} changed since {index_path} was made; delete that file")
