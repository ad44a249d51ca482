"""The ground of a street: open ground, sidewalks, road, markings, rails, and the crossing street."""

from dataclasses import dataclass

import numpy as np

from toycity.canvas import Canvas
from toycity.colours import ASPHALTS, GRASSES, SLABS, Colour, pick, scaled
from toycity.ids import GROUND, PARKING, RAIL_TRACK, ROAD, SIDEWALK, TERRAIN
from toycity.street import CORNER, FAR, LANE, PARKING_STRIP, Side, Street

Span = tuple[float, float]
"""From and to, in metres."""

NEAREST = 1.5
"""Depth in metres where the ground begins."""
_DEPTHS = np.geomspace(NEAREST, FAR, 22)

STEEL, PARKING_LINE, WHITE_LINE = (172, 174, 178), (214, 214, 210), (222, 222, 216)
TRACK_BED = (-1.35, 1.35)
RAILS, RAIL_WIDTH = (-0.72, 0.66), 0.08
RAILS_ACROSS = ((-0.75, -0.6), (0.6, 0.75))
"""Beside the middle of their track, in metres; broader across the street, where they would vanish."""


@dataclass(frozen=True)
class Surfaces:
    """The colours of a scene's ground."""

    grass: Colour
    asphalt: Colour
    slabs: Colour

    @property
    def track_bed(self) -> Colour:
        return tuple((np.array(self.asphalt) * 0.9 + (14, 6, -4)).tolist())


def draw_ground(canvas: Canvas, street: Street) -> None:
    """Everything that lies flat, from the open ground up to the markings."""
    rng = np.random.default_rng(street.seed)
    surfaces = Surfaces(
        grass=scaled(pick(rng, GRASSES), rng.uniform(0.9, 1.1)),
        asphalt=scaled(pick(rng, ASPHALTS), rng.uniform(0.9, 1.1)),
        slabs=scaled(pick(rng, SLABS), rng.uniform(0.9, 1.08)),
    )
    _draw_open_ground(canvas, rng, surfaces, street.terrain)
    for side in street.sides:
        _draw_sidewalk(canvas, rng, surfaces.slabs, side)
    _draw_strip(canvas, (street.left.edge, street.right.edge), (NEAREST, FAR + 20), surfaces.asphalt, ROAD)
    _draw_crossing(canvas, street, surfaces)
    _draw_parking(canvas, rng, street, surfaces.asphalt)
    _draw_patches(canvas, rng, street, surfaces.asphalt)
    _draw_rails(canvas, street, surfaces.track_bed)
    _draw_markings(canvas, rng, street)
    _draw_kerbs(canvas, street, scaled(surfaces.slabs, 1.15))


def _draw_strip(canvas: Canvas, xs: Span, zs: Span, colour: Colour, code: int | None = None) -> None:
    """A band of ground along the street, cut so that it follows bends."""
    depths = np.concatenate([[zs[0]], _DEPTHS[(_DEPTHS > zs[0]) & (_DEPTHS < zs[1])], [zs[1]]])
    one, other = (np.stack([np.full_like(depths, x), np.zeros_like(depths), depths], axis=1) for x in xs)
    outline = canvas.camera.polygon(np.concatenate([one, other[::-1]]))
    canvas.fill([outline], canvas.light.shade(colour, 0.0), code)


def _draw_quad(canvas: Canvas, xs: Span, zs: Span, colour: Colour, code: int | None = None) -> None:
    """A rectangle of ground across the street."""
    outline = canvas.camera.polygon(_quads(*xs, *zs)[0])
    canvas.fill([outline], canvas.light.shade(colour, 0.0), code)


def _quads(x0, x1, z0, z1) -> np.ndarray:
    """(n, 4, 3) rectangles on the ground; numbers and (n,) arrays broadcast."""
    x0, x1, z0, z1 = (np.ravel(a).astype(float) for a in np.broadcast_arrays(x0, x1, z0, z1))
    x, z = np.stack([x0, x1, x1, x0], axis=1), np.stack([z0, z0, z1, z1], axis=1)
    return np.stack([x, np.zeros_like(x), z], axis=-1)


def _random_spans(rng: np.random.Generator, count: int, starts: Span, lengths: Span) -> tuple[np.ndarray, np.ndarray]:
    """(count,) starts and (count,) ends, drawn from ranges of starts and of lengths."""
    start = rng.uniform(*starts, count)
    return start, start + rng.uniform(*lengths, count)


def _draw_open_ground(canvas: Canvas, rng: np.random.Generator, surfaces: Surfaces, terrain: bool) -> None:
    colour, code = (surfaces.grass, TERRAIN) if terrain else (scaled(surfaces.slabs, 0.94), SIDEWALK)
    _draw_strip(canvas, (-300, 300), (NEAREST, FAR + 60), colour, code)
    if terrain:
        spots = _quads(*_random_spans(rng, 60, (-30, 30), (0.4, 2)), *_random_spans(rng, 60, (3, 45), (0.5, 3.5)))
        canvas.faces(spots, scaled(surfaces.grass, 0.86))


