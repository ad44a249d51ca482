"""What the commands are given by name: lists of images, and label tables."""

import re
from pathlib import Path

from tailcutmix.dataset.images import read_size
from tailcutmix.dataset.manifest import read_manifest
from tailcutmix.dataset.minicity import read_list
from tailcutmix.errors import UserError
from tailcutmix.labels import LabelTable, read_labels

TABLES = Path(__file__).resolve().parents[3] / "config" / "labels"


def find_labels(name: str) -> LabelTable:
    """A label table by its name in config/labels or by its path."""
    known = TABLES / f"{name}.csv"
    return read_labels(known if known.exists() else name)


def read_names(path: str | Path) -> list[tuple[str, str]]:
    """(image name, name of its prediction without .png) in the order of the list; the second is "" where it follows
    from the first.

    Args:
        path: a file list for :func:`tailcutmix.dataset.minicity.read_list`: the id that ``test.csv`` gives is the name
            under which the challenge hands an image out. Folders before a name and ``_leftImg8bit`` after it are
            dropped.
    """
    return [(_stem(name), image_id) for name, image_id in read_list(path)]


def _stem(name: str) -> str:
    return re.sub(r"(_leftImg8bit)?(\.png)?$", "", name.rpartition("/")[2])


def expected_files(source: str | Path, split: str = "test") -> dict[str, tuple[int, int] | None]:
    """File name -> (height, width), None where the source does not say, of every PNG that a submission holds.

    Args:
        source: a manifest (``manifest.csv``, rows of `split`), a folder of test images, or a list for
            :func:`read_names`.
        split: split of the manifest.
    """
    source = Path(source)
    if source.is_dir():
        images = sorted(source.rglob("*.png"))
        if not images:
            raise UserError(f"{source}: holds no test image (*.png)")
        return {image.name: read_size(image) for image in images}
    if _is_manifest(source):
        rows = read_manifest(source, split)
        sizes = zip(rows["height"], rows["width"], strict=True)
        return {f"{image_id}.png": size for image_id, size in zip(rows["image_id"], sizes, strict=True)}
    return {f"{predicted or name}.png": None for name, predicted in read_names(source)}


def _is_manifest(path: Path) -> bool:
    """Whether the first line is that of a manifest; what cannot be read is not one."""
    try:
        with path.open() as file:
            return file.readline().startswith("image_id,")
    except (OSError, UnicodeDecodeError):
        return False
