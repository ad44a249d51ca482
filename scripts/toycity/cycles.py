"""Bicycles and motorcycles."""

import numpy as np

from toycity.canvas import Canvas
from toycity.colours import DARK, RED_LIGHT, TYRE, WHITE_LIGHT, paint
from toycity.solids import Body, Figure, Pose, draw

# a bicycle's frame, by places (u ahead, v up) in metres
_RADIUS = 0.35
_REAR, _FRONT = (-0.52, _RADIUS), (0.52, _RADIUS)
_CRANK, _SADDLE, _HEAD = (-0.05, 0.3), (-0.2, 0.92), (0.38, 0.88)
BICYCLE_TUBES = (
    (_REAR, _CRANK),
    (_CRANK, _SADDLE),
    (_SADDLE, _REAR),
    (_CRANK, _HEAD),
    ((-0.16, 0.78), _HEAD),
    (_HEAD, _FRONT),
    (_HEAD, (0.36, 1.02)),
)
BASKET = (122, 88, 58)

# side profiles of a motorcycle's parts
SCOOTER = np.array([(-0.85, 0.35), (-0.9, 0.75), (-0.1, 0.85), (0.05, 0.35), (0.45, 0.3), (0.55, 0.22), (-0.4, 0.2)])
LEG_SHIELD = np.array([(0.4, 0.3), (0.3, 0.95), (0.42, 1.0), (0.62, 0.35)])
ENGINE = np.array([(-0.45, 0.25), (-0.4, 0.65), (0.35, 0.65), (0.3, 0.25)])
TANK = np.array([(-0.95, 0.78), (-0.9, 0.9), (-0.15, 0.8), (0.05, 1.0), (0.45, 0.95), (0.5, 0.65), (-0.3, 0.62)])
ENGINE_GREY, FORK_GREY, EXHAUST_GREY = (86, 86, 92), (146, 146, 150), (156, 156, 160)


def draw_bicycle(canvas: Canvas, rng: np.random.Generator, pose: Pose, code: int) -> None:
    """Two thin wheels, a frame of tubes, saddle and handlebar."""
    figure, colour = Figure(canvas, pose, code), paint(rng)
    for u, _ in (_REAR, _FRONT):
        _draw_wheel(figure, u, _RADIUS, 0.035)
    for (u0, v0), (u1, v1) in BICYCLE_TUBES:
        figure.limb((u0, 0.0, v0), (u1, 0.0, v1), 0.028, colour)
    figure.limb((0.36, -0.28, 1.03), (0.36, 0.28, 1.03), 0.03, DARK)
    figure.limb((-0.32, 0.0, 0.95), (-0.1, 0.0, 0.95), 0.05, DARK)
    if rng.random() < 0.25:
        figure.ball((0.62, 0.0, 0.85), 0.17, BASKET)


def draw_motorcycle(canvas: Canvas, rng: np.random.Generator, pose: Pose, code: int) -> None:
    """Fat wheels, a heavy tank and engine between them, a fork and a lamp; scooters have a leg shield instead."""
    figure, colour = Figure(canvas, pose, code), paint(rng)
    if rng.random() < 0.4:
        radius, base = 0.26, 0.6
        bodies = [Body(SCOOTER, 0.42, colour, belt=9.0), Body(LEG_SHIELD, 0.5, colour, belt=9.0)]
    else:
        radius, base = 0.33, 0.72
        bodies = [Body(ENGINE, 0.36, ENGINE_GREY, belt=9.0), Body(TANK, 0.4, colour, belt=9.0)]
    for u in (-base, base):
        _draw_wheel(figure, u, radius * 0.75, radius * 0.3)
    for body in bodies:
        draw(canvas, pose, body, code)
    for w in (-0.08, 0.08):
        figure.limb((base, w, radius * 0.75), (0.42, w, 1.02), 0.045, FORK_GREY)
    figure.limb((-0.8, 0.0, 0.92), (-0.2, 0.0, 0.9), 0.1, DARK)  # the seat
    figure.limb((0.4, -0.36, 1.08), (0.4, 0.36, 1.08), 0.04, DARK)  # the handlebar and its mirrors
    for w in (-0.36, 0.36):
        figure.ball((0.42, w, 1.2), 0.07, DARK)
    if np.cos(pose.yaw) < 0.3:
        figure.ball((0.6, 0.0, 0.93), 0.12, WHITE_LIGHT)
    else:
        figure.ball((-0.95, 0.0, 0.82), 0.08, RED_LIGHT)
    figure.limb((-0.85, 0.2, 0.38), (0.0, 0.18, 0.3), 0.06, EXHAUST_GREY)


def _draw_wheel(figure: Figure, u: float, radius: float, thickness: float) -> None:
    rim = figure.pose.circle(u, 0.0, radius, radius)
    for a, b in zip(rim, np.roll(rim, -1, axis=0), strict=True):
        figure.canvas.capsule(a, b, thickness, TYRE, figure.code)
