"""Show that a redesign changes no result: run two checkouts on the same tiny ToyCity and compare their files by bytes.

    python tests/compare_results.py OLD_CHECKOUT NEW_CHECKOUT
    python tests/compare_results.py OLD_CHECKOUT NEW_CHECKOUT --keep FOLDER --reuse-old

The workflow's parts of each checkout are copied into a folder of their own, where the whole job, every arm of the
ablation and the submission are run with the Python that runs this program (some minutes on two cores). One line is
printed per kind of file; the exit code is 1 where any file differs or is missing on one side.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

import pandas as pd
import yaml
from workflow_runs import PARTS, TINY, copy_workflow

TARGETS = ("all", "ablation", "submission")

OVERLAY = {
    **TINY,
    "dataset": {"name": "compared", "toycity": {"train": 16, "val": 6, "test": 6, "height": 64, "width": 128}},
    "buckets": {"cuts": [8, 8], "poor": 0.0, "good": 1.0},  # no tail class is good enough to leave: three experts
    # Weighted, because experts trained for so short a time would claim nothing else, and the ensemble compare nothing.
    "models": {**TINY["models"], "m2": {"epochs": 4, "lr": 0.004, "class_weights": "inverse_frequency"}},
}
"""What both sides run by default. It is small; the arms of the ablation are those of the checkout's config.yaml."""

KINDS = {
    "images of ToyCity": "raw/*",
    "manifest": "manifest.csv",
    "label statistics": "stats/*",
    "buckets": "buckets/*",
    "subsets": "subsets/*",
    "packed arrays": "packed/*",
    "weights": "models/*/seed*/model.safetensors",
    "histories": "models/*/seed*/history.csv",
    "scales": "scales/*",
    "predictions": "predictions/*",
    "scores": "metrics/*",
    "claims": "*/seed*/*_claims.csv",
    "tables": "tables/*",
    "submission": "submission/*",
    "figures": "figures/*.png",
}
"""Kind of result -> pattern of its paths under results/<dataset>; both sides must have files of each."""

LEFT_OUT = ("running/*", "figures/*.pdf")
COLUMNS_OF_TIME = ["seconds", "images_per_second"]
FINISHED = "finished.json"


class Failure(Exception):
    """One line that ends the program."""


@dataclass
class Comparison:
    """Paths of one kind: those with the same content on both sides, and the others, each with what is wrong."""

    equal: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)

    def line(self, kind: str) -> str:
        if not self.equal and not self.different:
            return f"{kind:18} none on either side"
        text = f"{kind:18} {len(self.equal):4} equal, {len(self.different):4} differ"
        first = "; ".join(self.different[:3]) + ("; ..." if len(self.different) > 3 else "")
        return f"{text}: {first}" if self.different else text


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(options.keep or temporary).resolve()
        old = run_side(folder / "old", options.old, options.old_overlay, options.cores, reuse=options.reuse_old)
        new = run_side(folder / "new", options.new, options.new_overlay, options.cores)
        comparisons = compare(old, new)
    failed = [
        kind
        for kind, comparison in comparisons.items()
        if (comparison.different or not comparison.equal) and (kind != "figures" or options.figures)
    ]
    for kind, comparison in comparisons.items():
        print(comparison.line(kind))
    print(f"results differ: {', '.join(failed)}" if failed else "no result differs")
    return 1 if failed else 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path, help="checkout to compare with")
    parser.add_argument("new", type=Path, help="checkout that should give the same results")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep both runs there, as old/ and new/")
    parser.add_argument("--reuse-old", action="store_true", help="do not run FOLDER/old again where it is finished")
    parser.add_argument("--old-overlay", type=Path, metavar="FILE", help="configuration of the old side instead")
    parser.add_argument("--new-overlay", type=Path, metavar="FILE", help="configuration of the new side instead")
    parser.add_argument("--figures", action="store_true", help="a figure that differs fails too")
    parser.add_argument("--cores", type=int, default=2)
    options = parser.parse_args(arguments)
    if options.reuse_old and not options.keep:
        parser.error("--reuse-old needs --keep FOLDER")
    return options


