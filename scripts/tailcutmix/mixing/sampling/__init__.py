"""One sampling per module, found by the module's name: ``sampling: rare_classes`` is ``sampling/rare_classes.py``.

``sampling: images``, permutations of the images, needs none: :func:`tailcutmix.mixing.order.image_order`. A module
whose name begins with an underscore is no sampling, but helps several.
"""

from typing import Protocol

import numpy as np
import torch

from tailcutmix.plan.settings.recipe import Training


class Sampling(Protocol):
    """What the class ``Sampling`` of each module in this folder is: which image, and which place in it, a sample shows.

    Attributes:
        centred: whether the place is the middle of the crop; else the crop holds it at a random position.
    """

    centred: bool

    def __init__(self, labels: torch.Tensor, num_classes: int, samples: int, seed: int, training: Training):
        """Read what the labels hold.

        Args:
            labels: (N, H, W) uint8, packed labels; read once.
            num_classes: C.
            samples: of an epoch.
            seed: of the run.
            training: what this sampling heeds of it.
        """

    def __call__(self, positions: np.ndarray) -> np.ndarray:
        """(B, 3) int64: image, y and x of the place; y = x = -1 where the crop may lie anywhere.

        Args:
            positions: (B,) int64, number of each sample since training began. What comes back for one depends on
                nothing but the seed and that number.
        """
