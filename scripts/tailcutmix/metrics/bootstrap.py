"""Bootstrap over images: how far a score would move with other images of the same kind.

What is resampled are whole images, N out of N with replacement, since the pixels of one image are not independent. A
replicate is a vector of N multinomial weights; its scores follow from the weighted sums of the per-image statistics,
so no pixel is read again. Weights depend only on the number of images and the seed: two models scored on the same
images are compared on the same replicates (a paired bootstrap).

A replicate that lacks a class in truth and prediction gives NaN for it; such replicates are left out of that class's
interval (``numpy.nanpercentile``), and the replicate's mean runs over the classes it has, as in the score itself.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tailcutmix.errors import UserError
from tailcutmix.metrics.scores import scores_of
from tailcutmix.metrics.statistics import Statistics

BLOCK = 100
"""Replicates computed at a time; bounds the memory of the weights."""


def weights(images: int, replicates: int, seed: int) -> Iterator[np.ndarray]:
    """Blocks of (at most BLOCK, images) weights: how often each image is drawn; every row sums to `images`."""
    rng = np.random.default_rng(seed)
    share = np.full(images, 1 / images)
    for start in range(0, replicates, BLOCK):
        yield rng.multinomial(images, share, size=min(BLOCK, replicates - start))


def replicate_scores(
    statistics: Statistics, replicates: int, seed: int, buckets: Mapping[str, Sequence[str]] | None = None
) -> dict[str, np.ndarray]:
    """:func:`~tailcutmix.metrics.scores.scores_of` of every replicate, the replicates along the first axis."""
    blocks = []
    for weight in weights(len(statistics.image_ids), replicates, seed):
        sums = {name: weight.astype(float) @ count for name, count in statistics.counts.items()}
        blocks.append(scores_of(sums, statistics, buckets))
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def interval(values: np.ndarray, level: float = 0.95) -> np.ndarray:
    """(2, ...) low and high end of the percentile interval over the first axis of (replicates, ...) values.

    NaN replicates are left out; NaN where all are.
    """
    tail = 50 * (1 - level)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        ends: np.ndarray = np.nanpercentile(values, [tail, 100 - tail], axis=0)
    return ends


@dataclass(frozen=True)
class Estimate:
    """Scores over all images with their bootstrap interval, 0..1; NaN where undefined.

    Attributes:
        value: (...) the scores.
        low, high: (...) ends of the percentile interval; NaN without replicates.
    """

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


def estimate_scores(
    statistics: Statistics,
    buckets: Mapping[str, Sequence[str]] | None = None,
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Estimate]:
    """:func:`~tailcutmix.metrics.scores.scores_of` all images, each score with its interval.

    Args:
        statistics: of the images.
        buckets: bucket -> class names.
        replicates, level, seed: of the bootstrap; 0 replicates give no intervals.
    """
    point = scores_of(statistics.total(), statistics, buckets)
    if not replicates:
        return {name: Estimate(value, *np.full((2, *np.shape(value)), np.nan)) for name, value in point.items()}
    drawn = replicate_scores(statistics, replicates, seed, buckets)
    return {name: Estimate(value, *interval(drawn[name], level)) for name, value in point.items()}


def paired_bootstrap(
    first: Statistics | Sequence[Statistics],
    second: Statistics | Sequence[Statistics],
    buckets: Mapping[str, Sequence[str]] | None = None,
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, dict[str, np.ndarray]]:
    """Difference second - first of two models on the same images.

    Args:
        first, second: the statistics of a model, or of its seeds, whose scores are then averaged in every replicate.
        buckets: bucket -> class names.
        replicates, level, seed: of the bootstrap.

    Returns:
        For each name that :func:`~tailcutmix.metrics.scores.scores_of` gives: ``difference`` (...), ``interval``
        (2, ...), and ``above_zero`` (...), the share of replicates in which the second model is better (NaN where
        the score is undefined).

    Raises:
        UserError: the two were not scored on the same images and classes.
    """
    models = [[model] if isinstance(model, Statistics) else list(model) for model in (first, second)]
    base = models[0][0]
    for model in (*models[0], *models[1]):
        if (model.image_ids, model.classes) != (base.image_ids, base.classes):
            raise UserError("a paired comparison needs both models scored on the same images and classes")
    point = [[scores_of(model.total(), model, buckets) for model in seeds] for seeds in models]
    drawn = [[replicate_scores(model, replicates, seed, buckets) for model in seeds] for seeds in models]
    result = {}
    for name in point[0][0]:
        differences = [
            np.mean([scores[name] for scores in kind[1]], 0) - np.mean([scores[name] for scores in kind[0]], 0)
            for kind in (point, drawn)
        ]
        count = (~np.isnan(differences[1])).sum(0)
        above = np.where(count > 0, (differences[1] > 0).sum(0) / np.maximum(count, 1), np.nan)
        result[name] = {
            "difference": differences[0],
            "interval": interval(differences[1], level),
            "above_zero": above,
        }
    return result
