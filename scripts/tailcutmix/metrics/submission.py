"""Check a submission before it is handed in: every fault, one line each."""

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from tailcutmix.dataset.images import decode_label, read_bytes
from tailcutmix.dataset.png import GREY, GREY_ALPHA, PALETTE, RGB, RGBA, read_header
from tailcutmix.errors import UserError
from tailcutmix.labels import LabelTable
from tailcutmix.progress import Progress

COLOUR_TYPES = {
    RGB: "colour (RGB)",
    PALETTE: "palette",
    GREY_ALPHA: "greyscale with alpha",
    RGBA: "colour with alpha (RGBA)",
}


def check_submission(
    submission: str | Path,
    expected: Mapping[str, tuple[int, int] | None],
    labels: LabelTable,
    size: tuple[int, int] = (1024, 2048),
) -> list[str]:
    """All faults of a submission, each one line with the file's name; an empty list says that it may be handed in.

    Checked are the names (missing, unknown, doubled, in a subfolder), and of every file that it is a whole PNG, its
    size, that it has a single 8-bit grey channel, and its ids.

    Args:
        submission: the zip archive, or a folder.
        expected: file name -> (height, width), or None for `size`.
        labels: the label table.
        size: (height, width) of files of which `expected` says none.

    Raises:
        UserError: no such archive or folder.
    """
    try:
        files = list(_list_files(Path(submission)))
    except (OSError, zipfile.BadZipFile) as error:
        raise UserError(f"{submission}: not a readable zip archive ({error}); make it again") from None
    faults, seen = [], set()
    used = np.zeros(256, bool)
    for inside, path in Progress("check", len(files)).over(files):
        name = inside.rpartition("/")[2]
        if name not in expected:
            faults.append(f"{path}: no test image has this name; remove it")
            continue
        if inside != name:
            faults.append(f"{path}: lies in a folder; the files belong at the top of the archive")
        if name in seen:
            faults.append(f"{path}: {name} is there twice; remove one")
        seen.add(name)
        try:
            ids = _read(path, expected[name] or size)
        except UserError as error:
            faults.append(str(error))
            continue
        present = np.bincount(ids.reshape(-1), minlength=256) > 0
        unknown = np.setdiff1d(np.flatnonzero(present), labels.ids)
        if len(unknown):
            faults.append(f"{path}: id {unknown[0]} is not a label id (up to {labels.ids.max()}); write label ids")
        used |= present
    faults += [f"{submission}: {name} is missing" for name in expected if name not in seen]
    if seen and _looks_like_train_ids(used, labels):
        faults.append(
            f"{submission}: only ids 0 to {labels.num_classes - 1} occur, which are train ids; write label ids instead"
        )
    return faults


def _list_files(submission: Path) -> Iterator[tuple[str, str]]:
    """(name inside, path to read) of every file."""
    if submission.is_dir():
        for path in sorted(submission.rglob("*")):
            if path.is_file():
                yield path.relative_to(submission).as_posix(), str(path)
        return
    with zipfile.ZipFile(submission) as archive:
        for entry in archive.infolist():
            if not entry.is_dir():
                yield entry.filename, f"{submission}::{entry.filename}"


def _read(path: str, size: tuple[int, int]) -> np.ndarray:
    """(H, W) uint8 ids of one file; raises UserError for its first fault."""
    data = read_bytes(path)
    header = read_header(data, path)
    if (header.height, header.width) != tuple(size):
        raise UserError(f"{path}: {header.width}x{header.height} pixels, but {size[1]}x{size[0]} are asked for")
    if header.colour != GREY or header.depth != 8:
        mode = COLOUR_TYPES.get(header.colour, f"{header.depth}-bit greyscale")
        raise UserError(f"{path}: mode is {mode}; a single 8-bit grey channel of label ids is asked for")
    return decode_label(data, path)


def _looks_like_train_ids(used: np.ndarray, labels: LabelTable) -> bool:
    """Whether the ids are all train ids, and some of them would be labels that are never evaluated."""
    ids = np.flatnonzero(used)
    evaluated = {row.id for row in labels.classes}
    low = ids[ids != 255]
    return bool(len(low)) and low.max() < labels.num_classes and any(id_ not in evaluated for id_ in low)