def run_side(folder: Path, checkout: Path, overlay_file: Path | None, cores: int, reuse: bool = False) -> Path:
    """Run a copy of the checkout in ``folder``, or reuse what is finished there; returns the folder of its results.

    Raises:
        Failure: no workflow in the checkout, a folder that holds something else, or a run that failed.
    """
    overlay = yaml.safe_load(overlay_file.read_text()) if overlay_file else OVERLAY
    results = folder / "results" / overlay["dataset"]["name"]
    description = {"checkout": str(checkout.resolve()), "commit": commit_of(checkout), "overlay": overlay}
    finished = folder / FINISHED
    if reuse and finished.exists():
        before = json.loads(finished.read_text())
        if before["overlay"] != overlay:
            raise Failure(f"{folder}: was run with another configuration; leave out --reuse-old")
        print(f"{folder.name}: reusing the run of {before['checkout']} at {before['commit']}", flush=True)
        return results
    if not (checkout / "Snakefile").exists():
        raise Failure(f"{checkout}: no Snakefile here; give the root of a checkout")
    if folder.exists():
        if not (folder / "overlay.yaml").exists():
            raise Failure(f"{folder}: exists and is no run of this program; give another folder to --keep")
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / "overlay.yaml").write_text(yaml.safe_dump(overlay))
    copy_workflow(folder, checkout)
    log = folder.with_name(f"{folder.name}.log")
    print(f"{folder.name}: running {checkout} at {description['commit']}; log: {log}", flush=True)
    command = [sys.executable, "-m", "snakemake", "--cores", str(cores), *TARGETS, "--configfile", "overlay.yaml"]
    # The copy's own library comes first, whatever version of it is installed in this environment.
    environment = {**os.environ, "PYTHONPATH": str(folder / "scripts"), "MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1"}
    with open(log, "w") as stream:
        done = subprocess.run(command, cwd=folder, env=environment, stdout=stream, stderr=subprocess.STDOUT)
    if done.returncode:
        tail = "\n".join(log.read_text().splitlines()[-40:])
        raise Failure(f"{tail}\n{folder}: the run failed; the whole log is {log}")
    finished.write_text(json.dumps(description, indent=1))
    return results


def commit_of(checkout: Path) -> str:
    """The commit of a checkout, with a word where the workflow's parts differ from it."""
    git = ["git", "-C", str(checkout)]
    commit = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    if commit.returncode:
        return "an unknown commit"
    parts = [part for part in PARTS if (checkout / part).exists()]
    changes = subprocess.run([*git, "status", "--porcelain", "--", *parts], capture_output=True, text=True)
    return commit.stdout.strip() + (" with changes" if changes.stdout.strip() else "")


def compare(old: Path, new: Path) -> dict[str, Comparison]:
    """Compare every result of two folders ``results/<dataset>``, by kind; files of no kind come last, as "other"."""
    comparisons = {kind: Comparison() for kind in KINDS}
    for path in sorted(list_files(old) | list_files(new)):
        comparison = comparisons.setdefault(kind_of(path), Comparison())
        missing = [side for side, root in (("old", old), ("new", new)) if not (root / path).is_file()]
        if missing:
            comparison.different.append(f"{path} (not in {missing[0]})")
        elif content(old / path) == content(new / path):
            comparison.equal.append(path)
        else:
            comparison.different.append(path)
    return comparisons


def list_files(results: Path) -> set[str]:
    paths = (path.relative_to(results).as_posix() for path in results.rglob("*") if path.is_file())
    return {path for path in paths if not any(fnmatch(path, pattern) for pattern in LEFT_OUT)}


def kind_of(path: str) -> str:
    return next((kind for kind, pattern in KINDS.items() if fnmatch(path, pattern)), "other")


def content(path: Path) -> object:
    """What must be equal: the bytes; of an archive those of its members, of a history all but its times."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return [(name, archive.read(name)) for name in archive.namelist()]
    if path.name == "history.csv":
        return pd.read_csv(path, dtype=str, keep_default_na=False).drop(columns=COLUMNS_OF_TIME).to_csv(index=False)
    return path.read_bytes()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(str(failure))
