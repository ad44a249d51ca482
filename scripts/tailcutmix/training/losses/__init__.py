"""One loss per module, found by the module's name: ``loss: focal`` in the configuration is ``losses/focal.py``.

A module whose name begins with an underscore is no loss, but helps several.
"""

from importlib import import_module
from typing import Protocol, cast

import torch

from tailcutmix.plan.settings.recipe import Training
from tailcutmix.training.class_weights import ClassCounts
from tailcutmix.training.targets import Targets


class Loss(Protocol):
    """What the class ``Loss`` of each module in this folder is.

    A step's loss is the sum over the parts of its batch, in every process, divided by the sum of their weights. So it
    is the same however the batch is split, if images are summed and nothing that is done to one depends on another.
    """

    def __init__(self, training: Training, counts: ClassCounts, device: torch.device):
        """Look up what the loss needs to know of the classes.

        Args:
            training: ``class_weights`` and what else this loss heeds.
            counts: of the training labels.
            device: of the logits.
        """

    def __call__(self, logits: torch.Tensor, targets: Targets) -> torch.Tensor:
        """The loss summed over the images: a scalar float32 that has a gradient, also where no pixel is labelled.

        Args:
            logits: (b, C, h, w), any float type; computed in float32.
            targets: of the same b, h, w.
        """

    def weight(self, targets: Targets) -> torch.Tensor:
        """What the sum is divided by to be a mean: a scalar that follows from the labels alone."""


def build_loss(training: Training, counts: ClassCounts, device: torch.device) -> Loss:
    """The loss that ``training.loss`` names."""
    return cast(Loss, import_module(f"{__name__}.{training.loss}").Loss(training, counts, device))