def _draw_sidewalk(canvas: Canvas, rng: np.random.Generator, slabs: Colour, side: Side) -> None:
    """Slabs with their joints; behind them, with luck, bare ground."""
    edge, far = side.edge, side.kerb(1.0)
    left, right = min(edge, far), max(edge, far)
    _draw_strip(canvas, (edge, far), (NEAREST, FAR), slabs, SIDEWALK)
    zs = np.arange(2, 40, 1.2)
    canvas.faces(_quads(left, right, zs, zs + 0.07), scaled(slabs, 0.84))
    for x in np.arange(left + 0.9, right, 0.9):
        _draw_strip(canvas, (x, x + 0.05), (NEAREST, 45), scaled(slabs, 0.84))
    if not side.strip and rng.random() < 0.2:
        _draw_strip(canvas, (far, far + side.sign * 1.5), (NEAREST, FAR), scaled(slabs, 0.8), GROUND)


def _draw_crossing(canvas: Canvas, street: Street, surfaces: Surfaces) -> None:
    z = street.junction
    if z is None:
        return
    for reach, colour, code in ((6.8, surfaces.slabs, SIDEWALK), (4.4, surfaces.asphalt, ROAD)):
        for xs in ((-90, street.left.edge), (street.right.edge, 90)):
            _draw_quad(canvas, xs, (z - reach, z + reach), colour, code)


def _draw_parking(canvas: Canvas, rng: np.random.Generator, street: Street, asphalt: Colour) -> None:
    for side in street.sides:
        if side.parking and rng.random() < 0.6:
            inner = side.edge - side.sign * 2.1
            end = FAR if street.junction is None else street.junction - CORNER
            _draw_strip(canvas, (side.edge, inner), (NEAREST, end), scaled(asphalt, 1.1), PARKING)
            zs = np.arange(3.0, end, 5.6)
            canvas.faces(_quads(min(side.edge, inner), max(side.edge, inner), zs, zs + 0.12), PARKING_LINE)


def _draw_patches(canvas: Canvas, rng: np.random.Generator, street: Street, asphalt: Colour) -> None:
    """Where the road was mended."""
    across = _random_spans(rng, 9, (street.left.edge, street.right.edge - 1.2), (0.4, 1.2))
    canvas.faces(_quads(*across, *_random_spans(rng, 9, (3, 45), (0.5, 3.5))), scaled(asphalt, 0.85))


def _draw_rails(canvas: Canvas, street: Street, bed: Colour) -> None:
    if street.track is not None:
        xs = (street.track + TRACK_BED[0], street.track + TRACK_BED[1])
        _draw_strip(canvas, xs, (NEAREST, FAR), bed, RAIL_TRACK)
        for x in RAILS:
            _draw_strip(canvas, (street.track + x, street.track + x + RAIL_WIDTH), (NEAREST, FAR), STEEL)
    if street.crossing_track and street.junction is not None:
        bands = [(TRACK_BED, bed, RAIL_TRACK), *((rail, STEEL, None) for rail in RAILS_ACROSS)]
        for x0 in range(-60, 60, 12):
            for (z0, z1), colour, code in bands:
                _draw_quad(canvas, (x0, x0 + 12), (street.junction + z0, street.junction + z1), colour, code)


def _draw_markings(canvas: Canvas, rng: np.random.Generator, street: Street) -> None:
    white = scaled(WHITE_LINE, rng.uniform(0.85, 1.1))
    clear = (street.junction - 10, street.junction + 10) if street.junction is not None else (FAR, FAR)
    zs = np.arange(rng.uniform(2.0, 6.0), 75, 6.0)
    zs = zs[(zs + 3 < clear[0]) | (zs > clear[1])]
    if street.track is None:
        for start in zs:
            _draw_strip(canvas, (-LANE / 2 - 0.07, -LANE / 2 + 0.07), (start, start + 3.0), white)
    if rng.random() < 0.5:
        for side in street.sides:
            x = side.edge - side.sign * (PARKING_STRIP * side.parking + 0.25)
            _draw_strip(canvas, (x - 0.06, x + 0.06), (NEAREST, clear[0]), white)
    if street.junction is not None or rng.random() < 0.15:  # a pedestrian crossing and its stop line
        z = (street.junction or rng.uniform(12, 24)) - 9.5
        xs = np.arange(street.left.edge + 0.3, street.right.edge - 0.4, 1.0)
        canvas.faces(_quads(xs, xs + 0.5, max(z, 2.0), max(z, 2.0) + 3.0), white)
        canvas.faces(_quads(-LANE / 2 + 0.1, LANE / 2 - 0.1, max(z - 1.2, 1.8), max(z - 0.8, 2.2)), white)


def _draw_kerbs(canvas: Canvas, street: Street, colour: Colour) -> None:
    if street.junction is None:
        pieces = [(NEAREST, FAR)]
    else:
        pieces = [(NEAREST, street.junction - 4.5), (street.junction + 4.5, FAR)]
    for side in street.sides:
        for zs in pieces:
            _draw_strip(canvas, (side.edge, side.edge + side.sign * 0.16), zs, colour)
