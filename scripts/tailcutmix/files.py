"""Files that are complete or absent: results are written aside and then renamed; tables are read checked."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from tailcutmix.errors import UserError


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
    **options: Any,
) -> pd.DataFrame:
    """Read a CSV table that has ``columns`` at least; ``options`` go to :func:`pandas.read_csv`.

    Raises:
        UserError: one line that names the file, what it should be, and the cure.
    """
    try:
        frame: pd.DataFrame = pd.read_csv(path, **options)
    except FileNotFoundError:
        raise UserError(f"{path}: no such {what}") from None
    except (OSError, ValueError) as error:  # pandas' own errors are ValueErrors
        raise UserError(f"{path}: not a readable {what} ({error}); {cure}") from None
    missing = [column for column in columns if column not in frame]
    if missing:
        raise UserError(f"{path}: column {missing[0]} is missing; {cure}")
    return frame


def write_csv(frame: pd.DataFrame, path: str | Path) -> None:
    """Write a table as CSV without its index, all or nothing."""
    with replacing(path) as temporary:
        frame.to_csv(temporary, index=False)
