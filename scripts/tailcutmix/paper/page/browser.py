"""The browser over scored images: image, truth, and what each method makes of it, with scores to sort by."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tailcutmix.labels import IGNORE, LabelTable
from tailcutmix.metrics.statistics import Statistics, read_statistics
from tailcutmix.paper.page.pictures import Picture, labels_in_colour, photo
from tailcutmix.paper.scored import image_of, labelled_images, predicted, truth_of

MOST_IMAGES = 40
"""A page holds so many: about two megabytes."""

WIDTH = 320
"""Pixels across a picture of the browser."""

RIGHT, WRONG, VOID = 0, 1, 2
ERROR_COLOURS = np.array([(238, 238, 232), (196, 40, 27), (96, 96, 96)], np.uint8)
"""Of pixels that are right, wrong and not evaluated."""

MEASURES = {
    "tail": "IoU of its tail classes",
    "iou": "IoU of its classes",
    "accuracy": "accuracy on evaluated pixels",
}
"""Scores of one image: means over the classes that its truth holds."""


@dataclass(frozen=True)
class View:
    """What one method makes of one image: its scores by MEASURES (None where there is none), and pictures."""

    scores: Mapping[str, float | None]
    prediction: Picture
    errors: Picture
    wrong: float


@dataclass(frozen=True)
class Entry:
    """One image of the browser; ``views`` in the order of the methods."""

    image_id: str
    image: Picture
    truth: Picture
    classes: tuple[str, ...]
    views: tuple[View, ...]


@dataclass(frozen=True)
class Browser:
    """The images that are shown, out of how many, and the names of the classes in the tail."""

    entries: tuple[Entry, ...]
    total: int


def image_scores(statistics: Statistics, tail: Sequence[str]) -> dict[str, dict[str, float | None]]:
    """Scores of every image by MEASURES, over the classes that its truth holds; None where it holds none of them."""
    counts = statistics.counts
    truth = counts["class_tp"] + counts["class_fn"]
    with np.errstate(invalid="ignore", divide="ignore"):
        iou = np.where(truth > 0, counts["class_tp"] / (truth + counts["class_fp"]), np.nan)
        accuracy = counts["correct_evaluated"] / counts["pixels_evaluated"]
    in_tail = np.isin(statistics.classes, list(tail))
    found = {"tail": _means(iou[:, in_tail]), "iou": _means(iou), "accuracy": accuracy}
    return {
        image_id: {name: None if math.isnan(v := float(found[name][n])) else round(v, 4) for name in MEASURES}
        for n, image_id in enumerate(statistics.image_ids)
    }


def choose(gains: Mapping[str, float], most: int) -> list[str]:
    """`most` images, or all: those with the greatest gain and those with the greatest loss, as many of each."""
    ordered = sorted(gains, key=lambda name: -gains[name])
    if len(ordered) <= most:
        return list(gains)
    chosen = {*ordered[: most - most // 2], *ordered[len(ordered) - most // 2 :]}
    return [name for name in gains if name in chosen]


def browse(
    manifest: str | Path,
    split: str,
    labels: LabelTable,
    tail: Sequence[str],
    predictions: Mapping[str, Path],
    statistics: Mapping[str, Path],
    pair: tuple[str, str],
    most: int = MOST_IMAGES,
) -> Browser:
    """The images of a split with every method's predictions.

    Args:
        tail: names of the tail classes.
        predictions, statistics: method -> folder of label images, and file of the images' statistics.
        pair: two methods; where images must be left out, those that change most from the one to the other stay.
        most: images at most.
    """
    listed = {str(row["image_id"]): row for row in labelled_images(manifest, split)}
    scores = {name: image_scores(read_statistics(path), tail) for name, path in statistics.items()}

    def gain(image_id: str) -> float:
        first, second = (scores[name][image_id] for name in pair)
        measure = "tail" if tail else "iou"
        return (second[measure] or 0.0) - (first[measure] or 0.0)

    entries = []
    for image_id in choose({image_id: gain(image_id) for image_id in listed}, most):
        row = listed[image_id]
        truth = truth_of(row, labels)
        views = []
        for name, folder in predictions.items():
            found = predicted(folder, row, labels)
            errors = np.where(truth == IGNORE, VOID, np.where(found == truth, RIGHT, WRONG)).astype(np.uint8)
            views.append(
                View(
                    scores[name][image_id],
                    labels_in_colour(found, labels.class_colours, WIDTH),
                    labels_in_colour(errors, ERROR_COLOURS, WIDTH),
                    float((errors == WRONG).sum() / max(1, (errors != VOID).sum())),
                )
            )
        held = tuple(labels.classes[b].name for b in np.unique(truth) if b != IGNORE)
        shown = labels_in_colour(truth, labels.class_colours, WIDTH)
        entries.append(Entry(image_id, photo(image_of(row), WIDTH), shown, held, tuple(views)))
    return Browser(tuple(entries), len(listed))


def _means(values: np.ndarray) -> np.ndarray:
    """(N,) means of the rows of (N, C), NaN left out; NaN where a row has nothing else."""
    known = ~np.isnan(values)
    sums: np.ndarray = np.where(known, values, 0).sum(1) / np.where(known.any(1), known.sum(1), np.nan)
    return sums
