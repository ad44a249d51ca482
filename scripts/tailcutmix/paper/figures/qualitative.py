"""Images, their truth, and what each method makes of them, where the tail changes most."""

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from tailcutmix.dataset.images import decode_image, decode_label
from tailcutmix.dataset.manifest import read_manifest, read_verified
from tailcutmix.errors import UserError
from tailcutmix.labels import IGNORE, LabelTable, read_labels
from tailcutmix.paper.classes import read_classes
from tailcutmix.paper.crops import colour_code
from tailcutmix.paper.material import Material, short_names
from tailcutmix.paper.style import new_figure, save, styled
from tailcutmix.prediction.ensemble import read_prediction

ROWS = 4

STRIDE = 2
"""Images are compared at every second pixel: enough to choose among them."""

WINDOW = 0.5
"""Shown is a window of this part of the image's width and height: tail objects are small."""


def changed_pixels(truth: np.ndarray, first: np.ndarray, second: np.ndarray, num_classes: int) -> np.ndarray:
    """(C,) pixels where two predictions differ and either says the class, or the truth does; void is left out.

    Better and worse count alike, so that a choice by this number favours neither method.

    Args:
        truth, first, second: (H, W) uint8 train ids.
    """
    differ = (first != second) & (truth != IGNORE)
    values = np.stack([labels[differ] for labels in (truth, first, second)])
    return np.array([(values == b).any(0).sum() for b in range(num_classes)])


def choose_rows(changes: np.ndarray, tail: Sequence[int], rows: int) -> list[tuple[int, int]]:
    """(image, class) of each row: the largest change of a tail class, every image once, classes not yet shown first.

    Args:
        changes: (N, C) of :func:`changed_pixels`; tail: train ids.
    """
    table = changes[:, list(tail)].astype(float)
    chosen = []
    for _ in range(min(rows, len(table))):
        image, place = (int(number) for number in np.unravel_index(table.argmax(), table.shape))
        chosen.append((image, int(tail[place])))
        table[:, place] /= 1e9
        table[image] = -1
    return chosen


def best_window(mask: np.ndarray, part: float = WINDOW) -> tuple[slice, slice]:
    """Rows and columns of the window of `part` of a (H, W) bool mask's sides that holds most of it."""
    height, width = (max(1, round(side * part)) for side in mask.shape)
    sums = cv2.integral(mask.astype(np.uint8))
    held = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    y, x = (int(np.median(places)) for places in np.nonzero(held == held.max()))
    if held[y, x] < held.max():
        y, x = (int(place) for place in np.unravel_index(held.argmax(), held.shape))
    return slice(y, y + height), slice(x, x + width)


@styled
def make(material: Material, stem: Path) -> None:
    """One row per image: the image, its truth and every prediction, in a window around the class that changes most.

    Images are chosen by :func:`choose_rows`, by what changes from the reference (the first row of Table 1 where that
    leaves the reference out) to the last row.
    """
    listed = read_manifest(material.manifest, material.split)
    listed = listed[listed["label"] != ""]
    if listed.empty:
        raise UserError(f"{material.manifest}: split {material.split!r} has no labels to compare predictions with")
    labels = read_labels(material.labels)
    folders = {file.method.name: file.path for file in material.predictions}
    models = list(folders)
    pair = (material.reference.name if material.reference.name in folders else models[0], models[-1])
    classes = read_classes(None, material.buckets)
    tail = [labels.class_of(name).train_id for name in classes["class"][classes["bucket"] == "tail"]]
    tail = tail or list(range(labels.num_classes))

    def label_maps(row: Mapping[Hashable, Any], names: Sequence[str]) -> list[np.ndarray]:
        """The truth and the predictions of these models, label ids."""
        truth = decode_label(read_verified(row, "label"), row["label"])
        return [truth, *(read_prediction(folders[name], row["image_id"], truth.shape) for name in names)]

    rows = listed.to_dict("records")
    changes = []
    for row in rows:
        ids = label_maps(row, pair)
        truth, first, second = (labels.to_train_id[array[::STRIDE, ::STRIDE]] for array in ids)
        changes.append(changed_pixels(truth, first, second, labels.num_classes))
    chosen = choose_rows(np.array(changes), tail, ROWS)
    panels, seen = [], set()
    for place, b in chosen:
        row = rows[place]
        found = label_maps(row, models)
        window = best_window(_where(b, [labels.to_train_id[array] for array in found]))
        found = [array[window] for array in found]
        seen |= set(np.unique(labels.to_train_id[np.stack(found)]).tolist())
        title = f"{labels.classes[b].name}\n{row['image_id']}"
        image = decode_image(read_verified(row, "image"), row["image"])
        panels.append((title, [image[window], *(colour_code(array, labels) for array in found)]))
    names = short_names([file.method for file in material.predictions])
    save(_draw(panels, ["image", "truth", *names.values()], sorted(seen), labels), stem)


def _where(b: int, arrays: Sequence[np.ndarray]) -> np.ndarray:
    """(H, W) bool: class b in the truth or in a prediction, but not in all of them; anywhere, if all agree."""
    masks = [array == b for array in arrays]
    somewhere: np.ndarray = np.logical_or.reduce(masks)
    changed = somewhere & ~np.logical_and.reduce(masks)
    return changed if changed.any() else somewhere


def _draw(
    panels: Sequence[tuple[str, Sequence[np.ndarray]]], columns: Sequence[str], seen: Sequence[int], labels: LabelTable
) -> Figure:
    height, width = panels[0][1][0].shape[:2]
    cell = 13.0 / len(columns)
    legend_lines = -(-len(seen) // 7)
    figure = new_figure(13.3, len(panels) * (cell * height / width + 0.08) + 0.4 + 0.3 * legend_lines)
    grid = figure.subplots(len(panels), len(columns), squeeze=False)
    figure.set_layout_engine("constrained", w_pad=0.02, h_pad=0.02, wspace=0.01, hspace=0.01)
    for cells, (title, pictures) in zip(grid, panels, strict=True):
        for axes, picture in zip(cells, pictures, strict=True):
            axes.imshow(picture)
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_visible(False)
        name, _, image_id = title.partition("\n")
        cells[0].set_ylabel(name, fontsize=11, fontweight="bold")
        cells[0].annotate(image_id, (0, 0), (3, 3), xycoords="axes fraction", textcoords="offset points", fontsize=6,
                          color="white")  # fmt: skip
    for axes, title in zip(grid[0], columns, strict=True):
        axes.set_title(title, loc="center")
    names = {b: labels.classes[b].name if b != IGNORE else "not evaluated" for b in seen}
    handles = [Patch(color=labels.class_colours[b] / 255, label=name) for b, name in names.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(7, len(handles)), columnspacing=1.2)
    return figure
