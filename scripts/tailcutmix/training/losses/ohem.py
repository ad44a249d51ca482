"""Online hard example mining (Shrivastava, Gupta and Girshick, CVPR 2016): a mean over the hardest pixels alone."""

import torch

from tailcutmix.plan.settings.recipe import Training
from tailcutmix.training.class_weights import ClassCounts
from tailcutmix.training.losses._pixels import labelled_pixels, pixel_cross_entropy
from tailcutmix.training.targets import Targets


class Loss:
    """Cross-entropy of those pixels of an image on which it is largest, a share of the image's labelled pixels."""

    def __init__(self, training: Training, counts: ClassCounts, device: torch.device):
        self.share = training.ohem_share

    def __call__(self, logits: torch.Tensor, targets: Targets) -> torch.Tensor:
        def by_image(labels: torch.Tensor) -> torch.Tensor:
            hardest = pixel_cross_entropy(logits, labels).flatten(1).sort(dim=1, descending=True).values
            kept = torch.arange(hardest.shape[1], device=labels.device) < self.kept(labels)[:, None]
            return (hardest * kept).sum(1)

        return targets.summed(by_image)

    def weight(self, targets: Targets) -> torch.Tensor:
        return targets.summed(self.kept)

    def kept(self, labels: torch.Tensor) -> torch.Tensor:
        """(b,) float32, how many pixels of each image count: its share, rounded up."""
        return (self.share * labelled_pixels(labels).double()).ceil().float()
