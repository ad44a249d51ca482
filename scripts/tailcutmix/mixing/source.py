"""The packed data of a split, as augmented crops are cut out of them."""

import numpy as np
import torch

from tailcutmix.dataset.packing import Packed
from tailcutmix.mixing.augment import LUMA, draw_windows, photometric
from tailcutmix.mixing.place import Place, put
from tailcutmix.mixing.windows import Windows, sample_images, sample_labels
from tailcutmix.plan.settings.recipe import Augmentation


class Source:
    """AUG of any packed image, and of its label.

    Attributes:
        images: (N, H, W, 3) uint8, on ``device`` or on the host.
        labels: (N, H, W) uint8 train ids, in the same place.
        image_ids: N strings.
        grey: (N,) float32, mean luma of each image, 0..1, on ``device``.
        device: where the crops are wanted.
        crop: (h, w) of the crops.
        augmentation: the settings of AUG.
    """

    def __init__(self, packed: Packed, crop: tuple[int, int], augmentation: Augmentation, place: Place):
        self.images, self.labels = put([packed.images, packed.labels], place)
        self.image_ids = list(packed.image_ids)
        self.grey = mean_grey(self.images).to(place.device)
        self.device, self.crop, self.augmentation = place.device, crop, augmentation

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the packed images."""
        return self.images.shape[1], self.images.shape[2]

    @property
    def on_host(self) -> bool:
        """Whether the data lie elsewhere than the crops."""
        return self.images.device.type != self.device.type

    def draw(self, u: np.ndarray, index: np.ndarray) -> Windows:
        """Windows of AUG in the images ``index`` (B,), by numbers ``u`` (B,) of :data:`~.augment.AUG`."""
        return draw_windows(u, index, self.augmentation, self.size, self.crop)

    def cut_images(self, windows: Windows) -> torch.Tensor:
        """(B, 3, h, w) float32 in 0..1 on ``device``, jittered."""
        images = sample_images(self.images, windows, self.crop)
        if self.on_host:
            images = images.pin_memory().to(self.device, non_blocking=True)
        factors = torch.from_numpy(windows.factors).float().to(self.device)
        return photometric(images, factors, self.grey[torch.from_numpy(windows.index).to(self.device)])

    def cut_labels(self, windows: Windows) -> torch.Tensor:
        """(B, h, w) uint8 train ids on ``device``, 255 ignored."""
        return sample_labels(self.labels, windows, self.crop).to(self.device)


def mean_grey(images: torch.Tensor) -> torch.Tensor:
    """(N,) float32 mean luma, 0..1, of every fourth pixel of every fourth row of (N, H, W, 3) uint8 images."""
    luma = torch.tensor(LUMA, device=images.device)
    return torch.stack([(image[::4, ::4].float().mean((0, 1)) @ luma) / 255 for image in images])
