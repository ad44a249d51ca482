"""Where the files of a set lie: patterns of their names, and the walk that finds them. Nothing is opened here.

Without pandas: Snakemake's own process asks which splits a set has, in an environment that may hold nothing else.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tailcutmix.errors import UserError
from tailcutmix.plan.settings.data import Dataset, Files

SPLITS = ("train", "val", "test")
SPLIT_FOLDERS = {"train": ("train", "training"), "val": ("val", "validation", "valid"), "test": ("test", "testing")}
"""What ``{split}`` may be called; the first that exists is taken."""

LOSSLESS = (".png", ".webp", ".bmp", ".tif", ".tiff")
LOSSY = (".jpg", ".jpeg")
IMAGE_TYPES = (*LOSSLESS, *LOSSY)
"""Endings that are read, in upper or lower case; those of labels are LOSSLESS."""

ID, SPLIT, ANY = "{id}", "{split}", ".*"


@dataclass(frozen=True)
class Pattern:
    """Where files of one kind lie, relative to the root: ``folder``, any sub-folders, and a name about ``{id}``.

    ``folder`` may hold ``{split}``. A name that ends in ``.*`` stands for every ending in ``types``.
    """

    folder: str
    before: str
    after: str
    types: tuple[str, ...]

    @classmethod
    def read(cls, text: str, key: str, default_folder: str, types: tuple[str, ...]) -> "Pattern":
        """The pattern ``folder/name``, or a name alone, which lies in ``default_folder``.

        Raises:
            UserError: not exactly one ``{id}``, and in the name; or an ending that is not read.
        """
        folder, slash, name = text.rpartition("/")
        if name.count(ID) != 1 or ID in folder:
            raise UserError(f"config: dataset.files.{key} is {text!r}; its file name must hold {ID} once")
        before, after = name.split(ID)
        ending = Path(f"x{after}").suffix
        if ending in ("", ANY):
            return cls(folder if slash else default_folder, before, after.removesuffix(ANY), types)
        if ending.lower() not in types:
            why = "; JPEG changes label ids" if ending.lower() in LOSSY else ""
            raise UserError(
                f"config: dataset.files.{key} is {text!r}; its ending must be one of {', '.join(types)}{why}"
            )
        return cls(folder if slash else default_folder, before, after.removesuffix(ending), (ending.lower(),))

    def id_of(self, name: str) -> str | None:
        """The id in a file's name, or None where the name does not fit."""
        stem, ending = os.path.splitext(name)
        if name.startswith(".") or ending.lower() not in self.types:  # ._x.png: a Mac's notes on x.png
            return None
        if not (stem.startswith(self.before) and stem.endswith(self.after)):
            return None
        return stem[len(self.before) : len(stem) - len(self.after)] or None

    def under(self, root: Path, split: str) -> Path:
        """The folder of a split, by the first of its names that exists."""
        folders = [root / self.folder.replace(SPLIT, name) for name in SPLIT_FOLDERS[split]]
        return next((folder for folder in folders if folder.is_dir()), folders[0])

    def find(self, root: Path, split: str) -> Iterator[tuple[str, str, Path]]:
        """(sub-folder, id, path) of every file of a split, in the order of their paths."""
        folder = self.under(root, split)
        for path in walk(folder):
            image_id = self.id_of(path.name)
            if image_id is not None:
                yield path.parent.relative_to(folder).as_posix(), image_id, path

    def path(self, root: Path, split: str, place: str, image_id: str) -> Path:
        """Where the file of an id is expected."""
        return self.under(root, split) / place / f"{self.before}{image_id}{self.after}{self.types[0]}"


@dataclass(frozen=True)
class Layout:
    """Where the images, labels and instance ids of a set lie, and the list of a split's ids ("" for every image)."""

    image: Pattern
    label: Pattern
    instance: Pattern
    ids: str = ""

    def listed(self, root: Path, split: str) -> set[str] | None:
        """The ids of a split by its list; None where there are no lists, and no id where this split has none."""
        if not self.ids:
            return None
        path = root / self.ids.replace(SPLIT, split)
        try:
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except FileNotFoundError:
            return set()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{path}: not a readable list of ids ({error}); it holds one id per line") from None
        return {line.split()[0].rpartition("/")[2] for line in lines if line.strip()}


def layout_of(files: Files, root: Path) -> Layout:
    """The layout of source ``folders``: the keys of the configuration, over the folders that there are.

    Raises:
        UserError: a pattern that cannot be, or neither leftImg8bit/ nor images/ where a pattern names no folder.
    """
    cityscapes = (root / "leftImg8bit").is_dir()
    defaults = {
        "image": f"leftImg8bit/{SPLIT}/{ID}_leftImg8bit.*" if cityscapes else f"images/{SPLIT}/{ID}.*",
        "label": f"gtFine/{SPLIT}/{ID}_gtFine_labelIds.*" if cityscapes else f"labels/{SPLIT}/{ID}.*",
        "instance": f"gtFine/{SPLIT}/{ID}_gtFine_instanceIds.*" if cityscapes else f"instances/{SPLIT}/{ID}.*",
    }
    if not cityscapes and not (root / "images").is_dir() and "/" not in files.image:
        raise UserError(
            f"{root}: holds neither leftImg8bit/ nor images/; move the files, or say where they lie by "
            "dataset.files.image and dataset.files.label (docs/data.md)"
        )

    def pattern(key: str, types: tuple[str, ...]) -> Pattern:
        given = getattr(files, key) or defaults[key]
        return Pattern.read(given, key, defaults[key].rpartition("/")[0], types)

    layout = Layout(pattern("image", IMAGE_TYPES), pattern("label", LOSSLESS), pattern("instance", LOSSLESS), files.ids)
    if SPLIT not in layout.image.folder and SPLIT not in layout.ids:
        raise UserError(
            f"config: dataset.files.image is {files.image!r}: {SPLIT} must be among its folders or in dataset.files.ids"
        )
    return layout


def splits_of(dataset: Dataset, folder: str | Path = ".") -> tuple[str, ...]:
    """The splits in which a set has images, by a look at its folders; all three where the root is not there yet."""
    root = Path(folder) / dataset.root
    if dataset.source not in ("folders", "camvid", "minicity") or not dataset.root or not root.is_dir():
        return SPLITS
    try:
        return tuple(split for split in SPLITS if split == "train" or _holds(dataset, root, split))
    except UserError:  # said by the job that lists the images
        return SPLITS


def _holds(dataset: Dataset, root: Path, split: str) -> bool:
    if dataset.source == "folders":
        layout = layout_of(dataset.files, root)
        listed = layout.listed(root, split)
        return bool(listed) if listed is not None else any(True for _ in layout.image.find(root, split))
    where = root / split if dataset.source == "camvid" else root / "leftImg8bit" / split
    return any(path.suffix.lower() in IMAGE_TYPES for path in walk(where))


def walk(folder: Path) -> Iterator[Path]:
    """Every file under a folder, linked folders too, in the order of paths; a circle of links is walked once."""
    seen = set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__MACOSX")
        yield from (Path(parent) / name for name in sorted(names))
