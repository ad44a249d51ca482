"""Trees, bushes and hedges: heaps of round leaves from dark to light."""

import numpy as np

from toycity.canvas import Canvas, fixed
from toycity.colours import LEAVES, Colour, pick, scaled
from toycity.ids import VEGETATION
from toycity.optics import NEAR

BARK = (86, 70, 58)

LAYERS = ((0.3, 0.8, 0.62), (0.2, 0.84, 0.9), (0.12, 0.86, 1.2))
"""Leaves from the dark inside to the lit outside of a heap: their radius and how far out they lie, as shares of the
heap's size, and their brightness."""


def draw_tree(canvas: Canvas, rng: np.random.Generator, x: float, z: float, height: float) -> None:
    """A trunk and a crown; the trunk is vegetation too, as in Cityscapes."""
    spread = height * rng.uniform(0.26, 0.4)
    trunk = height - 1.5 * spread
    foot, fork = np.array([x, 0.0, z]), np.array([x + rng.uniform(-0.2, 0.2), max(trunk, 0.8), z])
    canvas.capsule(foot, fork, 0.022 * height, BARK, VEGETATION, 0.85)
    for _ in range(3):
        tip = fork + (rng.uniform(-0.6, 0.6) * spread, rng.uniform(0.3, 0.9) * spread, 0.0)
        canvas.capsule(fork, tip, 0.012 * height, BARK, VEGETATION, 0.85)
    _draw_leaves(canvas, rng, np.array([x, height - spread, z]), (spread, spread * 0.95), pick(rng, LEAVES))


def draw_hedge(canvas: Canvas, rng: np.random.Generator, x: float, depths: tuple[float, float], height: float) -> None:
    """A row of bushes along the street between two depths."""
    colour = pick(rng, LEAVES)
    near, z = depths
    while z > max(near, NEAR + 0.5):
        centre = np.array([x + rng.uniform(-0.2, 0.2), height * 0.48, z])
        _draw_leaves(canvas, rng, centre, (height * 0.75, height * rng.uniform(0.48, 0.6)), colour)
        z -= max(0.9 * height, 0.03 * z * z / 3)


def _draw_leaves(
    canvas: Canvas, rng: np.random.Generator, centre: np.ndarray, halves: tuple[float, float], colour: Colour
) -> None:
    """A heap of round leaves in an upright ellipse of half width and half height, lighter to the top and the sun."""
    if centre[2] < NEAR:
        return
    camera, light = canvas.camera, canvas.light
    half_width, half_height = halves
    scale = camera.scale(centre[2])
    count = int(np.clip(1.2 * scale * half_width / canvas.thinnest, 10, 80))
    middle = camera.project(centre)
    if abs(middle[0] - camera.width / 2) > camera.width / 2 + half_width * scale:
        return
    base = scaled(colour, rng.uniform(0.85, 1.15))
    angle, distance = rng.uniform(0, 2 * np.pi, 3 * count), np.sqrt(rng.random(3 * count))
    jitter, size = rng.standard_normal(3 * count), rng.uniform(0.75, 1.25, 3 * count)
    lean = 0.35 * light.sun[0]
    for i, (radius, reach, gain) in enumerate(LAYERS):
        part = slice(i * count, (i + 1) * count)
        across, up = np.cos(angle[part]) * distance[part] * reach, np.sin(angle[part]) * distance[part] * reach
        if i:  # the lit side
            across, up = across * 0.9 + lean * 0.35 * i, up * 0.85 + 0.3 * 0.4 * i
        tone = gain * (1 + 0.22 * up + 0.1 * jitter[part])
        xs, ys = middle[0] + across * half_width * scale, middle[1] - up * half_height * scale
        radii = np.maximum(radius * size[part] * min(halves) * scale, canvas.thinnest * 0.6)
        points = fixed(np.stack([xs, ys], axis=1))
        for point, r, t in zip(points.tolist(), radii.tolist(), tone.tolist(), strict=True):
            canvas.disc(point, r, light.shade(base, centre[2], gain=t), VEGETATION)
