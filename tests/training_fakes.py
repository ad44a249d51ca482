"""A tiny network, a sampler that is a pure function of the step, and jobs around them that other processes can run."""

import json
import logging
import multiprocessing
import multiprocessing.forkserver
import os
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))

import numpy as np
import torch
from torch import nn

from tailcutmix.labels import Label
from tailcutmix.mixing.batch import Batch, Counts
from tailcutmix.mixing.unlabelled import Pairs
from tailcutmix.models.build import build_model
from tailcutmix.plan.settings.jobs import Engine
from tailcutmix.plan.settings.keys import typed
from tailcutmix.plan.settings.recipe import Network, Recipe, Training
from tailcutmix.plan.settings.unlabelled import SemiSupervised
from tailcutmix.training.class_weights import ClassCounts
from tailcutmix.training.distributed import Process, process_group
from tailcutmix.training.engine import Run, TrainingOutputs, train
from tailcutmix.training.launcher import reporting
from tailcutmix.training.losses import build_loss

CLASSES = (Label(7, "road", 0), Label(19, "traffic light", 1), Label(31, "train", 2))
COUNTS = ClassCounts(np.repeat(np.array([0, 1, 2, 255], np.uint8), [6, 3, 1, 2]).reshape(2, 2, 3), len(CLASSES))
"""Of two images, in which class 2 is rare."""

SETTINGS = {"lr": 0.05, "batch": 4, "history_every": 7, "checkpoint_seconds": 0}


class Outputs(NamedTuple):
    logits: torch.Tensor
    auxiliary: list


class TinyNet(nn.Module):
    """Convolution, BatchNorm, dropout (its randomness must survive a resume too) and two outputs."""

    def __init__(self, dropout: float = 0.1, normalise: bool = True):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8) if normalise else nn.Identity()
        self.drop = nn.Dropout(dropout)
        self.last = nn.Conv2d(8, len(CLASSES), 3, padding=1)

    def forward(self, x):
        x = self.drop(torch.relu(self.norm(self.first(x))))
        logits = self.last(x)
        return Outputs(logits, [logits * 0.5])


