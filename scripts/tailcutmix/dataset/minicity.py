"""MiniCity as the challenge arranges it: flat folders, test images under 64-bit numbers."""

from collections import Counter
from pathlib import Path

import pandas as pd

from tailcutmix.dataset.manifest import IMAGE_ID, LISTING_COLUMNS, listing_row
from tailcutmix.errors import UserError
from tailcutmix.plan.layout import SPLITS

IMAGE_SUFFIX = "_leftImg8bit"
HEADER = "cityscapes_val,minicity_test_id"
"""First line of ``test.csv``."""


def read_list(path: str | Path) -> list[tuple[str, str]]:
    """(name, MiniCity test id) of every line of one file list; the id is "" where the list has none.

    Args:
        path: a text file with one name per line, or a CSV file with the columns ``cityscapes_val`` (a name) and
            ``minicity_test_id`` (kept as text), as the official ``test.csv``.

    Raises:
        UserError: a missing, unreadable, empty or malformed list.
    """
    path = Path(path)
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{path}: no such file list; dataset.splits names the folder of the official ones") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a readable file list ({error})") from None
    if path.suffix != ".csv":
        entries = [(line, "") for line in lines]
    elif lines and lines[0] != HEADER:
        raise UserError(f"{path}: the first line must be {HEADER}")
    else:
        entries = [_name_and_id(line, path) for line in lines[1:]]
    if not entries:
        raise UserError(f"{path}: the file list is empty")
    for column in zip(*entries, strict=True):
        for name, count in Counter(filter(None, column)).items():
            if count > 1:
                raise UserError(f"{path}: {name} stands there {count} times; keep one line of it")
    return entries


def _name_and_id(line: str, path: Path) -> tuple[str, str]:
    name, _, image_id = (part.strip() for part in line.partition(","))
    if not name or not (image_id.isascii() and image_id.isdecimal()):
        raise UserError(f"{path}: {line!r} is not of the form <city>/<image>,<number>")
    return name, image_id


def read_lists(splits: str | Path) -> dict[str, list[tuple[str, str]]]:
    """The official file lists: split -> [(Cityscapes name, MiniCity image id)], where a name is ``<city>/<image>``.

    ``train.txt`` and ``val.txt`` hold names out of Cityscapes train, ``test.csv`` names out of Cityscapes val with
    their MiniCity ids.

    Raises:
        UserError: a missing or malformed list.
    """
    lists = {}
    for split, file in (("train", "train.txt"), ("val", "val.txt"), ("test", "test.csv")):
        lists[split] = read_list(Path(splits) / file)
        for name, _ in lists[split]:
            parts = name.split("/")
            if len(parts) != 2 or not all(map(IMAGE_ID.fullmatch, parts)):
                raise UserError(f"{Path(splits) / file}: {name!r} is not of the form <city>/<image>")
    return {
        split: [(name, image_id or name.partition("/")[2]) for name, image_id in names]
        for split, names in lists.items()
    }


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
            label, instance = (truth / f"{image_id}_gtFine_{kind}.png" for kind in ("labelIds", "instanceIds"))
            rows.append(listing_row(split, image_id, image, label, instance, instance_needed=True))
    return pd.DataFrame(rows, columns=list(LISTING_COLUMNS))
