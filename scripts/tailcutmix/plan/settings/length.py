"""How long a training is: epochs of e x N draws, taken in steps of one batch."""

import math
from dataclasses import dataclass
from fractions import Fraction

from tailcutmix.plan.settings.recipe import Training


@dataclass(frozen=True)
class Length:
    """The length of a training. An epoch is counted in draws, so a step may lie in two of them.

    Attributes:
        epochs: passes over the expanded set.
        draws: of an epoch, 1 or more.
        batch: draws of a step.
    """

    epochs: float
    draws: int
    batch: int

    @property
    def steps(self) -> int:
        """Steps of the whole training; the last one may reach beyond its end."""
        return math.ceil(exact(self.epochs) * self.draws / self.batch)

    def epoch_of(self, steps: int) -> float:
        """Epochs done after so many steps."""
        return steps * self.batch / self.draws

    def ends_epoch(self, steps: int) -> bool:
        """Whether the last of so many steps took the last draw of an epoch."""
        return steps * self.batch // self.draws > (steps - 1) * self.batch // self.draws


def length_of(training: Training, images: int) -> Length:
    """The length of a training on ``images`` images, whose epoch is ceil(e x N) draws."""
    return Length(training.epochs, max(1, math.ceil(exact(training.expand) * images)), training.batch)


def exact(number: float) -> Fraction:
    """The decimal fraction that is written in the configuration: 1.1 x 10 images are 11 draws, not 12."""
    return Fraction(str(number))
