"""ToyCity: a licence-free data set in the exact encoding and folders of MiniCity, drawn on demand.

It holds all 19 classes with MiniCity's long tail (see :mod:`toycity.plan`), instances and group
regions, void, any number of images at any size. Image ``index`` of a split depends on the seed, the split, the index
and the size alone.
"""

import hashlib
import json
import logging
import multiprocessing
import shutil
from concurrent.futures import ProcessPoolExecutor
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


def generate(
    root: str | Path,
    train: int,
    val: int,
    test: int,
    height: int,
    width: int,
    seed: int = 0,
    processes: int = 1,
) -> None:
    """Draw ToyCity into ``leftImg8bit/{train,val,test}`` and ``gtFine/{train,val,test}`` under ``root``.

    Train and val images are named ``<city>_<seq6>_<frame6>``, test images by a 64-bit number; unlike MiniCity's, the
    test labels are there too, so that a local test score is possible. An older ToyCity in ``root`` is replaced.

    Args:
        train, val, test: images of each split; every class is in 3 train, 2 val and 2 test images at least, where a
            split has 16 images or more.
        height, width: in pixels.
        processes: images drawn at the same time.

    Raises:
        UserError: sizes or numbers that are too small, or a ``root`` that holds other images.
    """
    root = Path(root)
    if train < 1 or min(val, test) < 0:
        raise UserError("dataset.toycity: train must be 1 at least, and val and test 0")
    if height < SMALLEST[0] or width < SMALLEST[1]:
        raise UserError(f"dataset.toycity: {width}x{height} is too small; {SMALLEST[1]}x{SMALLEST[0]} is the least")
    for folder in (root / "leftImg8bit", root / "gtFine"):
        if folder.exists():
            if not (root / RECORD).exists():
                raise UserError(f"{folder}: holds images that ToyCity did not draw; give dataset.root another folder")
            shutil.rmtree(folder)
    counts = {"train": train, "val": val, "test": test}
    jobs = [(split, index) for split, count in counts.items() for index in range(count)]
    settings = counts | {"height": height, "width": width, "seed": seed}
    with replacing(root / RECORD) as temporary:
        temporary.write_text(json.dumps(settings, indent=1) + "\n")
    work = partial(_write, root, seed, height, width)
    bar = partial(tqdm, total=len(jobs), desc="ToyCity", unit="image", disable=len(jobs) < 500)
    if processes > 1:
        # forked, because a spawned child would run a calling script without main guard again
        context = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(processes, mp_context=context, initializer=cv2.setNumThreads, initargs=(0,)) as pool:
            list(bar(pool.map(work, jobs, chunksize=4)))
    else:
        list(bar(map(work, jobs)))
    logging.info("ToyCity: %d train, %d val and %d test images of %dx%d", train, val, test, width, height)


def image_id(seed: int, split: str, index: int) -> str:
    """Name of an image: city, sequence and frame, or for test a number below 2^64."""
    if split == "test":
        return str(int.from_bytes(hashlib.sha256(f"{seed} {index}".encode()).digest()[:8], "big"))
    sequence = index + (500_000 if split == "val" else 0)
    return f"{CITIES[index % len(CITIES)]}_{sequence:06d}_000019"


def _write(root: Path, seed: int, height: int, width: int, job: tuple[str, int]) -> None:
    split, index = job
    image, labels, instances = render(seed, split, index, height, width)
    name = image_id(seed, split, index)
    suffix = "" if split == "test" else "_leftImg8bit"
    write_png(root / "leftImg8bit" / split / f"{name}{suffix}.png", image)
    write_png(root / "gtFine" / split / f"{name}_gtFine_labelIds.png", labels)
    write_png(root / "gtFine" / split / f"{name}_gtFine_instanceIds.png", instances)
