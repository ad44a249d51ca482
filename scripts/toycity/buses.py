"""Buses, and trams, which stand for the class train."""

from dataclasses import dataclass

import numpy as np

from toycity.canvas import Canvas
from toycity.colours import AMBER, DARK, GLASS, PLATE, RED_LIGHT, WHITE_LIGHT, Colour, paint, scaled, window_glass
from toycity.solids import Body, EndPanel, Figure, Pose, box, coloured, draw, pair, rectangle

BUS_ENDS = (
    EndPanel(1, -0.85, 0.85, 0.0, 0.72, "glass"),
    EndPanel(0, -0.8, 0.8, 0.15, 0.6, "skirt"),
    EndPanel(1, -0.5, 0.5, 0.78, 0.98, DARK),
    *pair(0, 0.8, 0.96, 0.55, 0.95, RED_LIGHT),
    EndPanel(5, -0.92, 0.92, 0.16, 1.0, "glass"),
    EndPanel(5, -0.6, 0.6, 0.0, 0.13, AMBER),  # the destination
    EndPanel(6, -1, 1, 0.55, 1.0, "skirt"),
    *pair(6, 0.6, 0.92, 0.42, 0.62, WHITE_LIGHT),
    EndPanel(6, -0.25, 0.25, 0.7, 0.85, PLATE),
)

CAR_LENGTH, GAP = 9.2, 0.5
"""Length of a tram's cars and of the gap between two of them, in metres."""
# a nose is one big pane, two lamps close together, an apron and the line's number
REAR_NOSE = (
    EndPanel(1, -0.86, 0.86, 0.08, 0.92, GLASS),
    *pair(0, 0.45, 0.75, 0.5, 0.75, RED_LIGHT),
    EndPanel(0, -1, 1, 0.0, 0.3, DARK),
    EndPanel(2, -0.4, 0.4, 0.15, 0.7, AMBER),
)
FRONT_NOSE = (
    EndPanel(5, -0.86, 0.86, 0.08, 0.92, GLASS),
    *pair(6, 0.45, 0.75, 0.25, 0.5, WHITE_LIGHT),
    EndPanel(6, -1, 1, 0.7, 1.0, DARK),
    EndPanel(4, -0.4, 0.4, 0.3, 0.85, AMBER),
)
TRAM_DOOR = -0.6
JOINT = Body(box(0.6, 0.3, 3.2), 2.2, DARK)
ROOF_GEAR = Body(box(CAR_LENGTH * 0.4, 3.3, 3.65, 0.2, 0.2), 1.6, (128, 130, 134))
PANTOGRAPH, PANTOGRAPH_COLOUR = ((1.2, 0.0, 3.6), (0.2, 0.0, 4.2), (1.2, 0.0, 4.8)), (60, 60, 64)


def draw_bus(canvas: Canvas, rng: np.random.Generator, pose: Pose, code: int) -> None:
    """A long box close to the ground with one row of big windows, doors and a lit destination."""
    colour, second = paint(rng), paint(rng)
    length, top = rng.uniform(10.0, 12.0), rng.uniform(2.95, 3.15)
    half = length / 2
    rear = [(-half, 0.35), (-half - 0.03, 1.4), (-half + 0.1, top - 0.1), (-half + 0.3, top)]
    front = [(half - 0.35, top), (half - 0.08, top - 0.15), (half, 1.2), (half, 0.35)]
    glass = window_glass(rng, 0.6)
    skirt = second if rng.random() < 0.6 else scaled(colour, 0.75)
    panes, doors = np.linspace(-half + 0.35, half - 0.6, 9), (half - 1.9, -0.3)
    body = Body(
        np.array(rear + front),
        2.5,
        colour,
        taper=0.06,
        belt=1.2,
        side=[
            (rectangle(-half, 0.35, half, 0.85), skirt),
            (rectangle(-half + 0.25, 1.2, half - 0.3, 2.45), DARK),
            *((rectangle(a + 0.07, 1.27, b - 0.07, 2.38), glass) for a, b in zip(panes, panes[1:], strict=False)),
            *((rectangle(u, 0.45, u + 1.1, 2.4), DARK) for u in doors),
            *((rectangle(u + x, 0.6, u + x + 0.42, 2.3), glass) for u in doors for x in (0.08, 0.6)),
        ],
        ends=coloured(BUS_ENDS, glass=glass, skirt=skirt),
        wheels=[(-half + 2.8, 0.48), (half - 2.7, 0.48)],
    )
    draw(canvas, pose, body, code)


@dataclass(frozen=True)
class Livery:
    """The colours that all cars of a tram share."""

    colour: Colour
    second: Colour
    glass: Colour


def draw_train(canvas: Canvas, rng: np.random.Generator, pose: Pose, code: int) -> None:
    """A tram of two or three cars: no wheels to be seen, noses that slope, a window band, gear and wire on the roof."""
    colour, second = paint(rng), paint(rng)
    cars = int(rng.integers(2, 4))
    livery = Livery(colour, second, window_glass(rng, 0.6))
    offsets = (np.arange(cars) - (cars - 1) / 2) * (CAR_LENGTH + GAP)
    places = [(i, pose.ahead(offset)) for i, offset in enumerate(offsets)]
    for i, place in sorted(places, key=lambda entry: -entry[1].distance):
        first, last = i == 0, i == cars - 1
        if not last:
            draw(canvas, place.ahead((CAR_LENGTH + GAP) / 2), JOINT, code)
        draw(canvas, place, _tram_car(livery, first, last), code)
        draw(canvas, place, ROOF_GEAR, code)
        if first:
            _draw_pantograph(Figure(canvas, place, code))


def _tram_car(livery: Livery, first: bool, last: bool) -> Body:
    """One car; the first has the rear nose, the last the front one."""
    half = CAR_LENGTH / 2
    rear_window, rear_roof = (0.75, 1.2) if first else (0.0, 0.1)
    front_window, front_roof = (0.75, 1.2) if last else (0.0, 0.1)
    rear = [(-half, 0.15), (-half, 1.2), (-half + rear_window, 2.95), (-half + rear_roof, 3.3)]
    front = [(half - front_roof, 3.3), (half - front_window, 2.95), (half, 1.2), (half, 0.15)]
    u0, u1 = -half + (0.9 if first else 0.2), half - (0.9 if last else 0.2)
    panes = np.linspace(u0, u1, 7)
    return Body(
        np.array(rear + front),
        2.45,
        livery.colour,
        taper=0.08,
        belt=1.2,
        side=[
            (rectangle(-half, 0.15, half, 0.55), DARK),
            (rectangle(-half, 0.55, half, 1.0), livery.second),
            (rectangle(u0, 1.3, u1, 2.6), scaled(livery.second, 0.55)),
            *((rectangle(a + 0.08, 1.38, b - 0.08, 2.5), livery.glass) for a, b in zip(panes, panes[1:], strict=False)),
            (rectangle(TRAM_DOOR, 0.35, TRAM_DOOR + 1.15, 2.65), livery.second),
            *((rectangle(u, 0.5, u + 0.45, 2.5), livery.glass) for u in (-0.5, 0.0)),
        ],
        ends=(REAR_NOSE if first else ()) + (FRONT_NOSE if last else ()),
    )


def _draw_pantograph(figure: Figure) -> None:
    for start, end in zip(PANTOGRAPH, PANTOGRAPH[1:], strict=False):
        figure.limb(start, end, 0.05, PANTOGRAPH_COLOUR)
    figure.limb((1.2, -0.7, 4.8), (1.2, 0.7, 4.8), 0.05, PANTOGRAPH_COLOUR)
