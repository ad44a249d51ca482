"""Trees, bushes and hedges: heaps of round leaves from dark to light."""

import numpy as np

from toycity.canvas import Canvas
from toycity.ids import VEGETATION
from toycity.optics import NEAR

LEAVES = ((74, 104, 48), (58, 92, 50), (96, 116, 52), (108, 120, 62), (62, 84, 58), (146, 112, 52))
BARK = (86, 70, 58)


def draw_tree(canvas: Canvas, rng: np.random.Generator, x: float, z: float, height: float) -> None:
    """A trunk and a crown; the trunk is vegetation too, as in Cityscapes."""
    spread = height * rng.uniform(0.26, 0.4)
    trunk = height - 1.5 * spread
    foot, fork = np.array([x, 0.0, z]), np.array([x + rng.uniform(-0.2, 0.2), max(trunk, 0.8), z])
    canvas.capsule(foot, fork, 0.022 * height, BARK, VEGETATION, 0.85)
    for _ in range(3):
        tip = fork + (rng.uniform(-0.6, 0.6) * spread, rng.uniform(0.3, 0.9) * spread, 0.0)
        canvas.capsule(fork, tip, 0.012 * height, BARK, VEGETATION, 0.85)
    leaves(canvas, rng, np.array([x, height - spread, z]), spread, spread * 0.95, LEAVES[rng.integers(len(LEAVES))])


def draw_hedge(canvas: Canvas, rng: np.random.Generator, x: float, z0: float, z1: float, height: float) -> None:
    """A row of bushes along the street."""
    colour = LEAVES[rng.integers(len(LEAVES))]
    z = z1
    while z > max(z0, NEAR + 0.5):
        centre = np.array([x + rng.uniform(-0.2, 0.2), height * 0.48, z])
        leaves(canvas, rng, centre, height * 0.75, height * rng.uniform(0.48, 0.6), colour)
        z -= max(0.9 * height, 0.03 * z * z / 3)


def leaves(
    canvas: Canvas, rng: np.random.Generator, centre: np.ndarray, half_width: float, half_height: float, colour: tuple
) -> None:
    """A heap of round leaves in an upright ellipse, lighter towards the top and the sun."""
    if centre[2] < NEAR:
        return
    camera, light = canvas.camera, canvas.light
    scale = camera.scale(centre[2])
    count = int(np.clip(1.2 * scale * half_width / canvas.thinnest, 10, 80))
    middle = camera.project(centre)
    if abs(middle[0] - camera.width / 2) > camera.width / 2 + half_width * scale:
        return
    base = tuple((np.array(colour) * rng.uniform(0.85, 1.15)).tolist())
    angle, distance = rng.uniform(0, 2 * np.pi, 3 * count), np.sqrt(rng.random(3 * count))
    jitter, size = rng.standard_normal(3 * count), rng.uniform(0.75, 1.25, 3 * count)
    lean = np.array([0.35 * light.sun[0], 0.3])
    for layer, (radius, reach, gain) in enumerate(((0.3, 0.8, 0.62), (0.2, 0.84, 0.9), (0.12, 0.86, 1.2))):
        part = slice(layer * count, (layer + 1) * count)
        across, up = np.cos(angle[part]) * distance[part] * reach, np.sin(angle[part]) * distance[part] * reach
        if layer:  # the lit side
            across, up = across * 0.9 + lean[0] * 0.35 * layer, up * 0.85 + lean[1] * 0.4 * layer
        tone = gain * (1 + 0.22 * up + 0.1 * jitter[part])
        xs, ys = middle[0] + across * half_width * scale, middle[1] - up * half_height * scale
        radii = np.maximum(radius * size[part] * min(half_width, half_height) * scale, canvas.thinnest * 0.6)
        points = (np.stack([xs, ys], axis=1) * 16).astype(int).tolist()
        for point, r, t in zip(points, radii.tolist(), tone.tolist(), strict=True):
            canvas.disc(point, r, light.shade(base, centre[2], gain=t), VEGETATION)
