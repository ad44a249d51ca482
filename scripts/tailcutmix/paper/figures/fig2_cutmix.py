"""Fig. 2: training crops, and the same after cutmix at each level, as the sampler draws them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes

from tailcutmix.dataset.packing import PackedFiles, open_packed
from tailcutmix.labels import Label, LabelTable, read_labels
from tailcutmix.mixing.material import Material as MixingMaterial
from tailcutmix.mixing.methods import Mixing, level0, levels
from tailcutmix.mixing.place import Place
from tailcutmix.mixing.sampler import Sampler
from tailcutmix.paper.material import Material
from tailcutmix.paper.pictures import bare, mark, words_only
from tailcutmix.paper.style import new_figure, save, styled
from tailcutmix.plan.settings.keys import typed
from tailcutmix.plan.settings.recipe import Mixing as MixingSettings
from tailcutmix.plan.settings.recipe import Recipe
from tailcutmix.tail.subsets import read_boxes

SEED = 0

CLASSES = 3

CANDIDATES = 24
"""Samples of training, from the first on, among which the one that shows best is chosen, for each tail class."""

ENOUGH = 0.004
"""The :func:`clarity` from which on a class shows well."""

SMALL = 0.015
"""A patch of a smaller part of the crop is shown enlarged too."""

LARGEST = 0.6
"""Share of the crop that may be pasted: the rest shows into what."""

OUTLINE_COLOUR = "#FFDD00"


@dataclass(frozen=True)
class Panel:
    """A training sample before normalisation.

    Attributes:
        title: how it was mixed; "" where it was not.
        image: (h, w, 3) uint8 RGB.
        label: (h, w) uint8 train ids, 255 ignored.
        pasted: (h, w) bool, the pixels that came from another image.
    """

    title: str
    image: np.ndarray
    label: np.ndarray
    pasted: np.ndarray


@styled
def make(material: Material, stem: Path) -> None:
    """Training crops and their labels, and the same after level-0 cutmix and after cutmix at each level.

    The crops are those of an expert's training, but that every sample is mixed, with one class at one level. A class is
    shown by the sample that shows best (:func:`clarity`) among its first CANDIDATES. Classes are looked at from the
    rarest on, until CLASSES of them show well enough; else those are taken that show best.
    """
    labels = read_labels(material.labels)
    packed = open_packed(PackedFiles(material.images, material.truth, material.index), material.manifest)
    recipe, place = typed(Recipe, material.recipe), Place(torch.device("cpu"))
    unmixed = replace(recipe, mixing=MixingSettings(), training=replace(recipe.training, sampling="images"))
    sampler = Sampler(packed, unmixed, MixingMaterial(labels.classes), place, SEED)
    shown: list[tuple[float, str, list[Panel]]] = []
    for boxes in reversed(material.boxes):
        known = labels.class_of(boxes.class_name)
        mixings = mixings_of(known, boxes.path, recipe.mixing, sampler, labels)
        if not mixings or sum(value >= ENOUGH for value, *_ in shown) >= CLASSES:
            continue
        candidates = list(islice(samples(sampler, mixings), CANDIDATES))
        values = [min(clarity(panel, known) for panel in candidate[1:]) for candidate in candidates]
        best = int(np.argmax(values))
        shown.append((min(values[best], ENOUGH), known.name, candidates[best]))
    shown = sorted(shown, key=lambda entry: -entry[0])[:CLASSES]  # stable: the rarer of equals first
    if not shown:
        save(words_only("no region of a tail class in the train split: nothing to paste"), stem)
        return
    draw([(name, panels) for _, name, panels in shown], labels, stem)


def mixings_of(
    known: Label, boxes: Path, settings: MixingSettings, sampler: Sampler, labels: LabelTable
) -> dict[str, Mixing]:
    """Title -> the mixing of one class at level 0, and at each level that an expert draws from; {} without regions.

    Args:
        known: the class.
        boxes: its ``boxes.csv``.
        settings: of the expert.
        sampler: of the crops into which is mixed.
        labels: the label table.
    """
    table = read_boxes(boxes)
    if table.empty:
        return {}
    material = MixingMaterial(labels.classes, (known,), table)
    always = replace(settings, probability=1.0, levels=(), level_weights=None)
    mixings: dict[str, Mixing] = {"level-0 cutmix": level0.Mixing(sampler.source, always, material)}
    for level in sorted(set(table["level"]) & set(settings.levels or table["level"])):
        one = replace(always, levels=(int(level),))
        mixings[f"level-{level} cutmix"] = levels.Mixing(sampler.source, one, material)
    return mixings


def samples(sampler: Sampler, mixings: Mapping[str, Mixing]) -> Iterator[list[Panel]]:
    """The samples of training, one after another, each without mixing and after every one of ``mixings`` by title."""
    for step in count():
        batches = []
        for title, mixing in {"": None, **mixings}.items():
            sampler.mixing = mixing
            batch = sampler.draw(step)
            images = batch.images.permute(0, 2, 3, 1).mul(255).round().to(torch.uint8)
            pasted = torch.zeros_like(batch.labels, dtype=torch.bool) if batch.pasted is None else batch.pasted
            batches.append((title, images.numpy(), batch.labels.numpy(), pasted.numpy()))
        for k in range(len(batches[0][1])):
            yield [Panel(title, images[k], label[k], pasted[k]) for title, images, label, pasted in batches]


def clarity(panel: Panel, known: Label) -> float:
    """How well the mixing shows: the share of the crop that is pasted class, pixels in its middle counting most.

    A pixel's weight falls linearly from 1 in the middle to 0 at each edge. Where more than LARGEST is pasted, the value
    is the negative share of pasted pixels instead.
    """
    share = float(panel.pasted.mean())
    if share > LARGEST:
        return -share
    rows, columns = (1 - np.abs(2 * (np.arange(side) + 0.5) / side - 1) for side in panel.label.shape)
    return float((rows[:, None] * columns * (panel.pasted & (panel.label == known.train_id))).mean())


def draw(shown: Sequence[tuple[str, list[Panel]]], labels: LabelTable, stem: Path) -> None:
    """A row per panel, and two columns per class, image and label; pasted pixels are outlined in both."""
    height, width = shown[0][1][0].label.shape
    count = len(shown[0][1])
    cell = 2.1 * min(1.0, width / height)
    figure = new_figure(2 * cell * len(shown) + 0.6, count * (cell * height / width + 0.04) + 0.7)
    grid = figure.subplots(count, 2 * len(shown), squeeze=False)
    figure.set_layout_engine("constrained", w_pad=0.015, h_pad=0.015, wspace=0.01, hspace=0.01)
    for (name, panels), left, right in zip(shown, grid.T[::2], grid.T[1::2], strict=True):
        for title, panel, *pair in zip(_titles(panels), panels, left, right, strict=True):
            pictures = (panel.image, labels.class_colours[panel.label])
            for axes, picture in zip(pair, pictures, strict=True):
                axes.imshow(picture, interpolation="nearest")
                bare(axes)
                mark(axes, panel.pasted, OUTLINE_COLOUR, 0.8)
                _zoom(axes, picture, panel.pasted)
            if name == shown[0][0]:
                pair[0].set_ylabel(title, fontsize=10.5, fontweight="bold")
        left[0].set_title(f"“{name}”")
        right[0].set_title("label", loc="center", fontsize=10.5, fontweight="normal")
    save(figure, stem)


def _titles(panels: Sequence[Panel]) -> list[str]:
    return [panel.title or "training crop" for panel in panels]


def _zoom(axes: Axes, picture: np.ndarray, pasted: np.ndarray) -> None:
    """A patch that is small in its crop is shown once more, enlarged, in the corner that is farthest from it."""
    if not 0 < pasted.mean() < SMALL:
        return
    rows, columns = np.nonzero(pasted)
    height, width = pasted.shape
    y, x = int(np.median(rows)), int(np.median(columns))
    half_y, half_x = height // 10 + 1, width // 10 + 1
    top, left = (min(max(0, c - half), side - 2 * half) for c, half, side in ((y, half_y, height), (x, half_x, width)))
    inset = axes.inset_axes((0.57 * (x < width / 2), 0.57 * (y > height / 2), 0.43, 0.43))
    inset.imshow(picture, interpolation="nearest")
    mark(inset, pasted, OUTLINE_COLOUR, 1.0)
    inset.set_xlim(left - 0.5, left + 2 * half_x - 0.5)
    inset.set_ylim(top + 2 * half_y - 0.5, top - 0.5)
    inset.set_xticks([])
    inset.set_yticks([])
    inset.spines[:].set(visible=True, color="white", linewidth=1.6)
    axes.indicate_inset_zoom(inset, edgecolor="white", alpha=0.9)
