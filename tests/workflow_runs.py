"""Running the workflow in a folder of its own: what the tests of the graph and of the whole share."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml
from conftest import ROOT

PARTS = ("Snakefile", "workflow", "profiles", "scripts", "config", "envs")

TINY = {
    "dataset": {"name": "tiny", "toycity": {"train": 10, "val": 4, "test": 4, "height": 64, "width": 128}},
    "regions": {"min_area": 4},
    "augmentation": {"scale": [0.75, 1.5]},
    "training": {"width": 4, "head_channels": 8, "crop": [64, 64], "batch": 4, "epochs": 2},
    "models": {"m1": {"epochs": 2, "expand": 1, "threads": 1}, "m2": {"epochs": 1}},
    "evaluation": {"bootstrap": 100},
}
"""A ToyCity so small that every step of the workflow, all of them real, takes a second or two."""


FINISHED = {
    **TINY,
    "buckets": {"cuts": [8, 9], "poor": 0.0, "good": 1.0},
    "models": {
        **TINY["models"],
        "taught": {"extends": "m0", "unlabelled": ["train", "val"]},
        "distilled": {"extends": "m0", "labels_from": "m1", "unlabelled": ["val"]},
    },
    "tables": {"ablation": ["m0", "m2_all", "ensemble_prior_gate", "ensemble", "taught", "distilled"]},
}
"""The run that several tests look at: two tail classes, every rule, and those arms that read something else."""


def copy_workflow(folder: Path, checkout: Path = ROOT) -> Path:
    """What a fresh clone holds of the workflow, without its results."""
    for part in PARTS:
        source, target = checkout / part, folder / part
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy2(source, target)
    return folder


def run(
    folder: Path,
    *arguments: str,
    overlay: dict | None = None,
    configfile: str | None = None,
    environment: dict[str, str] | None = None,
    check: bool = True,
):
    """``snakemake ARGUMENTS`` in the folder; returns the finished process with stdout and stderr as one text."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
    if overlay is not None:
        (folder / "overlay.yaml").write_text(yaml.safe_dump(overlay))
        configfile = "overlay.yaml"
    if configfile:
        command += ["--configfile", configfile]
    environment = {**os.environ, "PYTHONPATH": "", "MPLBACKEND": "Agg", **(environment or {})}
    done = subprocess.run(
        command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=3600
    )
    assert not check or done.returncode == 0, done.stdout[-6000:]
    return done


def jobs(text: str) -> dict[str, int]:
    """The job counts of a dry run, by rule."""
    if "Job stats:" not in text:
        return {}
    table = text.split("Job stats:")[1].split("\n\n")[0]
    return {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", table, re.M) if rule != "total"}
