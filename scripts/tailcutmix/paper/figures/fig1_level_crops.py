"""Fig. 1: what the levels of subset B1 look like."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from tailcutmix.labels import read_labels
from tailcutmix.paper.classes import read_classes
from tailcutmix.paper.crops import Crop, choose_region, crops_of, outline, subsets_of
from tailcutmix.paper.material import Material
from tailcutmix.paper.style import new_figure, save, styled
from tailcutmix.tail.subsets import read_boxes

ROWS = 4

WIDTH, HEIGHT = 3.3, 2.1
"""Largest size of a crop, inches."""

CLASS_COLOUR, BOX_COLOUR = "#FFDD00", "#FFFFFF"


@styled
def make(material: Material, stem: Path) -> None:
    """One row per tail class, the rarest ROWS of those with crops; one column per level; the same region throughout.

    The class is outlined in yellow, and the level-1 box in white on the higher levels.
    """
    labels, subsets = read_labels(material.labels), subsets_of(material)
    levels = list(dict.fromkeys(folder.level for folder in material.levels))
    order = [name for name in read_classes(None, material.buckets)["class"] if name in subsets]
    chosen: list[tuple[str, list[Crop]]] = []
    for name in reversed(order):
        region = choose_region(read_boxes(subsets[name].boxes))
        if region is not None and len(chosen) < ROWS:
            chosen.append((name, crops_of(subsets[name], region)))
    chosen.reverse()
    if not chosen:
        figure = new_figure(4.4, 0.5)
        figure.text(0.5, 0.5, "no region of a tail class in the train split", ha="center")
        save(figure, stem)
        return
    sizes = np.array([[_shown_size(crop) for crop in crops] for _, crops in chosen])
    widths, heights = (sizes[..., axis].max(axis, initial=least) for axis, least in ((0, 1.0), (1, 0.7)))
    figure = new_figure(sum(widths) + 0.25 * len(levels) + 0.6, sum(heights) + 0.42 * len(chosen) + 0.5)
    grid = figure.subplots(len(chosen), len(levels), squeeze=False, width_ratios=widths, height_ratios=heights)
    for row, (name, crops) in zip(grid, chosen, strict=True):
        class_id = labels.class_of(name).id
        for axes, crop in zip(row, crops, strict=True):
            axes.imshow(crop.image)
            _draw_overlay(axes, crop, crops[0], class_id)
            height, width = crop.label.shape
            axes.set_xlabel(f"{width} × {height} px", fontsize=9, color="#555555", labelpad=3)
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_visible(False)
        row[0].set_ylabel(name, fontweight="bold", fontsize=12)
    for axes, level in zip(grid[0], levels, strict=True):
        axes.set_title(f"level {level}", loc="center")
    save(figure, stem)


def _shown_size(crop: Crop) -> tuple[float, float]:
    """(width, height) in inches of a crop scaled into WIDTH x HEIGHT."""
    height, width = crop.label.shape
    scale = min(WIDTH / width, HEIGHT / height)
    return width * scale, height * scale


def _draw_overlay(axes: Axes, crop: Crop, tight: Crop, class_id: int) -> None:
    for line in outline(crop.label == class_id):
        axes.plot(*line.T, color=CLASS_COLOUR, linewidth=1.2)
    if crop is not tight:
        x, y, w, h = tight.box
        corner = (x - crop.box[0] - 0.5, y - crop.box[1] - 0.5)
        axes.add_patch(Rectangle(corner, w, h, fill=False, edgecolor=BOX_COLOUR, linewidth=1.3, linestyle=(0, (4, 2))))
