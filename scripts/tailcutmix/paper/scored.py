"""Images as they are shown, their truth, and what methods make of them; every raw file is held to its checksum."""

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tailcutmix.dataset.images import decode_image, decode_label
from tailcutmix.dataset.manifest import read_manifest, read_verified
from tailcutmix.errors import UserError
from tailcutmix.labels import LabelTable
from tailcutmix.prediction.ensemble import read_prediction

Listed = Mapping[Hashable, Any]
"""A row of the manifest."""


def labelled_images(manifest: str | Path, split: str) -> list[Listed]:
    """The rows of a split that have a label; raises UserError where there is none."""
    listed = read_manifest(manifest, split)
    rows: list[Listed] = [*listed[listed["label"] != ""].to_dict("records")]
    if not rows:
        raise UserError(f"{manifest}: split {split!r} has no labels to compare predictions with")
    return rows


def image_of(row: Listed) -> np.ndarray:
    """(H, W, 3) uint8 RGB."""
    return decode_image(read_verified(row, "image"), row["image"])


def label_of(row: Listed) -> np.ndarray:
    """(H, W) uint8 label ids of the truth."""
    return decode_label(read_verified(row, "label"), row["label"])


def truth_of(row: Listed, labels: LabelTable, stride: int = 1) -> np.ndarray:
    """(H, W) uint8 train ids of the truth, or of every so many pixels of it."""
    train_ids: np.ndarray = labels.to_train_id[label_of(row)]
    return train_ids[::stride, ::stride]


def predicted(folder: Path, row: Listed, labels: LabelTable, stride: int = 1) -> np.ndarray:
    """(H, W) uint8 train ids of the prediction in a method's folder, or of every so many pixels of it."""
    shape = int(row["height"]), int(row["width"])
    train_ids: np.ndarray = labels.to_train_id[read_prediction(folder, row["image_id"], shape)]
    return train_ids[::stride, ::stride]
