"""One interface for all data sources: where the files are -> one row per image."""

import re
from pathlib import Path

import pandas as pd

from tailcutmix.dataset import camvid, cityscapes, folders, minicity
from tailcutmix.dataset.manifest import LISTING_COLUMNS
from tailcutmix.errors import UserError
from tailcutmix.plan.layout import IMAGE_TYPES, walk
from tailcutmix.plan.settings.data import Files
from tailcutmix.plan.settings.unlabelled import UNLABELLED

SOURCES = ("toycity", "minicity", "cityscapes", "camvid", "folders")


def list_images(
    source: str, root: str | Path, splits: str | Path | None = None, files: Files = folders.FILES
) -> pd.DataFrame:
    """List the images of a data set.

    Args:
        source: one of SOURCES; ToyCity must have been drawn (rule generate_toycity) and has MiniCity's folders.
        root: the folder of the data set.
        splits: folder of the official MiniCity lists; needed by cityscapes, used by minicity where given.
        files: how the files of source folders are called.

    Returns:
        Columns split, image_id, image, label, instance, all str; label and instance are "" where there is none.

    Raises:
        UserError: an unknown source, or a missing folder or file.
    """
    if source not in SOURCES:
        raise UserError(f"dataset.source: {source!r} is unknown; the sources are {', '.join(SOURCES)}")
    if not Path(root).is_dir():
        raise UserError(f"{root}: no such folder; dataset.root must name the folder of the {source} data")
    if source == "cityscapes":
        if not splits:
            raise UserError("dataset.splits: source cityscapes needs the folder of the MiniCity file lists")
        return cityscapes.list_images(root, splits)
    if source == "minicity":
        return minicity.list_images(root, splits)
    if source == "toycity":
        return minicity.list_images(root)
    return camvid.list_images(root) if source == "camvid" else folders.list_images(root, files)


def list_unlabelled(folder: str | Path) -> pd.DataFrame:
    """The images of a folder and its sub-folders, in the form of :func:`list_images`: the split ``unlabelled``.

    Raises:
        UserError: no such folder, or no image in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; dataset.unlabelled must name a folder of images")
    images = [path for path in walk(folder) if path.suffix.lower() in IMAGE_TYPES and not path.name.startswith(".")]
    if not images:
        raise UserError(f"{folder}: no image in it; dataset.unlabelled must name a folder of images")
    ids = [re.sub("[^A-Za-z0-9._-]", "_", path.relative_to(folder).with_suffix("").as_posix()) for path in images]
    rows = [(UNLABELLED, image_id, str(path), "", "") for image_id, path in zip(ids, images, strict=True)]
    return pd.DataFrame(rows, columns=list(LISTING_COLUMNS))
