"""The same picture in two splits: a score then tells how well a network remembers, not how well it sees."""

from collections import defaultdict
from contextlib import suppress
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd

from tailcutmix.dataset.images import length_of
from tailcutmix.dataset.manifest import sha256
from tailcutmix.errors import UserError

SIDE = 16
"""Sides of a thumbnail."""

SAMPLES = 8
"""Pixels per side of what one pixel of a thumbnail is the mean of."""

ALIKE = 4.0
"""Root mean square difference of two thumbnails, in 0..255, up to which they are of one picture.

JPEG of quality 40 makes 2.4 of a noisy image of 128x256.
"""

FLAT = 4.0
"""Standard deviation of a thumbnail up to which it shows nothing to tell pictures apart by."""

_BLOCK = 256
"""Thumbnails that are compared with all others at a time."""


class Shared(NamedTuple):
    """An image of one split that a later split has too: split and path of both."""

    split: str
    path: str
    other_split: str
    other_path: str


def same_files(listing: pd.DataFrame) -> list[Shared]:
    """Images of two splits with the same bytes. Only those of one length are read, which are hardly ever any others."""
    by_length: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for split, path in zip(listing["split"], listing["image"], strict=True):
        with suppress(UserError):  # of a missing file, which is named by who decodes it
            by_length[length_of(path)].append((split, path))
    by_content: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for entries in by_length.values():
        if len({split for split, _ in entries}) > 1:
            for entry in entries:
                with suppress(UserError):
                    by_content[sha256(entry[1])].append(entry)
    return [shared for entries in by_content.values() for shared in _across(entries)]


def same_ids(listing: pd.DataFrame) -> list[Shared]:
    """Images of two splits with the same id."""
    by_id: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for image_id, split, path in zip(listing["image_id"], listing["split"], listing["image"], strict=True):
        by_id[image_id].append((split, path))
    return [shared for entries in by_id.values() for shared in _across(entries)]


def _across(entries: list[tuple[str, str]]) -> list[Shared]:
    """The first image of each split, beside the first of all."""
    first = dict(reversed(entries))
    (split, path), *others = ((split, first[split]) for split in dict.fromkeys(split for split, _ in entries))
    return [Shared(split, path, *other) for other in others]


def thumbnail(image: np.ndarray) -> np.ndarray:
    """(SIDE * SIDE * 3,) float32, 0..255: means of a grid of pixels of (H, W, 3) uint8, which may lie on disk.

    Pixels between those of the grid are not touched, so that it costs little of what decoding does.
    """
    down, right = (max(1, side // (SIDE * SAMPLES)) for side in image.shape[:2])
    grid = np.ascontiguousarray(image[::down, ::right]).astype(np.float32)
    return cv2.resize(grid, (SIDE, SIDE), interpolation=cv2.INTER_AREA).reshape(-1)


def look_alikes(train: np.ndarray, others: np.ndarray) -> list[tuple[int, int]]:
    """Images of train and of another split that look the same, such as one picture that was saved in two ways.

    Args:
        train, others: (N, SIDE * SIDE * 3) and (M, the same) of :func:`thumbnail`.

    Returns:
        (row of train, row of the others) of each such pair; flat images are passed over.
    """
    found = []
    rows, columns = (np.flatnonzero(thumbnails.std(axis=1) > FLAT) for thumbnails in (train, others))
    a, b = train[rows], others[columns]
    for start in range(0, len(a), _BLOCK):
        block = a[start : start + _BLOCK]
        squares = np.square(block).sum(1)[:, None] + np.square(b).sum(1) - 2 * block @ b.T
        alike = np.argwhere(squares <= ALIKE**2 * a.shape[1])
        found += [(int(rows[start + row]), int(columns[column])) for row, column in alike]
    return found
