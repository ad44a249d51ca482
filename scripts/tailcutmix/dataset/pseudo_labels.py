"""Packed images with the labels that a network or an ensemble predicted for them."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tailcutmix.dataset.images import read_label
from tailcutmix.dataset.packing import Packed
from tailcutmix.errors import UserError
from tailcutmix.labels import LabelTable
from tailcutmix.nearest import resize_nearest


def relabelled(parts: Sequence[Packed], folders: Sequence[Path], labels: LabelTable) -> Packed:
    """Splits as one, with predicted labels in place of their own; the images lie in memory where there are several.

    Args:
        parts: packed splits.
        folders: for each, the folder of its predictions, ``<image_id>.png`` of label ids.
        labels: gives the train ids.

    Raises:
        UserError: a missing prediction, or splits of several sizes.
    """
    if len({part.size for part in parts}) > 1:
        raise UserError(f"{folders[-1]}: images of another size than those of train; set dataset.size: [height, width]")
    targets = np.empty((sum(map(len, parts)), *parts[0].size), np.uint8)
    image_ids = [image_id for part in parts for image_id in part.image_ids]
    paths = [folder / f"{name}.png" for part, folder in zip(parts, folders, strict=True) for name in part.image_ids]
    for target, path in zip(targets, paths, strict=True):
        target[:] = labels.to_train_id[resize_nearest(read_label(path), parts[0].size)]
    images = parts[0].images if len(parts) == 1 else np.concatenate([part.images for part in parts])
    return replace(parts[0], images=images, labels=targets, image_ids=image_ids, has_label=np.ones(len(targets), bool))


def digest_of(folder: Path) -> str:
    """SHA-256 over the names and bytes of the predictions in a folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.png")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()
