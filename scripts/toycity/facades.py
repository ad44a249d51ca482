"""What lines a street: buildings, walls and fences. All three take their colours from one list."""

import numpy as np

from toycity.canvas import Canvas
from toycity.ids import BUILDING, FENCE, WALL

PLASTERS = (
    (206, 192, 162),
    (188, 172, 150),
    (170, 158, 146),
    (196, 170, 128),
    (158, 84, 66),
    (132, 74, 60),
    (148, 146, 142),
    (118, 120, 122),
    (176, 186, 190),
    (208, 176, 160),
    (162, 176, 150),
    (222, 214, 198),
)
PANES = ((48, 58, 70), (104, 126, 144), (206, 190, 140))
ROOFS = ((126, 62, 48), (84, 78, 76), (104, 70, 58), (66, 70, 78))

DETAILS_TO = 75.0
"""Depth in metres beyond which a front is plain."""


def plaster(rng: np.random.Generator) -> tuple:
    """A colour of plaster, brick or stone, a little varied."""
    return tuple(np.clip(np.array(PLASTERS[rng.integers(len(PLASTERS))]) + rng.uniform(-14, 14, 3), 20, 245))


def rectangles(origin: np.ndarray, along: np.ndarray, u0, u1, v0, v1) -> np.ndarray:
    """(n, 4, 3) upright rectangles in a plane: u metres along it, v metres up; arguments broadcast."""
    sizes = [np.size(a) for a in (u0, u1, v0, v1)]
    u, v = (np.empty((max(sizes) * (0 not in sizes), 4)) for _ in range(2))
    u[:, 0], u[:, 1], u[:, 2], u[:, 3] = u0, u1, u1, u0
    v[:, 0], v[:, 1], v[:, 2], v[:, 3] = v0, v0, v1, v1
    corners = origin + u[..., None] * along
    corners[..., 1] += v
    return corners


