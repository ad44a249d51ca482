"""Pairs of unlabelled crops, and the rectangle of the second that is laid over the first (French et al., BMVC 2020)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from tailcutmix.dataset.normalisation import normalise
from tailcutmix.labels import IGNORE
from tailcutmix.mixing.augment import AUG
from tailcutmix.mixing.place import Place
from tailcutmix.mixing.prefetch import OnStream
from tailcutmix.mixing.source import Source
from tailcutmix.mixing.streams import UNLABELLED, Draws, choice, layout
from tailcutmix.mixing.windows import Windows, box_mask, sample_labels

BOX_AREA = 0.5
"""Share of a crop that the rectangle covers."""

NUMBERS = layout(image=2, aug=(AUG, 2), box_shape=1, box_position=2)


@dataclass(frozen=True)
class Pairs:
    """The unlabelled crops of one step, as many as one rank has labelled ones.

    Attributes:
        first, second: (b, 3, h, w) float32, normalised.
        mask: (b, h, w) bool, the pixels of the mixed crops that are the second's.
        inside: (b, h, w) bool, the pixels of the mixed crops that lie within their image.
    """

    first: torch.Tensor
    second: torch.Tensor
    mask: torch.Tensor
    inside: torch.Tensor

    def tensors(self) -> list[torch.Tensor]:
        """All tensors of the pairs."""
        return [self.first, self.second, self.mask, self.inside]


class UnlabelledSampler:
    """Draws the pairs of step ``step`` as a function of the seed and that number; nothing is kept between calls."""

    def __init__(self, sources: Sequence[Source], batch: int, place: Place, seed: int):
        """Say where crops are cut from.

        Args:
            sources: packed images of one split each, with the same crop; their labels are not looked at.
            batch: pairs of a step, over all ranks.
            place: this rank draws its slice of them.
            seed: of the run.
        """
        self.sources, self._batch, self._share, self._seed = sources, batch, place.share(batch), seed
        self._ends = np.cumsum([len(source.image_ids) for source in sources])
        self._made: Callable[[int], Pairs] = self.draw
        if place.device.type == "cuda":
            self._made = OnStream(self.draw, place.device, ahead=any(source.on_host for source in sources))

    def __call__(self, step: int) -> Pairs:
        return self._made(step)

    def draw(self, step: int) -> Pairs:
        """The pairs of a step, counted from 0 since training began."""
        u = Draws(self._seed, step, self._batch, self._share).uniforms(UNLABELLED, NUMBERS)
        index = choice(u["image"], int(self._ends[-1]))
        (first, first_inside), (second, second_inside) = (self._cut(u["aug"][:, n], index[:, n]) for n in range(2))
        size = self.sources[0].crop
        mask = box_mask(half_boxes(u["box_shape"], u["box_position"], size), size, first.device)
        return Pairs(first, second, mask, torch.where(mask, second_inside, first_inside))

    def _cut(self, u: np.ndarray, index: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """AUG of the images ``index`` (b,): (b, 3, h, w) float32, normalised; and (b, h, w) bool, what is of them."""
        device, crop = self.sources[0].device, self.sources[0].crop
        images = torch.empty(len(index), 3, *crop, device=device)
        inside = torch.empty(len(index), *crop, dtype=torch.bool, device=device)
        of = np.searchsorted(self._ends, index, side="right")
        for number, source in enumerate(self.sources):
            rows = np.flatnonzero(of == number)
            if len(rows) == 0:
                continue
            windows = source.draw(u[rows], index[rows] - (self._ends[number] - len(source.image_ids)))
            here = torch.from_numpy(rows).to(device)
            images[here] = source.cut_images(windows)
            inside[here] = within(windows, source.size, crop, device)
        normalise(images)
        return images, inside


def within(windows: Windows, image_size: tuple[int, int], crop: tuple[int, int], device: torch.device) -> torch.Tensor:
    """(B, h, w) bool on ``device``: the pixels of crops whose centre lies within the image, whose size is (H, W)."""
    blank = torch.zeros(1, *image_size, dtype=torch.uint8, device=device)
    return sample_labels(blank, replace(windows, index=np.zeros_like(windows.index)), crop) != IGNORE


def half_boxes(shape: np.ndarray, position: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Rectangles of half the area, of a random aspect, within the image, as the paper's public code draws them.

    Args:
        shape: (B,) in [0, 1): the height is .5^shape of the image's.
        position: (B, 2) in [0, 1), y and x: where in the room that is left.
        size: (h, w) of the images.

    Returns:
        (B, 4) int64: top, left, bottom, right, half-open.
    """
    height = BOX_AREA**shape
    length = np.rint(np.stack([height, BOX_AREA / height], axis=1) * np.asarray(size)).astype(np.int64)
    start = np.rint((np.asarray(size) - length) * position).astype(np.int64)
    return np.concatenate([start, start + length], axis=1)
