"""From sums of statistics to scores; the same code serves the point estimate and every bootstrap replicate."""

import warnings
from collections.abc import Mapping, Sequence

import numpy as np

from tailcutmix.metrics.statistics import Statistics, Sums

MEANS = ("iou_class", "iiou_class", "iou_category", "iiou_category", "accuracy", "accuracy_evaluated")


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole, NaN where whole is 0."""
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=np.asarray(whole) != 0)


def mean_of_valid(values: np.ndarray) -> np.ndarray:
    """Mean over the last axis without NaN entries; NaN where no entry is left."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nanmean(values, axis=-1) if np.shape(values)[-1] else np.full(np.shape(values)[:-1], np.nan)


def scores_of(
    sums: Sums, statistics: Statistics, buckets: Mapping[str, Sequence[str]] | None = None
) -> dict[str, np.ndarray]:
    """Scores of summed statistics, 0..1, NaN where undefined.

    Args:
        sums: the counts of `statistics` summed over images; any leading axes (...) before class and category.
        statistics: says which classes and categories are scored by instance.
        buckets: bucket (head, middle, tail) -> class names.

    Returns:
        MEANS -> (...); ``class_iou``, ``class_iiou`` -> (..., C); ``category_iou``, ``category_iiou`` -> (..., G);
        ``iou_<bucket>``, ``iiou_<bucket>`` -> (...), the means over a bucket's classes. A mean skips NaN entries.
    """
    scores = {}
    for level, fp_instances in (("class", "class_fp"), ("category", "category_fp_instances")):
        tp, fn, fp = (sums[f"{level}_{kind}"] for kind in ("tp", "fn", "fp"))
        scores[f"{level}_iou"] = _ratio(tp, tp + fp + fn)
        tp, fn = sums[f"{level}_tp_weighted"], sums[f"{level}_fn_weighted"]
        with_instances = getattr(statistics, f"{level}_instances")
        scores[f"{level}_iiou"] = np.where(with_instances, _ratio(tp, tp + sums[fp_instances] + fn), np.nan)
    for kind in ("iou", "iiou"):
        for level in ("class", "category"):
            scores[f"{kind}_{level}"] = mean_of_valid(scores[f"{level}_{kind}"])
        for bucket, names in (buckets or {}).items():
            members = [statistics.classes.index(name) for name in names]
            scores[f"{kind}_{bucket}"] = mean_of_valid(scores[f"class_{kind}"][..., members])
    scores["accuracy"] = _ratio(sums["correct"], sums["pixels"])
    scores["accuracy_evaluated"] = _ratio(sums["correct_evaluated"], sums["pixels_evaluated"])
    return scores
