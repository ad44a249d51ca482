"""Persons, and riders with what they ride: figures of limbs with round ends in a world of metres."""

import numpy as np

from toycity.canvas import Canvas
from toycity.solids import TYRE, Body, Pose, circle, draw
from toycity.vehicles import DARK, RED_LIGHT, WHITE_LIGHT, paint

SKINS = ((236, 196, 168), (214, 164, 130), (172, 120, 86), (116, 78, 56), (84, 56, 42))
HAIRS = ((40, 30, 26), (86, 58, 36), (152, 112, 62), (190, 188, 184), (24, 22, 24))
CLOTHES = (
    (36, 40, 58),
    (58, 60, 66),
    (128, 36, 40),
    (200, 198, 190),
    (54, 84, 124),
    (92, 104, 72),
    (166, 128, 84),
    (216, 172, 60),
    (110, 62, 96),
    (28, 28, 32),
)


def cloth(rng: np.random.Generator) -> tuple:
    """A colour of clothing, a little varied."""
    return tuple(np.clip(np.array(CLOTHES[rng.integers(len(CLOTHES))]) + rng.uniform(-12, 12, 3), 5, 250))


def _choice(rng: np.random.Generator, colours: tuple) -> tuple:
    return colours[rng.integers(len(colours))]


def draw_person(canvas: Canvas, rng: np.random.Generator, pose: Pose, code: int) -> None:
    """Somebody standing or walking; ``pose.yaw`` is where they walk to. Children are smaller copies."""
    size = rng.uniform(0.92, 1.06) if rng.random() < 0.88 else rng.uniform(0.6, 0.75)
    skin, hair, top, legs = _choice(rng, SKINS), _choice(rng, HAIRS), cloth(rng), cloth(rng)
    stride = rng.uniform(0.08, 0.38) * size
    phase = rng.choice((-1, 1))
    hip, shoulder, crown = 0.92 * size, 1.42 * size, 1.62 * size
    shoes = tuple(0.5 * np.array(legs))
    for side in (-1, 1):
        foot = pose.at(side * phase * stride, side * 0.09 * size, 0.06)
        knee = pose.at(side * phase * stride * 0.55 + 0.05, side * 0.09 * size, 0.48 * size)
        gain = 0.82 if side < 0 else 1.0
        canvas.capsule(knee, foot, 0.07 * size, legs, code, gain)
        canvas.capsule(pose.at(0, side * 0.09 * size, hip), knee, 0.09 * size, legs, code, gain)
        canvas.capsule(foot, foot + pose.direction(0.14, 0, 0), 0.05, shoes, code, gain)
    if rng.random() < 0.3:  # a skirt or a coat
        hem = rng.uniform(0.45, 0.7) * size
        for side in (-1, 1):
            canvas.capsule(
                pose.at(0, side * 0.08, hip), pose.at(0, side * 0.15 * size, hem), 0.13 * size, top, code, 0.9
            )
    for side in (-1, 1):
        elbow = pose.at(-side * phase * stride * 0.4, side * 0.25 * size, 1.12 * size)
        hand = pose.at(-side * phase * stride * 0.6 + 0.08, side * 0.25 * size, 0.88 * size)
        gain = 0.78 if side < 0 else 0.92
        canvas.capsule(pose.at(0, side * 0.2 * size, shoulder - 0.04), elbow, 0.06 * size, top, code, gain)
        canvas.capsule(elbow, hand, 0.05 * size, top, code, gain)
        canvas.ball(hand, 0.05 * size, skin, code)
    for side in (-1, 1):
        canvas.capsule(
            pose.at(0, side * 0.1 * size, hip), pose.at(0, side * 0.11 * size, shoulder), 0.11 * size, top, code
        )
    canvas.capsule(pose.at(0, 0, shoulder), pose.at(0, 0, crown - 0.05), 0.055 * size, skin, code)
    canvas.ball(pose.at(0.02, 0, crown + 0.03 * size), 0.125 * size, hair, code)
    if np.cos(pose.yaw) < 0.5:  # a face is seen unless they walk away
        canvas.ball(pose.at(0.07, 0, crown - 0.01 * size), 0.1 * size, skin, code)
    if rng.random() < 0.3:
        bag = pose.at(-0.18, 0, 1.2 * size) if rng.random() < 0.6 else pose.at(0, 0.32, 0.75 * size)
        canvas.ball(bag, 0.16 * size, cloth(rng), code)


