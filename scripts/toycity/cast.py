"""All that stands or moves in a scene, and the room that it takes, so that nobody hides another wholly."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from toycity.canvas import Canvas
from toycity.ids import CARAVAN, CLASS_IDS, TRAILER
from toycity.optics import NEAR, Box, Camera
from toycity.solids import Pose
from toycity.street import Street
from toycity.vehicles import VEHICLES

IDS = {**CLASS_IDS, "caravan": CARAVAN, "trailer": TRAILER}

Paint = Callable[[Canvas, np.random.Generator], None]
"""``paint(canvas, rng)`` draws something."""


@dataclass(frozen=True)
class Actor:
    """Something to draw: ``paint(canvas)`` paints it at depth ``z``; ``shadow`` is its (n, 3) outline on the ground."""

    z: float
    paint: Callable[[Canvas], None]
    shadow: np.ndarray | None = None


@dataclass(frozen=True)
class Upright:
    """The room of something narrow at a place on the ground, in metres.

    Attributes:
        x, z: the place.
        half_width, height: of what is seen.
        shadow: length of its shadow.
        hides: share of another's canvas rectangle that it may hide.
    """

    x: float
    z: float
    half_width: float
    height: float
    shadow: float
    hides: float = 0.5


@dataclass
class Cast:
    """The actors of a scene, the canvas rectangles that they take up, and how many of each class there are.

    Attributes:
        rng: from which places are drawn; each actor's looks come from a generator of its own.
    """

    camera: Camera
    street: Street
    rng: np.random.Generator
    actors: list[Actor] = field(default_factory=list)
    _taken: list[tuple[float, Box]] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)

    def code(self, name: str) -> int:
        """A new instance of a class: label id * 1000 + number."""
        number = self._numbers[name] = self._numbers.get(name, -1) + 1
        return IDS[name] * 1000 + number

    def add(self, z: float, paint: Paint, shadow: np.ndarray | None = None) -> None:
        """Add something, whether there is room or not."""
        seed = int(self.rng.integers(2**62))
        self.actors.append(Actor(z, lambda canvas: paint(canvas, np.random.default_rng(seed)), shadow))

    def add_vehicle(self, name: str, pose: Pose) -> bool:
        """Add a vehicle if there is room."""
        vehicle = VEHICLES[name]
        foot = pose.footprint(vehicle.length, vehicle.width)
        near, far = foot[:, 2].min(), foot[:, 2].max()
        if near < NEAR + 1.5:
            return False
        box = self.camera.box(np.concatenate([foot, foot + (0.0, vehicle.height, 0.0)]))
        if not self._take(near, box, 0.3 if name != "car" else 0.45):
            return False
        code = self.code(name)
        shadow = pose.footprint(vehicle.length + 0.3, vehicle.width + 0.5)
        self.add(near + 0.25 * (far - near), lambda canvas, rng: vehicle.draw(canvas, rng, pose, code), shadow)
        return True

    def add_upright(self, room: Upright, paint: Paint) -> bool:
        """Add something narrow if there is room."""
        x, z, half = room.x, room.z, room.half_width
        box = self.camera.box(np.array([[x - half, room.height, z], [x + half, 0.0, z]]))
        if not self._take(z, box, room.hides):
            return False
        shadow = Pose(x, z, 0.0).footprint(room.shadow, room.shadow * 2.2) + (room.shadow * 0.5, 0.0, 0.0)
        self.add(z, paint, shadow)
        return True

    def _take(self, z: float, box: Box, hides: float) -> bool:
        """Take a canvas rectangle for something at depth z, if half of it at least is in the image, and if neither it
        nor anything behind it would be hidden by more than the share ``hides``."""
        width, height = self.camera.width, self.camera.height
        area = max(box.width * box.height, 1e-6)
        inside = (min(box.x1, width) - max(box.x0, 0)) * (min(box.y1, 0.93 * height) - max(box.y0, 0))
        if box.x1 <= 0 or box.x0 >= width or inside < 0.5 * area:
            return False
        for other_z, other in self._taken:
            wide, high = min(box.x1, other.x1) - max(box.x0, other.x0), min(box.y1, other.y1) - max(box.y0, other.y0)
            if wide <= 0 or high <= 0:
                continue
            behind = box if other_z < z else other
            if wide * high > hides * behind.width * behind.height:
                return False
        self._taken.append((z, box))
        return True
