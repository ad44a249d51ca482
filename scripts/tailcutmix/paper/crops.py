"""Crops out of the tail subsets, and outlines of classes, as figures show them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd

from tailcutmix.dataset.images import read_image, read_label
from tailcutmix.errors import UserError, cured_by
from tailcutmix.labels import LabelTable
from tailcutmix.paper.material import Material
from tailcutmix.tail.subsets import read_boxes

CANDIDATES = 24
"""Regions of a class that are looked at to choose one."""


TightCrop = Callable[[str, int], tuple[np.ndarray, np.ndarray]]


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


def choose_region(boxes: pd.DataFrame, tight: TightCrop) -> tuple[str, int] | None:
    """A region that stands for its class: that which :func:`looks` best, of the CANDIDATES with the largest tight box.

    Args:
        boxes: ``boxes.csv`` of the class as :func:`tailcutmix.tail.subsets.read_boxes` gives it.
        tight: (image_id, region) -> (h, w, 3) uint8 RGB of its tight box, and (h, w) bool, the class in it.

    Returns:
        (image_id, region), or None where there is no region.
    """
    boxes = boxes.assign(area=boxes["w"] * boxes["h"]).sort_values(
        ["level", "area"], ascending=[True, False], kind="stable"
    )
    candidates = boxes[boxes["level"] == boxes["level"].min()].head(CANDIDATES)
    best, found = -1.0, None
    for image_id, number in zip(candidates["image_id"], candidates["region"], strict=True):
        areas = boxes["area"][(boxes["image_id"] == image_id) & (boxes["region"] == number)]
        of_image = candidates["image_width"].iloc[0] * candidates["image_height"].iloc[0]
        value = looks(*tight(str(image_id), int(number)), areas.to_numpy(float) / of_image)
        if value > best:
            best, found = value, (str(image_id), int(number))
    return found


def choose_of_subset(subset: Subset, class_id: int) -> tuple[str, int] | None:
    """:func:`choose_region` among the crops of a subset, of the class with this label id."""
    boxes = read_boxes(subset.boxes)

    def tight(image_id: str, region: int) -> tuple[np.ndarray, np.ndarray]:
        crop = crops_of(subset, (image_id, region), boxes)[0]
        return crop.image, crop.label == class_id

    return choose_region(boxes, tight)


def looks(image: np.ndarray, mask: np.ndarray, areas: np.ndarray) -> float:
    """How well a region stands for its class, 0..1.

    The product of: how large its tight box is, up to 2 % of the image; how much of that box is the class; how far it is
    from long and thin, up to 1:2; whether it is neither dark nor washed out and has contrast; and whether each level is
    at least half as large again as the one before it.

    Args:
        image: (h, w, 3) uint8, the tight crop; mask: (h, w) bool, the class in it.
        areas: of the boxes as parts of the image's area, level by level.
    """
    grey = image.mean(2)[mask]
    if not grey.size:
        return 0.0
    h, w = mask.shape
    size = min(1.0, 50 * areas[0]) ** 0.5
    shape = min(1.0, 2 * min(h, w) / max(h, w))
    light = np.clip((min(grey.mean(), 255 - grey.mean()) - 15) / 45, 0.05, 1.0)
    contrast = np.clip(grey.std() / 25, 0.2, 1.0)
    growth = np.clip((areas[1:] / areas[:-1] - 1) / 0.5, 0.5, 1.0).prod()
    return float(size * mask.mean() * shape * light * contrast * growth)


def crops_of(subset: Subset, region: tuple[str, int], boxes: pd.DataFrame | None = None) -> list[Crop]:
    """The crops of one region (image_id, region) of a subset, one per level; ``boxes``: its table, if at hand."""
    image_id, number = region
    boxes = read_boxes(subset.boxes) if boxes is None else boxes
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
