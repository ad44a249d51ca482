"""Small packed data with a rare class, for the tests of mixing."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from tailcutmix.dataset.normalisation import MEAN, STD
from tailcutmix.tail.levels import BOX_COLUMNS, image_boxes
from tailcutmix.tail.regions import find_regions

CLASSES = 5
RARE = 4
SETTINGS = {
    "crop": [24, 32], "batch": 6, "augmentation": {"scale": [0.5, 2.0], "flip": True, "jitter": 0.3},
    "mixing": "none", "probability": 1.0, "cyc_draws": 4, "cyc_min_pixels": 1, "level_weights": None,
    "sampling": "images", "expand": 1, "data_device_gb": 1,
}  # fmt: skip


def packed(seed: int = 0, images: int = 7, height: int = 40, width: int = 56, rare_pixels: int = 3):
    """Images of noise whose labels are blocks of classes 0..3 and void; every second one holds a few pixels of RARE."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (images, height, width, 3), np.uint8)
    blocks = rng.choice(np.array([0, 1, 2, 3, 255], np.uint8), (images, height // 8, width // 8))
    labels = blocks.repeat(8, 1).repeat(8, 2)
    for n in range(0, images, 2):
        for _ in range(rare_pixels):
            labels[n, rng.integers(height), rng.integers(width)] = RARE
    return SimpleNamespace(images=pixels, labels=labels, image_ids=[f"image{n}" for n in range(images)])


def boxes(data, b: int = RARE, levels=(1, 2, 3)) -> pd.DataFrame:
    """The table ``boxes.csv`` of one class of packed data."""
    height, width = data.labels.shape[1:]
    rows = []
    for image_id, label in zip(data.image_ids, data.labels, strict=True):
        rows += image_boxes(image_id, find_regions(label, b)[0], levels, 0.5, 1.1, width, height)
    return pd.DataFrame(rows, columns=list(BOX_COLUMNS))


def to_uint8(images) -> np.ndarray:
    """(B, 3, h, w) normalised tensor -> (B, h, w, 3) uint8 RGB."""
    return np.rint((images.permute(0, 2, 3, 1).numpy() * STD + MEAN) * 255).astype(np.uint8)
