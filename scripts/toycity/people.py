"""Persons, groups and riders: figures of limbs with round ends in a world of metres."""

from dataclasses import dataclass

import numpy as np

from toycity.canvas import Canvas
from toycity.colours import HAIRS, SKINS, Colour, cloth, paint, pick, scaled
from toycity.solids import Figure, Point, Pose

HIP, SHOULDER, CROWN = 0.92, 1.42, 1.62
"""Heights of a person of size 1, in metres."""
VISOR = (26, 28, 34)


@dataclass(frozen=True)
class Walker:
    """What one person looks like; ``size`` is 1 for an adult, ``stride`` half a step in metres, negative where the left
    foot is ahead."""

    size: float
    skin: Colour
    hair: Colour
    top: Colour
    legs: Colour
    stride: float


def draw_person(canvas: Canvas, rng: np.random.Generator, pose: Pose, code: int) -> None:
    """Somebody standing or walking; ``pose.yaw`` is where they walk to. Children are smaller copies."""
    figure, walker = Figure(canvas, pose, code), _random_walker(rng)
    _draw_legs(figure, walker)
    if rng.random() < 0.3:  # a skirt or a coat
        hem = rng.uniform(0.45, 0.7) * walker.size
        for side in (-1, 1):
            start, end = (0, side * 0.08, HIP * walker.size), (0, side * 0.15 * walker.size, hem)
            figure.limb(start, end, 0.13 * walker.size, walker.top, 0.9)
    _draw_arms(figure, walker)
    _draw_trunk_and_head(figure, walker)
    if rng.random() < 0.3:
        bag = (-0.18, 0, 1.2 * walker.size) if rng.random() < 0.6 else (0, 0.32, 0.75 * walker.size)
        figure.ball(bag, 0.16 * walker.size, cloth(rng))


def _random_walker(rng: np.random.Generator) -> Walker:
    size = rng.uniform(0.92, 1.06) if rng.random() < 0.88 else rng.uniform(0.6, 0.75)
    return Walker(
        size=size,
        skin=pick(rng, SKINS),
        hair=pick(rng, HAIRS),
        top=cloth(rng),
        legs=cloth(rng),
        stride=rng.uniform(0.08, 0.38) * size * rng.choice((-1, 1)),
    )


def _draw_legs(figure: Figure, walker: Walker) -> None:
    size, colour, shoes = walker.size, walker.legs, scaled(walker.legs, 0.5)
    for side in (-1, 1):
        w, gain = side * 0.09 * size, 0.82 if side < 0 else 1.0
        foot = (side * walker.stride, w, 0.06)
        knee = (side * walker.stride * 0.55 + 0.05, w, 0.48 * size)
        figure.limb(knee, foot, 0.07 * size, colour, gain)
        figure.limb((0, w, HIP * size), knee, 0.09 * size, colour, gain)
        heel = figure.pose.at(*foot)
        toe = heel + figure.pose.direction(0.14, 0, 0)
        figure.canvas.capsule(heel, toe, 0.05, shoes, figure.code, gain)


def _draw_arms(figure: Figure, walker: Walker) -> None:
    size, colour = walker.size, walker.top
    for side in (-1, 1):
        gain = 0.78 if side < 0 else 0.92
        elbow = (-side * walker.stride * 0.4, side * 0.25 * size, 1.12 * size)
        hand = (-side * walker.stride * 0.6 + 0.08, side * 0.25 * size, 0.88 * size)
        figure.limb((0, side * 0.2 * size, SHOULDER * size - 0.04), elbow, 0.06 * size, colour, gain)
        figure.limb(elbow, hand, 0.05 * size, colour, gain)
        figure.ball(hand, 0.05 * size, walker.skin)


def _draw_trunk_and_head(figure: Figure, walker: Walker) -> None:
    size, crown = walker.size, CROWN * walker.size
    for side in (-1, 1):
        hip, shoulder = (0, side * 0.1 * size, HIP * size), (0, side * 0.11 * size, SHOULDER * size)
        figure.limb(hip, shoulder, 0.11 * size, walker.top)
    figure.limb((0, 0, SHOULDER * size), (0, 0, crown - 0.05), 0.055 * size, walker.skin)
    figure.ball((0.02, 0, crown + 0.03 * size), 0.125 * size, walker.hair)
    if np.cos(figure.pose.yaw) < 0.5:  # a face is seen unless they walk away
        figure.ball((0.07, 0, crown - 0.01 * size), 0.1 * size, walker.skin)


