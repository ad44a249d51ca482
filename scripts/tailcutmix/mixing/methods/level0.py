"""Level-0 cutmix: the pixels of class b out of CYC(AUG(XB, YB)) [report, section 3]."""

import logging
from dataclasses import dataclass

import numpy as np
import torch

from tailcutmix.labels import Label
from tailcutmix.mixing.augment import AUG, position_range
from tailcutmix.mixing.batch import Batch
from tailcutmix.mixing.material import Material
from tailcutmix.mixing.paste import paste_into
from tailcutmix.mixing.source import Source
from tailcutmix.mixing.streams import TAIL, Draws, choice, layout
from tailcutmix.mixing.windows import Windows, sample_labels
from tailcutmix.nearest import pixel_under_centre
from tailcutmix.plan.settings.recipe import Mixing as MixingSettings

logger = logging.getLogger(__name__)


class Mixing:
    """X_a, Y_a with the pixels of class b of XB_a, YB_a = CYC(AUG(XB, YB)); every tail class b equally often."""

    def __init__(self, source: Source, settings: MixingSettings, material: Material):
        self.source, self.settings = source, settings
        self.subsets = tail_subsets(source.labels, material.tail)
        self.numbers = layout(mixed=1, tail_class=1, image=1, pixel=1, cyc=(AUG, settings.cyc_draws))

    def __call__(self, draws: Draws, batch: Batch) -> None:
        rows, u = draws.mixed(TAIL, self.numbers, self.settings.probability)
        if not self.subsets or len(rows) == 0:
            return
        chosen = [self.subsets[k] for k in choice(u["tail_class"], len(self.subsets))]
        train_ids = np.array([subset.label.train_id for subset in chosen])
        index = np.array([
            subset.images[choice(v, len(subset.images))] for subset, v in zip(chosen, u["image"], strict=True)
        ])  # fmt: skip
        candidates = [self.source.draw(u["cyc"][:, k], index) for k in range(self.settings.cyc_draws)]
        crop, min_pixels = self.source.crop, self.settings.cyc_min_pixels
        found = cycle(self.source.labels, candidates, train_ids, u["pixel"], crop, min_pixels)
        tail_labels = found.labels.to(self.source.device)
        mask = tail_labels == torch.from_numpy(train_ids).to(self.source.device)[:, None, None]  # M = (YB_a == b) * 1
        paste_into(batch, rows, self.source.cut_images(found.windows), tail_labels, mask)
        batch.note(rows, [self.source.image_ids[n] for n in index], mask)
        batch.counts.cyc_draws, batch.counts.cyc_fallbacks = found.draws, found.fallbacks


@dataclass(frozen=True)
class TailSubset:
    """B, the packed images that hold a tail class: (K,) int64, ascending."""

    label: Label
    images: np.ndarray


def tail_subsets(labels: torch.Tensor, tail: tuple[Label, ...]) -> list[TailSubset]:
    """The tail subset of each tail class; one that no image holds is left out, with a warning.

    Args:
        labels: (N, H, W) uint8 train ids, all packed labels; read once.
        tail: the tail classes.
    """
    if not tail:
        logger.warning("the tail is empty: training goes on without level-0 cutmix")
        return []
    pixels = np.stack([torch.bincount(label.reshape(-1), minlength=256).cpu().numpy() for label in labels])
    subsets = [TailSubset(known, np.flatnonzero(pixels[:, known.train_id])) for known in tail]
    for subset in subsets:
        if len(subset.images) == 0:
            logger.warning("tail class %r is in no train image: it is not mixed in", subset.label.name)
    return [subset for subset in subsets if len(subset.images)]


@dataclass(frozen=True)
class Cycle:
    """What CYC gave: the accepted windows, their labels (B, h, w) uint8, all draws made, and samples fallen back."""

    windows: Windows
    labels: torch.Tensor
    draws: int
    fallbacks: int


def cycle(
    labels: torch.Tensor,
    candidates: list[Windows],
    train_ids: np.ndarray,
    u: np.ndarray,
    size: tuple[int, int],
    min_pixels: int = 1,
) -> Cycle:
    """CYC(AUG(XB, YB)): redraw until the label holds class b, at most as often as there are candidates.

    Where no candidate holds ``min_pixels`` of b, the last one is moved onto a random pixel of b, its scale kept.

    Args:
        labels: (N, H, W) uint8, all packed labels.
        candidates: K draws of B windows each, drawn beforehand, so that what is accepted for one sample depends
            on nothing but its own numbers.
        train_ids: (B,) int64, class b of each sample; its source image holds it.
        u: (B,) in [0, 1), picks the pixel to fall back on.
        size: output (h, w).
        min_pixels: pixels of b that the label must hold.
    """
    samples = len(train_ids)
    wanted = torch.from_numpy(train_ids).to(labels.device, torch.uint8)
    accepted = torch.empty((samples, *size), dtype=torch.uint8, device=labels.device)
    chosen = np.zeros(samples, np.int64)
    pending, draws = np.arange(samples), 0
    for k, windows in enumerate(candidates):
        drawn = sample_labels(labels, windows.take(pending), size)
        here = torch.from_numpy(pending).to(labels.device)
        holds = (drawn == wanted[here, None, None]).flatten(1).sum(1) >= min_pixels
        accepted[here] = drawn
        chosen[pending] = k
        draws += len(pending)
        pending = pending[~holds.cpu().numpy()]
        if len(pending) == 0:
            break
    windows = Windows.pick(candidates, chosen)
    if len(pending):
        pixels = random_pixels(labels, windows.index[pending], train_ids[pending], u[pending])
        _, height, width = labels.shape
        windows.box[pending] = boxes_on(pixels, windows.box[pending], (height, width), size)
        accepted[torch.from_numpy(pending).to(labels.device)] = sample_labels(labels, windows.take(pending), size)
    return Cycle(windows, accepted, draws, len(pending))


def random_pixels(labels: torch.Tensor, index: np.ndarray, train_ids: np.ndarray, u: np.ndarray) -> np.ndarray:
    """(B, 2) int64 y, x of a uniformly drawn pixel of class b in each image."""
    pixels = []
    for n, train_id, number in zip(index.tolist(), train_ids.tolist(), u, strict=True):  # rare: K draws have failed
        found = torch.nonzero(labels[n].reshape(-1) == train_id)[:, 0]
        pixels.append(divmod(int(found[choice(number, len(found))]), labels.shape[2]))
    return np.asarray(pixels, np.int64)


def boxes_on(pixels: np.ndarray, boxes: np.ndarray, image_size: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
    """Move windows so that a pixel is near the middle and is one of those that the label is sampled at.

    Args:
        pixels: (B, 2) y, x.
        boxes: (B, 4) y, x, h, w.
        image_size: (H, W); windows stay within the image where they fit.
        size: output (h, w).
    """
    moved = boxes.copy()
    first, last = position_range(boxes[:, 2:], image_size)
    for axis in (0, 1):
        length, pixel = boxes[:, 2 + axis, None], pixels[:, axis, None]
        # A window that shrinks skips source pixels: these starts put the pixel under the centre of an output pixel.
        starts = pixel - pixel_under_centre(np.arange(size[axis]), length, size[axis])
        middle = np.clip(pixel - length // 2, first[:, axis, None], last[:, axis, None])
        best = np.abs(starts - middle).argmin(axis=1)
        moved[:, axis] = starts[np.arange(len(starts)), best]
    return moved
