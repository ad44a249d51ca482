"""What a network learns from images without looking at their labels."""

from dataclasses import dataclass
from typing import Literal

from tailcutmix.plan.settings.keys import FRACTION, key

UNLABELLED = "unlabelled"
"""The split of the images of ``dataset.unlabelled``."""


@dataclass(frozen=True)
class SemiSupervised:
    """Which images are learned from without their labels, and how a mean teacher teaches them."""

    unlabelled: tuple[Literal["train", "val", "test", "unlabelled"], ...] = key((), uniqueItems=True)
    """splits whose images are also learned from, without their labels, by a mean teacher with CutMix (or by
    `labels_from`); `unlabelled` is the folder `dataset.unlabelled`; none by default"""

    consistency_weight: float = key(1.0, minimum=0)
    """with `unlabelled`: weight of the squared difference between the student's and the teacher's probabilities; 0: no
    teacher"""

    consistency_confidence: float = key(0.97, **FRACTION)
    """with `unlabelled`: the probability from which on the teacher is sure of a pixel"""

    consistency_counts: Literal["share", "pixels"] = "share"
    """with `unlabelled`: the `share` of sure pixels weighs the whole batch, or the sure `pixels` alone count"""

    consistency_rampup: float = key(0.0, **FRACTION)
    """with `unlabelled`: share of the steps over which the weight rises"""

    teacher_decay: float = key(0.99, minimum=0, exclusiveMaximum=1)
    """with `unlabelled`: what the teacher keeps of itself at each step; the rest is the student's weights"""

    final_weights: Literal["teacher", "student"] = "teacher"
    """with `unlabelled`: whose weights are kept"""

    @property
    def beside_train(self) -> tuple[str, ...]:
        """The splits whose packed images a training needs besides its own."""
        return tuple(split for split in self.unlabelled if split != "train")

    @property
    def taught(self) -> bool:
        """Whether there is a teacher."""
        return bool(self.unlabelled) and self.consistency_weight > 0
