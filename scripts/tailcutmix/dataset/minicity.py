"""MiniCity as the challenge arranges it: flat folders, test images under 64-bit numbers."""

from pathlib import Path

import pandas as pd

from tailcutmix.dataset.manifest import LISTING_COLUMNS, SPLITS
from tailcutmix.errors import UserError

IMAGE_SUFFIX = "_leftImg8bit"


def read_lists(splits: str | Path) -> dict[str, list[tuple[str, str]]]:
    """The official file lists: split -> [(Cityscapes name, MiniCity image id)], where a name is ``<city>/<image>``.

    ``train.txt`` and ``val.txt`` hold one name a line, out of Cityscapes train; ``test.csv`` has the columns
    ``cityscapes_val`` (a name out of Cityscapes val) and ``minicity_test_id`` (kept as text).

    Raises:
        UserError: a missing or malformed list.
    """
    lists = {}
    for split in ("train", "val"):
        path = Path(splits) / f"{split}.txt"
        names = _read_text(path).split()
        for name in names:
            if name.count("/") != 1:
                raise UserError(f"{path}: {name!r} is not of the form <city>/<image>")
        lists[split] = [(name, name.partition("/")[2]) for name in names]
    path = Path(splits) / "test.csv"
    header, *lines = _read_text(path).split()
    if header != "cityscapes_val,minicity_test_id":
        raise UserError(f"{path}: the first line must be cityscapes_val,minicity_test_id")
    pairs = [tuple(line.split(",")) for line in lines]
    for pair in pairs:
        if len(pair) != 2 or pair[0].count("/") != 1 or not pair[1].isdecimal():
            raise UserError(f"{path}: {','.join(pair)!r} is not of the form <city>/<image>,<number>")
    lists["test"] = pairs
    return lists


def _read_text(path: Path) -> str:
    try:
        text = path.read_text()
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{path}: no such file list; dataset.splits names the folder that holds it") from None
    if not text.strip():
        raise UserError(f"{path}: the file list is empty")
    return text


def list_images(root: str | Path, splits: str | Path | None = None) -> pd.DataFrame:
    """List flat folders ``leftImg8bit/<split>/`` and ``gtFine/<split>/``.

    Train and val images are ``<image_id>_leftImg8bit.png``, test images ``<image_id>.png``; labels are
    ``<image_id>_gtFine_{labelIds,instanceIds}.png`` in all three splits. Train and val need both; test may have them.

    Args:
        root: the folder that holds leftImg8bit and gtFine.
        splits: folder of the official lists; every image of a list must then be there, and others are left out.

    Returns:
        LISTING_COLUMNS.

    Raises:
        UserError: a folder or file that is missing.
    """
    root = Path(root)
    lists = read_lists(splits) if splits else None
    rows = []
    for split in SPLITS:
        suffix = "" if split == "test" else IMAGE_SUFFIX
        folder, truth = root / "leftImg8bit" / split, root / "gtFine" / split
        if not folder.is_dir():
            if split == "test":
                continue
            raise UserError(f"{folder}: no such folder; dataset.root must hold leftImg8bit/{split} and gtFine/{split}")
        present = {path.name.removesuffix(f"{suffix}.png"): path for path in sorted(folder.glob(f"*{suffix}.png"))}
        wanted = [image_id for _, image_id in lists[split]] if lists else list(present)
        if not wanted:
            raise UserError(f"{folder}: no *{suffix}.png; folders by city belong to source cityscapes or folders")
        for image_id in wanted:
            image = present.get(image_id)
            if image is None:
                raise UserError(f"{folder / (image_id + suffix + '.png')}: missing, though {splits} lists it")
            label = truth / f"{image_id}_gtFine_labelIds.png"
            instance = truth / f"{image_id}_gtFine_instanceIds.png"
            if split != "test":
                for path in (label, instance):
                    if not path.is_file():
                        raise UserError(f"{path}: missing, though {image} is there")
            files = [str(path) if path.is_file() else "" for path in (label, instance)]
            rows.append((split, image_id, str(image), *files))
    return pd.DataFrame(rows, columns=list(LISTING_COLUMNS))
