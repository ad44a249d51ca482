"""The table of buckets as a file: its words, and the tail that it names.

Without pandas: Snakemake's own process reads it too, in an environment that may hold nothing but Snakemake.
"""

import csv
import math
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from tailcutmix.errors import UserError
from tailcutmix.labels import Label, LabelTable

HEAD, MIDDLE, TAIL = "head", "middle", "tail"
ABSENT = "absent"
"""Stands in the bucket column for a class without a train pixel: there is nothing to cut, so it has no bucket."""

CURE = "delete it and run again"


def read_tail(path: str | Path, labels: LabelTable) -> tuple[Label, ...]:
    """The tail classes of a table of buckets, most frequent first and rarest last (the default order of the ensemble).

    Args:
        path: what :func:`tailcutmix.tail.buckets.final_buckets` returned, as CSV.
        labels: the label table that the classes are looked up in.

    Raises:
        UserError: the table is missing or damaged, or names a class that the label table lacks.
    """
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
        reader = csv.DictReader(StringIO(text, newline=""))
        columns, rows = reader.fieldnames or (), list(reader)
    except FileNotFoundError:
        raise UserError(f"{path}: no such table of buckets") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: not a readable table of buckets ({error}); {CURE}") from None
    missing = [column for column in ("class", "share", "bucket") if column not in columns]
    if missing:
        raise UserError(f"{path}: not a table of buckets: column {missing[0]} is missing; {CURE}")
    if text and not text.endswith("\n"):
        raise UserError(f"{path}: the table of buckets is cut short; {CURE}")
    if sorted(row["class"] or "" for row in rows) != sorted(labels.class_names):
        raise UserError(f"{path}: does not list each class of the label table once; {CURE}")
    tail = []
    for row in rows:
        if row["bucket"] not in (HEAD, MIDDLE, TAIL, ABSENT) or not _is_share(row["share"]):
            raise UserError(f"{path}: no share or bucket in the row of {row['class']}; {CURE}")
        if row["bucket"] == TAIL:
            tail.append((float(row["share"]), row["class"]))
    tail.sort(key=lambda entry: -entry[0])
    return tuple(labels.class_of(name) for _, name in tail)


def read_listed_tail(path: str | Path, labels: LabelTable, fixed: Sequence[str] | None) -> tuple[Label, ...]:
    """The tail classes in the order in which the plan lists them: as configured (``fixed``), or of the table."""
    return read_tail(path, labels) if fixed is None else tuple(labels.class_of(name) for name in fixed)


def _is_share(text: str | None) -> bool:
    try:
        return math.isfinite(float(text or "nan"))
    except ValueError:
        return False
