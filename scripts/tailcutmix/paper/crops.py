"""Crops out of the tail subsets, and one multi-level cutmix of them, for Figures 1 and 2."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd

from tailcutmix.dataset.images import read_image, read_label
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


def subset_folders(level_folders: Iterable[str | Path]) -> dict[str, Path]:
    """Class slug -> ``subsets/<class>``, in order, from the level folders in it (or the folders themselves)."""
    folders = (Path(path) for path in level_folders)
    classes = (folder.parent if folder.name.startswith("level") else folder for folder in folders)
    return {folder.name: folder for folder in classes}


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
    image_id, region = fitting["area"].idxmax() if len(fitting) else regions["cover"].idxmin()
    return str(image_id), int(region)


def read_crops(folder: Path, levels: Sequence[int], region: tuple[str, int]) -> list[Crop]:
    """The crops of one region of ``subsets/<class>``, one per level."""
    return crops_of(Subset(folder / "boxes.csv", {level: folder / f"level{level}" for level in levels}), region)


def crops_of(subset: Subset, region: tuple[str, int]) -> list[Crop]:
    """The crops of one region (image_id, region) of a subset, one per level."""
    image_id, number = region
    boxes = read_boxes(subset.boxes)
    boxes = boxes[(boxes["image_id"] == image_id) & (boxes["region"] == number)].set_index("level")
    return [
        Crop(
            read_image(folder / f"{image_id}_{number}.png"),
            read_label(folder / f"{image_id}_{number}_label.png"),
            tuple(int(boxes.at[level, side]) for side in ("x", "y", "w", "h")),
        )
        for level, folder in subset.levels.items()
    ]


def paste_crop(
    image: np.ndarray, label: np.ndarray, crop: Crop, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, tuple[int, int, int, int]]:
    """Multi-level cutmix as in section 3 of the report: X_a(P) = XB1_a, Y_a(P) = YB1_a, for display.

    The whole rectangle is pasted, image and label, void included; P is uniform over the places where it lies inside.
    A crop larger than the image is first scaled to fit.

    Args:
        image, label: (H, W, 3) uint8 and (H, W) uint8 label ids; they are left as they are.
        random: draws P; its state alone decides the result.

    Returns:
        the mixed image and label, and the patch's (x, y, w, h).
    """
    patch, patch_label = crop.image, crop.label
    factor = min(1.0, *(a / b for a, b in zip(image.shape[:2], patch.shape[:2], strict=True)))
    if factor < 1:
        size = tuple(max(1, int(side * factor)) for side in patch.shape[1::-1])
        patch = cv2.resize(patch, size, interpolation=cv2.INTER_AREA)
        patch_label = cv2.resize(patch_label, size, interpolation=cv2.INTER_NEAREST)
    h, w = patch_label.shape
    y = int(random.integers(image.shape[0] - h + 1))
    x = int(random.integers(image.shape[1] - w + 1))
    image, label = image.copy(), label.copy()
    image[y : y + h, x : x + w] = patch
    label[y : y + h, x : x + w] = patch_label
    return image, label, (x, y, w, h)


def outline(mask: np.ndarray) -> list[np.ndarray]:
    """Closed outlines of a (H, W) bool mask, each (n, 2) float pixel edges (x, y), ready to plot over the image."""
    # one pixel of the mask becomes a square of three, so that contours run between pixels and not through them
    large = np.kron(np.pad(mask, 1), np.ones((3, 3), np.uint8))
    found, _ = cv2.findContours(large.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    lines = [line[:, 0, :] for line in found]
    return [np.vstack([line, line[:1]]) / 3.0 - 1.0 - 1 / 3 for line in lines]


def colour_code(label: np.ndarray, labels: LabelTable) -> np.ndarray:
    """(H, W) label ids -> (H, W, 3) uint8 RGB in the colours of the label table; ignored labels are black."""
    return labels.class_colours[labels.to_train_id[label]]
