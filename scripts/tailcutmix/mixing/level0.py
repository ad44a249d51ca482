"""Level-0 cutmix: CYC, and the paste of the pixels of class b [report, section 3]."""

from dataclasses import dataclass

import numpy as np
import torch

from tailcutmix.mixing.augment import position_range
from tailcutmix.mixing.streams import choice
from tailcutmix.mixing.windows import Windows, sample_labels
from tailcutmix.nearest import pixel_under_centre


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
    b: np.ndarray,
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
        b: (B,) class of each sample; its source image holds it.
        u: (B,) in [0, 1), picks the pixel to fall back on.
        size: output (h, w).
        min_pixels: pixels of b that the label must hold.
    """
    samples = len(b)
    wanted = torch.from_numpy(np.asarray(b)).to(labels.device, torch.uint8)
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
    windows = Windows(*(
        np.stack([getattr(draw, name) for draw in candidates])[chosen, np.arange(samples)]
        for name in ("index", "box", "flip", "factors")
    ))  # fmt: skip
    if len(pending):
        pixels = random_pixels(labels, windows.index[pending], b[pending], u[pending])
        windows.box[pending] = boxes_on(pixels, windows.box[pending], tuple(labels.shape[1:]), size)
        accepted[torch.from_numpy(pending).to(labels.device)] = sample_labels(labels, windows.take(pending), size)
    return Cycle(windows, accepted, draws, len(pending))


def random_pixels(labels: torch.Tensor, index: np.ndarray, b: np.ndarray, u: np.ndarray) -> np.ndarray:
    """(B, 2) int64 y, x of a uniformly drawn pixel of class b in each image."""
    pixels = []
    for n, value, number in zip(index.tolist(), b.tolist(), u, strict=True):  # rare: only where K draws have failed
        found = torch.nonzero(labels[n].reshape(-1) == value)[:, 0]
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


def paste(images: torch.Tensor, labels: torch.Tensor, tail_images: torch.Tensor, tail_labels: torch.Tensor,
          mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
    """X~ = (1 - M) * X_a + M * XB_a, and the same for Y.

    Args:
        images, tail_images: (B, 3, h, w); the result takes the place of ``tail_images``.
        labels, tail_labels: (B, h, w) of one dtype.
        mask: (B, h, w) bool, M.
    """
    mixed = torch.where(mask[:, None], tail_images, images, out=tail_images)
    return mixed, torch.where(mask, tail_labels, labels)
