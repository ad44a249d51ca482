"""Fig. 2: a training crop, and the same crop after cutmix at each level, as the sampler draws them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path

import numpy as np
import torch

from tailcutmix.dataset.packing import PackedFiles, open_packed
from tailcutmix.labels import Label, LabelTable, read_labels
from tailcutmix.mixing.material import Material as MixingMaterial
from tailcutmix.mixing.methods import Mixing, level0, levels
from tailcutmix.mixing.place import Place
from tailcutmix.mixing.sampler import Sampler
from tailcutmix.paper.crops import outline
from tailcutmix.paper.material import Material
from tailcutmix.paper.style import new_figure, save, styled
from tailcutmix.plan.settings.keys import typed
from tailcutmix.plan.settings.recipe import Mixing as MixingSettings
from tailcutmix.plan.settings.recipe import Recipe
from tailcutmix.tail.subsets import read_boxes

SEED = 0

CANDIDATES = 64
"""Samples of training, from the first on, among which the one that shows best is chosen, for each tail class."""

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
    """A training crop, and the same crop after level-0 cutmix and after cutmix at each level; their labels below.

    The crops are those of an expert's training, but that every sample is mixed, with one class at one level. Class and
    sample are those that show best (:func:`clarity`) among the first CANDIDATES samples with each tail class.
    """
    labels = read_labels(material.labels)
    packed = open_packed(PackedFiles(material.images, material.truth, material.index), material.manifest)
    recipe, place = typed(Recipe, material.recipe), Place(torch.device("cpu"))
    unmixed = replace(recipe, mixing=MixingSettings(), training=replace(recipe.training, sampling="images"))
    sampler = Sampler(packed, unmixed, MixingMaterial(labels.classes), place, SEED)
    best, panels = None, next(samples(sampler, {}))
    words = "no region of a tail class in the train split: nothing to paste"
    for boxes in reversed(material.boxes):  # the rarest class first: it stays where another shows no better
        known = labels.class_of(boxes.class_name)
        mixings = mixings_of(known, boxes.path, recipe.mixing, sampler, labels)
        for candidate in islice(samples(sampler, mixings), CANDIDATES if mixings else 0):
            value = min(clarity(panel, known) for panel in candidate[1:])
            if best is None or value > best:
                best, panels = value, candidate
                words = f"mixed in: “{known.name}”; image above, label below"
    draw(panels, labels, words, stem)


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


def draw(panels: list[Panel], labels: LabelTable, words: str, stem: Path) -> None:
    """Panels side by side, each with its label below; pasted pixels are outlined in both."""
    height, width = panels[0].label.shape
    shown = 3.6 * min(1.0, width / height)
    figure = new_figure(shown * len(panels) + 0.3, 2 * shown * height / width + 0.75)
    grid = figure.subplots(2, len(panels), squeeze=False)
    for letter, column, panel in zip("abcdefghijk", grid.T, panels, strict=False):
        column[0].set_title(f"({letter}) {panel.title or 'training crop'}", loc="center")
        column[0].imshow(panel.image)
        column[1].imshow(labels.class_colours[panel.label], interpolation="nearest")
        for axes in column:
            axes.set_axis_off()
            for line in outline(panel.pasted):
                axes.plot(*line.T, color=OUTLINE_COLOUR, linewidth=1.4)
    figure.supxlabel(words, fontsize=10, color="#444444")
    save(figure, stem)
