"""The manifest: one row per image with its files, its size and their checksums; all later steps start from it."""

import hashlib
import logging
import re
from collections.abc import Hashable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd

from tailcutmix.dataset.images import open_binary, read_bytes, read_size
from tailcutmix.errors import UserError, cured_by
from tailcutmix.files import read_table, write_csv
from tailcutmix.plan.layout import SPLITS
from tailcutmix.plan.settings.unlabelled import UNLABELLED
from tailcutmix.progress import Progress

LISTING_COLUMNS = ("split", "image_id", "image", "label", "instance")
MANIFEST_COLUMNS = (
    "image_id",
    "split",
    "image",
    "label",
    "instance",
    "width",
    "height",
    "image_sha256",
    "label_sha256",
    "instance_sha256",
)
FILES = ("image", "label", "instance")
IMAGE_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")
"""Names files of the results, so no id leads out of them."""

LIST_AGAIN = (
    'list the images again: the same command with --forcerun list_images (make paper ARGS="--forcerun list_images")'
)
_BLOCK = 1 << 20


def listing_row(
    split: str, image_id: str, image: Path, label: Path, instance: Path | None = None, instance_needed: bool = False
) -> tuple[str, ...]:
    """LISTING_COLUMNS of one image; label and instances are "" where there is no such file.

    Raises:
        UserError: a train or val image without label, or without instances where these are needed.
    """
    for path in (label, instance) if instance_needed else (label,):
        if split != "test" and path is not None and not path.is_file():
            raise UserError(f"{path}: missing, though {image} is there")
    truths = (str(path) if path is not None and path.is_file() else "" for path in (label, instance))
    return split, image_id, str(image), *truths


def build(listing: pd.DataFrame, processes: int = 1) -> pd.DataFrame:
    """Complete a listing (see :mod:`tailcutmix.dataset.sources`) to a manifest.

    Args:
        listing: columns split, image_id, image, label, instance; label and instance are "" where there is none.
        processes: files read at the same time (threads: reading and hashing hold no lock).

    Returns:
        MANIFEST_COLUMNS, ordered by split (train, val, test, unlabelled) and image_id. Width and height come from the
        headers and are the same for all files of a row.

    Raises:
        UserError: no train image, an image_id twice in a split or unfit as a file name, a train image without label,
            a missing or unreadable file, a label of another size than its image.
    """
    listing = _checked(listing)
    with ThreadPoolExecutor(max(1, processes)) as pool:
        rows = pool.map(_measure, listing.to_dict("records"))
        rows = Progress("checksums", len(listing)).over(rows)
        frame = pd.DataFrame(list(rows), columns=list(MANIFEST_COLUMNS))
    counts = ", ".join(f"{count} {split}" for split, count in frame.split.value_counts(sort=False).items())
    logging.info("manifest: %s", counts)
    return frame


def _checked(listing: pd.DataFrame) -> pd.DataFrame:
    listing = listing[list(LISTING_COLUMNS)].astype(str)
    splits = (*SPLITS, UNLABELLED)
    unknown = sorted(set(listing.split) - set(splits))
    if unknown:
        raise UserError(f"split {unknown[0]!r} is unknown; the splits are {', '.join(SPLITS)}")
    if not (listing.split == "train").any():
        raise UserError("the train split holds no image; see docs/data.md for the folders that a source expects")
    for row in listing[listing.duplicated(["split", "image_id"])].itertuples():
        raise UserError(f"{row.image}: image_id {row.image_id} stands twice in split {row.split}; rename one of them")
    for row in listing.itertuples():
        if not IMAGE_ID.fullmatch(str(row.image_id)):
            raise UserError(f"{row.image}: image_id {row.image_id!r} must be made of letters, digits, '.', '_' and '-'")
        if row.split == "train" and not row.label:
            raise UserError(f"{row.image}: a train image needs a label")
    order = listing.split.map(splits.index)
    return listing.assign(order=order).sort_values(["order", "image_id"], kind="stable").drop(columns="order")


