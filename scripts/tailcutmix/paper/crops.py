"""Crops out of the tail subsets, and outlines of classes, as figures show them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, cast

import cv2
import numpy as np
import pandas as pd

from tailcutmix.dataset.images import read_image, read_label
from tailcutmix.errors import UserError, cured_by
from tailcutmix.labels import LabelTable
from tailcutmix.paper.material import Material
from tailcutmix.tail.subsets import read_boxes


class Crop(NamedTuple):
    """A crop of a tail subset: (h, w, 3) uint8 RGB, (h, w) uint8 label ids, and its box in the whole image."""

    image: np.ndarray
    label: np.ndarray
    box: tuple[int, int, int, int]


@dataclass(frozen=True)
class Subset:
    """Where the subset B1 of a tail class lies: its table of boxes, and level -> the folder of crops."""

    boxes: Path
    levels: Mapping[int, Path]


def subsets_of(material: Material) -> dict[str, Subset]:
    """Class name -> its subset, for every tail class of the material."""
    levels: dict[str, dict[int, Path]] = {boxes.class_name: {} for boxes in material.boxes}
    for folder in material.levels:
        levels[folder.class_name][folder.level] = folder.path
    return {boxes.class_name: Subset(boxes.path, levels[boxes.class_name]) for boxes in material.boxes}


def choose_region(boxes: pd.DataFrame, share: float = 0.6) -> tuple[str, int] | None:
    """A region that shows well: the largest tight box that is at most three times as long as wide and whose highest
    level covers at most `share` of its image; where there is none such, the one whose highest level covers least.

    Args:
        boxes: ``boxes.csv`` as :func:`tailcutmix.tail.subsets.read_boxes` gives it.

    Returns:
        (image_id, region), or None where there is no region.
    """
    if boxes.empty:
        return None
    sides = boxes[["w", "h"]]
    frame = boxes[["image_id", "region", "level"]].assign(
        area=sides.prod(axis=1),
        aspect=sides.max(axis=1) / sides.min(axis=1),
        cover=sides.prod(axis=1) / (boxes["image_width"] * boxes["image_height"]),
    )
    groups = frame.sort_values("level", kind="stable").groupby(["image_id", "region"])
    regions = groups.agg(area=("area", "first"), aspect=("aspect", "first"), cover=("cover", "last"))
    fitting = regions[(regions["cover"] <= share) & (regions["aspect"] <= 3)]
    best = fitting["area"].idxmax() if len(fitting) else regions["cover"].idxmin()
    image_id, region = cast(tuple[str, int], best)  # the index has two levels
    return str(image_id), int(region)


def crops_of(subset: Subset, region: tuple[str, int]) -> list[Crop]:
    """The crops of one region (image_id, region) of a subset, one per level."""
    image_id, number = region
    boxes = read_boxes(subset.boxes)
    boxes = boxes[(boxes["image_id"] == image_id) & (boxes["region"] == number)]
    levels = boxes[["level", "x", "y", "w", "h"]].itertuples(index=False)
    box_of = {level: (x, y, w, h) for level, x, y, w, h in levels}
    crops = []
    for level, folder in subset.levels.items():
        stem = folder / f"{image_id}_{number}"
        with cured_by(f"delete the folder {folder} and run again"):
            if level not in box_of:
                raise UserError(f"{subset.boxes}: lacks level {level} of region {number} of {image_id}")
            crop = Crop(read_image(f"{stem}.png"), read_label(f"{stem}_label.png"), box_of[level])
            if not crop.image.shape[:2] == crop.label.shape == crop.box[:1:-1]:
                raise UserError(f"{stem}.png: not of the size of its box")
            crops.append(crop)
    return crops


def outline(mask: np.ndarray) -> list[np.ndarray]:
    """Closed outlines of a (H, W) bool mask, each (n, 2) float pixel edges (x, y), ready to plot over the image."""
    # one pixel of the mask becomes a square of three, so that contours run between pixels and not through them
    large = np.kron(np.pad(mask, 1), np.ones((3, 3), np.uint8))
    found, _ = cv2.findContours(large.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    lines = [line[:, 0, :] for line in found]
    return [np.vstack([line, line[:1]]) / 3.0 - 1.0 - 1 / 3 for line in lines]


def colour_code(label: np.ndarray, labels: LabelTable) -> np.ndarray:
    """(H, W) label ids -> (H, W, 3) uint8 RGB in the colours of the label table; ignored labels are black."""
    colours: np.ndarray = labels.class_colours[labels.to_train_id[label]]
    return colours
