"""What stands at the kerb: poles, lamps, traffic lights, traffic signs and bins."""

import numpy as np

from toycity.canvas import Canvas
from toycity.ids import POLE, STATIC, TRAFFIC_LIGHT, TRAFFIC_SIGN
from toycity.solids import Body, Pose, box, draw

METALS = ((116, 118, 120), (84, 88, 86), (66, 70, 74), (136, 130, 120))
RED, WHITE, BLUE, YELLOW = (188, 26, 30), (240, 240, 236), (28, 74, 158), (240, 196, 28)
_TURN = np.linspace(0, 2 * np.pi, 19)[:-1]


def metal(rng: np.random.Generator) -> tuple:
    """A colour of painted metal."""
    return METALS[rng.integers(len(METALS))]


def draw_pole(canvas: Canvas, rng: np.random.Generator, x: float, z: float, height: float) -> None:
    """A post; tall ones are lamps with an arm over the road."""
    colour, radius = metal(rng), 0.03 + 0.007 * height
    canvas.capsule(np.array([x, 0.0, z]), np.array([x, height, z]), radius, colour, POLE)
    if height > 4.5:
        tip = np.array([x - np.sign(x) * 1.6, height + 0.3, z])
        canvas.capsule(np.array([x, height, z]), tip, 0.05, colour, POLE)
        canvas.capsule(tip, tip + (-np.sign(x) * 0.6, 0.0, 0.0), 0.09, (198, 196, 180), POLE)


def draw_sign(canvas: Canvas, rng: np.random.Generator, x: float, z: float) -> None:
    """One or two signs on a post: ring, triangle, octagon, diamond, disc or plate; some seen from behind."""
    height = rng.uniform(2.1, 2.9)
    canvas.capsule(np.array([x, 0.0, z]), np.array([x, height + 0.45, z]), 0.045, metal(rng), POLE)
    kinds = rng.choice(["ring", "triangle", "octagon", "diamond", "disc", "plate"], 2)
    behind = rng.random() < 0.15
    for kind in kinds[: 1 + (rng.random() < 0.35)]:
        _board(canvas, rng, str(kind), np.array([x, height, z - 0.08]), behind)
        height -= 0.8


def _board(canvas: Canvas, rng: np.random.Generator, kind: str, centre: np.ndarray, behind: bool) -> None:
    size = rng.uniform(0.34, 0.44)
    yaw = rng.uniform(-0.35, 0.35)

    def shape(radius: float, angles: np.ndarray, squash: float = 1.0) -> np.ndarray:
        across = radius * np.cos(angles)
        return centre + np.stack([across * np.cos(yaw), radius * squash * np.sin(angles), across * np.sin(yaw)], axis=1)

    corners = {
        "ring": _TURN,
        "disc": _TURN,
        "triangle": np.pi / 2 + np.arange(3) * 2 * np.pi / 3,
        "octagon": np.pi / 8 + np.arange(8) * np.pi / 4,
        "diamond": np.arange(4) * np.pi / 2,
        "plate": np.pi / 4 + np.arange(4) * np.pi / 2,
    }[kind]
    outer = {"ring": RED, "triangle": RED, "octagon": RED, "diamond": WHITE, "disc": BLUE, "plate": BLUE}[kind]
    size *= 1.15 if kind in ("triangle", "diamond") else 1.0
    canvas.face(shape(size, corners), (132, 134, 134) if behind else outer, TRAFFIC_SIGN)
    if behind:
        return
    if kind in ("ring", "triangle"):
        canvas.face(shape(size * 0.66, corners), WHITE)
    elif kind == "diamond":
        canvas.face(shape(size * 0.72, corners), YELLOW)
    mark = {"ring": (60, 60, 60), "triangle": (40, 40, 40), "diamond": YELLOW}.get(kind, WHITE)
    canvas.face(shape(size * 0.42, corners[::2] if kind == "octagon" else corners, 0.4), mark)


def draw_traffic_light(canvas: Canvas, rng: np.random.Generator, x: float, z: float) -> None:
    """A dark housing with three lamps on a post; with luck a second one on an arm over the road."""
    height = rng.uniform(2.6, 3.2)
    colour, lit = metal(rng), int(rng.integers(3))
    canvas.capsule(np.array([x, 0.0, z]), np.array([x, height + 0.9, z]), 0.065, colour, POLE)
    places = [np.array([x, height, z - 0.15])]
    if rng.random() < 0.4:
        top, tip = np.array([x, 5.6, z]), np.array([x - np.sign(x) * 3.2, 5.8, z])
        canvas.capsule(places[0], top, 0.075, colour, POLE)
        canvas.capsule(top, tip, 0.06, colour, POLE)
        places.append(tip - (0.0, 0.6, 0.15))
    away = rng.random() < 0.15
    for centre in places:
        w, h = 0.24, 0.52
        corners = np.array([(-w, -h, 0), (w, -h, 0), (w, h, 0), (-w, h, 0)])
        canvas.face(centre + corners, (34, 36, 36), TRAFFIC_LIGHT)
        if away:
            continue
        for lamp, bright in enumerate(((250, 52, 40), (255, 190, 40), (60, 240, 130))):
            shade = bright if lamp == lit else tuple(0.2 * np.array(bright))
            canvas.ball(centre + (0.0, 0.33 - 0.33 * lamp, -0.02), 0.125, shade, None, 1.3 if lamp == lit else 1.0)


def draw_bin(canvas: Canvas, rng: np.random.Generator, x: float, z: float) -> None:
    """A bin, a box or a bench: void of the kind "static"."""
    length = rng.uniform(0.5, 1.2)
    body = Body(
        box(length, 0.0, rng.uniform(0.8, 1.3), 0.06, 0.06),
        0.7,
        tuple(rng.uniform(45, 130) * np.array((0.95, 1.0, 0.92))),
    )
    draw(canvas, Pose(x, z, rng.uniform(-0.3, 0.3)), body, STATIC)