def draw_group(canvas: Canvas, rng: np.random.Generator, pose: Pose, code: int) -> None:
    """People so close together that they count as one group region."""
    places = sorted(rng.uniform((-1.1, -0.4), (1.1, 0.4), (int(rng.integers(5, 9)), 2)).tolist(), key=lambda p: -p[1])
    for x, z in places:
        draw_person(canvas, rng, Pose(pose.x + x, pose.z + z, rng.uniform(0, 2 * np.pi)), code)


def draw_bicycle(canvas: Canvas, rng: np.random.Generator, pose: Pose, code: int) -> None:
    """Two thin wheels, a frame of tubes, saddle and handlebar."""
    colour, radius, wheels = paint(rng), 0.35, (-0.52, 0.52)
    for u in wheels:
        _wheel(canvas, pose, u, radius, 0.035, code)
    crank, saddle, head = (-0.05, 0.3), (-0.2, 0.92), (0.38, 0.88)
    tubes = [(wheels[0], radius, *crank), (*crank, *saddle), (*saddle, wheels[0], radius), (*crank, *head)]
    tubes += [(-0.16, 0.78, *head), (*head, wheels[1], radius), (*head, 0.36, 1.02)]
    for u0, v0, u1, v1 in tubes:
        canvas.capsule(pose.at(u0, 0.0, v0), pose.at(u1, 0.0, v1), 0.028, colour, code)
    canvas.capsule(pose.at(0.36, -0.28, 1.03), pose.at(0.36, 0.28, 1.03), 0.03, DARK, code)
    canvas.capsule(pose.at(-0.32, 0.0, 0.95), pose.at(-0.1, 0.0, 0.95), 0.05, DARK, code)
    if rng.random() < 0.25:
        canvas.ball(pose.at(0.62, 0.0, 0.85), 0.17, (122, 88, 58), code)  # a basket


def _wheel(canvas: Canvas, pose: Pose, u: float, radius: float, thickness: float, code: int) -> None:
    rim = circle(pose, u, 0.0, radius, radius)
    for a, b in zip(rim, np.roll(rim, -1, axis=0), strict=True):
        canvas.capsule(a, b, thickness, TYRE, code)


def draw_motorcycle(canvas: Canvas, rng: np.random.Generator, pose: Pose, code: int) -> None:
    """Fat wheels, a heavy tank and engine between them, a fork and a lamp; scooters have a leg shield instead."""
    colour = paint(rng)
    scooter = rng.random() < 0.4
    radius, base = (0.26, 0.6) if scooter else (0.33, 0.72)
    for u in (-base, base):
        _wheel(canvas, pose, u, radius * 0.75, radius * 0.3, code)
    if scooter:
        profile = np.array(
            [(-0.85, 0.35), (-0.9, 0.75), (-0.1, 0.85), (0.05, 0.35), (0.45, 0.3), (0.55, 0.22), (-0.4, 0.2)]
        )
        shield = np.array([(0.4, 0.3), (0.3, 0.95), (0.42, 1.0), (0.62, 0.35)])
        bodies = [Body(profile, 0.42, colour, belt=9.0), Body(shield, 0.5, colour, belt=9.0)]
    else:
        engine = np.array([(-0.45, 0.25), (-0.4, 0.65), (0.35, 0.65), (0.3, 0.25)])
        tank = np.array(
            [(-0.95, 0.78), (-0.9, 0.9), (-0.15, 0.8), (0.05, 1.0), (0.45, 0.95), (0.5, 0.65), (-0.3, 0.62)]
        )
        bodies = [Body(engine, 0.36, (86, 86, 92), belt=9.0), Body(tank, 0.4, colour, belt=9.0)]
    for body in bodies:
        draw(canvas, pose, body, code)
    front = radius * 0.75
    for w in (-0.08, 0.08):
        canvas.capsule(pose.at(base, w, front), pose.at(0.42, w, 1.02), 0.045, (146, 146, 150), code)
    canvas.capsule(pose.at(-0.8, 0.0, 0.92), pose.at(-0.2, 0.0, 0.9), 0.1, DARK, code)
    canvas.capsule(pose.at(0.4, -0.36, 1.08), pose.at(0.4, 0.36, 1.08), 0.04, DARK, code)
    for w in (-0.36, 0.36):
        canvas.ball(pose.at(0.42, w, 1.2), 0.07, DARK, code)
    if np.cos(pose.yaw) < 0.3:
        canvas.ball(pose.at(0.6, 0.0, 0.93), 0.12, WHITE_LIGHT, code)
    else:
        canvas.ball(pose.at(-0.95, 0.0, 0.82), 0.08, RED_LIGHT, code)
    canvas.capsule(pose.at(-0.85, 0.2, 0.38), pose.at(0.0, 0.18, 0.3), 0.06, (156, 156, 160), code)


