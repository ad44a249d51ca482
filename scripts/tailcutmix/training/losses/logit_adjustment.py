"""Logit-adjusted cross-entropy (Menon et al., Long-tail learning via logit adjustment, ICLR 2021, equation 10)."""

import torch

from tailcutmix.plan.settings.recipe import Training
from tailcutmix.training.class_weights import ClassCounts
from tailcutmix.training.losses._pixels import cross_entropy_sum, weight_sum, weights_on
from tailcutmix.training.targets import Targets


class Loss:
    """Cross-entropy of f_c + tau log pi_c: pi_c is the class's share of the labelled pixels, f the network's logits.

    The network predicts by f alone, so that a rare class needs less of a margin.
    """

    def __init__(self, training: Training, counts: ClassCounts, device: torch.device):
        self.weights = weights_on(device, training, counts)
        self.shift = (training.logit_adjustment * log_prior(counts.pixels)).to(device)[:, None, None]

    def __call__(self, logits: torch.Tensor, targets: Targets) -> torch.Tensor:
        return cross_entropy_sum(logits.float() + self.shift, targets, self.weights)

    def weight(self, targets: Targets) -> torch.Tensor:
        return weight_sum(targets, self.weights)


def log_prior(pixels: torch.Tensor) -> torch.Tensor:
    """(C,) float32 log shares of (C,) pixels; 0 for a class without one, which is then learned to be absent."""
    return torch.where(pixels > 0, (pixels.double() / pixels.sum()).log(), 0.0).float()
