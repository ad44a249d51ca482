"""Solids that stand on the ground at a pose: bodies drawn out from a side profile, and figures of limbs and balls."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from toycity.canvas import Canvas
from toycity.colours import HUB, TYRE, Colour

_CIRCLE = np.linspace(0, 2 * np.pi, 15)[:-1]

Point = tuple[float, float, float]
"""Local coordinates (u, w, v) of a pose, in metres: ahead, to the right, up."""


@dataclass(frozen=True)
class Pose:
    """A place on the ground and a heading: yaw 0 drives away from the camera, pi comes towards it, pi/2 goes right."""

    x: float
    z: float
    yaw: float

    @property
    def distance(self) -> float:
        """From the camera, in metres on the ground."""
        return np.hypot(self.x, self.z)

    def at(self, u: np.ndarray | float, w: np.ndarray | float, v: np.ndarray | float) -> np.ndarray:
        """(..., 3) world points of local ones: u ahead, w to the right, v up; the arguments broadcast."""
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

    def circle(self, u: float, w: float, v: float, radius: float) -> np.ndarray:
        """(14, 3) world points of an upright circle that faces sideways: the rim of a wheel."""
        return self.at(u + radius * np.cos(_CIRCLE), w, v + radius * np.sin(_CIRCLE))


@dataclass(frozen=True)
class Figure:
    """What is drawn at one pose out of limbs and balls, given by local points; all of them bear one code."""

    canvas: Canvas
    pose: Pose
    code: int

    def limb(self, start: Point, end: Point, radius: float, colour: Colour, gain: float = 1.0) -> None:
        """A limb or tube with round ends."""
        self.canvas.capsule(self.pose.at(*start), self.pose.at(*end), radius, colour, self.code, gain)

    def ball(self, centre: Point, radius: float, colour: Colour) -> None:
        """A sphere."""
        self.canvas.ball(self.pose.at(*centre), radius, colour, self.code)


class EndPanel(NamedTuple):
    """A rectangle on an edge of a body's profile: on its rear, roof or front.

    Attributes:
        edge: index of the edge's first corner in the profile; a negative one counts from the last corner.
        left, right: in half widths of the body, -1..1.
        start, stop: along the edge, 0..1.
        colour: RGB, or a name that :func:`coloured` replaces.
    """

    edge: int
    left: float
    right: float
    start: float
    stop: float
    colour: Colour | str


def pair(edge: int, inner: float, outer: float, start: float, stop: float, colour: Colour | str) -> list[EndPanel]:
    """Two panels that mirror each other, such as lamps, from ``inner`` to ``outer`` half widths off the middle."""
    return [EndPanel(edge, -outer, -inner, start, stop, colour), EndPanel(edge, inner, outer, start, stop, colour)]


def coloured(panels: Iterable[EndPanel], **colours: Colour) -> list[EndPanel]:
    """The panels with the names among their colours replaced by the colours themselves."""
    return [
        panel._replace(colour=colours[panel.colour]) if isinstance(panel.colour, str) else panel for panel in panels
    ]


@dataclass(frozen=True)
class Body:
    """A solid over a side profile.

    Attributes:
        profile: (n, 2) corners (u ahead, v up), from the rear bottom up the rear, over the roof and down the front.
        width: in metres, at the belt line.
        colour: RGB 0..255.
        taper: share of the half width that is lost between the height ``belt`` and the roof.
        side: polygons (m, 2) on both sides and their colours.
        ends: rectangles on the edges of the profile.
        wheels: (u, radius) of each axle.
    """

    profile: np.ndarray
    width: float
    colour: Colour
    taper: float = 0.0
    belt: float = 0.9
    side: Sequence[tuple[np.ndarray, Colour]] = ()
    ends: Sequence[EndPanel] = ()
    wheels: Sequence[tuple[float, float]] = ()

    def half_width(self, v: np.ndarray) -> np.ndarray:
        """Half the width in metres at heights v."""
        top = self.profile[:, 1].max()
        return self.width / 2 * (1 - self.taper * np.clip((v - self.belt) / max(top - self.belt, 1e-6), 0, 1))

    def panels_on(self, edge: int) -> list[EndPanel]:
        """The end panels of one edge."""
        return [panel for panel in self.ends if panel.edge in (edge, edge - len(self.profile))]


def draw(canvas: Canvas, pose: Pose, body: Body, code: int) -> None:
    """Paint a body with all its details; every part bears ``code``."""
    for u, radius in body.wheels:
        for w in (-1, 1):
            _draw_tread(canvas, pose, (u, w * body.width / 2, radius), code)
    _draw_ends(canvas, pose, body, code)
    for w in (-1, 1):
        _draw_side(canvas, pose, body, w, code)


def _draw_tread(canvas: Canvas, pose: Pose, hub: Point, code: int) -> None:
    """The broad outline of a wheel that stands on the ground, from its outer to its inner rim."""
    u, w, radius = hub
    inner = w - np.sign(w) * 0.22
    rims = np.concatenate([pose.circle(u, place, radius, radius) for place in (w, inner)])
    points = canvas.camera.project(rims).astype(np.float32)
    hull = cv2.convexHull(points)[:, 0]
    canvas.fill([hull], canvas.light.shade(TYRE, pose.z, gain=0.7), code)


def _draw_ends(canvas: Canvas, pose: Pose, body: Body, code: int) -> None:
    """The faces over the edges of the profile that are seen from their front, far ones first."""
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
    for _, i, corners, normal in sorted(seen, key=lambda face: -face[0]):
        canvas.face(corners, body.colour, code, normal)
        for panel in body.panels_on(i):
            assert not isinstance(panel.colour, str), f"no colour is given for {panel.colour}"
            canvas.face(_on_face(corners, panel), panel.colour, None, normal)


def _on_face(corners: np.ndarray, panel: EndPanel) -> np.ndarray:
    """(4, 3) corners of a panel on a face with the corners left start, right start, right stop, left stop."""
    left, right = corners[0], corners[1]
    far_left, far_right = corners[3], corners[2]

    def point(w: float, t: float) -> np.ndarray:
        a, b = left + t * (far_left - left), right + t * (far_right - right)
        return a + (w + 1) / 2 * (b - a)

    lower = [point(panel.left, panel.start), point(panel.right, panel.start)]
    upper = [point(panel.right, panel.stop), point(panel.left, panel.stop)]
    return np.stack(lower + upper)


def _draw_side(canvas: Canvas, pose: Pose, body: Body, w: int, code: int) -> None:
    """The left (w -1) or right (1) side with its wheels, if it is seen."""
    profile = body.profile
    normal = pose.direction(0, w, 0)
    side = pose.at(profile[:, 0], w * body.half_width(profile[:, 1]), profile[:, 1])
    if not canvas.camera.faces(side.mean(axis=0), normal):
        return
    canvas.face(side, body.colour, code, normal)
    for polygon, colour in body.side:
        points = pose.at(polygon[:, 0], w * body.half_width(polygon[:, 1]), polygon[:, 1])
        canvas.face(points, colour, None, normal)
    for u, radius in body.wheels:
        canvas.face(pose.circle(u, w * body.width / 2, radius, radius), TYRE, code)
        canvas.face(pose.circle(u, w * body.width / 2, radius, radius * 0.55), HUB)


def box(length: float, bottom: float, top: float, slope_rear: float = 0.0, slope_front: float = 0.0) -> np.ndarray:
    """(4, 2) corners of a box profile whose upper corners lean inwards."""
    u = length / 2
    return np.array([(-u, bottom), (-u + slope_rear, top), (u - slope_front, top), (u, bottom)])


def rectangle(u0: float, v0: float, u1: float, v1: float) -> np.ndarray:
    """(4, 2) corners of an upright rectangle on a side."""
    return np.array([(u0, v0), (u1, v0), (u1, v1), (u0, v1)])
