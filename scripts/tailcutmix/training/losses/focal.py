"""Focal loss (Lin et al., Focal loss for dense object detection, ICCV 2017, equations 4 and 5), over C classes."""

import torch

from tailcutmix.plan.settings.recipe import Training
from tailcutmix.training.class_weights import ClassCounts
from tailcutmix.training.losses._pixels import pixel_cross_entropy, pixel_weights, weight_sum, weights_on
from tailcutmix.training.targets import Targets

TINY = 1e-12
"""Least 1 - p: below, a power less than 1 would have no finite slope."""


class Loss:
    """-w_y (1 - p_y)^gamma log p_y of each pixel; w, the paper's alpha, is 1 without ``class_weights``."""

    def __init__(self, training: Training, counts: ClassCounts, device: torch.device):
        self.weights, self.gamma = weights_on(device, training, counts), training.focal_gamma

    def __call__(self, logits: torch.Tensor, targets: Targets) -> torch.Tensor:
        def by_image(labels: torch.Tensor) -> torch.Tensor:
            entropy = pixel_cross_entropy(logits, labels)
            hardness = (-torch.expm1(-entropy)).clamp_min(TINY) ** self.gamma
            return (pixel_weights(labels, self.weights) * hardness * entropy).sum((1, 2))

        return targets.summed(by_image)

    def weight(self, targets: Targets) -> torch.Tensor:
        return weight_sum(targets, self.weights)
