"""Writing of ToyCity in MiniCity's folders: numbers and sizes of images -> PNG files."""

import hashlib
import json
import logging
import multiprocessing
import shutil
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import cv2
from tqdm import tqdm

from tailcutmix.dataset.images import write_png
from tailcutmix.errors import UserError
from tailcutmix.files import replacing
from toycity.scene import render

CITIES = ("aldermoor", "brockwick", "corvenfeld", "dunmarsh", "elmhaven", "falkenrode", "grauwasser", "hollerbach")
RECORD = "toycity.json"
SMALLEST = (48, 64)


@dataclass(frozen=True)
class Settings:
    """What to draw: ``dataset.toycity`` of the configuration.

    Attributes:
        train, val, test: images of each split; every class is in 3 train, 2 val and 2 test images at least, where a
            split has 16 images or more.
        height, width: in pixels.
        seed: of the whole set. Image ``index`` of a split depends on the seed, the split, the index and the size alone.

    Raises:
        UserError: sizes or numbers that are too small.
    """

    train: int
    val: int
    test: int
    height: int
    width: int
    seed: int = 0

    def __post_init__(self):
        if self.train < 1 or min(self.val, self.test) < 0:
            raise UserError("dataset.toycity: train must be 1 at least, and val and test 0")
        if self.height < SMALLEST[0] or self.width < SMALLEST[1]:
            size, least = f"{self.width}x{self.height}", f"{SMALLEST[1]}x{SMALLEST[0]}"
            raise UserError(f"dataset.toycity: {size} is too small; {least} is the least")


def generate(root: str | Path, settings: Settings, processes: int = 1) -> None:
    """Draw ToyCity into ``leftImg8bit/{train,val,test}`` and ``gtFine/{train,val,test}`` under ``root``.

    Train and val images are named ``<city>_<seq6>_<frame6>``, test images by a 64-bit number; unlike MiniCity's, the
    test labels are there too, so that a local test score is possible. An older ToyCity in ``root`` is replaced.

    Args:
        root: the folder of the data set.
        settings: what to draw.
        processes: images drawn at the same time.

    Raises:
        UserError: a ``root`` that holds other images.
    """
    root = Path(root)
    _clear(root)
    with replacing(root / RECORD) as temporary:
        temporary.write_text(json.dumps(asdict(settings), indent=1) + "\n")
    counts = {"train": settings.train, "val": settings.val, "test": settings.test}
    images = [(split, index) for split, count in counts.items() for index in range(count)]
    draw = partial(_draw, root, settings)
    bar = partial(tqdm, total=len(images), desc="ToyCity", unit="image", disable=len(images) < 500)
    if processes > 1:
        # forked, because a spawned child would run a calling script without main guard again
        context = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(processes, mp_context=context, initializer=cv2.setNumThreads, initargs=(0,)) as pool:
            list(bar(pool.map(draw, images, chunksize=4)))
    else:
        list(bar(map(draw, images)))
    written = ", ".join(f"{count} {split}" for split, count in counts.items())
    logging.info("ToyCity: %s images of %dx%d", written, settings.width, settings.height)


def image_id(seed: int, split: str, index: int) -> str:
    """Name of an image: city, sequence and frame, or for test a number below 2^64."""
    if split == "test":
        return str(int.from_bytes(hashlib.sha256(f"{seed} {index}".encode()).digest()[:8], "big"))
    sequence = index + (500_000 if split == "val" else 0)
    return f"{CITIES[index % len(CITIES)]}_{sequence:06d}_000019"


def _clear(root: Path) -> None:
    """Remove an older ToyCity, and nothing else."""
    for folder in (root / "leftImg8bit", root / "gtFine"):
        if folder.exists():
            if not (root / RECORD).exists():
                raise UserError(f"{folder}: holds images that ToyCity did not draw; give dataset.root another folder")
            shutil.rmtree(folder)


def _draw(root: Path, settings: Settings, image: tuple[str, int]) -> None:
    split, index = image
    picture, labels, instances = render(settings.seed, split, index, settings.height, settings.width)
    name = image_id(settings.seed, split, index)
    suffix = "" if split == "test" else "_leftImg8bit"
    write_png(root / "leftImg8bit" / split / f"{name}{suffix}.png", picture)
    write_png(root / "gtFine" / split / f"{name}_gtFine_labelIds.png", labels)
    write_png(root / "gtFine" / split / f"{name}_gtFine_instanceIds.png", instances)
