"""How far the loss drifts by rounding alone: a network over 20 steps in one thread, in two, and in two processes.

Every row trains the same network on the same batches. Sums in another order differ in their last digits, and training
magnifies that. Two threads change nothing but rounding, so they are what two processes are to be compared with.

    python benchmarks/processes.py                                       ToyCity's M0; half a minute
    python benchmarks/processes.py --settings '{optimizer: sgd, lr: 0.005, grad_clip: null}'
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import pandas as pd
import yaml
from training_step import ROOT, Data, read_config, recipe_of

from tailcutmix.plan.settings.data import Dataset
from tailcutmix.plan.settings.jobs import Engine, Resources
from tailcutmix.plan.settings.keys import typed
from tailcutmix.plan.settings.recipe import Recipe
from tailcutmix.training.engine import TrainingOutputs
from tailcutmix.training.job import TrainingInputs, TrainingJob, run_training

ROWS = {"one thread": (1, 1), "two threads": (2, 1), "two processes": (2, 2)}
"""Threads and processes of each row; the first is what the others are compared with."""


def losses(inputs: TrainingInputs, recipe: Recipe, folder: Path, threads: int, processes: int) -> pd.Series:
    """The loss of each step."""
    out = folder / f"out{threads}{processes}"
    job = TrainingJob(
        inputs=inputs,
        outputs=TrainingOutputs(out / "model.safetensors", out / "history.csv", folder / "running"),
        recipe=recipe,
        engine=Engine(history_every=1),
        seed=0,
        resources=Resources(gpus=0, threads=threads),
        processes=processes,
    )
    run_training(job)
    return pd.read_csv(job.outputs.history).loss


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--settings", type=yaml.safe_load, default={}, help="YAML over the settings of M0")
    parser.add_argument("--steps", type=int, default=20)
    arguments = parser.parse_args()
    config = read_config([], None)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        dataset = typed(Dataset, config["dataset"])
        data = Data(config, None, dataset.toycity.train, folder)
        recipe = recipe_of(config, "m0", arguments.settings)
        epochs = arguments.steps * recipe.training.batch / len(data.rows)
        recipe = replace(recipe, training=replace(recipe.training, epochs=epochs))
        files, labels = data.files, ROOT / dataset.labels
        inputs = TrainingInputs(files.images, files.truth, files.index, folder / "manifest.csv", labels)
        runs = {row: losses(inputs, recipe, folder, *how) for row, how in ROWS.items()}
    first = next(iter(runs.values()))
    print(f"loss from {first.iloc[0]:.3f} to {first.iloc[-1]:.3f} in {len(first)} steps in one thread")
    print("largest difference from it, relative")
    for row, values in list(runs.items())[1:]:
        drift = (values / first - 1).abs()
        print(f"{row:<16}{drift.iloc[:2].max():>10.2g} in two steps{drift.max():>10.2g} in all")


if __name__ == "__main__":
    main()
