"""The random streams: numbers that are a function of (seed, step, stream, sample in the global batch) alone."""

import numpy as np

BASE, TAIL, PATCH, CONTRAST, BETA, ORDER = range(6)
"""One stream for each thing drawn, so that arms that differ in their mixing see the same windows of the same images."""


def generator(seed: int, step: int, stream: int) -> np.random.Generator:
    """A counter-based generator (Philox) keyed by seed and step; nothing is kept from call to call."""
    return np.random.Generator(np.random.Philox(key=[seed, step], counter=[0, 0, 0, stream]))


def uniforms(seed: int, step: int, stream: int, samples: int, columns: int) -> np.ndarray:
    """(samples, columns) float64 in [0, 1); row i is the same for every number of samples above i."""
    return generator(seed, step, stream).random((samples, columns))


def choice(u: np.ndarray, count: int | np.ndarray) -> np.ndarray:
    """Uniform int64 out of 0..count-1 from ``u`` in [0, 1)."""
    return np.minimum((u * count).astype(np.int64), np.asarray(count) - 1)
