"""Chi-square tests of what is drawn at random, and images of which every pixel says where it was cut.

All draws are functions of a seed, so a test that passes once passes always; 1e-6 is the chance that a right sampler
fails under another seed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import torch
from scipy import stats

SIGNIFICANCE = 1e-6
STEP = 4
"""Grey values from one pixel of a coded image to the next."""
IMAGE_STEP = 20
"""Blue values from one coded image to the next."""


def assert_distributed(drawn: Sequence, expected: Mapping) -> None:
    """What was drawn comes from the probabilities ``expected``; cells that expect fewer than five draws are pooled."""
    number = {cell: n for n, cell in enumerate(expected)}
    values = [tuple(value) if np.ndim(value) else value for value in np.asarray(drawn).tolist()]
    strange = set(values) - set(number)
    assert not strange, f"drawn, though impossible: {sorted(strange)[:5]}"
    counted = np.bincount([number[value] for value in values], minlength=len(number)).astype(float)
    wanted = np.array(list(expected.values()), float)
    assert abs(wanted.sum() - 1) < 1e-9
    wanted *= len(values)
    rare = wanted < 5
    if wanted[rare].any():
        counted, wanted = (np.append(part[~rare], part[rare].sum()) for part in (counted, wanted))
    assert len(wanted) > 1, "one cell tells nothing"
    found = stats.chisquare(counted, wanted).pvalue
    assert found > SIGNIFICANCE, f"p = {found:.1e}; drawn {counted[:12]}, expected {wanted[:12]}"


def assert_uniform(parts: Sequence[np.ndarray], sizes: Sequence[int]) -> None:
    """(B,) integers, part i from 0..sizes[i]-1: every combination is as likely, so each part is uniform and all are
    independent."""
    assert_distributed(np.stack(parts, axis=1), dict.fromkeys(np.ndindex(*sizes), 1 / np.prod(sizes)))


def assert_independent(first: np.ndarray, second: np.ndarray) -> None:
    """Two columns of drawn values have nothing to do with one another."""
    rows, columns = (np.unique(part, return_inverse=True)[1].ravel() for part in (first, second))
    table = np.zeros((rows.max() + 1, columns.max() + 1))
    np.add.at(table, (rows, columns), 1)
    assert min(table.shape) > 1, "a constant is independent of everything"
    found = stats.chi2_contingency(table, correction=False).pvalue
    assert found > SIGNIFICANCE, f"p = {found:.1e}; {table}"


def coded(images: int, height: int, width: int, label: int = 0) -> SimpleNamespace:
    """Packed images: red is the row, green the column, blue the image; ``label`` everywhere."""
    pixels = np.zeros((images, height, width, 3), np.uint8)
    pixels[..., 0] = STEP * np.arange(height)[:, None]
    pixels[..., 1] = STEP * np.arange(width)
    pixels[..., 2] = IMAGE_STEP * np.arange(images)[:, None, None]
    labels = np.full((images, height, width), label, np.uint8)
    return SimpleNamespace(images=pixels, labels=labels, image_ids=[f"image{n}" for n in range(images)])


@dataclass
class Cut:
    """B windows read back from coded pixels: image, first row and column, and whether they are mirrored."""

    image: np.ndarray
    y: np.ndarray
    x: np.ndarray
    flip: np.ndarray

    def parts(self) -> list[np.ndarray]:
        return [self.image, self.y, self.x, self.flip]


def read(images: torch.Tensor, masks: torch.Tensor | None = None) -> Cut:
    """Windows that were cut from :func:`coded` images at their own size.

    Args:
        images: (B, 3, h, w) in 0..1.
        masks: (B, h, w) bool, the pixels of the window, two columns of one row or more; None: all.
    """
    red, green, blue = (images * 255).double().numpy().transpose(1, 0, 2, 3)
    held = np.ones(red.shape, bool) if masks is None else masks.numpy()
    sample, width = np.arange(len(held)), held.shape[2]
    line = held.sum(2).argmax(1)
    left = held[sample, line].argmax(1)
    right = width - 1 - held[sample, line, ::-1].argmax(1)
    first, last = (green[sample, line, column] / STEP for column in (left, right))
    parts = (
        blue[sample, line, left] / IMAGE_STEP,
        red[sample, line, left] / STEP - line,
        np.where(first > last, last - (width - 1 - right), first - left),
        first > last,
    )
    return Cut(*(np.rint(part).astype(int) for part in parts))


def drawn(sampler, steps: int) -> SimpleNamespace:
    """Batches 0..steps-1 before normalisation, as one: images, labels, pasted, lam, names of both images, counts."""
    batches = [sampler.draw(step) for step in range(steps)]

    def whole(name):
        parts = [getattr(batch, name) for batch in batches]
        return None if any(part is None for part in parts) else torch.cat(parts)

    names = [name.split(" + ") for batch in batches for name in batch.image_ids]
    number = [[int(name.removeprefix("image")) for name in pair] for pair in names]
    return SimpleNamespace(
        **{name: whole(name) for name in ("images", "labels", "labels_b", "pasted", "lam")},
        base=np.array([pair[0] for pair in number]),
        partner=np.array([pair[1] if len(pair) > 1 else -1 for pair in number]),
        counts=[batch.counts for batch in batches],
    )
