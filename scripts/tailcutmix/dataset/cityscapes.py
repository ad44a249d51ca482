"""Cityscapes as downloaded, arranged into MiniCity by the official file lists and read in place.

``root`` holds the folders ``leftImg8bit`` and ``gtFine``, or the archives ``leftImg8bit_trainvaltest.zip`` and
``gtFine_trainvaltest.zip``, or one of each; nothing is unpacked.
"""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from tailcutmix.dataset.images import ZIP_SEPARATOR, open_zip
from tailcutmix.dataset.manifest import LISTING_COLUMNS
from tailcutmix.dataset.minicity import read_lists
from tailcutmix.errors import UserError

_ORIGIN = {"train": "train", "val": "train", "test": "val"}  # MiniCity split -> Cityscapes split


def list_images(root: str | Path, splits: str | Path) -> pd.DataFrame:
    """List the images of MiniCity out of Cityscapes: train and val from its train split, test from its val split.

    Test images get their MiniCity id; their labels are listed where present, which makes a local test score possible.

    Returns:
        LISTING_COLUMNS; a path inside an archive is ``archive.zip::member``.

    Raises:
        UserError: neither folder nor archive, or a listed image or label that is not in it.
    """
    images, truths = _finder(Path(root), "leftImg8bit"), _finder(Path(root), "gtFine")
    rows = []
    for split, names in read_lists(splits).items():
        for name, image_id in names:
            name = f"{_ORIGIN[split]}/{name}"
            image = images(f"{name}_leftImg8bit.png")
            label, instance = (truths(f"{name}_gtFine_{kind}.png") for kind in ("labelIds", "instanceIds"))
            needed = {f"leftImg8bit/{name}_leftImg8bit.png": image}
            if split != "test":
                needed[f"gtFine/{name}_gtFine_labelIds.png"] = label
                needed[f"gtFine/{name}_gtFine_instanceIds.png"] = instance
            for file, found in needed.items():
                if not found:
                    raise UserError(f"{root}: {file} is missing, though {splits} lists it; complete the download")
            rows.append((split, image_id, image, label, instance))
    return pd.DataFrame(rows, columns=list(LISTING_COLUMNS))


def _finder(root: Path, kind: str) -> Callable[[str], str]:
    """A function from a name below ``<kind>/`` to the path that reads it, "" where there is none."""
    folder, archive = root / kind, root / f"{kind}_trainvaltest.zip"
    if folder.is_dir():
        return lambda name: str(folder / name) if (folder / name).is_file() else ""
    if archive.is_file():
        members = set(open_zip(archive).namelist())
        return lambda name: f"{archive}{ZIP_SEPARATOR}{kind}/{name}" if f"{kind}/{name}" in members else ""
    raise UserError(f"{root}: holds neither the folder {kind} nor {archive.name}; dataset.root must hold one of them")