@dataclass
class FakeSampler:
    """Images whose brightness tells the class; ``on_step`` is called before each batch."""

    batch_size: int = 4
    draws_per_epoch: int = 40
    rank: int = 0
    world: int = 1
    mixup: bool = False
    nan_at: int | None = None
    dtype: torch.dtype = torch.float32
    on_step: object = field(default=lambda step: None)

    def batch(self, step: int) -> Batch:
        self.on_step(step)
        generator = torch.Generator().manual_seed(1000 + step)
        labels = torch.randint(0, 3, (self.batch_size, 16, 16), generator=generator)
        images = labels[:, None] + 0.5 * torch.randn(self.batch_size, 3, 16, 16, generator=generator)
        labels[:, 0, : 4 * (step % 3)] = 255  # images differ in the number of labelled pixels
        labels[0, 4:] = 255
        if step == self.nan_at:
            images[1, 0, 0, 0] = float("nan")
        share = slice(self.rank * self.batch_size // self.world, (self.rank + 1) * self.batch_size // self.world)
        images, labels = images[share], labels[share]
        ids = [f"image{step}_{index}" for index in range(self.batch_size)][share]
        added = torch.tensor([0, len(images), 5])
        counts = Counts(added, added + 1, images_mixed=len(images), cyc_draws=2, patches_cropped=1)
        batch = Batch(images.to(self.dtype), labels, counts, ids)
        if self.mixup:
            batch.labels_b, batch.lam = labels.flip(0), torch.linspace(0.3, 0.9, len(images))
        return batch


@dataclass
class FakePairs:
    """Unlabelled pairs that are a pure function of the step."""

    batch_size: int = 4
    rank: int = 0
    world: int = 1

    def __call__(self, step: int) -> Pairs:
        generator = torch.Generator().manual_seed(5000 + step)
        first, second = torch.randn(2, self.batch_size, 3, 16, 16, generator=generator)
        mask = torch.zeros(self.batch_size, 16, 16, dtype=torch.bool)
        for number, one in enumerate(mask):
            one[number : number + 8, 2 : 10 + step % 4] = True
        inside = torch.ones_like(mask)
        inside[:, :, 14:] = False
        share = slice(self.rank * self.batch_size // self.world, (self.rank + 1) * self.batch_size // self.world)
        return Pairs(*(tensor[share] for tensor in (first, second, mask, inside)))


def hrnet(dtype: torch.dtype) -> nn.Module:
    """The smallest HRNet with scale attention, its initial weights always the same."""
    torch.manual_seed(0)
    return build_model(Network(width=4, head_channels=8), len(CLASSES)).to(dtype)


def run_of(out, steps, process: Process | None = None, **settings) -> Run:
    """A run of so many steps of a :class:`FakeSampler`; ``settings`` are keys of any section."""
    settings = (
        SETTINGS | settings | {"epochs": steps * settings.get("batch", SETTINGS["batch"]) / FakeSampler.draws_per_epoch}
    )
    out = Path(out)
    training = typed(Training, settings)
    return Run(
        recipe=Recipe(network=typed(Network, settings), training=training, semi=typed(SemiSupervised, settings)),
        engine=typed(Engine, settings),
        outputs=TrainingOutputs(out / "model.safetensors", out / "history.csv", out / "running"),
        process=process or Process(torch.device("cpu")),
        classes=CLASSES,
        loss=build_loss(training, COUNTS, torch.device("cpu")),
    )


def run(out, steps, on_step=lambda step: None, **settings) -> None:
    """Train the tiny network in this process, as a rule script would."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    train(TinyNet(), FakeSampler(on_step=on_step), run_of(out, steps, **settings))


def quick_processes() -> multiprocessing.context.BaseContext:
    """A context whose processes start with torch imported, so that a test can kill ten of them in seconds."""
    # The server that they fork from looks for modules where PYTHONPATH says, not in this process's sys.path.
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pytest", "torch._dynamo", "training_fakes"])  # an optimiser imports the second
    multiprocessing.forkserver.ensure_running()
    return context


def run_reporting_steps(out, steps, reached, settings, log) -> None:
    """:func:`run` in a process of its own: ``reached`` (a shared value) follows the step."""
    logging.basicConfig(level=logging.INFO, filename=log, force=True)

    def on_step(step):
        reached.value = step
        time.sleep(0.002)

    run(out, steps, on_step, **settings)


def hold_lease(gpus, identities, folder, holding) -> None:
    """Take a lease in a process of its own, say so, and keep it until killed."""
    from tailcutmix.devices import lease_devices

    with lease_devices(gpus, identities, folder, poll_seconds=0.02) as lease:
        holding.send([device.index for device in lease.devices])
        time.sleep(1000)


def run_distributed(description: Path) -> None:
    """What each process of a launched job runs: the tiny network on its share of the batch."""
    job = json.loads(description.read_text())
    device = torch.device("cpu")
    torch.set_num_threads(1)
    with reporting(description), process_group(device) as process:
        torch.manual_seed(0)
        dtype = getattr(torch, job.get("dtype", "float32"))
        sampler = FakeSampler(rank=process.rank, world=process.world, nan_at=job.get("nan_at"), dtype=dtype)
        if job.get("slow"):
            sampler.on_step = lambda step: (Path(job["out"], f"at{step}").touch(), time.sleep(0.05))
        network = hrnet(dtype) if job.get("hrnet") else TinyNet(dropout=0.0)
        run = run_of(job["out"], job["steps"], process, **job["settings"])
        pairs = FakePairs(rank=process.rank, world=process.world) if run.recipe.semi.taught else None
        train(network, sampler, replace(run, pairs=pairs))


if __name__ == "__main__":
    assert "RANK" in os.environ, "only torch's launcher starts this module"
    run_distributed(Path(sys.argv[1]))
