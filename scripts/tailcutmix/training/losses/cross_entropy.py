"""Cross-entropy over the labelled pixels, the report's loss."""

import torch

from tailcutmix.plan.settings.recipe import Training
from tailcutmix.training.class_weights import ClassCounts
from tailcutmix.training.losses._pixels import cross_entropy_sum, weight_sum, weights_on
from tailcutmix.training.targets import Targets


class Loss:
    """-w_y log p_y of each pixel; w is 1 without ``class_weights``."""

    def __init__(self, training: Training, counts: ClassCounts, device: torch.device):
        self.weights = weights_on(device, training, counts)

    def __call__(self, logits: torch.Tensor, targets: Targets) -> torch.Tensor:
        return cross_entropy_sum(logits, targets, self.weights)

    def weight(self, targets: Targets) -> torch.Tensor:
        return weight_sum(targets, self.weights)
