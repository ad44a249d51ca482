"""Learning rates: the polynomial of the public recipe, and the organisers' reduction on a plateau."""

from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from tailcutmix.plan.settings.recipe import Training


def polynomial_rate(step: int, total: int, base: float, power: float, warmup: float = 0.0) -> float:
    """``base * (1 - step / total) ** power``, after a linear rise over the first ``warmup`` (0..1) of all steps."""
    rising = round(warmup * total)
    rise = (step + 1) / rising if step < rising else 1.0
    fall: float = (1 - step / total) ** power
    return base * rise * fall


class Polynomial:
    """A pure function of the step: nothing to save."""

    def __init__(self, optimiser: Optimizer, training: Training, total: int):
        self.optimiser, self.total, self.training = optimiser, total, training
        self.bases = [group["lr"] for group in optimiser.param_groups]

    def before_step(self, step: int) -> float:
        """Set the rate of a step for every group of parameters, and tell that of the first."""
        for group, base in zip(self.optimiser.param_groups, self.bases, strict=True):
            group["lr"] = polynomial_rate(step, self.total, base, self.training.poly_power, self.training.warmup)
        rate: float = self.optimiser.param_groups[0]["lr"]
        return rate

    def after_epoch(self, loss: float) -> None:
        pass

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass


class Plateau:
    """A tenth of the rate whenever the epoch's training loss has not fallen for 5 epochs, down to 1e-5."""

    def __init__(self, optimiser: Optimizer):
        self.optimiser = optimiser
        self.scheduler = ReduceLROnPlateau(optimiser, patience=5, min_lr=1e-5)

    def before_step(self, step: int) -> float:
        """The rate of a step."""
        rate: float = self.optimiser.param_groups[0]["lr"]
        return rate

    def after_epoch(self, loss: float) -> None:
        self.scheduler.step(loss)

    def state_dict(self) -> dict[str, Any]:
        return self.scheduler.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.scheduler.load_state_dict(state)


def build_schedule(optimiser: Optimizer, training: Training, total: int) -> Polynomial | Plateau:
    """The schedule of a training of ``total`` steps."""
    return Plateau(optimiser) if training.schedule == "plateau" else Polynomial(optimiser, training, total)
