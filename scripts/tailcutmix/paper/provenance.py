"""What a result was made by: the code, the configuration, the libraries, the machine, and the time of every job."""

import csv
import hashlib
import os
import platform
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tailcutmix.plan.settings.keys import plain

LIBRARIES = {
    "snakemake": ("snakemake",),
    "torch": ("torch", "pytorch"),
    "torchvision": ("torchvision",),
    "numpy": ("numpy",),
    "opencv": ("opencv-python-headless", "opencv-python", "opencv-contrib-python-headless", "py-opencv"),
    "pandas": ("pandas",),
    "matplotlib": ("matplotlib", "matplotlib-base"),
    "pillow": ("pillow",),
    "safetensors": ("safetensors",),
    "timm": ("timm",),
}
"""Library -> names under which pip or conda may have it."""

SECTIONS = ("dataset", "buckets", "regions", "selection", "evaluation", "tables", "engine")


def record(
    config: Mapping[str, Any],
    plan: Any,
    rows: Sequence[str],
    folder: str | Path,
    logs: str | Path,
    inputs: Mapping[str, Any],
) -> dict[str, Any]:
    """Everything about a run that its tables do not say, as plain values.

    Args:
        config: the configuration, overlays merged in.
        plan: the same, resolved: a :class:`~tailcutmix.plan.plan.Plan`. It is not imported, since a new model or key is
            no reason to record a finished run anew.
        rows: the tables of the configuration (``table1``, ``ablation``) whose networks are meant.
        folder: of the workflow, for its commit.
        logs: folder of Snakemake's benchmark files (``*.tsv``), one per job.
        inputs: ``manifest`` and ``results``, which are named with their checksums, and ``environments``, the files
            with the pins of libraries that only other environments hold.

    Returns:
        recorded (UTC), commit and uncommitted_changes (None outside a repository), python, libraries (version; None
        where it is unknown), machine, data (manifest, its checksum, images), seeds, jobs (by rule: number, seconds of
        wall time and of CPU time, the largest memory in MB), results (file -> SHA-256), configuration, and resolved,
        with every default filled in.
    """
    commit, changed = commit_of(folder)
    return {
        "recorded": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit,
        "uncommitted_changes": changed,
        "python": platform.python_version(),
        "libraries": library_versions(pins_of(inputs["environments"])),
        "machine": machine(),
        "data": {
            "manifest": str(inputs["manifest"]),
            "sha256": _checksum(inputs["manifest"]),
            "images": _images(inputs["manifest"]),
        },
        "seeds": list(plan.seeds),
        "jobs": job_totals(logs),
        "results": {str(path): _checksum(path) for path in inputs["results"]},
        "configuration": dict(config),
        "resolved": resolved(plan, rows),
    }


def resolved(plan: Any, rows: Sequence[str]) -> dict[str, Any]:
    """The settings in force, defaults filled in: the sections, and the networks behind the rows of these tables."""
    names = tuple(dict.fromkeys(name for table in rows for name in getattr(plan.tables, table)))
    networks = dict.fromkeys([*plan.networks_of(names), *plan.templates_of(names)])
    sections = {name: plain(getattr(plan, name)) for name in SECTIONS}
    return sections | {"models": {name: plain(plan.models[name]) for name in networks}}


def commit_of(folder: str | Path) -> tuple[str | None, bool | None]:
    """The commit that a folder is checked out at, and whether tracked files differ from it; None without git."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    try:
        return git("rev-parse", "HEAD"), bool(git("status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.CalledProcessError):
        return None, None


def machine() -> dict[str, Any]:
    """System, processor, usable CPUs, memory in GB, and the GPUs that the driver shows."""
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cpus": len(os.sched_getaffinity(0)),
        "memory_gb": round(pages * size / 1e9, 1),
        "gpus": _gpus(),
    }


def job_totals(logs: str | Path) -> dict[str, dict[str, float]]:
    """By rule: how many jobs have a benchmark file under ``logs``, their seconds, and the most memory of one."""
    totals: dict[str, dict[str, float]] = {}
    for path in sorted(Path(logs).rglob("*.tsv")):
        with open(path, newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        rule = path.relative_to(logs).parts[0].removesuffix(".tsv")
        total = totals.setdefault(rule, {"jobs": 0, "wall_seconds": 0.0, "cpu_seconds": 0.0, "memory_mb": 0.0})
        total["jobs"] += 1
        for row in rows:
            total["wall_seconds"] = round(total["wall_seconds"] + _number(row["s"]), 1)
            total["cpu_seconds"] = round(total["cpu_seconds"] + _number(row["cpu_time"]), 1)
            total["memory_mb"] = max(total["memory_mb"], _number(row["max_rss"]))
    return totals


def library_versions(pins: Mapping[str, str]) -> dict[str, str | None]:
    """The version of each library: as installed here, or else as pinned for another environment."""
    return {library: _version(names) or _pinned(names, pins) for library, names in LIBRARIES.items()}


def pins_of(environments: Iterable[str | Path]) -> dict[str, str]:
    """Package -> version, of environment files of conda."""
    texts = [Path(path).read_text() for path in environments]
    return dict(pair for text in texts for pair in re.findall(r"^\s*- ([\w-]+) =(\S+)", text, re.MULTILINE))


def _version(names: Sequence[str]) -> str | None:
    for name in names:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return None


def _pinned(names: Sequence[str], pins: Mapping[str, str]) -> str | None:
    return next((f"{pins[name]} (pinned)" for name in names if name in pins), None)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _gpus() -> list[str]:
    command = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        text = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return text.strip().splitlines()


def _checksum(path: str | Path) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _images(manifest: str | Path) -> dict[str, int]:
    """Split -> number of images."""
    counts: dict[str, int] = {}
    with open(manifest, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            counts[row["split"]] = counts.get(row["split"], 0) + 1
    return counts


def _number(text: str | None) -> float:
    """0 for what Snakemake could not measure, as in jobs shorter than its interval."""
    try:
        return float(text or 0)
    except ValueError:
        return 0.0
