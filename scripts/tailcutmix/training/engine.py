"""The training loop: resumable at any step, and on a CPU bit for bit."""

import logging
import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import torch
from torch import nn

from tailcutmix.devices import Usage
from tailcutmix.errors import UserError
from tailcutmix.models.weights import save_weights
from tailcutmix.progress import Progress
from tailcutmix.training.checkpoint import Checkpoints, pack_optimiser, unpack_optimiser
from tailcutmix.training.distributed import all_max, gather_bytes, wrap
from tailcutmix.training.history import Events, History
from tailcutmix.training.loss import Targets
from tailcutmix.training.optimisation import LossReader, NonFiniteLoss, build_optimiser, training_step
from tailcutmix.training.schedule import build_schedule

log = logging.getLogger(__name__)

DEFAULTS = {
    "optimizer": "sgd",
    "lr": 0.005,
    "momentum": 0.9,
    "weight_decay": 1e-4,
    "schedule": "poly",
    "poly_power": 2.0,
    "warmup": 0.0,
    "grad_clip": None,
    "accumulate": 1,
    "auxiliary_weight": 0.0,
    "bf16": "auto",
    "compile": False,
    "checkpoint_seconds": 60,
    "log_every_seconds": 30,
    "history_every": None,
    "tensorboard": False,
}
"""Settings of the loop that a caller may leave out; the sampler and the model have their own."""

STEPS_BETWEEN_READS = {"cuda": 10, "cpu": 1}
"""A device works through this many steps before the loop waits for their losses."""


def train(
    model: nn.Module,
    sampler,
    settings: dict,
    *,
    classes: list[str],
    out: Path,
    running: Path,
    device: torch.device,
    class_weights: torch.Tensor | None = None,
    rank: int = 0,
    world: int = 1,
    total_steps: int | None = None,
) -> None:
    """Train ``model`` to the end, from the newest running checkpoint where there is one.

    Args:
        model: holds its initial weights; changed in place.
        sampler: ``steps_per_epoch``, and ``batch(step)``, a pure function of the step (see mixing/sampler.py).
        settings: the keys of ``DEFAULTS``, and ``epochs``.
        classes: class names in train id order.
        out: folder that receives model.safetensors and history.csv, at the end only.
        running: folder of this run's checkpoints, named by what defines the run; removed at the end.
        class_weights: (C,) float32 weights of the loss, or None.
        rank, world: this process and the number of processes that share each batch.
        total_steps: instead of epochs * steps_per_epoch.

    Raises:
        UserError: the loss or its gradient is not finite.
        SystemExit: with 128 + the signal's number, after SIGTERM or SIGINT and a checkpoint.
    """
    settings = DEFAULTS | settings
    total = total_steps or math.ceil(settings["epochs"] * sampler.steps_per_epoch)
    history_every = settings["history_every"] or max(1, total // 200)
    read_every = STEPS_BETWEEN_READS[device.type]
    model = model.to(device, memory_format=torch.channels_last).train()
    one_scale = settings.get("attention") == "hierarchical" and len(settings.get("training_scales", "12")) == 1
    network = compiled(wrap(model, device, world, unreached=one_scale), settings["compile"])
    optimiser = build_optimiser(model, settings)
    schedule = build_schedule(optimiser, settings, total)
    class_weights = None if class_weights is None else class_weights.to(device)
    history, reader, usage = History(classes), LossReader(), Usage(device)
    checkpoints = Checkpoints(running)
    step, seconds_before, epoch_losses = resume(checkpoints, model, optimiser, schedule, history, rank)

    with ExitStack() as stack:
        stack.callback(checkpoints.close)
        stopped = stack.enter_context(stop_signals())
        stack.enter_context(deterministic(device))
        events = Events(out / "tensorboard", settings["tensorboard"] and rank == 0, step)
        stack.callback(events.close)
        images, every = settings.get("batch", 1), settings["log_every_seconds"]
        progress = Progress("", total, unit="step", images=images, done=step, every=every, shown=rank == 0)
        stack.callback(progress.close)
        started = saved = time.monotonic()
        while step < total:
            schedule.before_step(step)
            rate = optimiser.param_groups[0]["lr"]
            batch = sampler.batch(step)
            targets = Targets(batch.labels, batch.labels_b, batch.lam)
            loss, norm = training_step(network, optimiser, batch.images, targets, settings, class_weights, world)
            reader.add(step, loss, norm, batch.image_ids)
            history.add_batch(len(batch.images) * world, batch.counts)
            step += 1

            epoch_ends, row_ends = step % sampler.steps_per_epoch == 0, step % history_every == 0 or step == total
            if step % read_every and not (epoch_ends or row_ends):
                continue
            losses = finite(reader, device)
            history.add_losses(losses)
            epoch_losses += losses
            if epoch_ends:
                schedule.after_epoch(sum(epoch_losses) / len(epoch_losses))
                epoch_losses = []
            seconds = seconds_before + time.monotonic() - started
            if row_ends:
                events.add(history.close_row(step, step / sampler.steps_per_epoch, rate, seconds, device))
            progress.show(step, f"loss {losses[-1]:.4f}, lr {rate:.3g}")
            usage.sample()
            due = rank == 0 and time.monotonic() - saved >= settings["checkpoint_seconds"]
            stop, due = all_max([max(stopped, default=0), int(due)], device)
            if (stop or due) and step < total:
                state = {"step": step, "seconds": seconds, "epoch_losses": epoch_losses}
                save(checkpoints, state, model, optimiser, schedule, history, device, rank, wait=bool(stop))
                saved = time.monotonic()
            if stop and step < total:
                name = signal.Signals(stop).name
                log.info("%s: saved after step %d of %d; run again to go on from there", name, step, total)
                raise SystemExit(128 + stop)
        if rank == 0:
            save_weights(model, out / "model.safetensors")
            history.write(out / "history.csv")
            checkpoints.remove()
    log.info("trained %d steps in %.0f s; %s", total, history.rows[-1]["seconds"], usage)


def resume(checkpoints, model, optimiser, schedule, history, rank) -> tuple[int, float, list[float]]:
    """Bring everything to the newest checkpoint; (steps done, seconds trained, losses of the open epoch)."""
    found = checkpoints.newest()
    if found is None:
        return 0, 0.0, []
    tensors, state = found

    def section(prefix):
        return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}

    model.load_state_dict(section("model/"))
    unpack_optimiser(optimiser, section("optimiser/"), state["optimiser"])
    schedule.load_state_dict(state["schedule"])
    history.load_state_dict(state["history"], rank)
    if f"random/cpu/{rank}" in tensors:  # absent where the run goes on with more processes
        torch.set_rng_state(tensors[f"random/cpu/{rank}"])
        if torch.cuda.is_available() and f"random/cuda/{rank}" in tensors:
            torch.cuda.set_rng_state(tensors[f"random/cuda/{rank}"])
    log.info("training resumes after step %d", state["step"])
    return state["step"], state["seconds"], state["epoch_losses"]


