"""Upright planes that house fronts, walls and fences are drawn on."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Plane:
    """An upright rectangle on the ground; a place on it is u metres along it and v metres up.

    Attributes:
        origin: (3,) world point of its lower corner, u = v = 0.
        along: (3,) unit vector of growing u.
        normal: (3,) unit vector out of its front.
        length, height: in metres.
    """

    origin: np.ndarray
    along: np.ndarray
    normal: np.ndarray
    length: float
    height: float

    def rectangles(self, u0, u1, v0, v1) -> np.ndarray:
        """(n, 4, 3) world corners of upright rectangles; numbers and (n,) arrays broadcast."""
        sizes = [np.size(a) for a in (u0, u1, v0, v1)]
        u, v = (np.empty((max(sizes) * (0 not in sizes), 4)) for _ in range(2))
        u[:, 0], u[:, 1], u[:, 2], u[:, 3] = u0, u1, u1, u0
        v[:, 0], v[:, 1], v[:, 2], v[:, 3] = v0, v0, v1, v1
        corners = self.origin + u[..., None] * self.along
        corners[..., 1] += v
        return corners

    def parts(self, count: int, bottom: float, top: float) -> np.ndarray:
        """(count, 4, 3) rectangles side by side over the whole length, so that haze and a bent street show."""
        ends = np.linspace(0, self.length, count + 1)
        return self.rectangles(ends[:-1], ends[1:], bottom, top)


def plane_along_street(x: float, z0: float, z1: float, height: float, sign: int) -> Plane:
    """A plane along the street at ``x``, from depth z0 to z1, on its left (sign -1) or right (1), facing it."""
    return Plane(
        origin=np.array([x, 0.0, z0]),
        along=np.array([0.0, 0.0, 1.0]),
        normal=np.array([-sign, 0.0, 0.0]),
        length=z1 - z0,
        height=height,
    )


def grid(us: np.ndarray, vs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of two lists, flat."""
    u, v = np.meshgrid(us, vs)
    return u.ravel(), v.ravel()
