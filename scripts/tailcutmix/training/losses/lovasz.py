"""Lovász-softmax (Berman, Triki and Blaschko, CVPR 2018), a surrogate of the IoU, beside cross-entropy."""

import torch

from tailcutmix.labels import IGNORE
from tailcutmix.plan.settings.recipe import Training
from tailcutmix.training.class_weights import ClassCounts
from tailcutmix.training.losses._pixels import cross_entropy_sum, labelled_pixels, weight_sum
from tailcutmix.training.targets import Targets


class Loss:
    """Cross-entropy plus the Lovász-softmax of each image, which weighs as much as the image has labelled pixels."""

    def __init__(self, training: Training, counts: ClassCounts, device: torch.device):
        pass

    def __call__(self, logits: torch.Tensor, targets: Targets) -> torch.Tensor:
        probabilities = logits.float().softmax(1).flatten(2)

        def by_image(labels: torch.Tensor) -> torch.Tensor:
            images = zip(probabilities, labels.flatten(1), strict=True)
            losses = torch.stack([lovasz_softmax(p[:, y != IGNORE], y[y != IGNORE]) for p, y in images])
            return labelled_pixels(labels) * losses

        return cross_entropy_sum(logits, targets) + targets.summed(by_image)

    def weight(self, targets: Targets) -> torch.Tensor:
        return weight_sum(targets)


def lovasz_softmax(probabilities: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean over the classes present of the Lovász extension of 1 - IoU at the errors m of the pixels.

    m is 1 - p_c where the label is c and p_c elsewhere. With the errors in falling order, the extension is their sum,
    each weighted by how much 1 - IoU grows when its pixel is wrong too [their algorithm 1].

    Args:
        probabilities: (C, P) float32 that sum to 1 for each pixel.
        labels: (P,) int64 of 0..C-1.

    Returns:
        A scalar of 0..1; 0 without a pixel.
    """
    if len(labels) == 0:
        return probabilities.sum()
    present = labels.unique()
    truth = (labels == present[:, None]).float()
    errors, order = (truth - probabilities[present]).abs().sort(dim=1, descending=True)
    found = truth.gather(1, order).cumsum(1)  # pixels of the class among the first, which are taken as wrong
    pixels, wrong = truth.sum(1, keepdim=True), torch.arange(1, len(labels) + 1, device=labels.device)
    loss_of_first = 1 - (pixels - found) / (pixels + wrong - found)
    growth = loss_of_first.diff(dim=1, prepend=torch.zeros_like(pixels))
    extension: torch.Tensor = (errors * growth).sum(1)
    return extension.mean()