def draw_rider(canvas: Canvas, rng: np.random.Generator, pose: Pose, code: int, mount: str) -> None:
    """Somebody seated on a bicycle or motorcycle that stands at the same pose and is drawn before."""
    skin, top, legs = _choice(rng, SKINS), cloth(rng), cloth(rng)
    motor = mount == "motorcycle"
    seat = (-0.35, 0.98) if motor else (-0.2, 1.02)
    lean = rng.uniform(0.12, 0.4)
    shoulder = (seat[0] + lean, seat[1] + 0.52)
    grip = (0.4, 1.1) if motor else (0.36, 1.06)
    turn = rng.uniform(0, 2 * np.pi)
    for side, angle in ((-1, turn), (1, turn + np.pi)):
        gain = 0.8 if side < 0 else 1.0
        if motor:
            knee, foot = (0.1, 0.82), (-0.1, 0.36)
        else:
            foot = (-0.05 + 0.17 * np.cos(angle), 0.3 + 0.17 * np.sin(angle))
            knee = ((seat[0] + foot[0]) / 2 + 0.24, (seat[1] + foot[1]) / 2 + 0.1)
        w = side * (0.24 if motor else 0.11)
        canvas.capsule(pose.at(*_uw(seat, side * 0.09)), pose.at(*_uw(knee, w)), 0.095, legs, code, gain)
        canvas.capsule(pose.at(*_uw(knee, w)), pose.at(*_uw(foot, w)), 0.075, legs, code, gain)
        elbow = ((shoulder[0] + grip[0]) / 2, (shoulder[1] + grip[1]) / 2 - 0.12)
        canvas.capsule(pose.at(*_uw(shoulder, side * 0.2)), pose.at(*_uw(elbow, side * 0.28)), 0.065, top, code, gain)
        canvas.capsule(pose.at(*_uw(elbow, side * 0.28)), pose.at(*_uw(grip, side * 0.26)), 0.055, top, code, gain)
    for side in (-1, 1):
        canvas.capsule(
            pose.at(*_uw(seat, side * 0.08)), pose.at(*_uw(shoulder, side * 0.11)), 0.13 if motor else 0.115, top, code
        )
    head = (shoulder[0] + 0.08, shoulder[1] + 0.24)
    canvas.ball(pose.at(*_uw(head, 0.0)), 0.11, skin, code)
    helmet = motor or rng.random() < 0.55
    canvas.ball(
        pose.at(head[0] - 0.02, 0.0, head[1] + (0.02 if motor else 0.06)),
        0.16 if motor else 0.125,
        paint(rng) if helmet else _choice(rng, HAIRS),
        code,
    )
    if motor and np.cos(pose.yaw) < 0.3:
        canvas.ball(pose.at(head[0] + 0.1, 0.0, head[1]), 0.08, (26, 28, 34), code)  # the visor
    if not motor and np.cos(pose.yaw) < 0.3:
        canvas.ball(pose.at(head[0] + 0.06, 0.0, head[1] - 0.03), 0.085, skin, code)
    if rng.random() < 0.3:
        canvas.ball(pose.at(shoulder[0] - 0.25, 0.0, shoulder[1] - 0.15), 0.18, cloth(rng), code)


def _uw(point: tuple[float, float], w: float) -> tuple[float, float, float]:
    """(u, v) and w -> the order (u, w, v) of Pose.at."""
    return point[0], w, point[1]
