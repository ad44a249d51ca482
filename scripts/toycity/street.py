"""The lie of a street: its lanes, what lines it, and the ground it runs on."""

from dataclasses import dataclass

import numpy as np

from toycity import facades, plants
from toycity.canvas import Canvas
from toycity.ids import (
    BUILDING,
    GROUND,
    PARKING,
    RAIL_TRACK,
    ROAD,
    SIDEWALK,
    TERRAIN,
    VEGETATION,
)

FAR = 115.0
LANE = 3.2
_DEPTHS = np.geomspace(1.5, FAR, 22)
AHEAD = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True)
class Stretch:
    """Part of one side of the street: ``kind`` is houses, park, wall or fence, from depth z0 to z1."""

    kind: str
    z0: float
    z1: float
    height: float
    seed: int


@dataclass(frozen=True)
class Street:
    """All positions in metres; the camera drives at x = 0 in the right lane.

    Attributes:
        left, right: edges of the road, parking strips included.
        parking: (left, right) whether a parking strip lies inside that edge.
        pavement: (left, right) widths of the sidewalks.
        strip: (left, right) widths of the strips behind them.
        junction: depth of a crossing street's middle, or None.
        track: x of a tram track along the street, or None.
        crossing_track: whether rails run along the crossing street.
        sides: (left, right) stretches, near to far.
        terrain: whether open ground is grown over.
        seed: of the details on the ground.
    """

    left: float
    right: float
    parking: tuple[bool, bool]
    pavement: tuple[float, float]
    strip: tuple[float, float]
    junction: float | None
    track: float | None
    crossing_track: bool
    sides: tuple[list[Stretch], list[Stretch]]
    terrain: bool
    seed: int

    def edge(self, side: int) -> float:
        """x of the road's edge on a side (-1 left, 1 right)."""
        return self.left if side < 0 else self.right

    def kerb(self, side: int, inwards: float) -> float:
        """x of a place on the sidewalk, 0 at the road and 1 at its far edge."""
        return self.edge(side) + side * inwards * self.pavement[(side + 1) // 2]

    def front(self, side: int) -> float:
        """x where houses begin."""
        return self.kerb(side, 1.0) + side * self.strip[(side + 1) // 2]


def plan_street(rng: np.random.Generator, classes: frozenset[str]) -> Street:
    """Draw a street that has room for the classes."""
    parking = (bool(rng.random() < 0.5), bool(rng.random() < 0.5))
    junction = float(rng.uniform(15, 30)) if rng.random() < 0.42 else None
    track, crossing_track = None, False
    if "train" in classes:
        crossing_track = junction is not None and rng.random() < 0.5
    if ("train" in classes and not crossing_track) or rng.random() < 0.05:
        track = -LANE * 1.06
    lanes = 2.5 if track is not None and rng.random() < 0.5 else 1.5
    left, right = -lanes * LANE - 2.2 * parking[0], 0.5 * LANE + 2.2 * parking[1]
    demands: list[list[str]] = [[], []]
    for kind in ("wall", "fence"):
        if kind in classes:
            demands[int(rng.integers(2))].append(kind)
    terrain = "terrain" in classes
    strips = [float(rng.uniform(2, 6)) if terrain and rng.random() < 0.6 else 0.0 for _ in range(2)]
    seen = int(len(demands[0]) > len(demands[1]))  # the side where no wall stands before the strip
    if terrain and strips[seen] == 0:
        strips[seen] = float(rng.uniform(2.5, 6))
    pavement = (float(rng.uniform(1.6, 3.4)), float(rng.uniform(1.6, 3.4)))
    sides = tuple(_stretches(rng, demand, junction) for demand in demands)
    return Street(
        left,
        right,
        parking,
        pavement,
        strips,
        junction,
        track,
        crossing_track,
        sides,
        terrain,
        int(rng.integers(2**31)),
    )


def _stretches(rng: np.random.Generator, demand: list[str], junction: float | None) -> list[Stretch]:
    """Stretches of one side; the demanded kinds come first, near enough to be seen, houses and parks after."""
    z, found, waiting = float(rng.uniform(1.5, 4.0)), [], list(demand)
    if waiting and rng.random() < 0.35:
        waiting.insert(0, "houses")
    while z < FAR:
        kind = waiting.pop(0) if waiting else str(rng.choice(["houses", "park"], p=[0.8, 0.2]))
        length = rng.uniform(14, 26) if kind in ("wall", "fence") else rng.uniform(7, 22)
        end = min(z + length, FAR)
        if junction is not None and z < junction + 7 and end > junction - 7:
            end = junction - 7  # the crossing street cuts the stretch off
        if end - z > 3:
            height = float(rng.uniform(6, 19) if rng.random() < 0.85 else rng.uniform(19, 32))
            found.append(Stretch(kind, z, end, height, int(rng.integers(2**31))))
        elif kind in demand:
            waiting.insert(0, kind)
        past = junction is not None and end == junction - 7
        z = junction + 7 if past else max(end, z) + rng.uniform(0, 0.8)
    return found


def draw_backdrop(canvas: Canvas, rng: np.random.Generator) -> None:
    """Far trees and roofs over the horizon, where the street ends."""
    z, reach = FAR + 25.0, 140.0
    for _ in range(9):
        x, w, h = rng.uniform(-reach, reach), rng.uniform(8, 25), rng.uniform(5, 16)
        corners = np.array([(x, -1, z + 8), (x + w, -1, z + 8), (x + w, h, z + 8), (x, h, z + 8)])
        canvas.face(corners, facades.plaster(rng), BUILDING)
    xs = np.linspace(-reach, reach, 80)
    tops = 3.5 + 3 * np.sin(xs / 17 + rng.uniform(0, 6)) + rng.uniform(0, 2.5, len(xs))
    ridge = np.stack([xs, tops, np.full_like(xs, z)], axis=1)
    corners = np.concatenate([ridge, [(reach, -1, z), (-reach, -1, z)]])
    canvas.face(corners, plants.LEAVES[rng.integers(len(plants.LEAVES))], VEGETATION)


def strip(canvas: Canvas, x0: float, x1: float, z0: float, z1: float, colour: tuple, code: int | None) -> None:
    """A band of ground along the street, cut so that it follows bends."""
    zs = np.concatenate([[z0], _DEPTHS[(_DEPTHS > z0) & (_DEPTHS < z1)], [z1]])
    near = np.stack([np.full_like(zs, x0), np.zeros_like(zs), zs], axis=1)
    far = np.stack([np.full_like(zs, x1), np.zeros_like(zs), zs], axis=1)
    canvas.fill([canvas.camera.polygon(np.concatenate([near, far[::-1]]))], canvas.light.shade(colour, 0.0), code)


def quads(x0, x1, z0, z1) -> np.ndarray:
    """(n, 4, 3) rectangles on the ground; arguments broadcast."""
    x0, x1, z0, z1 = (np.ravel(a).astype(float) for a in np.broadcast_arrays(x0, x1, z0, z1))
    x, z = np.stack([x0, x1, x1, x0], axis=1), np.stack([z0, z0, z1, z1], axis=1)
    return np.stack([x, np.zeros_like(x), z], axis=-1)


def draw_ground(canvas: Canvas, street: Street) -> None:
    """Open ground, sidewalks, road, markings, rails, and the crossing street."""
    rng = np.random.default_rng(street.seed)
    grass = np.array([(112, 122, 66), (128, 122, 76), (96, 114, 58), (140, 128, 90)][rng.integers(4)]) * rng.uniform(
        0.9, 1.1
    )
    asphalt = np.array([(98, 98, 102), (82, 84, 90), (116, 112, 108)][rng.integers(3)]) * rng.uniform(0.9, 1.1)
    slabs = np.array([(158, 152, 146), (140, 136, 136), (166, 150, 134)][rng.integers(3)]) * rng.uniform(0.9, 1.08)
    open_ground, open_code = (grass, TERRAIN) if street.terrain else (slabs * 0.94, SIDEWALK)
    strip(canvas, -300, 300, 1.5, FAR + 60, tuple(open_ground), open_code)
    if street.terrain:
        spots = quads(
            *(a + b for a in rng.uniform(-30, 30, (1, 60)) for b in (0, rng.uniform(0.4, 2, 60))), *_spans(rng, 60)
        )
        canvas.faces(spots, tuple(grass * 0.86))
    for side in (-1, 1):
        edge, far = street.edge(side), street.kerb(side, 1.0)
        strip(canvas, edge, far, 1.5, FAR, tuple(slabs), SIDEWALK)
        zs = np.arange(2, 40, 1.2)
        canvas.faces(quads(min(edge, far), max(edge, far), zs, zs + 0.07), tuple(slabs * 0.84))
        for x in np.arange(min(edge, far) + 0.9, max(edge, far), 0.9):
            strip(canvas, x, x + 0.05, 1.5, 45, tuple(slabs * 0.84), None)
        if not street.strip[(side + 1) // 2] and rng.random() < 0.2:
            strip(canvas, far, far + side * 1.5, 1.5, FAR, tuple(slabs * 0.8), GROUND)
    strip(canvas, street.left, street.right, 1.5, FAR + 20, tuple(asphalt), ROAD)
    if street.junction is not None:
        _crossing(canvas, street, asphalt, slabs)
    _parking(canvas, street, asphalt, rng)
    patches = quads(*_across(rng, street, 9), *_spans(rng, 9))
    canvas.faces(patches, tuple(asphalt * 0.85))
    _rails(canvas, street, asphalt)
    _markings(canvas, street, rng)
    for side in (-1, 1):
        edge = street.edge(side)
        pieces = (
            [(1.5, FAR)] if street.junction is None else [(1.5, street.junction - 4.5), (street.junction + 4.5, FAR)]
        )
        for z0, z1 in pieces:
            strip(canvas, edge, edge + side * 0.16, z0, z1, tuple(slabs * 1.15), None)


def _spans(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    near = rng.uniform(3, 45, count)
    return near, near + rng.uniform(0.5, 3.5, count)


def _across(rng: np.random.Generator, street: Street, count: int) -> tuple[np.ndarray, np.ndarray]:
    x = rng.uniform(street.left, street.right - 1.2, count)
    return x, x + rng.uniform(0.4, 1.2, count)


def _crossing(canvas: Canvas, street: Street, asphalt: np.ndarray, slabs: np.ndarray) -> None:
    z = street.junction
    for reach, colour, code in ((6.8, slabs, SIDEWALK), (4.4, asphalt, ROAD)):
        for x0, x1 in ((-90, street.left), (street.right, 90)):
            canvas.fill(
                [canvas.camera.polygon(quads(x0, x1, z - reach, z + reach)[0])],
                canvas.light.shade(tuple(colour), 0.0),
                code,
            )


def _parking(canvas: Canvas, street: Street, asphalt: np.ndarray, rng: np.random.Generator) -> None:
    for side, here in ((-1, street.parking[0]), (1, street.parking[1])):
        if here and rng.random() < 0.6:
            inner = street.edge(side) - side * 2.1
            end = FAR if street.junction is None else street.junction - 7
            strip(canvas, street.edge(side), inner, 1.5, end, tuple(asphalt * 1.1), PARKING)
            zs = np.arange(3.0, end, 5.6)
            lines = quads(min(street.edge(side), inner), max(street.edge(side), inner), zs, zs + 0.12)
            canvas.faces(lines, (214, 214, 210))


def _rails(canvas: Canvas, street: Street, asphalt: np.ndarray) -> None:
    bed, steel = tuple(asphalt * 0.9 + (14, 6, -4)), (172, 174, 178)
    if street.track is not None:
        strip(canvas, street.track - 1.35, street.track + 1.35, 1.5, FAR, bed, RAIL_TRACK)
        for x in (-0.72, 0.66):
            strip(canvas, street.track + x, street.track + x + 0.08, 1.5, FAR, steel, None)
    if street.crossing_track:
        for x0 in np.arange(-60, 60, 12):
            for a, b, colour, code in (
                (-1.35, 1.35, bed, RAIL_TRACK),
                (-0.75, -0.6, steel, None),
                (0.6, 0.75, steel, None),
            ):
                corners = quads(x0, x0 + 12, street.junction + a, street.junction + b)[0]
                canvas.fill([canvas.camera.polygon(corners)], canvas.light.shade(colour, 0.0), code)


def _markings(canvas: Canvas, street: Street, rng: np.random.Generator) -> None:
    white = tuple(np.array((222, 222, 216)) * rng.uniform(0.85, 1.1))
    clear = (street.junction - 10, street.junction + 10) if street.junction is not None else (FAR, FAR)
    zs = np.arange(rng.uniform(2.0, 6.0), 75, 6.0)
    zs = zs[(zs + 3 < clear[0]) | (zs > clear[1])]
    if street.track is None:
        for start in zs:
            strip(canvas, -LANE / 2 - 0.07, -LANE / 2 + 0.07, start, start + 3.0, white, None)
    if rng.random() < 0.5:
        for side, here in ((-1, street.parking[0]), (1, street.parking[1])):
            x = street.edge(side) - side * (2.2 * here + 0.25)
            strip(canvas, x - 0.06, x + 0.06, 1.5, clear[0], white, None)
    if street.junction is not None or rng.random() < 0.15:
        z = (street.junction or rng.uniform(12, 24)) - 9.5
        xs = np.arange(street.left + 0.3, street.right - 0.4, 1.0)
        canvas.faces(quads(xs, xs + 0.5, max(z, 2.0), max(z, 2.0) + 3.0), white)
        canvas.faces(quads(-LANE / 2 + 0.1, LANE / 2 - 0.1, max(z - 1.2, 1.8), max(z - 0.8, 2.2)), white)


def draw_sides(canvas: Canvas, street: Street, z0: float, z1: float) -> None:
    """Houses, parks, walls and fences on both sides that begin between two depths, from the back to the front."""
    for side in (-1, 1):
        behind = [stretch for stretch in reversed(street.sides[(side + 1) // 2]) if z0 <= stretch.z0 < z1]
        for i, stretch in enumerate(behind):
            nearer = behind[i + 1] if i + 1 < len(behind) else None
            leans = nearer is not None and nearer.kind == "houses" and stretch.z0 - nearer.z1 < 2
            _draw_behind(canvas, street, stretch, side, not leans)
        for stretch in behind:
            rng = np.random.default_rng(stretch.seed)
            origin = np.array([street.kerb(side, 1.0), 0.0, stretch.z0])
            if stretch.kind == "wall":
                facades.draw_wall(canvas, rng, origin, AHEAD, stretch.z1 - stretch.z0)
            elif stretch.kind == "fence":
                facades.draw_fence(canvas, rng, origin, AHEAD, stretch.z1 - stretch.z0)


def _draw_behind(canvas: Canvas, street: Street, stretch: Stretch, side: int, free: bool) -> None:
    """The houses and the plants of a stretch, which stand behind its wall or fence."""
    rng = np.random.default_rng([stretch.seed, 1])
    middle = (stretch.z0 + stretch.z1) / 2
    if stretch.kind == "houses":
        style = facades.Style(rng)
        facades.draw_building(canvas, style, street.front(side), side, stretch.z0, stretch.z1, stretch.height, free)
        if street.strip[(side + 1) // 2] > 2 and rng.random() < 0.5:
            plants.draw_hedge(
                canvas, rng, street.front(side) - side * 0.8, stretch.z0, stretch.z1, rng.uniform(0.7, 1.4)
            )
        return
    back = street.kerb(side, 1.0) + side * rng.uniform(6, 10)
    if rng.random() < 0.6:
        facades.draw_building(canvas, facades.Style(rng), back, side, stretch.z0, stretch.z1, stretch.height)
    places = [(rng.uniform(stretch.z0 + 1, stretch.z1), rng.uniform(1.6, 5.0)) for _ in range(int(rng.integers(1, 4)))]
    for z, out in sorted(places, reverse=True):
        plants.draw_tree(canvas, rng, street.kerb(side, 1.0) + side * out, max(z, 3.0), rng.uniform(4.5, 9))
    if rng.random() < 0.5 and middle > 4:
        plants.draw_hedge(
            canvas, rng, street.kerb(side, 1.0) + side * 1.4, stretch.z0, stretch.z1, rng.uniform(1.0, 2.2)
        )
