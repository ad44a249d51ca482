"""The training loop: resumable at any step, and on a CPU bit for bit."""

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, cast

import torch
from torch import nn

from tailcutmix.devices import Usage
from tailcutmix.labels import Label
from tailcutmix.mixing.batch import Batch
from tailcutmix.mixing.unlabelled import Pairs
from tailcutmix.models.weights import save_weights
from tailcutmix.plan.settings.jobs import Engine
from tailcutmix.plan.settings.length import Length
from tailcutmix.plan.settings.recipe import Recipe
from tailcutmix.progress import Progress
from tailcutmix.training.checkpoint import Checkpoints
from tailcutmix.training.distributed import Process, all_max, wrap
from tailcutmix.training.history import Events, History
from tailcutmix.training.losses import Loss
from tailcutmix.training.mean_teacher import MeanTeacher
from tailcutmix.training.optimisation import LossReader, build_optimiser, training_step
from tailcutmix.training.schedule import build_schedule
from tailcutmix.training.state import TrainingState
from tailcutmix.training.targets import Targets

log = logging.getLogger(__name__)

STEPS_BETWEEN_READS = {"cuda": 10, "cpu": 1}
"""A device works through this many steps before the loop waits for their losses."""

HISTORY_ROWS = 200
"""Rows of a history, more or less, where the settings do not say how many steps each is about."""


class Batches(Protocol):
    """Where the batches come from; :class:`tailcutmix.mixing.sampler.Sampler` is one."""

    draws_per_epoch: int

    def batch(self, step: int) -> Batch:
        """This process's share of a batch, a pure function of the step."""


@dataclass(frozen=True)
class TrainingOutputs:
    """What a training writes.

    Attributes:
        model: final weights (safetensors), written at the end.
        history: history.csv, written at the end; TensorBoard's events go beside it.
        running: folder of the running checkpoints, removed at the end.
    """

    model: Path
    history: Path
    running: Path


@dataclass(frozen=True)
class Run:
    """One training: how, where, and what it writes.

    Attributes:
        recipe: its sections ``network``, ``training`` and ``semi`` are heeded.
        engine: how it is saved and watched.
        outputs: of the first process.
        process: this one among those that share each batch.
        classes: the C classes in train id order.
        loss: what is made small, on the device of the process.
        pairs: unlabelled pairs of a step, on which a mean teacher teaches; None: there is no teacher.
    """

    recipe: Recipe
    engine: Engine
    outputs: TrainingOutputs
    process: Process
    classes: tuple[Label, ...]
    loss: Loss
    pairs: Callable[[int], Pairs] | None = None


