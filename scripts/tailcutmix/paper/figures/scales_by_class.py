"""Which scales count: by class, by the size of objects, and by what val chose for each class."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from tailcutmix.files import read_table
from tailcutmix.paper.classes import GROUPS, read_classes
from tailcutmix.paper.material import Material
from tailcutmix.paper.pictures import words_only
from tailcutmix.paper.style import BUCKET_COLOURS, new_figure, save, styled

WEIGHT = "weight_"
TRAINING = "training"

SHADES = ("#1B3A5C", "#4E86B0", "#A9CBE0", "#E4EEF5", "#F4D9A8", "#E69F00")
"""From the lowest scale to the highest."""

BINS = 8
"""Bins of object sizes at most; each holds as many objects."""


def mean_weights(objects: pd.DataFrame, by: pd.Series) -> pd.DataFrame:
    """Mean weight of each scale over the pixels of a group of objects; a row per value of ``by``, one column each."""
    columns = [column for column in map(str, objects) if column.startswith(WEIGHT)]
    sums = objects[columns].mul(objects["pixels"], axis=0).groupby(by, sort=True).sum()
    return sums.div(objects["pixels"].groupby(by, sort=True).sum(), axis=0)


def size_bins(pixels: pd.Series, bins: int = BINS) -> pd.Series:
    """The bin of each object: bounds are powers of two between which at least 1/``bins`` of the objects lie."""
    exponents = np.floor(np.log2(pixels.clip(lower=1))).astype(int)
    counts = exponents.value_counts().sort_index()
    bounds, held = {}, 0
    group = 0
    for exponent, count in counts.items():
        bounds[exponent] = group
        held += count
        if held >= len(pixels) / bins:
            group, held = group + 1, 0
    found: pd.Series = exponents.map(bounds)
    return found


@styled
def make(material: Material, stem: Path) -> None:
    """Stacked bars of the mean weight of each scale, on the left by true class, on the right by the size of an object.

    Between them, where per-class scales are chosen: the IoU on val with the training scales less that with all scales,
    one dot per seed, filled where the training scales were chosen.
    """
    if not material.objects:
        save(words_only("no network of these rows weighs several scales"), stem)
        return
    (file,) = material.objects
    objects = read_table(file.path, ("class", "pixels"))
    classes = read_classes(None, material.buckets)
    classes = classes.assign(place=classes["bucket"].map(GROUPS.index)).sort_values("place", kind="stable")
    order = classes["class"].tolist()
    by_class = mean_weights(objects, objects["class"]).reindex(order)
    scales = [column.removeprefix(WEIGHT) for column in map(str, by_class)]
    panels = [1.0, 0.9, 0.8] if material.scales else [1.0, 0.8]
    figure = new_figure(5.2 * sum(panels) + 1.0, max(3.6, 0.3 * len(order) + 1.6))
    grid = figure.subplots(1, len(panels), squeeze=False, width_ratios=panels)[0]
    _stack(grid[0], by_class, scales)
    grid[0].set_yticks(range(len(order)), order)
    for tick, bucket in zip(grid[0].get_yticklabels(), classes["bucket"], strict=True):
        tick.set_color(BUCKET_COLOURS[bucket])
    grid[0].set_title(f"{file.method.short}: weight by class", pad=26)
    grid[0].legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=len(scales), borderaxespad=0.2, handlelength=1.2,
                   columnspacing=1.0, handletextpad=0.4)  # fmt: skip
    if material.scales:
        _draw_choice(grid[1], [read_table(each.path, ("class", "iou_training_scales", "iou_full", "chosen"))
                               for each in material.scales], order)  # fmt: skip
    bins = size_bins(objects["pixels"])
    sizes = objects["pixels"].groupby(bins).agg(["min", "max", "size"])
    _stack(grid[-1], mean_weights(objects, bins), scales)
    grid[-1].set_yticks(range(len(sizes)), [f"{low}–{high}" for low, high in sizes[["min", "max"]].to_numpy()])
    grid[-1].set_ylabel("pixels of the object")
    for place, count in enumerate(sizes["size"]):
        grid[-1].annotate(f"{count}", (1, place), (4, 0), textcoords="offset points", va="center", fontsize=9)
    grid[-1].annotate("objects", (1.0, 1.0), (0, 4), xycoords="axes fraction", textcoords="offset points", fontsize=9)
    grid[-1].set_title("weight by size", pad=26)
    note = f"{objects['image_id'].nunique()} images of {material.split}; an object is a connected part of a class"
    figure.supxlabel(f"{note} in the truth; colours of names: buckets", fontsize=10, color="#444444")
    save(figure, stem)


def _stack(axes: Axes, weights: pd.DataFrame, scales: Sequence[str]) -> None:
    """One bar per row, a part per scale; the number stands in parts that are wide enough."""
    left = np.zeros(len(weights))
    shades = SHADES if len(scales) <= len(SHADES) else SHADES * len(scales)
    for column, scale, shade in zip(weights, scales, shades, strict=False):
        values = weights[column].to_numpy(float)
        axes.barh(range(len(weights)), values, left=left, height=0.8, color=shade, edgecolor="white", linewidth=0.6,
                  label=f"scale {scale}")  # fmt: skip
        for place, value in enumerate(values):
            if value > 0.12:
                axes.text(left[place] + value / 2, place, f"{value:.2f}".lstrip("0"), ha="center", va="center",
                          fontsize=8.5, color="white" if shade in SHADES[:2] else "black")  # fmt: skip
        left = left + np.nan_to_num(values)
    for place in np.flatnonzero(weights.isna().all(axis=1)).tolist():
        axes.text(0.02, place, "not in these images", va="center", fontsize=8.5, color="#666666")
    axes.set_xlim(0, 1)
    axes.set_ylim(len(weights) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines[["left", "bottom"]].set_visible(False)


def _draw_choice(axes: Axes, tables: Sequence[pd.DataFrame], order: Sequence[str]) -> None:
    """Dots of IoU(training scales) - IoU(all scales), one per seed."""
    offsets = np.linspace(-0.22, 0.22, len(tables)) if len(tables) > 1 else [0.0]
    for table, offset in zip(tables, offsets, strict=True):
        rows = table.set_index("class").reindex(list(order))
        gain = (rows["iou_training_scales"] - rows["iou_full"]).to_numpy(float)
        chosen = (rows["chosen"] == TRAINING).to_numpy()
        places = np.arange(len(order)) + offset
        for mask, fill in ((chosen, "#1B3A5C"), (~chosen, "white")):
            axes.plot(gain[mask], places[mask], "o", markersize=5.5, color=fill, markeredgecolor="#1B3A5C",
                      markeredgewidth=1.1)  # fmt: skip
    for place in range(1, len(order), 2):
        axes.axhspan(place - 0.5, place + 0.5, color="#F4F5F7", zorder=0)
    axes.axvline(0, color="#444444", linewidth=1)
    axes.set_yticks([])
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)
    axes.set_title("scales chosen on val", pad=26)
    axes.annotate("filled: training scales; white: all", (0, 1.0), (0, 6), xycoords="axes fraction",
                  textcoords="offset points", fontsize=10)  # fmt: skip
    axes.set_xlabel("IoU with training scales − with all scales")
