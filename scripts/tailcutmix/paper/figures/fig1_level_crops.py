"""Fig. 1: what the levels of subset B1 look like."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from tailcutmix.dataset.manifest import read_manifest
from tailcutmix.labels import read_labels
from tailcutmix.paper.classes import read_classes
from tailcutmix.paper.crops import Crop, choose_of_subset, crops_of, subsets_of
from tailcutmix.paper.material import Material
from tailcutmix.paper.pictures import bare, mark, words_only
from tailcutmix.paper.scored import image_of
from tailcutmix.paper.style import save, styled

ROWS = 4

WIDTH, HIGHEST, GAP = 12.0, 2.4, 0.12
"""Inches: of a row, of a picture at most, and between pictures; a word of the row's class stands on its left."""

CLASS_COLOUR = "#FFDD00"
BOX_COLOURS, BOX_LINES = ("#FFFFFF", "#7FDBFF", "#FF9DE2"), ("-", (0, (4, 2)), (0, (1, 1.2)))
"""Of the levels in turn; on any ground, with a dark line behind."""


@styled
def make(material: Material, stem: Path) -> None:
    """One row per tail class, the rarest ROWS of those with crops: the image with every level's box, and each crop.

    The class is outlined in the crops. One region throughout: that which stands best for its class.
    """
    labels, subsets = read_labels(material.labels), subsets_of(material)
    levels = list(dict.fromkeys(folder.level for folder in material.levels))
    order = [name for name in read_classes(None, material.buckets)["class"] if name in subsets]
    rows: list[tuple[str, np.ndarray, list[Crop]]] = []
    for name in reversed(order):
        region = choose_of_subset(subsets[name], labels.class_of(name).id) if len(rows) < ROWS else None
        if region is not None:
            listed = read_manifest(material.manifest, "train").to_dict("records")
            (row,) = (row for row in listed if row["image_id"] == region[0])
            rows.append((name, image_of(row), crops_of(subsets[name], region)))
    rows.reverse()
    if not rows:
        save(words_only("no region of a tail class in the train split"), stem)
        return
    heights = [_height([image, *(crop.image for crop in crops)]) for _, image, crops in rows]
    above, below = 0.1, 0.3
    total = above + below + sum(heights) + 0.42 * len(rows)
    figure = Figure(figsize=(WIDTH + 0.6, total))
    top = total - above
    for (name, image, crops), height in zip(rows, heights, strict=True):
        pictures = [image, *(crop.image for crop in crops)]
        for axes, picture in zip(_row(figure, pictures, top, height), pictures, strict=True):
            axes.imshow(picture, aspect="auto", interpolation="nearest")
        whole, *rest = figure.axes[-len(pictures) :]
        whole.set_ylabel(name, fontweight="bold", fontsize=12)
        bare(whole, f"train image, {image.shape[1]} × {image.shape[0]} px")
        for number, crop in enumerate(crops):
            _draw_box(whole, crop.box, number)
        for axes, crop, level in zip(rest, crops, levels, strict=True):
            bare(axes, f"level {level}, {crop.label.shape[1]} × {crop.label.shape[0]} px")
            mark(axes, crop.label == labels.class_of(name).id, CLASS_COLOUR, 0.9)
        top -= height + 0.42
    handles: list[Any] = [
        (Line2D([], [], color="black", linewidth=3.2), Line2D([], [], color=colour, linewidth=1.6, linestyle=line))
        for colour, line in [*(_look(number) for number in range(len(levels))), (CLASS_COLOUR, "-")]
    ]
    words = [f"box of level {level}" for level in levels] + ["outline of the class"]
    figure.legend(handles, words, loc="lower center", ncols=len(words), handlelength=2.6)
    save(figure, stem)


def _look(number: int) -> tuple[str, Any]:
    """Colour and kind of line of the level of this number."""
    return BOX_COLOURS[number % len(BOX_COLOURS)], BOX_LINES[number % len(BOX_LINES)]


def _height(pictures: Sequence[np.ndarray]) -> float:
    """The height in inches at which pictures side by side fill the row, HIGHEST at most."""
    aspects: float = sum(picture.shape[1] / picture.shape[0] for picture in pictures)
    return min(HIGHEST, (WIDTH - GAP * (len(pictures) - 1)) / aspects)


def _row(figure: Figure, pictures: Sequence[np.ndarray], top: float, height: float) -> list[Axes]:
    """Axes for a row of pictures of one height, spread over the width of the sheet."""
    width, total = figure.get_size_inches()
    widths = [height * picture.shape[1] / picture.shape[0] for picture in pictures]
    gap = (WIDTH - sum(widths)) / max(1, len(widths) - 1)
    left, found = width - WIDTH - 0.1, []
    for one in widths:
        found.append(figure.add_axes((left / width, (top - height) / total, one / width, height / total)))
        left += one + gap
    return found


def _draw_box(axes: Axes, box: tuple[int, int, int, int], number: int) -> None:
    """The box of the level of this number in the whole image: a coloured line over a dark one."""
    x, y, w, h = box
    for colour, line, width in (("black", "-", 3.2), (*_look(number), 1.6)):
        axes.add_patch(
            Rectangle((x - 0.5, y - 0.5), w, h, fill=False, edgecolor=colour, linewidth=width, linestyle=line)
        )
