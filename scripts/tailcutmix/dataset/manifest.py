"""The manifest: one row per image with its files, its size and their checksums; all later steps start from it."""

import hashlib
import logging
import re
from collections.abc import Hashable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd

from tailcutmix.dataset.images import open_binary, read_bytes, read_size
from tailcutmix.errors import UserError
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
        if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", str(row.image_id)):
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
        UserError: a missing or broken file, or a split without any image.
    """
    # str, never a number: test ids of MiniCity are 64-bit and would lose their last digits as floats
    frame = read_table(path, MANIFEST_COLUMNS, "manifest", dtype=str, keep_default_na=False)
    try:
        frame = frame.astype({"width": int, "height": int})
    except ValueError:
        raise UserError(f"{path}: width and height must be whole numbers; delete the manifest and run again") from None
    if split is not None:
        frame = frame[frame.split == split].reset_index(drop=True)
        if frame.empty:
            raise UserError(f"{path}: no image in split {split!r}")
    return frame


def read_verified(row: Mapping[Hashable, Any], kind: str) -> bytes:
    """The bytes of a file of a manifest's row: its image, label or instance.

    Raises:
        UserError: the file is missing, or not the one whose checksum stands there.
    """
    data = read_bytes(row[kind])
    if hashlib.sha256(data).hexdigest() != row[f"{kind}_sha256"]:
        raise UserError(f"{row[kind]}: the file changed after the manifest was made; delete the manifest and run again")
    return data