def draw_group(canvas: Canvas, rng: np.random.Generator, pose: Pose, code: int) -> None:
    """People so close together that they count as one group region."""
    count = int(rng.integers(5, 9))
    places = rng.uniform((-1.1, -0.4), (1.1, 0.4), (count, 2)).tolist()
    for x, z in sorted(places, key=lambda place: -place[1]):
        draw_person(canvas, rng, Pose(pose.x + x, pose.z + z, rng.uniform(0, 2 * np.pi)), code)


@dataclass(frozen=True)
class Seat:
    """How a rider sits on a bicycle or motorcycle: places (u ahead, v up) and sizes in metres.

    Attributes:
        place, grip: of the saddle and of the handlebar.
        spread: of a knee from the middle.
        trunk, head: radii; the head's with its helmet or hair.
        lift: of the helmet or hair over the head.
    """

    place: tuple[float, float]
    grip: tuple[float, float]
    spread: float
    trunk: float
    head: float
    lift: float


SEATS = {
    "bicycle": Seat((-0.2, 1.02), (0.36, 1.06), spread=0.11, trunk=0.115, head=0.125, lift=0.06),
    "motorcycle": Seat((-0.35, 0.98), (0.4, 1.1), spread=0.24, trunk=0.13, head=0.16, lift=0.02),
}


def draw_rider(canvas: Canvas, rng: np.random.Generator, pose: Pose, code: int, mount: str) -> None:
    """Somebody seated on a bicycle or motorcycle that stands at the same pose and is drawn before."""
    figure, seat = Figure(canvas, pose, code), SEATS[mount]
    skin, top, legs = pick(rng, SKINS), cloth(rng), cloth(rng)
    lean = rng.uniform(0.12, 0.4)
    shoulder = (seat.place[0] + lean, seat.place[1] + 0.52)
    turn = rng.uniform(0, 2 * np.pi)
    for side, angle in ((-1, turn), (1, turn + np.pi)):
        gain = 0.8 if side < 0 else 1.0
        knee, foot = ((0.1, 0.82), (-0.1, 0.36)) if mount == "motorcycle" else _pedalling(seat, angle)
        w = side * seat.spread
        figure.limb(_beside(seat.place, side * 0.09), _beside(knee, w), 0.095, legs, gain)
        figure.limb(_beside(knee, w), _beside(foot, w), 0.075, legs, gain)
        elbow = ((shoulder[0] + seat.grip[0]) / 2, (shoulder[1] + seat.grip[1]) / 2 - 0.12)
        figure.limb(_beside(shoulder, side * 0.2), _beside(elbow, side * 0.28), 0.065, top, gain)
        figure.limb(_beside(elbow, side * 0.28), _beside(seat.grip, side * 0.26), 0.055, top, gain)
    for side in (-1, 1):
        figure.limb(_beside(seat.place, side * 0.08), _beside(shoulder, side * 0.11), seat.trunk, top)
    _draw_riders_head(figure, rng, (shoulder[0] + 0.08, shoulder[1] + 0.24), skin, mount)
    if rng.random() < 0.3:  # a rucksack
        figure.ball((shoulder[0] - 0.25, 0.0, shoulder[1] - 0.15), 0.18, cloth(rng))


def _draw_riders_head(
    figure: Figure, rng: np.random.Generator, place: tuple[float, float], skin: Colour, mount: str
) -> None:
    (u, v), seat, motor = place, SEATS[mount], mount == "motorcycle"
    figure.ball((u, 0.0, v), 0.11, skin)
    helmet = motor or rng.random() < 0.55
    figure.ball((u - 0.02, 0.0, v + seat.lift), seat.head, paint(rng) if helmet else pick(rng, HAIRS))
    if np.cos(figure.pose.yaw) < 0.3:  # the visor or the face, if they come nearer
        if motor:
            figure.ball((u + 0.1, 0.0, v), 0.08, VISOR)
        else:
            figure.ball((u + 0.06, 0.0, v - 0.03), 0.085, skin)


def _pedalling(seat: Seat, angle: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Knee and foot over a pedal at an angle."""
    foot = (-0.05 + 0.17 * np.cos(angle), 0.3 + 0.17 * np.sin(angle))
    return ((seat.place[0] + foot[0]) / 2 + 0.24, (seat.place[1] + foot[1]) / 2 + 0.1), foot


def _beside(place: tuple[float, float], w: float) -> Point:
    """A place (u, v) of the middle plane, moved w to the right."""
    return place[0], w, place[1]
