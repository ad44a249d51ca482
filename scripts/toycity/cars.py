"""Cars, and the caravans and trailers that they pull."""

from dataclasses import dataclass

import numpy as np

from toycity.canvas import Canvas
from toycity.colours import DARK, GLASS, PLATE, RED_LIGHT, WHITE_LIGHT, paint, scaled, window_glass
from toycity.solids import Body, EndPanel, Figure, Pose, box, coloured, draw, pair, rectangle

SILL = 0.28
"""Height of a car's lower edge in metres."""


@dataclass(frozen=True)
class CarShape:
    """The side view of a kind of car: heights, and places ahead of its middle, in metres.

    Attributes:
        share: of all cars.
        roof: height of the roof, a little varied.
        belt: height of the windows' lower edge.
        rear_roof, rear_belt: where the rear window meets the roof and the belt.
        front_roof, front_belt: where the windscreen meets them.
        taper: share of the width that is lost towards the roof.
        boot: whether a lid reaches out behind the rear window.
    """

    share: float
    roof: float
    belt: float
    rear_roof: float
    rear_belt: float
    front_roof: float = 0.55
    front_belt: float = 1.2
    taper: float = 0.24
    boot: bool = False

    @property
    def pillar(self) -> float:
        """Where the pillar between the windows stands."""
        return (self.rear_roof + self.front_roof) / 2

    def profile(self, roof: float) -> np.ndarray:
        """(8, 2) or, with a boot, (9, 2) corners for a height of the roof."""
        belt = self.belt
        rear = [(-2.1, SILL), (-2.15, 0.72), *([(-2.12, belt)] if self.boot else []), (self.rear_belt, belt + 0.02)]
        top = [(self.rear_roof, roof - 0.04), (self.front_roof, roof)]
        return np.array([*rear, *top, (self.front_belt, belt), (2.02, belt - 0.16), (2.13, SILL)])

    def windows(self, roof: float) -> list[np.ndarray]:
        """The (4, 2) rear and front windows of a side."""
        low, high = self.belt + 0.05, roof - 0.1
        back = self.rear_belt + 0.15 if self.boot else min(self.rear_belt + 0.35, self.rear_roof + 0.05)
        behind, before = self.pillar - 0.04, self.pillar + 0.04
        return [
            np.array([(back, low), (self.rear_roof + 0.12, high), (behind, high), (behind, low)]),
            np.array([(before, low), (before, high), (self.front_roof, high), (self.front_belt - 0.2, low)]),
        ]


CARS = {
    "hatch": CarShape(0.32, 1.46, 0.92, -1.65, -2.05),
    "saloon": CarShape(0.25, 1.42, 0.92, -1.15, -1.6, boot=True),
    "estate": CarShape(0.18, 1.48, 0.92, -1.95, -2.1),
    "tall": CarShape(0.15, 1.72, 1.08, -1.85, -2.08),
    "van": CarShape(0.1, 1.98, 1.08, -2.05, -2.12, front_roof=0.95, front_belt=1.75, taper=0.12),
}

_BUMPER, _TAIL, _REAR_WINDOW, _WINDSCREEN, _NOSE = 0, 1, -6, -4, -2  # edges of a car's profile
CAR_ENDS = (
    EndPanel(_BUMPER, -1, 1, 0.05, 0.35, "shade"),
    EndPanel(_BUMPER, -0.3, 0.3, 0.55, 0.9, PLATE),
    EndPanel(_REAR_WINDOW, -0.85, 0.85, 0.15, 0.85, "glass"),
    EndPanel(_WINDSCREEN, -0.9, 0.9, 0.06, 0.94, "glass"),
    *pair(_NOSE, 0.55, 0.94, 0.12, 0.45, WHITE_LIGHT),
    EndPanel(_NOSE, -0.45, 0.45, 0.2, 0.5, DARK),
    EndPanel(_NOSE, -0.3, 0.3, 0.62, 0.82, PLATE),
)
UNLIT = (150, 28, 30)

CARAVAN_PROFILE = np.array([(-2.2, 0.4), (-2.4, 1.3), (-2.1, 2.5), (1.8, 2.55), (2.3, 1.6), (2.1, 0.4)])
CARAVAN_WHITE = (236, 234, 226)
CARAVAN_ENDS = (EndPanel(1, -0.7, 0.7, 0.2, 0.7, GLASS), *pair(0, 0.7, 0.95, 0.4, 0.8, RED_LIGHT))

TRAILER_POSTS, TRAILER_POST = (-1.3, -0.45, 0.4, 1.2), (90, 90, 94)
TRAILER_ENDS = pair(0, 0.7, 0.95, 0.1, 0.4, RED_LIGHT)


def draw_car(canvas: Canvas, rng: np.random.Generator, pose: Pose, code: int) -> None:
    """A hatchback, a saloon, an estate, an off-roader or a van (Cityscapes counts vans as cars)."""
    kind = str(rng.choice(list(CARS), p=[shape.share for shape in CARS.values()]))
    shape = CARS[kind]
    roof = shape.roof + rng.uniform(-0.04, 0.04)
    windows = shape.windows(roof)
    if kind == "van" and rng.random() < 0.6:  # a panel van
        windows = [windows[1] * (0.55, 1) + (0.75, 0)]
    colour = paint(rng)
    shade, glass = scaled(colour, 0.72), window_glass(rng, 0.7)
    lamp = RED_LIGHT if rng.random() < 0.3 else UNLIT
    lamps = pair(_TAIL, 0.55, 0.95, 0.1, 0.85, lamp) if shape.boot else pair(_TAIL, 0.6, 0.95, 0.1, 0.9, lamp)
    body = Body(
        shape.profile(roof),
        1.78,
        colour,
        taper=shape.taper,
        belt=shape.belt,
        side=[
            (rectangle(-2.08, SILL, 2.08, SILL + 0.13), shade),
            *((window, glass) for window in windows),
            (rectangle(shape.pillar - 0.02, SILL + 0.1, shape.pillar + 0.02, shape.belt), shade),
        ],
        ends=[*coloured(CAR_ENDS, shade=shade, glass=glass), *lamps],
        wheels=[(-1.32, 0.32), (1.36, 0.32)],
    )
    draw(canvas, pose, body, code)


def draw_caravan(canvas: Canvas, rng: np.random.Generator, pose: Pose, code: int) -> None:
    """A rounded box on one axle, mostly white, with a stripe."""
    body = Body(
        CARAVAN_PROFILE,
        2.2,
        paint(rng) if rng.random() < 0.3 else CARAVAN_WHITE,
        taper=0.05,
        belt=1.0,
        side=[
            (rectangle(-2.2, 0.85, 2.1, 1.05), paint(rng)),
            (rectangle(-1.6, 1.4, -0.5, 2.1), GLASS),
            (rectangle(0.3, 1.4, 1.4, 2.1), GLASS),
        ],
        ends=CARAVAN_ENDS,
        wheels=[(-0.2, 0.33)],
    )
    draw(canvas, pose, body, code)


def draw_trailer(canvas: Canvas, rng: np.random.Generator, pose: Pose, code: int) -> None:
    """A low open box on one axle with a drawbar."""
    body = Body(
        box(2.6, 0.5, 1.05),
        1.6,
        paint(rng),
        side=[(rectangle(u, 0.5, u + 0.08, 1.05), TRAILER_POST) for u in TRAILER_POSTS],
        ends=TRAILER_ENDS,
        wheels=[(-0.1, 0.33)],
    )
    Figure(canvas, pose, code).limb((1.3, 0.0, 0.5), (2.1, 0.0, 0.45), 0.05, DARK)
    draw(canvas, pose, body, code)
