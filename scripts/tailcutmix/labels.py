"""The label table of a data set: one row a label id, read from ``config/labels/<name>.csv``."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tailcutmix.errors import UserError
from tailcutmix.files import read_table

IGNORE = 255
"""Train id of every label that is neither trained nor evaluated."""

COLUMNS = ("id", "name", "train_id", "category", "has_instances", "colour", "average_instance_size")


@dataclass(frozen=True)
class LabelTable:
    """Label ids and what is known of each; all arrays have one entry a row, in the order of the file.

    Attributes:
        ids: (R,) int, label ids as stored in label images, 0..254.
        names: R label names.
        train_ids: (R,) int, 0..C-1 for trained and evaluated classes, 255 for ignored labels.
        categories: R category names.
        has_instances: (R,) bool.
        colours: (R, 3) uint8 RGB.
        average_instance_size: (R,) float, pixels of an average instance at full resolution; NaN where unknown.
    """

    ids: np.ndarray
    names: tuple[str, ...]
    train_ids: np.ndarray
    categories: tuple[str, ...]
    has_instances: np.ndarray
    colours: np.ndarray
    average_instance_size: np.ndarray

    @property
    def rows_of_classes(self) -> np.ndarray:
        """(C,) int: the table row of each train class, in train id order."""
        rows = np.flatnonzero(self.train_ids != IGNORE)
        return rows[np.argsort(self.train_ids[rows])]

    @property
    def classes(self) -> tuple[str, ...]:
        """The C class names in train id order."""
        return tuple(self.names[row] for row in self.rows_of_classes)

    @property
    def num_classes(self) -> int:
        return len(self.rows_of_classes)

    @property
    def to_train_id(self) -> np.ndarray:
        """(256,) uint8: label id -> train id; ids that the table does not list are ignored (255)."""
        lookup = np.full(256, IGNORE, np.uint8)
        lookup[self.ids] = self.train_ids
        return lookup

    @property
    def to_label_id(self) -> np.ndarray:
        """(256,) uint8: train id -> label id; 255 and unused train ids -> 0."""
        lookup = np.zeros(256, np.uint8)
        rows = self.rows_of_classes
        lookup[self.train_ids[rows]] = self.ids[rows]
        return lookup

    @property
    def class_colours(self) -> np.ndarray:
        """(256, 3) uint8: train id -> RGB; ignored pixels are black."""
        palette = np.zeros((256, 3), np.uint8)
        palette[: self.num_classes] = self.colours[self.rows_of_classes]
        return palette

    def train_id_of(self, name: str) -> int:
        """Train id of a class given by its name or its slug; raises UserError for any other word."""
        for train_id, known in enumerate(self.classes):
            if name in (known, slug(known)):
                return train_id
        raise UserError(f"no class is called {name!r}; the classes are: {', '.join(self.classes)}")


def slug(name: str) -> str:
    """A class name as it stands in paths: ``traffic light`` -> ``traffic_light``."""
    return name.replace(" ", "_")


def read_labels(path: str | Path) -> LabelTable:
    """Read and check a label table; raises UserError that names the file and the row."""
    columns = {"name": str, "category": str, "colour": str}
    table = read_table(path, COLUMNS, "label table", f"it has the columns {', '.join(COLUMNS)}", dtype=columns)
    for column, high in (("id", 254), ("train_id", IGNORE)):
        values = pd.to_numeric(table[column], errors="coerce")
        bad = ~values.between(0, high) | (values % 1 != 0)
        if bad.any():
            row = int(np.flatnonzero(bad)[0]) + 2
            raise UserError(f"{path}: line {row}: {column} must be a whole number from 0 to {high}")
    used = sorted(table.loc[table.train_id != IGNORE, "train_id"])
    if used != list(range(len(used))) or len(used) < 2:
        raise UserError(f"{path}: train ids must be 0, 1, 2, ... without gap or double, two at least; found {used}")
    for column in ("id", "name"):
        if table[column].duplicated().any():
            raise UserError(f"{path}: {column} {table[column][table[column].duplicated()].iloc[0]} stands twice")
    for name in table.name[table.train_id != IGNORE]:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _.-]*", name):
            raise UserError(f"{path}: class name {name!r} becomes a path: letters, digits, space, _ . and - only")
    for line, colour in enumerate(table.colour, start=2):
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", str(colour)):
            raise UserError(f"{path}: line {line}: colour {colour!r} is not of the form #rrggbb")
    return LabelTable(
        ids=table.id.to_numpy(int),
        names=tuple(table.name),
        train_ids=table.train_id.to_numpy(int),
        categories=tuple(table.category),
        has_instances=table.has_instances.astype(int).to_numpy(bool),
        colours=np.array([list(bytes.fromhex(colour[1:])) for colour in table.colour], np.uint8),
        average_instance_size=pd.to_numeric(table.average_instance_size).to_numpy(float),
    )