def _measure(row: dict[str, str]) -> dict[str, str | int]:
    sizes = {kind: read_size(row[kind], as_stored=kind != "image") for kind in FILES if row[kind]}
    height, width = sizes["image"]
    for kind, (h, w) in sizes.items():
        if (h, w) != (height, width):
            raise UserError(f"{row[kind]}: {kind} is {w}x{h} but its image {row['image']} is {width}x{height}")
    digests = {f"{kind}_sha256": sha256(row[kind]) if row[kind] else "" for kind in FILES}
    return {**row, "width": width, "height": height, **digests}


def sha256(path: str | Path) -> str:
    """Hexadecimal SHA-256 of a file or zip member, read in blocks."""
    digest = hashlib.sha256()
    with open_binary(path) as stream:
        try:
            while block := stream.read(_BLOCK):
                digest.update(block)
        except Exception as error:  # what a broken zip member raises depends on how it was packed
            raise UserError(f"{path}: cannot be read ({error}); copy or download it again") from None
    return digest.hexdigest()


def write_manifest(frame: pd.DataFrame, path: str | Path) -> None:
    """Write a manifest as CSV, all or nothing."""
    write_csv(frame[list(MANIFEST_COLUMNS)], path)


def read_manifest(path: str | Path, split: str | None = None) -> pd.DataFrame:
    """Read a manifest, or the rows of one split; all columns are str ("" where absent) but width and height (int).

    Raises:
        UserError: a missing or broken file, an id that is no file name, or a split without any image.
    """
    # str, never a number: test ids of MiniCity are 64-bit and would lose their last digits as floats
    frame = read_table(path, MANIFEST_COLUMNS, "manifest", whole=("width", "height"), dtype=str, keep_default_na=False)
    _check_rows(frame, path)
    if split is not None:
        frame = frame[frame.split == split].reset_index(drop=True)
        if frame.empty:
            raise UserError(f"{path}: no image in split {split!r}")
    return frame


def _check_rows(frame: pd.DataFrame, path: str | Path) -> None:
    def refuse(fault: str) -> UserError:
        return UserError(f"{path}: {fault}; delete the manifest and run again")

    check_ids(frame["image_id"], path, "delete the manifest and run again")
    for split in sorted(set(frame["split"]) - {*SPLITS, UNLABELLED}):
        raise refuse(f"split {split!r} is none of {', '.join(SPLITS)}")
    for row in frame[frame.duplicated(["split", "image_id"])].itertuples():
        raise refuse(f"image_id {row.image_id} stands twice in split {row.split}")
    if (frame[["width", "height"]] < 1).any(axis=None):
        raise refuse("width and height must be 1 or more")
    for kind in FILES:
        listed, sums = frame[kind] != "", frame[f"{kind}_sha256"].str.fullmatch("[0-9a-f]{64}")
        if (listed & ~sums).any() or (kind == "image" and not listed.all()):
            raise refuse(f"a row lacks its {kind} or the checksum of it")


def check_ids(ids: Iterable[str], path: str | Path, cure: str) -> None:
    """Raise a UserError for the first image id of a table that is no plain file name."""
    for image_id in ids:
        if not IMAGE_ID.fullmatch(image_id):
            raise UserError(f"{path}: image_id {image_id!r} is no id of an image; {cure}")


def read_verified(row: Mapping[Hashable, Any], kind: str) -> bytes:
    """The bytes of a file of a manifest's row, its image, label or instance: see :func:`read_listed`."""
    return read_listed(row[kind], row.get(f"{kind}_sha256", ""))


def read_listed(path: str, checksum: str) -> bytes:
    """The bytes of a raw file, read once, if they are still those whose SHA-256 was listed; "" where none was.

    Raises:
        UserError: the file is missing, or another one than when the images were listed.
    """
    if not checksum:
        return read_bytes(path)
    with cured_by(f"put it back, or {LIST_AGAIN}"):
        data = read_bytes(path)
    if hashlib.sha256(data).hexdigest() != checksum:
        raise UserError(f"{path}: changed after the images were listed; {LIST_AGAIN}")
    return data