def train(model: nn.Module, sampler: Batches, run: Run) -> None:
    """Train ``model``, which holds its initial weights, to the end; from the newest running checkpoint if there is one.

    Raises:
        UserError: the loss or its gradient is not finite.
        SystemExit: with 128 + the signal's number, after SIGTERM or SIGINT and a checkpoint.
    """
    training, engine, process = run.recipe.training, run.engine, run.process
    auxiliary = run.recipe.network.auxiliary_weight
    length = Length(training.epochs, sampler.draws_per_epoch, training.batch)
    total = length.steps
    steps_per_row = engine.history_every or max(1, total // HISTORY_ROWS)
    model.to(process.device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]  # torch lacks it
    teacher = MeanTeacher(model, run.pairs, run.recipe, process, total) if run.pairs else None
    network = compiled(wrap(model, process), training.compile)
    state = resumed_state(model, run, total, teacher)
    reader, usage = LossReader(), Usage(process.device)

    with (
        closing(state.checkpoints),
        stop_signals() as stopped,
        deterministic(process.device),
        events_of(run, state.step) as events,
        progress_of(run, state.step, total) as progress,
    ):
        while state.step < total:
            rate = state.schedule.before_step(state.step)
            batch = sampler.batch(state.step)
            targets = Targets(batch.labels, batch.labels_b, batch.lam)
            teach = partial(teacher.teach, step=state.step) if teacher else None
            loss, norm = training_step(
                network, state.optimiser, batch.images, targets, training, run.loss, auxiliary, teach
            )
            if teacher:
                teacher.follow(model)
            reader.add(state.step, loss, norm, batch.image_ids)
            state.history.add_batch(len(batch.images) * process.world, batch.counts)
            state.step += 1

            epoch_ends = length.ends_epoch(state.step)
            row_ends = state.step % steps_per_row == 0 or state.step == total
            if state.step % STEPS_BETWEEN_READS[process.device.type] and not (epoch_ends or row_ends):
                continue
            losses = reader.read()
            state.add_losses(losses, epoch_ends)
            if row_ends:
                events.add(state.close_row(length.epoch_of(state.step), rate))
            progress.show(state.step, f"loss {losses[-1]:.4f}, lr {rate:.3g}")
            usage.sample()
            if state.step < total:
                save_when_due(state, total, engine.checkpoint_seconds, stopped)
        if process.first:
            kept = teacher.network if teacher and run.recipe.semi.final_weights == "teacher" else model
            save_weights(kept, run.outputs.model)
            state.history.write(run.outputs.history)
            state.checkpoints.remove()
    if teacher:
        teacher.report()
    log.info("trained %d steps in %.0f s; %s", total, state.history.rows[-1]["seconds"], usage)


def resumed_state(model: nn.Module, run: Run, total: int, teacher: MeanTeacher | None = None) -> TrainingState:
    """The state of a run of ``total`` steps: at its newest checkpoint, or at its beginning."""
    optimiser = build_optimiser(model, run.recipe.training)
    state = TrainingState(
        model=model,
        optimiser=optimiser,
        schedule=build_schedule(optimiser, run.recipe.training, total),
        history=History(run.classes),
        checkpoints=Checkpoints(run.outputs.running),
        process=run.process,
        teacher=teacher,
    )
    state.resume()
    return state


def save_when_due(state: TrainingState, total: int, seconds: float, stopped: list[int]) -> None:
    """Save every so many seconds; after a signal save too, and end with SystemExit. All processes agree on it."""
    due = int(state.process.first and state.unsaved_seconds >= seconds)
    stop, due = all_max([max(stopped, default=0), due], state.process.device)
    if stop or due:
        state.save(wait=bool(stop))
    if stop:
        name = signal.Signals(stop).name
        log.info("%s: saved after step %d of %d; run again to go on from there", name, state.step, total)
        raise SystemExit(128 + stop)


def events_of(run: Run, step: int) -> Events:
    """TensorBoard's events beside the history, where they are asked for."""
    wanted = run.engine.tensorboard and run.process.first
    return Events(run.outputs.history.with_name("tensorboard") if wanted else None, step)


def progress_of(run: Run, step: int, total: int) -> Progress:
    """What a person sees, of the first process."""
    return Progress(
        "",
        total,
        unit="step",
        images=run.recipe.training.batch,
        done=step,
        every=run.engine.log_every_seconds,
        shown=run.process.first,
    )


def compiled(network: nn.Module, mode: bool | str) -> nn.Module:
    """``mode`` False: as it is; True: torch.compile; "cuda_graphs": torch.compile that replays CUDA graphs."""
    if not mode:
        return network
    log.info("torch.compile: the first step takes minutes, or less where the compiler's cache knows the network")
    kind = "reduce-overhead" if mode == "cuda_graphs" else "default"
    return cast(nn.Module, torch.compile(network, mode=kind, dynamic=False))


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """A list to which SIGTERM and SIGINT are added instead of ending the process; handlers are put back after."""
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return
    numbers = (signal.SIGTERM, signal.SIGINT)
    previous = {number: signal.signal(number, lambda got, frame: received.append(got)) for number in numbers}
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def deterministic(device: torch.device) -> Iterator[None]:
    """On a CPU, only operations that give the same bits each time; on a GPU speed goes first."""
    if device.type != "cpu":
        yield
        return
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    memory: Any = torch.utils.deterministic
    filled = memory.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True, warn_only=True)
    memory.fill_uninitialized_memory = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        memory.fill_uninitialized_memory = filled
