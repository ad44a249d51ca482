"""Which ids each score is taken over, worked out once from a label table."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tailcutmix.labels import IGNORE, LabelTable


@dataclass(frozen=True)
class Groups:
    """Classes (C, the evaluated labels in train id order) and categories (G, those with an evaluated label, in table
    order) as rows and columns of an (R, R) confusion of label ids.

    Attributes:
        classes, categories: names.
        size: R, one more than the highest id of the table.
        listed: (R,) bool, ids that the table has.
        class_ids: (C,) int, label ids of the classes.
        evaluated: (R,) bool, ids that belong to a class.
        evaluated_members: (R, G) int, 1 where an evaluated id belongs to the category.
        all_members: (R, G) int, 1 where any id belongs to the category.
        class_instances: (C,) bool, classes scored by instance.
        category_instances: (G,) bool, categories scored by instance: all labels, ignored ones too, have instances.
        average_sizes: (R,) float, average instance size in pixels of the ground truth at full size; NaN where unknown.
    """

    classes: tuple[str, ...]
    categories: tuple[str, ...]
    size: int
    listed: np.ndarray
    class_ids: np.ndarray
    evaluated: np.ndarray
    evaluated_members: np.ndarray
    all_members: np.ndarray
    class_instances: np.ndarray
    category_instances: np.ndarray
    average_sizes: np.ndarray

    @property
    def has_instances(self) -> bool:
        """Whether any class is scored by instance."""
        return bool(self.class_instances.any())

    def unlisted(self, pixels: np.ndarray) -> int | None:
        """The lowest id with pixels, (n,) counts by id, that the table does not have; None where there is none."""
        known = np.zeros(max(len(pixels), self.size), bool)
        known[: self.size] = self.listed
        unknown = np.flatnonzero((pixels > 0) & ~known[: len(pixels)])
        return int(unknown[0]) if len(unknown) else None


def groups_of(labels: LabelTable, average_sizes: Mapping[str, float] | None = None, instances: bool = True) -> Groups:
    """Groups of a label table.

    Args:
        labels: the table.
        average_sizes: class name -> average instance size in pixels; takes precedence over the table's own.
        instances: False where the ground truth has no instance images; no score by instance is then taken.
    """
    size = int(labels.ids.max()) + 1
    class_ids = np.array([row.id for row in labels.classes])
    categories = tuple(dict.fromkeys(row.category for row in labels.rows if row.train_id != IGNORE))
    evaluated, listed = np.zeros((2, size), bool)
    listed[labels.ids] = True
    evaluated[class_ids] = True
    all_members = np.zeros((size, len(categories)), int)
    with_instances = np.zeros(size, bool)
    sizes = np.full(size, np.nan)
    for row in labels.rows:
        if row.category in categories:
            all_members[row.id, categories.index(row.category)] = 1
        with_instances[row.id] = row.has_instances and instances
        sizes[row.id] = np.nan if row.average_instance_size is None else row.average_instance_size
    for name, value in (average_sizes or {}).items():
        sizes[labels.class_of(name).id] = value
    return Groups(
        classes=labels.class_names,
        categories=categories,
        size=size,
        listed=listed,
        class_ids=class_ids,
        evaluated=evaluated,
        evaluated_members=all_members * evaluated[:, None],
        all_members=all_members,
        class_instances=with_instances[class_ids],
        category_instances=np.array([with_instances[column == 1].all() for column in all_members.T]),
        average_sizes=sizes,
    )
