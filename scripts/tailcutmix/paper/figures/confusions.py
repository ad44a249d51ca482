"""What tail classes are taken for, and what is taken for them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from tailcutmix.confusion import confusion_matrix
from tailcutmix.labels import IGNORE, read_labels
from tailcutmix.paper.material import Material, short_names
from tailcutmix.paper.pictures import tail_of
from tailcutmix.paper.scored import labelled_images, predicted, truth_of
from tailcutmix.paper.style import new_figure, save, styled

CLASSES = 12
"""How many classes are shown at most: the rarest of the tail."""

OTHERS = 3
"""How many classes a bar names beside its own."""

OWN, REST = "#0072B2", "#F2F2F2"
SHADES = ("#E69F00", "#F2C46B", "#F9E3BD")
"""From the most to the least frequent of the others: lighter and lighter, in grey too."""


def count_confusions(material: Material) -> dict[str, np.ndarray]:
    """Name of each method compared -> (C, C) pixels of the split, truth by row and prediction by column."""
    labels, listed = read_labels(material.labels), labelled_images(material.manifest, material.split)
    count = labels.num_classes
    totals = {file.method.name: np.zeros((IGNORE + 1, IGNORE + 1), np.int64) for file in material.compared}
    for row in listed:
        truth = truth_of(row, labels)
        for file in material.compared:
            found = predicted(file.path, row, labels)
            totals[file.method.name] += confusion_matrix(truth, found, (IGNORE + 1, IGNORE + 1))
    return {name: total[:count, :count] for name, total in totals.items()}


@styled
def make(material: Material, stem: Path) -> None:
    """Bars of 100 %, one per tail class: above, what its pixels are called; below, what the pixels called so are.

    One column for M0 and one for the last row, first seed. The dark part is right; the others are named where there is
    room.
    """
    labels = read_labels(material.labels)
    shown = tail_of(material, labels)[-CLASSES:]
    confusions = count_confusions(material)
    names = short_names([file.method for file in material.compared])
    figure = new_figure(6.9 * len(confusions) + 1.2, 2 * (0.34 * len(shown) + 0.75) + 0.3)
    grid = figure.subplots(2, len(confusions), squeeze=False, sharex=True, sharey=True)
    for column, (method, confusion) in zip(grid.T, confusions.items(), strict=True):
        for axes, counts, title in (
            (column[0], confusion, "what pixels of the class are called"),
            (column[1], confusion.T, "what pixels called so are"),
        ):
            _draw_bars(axes, counts[shown], shown, labels.class_names)
            axes.set_title(f"{names[method]}: {title}")
    grid[0, 0].set_yticks(range(len(shown)), [labels.class_names[b] for b in shown])
    grid[0, 0].set_ylim(len(shown) - 0.45, -0.55)
    for axes in grid[-1]:
        axes.set_xlim(0, 100)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g} %")
    save(figure, stem)


def _draw_bars(axes: Axes, counts: np.ndarray, own: Sequence[int], names: Sequence[str]) -> None:
    """One bar per class of ``own``: its own part of (n, C) counts, the most frequent others, and the rest."""
    for place, (row, b) in enumerate(zip(counts, own, strict=True)):
        total = int(row.sum())
        if not total:
            axes.text(1, place, "no pixel", va="center", fontsize=9, color="#666666")
            continue
        others = [int(c) for c in np.argsort(-row, kind="stable") if c != b and row[c] > 0][:OTHERS]
        parts = [(OWN, "white", names[b], int(row[b]))]
        parts += [(shade, "black", names[c], int(row[c])) for shade, c in zip(SHADES, others, strict=False)]
        parts.append((REST, "#666666", "others", total - sum(pixels for *_, pixels in parts)))
        left = 0.0
        for fill, ink, name, pixels in parts:
            share = 100 * pixels / total
            axes.barh(place, share, left=left, height=0.78, color=fill, edgecolor="white", linewidth=0.8)
            words = [f"{share:.0f}" if name == names[b] else f"{name} {share:.0f}", f"{share:.0f}"]
            fitting = [word for word in words if share > 1.45 * len(word) + 0.8]
            if fitting:
                axes.text(left + share / 2, place, fitting[0], ha="center", va="center", fontsize=8.5, color=ink)
            left += share
    axes.tick_params(axis="y", length=0)
    axes.spines[["left", "bottom"]].set_visible(False)