def save(checkpoints, state, model, optimiser, schedule, history, device, rank, wait) -> None:
    """Collect the state of all processes and have the first one write it."""
    random_states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        random_states["cuda"] = torch.cuda.get_rng_state(device)
    tensors = {}
    for kind, random_state in random_states.items():
        for process, data in enumerate(gather_bytes(bytes(random_state.numpy()), device)):
            tensors[f"random/{kind}/{process}"] = torch.frombuffer(bytearray(data), dtype=torch.uint8)
    optimiser_tensors, optimiser_values = pack_optimiser(optimiser)
    tensors |= {f"optimiser/{name}": value for name, value in optimiser_tensors.items()}
    tensors |= {f"model/{name}": value.detach() for name, value in model.state_dict().items()}
    state |= {"optimiser": optimiser_values, "schedule": schedule.state_dict(), "history": history.state_dict(device)}
    if rank == 0:
        checkpoints.save(state["step"], tensors, state, wait)


def finite(reader: LossReader, device: torch.device) -> list[float]:
    """The losses of the steps since the last read; raises UserError that names the step and its images."""
    try:
        return reader.read()
    except NonFiniteLoss as error:
        names = b"\n".join(gather_bytes("\n".join(error.image_ids).encode(), device)).decode().split("\n")
        raise UserError(
            f"training stopped at step {error.step}: loss {error.loss}, gradient norm {error.norm}, on the images "
            f"{', '.join(names)}; lower training.lr, set training.grad_clip, or look at these images and labels"
        ) from None


def compiled(network: nn.Module, mode: bool | str) -> nn.Module:
    """``mode`` False: as it is; True: torch.compile; "cuda_graphs": torch.compile that replays CUDA graphs."""
    if not mode:
        return network
    log.info("torch.compile: the first step takes minutes, or less where the compiler's cache knows the network")
    return torch.compile(network, mode="reduce-overhead" if mode == "cuda_graphs" else "default", dynamic=False)


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
    filled = torch.utils.deterministic.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        torch.utils.deterministic.fill_uninitialized_memory = filled
