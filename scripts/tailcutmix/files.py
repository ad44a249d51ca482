"""Files that are complete or absent: results are written aside and then renamed; tables are read checked."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tailcutmix.errors import UserError

NAMES = ("class", "image_id", "model", "method", "ensemble", "first", "second", "comparison", "bucket", "moved_from")
"""Columns of our tables that hold names: a class may be called 1, or None."""

LARGEST_WHOLE = 2**53
"""Beyond it, floats are not told apart."""


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary file name beside ``path``; it takes that place when the block ends well and vanishes otherwise."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=path.suffix)
    os.close(handle)
    try:
        yield Path(name)
        os.chmod(name, 0o666 & ~_umask())  # mkstemp makes private files; results are for others too
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


@lru_cache(maxsize=1)
def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextmanager
def replacing_folder(path: str | Path) -> Iterator[Path]:
    """An empty folder beside ``path``; it takes that place when the block ends well and vanishes otherwise."""
    path = Path(path)
    partial = path.with_name(f"{path.name}.tmp")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        if path.exists():
            shutil.rmtree(path)
        os.replace(partial, path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def read_table(
    path: str | Path,
    columns: Sequence[str] = (),
    what: str = "file",
    cure: str = "delete it and run again",
    *,
    whole: Sequence[str] = (),
    numbers: Sequence[str] = (),
    **options: Any,
) -> pd.DataFrame:
    """Read a CSV table of a run that has ``columns`` at least; ``options`` go to :func:`pandas.read_csv`.

    Args:
        path: the file; its last line must be whole.
        columns: that must be there.
        what, cure: for errors: what the file is, and what to do about one that is damaged.
        whole: columns of whole numbers, read as int64.
        numbers: columns of finite numbers, read as float64; NaN where a cell is empty.

    Columns of NAMES are text, however much a name looks like a number or like nothing.

    Raises:
        UserError: one line that names the file, what it should be, and the cure.
    """
    try:
        data = Path(path).read_bytes()
        if data and not data.endswith(b"\n"):
            raise ValueError("it is cut short")
        if "dtype" not in options:
            absent = {name: ["", "nan"] for name in pd.read_csv(BytesIO(data), nrows=0) if name not in NAMES}
            options |= {"dtype": dict.fromkeys(NAMES, str), "keep_default_na": False, "na_values": absent}
        frame: pd.DataFrame = pd.read_csv(BytesIO(data), **options)
    except FileNotFoundError:
        raise UserError(f"{path}: no such {what}; run again") from None
    except (OSError, ValueError) as error:  # pandas' own errors are ValueErrors
        raise UserError(f"{path}: not a readable {what} ({' '.join(str(error).split())}); {cure}") from None
    missing = [column for column in (*columns, *whole, *numbers) if column not in frame]
    if missing:
        raise UserError(f"{path}: column {missing[0]} is missing; {cure}")
    for column in whole:
        frame[column] = whole_numbers(frame[column], path, cure)
    for column in numbers:
        frame[column] = finite_numbers(frame[column], path, cure)
    return frame


def finite_numbers(column: pd.Series, path: str | Path, cure: str) -> pd.Series:
    """A column as float64, NaN where a cell is empty; raises UserError for anything but finite numbers."""
    found = pd.to_numeric(column, errors="coerce").astype(float)
    _refuse(column, ~np.isfinite(found) & column.notna(), "number", path, cure)
    return found


def whole_numbers(column: pd.Series, path: str | Path, cure: str) -> pd.Series:
    """A column as int64; raises UserError for anything but whole numbers."""
    found = pd.to_numeric(column, errors="coerce").astype(float)
    wrong = ~np.isfinite(found) | (found % 1 != 0) | (found.abs() > LARGEST_WHOLE)
    _refuse(column, wrong, "whole number", path, cure)
    return found.astype(np.int64)


def _refuse(column: pd.Series, wrong: Any, kind: str, path: str | Path, cure: str) -> None:
    if wrong.any():
        raise UserError(f"{path}: {column.name} is {str(column[wrong].iloc[0])!r}, which is no {kind}; {cure}")


def write_csv(frame: pd.DataFrame, path: str | Path) -> None:
    """Write a table as CSV without its index, all or nothing."""
    with replacing(path) as temporary:
        frame.to_csv(temporary, index=False)
