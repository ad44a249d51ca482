"""Where batches are drawn: the device, this rank's share of each batch, and where the packed data lie meanwhile."""

import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from tailcutmix.errors import UserError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Place:
    """A process of a training job.

    Attributes:
        device: where the batches are wanted.
        rank, world: this process among those that share each batch.
        data_device_gb: packed data up to this size lie on the device whole, larger ones stay on the host.
    """

    device: torch.device
    rank: int = 0
    world: int = 1
    data_device_gb: float = 40.0

    def share(self, batch: int) -> slice:
        """The samples of a batch that this process draws; raises UserError where the batch cannot be shared evenly."""
        if batch % self.world:
            raise UserError(f"batch is {batch}; it must be a multiple of the {self.world} devices used")
        return slice(self.rank * batch // self.world, (self.rank + 1) * batch // self.world)


def put(arrays: Sequence[np.ndarray], place: Place) -> list[torch.Tensor]:
    """Tensors on the device where all of them fit into ``data_device_gb``, else mapped from their files."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        tensors = [torch.from_numpy(array) for array in arrays]  # nothing here writes to them
    if place.device.type == "cpu":
        return tensors
    gigabytes = sum(array.nbytes for array in arrays) / 1e9
    if gigabytes <= place.data_device_gb:
        return [tensor.to(place.device) for tensor in tensors]
    logger.info("%.1f GB of packed data exceed data_device_gb: windows are cut on the host", gigabytes)
    return tensors
