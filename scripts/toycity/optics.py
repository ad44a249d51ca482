"""The camera and the light of a scene. World axes in metres: X right, Y up from the road, Z ahead of the camera."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from toycity.colours import Colour

NEAR = 1.5
"""Nearest depth that is drawn, in metres."""


class Box(NamedTuple):
    """A rectangle of the canvas, in canvas pixels."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0


@dataclass(frozen=True)
class Camera:
    """A pinhole camera over a street that may bend and climb.

    Attributes:
        height, width: canvas size in canvas pixels.
        focal: focal length in canvas pixels.
        centre, horizon: image point of the direction straight ahead, in canvas pixels.
        eye: height of the camera over the road in metres.
        bend, climb: sideways and upward shift of the world at depth z, in metres per z squared.
    """

    height: int
    width: int
    focal: float
    centre: float
    horizon: float
    eye: float
    bend: float
    climb: float

    def project(self, points: np.ndarray) -> np.ndarray:
        """(..., 3) world points -> (..., 2) canvas points (x, y); depths below NEAR count as NEAR."""
        z = np.maximum(points[..., 2], NEAR)
        image = np.empty((*points.shape[:-1], 2))
        image[..., 0] = self.centre + self.focal * (points[..., 0] / z + self.bend * z)
        image[..., 1] = self.horizon - self.focal * ((points[..., 1] - self.eye) / z + self.climb * z)
        return image

    def polygon(self, points: np.ndarray) -> np.ndarray:
        """(n, 3) corners -> (m, 2) canvas points of the part at depth NEAR and beyond; m is 0 where there is none."""
        ahead = points[:, 2] >= NEAR
        if not ahead.all():
            points = _clip_near(points, ahead)
        return self.project(points)

    def scale(self, z: float) -> float:
        """Canvas pixels per metre at depth z."""
        return self.focal / max(z, NEAR)

    def box(self, points: np.ndarray) -> Box:
        """The canvas rectangle around (n, 3) world points."""
        canvas_points = self.project(points)
        return Box(*canvas_points.min(axis=0), *canvas_points.max(axis=0))

    def enters(self, x: float) -> float:
        """Depth in metres beyond which a place at x is well inside the canvas."""
        room = self.centre if x < 0 else self.width - self.centre
        return 1.15 * abs(x) * self.focal / max(room, 1.0)

    def sees(self, points: np.ndarray) -> bool:
        """Whether the canvas rectangle around world points meets the canvas."""
        x0, y0, x1, y1 = self.box(points)
        return x1 > 0 and x0 < self.width and y1 > 0 and y0 < self.height and points[:, 2].max() > NEAR

    def faces(self, centre: np.ndarray, normal: np.ndarray) -> bool:
        """Whether a face with this centre and outward normal is seen from its front."""
        return float(normal @ (centre - (0.0, self.eye, 0.0))) < 0


def _clip_near(points: np.ndarray, ahead: np.ndarray) -> np.ndarray:
    """Sutherland-Hodgman against the plane Z = NEAR."""
    kept = []
    for i in range(len(points)):
        j = (i + 1) % len(points)
        if ahead[i]:
            kept.append(points[i])
        if ahead[i] != ahead[j]:
            t = (NEAR - points[i, 2]) / (points[j, 2] - points[i, 2])
            kept.append(points[i] + t * (points[j] - points[i]))
    return np.array(kept).reshape(-1, 3)


@dataclass(frozen=True)
class Light:
    """Sun, sky and haze.

    Attributes:
        sun: (3,) unit vector towards the sun.
        ambient, strength: light of the sky and of the sun, as factors of a surface's colour.
        tint: factors of red, green and blue.
        haze: colour that far things fade to, 0..255.
        reach: depth in metres at which 63 % of a colour has faded.
    """

    sun: np.ndarray
    ambient: float
    strength: float
    tint: tuple[float, float, float]
    haze: Colour
    reach: float

    def shade(self, colour: Colour, z: float, normal: np.ndarray | None = None, gain: float = 1.0) -> tuple[int, ...]:
        """Colour (0..255) of a surface at depth z; without ``normal`` it is lit as if turned half to the sun."""
        facing = 0.5 if normal is None else max(0.0, float(normal @ self.sun))
        clear = math.exp(-max(z, 0.0) / self.reach)
        level = clear * gain * (self.ambient + self.strength * facing)
        (r, g, b), (tr, tg, tb), (hr, hg, hb) = colour, self.tint, self.haze
        mist = 1 - clear
        return (
            min(255, int(r * tr * level + hr * mist)),
            min(255, int(g * tg * level + hg * mist)),
            min(255, int(b * tb * level + hb * mist)),
        )
