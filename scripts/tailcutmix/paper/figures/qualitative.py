"""Images, their truth, and what each method makes of them, where the tail got better and where it got worse."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from tailcutmix.labels import IGNORE, LabelTable, read_labels
from tailcutmix.paper.formats import number
from tailcutmix.paper.material import Material, short_names
from tailcutmix.paper.pictures import (
    RIGHT,
    STRIDE,
    WRONG,
    bare,
    best_window,
    choose_rows,
    class_legend,
    mark,
    over_grey,
    short_id,
    tail_of,
)
from tailcutmix.paper.scored import image_of, labelled_images, predicted, truth_of
from tailcutmix.paper.style import new_figure, save, styled

ROWS = 4


class Row(NamedTuple):
    """One image in a window.

    Attributes:
        b: the class of the row, a train id.
        gain: pixels by which its class got better, negative where worse.
        image_id: of the manifest.
        image: (h, w, 3) uint8.
        arrays: truth and every prediction, (h, w) train ids.
        ious: of the class in the whole image, for every prediction.
        right, wrong: (h, w) bool, what the last method has right and the reference has not, and the other way round.
    """

    b: int
    gain: int
    image_id: str
    image: np.ndarray
    arrays: list[np.ndarray]
    ious: list[float]
    right: np.ndarray
    wrong: np.ndarray


def changed_pixels(
    truth: np.ndarray, first: np.ndarray, second: np.ndarray, num_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """What a second prediction has right and the first has not, less what it lost, by class; void is left out.

    Args:
        truth, first, second: (H, W) uint8 train ids.

    Returns:
        change: (C,) pixels, counted under each class that the truth or a prediction names there.
        present: (C,) bool, whether the class is in any of the three.
    """
    known = truth != IGNORE
    truth, first, second = truth[known], first[known], second[known]
    change = np.zeros(num_classes, int)
    for sign, better, worse in ((1, second, first), (-1, first, second)):
        won = (better == truth) & (worse != truth)
        for named in (truth[won], worse[won]):
            change += sign * np.bincount(named, minlength=num_classes)[:num_classes]
    counts = np.bincount(np.concatenate([truth, first, second]), minlength=num_classes)
    present: np.ndarray = counts[:num_classes] > 0
    return change, present


@styled
def make(material: Material, stem: Path) -> None:
    """One row per image: the image, its truth, every prediction, and what the last made right and wrong.

    Half of the rows are the largest gains from the reference (the first row of Table 1 where that leaves the reference
    out) to the last row in a tail class, half the largest losses. The class of a row is outlined.
    """
    listed, labels = labelled_images(material.manifest, material.split), read_labels(material.labels)
    models = list(dict.fromkeys(file.method.name for file in material.predictions))
    folders = {file.method.name: file.path for file in material.predictions}
    pair = (material.reference.name if material.reference.name in folders else models[0], models[-1])
    found = []
    for entry in listed:
        truth = truth_of(entry, labels, STRIDE)
        first, second = (predicted(folders[model], entry, labels, STRIDE) for model in pair)
        found.append(changed_pixels(truth, first, second, labels.num_classes))
    change, present = (np.array(column) for column in zip(*found, strict=True))
    tail = tail_of(material, labels)
    chosen = choose_rows(change, present, tail, ROWS)
    chosen = chosen or choose_rows(change, present, range(labels.num_classes), ROWS)
    rows = []
    for place, b in chosen:
        entry = listed[place]
        truth = truth_of(entry, labels)
        predictions = [predicted(folders[model], entry, labels) for model in models]
        first, last = predictions[models.index(pair[0])], predictions[-1]
        window = best_window(_where(b, truth, first, last))
        right, wrong = (
            (truth != IGNORE) & (one == truth) & (two != truth) for one, two in ((last, first), (first, last))
        )
        ious = [_iou(truth, prediction, b) for prediction in predictions]
        arrays = [array[window] for array in (truth, *predictions)]
        rows.append(Row(b, int(change[place, b]), entry["image_id"], image_of(entry)[window], arrays, ious,
                        right[window], wrong[window]))  # fmt: skip
    names = short_names([file.method for file in material.predictions])
    save(_draw(rows, list(names.values()), (names[pair[0]], names[pair[1]]), labels), stem)


def _iou(truth: np.ndarray, prediction: np.ndarray, b: int) -> float:
    """IoU of a class in one image; NaN where it is in neither."""
    known = truth != IGNORE
    both, either = (
        (operation(truth == b, prediction == b) & known).sum() for operation in (np.logical_and, np.logical_or)
    )
    return float(both / either) if either else float("nan")


def _where(b: int, truth: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """(H, W) bool: where class b, in truth or prediction, changed from the first to the last; else where it is."""
    there: np.ndarray = (truth == b) | (first == b) | (last == b)
    changed = there & (first != last) & (truth != IGNORE)
    return changed if changed.any() else there


def _draw(rows: Sequence[Row], names: Sequence[str], pair: tuple[str, str], labels: LabelTable) -> Figure:
    columns = ["image", "truth", *names, f"{pair[1]} against {pair[0]}" if len(names) > 1 else "right and wrong"]
    height, width = rows[0].image.shape[:2]
    cell = 14.0 / len(columns)
    seen = {int(b) for row in rows for array in row.arrays for b in np.unique(array)}
    lines = -(-(len(seen) + 3) // 8)
    figure = new_figure(14.4, len(rows) * (cell * height / width + 0.3) + 0.5 + 0.26 * lines)
    grid = figure.subplots(len(rows), len(columns), squeeze=False)
    figure.set_layout_engine("constrained", w_pad=0.02, h_pad=0.02, wspace=0.01, hspace=0.01)
    for cells, row in zip(grid, rows, strict=True):
        cells[0].imshow(row.image)
        bare(cells[0], short_id(row.image_id))
        mark(cells[0], row.arrays[0] == row.b)
        for axes, array, iou in zip(cells[1:-1], row.arrays, [None, *row.ious], strict=True):
            axes.imshow(labels.class_colours[array], interpolation="nearest")
            mark(axes, array == row.b)
            bare(axes, "" if iou is None else f"IoU {number(iou, 2)}")
        cells[-1].imshow(over_grey(row.image, row.right, row.wrong), interpolation="nearest")
        bare(cells[-1], f"+{row.right.sum()} −{row.wrong.sum()} pixels")
        word = "better" if row.gain > 0 else "worse" if row.gain < 0 else "as before"
        cells[0].set_ylabel(f"{labels.classes[row.b].name}\n", fontsize=11, fontweight="bold")
        cells[0].annotate(word, (0, 0.5), (-6, 0), xycoords="axes fraction", textcoords="offset points", rotation=90,
                          ha="right", va="center", fontsize=9.5, color="#333333")  # fmt: skip
    for axes, title in zip(grid[0], columns, strict=True):
        axes.set_title(title, loc="center", fontsize=11)
    marked = Patch(facecolor="none", edgecolor="black", linewidth=1.6, label="class of the row")
    judged = [Patch(color=RIGHT, label="became right"), Patch(color=WRONG, label="became wrong")]
    handles = [*class_legend(seen, labels), marked, *judged]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(8, len(handles)), columnspacing=1.2)
    return figure
