"""Sufficient statistics: a few counts an image, from sums of which every score follows."""

import zipfile
import zlib
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from tailcutmix.errors import UserError
from tailcutmix.files import replacing
from tailcutmix.metrics.counting import FIRST_INSTANCE, Counts
from tailcutmix.metrics.groups import Groups

Sums = dict[str, np.ndarray]

PER_CLASS = ("class_tp", "class_fn", "class_fp", "class_tp_weighted", "class_fn_weighted")
PER_CATEGORY = (
    "category_tp",
    "category_fn",
    "category_fp",
    "category_tp_weighted",
    "category_fn_weighted",
    "category_fp_instances",
)
PER_IMAGE = ("correct", "pixels", "correct_evaluated", "pixels_evaluated")


def image_statistics(counts: Counts, groups: Groups, area_ratio: float = 1.0, path: str = "") -> Sums:
    """The statistics of one image, after Cityscapes' evalPixelLevelSemanticLabeling.

    Args:
        counts: pixel counts of the image.
        groups: classes and categories.
        area_ratio: area of the ground truth at full size / area that was counted; divides the average sizes.
        path: the instance image, named in errors.

    Returns:
        PER_CLASS -> (C,), PER_CATEGORY -> (G,), PER_IMAGE -> (), float64.

    Raises:
        UserError: an instance of an unknown label, or of a class whose average size is unknown.
    """
    confusion, ids, members = counts.confusion[: groups.size].astype(float), groups.class_ids, groups.evaluated_members
    rows, columns = confusion.sum(1), confusion[groups.evaluated].sum(0)
    tp = confusion[ids, ids]
    # Rows of evaluated ids summed to categories: what is predicted on each category.
    on_category = members.T @ confusion
    within = on_category @ members
    within_all = on_category @ groups.all_members
    sums = {
        "class_tp": tp,
        "class_fn": rows[ids] - tp,
        "class_fp": columns[ids] - tp,
        "category_tp": np.diag(within),
        "category_fn": members.T @ rows - np.diag(within),
        "category_fp": within.sum(0) - np.diag(within),
        "category_fp_instances": within_all.sum(0) - np.diag(within_all),
        "correct": np.trace(confusion),
        "pixels": confusion.sum(),
        "correct_evaluated": tp.sum(),
        "pixels_evaluated": rows[ids].sum(),
    }
    return sums | _weighted(counts, groups, area_ratio, path)


def _weighted(counts: Counts, groups: Groups, area_ratio: float, path: str) -> Sums:
    """Pixels of instances, weighted by (average size of the class) / (size of the instance).

    A hit is the instance's own id for the class score, and any id of its category, ignored ids included, for the
    category score. Instances of ignored labels and of labels without instances are left out.
    """
    label = counts.values // FIRST_INSTANCE
    unknown = (label >= groups.size) | ~groups.listed[np.minimum(label, groups.size - 1)]
    if unknown.any():
        value = counts.values[unknown][0]
        raise UserError(f"{path}: instance value {value} has label id {value // FIRST_INSTANCE}, not in the table")
    class_of = np.full(groups.size, -1)
    class_of[groups.class_ids[groups.class_instances]] = np.flatnonzero(groups.class_instances)
    scored = class_of[label] >= 0
    label, hits = label[scored], counts.hits[scored]
    weight = groups.average_sizes[label] / area_ratio / hits.sum(1)
    if np.isnan(weight).any():
        name = groups.classes[class_of[label[np.isnan(weight)][0]]]
        raise UserError(f"{path}: holds a {name}, whose average instance size is in neither table nor train split")
    row = np.arange(len(label))
    category = groups.all_members.argmax(1)[label]
    own, same = hits[row, label], (hits @ groups.all_members)[row, category]
    missed, missed_category = hits.sum(1) - own, hits.sum(1) - same

    def total(index: np.ndarray, pixels: np.ndarray, length: int) -> np.ndarray:
        return np.bincount(index, pixels * weight, length)

    classes, categories = len(groups.classes), len(groups.categories)
    return {
        "class_tp_weighted": total(class_of[label], own, classes),
        "class_fn_weighted": total(class_of[label], missed, classes),
        "category_tp_weighted": total(category, same, categories),
        "category_fn_weighted": total(category, missed_category, categories),
    }


@dataclass(frozen=True)
class Statistics:
    """The statistics of N images, and what they were taken over.

    Attributes:
        image_ids: N names.
        classes, categories: C and G names.
        class_instances: (C,) bool, classes scored by instance.
        category_instances: (G,) bool.
        confusion: (R, R) int64, pixels by (ground truth id, predicted id) over all images.
        counts: PER_CLASS -> (N, C), PER_CATEGORY -> (N, G), PER_IMAGE -> (N,) float64.
    """

    image_ids: tuple[str, ...]
    classes: tuple[str, ...]
    categories: tuple[str, ...]
    class_instances: np.ndarray
    category_instances: np.ndarray
    confusion: np.ndarray
    counts: Sums

    def total(self) -> Sums:
        """Sums over all images."""
        return {name: count.sum(0) for name, count in self.counts.items()}


def write_statistics(statistics: Statistics, path: str | Path) -> None:
    """Write one compressed .npz: the counts under their names, and the other attributes under theirs."""
    arrays = {field.name: np.asarray(getattr(statistics, field.name)) for field in fields(statistics)[:-1]}
    with replacing(path) as temporary:
        np.savez_compressed(temporary, allow_pickle=False, **arrays, **statistics.counts)


def read_statistics(path: str | Path) -> Statistics:
    """Read what :func:`write_statistics` wrote; raises UserError naming the file."""
    try:
        with np.load(path, allow_pickle=False) as content:
            return Statistics(
                image_ids=tuple(map(str, content["image_ids"])),
                classes=tuple(map(str, content["classes"])),
                categories=tuple(map(str, content["categories"])),
                class_instances=content["class_instances"],
                category_instances=content["category_instances"],
                confusion=content["confusion"],
                counts={name: content[name] for name in (*PER_CLASS, *PER_CATEGORY, *PER_IMAGE)},
            )
    except FileNotFoundError:
        raise UserError(f"{path}: no such statistics file; score this model first") from None
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{path}: not a readable statistics file ({error}); delete it to score again") from None
