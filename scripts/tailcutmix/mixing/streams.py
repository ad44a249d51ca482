"""The random streams: numbers that are a function of (seed, step, stream, sample in the global batch) alone.

What draws from a stream names the numbers of a sample by a :func:`layout`. Their order there is the order in which the
stream gives them, so a name that is added or moved changes the numbers behind all that follow.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

BASE, TAIL, PATCH, CONTRAST, BETA, ORDER, UNLABELLED = range(7)
"""One stream for each thing drawn, so that arms that differ in their mixing see the same windows of the same images.

A network has one mixing, so mixings may share a stream: a new one draws from CONTRAST."""


@dataclass(frozen=True)
class Draws:
    """The random numbers of one step, for those samples of the global batch that one rank draws.

    Attributes:
        seed: of the run, 0 or more.
        step: number of the batch since training began.
        batch: samples of the global batch.
        share: the samples of this rank.
        among: (b,) bool, the samples of this rank that may be mixed; None: all.
    """

    seed: int
    step: int
    batch: int
    share: slice
    among: np.ndarray | None = None

    @property
    def positions(self) -> np.ndarray:
        """(b,) int64, number of each sample since training began."""
        return (self.step * self.batch + np.arange(self.batch, dtype=np.int64))[self.share]

    def uniforms(self, stream: int, layout: np.dtype) -> np.ndarray:
        """(b,) of ``layout``, in [0, 1)."""
        return uniforms(self.seed, self.step, stream, self.batch, layout)[self.share]

    def mixed(self, stream: int, layout: np.dtype, probability: float) -> tuple[np.ndarray, np.ndarray]:
        """The samples that are mixed, by the number ``mixed`` of ``layout``.

        Returns:
            (M,) int64, rows of this rank's samples, and their numbers, (M,) of ``layout``.
        """
        numbers = self.uniforms(stream, layout)
        chosen = numbers["mixed"] < probability
        rows = np.flatnonzero(chosen if self.among is None else chosen & self.among)
        return rows, numbers[rows]

    def beta(self, stream: int, alpha: float) -> np.ndarray:
        """(b,) float64 in 0..1 from Beta(alpha, alpha)."""
        return generator(self.seed, self.step, stream).beta(alpha, alpha, self.batch)[self.share]


def layout(**parts: int | np.dtype | tuple[np.dtype, int]) -> np.dtype:
    """Names for the uniform numbers that one sample takes, as a structured dtype of float64.

    ``layout(flip=1, position=2, draws=(AUG, 10))``: a part is a count of numbers, another layout, or a layout and how
    often it is repeated.
    """
    fields: list[tuple[Any, ...]] = []
    for name, part in parts.items():
        if isinstance(part, tuple):
            fields.append((name, part[0], (part[1],)))
        elif isinstance(part, int):
            fields.append((name, float) if part == 1 else (name, float, (part,)))
        else:
            fields.append((name, part))
    return np.dtype(fields)


def generator(seed: int, step: int, stream: int) -> np.random.Generator:
    """A counter-based generator (Philox) keyed by seed and step; nothing is kept from call to call."""
    return np.random.Generator(np.random.Philox(key=[seed, step], counter=[0, 0, 0, stream]))


def uniforms(seed: int, step: int, stream: int, samples: int, layout: np.dtype) -> np.ndarray:
    """(samples,) of ``layout``, in [0, 1); entry i is the same for every number of samples above i."""
    width = layout.itemsize // np.dtype(float).itemsize
    return generator(seed, step, stream).random((samples, width)).view(layout)[:, 0]


def choice(u: np.ndarray, count: int | np.ndarray) -> np.ndarray:
    """Uniform int64 out of 0..count-1 from ``u`` in [0, 1)."""
    chosen: np.ndarray = np.minimum((u * count).astype(np.int64), np.asarray(count) - 1)
    return chosen