def grid(us: np.ndarray, vs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of two lists, flat."""
    u, v = np.meshgrid(us, vs)
    return u.ravel(), v.ravel()


class Style:
    """How one building looks; its faces share it."""

    def __init__(self, rng: np.random.Generator):
        self.colour, self.trim = plaster(rng), plaster(rng)
        self.storey, self.bay = rng.uniform(2.9, 3.6), rng.uniform(2.0, 3.6)
        self.window = (rng.uniform(0.4, 0.75), rng.uniform(0.5, 0.68))
        self.bands, self.brick, self.shop = rng.random() < 0.45, rng.random() < 0.35, rng.random() < 0.5
        self.awning = tuple(rng.uniform(30, 210, 3))
        self.balconies = rng.random() < 0.25
        self.roof = ROOFS[rng.integers(len(ROOFS))]
        self.seed = int(rng.integers(2**31))


def draw_building(
    canvas: Canvas, style: Style, x: float, side: int, z0: float, z1: float, height: float, free: bool = True
) -> None:
    """A house along the street from depth z0 to z1, its front at ``x`` on one side (-1 left, 1 right).

    ``free``: whether its nearer end stands free and has windows too, or leans on the next house.
    """
    out = np.array([side, 0.0, 0.0])
    front, end = np.array([x, 0.0, z0]), np.array([x, 0.0, z0]) + out * 14
    eaves = np.array(
        [[x, height, z0], [x, height, z1], [x + side * 4, height + 3.2, z1], [x + side * 4, height + 3.2, z0]]
    )
    canvas.face(eaves, style.roof, BUILDING, np.array([-side * 0.6, 0.8, 0.0]))
    rng = np.random.default_rng(style.seed)
    if z0 > 2.5:
        gable = np.array([[x, height, z0], [x + side * 4, height + 3.2, z0], [x + side * 8, height, z0]])
        canvas.face(gable, style.colour, BUILDING, np.array([0.0, 0.0, -1.0]))
        _face(canvas, style, rng, end, -out, 14.0, height, np.array([0.0, 0.0, -1.0]), free)
    _face(canvas, style, rng, front, np.array([0.0, 0.0, 1.0]), z1 - z0, height, -out)


def _face(
    canvas: Canvas, style: Style, rng, origin, along, length: float, height: float, normal, windows: bool = True
) -> None:
    whole = rectangles(origin, along, np.linspace(0, length, 4)[:-1], np.linspace(0, length, 4)[1:], -0.5, height)
    if not canvas.camera.sees(whole.reshape(-1, 3)):
        return
    for part in whole:  # in three parts, so that haze and a bent street show
        canvas.face(part, style.colour, BUILDING, normal)
    if not windows or origin[2] > DETAILS_TO:
        return
    close = canvas.camera.scale(origin[2]) > 9 * canvas.thinnest
    storeys, bays = int((height - 0.8) // style.storey), max(1, int(length // style.bay))
    if style.brick and close:
        rows = np.arange(0.4, height, 0.6)
        canvas.faces(rectangles(origin, along, 0.0, length, rows, rows + 0.12), style.colour, normal, 0.9)
    if style.bands:
        levels = style.storey * np.arange(1, storeys + 1)
        canvas.faces(rectangles(origin, along, 0.0, length, levels - 0.1, levels + 0.15), style.trim, normal)
    step = length / bays
    width, rise = style.window[0] * step, style.window[1] * style.storey
    u, v = grid((np.arange(bays) + 0.5) * step, style.storey * np.arange(1, storeys) + 0.28 * style.storey)
    canvas.faces(
        rectangles(origin, along, u - width / 2 - 0.12, u + width / 2 + 0.12, v - 0.12, v + rise), style.trim, normal
    )
    kind = rng.choice(3, len(u), p=[0.6, 0.28, 0.12])
    for k, pane in enumerate(PANES):
        a, b = u[kind == k], v[kind == k]
        canvas.faces(rectangles(origin, along, a - width / 2, a + width / 2, b, b + rise - 0.1), pane, normal)
    if close:
        canvas.faces(rectangles(origin, along, u - 0.04, u + 0.04, v, v + rise - 0.1), style.trim, normal)
    if style.balconies:
        pick = rng.random(len(u)) < 0.3
        a, b = u[pick], v[pick]
        canvas.faces(
            rectangles(origin, along, a - step * 0.45, a + step * 0.45, b - 0.3, b + 0.6), (70, 70, 74), normal
        )
    _ground_floor(canvas, style, rng, origin, along, bays, step, normal)


def _ground_floor(canvas: Canvas, style: Style, rng, origin, along, bays: int, step: float, normal) -> None:
    u = (np.arange(bays) + 0.5) * step
    if style.shop:
        canvas.faces(rectangles(origin, along, u - step * 0.42, u + step * 0.42, 0.4, 2.3), PANES[0], normal)
        canvas.faces(rectangles(origin, along, u - step * 0.36, u - step * 0.05, 0.7, 2.0), PANES[1], normal)
        canvas.faces(rectangles(origin, along, u - step * 0.46, u + step * 0.46, 2.3, 2.9), style.awning, normal)
        canvas.faces(rectangles(origin, along, u - step * 0.3, u + step * 0.3, 2.48, 2.72), (240, 236, 222), normal)
    else:
        door = rng.random(bays) < 0.35
        canvas.faces(rectangles(origin, along, u[door] - 0.55, u[door] + 0.55, 0.0, 2.2), (78, 54, 42), normal)
        rest = u[~door]
        canvas.faces(rectangles(origin, along, rest - step * 0.25, rest + step * 0.25, 0.95, 2.3), PANES[0], normal)


def draw_wall(canvas: Canvas, rng: np.random.Generator, origin: np.ndarray, along: np.ndarray, length: float) -> None:
    """A solid wall with no openings: courses of stone or brick, or concrete panels, under a coping."""
    normal = np.array([-np.sign(origin[0]) if abs(along[2]) > 0.5 else 0.0, 0.0, 0.0 if abs(along[2]) > 0.5 else -1.0])
    height, colour = rng.uniform(1.6, 3.2), plaster(rng)
    pieces = np.linspace(0, length, 5)
    for part in rectangles(origin, along, pieces[:-1], pieces[1:], -0.1, height):
        canvas.face(part, colour, WALL, normal, 0.78)
    stone = rng.random() < 0.65
    w, h = (rng.uniform(0.6, 0.95), rng.uniform(0.28, 0.4)) if stone else (rng.uniform(2.2, 3.2), height)
    rows, columns = max(1, int(height / h)), int(length / w) + 1
    u, v = grid(np.arange(columns) * w, np.arange(rows) * h)
    u = u + np.where((v / h).round() % 2 > 0, w / 2, 0.0)
    keep = u + w <= length + 0.01
    u, v = u[keep], v[keep]
    tone = rng.choice(3, len(u))
    for k, gain in enumerate((0.9, 1.0, 1.12)):
        a, b = u[tone == k], v[tone == k]
        canvas.faces(rectangles(origin, along, a + 0.03, a + w - 0.03, b + 0.03, b + h - 0.03), colour, normal, gain)
    for part in rectangles(origin, along, pieces[:-1], pieces[1:], height, height + 0.16):
        canvas.face(part, colour, WALL, normal, 1.2)


def draw_fence(canvas: Canvas, rng: np.random.Generator, origin: np.ndarray, along: np.ndarray, length: float) -> None:
    """Bars, pickets, boards or mesh before whatever lies behind; the gaps belong to the fence, as in Cityscapes."""
    height, colour = rng.uniform(1.1, 2.2), plaster(rng)
    kind = rng.choice(["bars", "pickets", "boards", "mesh"], p=[0.4, 0.25, 0.15, 0.2])
    pieces = np.linspace(0, length, 5)
    for part in rectangles(origin, along, pieces[:-1], pieces[1:], 0.0, height):
        canvas.fill([canvas.camera.polygon(part)], None, FENCE)
    posts = np.arange(0, length, 2.4)
    if kind == "boards":
        rows = np.arange(0.15, height - 0.1, 0.34)
        canvas.faces(rectangles(origin, along, 0.0, length, rows, rows + 0.2), colour)
    elif kind == "mesh":
        u = np.arange(0, length - height, 0.42)
        for lean in (0.0, 1.0):
            slant = rectangles(origin, along, u + lean * height, u + lean * height + 0.06, 0.0, height)
            slant[:, 2:] += (1 - 2 * lean) * height * along
            canvas.faces(slant, colour)
    else:
        step, wide = (0.3, 0.09) if kind == "bars" else (0.36, 0.22)
        u = np.arange(0, length, step)
        canvas.faces(rectangles(origin, along, u, u + wide, 0.08, height - (0.0 if kind == "bars" else 0.12)), colour)
    for low in (0.12, height - 0.22):
        canvas.faces(rectangles(origin, along, pieces[:-1], pieces[1:], low, low + 0.1), colour, gain=0.85)
    canvas.faces(rectangles(origin, along, posts, posts + 0.14, 0.0, height + 0.05), colour, gain=0.75)
