"""What a run remembers from step to step, saved and resumed as a whole."""

import logging
import time
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from tailcutmix.training.checkpoint import Checkpoints, pack_optimiser, unpack_optimiser
from tailcutmix.training.distributed import Process, gather_bytes
from tailcutmix.training.history import History
from tailcutmix.training.mean_teacher import MeanTeacher
from tailcutmix.training.schedule import Plateau, Polynomial

log = logging.getLogger(__name__)


@dataclass
class TrainingState:
    """The state of a run; the random generators of torch, which a network may use, are saved with it.

    Attributes:
        model, optimiser, schedule, history: what a checkpoint holds.
        checkpoints: where it is written.
        process: this one among those that share each batch. Saving takes all of them; the first one writes.
        teacher: the mean teacher, which a checkpoint then holds too; None: there is none.
        step: finished steps.
        epoch_losses: losses of the steps of the open epoch.
    """

    model: nn.Module
    optimiser: torch.optim.Optimizer
    schedule: Polynomial | Plateau
    history: History
    checkpoints: Checkpoints
    process: Process
    teacher: MeanTeacher | None = None
    step: int = 0
    epoch_losses: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._before, self._started = 0.0, time.monotonic()
        self._saved = self._started

    @property
    def seconds(self) -> float:
        """Seconds of training, over all resumes."""
        return self._before + time.monotonic() - self._started

    @property
    def unsaved_seconds(self) -> float:
        """Seconds since the last checkpoint, or since training started or resumed."""
        return time.monotonic() - self._saved

    def add_losses(self, losses: list[float], epoch_ends: bool) -> None:
        """Note the losses of the last steps; with ``epoch_ends`` the schedule hears of the whole epoch's."""
        self.history.add_losses(losses)
        self.epoch_losses += losses
        if epoch_ends:
            self.schedule.after_epoch(sum(self.epoch_losses) / len(self.epoch_losses))
            self.epoch_losses = []

    def close_row(self, epoch: float, rate: float) -> dict[str, float]:
        """End the open row of the history, after ``epoch`` epochs and at the rate of the last step."""
        return self.history.close_row(self.step, epoch, rate, self.seconds, self.process.device)

    def resume(self) -> None:
        """Bring everything to the newest checkpoint, where there is one."""
        found = self.checkpoints.newest()
        if found is not None:
            self._load(*found)
            log.info("training resumes after step %d", self.step)
        self._started = self._saved = time.monotonic()

    def save(self, wait: bool) -> None:
        """Write a checkpoint of all processes; ``wait`` returns only when it is on the disk."""
        tensors = self._random_states()
        optimiser_tensors, optimiser_values = pack_optimiser(self.optimiser)
        tensors |= {f"optimiser/{name}": value for name, value in optimiser_tensors.items()}
        tensors |= {f"model/{name}": value.detach() for name, value in self.model.state_dict().items()}
        if self.teacher:
            tensors |= {f"teacher/{name}": value for name, value in self.teacher.state_dict().items()}
        values = {
            "step": self.step,
            "seconds": self.seconds,
            "epoch_losses": self.epoch_losses,
            "optimiser": optimiser_values,
            "schedule": self.schedule.state_dict(),
            "history": self.history.state_dict(self.process.device),
        }
        if self.process.first:
            self.checkpoints.save(self.step, tensors, values, wait)
        self._saved = time.monotonic()

    def _load(self, tensors: dict[str, torch.Tensor], values: dict[str, Any]) -> None:
        def section(prefix: str) -> dict[str, torch.Tensor]:
            return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}

        self.model.load_state_dict(section("model/"))
        if self.teacher:
            self.teacher.load_state_dict(section("teacher/"))
        unpack_optimiser(self.optimiser, section("optimiser/"), values["optimiser"])
        self.schedule.load_state_dict(values["schedule"])
        self.history.load_state_dict(values["history"], self.process.rank)
        self.step, self._before, self.epoch_losses = values["step"], values["seconds"], values["epoch_losses"]
        random = section("random/")
        if f"cpu/{self.process.rank}" in random:  # absent where the run goes on with more processes
            torch.set_rng_state(random[f"cpu/{self.process.rank}"])
            if torch.cuda.is_available() and f"cuda/{self.process.rank}" in random:
                torch.cuda.set_rng_state(random[f"cuda/{self.process.rank}"])

    def _random_states(self) -> dict[str, torch.Tensor]:
        """``random/<kind>/<rank>``: the states of torch's generators in every process."""
        device = self.process.device
        states = {"cpu": torch.get_rng_state()}
        if device.type == "cuda":
            states["cuda"] = torch.cuda.get_rng_state(device)
        tensors = {}
        for kind, state in states.items():
            for rank, data in enumerate(gather_bytes(bytes(state.numpy()), device)):
                tensors[f"random/{kind}/{rank}"] = torch.frombuffer(bytearray(data), dtype=torch.uint8)
        return tensors
