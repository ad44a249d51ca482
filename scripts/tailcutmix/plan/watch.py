"""Which raw files came, went or changed since the last run: by their names, sizes and times, not by reading them all.

A file whose size or time is new is read once and held to the manifest's checksum, so that a copy, a fresh time stamp
or another clone changes nothing. Without pandas, as Snakemake's own process asks.
"""

import csv
import hashlib
import json
import os
from pathlib import Path

from tailcutmix.plan.layout import IMAGE_TYPES, walk

WATCHED = (*IMAGE_TYPES, ".zip", ".txt")


def state_of(root: str | Path, manifest: str | Path, memory: str | Path) -> str:
    """A digest of the raw files under ``root``: it differs once a file is added, removed or has another content.

    Args:
        root: the folder of the raw data; where it is not there, the digest is that of no file.
        manifest: the checksums of what the last run read; it may not be there yet.
        memory: JSON file with the size, time and version of every file; written anew where something differs.
    """
    before = _recalled(Path(memory))
    now: dict[str, list[int]] = {}
    checksums: dict[str, str] | None = None
    for path in walk(Path(root)):
        if path.suffix.lower() not in WATCHED or path.name.startswith("."):
            continue
        try:
            status = os.stat(path)
        except OSError:
            continue  # a dangling link: the job that lists the images says so
        name, stamp = path.relative_to(root).as_posix(), [status.st_size, status.st_mtime_ns]
        *known, version = before.get(name, [*stamp, 0])
        if known != stamp:
            checksums = _checksums(manifest) if checksums is None else checksums
            version += _differs(path, checksums)
        now[name] = [*stamp, version]
    if now != before:
        _remember(now, Path(memory))
    lines = "\n".join(f"{name} {entry[2]}" for name, entry in sorted(now.items()))
    return hashlib.sha256(lines.encode(errors="surrogateescape")).hexdigest()[:16]


def _differs(path: Path, checksums: dict[str, str]) -> bool:
    """Whether a file is another one than the manifest has; an image that it does not list was never read."""
    if path.suffix.lower() not in IMAGE_TYPES:
        return True
    if str(path) not in checksums:
        return False
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() != checksums[str(path)]


def _checksums(manifest: str | Path) -> dict[str, str]:
    try:
        with open(manifest, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error):
        return {}
    kinds = ("image", "label", "instance")
    return {row.get(kind) or "": row.get(f"{kind}_sha256") or "" for row in rows for kind in kinds}


def _recalled(memory: Path) -> dict[str, list[int]]:
    try:
        content = json.loads(memory.read_text())
        return {str(name): [int(value) for value in entry] for name, entry in content.items() if len(entry) == 3}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _remember(files: dict[str, list[int]], memory: Path) -> None:
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        partial = memory.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps(files))
        os.replace(partial, memory)
    except OSError:
        pass  # a folder that cannot be written holds no run either
