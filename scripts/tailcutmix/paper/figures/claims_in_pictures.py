"""Pixels that experts added to M1, right and wrong, on the images where they gained and lost most."""

from pathlib import Path

import numpy as np
from matplotlib.patches import Patch

from tailcutmix.labels import IGNORE, read_labels
from tailcutmix.paper.material import Material
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
    words_only,
)
from tailcutmix.paper.scored import image_of, labelled_images, predicted, truth_of
from tailcutmix.paper.style import new_figure, save, styled

ROWS = 4


def added(truth: np.ndarray, base: np.ndarray, laid: np.ndarray, b: int) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) bool: the pixels that the expert of b gave to its class, as they stand in the ensemble: right, and wrong.

    Args:
        truth, base, laid: train ids of the truth, of M1 and of the ensemble; void pixels of the truth are neither.
    """
    new = (laid == b) & (base != b) & (truth != IGNORE)
    return new & (truth == b), new & (truth != b)


@styled
def make(material: Material, stem: Path) -> None:
    """One row per image and expert: the image, M1, the ensemble, and the pixels that the expert added.

    Half of the rows are those on which an expert gained most, right less wrong pixels, half those on which it lost
    most. The true outline of the class is drawn in the image, that of the prediction in the others.
    """
    if not material.laid_over:
        save(words_only("no ensemble: no expert adds a pixel"), stem)
        return
    listed, labels = labelled_images(material.manifest, material.split), read_labels(material.labels)
    tail = tail_of(material, labels)
    base, laid = material.laid_over
    change = np.zeros((len(listed), labels.num_classes), int)
    present = np.zeros(change.shape, bool)
    for place, entry in enumerate(listed):
        arrays = [truth_of(entry, labels, STRIDE)]
        arrays += [predicted(file.path, entry, labels, STRIDE) for file in (base, laid)]
        for b in tail:
            right, wrong = added(arrays[0], arrays[1], arrays[2], b)
            change[place, b], present[place, b] = right.sum() - wrong.sum(), (right | wrong).any()
    chosen = choose_rows(change, present, tail, ROWS)
    if not chosen:
        save(words_only("no expert added a pixel that can be judged"), stem)
        return
    titles = ["image", base.method.short, laid.method.short, "what the expert added"]
    height, width = best_window(np.ones(truth_of(listed[0], labels).shape, bool))
    cell = 3.2
    shape = (height.stop - height.start) / (width.stop - width.start)
    figure = new_figure(cell * len(titles) + 0.5, len(chosen) * (cell * shape + 0.28) + 1.1)
    grid = figure.subplots(len(chosen), len(titles), squeeze=False)
    figure.set_layout_engine("constrained", w_pad=0.02, h_pad=0.02, wspace=0.01, hspace=0.01)
    seen: set[int] = set()
    for cells, (place, b) in zip(grid, chosen, strict=True):
        entry = listed[place]
        arrays = [truth_of(entry, labels)]
        arrays += [predicted(file.path, entry, labels) for file in (base, laid)]
        right, wrong = added(arrays[0], arrays[1], arrays[2], b)
        window = best_window(right | wrong)
        image = image_of(entry)[window]
        pictures = [image, *(labels.class_colours[array[window]] for array in arrays[1:])]
        for axes, picture, array in zip(cells, pictures, arrays, strict=False):
            axes.imshow(picture, interpolation="nearest")
            mark(axes, array[window] == b)
            bare(axes)
        seen |= {int(value) for array in arrays[1:] for value in np.unique(array[window])}
        cells[-1].imshow(over_grey(image, right[window], wrong[window]), interpolation="nearest")
        mark(cells[-1], arrays[0][window] == b, width=0.9)
        bare(cells[0], short_id(entry["image_id"]))
        bare(cells[-1], f"{right.sum()} pixels right, {wrong.sum()} wrong")
        cells[0].set_ylabel(labels.classes[b].name, fontsize=11, fontweight="bold")
    for axes, title in zip(grid[0], titles, strict=True):
        axes.set_title(title, loc="center")
    handles = [
        *class_legend(seen, labels),
        Patch(facecolor="none", edgecolor="black", linewidth=1.6, label="class of the row"),
        Patch(color=RIGHT, label="added rightly"),
        Patch(color=WRONG, label="added wrongly"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(7, len(handles)), columnspacing=1.2)
    save(figure, stem)
