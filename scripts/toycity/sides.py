"""What lines a street on both sides: houses, parks, walls and fences, and what is seen far behind them."""

import numpy as np

from toycity.barriers import draw_fence, draw_wall
from toycity.buildings import draw_building
from toycity.canvas import Canvas
from toycity.colours import LEAVES, pick, plaster
from toycity.ids import BUILDING, VEGETATION
from toycity.plants import draw_hedge, draw_tree
from toycity.street import FAR, Side, Street, Stretch

BARRIERS = {"wall": draw_wall, "fence": draw_fence}


def draw_backdrop(canvas: Canvas, rng: np.random.Generator) -> None:
    """Far trees and roofs over the horizon, where the street ends."""
    z, reach = FAR + 25.0, 140.0
    for _ in range(9):
        x, w, h = rng.uniform(-reach, reach), rng.uniform(8, 25), rng.uniform(5, 16)
        corners = np.array([(x, -1, z + 8), (x + w, -1, z + 8), (x + w, h, z + 8), (x, h, z + 8)])
        canvas.face(corners, plaster(rng), BUILDING)
    xs = np.linspace(-reach, reach, 80)
    tops = 3.5 + 3 * np.sin(xs / 17 + rng.uniform(0, 6)) + rng.uniform(0, 2.5, len(xs))
    ridge = np.stack([xs, tops, np.full_like(xs, z)], axis=1)
    corners = np.concatenate([ridge, [(reach, -1, z), (-reach, -1, z)]])
    canvas.face(corners, pick(rng, LEAVES), VEGETATION)


def draw_sides(canvas: Canvas, street: Street, z0: float, z1: float) -> None:
    """Everything on both sides that begins between two depths, from the back to the front."""
    for side in street.sides:
        stretches = [stretch for stretch in reversed(side.stretches) if z0 <= stretch.z0 < z1]
        for i, stretch in enumerate(stretches):
            nearer = stretches[i + 1] if i + 1 < len(stretches) else None
            leans = nearer is not None and nearer.kind == "houses" and stretch.z0 - nearer.z1 < 2
            rng = np.random.default_rng([stretch.seed, 1])
            if stretch.kind == "houses":
                _draw_houses(canvas, rng, side, stretch, free=not leans)
            else:
                _draw_park(canvas, rng, side, stretch)
        for stretch in stretches:
            if stretch.kind in BARRIERS:
                rng = np.random.default_rng(stretch.seed)
                BARRIERS[stretch.kind](canvas, rng, stretch, side.kerb(1.0), side.sign)


def _draw_houses(canvas: Canvas, rng: np.random.Generator, side: Side, stretch: Stretch, free: bool) -> None:
    draw_building(canvas, rng, stretch, side.front, side.sign, free)
    if side.strip > 2 and rng.random() < 0.5:
        draw_hedge(canvas, rng, side.front - side.sign * 0.8, (stretch.z0, stretch.z1), rng.uniform(0.7, 1.4))


def _draw_park(canvas: Canvas, rng: np.random.Generator, side: Side, stretch: Stretch) -> None:
    """Trees before a house, in a park or behind a wall or fence."""
    kerb, sign = side.kerb(1.0), side.sign
    back = kerb + sign * rng.uniform(6, 10)
    if rng.random() < 0.6:
        draw_building(canvas, rng, stretch, back, sign)
    places = [(rng.uniform(stretch.z0 + 1, stretch.z1), rng.uniform(1.6, 5.0)) for _ in range(int(rng.integers(1, 4)))]
    for z, out in sorted(places, reverse=True):
        draw_tree(canvas, rng, kerb + sign * out, max(z, 3.0), rng.uniform(4.5, 9))
    if rng.random() < 0.5 and (stretch.z0 + stretch.z1) / 2 > 4:
        draw_hedge(canvas, rng, kerb + sign * 1.4, (stretch.z0, stretch.z1), rng.uniform(1.0, 2.2))


def house_shadows(street: Street, sun: np.ndarray) -> list[np.ndarray]:
    """(4, 3) outlines on the ground of the shadows of the houses on the side of the sun, a (3,) vector towards it."""
    side = street.side(int(np.sign(sun[0])))
    shadows = []
    for stretch in side.stretches:
        if stretch.kind == "houses":
            reach = min(stretch.height * abs(sun[0]) / max(sun[1], 0.1), 14.0)
            shift = -stretch.height * 0.3 * sun[2] / max(sun[1], 0.1)
            x = side.front - side.sign * reach
            z0, z1 = stretch.z0, stretch.z1
            corners = [(side.front, 0, z0), (side.front, 0, z1), (x, 0, z1 + shift), (x, 0, z0 + shift)]
            shadows.append(np.array(corners, float))
    return shadows
