"""How the graph itself grows: time and memory of a dry run with more seeds and more tail classes, nothing trained.

    python benchmarks/graph.py [--seeds 1 10 100] [--tails 7 19]

Writes a Markdown table to the standard output.
"""

import argparse
import csv
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent


def classes() -> list[str]:
    """The 19 evaluated classes of the Cityscapes table."""
    with open(ROOT / "config/labels/cityscapes.csv", newline="") as table:
        rows = list(csv.DictReader(table))
    key = next(name for name in rows[0] if name.startswith("train"))
    return list(dict.fromkeys(row["name"] for row in rows if 0 <= int(row[key] or 255) < 255))


def dry_run(folder: Path, seeds: int, tail: list[str], *arguments: str) -> tuple[int, int, float, float]:
    """(jobs, trainings, seconds, peak memory in MB) of ``snakemake -n``."""
    overlay = {"seeds": list(range(seeds)), "buckets": {"tail": tail}}
    (folder / "overlay.yaml").write_text(yaml.safe_dump(overlay))
    command = [sys.executable, "-m", "snakemake", "-n", "--cores", "1", "--quiet", "rules", *arguments]
    start = time.monotonic()
    with open(folder / "out.txt", "w") as out:
        process = subprocess.Popen([*command, "--configfile", "overlay.yaml"], cwd=folder, stdout=out, stderr=out)
        _, status, usage = os.wait4(process.pid, 0)
    seconds, text = time.monotonic() - start, (folder / "out.txt").read_text()
    if status:
        sys.exit(text[-3000:])
    counts = {line.split()[0]: int(line.split()[1]) for line in text.splitlines() if _is_count(line)}
    return counts["total"], counts["train_model"], seconds, usage.ru_maxrss / 1024


def _is_count(line: str) -> bool:
    words = line.split()
    return len(words) == 2 and words[1].isdigit()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--tails", type=int, nargs="+", default=[7, 19])
    options = parser.parse_args()
    print("| seeds | tail classes | trainings | jobs | dry run, s | memory, MB |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for part in ("Snakefile", "workflow", "profiles", "scripts", "config", "envs"):
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy2
            copy(ROOT / part, folder / part)
        for tail in options.tails:
            for seeds in options.seeds:
                jobs, trainings, seconds, memory = dry_run(folder, seeds, classes()[-tail:])
                print(f"| {seeds} | {tail} | {trainings:,} | {jobs:,} | {seconds:.1f} | {memory:.0f} |", flush=True)


if __name__ == "__main__":
    main()
