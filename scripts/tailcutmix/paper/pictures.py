"""Predictions as pictures: which images, which part of them, and what is marked there."""

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from tailcutmix.labels import IGNORE, LabelTable
from tailcutmix.paper.classes import read_classes
from tailcutmix.paper.crops import outline
from tailcutmix.paper.material import Material
from tailcutmix.paper.style import new_figure

RIGHT, WRONG = "#0072B2", "#FFB000"
"""Of pixels that became right or wrong; in grey the first is dark and the second light."""

STRIDE = 2
"""Images are compared at every second pixel: enough to choose among them."""

WINDOW = 0.5
"""Shown is a window of this part of the image's width and height: tail objects are small."""


def tail_of(material: Material, labels: LabelTable) -> list[int]:
    """Train ids of the tail, the most frequent class first; of every class where the tail is empty."""
    classes = read_classes(None, material.buckets)
    tail = classes["class"][classes["bucket"] == "tail"]
    return [labels.class_of(name).train_id for name in (tail if len(tail) else classes["class"])]


def best_window(mask: np.ndarray, part: float = WINDOW) -> tuple[slice, slice]:
    """Rows and columns of the window of `part` of a (H, W) bool mask's sides that holds most of it."""
    height, width = (max(1, round(side * part)) for side in mask.shape)
    sums = cv2.integral(mask.astype(np.uint8))
    held = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    y, x = (int(np.median(places)) for places in np.nonzero(held == held.max()))
    if held[y, x] < held.max():
        y, x = (int(place) for place in np.unravel_index(held.argmax(), held.shape))
    return slice(y, y + height), slice(x, x + width)


def choose_rows(change: np.ndarray, present: np.ndarray, classes: Sequence[int], rows: int) -> list[tuple[int, int]]:
    """(image, class) of each row: gains and losses in turn, the largest first, the gains above.

    A class is only chosen in an image that shows it, every image once, and classes not yet shown first. Where there is
    no loss, there are gains only, and the other way round.

    Args:
        change: (N, C) pixels by which an image got better in a class, negative where it got worse.
        present: (N, C) bool, where the class is in the truth or in a prediction.
        classes: the train ids that may head a row.
    """
    table, free = change[:, list(classes)].astype(float), present[:, list(classes)].copy()
    chosen: list[tuple[float, int, int]] = []
    while free.any() and len(chosen) < rows:
        wanted = 1.0 if len(chosen) % 2 == 0 else -1.0
        worth = wanted * table
        if not (free & (worth > 0)).any():
            worth = np.abs(table)
        worth = np.where(free, np.maximum(worth, 0.0), -1.0)
        image, place = (int(number) for number in np.unravel_index(worth.argmax(), worth.shape))
        chosen.append((np.sign(table[image, place]), image, int(classes[place])))
        table[:, place] /= 1e9
        free[image] = False
    return [(image, b) for _, image, b in sorted(chosen, key=lambda row: -row[0])]


def short_id(image_id: str, length: int = 26) -> str:
    """An image id that fits beneath a picture: the middle of a long one is left out."""
    half = (length - 1) // 2
    return image_id if len(image_id) <= length else f"{image_id[:half]}…{image_id[-half:]}"


def bare(axes: Axes, below: str = "") -> None:
    """A picture without frame and ticks, with a word below."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    if below:
        axes.set_xlabel(below, fontsize=9, color="#333333", labelpad=2)


def mark(axes: Axes, mask: np.ndarray, colour: str = "white", width: float = 1.3) -> None:
    """Outline a (H, W) bool mask, so that it is seen on any ground: a light line within a dark one."""
    lines = outline(mask)
    for line_colour, line_width in (("black", 2.2 * width), (colour, width)):
        axes.add_collection(LineCollection(lines, colors=line_colour, linewidths=line_width), autolim=False)


def over_grey(image: np.ndarray, right: np.ndarray, wrong: np.ndarray) -> np.ndarray:
    """(H, W, 3) float 0..1: the image in pale grey, and over it the pixels (H, W) bool that became right or wrong."""
    grey = 0.35 + 0.65 * image.mean(2, keepdims=True) / 255.0
    picture = np.repeat(0.3 + 0.7 * grey, 3, axis=2)
    for mask, colour in ((right, RIGHT), (wrong, WRONG)):
        picture[mask] = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255.0
    clipped: np.ndarray = np.clip(picture, 0.0, 1.0)
    return clipped


def class_legend(seen: Iterable[int], labels: LabelTable) -> list[Patch]:
    """Handles for the colours of train ids, 255 as "not evaluated"."""
    names = {b: labels.classes[b].name if b != IGNORE else "not evaluated" for b in sorted(seen)}
    return [
        Patch(facecolor=labels.class_colours[b] / 255, edgecolor="#444444", linewidth=0.5, label=name)
        for b, name in names.items()
    ]


def words_only(words: str) -> Figure:
    """In place of a figure that has nothing to show: a line that says why."""
    figure = new_figure(0.085 * len(words) + 0.4, 0.5)
    figure.text(0.5, 0.5, words, ha="center", va="center")
    return figure
