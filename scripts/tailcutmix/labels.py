"""The label table of a data set: one row per label id, read from ``config/labels/<name>.csv``."""

import colorsys
import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tailcutmix.errors import UserError

if TYPE_CHECKING:  # Snakemake's own process reads the table, and may have no numpy
    import numpy as np

IGNORE = 255
"""Train id of every label that is neither trained nor evaluated."""

LABEL_COLUMNS = ("id", "name", "train_id", "category", "has_instances", "colour", "average_instance_size")
NEEDED_COLUMNS = LABEL_COLUMNS[:3]
"""The others may be left out, or their cells empty."""

YES, NO = ("1", "yes", "true"), ("", "0", "no", "false")


@dataclass(frozen=True)
class Label:
    """One row of the table; a label with a train id below 255 is a class.

    Attributes:
        id: as stored in label images, 0..254.
        name: as people read it.
        train_id: 0..C-1 for trained and evaluated classes, 255 for ignored labels.
        category: name of its category; its own name where the table has none.
        has_instances: whether instance images number its objects.
        colour: RGB, each 0..255.
        average_instance_size: pixels of an average instance at full resolution; None where unknown.
    """

    id: int
    name: str
    train_id: int
    category: str = ""
    has_instances: bool = False
    colour: tuple[int, int, int] = (0, 0, 0)
    average_instance_size: float | None = None

    @property
    def slug(self) -> str:
        """The name as it stands in paths: ``traffic light`` -> ``traffic_light``."""
        return slug(self.name)


@dataclass(frozen=True)
class LabelTable:
    """All rows in the order of the file, the classes among them, and lookups between label ids and train ids."""

    rows: tuple[Label, ...]

    @cached_property
    def classes(self) -> tuple[Label, ...]:
        """The C classes in train id order."""
        return tuple(sorted((row for row in self.rows if row.train_id != IGNORE), key=lambda row: row.train_id))

    @property
    def class_names(self) -> tuple[str, ...]:
        """The C class names in train id order."""
        return tuple(row.name for row in self.classes)

    @property
    def num_classes(self) -> int:
        return len(self.classes)

    @cached_property
    def ids(self) -> "np.ndarray":
        """(R,) int: the label id of each row."""
        import numpy as np

        return np.array([row.id for row in self.rows], int)

    @cached_property
    def to_train_id(self) -> "np.ndarray":
        """(256,) uint8: label id -> train id; ids that the table does not list are ignored (255)."""
        import numpy as np

        lookup = np.full(256, IGNORE, np.uint8)
        for row in self.rows:
            lookup[row.id] = row.train_id
        return lookup

    @cached_property
    def to_label_id(self) -> "np.ndarray":
        """(256,) uint8: train id -> label id; 255 and unused train ids -> 0."""
        import numpy as np

        lookup = np.zeros(256, np.uint8)
        for row in self.classes:
            lookup[row.train_id] = row.id
        return lookup

    @cached_property
    def colours(self) -> "np.ndarray":
        """(256, 3) uint8: label id -> RGB; ids that the table does not list are black."""
        import numpy as np

        palette = np.zeros((256, 3), np.uint8)
        palette[self.ids] = [row.colour for row in self.rows]
        return palette

    @cached_property
    def class_colours(self) -> "np.ndarray":
        """(256, 3) uint8: train id -> RGB; ignored pixels are black."""
        import numpy as np

        palette = np.zeros((256, 3), np.uint8)
        palette[: self.num_classes] = [row.colour for row in self.classes]
        return palette

    def class_of(self, name: str) -> Label:
        """The class of a name or a slug; raises UserError for any other word."""
        for known in self.classes:
            if name in (known.name, known.slug):
                return known
        raise UserError(f"no class is called {name!r}; the classes are: {', '.join(self.class_names)}")


def slug(name: str) -> str:
    """A class name as it stands in paths: ``traffic light`` -> ``traffic_light``."""
    return name.replace(" ", "_")


def read_labels(path: str | Path) -> LabelTable:
    """Read and check a label table; raises UserError that names the file and the line."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            columns = reader.fieldnames or ()
            lines = [(reader.line_num, line) for line in reader]
    except FileNotFoundError:
        raise UserError(f"{path}: no such label table") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: not a readable label table ({error})") from None
    missing = [column for column in NEEDED_COLUMNS if column not in columns]
    if missing:
        raise UserError(
            f"{path}: column {missing[0]} is missing; a label table has the columns {', '.join(NEEDED_COLUMNS)}, and "
            f"may have {', '.join(LABEL_COLUMNS[3:])}"
        )
    table = LabelTable(tuple(_read_row(line, f"{path}: line {number}") for number, line in lines))
    _check_table(table, path)
    return table


def _read_row(line: Mapping[str, str | None], where: str) -> Label:
    cells = {column: (line.get(column) or "").strip() for column in LABEL_COLUMNS}
    for column, high in (("id", 254), ("train_id", IGNORE)):
        if not re.fullmatch(r"\d{1,3}", cells[column]) or int(cells[column]) > high:
            raise UserError(f"{where}: {column} must be a whole number from 0 to {high}")
    if cells["has_instances"].lower() not in YES + NO:
        raise UserError(f"{where}: has_instances is {cells['has_instances']!r}; write 1 or 0, or leave it empty")
    colour = cells["colour"] or _own_colour(int(cells["id"]), int(cells["train_id"]))
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        raise UserError(f"{where}: colour {colour!r} is not of the form #rrggbb; leave it empty for one of ours")
    size = cells["average_instance_size"]
    if size and not (re.fullmatch(r"\d{1,9}(\.\d*)?|\.\d+", size) and float(size) > 0):
        raise UserError(f"{where}: average_instance_size is {size!r}; write a number of pixels, or leave it empty")
    red, green, blue = bytes.fromhex(colour[1:])
    return Label(
        id=int(cells["id"]),
        name=cells["name"],
        train_id=int(cells["train_id"]),
        category=cells["category"] or cells["name"],
        has_instances=cells["has_instances"].lower() in YES,
        colour=(red, green, blue),
        average_instance_size=float(size) if size else None,
    )


def _own_colour(label_id: int, train_id: int) -> str:
    """A colour for a label that has none: hues a golden section apart; grey where ignored."""
    if train_id == IGNORE:
        return "#404040"
    channels = colorsys.hsv_to_rgb(label_id * 0.618034 % 1, 0.75, (0.95, 0.7)[label_id // 8 % 2])
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in channels)


def _check_table(table: LabelTable, path: str | Path) -> None:
    used = [row.train_id for row in table.classes]
    if used != list(range(len(used))) or len(used) < 2:
        raise UserError(f"{path}: train ids must be 0, 1, 2, ... without gap or double, two at least; found {used}")
    unique: dict[str, Sequence[int | str]] = {
        "id": [row.id for row in table.rows],
        "name": [row.name for row in table.rows],
        "name in paths": [row.slug for row in table.classes],
    }
    for column, values in unique.items():
        for value in values:
            if values.count(value) > 1:
                raise UserError(f"{path}: {column} {value} stands twice")
    for name in table.class_names:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,99}", name):
            what = f"class name {name!r} becomes a path" if name else "a class has no name, which becomes a path"
            raise UserError(f"{path}: {what}: 100 letters, digits, space, _ . and - at most, a letter or digit first")
