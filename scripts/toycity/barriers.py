"""Walls and fences along a street."""

import numpy as np

from toycity.canvas import Canvas
from toycity.colours import plaster
from toycity.ids import FENCE, WALL
from toycity.planes import Plane, grid, plane_along_street
from toycity.street import Stretch

STONE_TONES = (0.9, 1.0, 1.12)
FENCES = {"bars": 0.4, "pickets": 0.25, "boards": 0.15, "mesh": 0.2}
"""Kinds of fences and the share of each."""


def draw_wall(canvas: Canvas, rng: np.random.Generator, stretch: Stretch, x: float, sign: int) -> None:
    """A solid wall with no openings: courses of stone or brick, or concrete panels, under a coping."""
    height, colour = rng.uniform(1.6, 3.2), plaster(rng)
    plane = plane_along_street(x, stretch.z0, stretch.z1, height, sign)
    for part in plane.parts(4, -0.1, height):
        canvas.face(part, colour, WALL, plane.normal, 0.78)
    stone = rng.random() < 0.65
    w, h = (rng.uniform(0.6, 0.95), rng.uniform(0.28, 0.4)) if stone else (rng.uniform(2.2, 3.2), height)
    u, v = _bond(plane, w, h)
    tone = rng.choice(len(STONE_TONES), len(u))
    for k, gain in enumerate(STONE_TONES):
        a, b = u[tone == k], v[tone == k]
        stones = plane.rectangles(a + 0.03, a + w - 0.03, b + 0.03, b + h - 0.03)
        canvas.faces(stones, colour, plane.normal, gain)
    for part in plane.parts(4, height, height + 0.16):
        canvas.face(part, colour, WALL, plane.normal, 1.2)


def _bond(plane: Plane, w: float, h: float) -> tuple[np.ndarray, np.ndarray]:
    """Lower corners of stones of one size, every other row of them shifted by half a stone."""
    rows, columns = max(1, int(plane.height / h)), int(plane.length / w) + 1
    u, v = grid(np.arange(columns) * w, np.arange(rows) * h)
    u = u + np.where((v / h).round() % 2 > 0, w / 2, 0.0)
    keep = u + w <= plane.length + 0.01
    return u[keep], v[keep]


def draw_fence(canvas: Canvas, rng: np.random.Generator, stretch: Stretch, x: float, sign: int) -> None:
    """Bars, pickets, boards or mesh before whatever lies behind; the gaps belong to the fence, as in Cityscapes."""
    height, colour = rng.uniform(1.1, 2.2), plaster(rng)
    kind = str(rng.choice(list(FENCES), p=list(FENCES.values())))
    plane = plane_along_street(x, stretch.z0, stretch.z1, height, sign)
    for part in plane.parts(4, 0.0, height):
        canvas.fill([canvas.camera.polygon(part)], None, FENCE)
    for infill in _infill(plane, kind):
        canvas.faces(infill, colour)
    for low in (0.12, height - 0.22):
        canvas.faces(plane.parts(4, low, low + 0.1), colour, gain=0.85)
    posts = np.arange(0, plane.length, 2.4)
    canvas.faces(plane.rectangles(posts, posts + 0.14, 0.0, height + 0.05), colour, gain=0.75)


def _infill(plane: Plane, kind: str) -> list[np.ndarray]:
    """(n, 4, 3) rectangles between the posts, in the order in which they are painted."""
    length, height = plane.length, plane.height
    if kind == "boards":
        rows = np.arange(0.15, height - 0.1, 0.34)
        return [plane.rectangles(0.0, length, rows, rows + 0.2)]
    if kind == "mesh":
        u = np.arange(0, length - height, 0.42)
        rising = plane.rectangles(u, u + 0.06, 0.0, height)
        rising[:, 2:] += height * plane.along
        falling = plane.rectangles(u + height, u + height + 0.06, 0.0, height)
        falling[:, 2:] -= height * plane.along
        return [rising, falling]
    step, wide, gap = (0.3, 0.09, 0.0) if kind == "bars" else (0.36, 0.22, 0.12)
    u = np.arange(0, length, step)
    return [plane.rectangles(u, u + wide, 0.08, height - gap)]
