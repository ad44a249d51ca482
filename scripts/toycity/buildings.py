"""Buildings along a street: fronts with windows, bands, bricks and balconies, shops and doors, gables and roofs."""

from dataclasses import dataclass

import numpy as np

from toycity.canvas import Canvas
from toycity.colours import ROOFS, Colour, pick, plaster
from toycity.ids import BUILDING
from toycity.planes import Plane, grid, plane_along_street
from toycity.street import Stretch

DETAILS_TO = 75.0
"""Depth in metres beyond which a front is plain."""
DEPTH, EAVES, RISE = 14.0, 4, 3.2
"""A house's depth, and how far its ridge lies behind the front and above the wall, in metres."""

PANES = ((48, 58, 70), (104, 126, 144), (206, 190, 140))
"""Windows: dark, mirroring the sky, and lit."""
PANE_SHARES = (0.6, 0.28, 0.12)
BALCONY, SHOP_SIGN, DOOR = (70, 70, 74), (240, 236, 222), (78, 54, 42)


@dataclass(frozen=True)
class Style:
    """How one building looks; its faces share it.

    Attributes:
        colour, trim: of the walls, and of bands and window frames.
        storey, bay: height of a storey and least width of a bay, in metres.
        window: width and height of a window as shares of its bay and storey.
        bands, brick, shop, balconies: whether it has them.
        awning, roof: colours.
        seed: of the details.
    """

    colour: Colour
    trim: Colour
    storey: float
    bay: float
    window: tuple[float, float]
    bands: bool
    brick: bool
    shop: bool
    awning: Colour
    balconies: bool
    roof: Colour
    seed: int


def _random_style(rng: np.random.Generator) -> Style:
    return Style(
        colour=plaster(rng),
        trim=plaster(rng),
        storey=rng.uniform(2.9, 3.6),
        bay=rng.uniform(2.0, 3.6),
        window=(rng.uniform(0.4, 0.75), rng.uniform(0.5, 0.68)),
        bands=rng.random() < 0.45,
        brick=rng.random() < 0.35,
        shop=rng.random() < 0.5,
        awning=tuple(rng.uniform(30, 210, 3).tolist()),
        balconies=rng.random() < 0.25,
        roof=pick(rng, ROOFS),
        seed=int(rng.integers(2**31)),
    )


@dataclass(frozen=True)
class Front:
    """One face of a building: the plane it lies on, the style, and the grid of its storeys and bays."""

    canvas: Canvas
    style: Style
    plane: Plane

    @property
    def storeys(self) -> int:
        return int((self.plane.height - 0.8) // self.style.storey)

    @property
    def bays(self) -> int:
        return max(1, int(self.plane.length // self.style.bay))

    @property
    def step(self) -> float:
        """Width of a bay in metres."""
        return self.plane.length / self.bays

    @property
    def columns(self) -> np.ndarray:
        """(bays,) middles of the bays along the front."""
        return (np.arange(self.bays) + 0.5) * self.step

    def fill(self, u0, u1, v0, v1, colour: Colour, gain: float = 1.0) -> None:
        """Paint rectangles of one colour; numbers and (n,) arrays broadcast."""
        self.canvas.faces(self.plane.rectangles(u0, u1, v0, v1), colour, self.plane.normal, gain)


def draw_building(
    canvas: Canvas, rng: np.random.Generator, stretch: Stretch, x: float, sign: int, free: bool = True
) -> None:
    """A house over a stretch of the street, its front at ``x`` on one side (sign -1 left, 1 right).

    ``free``: whether its nearer end stands free and has windows too, or leans on the next house.
    """
    style = _random_style(rng)
    z0, z1, height = stretch.z0, stretch.z1, stretch.height
    ridge = x + sign * EAVES
    roof = np.array([[x, height, z0], [x, height, z1], [ridge, height + RISE, z1], [ridge, height + RISE, z0]])
    canvas.face(roof, style.roof, BUILDING, np.array([-sign * 0.6, 0.8, 0.0]))
    details = np.random.default_rng(style.seed)
    if z0 > 2.5:
        towards_camera = np.array([0.0, 0.0, -1.0])
        gable = np.array([[x, height, z0], [ridge, height + RISE, z0], [x + sign * 2 * EAVES, height, z0]])
        canvas.face(gable, style.colour, BUILDING, towards_camera)
        back = np.array([x, 0.0, z0]) + np.array([sign, 0.0, 0.0]) * DEPTH
        end = Plane(back, np.array([-sign, 0.0, 0.0]), towards_camera, DEPTH, height)
        _draw_front(Front(canvas, style, end), details, free)
    _draw_front(Front(canvas, style, plane_along_street(x, z0, z1, height, sign)), details)


def _draw_front(front: Front, rng: np.random.Generator, windows: bool = True) -> None:
    canvas, style, plane = front.canvas, front.style, front.plane
    whole = plane.parts(3, -0.5, plane.height)
    if not canvas.camera.sees(whole.reshape(-1, 3)):
        return
    for part in whole:
        canvas.face(part, style.colour, BUILDING, plane.normal)
    if not windows or plane.origin[2] > DETAILS_TO:
        return
    close = canvas.camera.scale(plane.origin[2]) > 9 * canvas.thinnest
    if style.brick and close:
        rows = np.arange(0.4, plane.height, 0.6)
        front.fill(0.0, plane.length, rows, rows + 0.12, style.colour, 0.9)
    if style.bands:
        levels = style.storey * np.arange(1, front.storeys + 1)
        front.fill(0.0, plane.length, levels - 0.1, levels + 0.15, style.trim)
    _draw_windows(front, rng, close)
    _draw_ground_floor(front, rng)


def _draw_windows(front: Front, rng: np.random.Generator, close: bool) -> None:
    """The windows of the upper storeys, with frames and, close by, with bars; some have a balcony."""
    style, step = front.style, front.step
    width, rise = style.window[0] * step, style.window[1] * style.storey
    u, v = grid(front.columns, style.storey * np.arange(1, front.storeys) + 0.28 * style.storey)
    front.fill(u - width / 2 - 0.12, u + width / 2 + 0.12, v - 0.12, v + rise, style.trim)
    kind = rng.choice(len(PANES), len(u), p=PANE_SHARES)
    for k, pane in enumerate(PANES):
        a, b = u[kind == k], v[kind == k]
        front.fill(a - width / 2, a + width / 2, b, b + rise - 0.1, pane)
    if close:
        front.fill(u - 0.04, u + 0.04, v, v + rise - 0.1, style.trim)
    if style.balconies:
        chosen = rng.random(len(u)) < 0.3
        a, b = u[chosen], v[chosen]
        front.fill(a - step * 0.45, a + step * 0.45, b - 0.3, b + 0.6, BALCONY)


def _draw_ground_floor(front: Front, rng: np.random.Generator) -> None:
    """Shop windows under awnings, or doors and windows."""
    u, step = front.columns, front.step
    if front.style.shop:
        front.fill(u - step * 0.42, u + step * 0.42, 0.4, 2.3, PANES[0])
        front.fill(u - step * 0.36, u - step * 0.05, 0.7, 2.0, PANES[1])
        front.fill(u - step * 0.46, u + step * 0.46, 2.3, 2.9, front.style.awning)
        front.fill(u - step * 0.3, u + step * 0.3, 2.48, 2.72, SHOP_SIGN)
    else:
        door = rng.random(front.bays) < 0.35
        front.fill(u[door] - 0.55, u[door] + 0.55, 0.0, 2.2, DOOR)
        rest = u[~door]
        front.fill(rest - step * 0.25, rest + step * 0.25, 0.95, 2.3, PANES[0])
