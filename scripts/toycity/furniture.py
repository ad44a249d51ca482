"""What stands at the kerb: poles, lamps, traffic lights, traffic signs and bins."""

from dataclasses import dataclass

import numpy as np

from toycity.canvas import Canvas
from toycity.colours import METALS, Colour, pick, scaled
from toycity.ids import POLE, STATIC, TRAFFIC_LIGHT, TRAFFIC_SIGN
from toycity.solids import Body, Pose, box, draw

RED, WHITE, BLUE, YELLOW = (188, 26, 30), (240, 240, 236), (28, 74, 158), (240, 196, 28)
LAMP_HEAD, BACK, HOUSING = (198, 196, 180), (132, 134, 134), (34, 36, 36)
SIGNALS = ((250, 52, 40), (255, 190, 40), (60, 240, 130))
"""The lamps of a traffic light, from above."""
BIN_TONE = (0.95, 1.0, 0.92)


@dataclass(frozen=True)
class SignShape:
    """What a kind of traffic sign looks like.

    Attributes:
        corners: angles of its corners around its middle.
        rim: its colour, to its edge.
        mark: colour of the flat mark in its middle.
        field: share of its size and colour of the field within the rim, if there is one.
        mark_corners: those of the mark where they are others than the sign's.
        larger: factor of its size.
    """

    corners: np.ndarray
    rim: Colour
    mark: Colour
    field: tuple[float, Colour] | None = None
    mark_corners: np.ndarray | None = None
    larger: float = 1.0


_TURN = np.linspace(0, 2 * np.pi, 19)[:-1]
_EIGHT = np.pi / 8 + np.arange(8) * np.pi / 4
SIGNS = {
    "ring": SignShape(_TURN, RED, mark=(60, 60, 60), field=(0.66, WHITE)),
    "triangle": SignShape(
        np.pi / 2 + np.arange(3) * 2 * np.pi / 3, RED, mark=(40, 40, 40), field=(0.66, WHITE), larger=1.15
    ),
    "octagon": SignShape(_EIGHT, RED, mark=WHITE, mark_corners=_EIGHT[::2]),
    "diamond": SignShape(np.arange(4) * np.pi / 2, WHITE, mark=YELLOW, field=(0.72, YELLOW), larger=1.15),
    "disc": SignShape(_TURN, BLUE, mark=WHITE),
    "plate": SignShape(np.pi / 4 + np.arange(4) * np.pi / 2, BLUE, mark=WHITE),
}


def draw_pole(canvas: Canvas, rng: np.random.Generator, x: float, z: float, height: float) -> None:
    """A post; tall ones are lamps with an arm over the road."""
    colour, radius = pick(rng, METALS), 0.03 + 0.007 * height
    canvas.capsule(np.array([x, 0.0, z]), np.array([x, height, z]), radius, colour, POLE)
    if height > 4.5:
        tip = np.array([x - np.sign(x) * 1.6, height + 0.3, z])
        canvas.capsule(np.array([x, height, z]), tip, 0.05, colour, POLE)
        canvas.capsule(tip, tip + (-np.sign(x) * 0.6, 0.0, 0.0), 0.09, LAMP_HEAD, POLE)


def draw_sign(canvas: Canvas, rng: np.random.Generator, x: float, z: float) -> None:
    """One or two signs on a post; some are seen from behind."""
    height = rng.uniform(2.1, 2.9)
    canvas.capsule(np.array([x, 0.0, z]), np.array([x, height + 0.45, z]), 0.045, pick(rng, METALS), POLE)
    kinds = rng.choice(list(SIGNS), 2)
    behind = rng.random() < 0.15
    for kind in kinds[: 1 + (rng.random() < 0.35)]:
        _draw_board(canvas, rng, SIGNS[str(kind)], np.array([x, height, z - 0.08]), behind)
        height -= 0.8


def _draw_board(canvas: Canvas, rng: np.random.Generator, sign: SignShape, centre: np.ndarray, behind: bool) -> None:
    size = rng.uniform(0.34, 0.44) * sign.larger
    yaw = rng.uniform(-0.35, 0.35)

    def shape(share: float, angles: np.ndarray, squash: float = 1.0) -> np.ndarray:
        across = size * share * np.cos(angles)
        up = size * share * squash * np.sin(angles)
        return centre + np.stack([across * np.cos(yaw), up, across * np.sin(yaw)], axis=1)

    canvas.face(shape(1.0, sign.corners), BACK if behind else sign.rim, TRAFFIC_SIGN)
    if behind:
        return
    if sign.field is not None:
        share, colour = sign.field
        canvas.face(shape(share, sign.corners), colour)
    canvas.face(shape(0.42, sign.corners if sign.mark_corners is None else sign.mark_corners, 0.4), sign.mark)


def draw_traffic_light(canvas: Canvas, rng: np.random.Generator, x: float, z: float) -> None:
    """A dark housing with three lamps on a post; with luck a second one on an arm over the road."""
    height = rng.uniform(2.6, 3.2)
    colour, lit = pick(rng, METALS), int(rng.integers(3))
    canvas.capsule(np.array([x, 0.0, z]), np.array([x, height + 0.9, z]), 0.065, colour, POLE)
    places = [np.array([x, height, z - 0.15])]
    if rng.random() < 0.4:
        top, tip = np.array([x, 5.6, z]), np.array([x - np.sign(x) * 3.2, 5.8, z])
        canvas.capsule(places[0], top, 0.075, colour, POLE)
        canvas.capsule(top, tip, 0.06, colour, POLE)
        places.append(tip - (0.0, 0.6, 0.15))
    away = rng.random() < 0.15
    for centre in places:
        _draw_signals(canvas, centre, None if away else lit)


def _draw_signals(canvas: Canvas, centre: np.ndarray, lit: int | None) -> None:
    """One housing; ``lit`` is the lamp that is on, or None where it faces away."""
    w, h = 0.24, 0.52
    canvas.face(centre + np.array([(-w, -h, 0), (w, -h, 0), (w, h, 0), (-w, h, 0)]), HOUSING, TRAFFIC_LIGHT)
    if lit is None:
        return
    for lamp, bright in enumerate(SIGNALS):
        colour, gain = (bright, 1.3) if lamp == lit else (scaled(bright, 0.2), 1.0)
        canvas.ball(centre + (0.0, 0.33 - 0.33 * lamp, -0.02), 0.125, colour, None, gain)


def draw_bin(canvas: Canvas, rng: np.random.Generator, x: float, z: float) -> None:
    """A bin, a box or a bench: void of the kind "static"."""
    length = rng.uniform(0.5, 1.2)
    profile = box(length, 0.0, rng.uniform(0.8, 1.3), 0.06, 0.06)
    body = Body(profile, 0.7, scaled(BIN_TONE, rng.uniform(45, 130)))
    draw(canvas, Pose(x, z, rng.uniform(-0.3, 0.3)), body, STATIC)
