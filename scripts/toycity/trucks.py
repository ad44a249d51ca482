"""Trucks: a cab and, behind a gap, what it carries."""

from dataclasses import dataclass

import numpy as np

from toycity.canvas import Canvas
from toycity.colours import DARK, GLASS, PLATE, RED_LIGHT, WHITE_LIGHT, Colour, paint, scaled
from toycity.solids import Body, EndPanel, Pose, box, coloured, draw, pair, rectangle


@dataclass(frozen=True)
class LoadShape:
    """A kind of load: its share of all trucks, its height in metres, and how much of its width it loses to the top."""

    share: float
    top: float
    taper: float = 0.0
    belt: float = 9.0


LOADS = {
    "box": LoadShape(0.45, 3.5),
    "tarpaulin": LoadShape(0.2, 3.3),
    "tank": LoadShape(0.15, 2.95, taper=0.35, belt=1.6),
    "tipper": LoadShape(0.2, 2.2),
}
LENGTH, FLOOR = 5.6, 1.05
"""Length of every load and height of its floor, in metres."""

CAB_ENDS = (
    EndPanel(2, -0.9, 0.9, 0.22, 0.95, GLASS),
    EndPanel(3, -0.75, 0.75, 0.08, 0.5, DARK),
    *pair(3, 0.6, 0.92, 0.62, 0.82, WHITE_LIGHT),
    EndPanel(3, -1, 1, 0.86, 1.0, DARK),
)
LOAD_ENDS = (
    EndPanel(0, -0.02, 0.02, 0.05, 0.95, "shade"),
    EndPanel(0, -0.9, 0.9, 0.03, 0.06, "shade"),
    EndPanel(0, -0.9, 0.9, 0.93, 0.96, "shade"),
    *pair(0, 0.9, 0.97, 0.03, 0.96, "bright"),
)
FRAME_ENDS = (*pair(0, 0.7, 0.95, 0.3, 0.7, RED_LIGHT), EndPanel(0, -0.2, 0.2, 0.3, 0.7, PLATE))

TANK_BEND = np.array([(-1.0, 0), (-0.95, 0.5), (-0.7, 0.85), (-0.3, 1.0)])
"""The rear end of a tank: u ahead of the end of its straight part, and height as a share of the whole."""


def draw_truck(canvas: Canvas, rng: np.random.Generator, pose: Pose, code: int) -> None:
    """A cab and a box, a tank, a tarpaulin, or an open bed on a frame."""
    kind = str(rng.choice(list(LOADS), p=[load.share for load in LOADS.values()]))
    cab_colour, load_colour = paint(rng), paint(rng)
    cab = _cab(cab_colour, top=rng.uniform(2.5, 2.95))
    load = _load(rng, kind, load_colour)
    axles = [(-2.35, 0.48), (-1.25, 0.48)] if rng.random() < 0.6 else [(-1.9, 0.5)]
    frame = Body(box(6.6, 0.55, 1.05), 2.2, DARK, ends=FRAME_ENDS, wheels=axles)
    front = [(cab, pose.ahead(3.05))]
    back = [(frame, pose.ahead(-0.7)), (load, pose.ahead(-1.25))]
    for parts in sorted((front, back), key=lambda parts: -parts[-1][1].distance):
        for body, place in parts:
            draw(canvas, place, body, code)


def _cab(colour: Colour, top: float) -> Body:
    window = [(-0.35, 1.45), (-0.35, top - 0.35), (0.5, top - 0.35), (0.82, 1.45)]
    return Body(
        np.array([(-0.95, 0.5), (-0.95, top), (0.55, top), (0.95, 1.5), (1.05, 0.45)]),
        2.35,
        colour,
        belt=9.0,
        side=[(np.array(window), GLASS), (rectangle(-0.95, 0.5, 1.03, 0.75), DARK)],
        ends=CAB_ENDS,
        wheels=[(0.15, 0.48)],
    )


def _load(rng: np.random.Generator, kind: str, colour: Colour) -> Body:
    shape = LOADS[kind]
    top = shape.top + rng.uniform(-0.15, 0.15)
    shade, bright = scaled(colour, 0.78), tuple(np.minimum(1.12 * np.array(colour), 252))
    edges = np.linspace(-LENGTH / 2, LENGTH / 2, 8)
    profile = box(LENGTH, FLOOR, top, 0.0, 0.25 if kind == "tipper" else 0.0)
    if kind == "box":
        side = [(rectangle(-LENGTH / 2, FLOOR, LENGTH / 2, FLOOR + 0.12), shade)]
        if rng.random() < 0.6:  # a stripe or a sign on the box
            side.append((rectangle(-1.8, 1.9, rng.uniform(0.2, 1.9), 2.7), paint(rng)))
    elif kind == "tarpaulin":
        side = [(rectangle(u, FLOOR, u + 0.36, top), shade) for u in edges[:-1]]
    elif kind == "tank":
        upper = TANK_BEND * (1, top - FLOOR) + (0, FLOOR) - ((LENGTH / 2 - 1.0), 0)
        profile = np.concatenate([upper, upper[::-1] * (-1, 1)])
        side = [(rectangle(-1.6, 1.9, 1.6, 2.15), bright)]
    else:
        side = [(rectangle(u - 0.09, FLOOR, u + 0.09, top), shade) for u in edges[1:-1]]
    ends = coloured(LOAD_ENDS, shade=shade, bright=bright)
    return Body(profile, 2.5, colour, shape.taper, shape.belt, side, ends)
