"""The one normalisation of images: every network, in training and in prediction, sees (image / 255 - MEAN) / STD.

The numbers are the per-channel RGB statistics that the field uses by custom (those of ImageNet); they are constants,
not weights, and carry no pre-training.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the steps before training read this package and must not wait for torch
    from torch import Tensor

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def normalise(images: "Tensor") -> "Tensor":
    """(B, 3, h, w) float RGB in 0..1 -> what every network sees, in place."""
    mean, std = images.new_tensor(MEAN)[:, None, None], images.new_tensor(STD)[:, None, None]
    return images.sub_(mean).div_(std)
