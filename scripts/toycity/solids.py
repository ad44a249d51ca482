"""Bodies of vehicles: a side profile drawn out to a width, with details on its sides and ends, and wheels."""

from dataclasses import dataclass, field

import cv2
import numpy as np

from toycity.canvas import Canvas

TYRE = (30, 30, 33)
_CIRCLE = np.linspace(0, 2 * np.pi, 15)[:-1]


@dataclass(frozen=True)
class Pose:
    """A place on the ground and a heading: yaw 0 drives away from the camera, pi comes towards it, pi/2 goes right."""

    x: float
    z: float
    yaw: float

    def at(self, u: np.ndarray | float, w: np.ndarray | float, v: np.ndarray | float) -> np.ndarray:
        """World points of local ones: u ahead, w to the right, v up."""
        u, w, v = np.broadcast_arrays(u, w, v)
        sine, cosine = np.sin(self.yaw), np.cos(self.yaw)
        return np.stack([self.x + u * sine + w * cosine, v, self.z + u * cosine - w * sine], axis=-1).astype(float)

    def direction(self, u: float, w: float, v: float) -> np.ndarray:
        """The world direction of a local one."""
        sine, cosine = np.sin(self.yaw), np.cos(self.yaw)
        return np.array([u * sine + w * cosine, v, u * cosine - w * sine])

    def ahead(self, distance: float) -> "Pose":
        """The pose moved along its heading."""
        return Pose(self.x + distance * np.sin(self.yaw), self.z + distance * np.cos(self.yaw), self.yaw)

    def footprint(self, length: float, width: float) -> np.ndarray:
        """(4, 3) corners of a rectangle on the ground."""
        u, w = length / 2, width / 2
        return self.at(np.array([-u, u, u, -u]), np.array([-w, -w, w, w]), 0.0)


@dataclass
class Body:
    """A solid over a side profile.

    Attributes:
        profile: (n, 2) corners (u ahead, v up), from the rear bottom up the rear, over the roof and down the front.
        width: in metres, at the belt line.
        colour: RGB 0..255.
        taper: share of the half width that is lost between the height ``belt`` and the roof.
        edges: colour of single edges of the profile, by the index of their first corner (windscreens).
        side: polygons (m, 2) on both sides and their colours.
        ends: (edge, w0, w1, t0, t1, colour): rectangles on an edge, w in half widths -1..1, t along the edge 0..1.
        wheels: (u, radius) of each axle.
        hub: colour of the wheels' middles; None hides the wheels' discs.
    """

    profile: np.ndarray
    width: float
    colour: tuple
    taper: float = 0.0
    belt: float = 0.9
    edges: dict[int, tuple] = field(default_factory=dict)
    side: list[tuple[np.ndarray, tuple]] = field(default_factory=list)
    ends: list[tuple] = field(default_factory=list)
    wheels: list[tuple[float, float]] = field(default_factory=list)
    hub: tuple = (150, 150, 155)

    def half_width(self, v: np.ndarray) -> np.ndarray:
        top = self.profile[:, 1].max()
        return self.width / 2 * (1 - self.taper * np.clip((v - self.belt) / max(top - self.belt, 1e-6), 0, 1))


def draw(canvas: Canvas, pose: Pose, body: Body, code: int) -> None:
    """Paint a body with all its details; every part bears ``code``."""
    for u, radius in body.wheels:
        for w in (-1, 1):
            _tread(canvas, pose, u, w * body.width / 2, radius, code)
    profile, half = body.profile, body.half_width(body.profile[:, 1])
    seen = []
    for i in range(len(profile)):
        j = (i + 1) % len(profile)
        (u0, v0), (u1, v1) = profile[i], profile[j]
        across = np.array([-half[i], half[i], half[j], -half[j]])
        corners = pose.at(np.array([u0, u0, u1, u1]), across, np.array([v0, v0, v1, v1]))
        length = np.hypot(u1 - u0, v1 - v0)
        normal = pose.direction(-(v1 - v0) / length, 0, (u1 - u0) / length)
        if canvas.camera.faces(corners.mean(axis=0), normal):
            seen.append((corners[:, 2].mean(), i, corners, normal))
    for _, i, corners, normal in sorted(seen, key=lambda entry: -entry[0]):
        canvas.face(corners, body.edges.get(i, body.colour), code, normal)
        for edge, w0, w1, t0, t1, colour in body.ends:
            if edge == i:
                canvas.face(_on_edge(corners, w0, w1, t0, t1), colour, None, normal)
    for w in (-1, 1):
        normal = pose.direction(0, w, 0)
        side = pose.at(profile[:, 0], w * half, profile[:, 1])
        if canvas.camera.faces(side.mean(axis=0), normal):
            canvas.face(side, body.colour, code, normal)
            for polygon, colour in body.side:
                points = pose.at(polygon[:, 0], w * body.half_width(polygon[:, 1]), polygon[:, 1])
                canvas.face(points, colour, None, normal)
            for u, radius in body.wheels:
                canvas.face(circle(pose, u, w * body.width / 2, radius, radius), TYRE, code)
                canvas.face(circle(pose, u, w * body.width / 2, radius, radius * 0.55), body.hub)


def _on_edge(corners: np.ndarray, w0: float, w1: float, t0: float, t1: float) -> np.ndarray:
    """A rectangle on a quad (left start, right start, right end, left end)."""
    left, right = corners[0], corners[1]
    far_left, far_right = corners[3], corners[2]

    def point(w: float, t: float) -> np.ndarray:
        a, b = left + t * (far_left - left), right + t * (far_right - right)
        return a + (w + 1) / 2 * (b - a)

    return np.stack([point(w0, t0), point(w1, t0), point(w1, t1), point(w0, t1)])


def circle(pose: Pose, u: float, w: float, v: float, radius: float) -> np.ndarray:
    """(14, 3) world points of a wheel's rim."""
    return pose.at(u + radius * np.cos(_CIRCLE), w, v + radius * np.sin(_CIRCLE))


def _tread(canvas: Canvas, pose: Pose, u: float, w: float, radius: float, code: int) -> None:
    inner = w - np.sign(w) * 0.22
    rims = np.concatenate([circle(pose, u, place, radius, radius) for place in (w, inner)])
    points = canvas.camera.project(rims).astype(np.float32)
    hull = cv2.convexHull(points)[:, 0]
    canvas.fill([hull], canvas.light.shade(TYRE, pose.z, gain=0.7), code)


def box(length: float, bottom: float, top: float, slope_rear: float = 0.0, slope_front: float = 0.0) -> np.ndarray:
    """A box profile whose upper corners lean inwards."""
    u = length / 2
    return np.array([(-u, bottom), (-u + slope_rear, top), (u - slope_front, top), (u, bottom)])


def rectangle(u0: float, v0: float, u1: float, v1: float) -> np.ndarray:
    """(4, 2) corners of an upright rectangle on a side."""
    return np.array([(u0, v0), (u1, v0), (u1, v1), (u0, v1)])
