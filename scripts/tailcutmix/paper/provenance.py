"""What a result was made by: the code, the configuration, the libraries, the machine, and the time of every job."""

import csv
import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

LIBRARIES = ("snakemake", "torch", "torchvision", "numpy", "opencv-python-headless", "pandas", "matplotlib")


def record(config: Mapping[str, Any], folder: str | Path, logs: str | Path) -> dict[str, Any]:
    """Everything about a run that its tables do not say, as plain values.

    Args:
        config: the configuration, overlays merged in.
        folder: of the workflow, for its commit.
        logs: folder of Snakemake's benchmark files (``*.tsv``), one per job.

    Returns:
        commit (with ``+`` where files differ from it; None outside a repository), python, libraries (version or None),
        machine, jobs (by rule: number, seconds of wall time and of CPU time, and the largest memory in MB), and
        configuration.
    """
    return {
        "commit": commit_of(folder),
        "python": platform.python_version(),
        "libraries": {name: _version(name) for name in LIBRARIES},
        "machine": {"system": f"{platform.system()} {platform.machine()}", "cpus": len(os.sched_getaffinity(0))},
        "jobs": job_totals(logs),
        "configuration": dict(config),
    }


def commit_of(folder: str | Path) -> str | None:
    """The commit that a folder is checked out at, ``+`` behind it where tracked files differ; None without git."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


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


def _number(text: str | None) -> float:
    """0 for what Snakemake could not measure, as in jobs shorter than its interval."""
    try:
        return float(text or 0)
    except ValueError:
        return 0.0


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
