"""How far the loss drifts by rounding alone: a network over 20 steps in one thread, in two, and in two processes.

Every row trains the same network on the same batches. Sums in another order differ in their last digits, and training
magnifies that. Two threads change nothing but rounding, so they are what two processes are to be compared with.

    python benchmarks/processes.py                                       ToyCity's M0; half a minute
    python benchmarks/processes.py --settings '{optimizer: sgd, lr: 0.005, grad_clip: null}'
"""

import argparse
import tempfile
from pathlib import Path

import pandas as pd
import yaml
from training_step import ROOT, Data, read_config, settings_of

from tailcutmix.plan.settings import plain
from tailcutmix.training.job import run_training

ROWS = {"one thread": (1, 1), "two threads": (2, 1), "two processes": (2, 2)}
"""Threads and processes of each row; the first is what the others are compared with."""


def losses(data: Data, folder: Path, settings: dict, labels: str, threads: int, processes: int) -> pd.Series:
    """The loss of each step."""
    out = folder / f"out{threads}{processes}"
    run_training(
        {
            "packed": plain(data.files), "manifest": str(folder / "manifest.csv"),
            "labels": labels, "tail": [], "boxes": None, "init": None,
            "settings": settings, "seed": 0, "out": str(out), "running": str(folder / "running"), "gpus": 0,
            "threads": threads, "processes": processes,
        }
    )  # fmt: skip
    return pd.read_csv(out / "history.csv").loss


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--settings", type=yaml.safe_load, default={}, help="YAML over the settings of M0")
    parser.add_argument("--steps", type=int, default=20)
    arguments = parser.parse_args()
    config = read_config([], None)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = Data(config, None, config["dataset"]["toycity"]["train"], folder)
        settings = settings_of(config, "m0", {"history_every": 1} | arguments.settings)
        settings["epochs"] = arguments.steps * settings["batch"] / len(data.rows)
        labels = str(ROOT / config["dataset"]["labels"])
        runs = {row: losses(data, folder, settings, labels, *how) for row, how in ROWS.items()}
    first = next(iter(runs.values()))
    print(f"loss from {first.iloc[0]:.3f} to {first.iloc[-1]:.3f} in {len(first)} steps in one thread")
    print("largest difference from it, relative")
    for row, values in list(runs.items())[1:]:
        drift = (values / first - 1).abs()
        print(f"{row:<16}{drift.iloc[:2].max():>10.2g} in two steps{drift.max():>10.2g} in all")


if __name__ == "__main__":
    main()
