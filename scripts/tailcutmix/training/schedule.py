"""Learning rates: the polynomial of the public recipe, and the organisers' reduction on a plateau."""

from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau


def polynomial_rate(step: int, total: int, base: float, power: float, warmup: float = 0.0) -> float:
    """``base * (1 - step / total) ** power``, after a linear rise over the first ``warmup`` (0..1) of all steps."""
    rising = round(warmup * total)
    rise = (step + 1) / rising if step < rising else 1.0
    return base * rise * (1 - step / total) ** power


class Polynomial:
    """A pure function of the step: nothing to save."""

    def __init__(self, optimiser: Optimizer, total: int, base: float, power: float, warmup: float):
        self.optimiser = optimiser
        self.arguments = (total, base, power, warmup)

    def before_step(self, step: int) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = polynomial_rate(step, *self.arguments)

    def after_epoch(self, loss: float) -> None:
        pass

    def state_dict(self) -> dict:
        return {}

    def load_state_dict(self, state: dict) -> None:
        pass


class Plateau:
    """A tenth of the rate whenever the epoch's training loss has not fallen for 5 epochs, down to 1e-5."""

    def __init__(self, optimiser: Optimizer):
        self.scheduler = ReduceLROnPlateau(optimiser, patience=5, min_lr=1e-5)

    def before_step(self, step: int) -> None:
        pass

    def after_epoch(self, loss: float) -> None:
        self.scheduler.step(loss)

    def state_dict(self) -> dict:
        return self.scheduler.state_dict()

    def load_state_dict(self, state: dict) -> None:
        self.scheduler.load_state_dict(state)


def build_schedule(optimiser: Optimizer, settings: dict, total: int) -> Polynomial | Plateau:
    """The schedule that ``settings["schedule"]`` names: poly or plateau."""
    if settings["schedule"] == "plateau":
        return Plateau(optimiser)
    return Polynomial(optimiser, total, settings["lr"], settings["poly_power"], settings["warmup"])
