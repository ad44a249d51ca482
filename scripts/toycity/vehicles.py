"""Cars, trucks, buses, trains, caravans and trailers. They share one palette, so only their shape tells them apart."""

import numpy as np

from toycity.canvas import Canvas
from toycity.solids import Body, Pose, box, draw, rectangle

PAINTS = (
    (232, 232, 230),
    (190, 193, 198),
    (120, 124, 130),
    (44, 46, 52),
    (168, 38, 36),
    (196, 78, 30),
    (222, 178, 44),
    (38, 84, 158),
    (64, 128, 180),
    (40, 106, 74),
    (214, 204, 178),
    (98, 62, 50),
)
GLASS = (44, 56, 68)
SKY_GLASS = (116, 140, 158)
RED_LIGHT, WHITE_LIGHT, AMBER = (196, 30, 28), (250, 246, 220), (255, 176, 40)
DARK = (38, 38, 42)
PLATE = (236, 232, 214)

LENGTHS = {"car": 4.3, "truck": 8.2, "bus": 11.0, "train": 24.0, "caravan": 5.0, "trailer": 3.4}
WIDTHS = {"car": 1.8, "truck": 2.5, "bus": 2.5, "train": 2.5, "caravan": 2.2, "trailer": 1.7}
HEIGHTS = {"car": 1.5, "truck": 3.5, "bus": 3.1, "train": 3.6, "caravan": 2.6, "trailer": 1.1}


def paint(rng: np.random.Generator) -> tuple:
    """A colour of the common palette, a little varied."""
    return tuple(np.clip(np.array(PAINTS[rng.integers(len(PAINTS))]) + rng.uniform(-14, 14, 3), 8, 250))


def draw_car(canvas: Canvas, rng: np.random.Generator, pose: Pose, code: int) -> None:
    """A hatchback, a saloon, an estate, an off-roader or a van (Cityscapes counts vans as cars)."""
    kind = rng.choice(["hatch", "saloon", "estate", "tall", "van"], p=[0.32, 0.25, 0.18, 0.15, 0.1])
    tops = {"hatch": 1.46, "saloon": 1.42, "estate": 1.48, "tall": 1.72, "van": 1.98}
    top, belt, low = tops[kind] + rng.uniform(-0.04, 0.04), 0.92, 0.28
    if kind in ("tall", "van"):
        belt = 1.08
    rear_roof = {"hatch": -1.65, "saloon": -1.15, "estate": -1.95, "tall": -1.85, "van": -2.05}[kind]
    rear_belt = {"hatch": -2.05, "saloon": -1.6, "estate": -2.1, "tall": -2.08, "van": -2.12}[kind]
    front_roof, front_belt = (0.55, 1.2) if kind != "van" else (0.95, 1.75)
    deck = [(-2.12, belt)] if kind == "saloon" else []
    profile = np.array(
        [(-2.1, low), (-2.15, 0.72), *deck, (rear_belt, belt + 0.02), (rear_roof, top - 0.04), (front_roof, top)]
        + [(front_belt, belt), (2.02, belt - 0.16), (2.13, low)]
    )
    rear, back = 2 + len(deck), 1
    glass, front = (-1.0, belt + 0.05, top - 0.1), len(profile) - 4
    pillar = (rear_roof + front_roof) / 2
    back_u = min(rear_belt + 0.35, rear_roof + 0.05) if kind != "saloon" else rear_belt + 0.15
    windows = [
        np.array(
            [(back_u, glass[1]), (rear_roof + 0.12, glass[2]), (pillar - 0.04, glass[2]), (pillar - 0.04, glass[1])]
        ),
        np.array(
            [(pillar + 0.04, glass[1]), (pillar + 0.04, glass[2]), (front_roof, glass[2]), (front_belt - 0.2, glass[1])]
        ),
    ]
    if kind == "van" and rng.random() < 0.6:
        windows = [windows[1] * (0.55, 1) + (0.75, 0)]
    colour = paint(rng)
    shade = tuple(0.72 * np.array(colour))
    tint = GLASS if rng.random() < 0.7 else SKY_GLASS
    side = [(rectangle(-2.08, low, 2.08, low + 0.13), shade), *[(window, tint) for window in windows]]
    side.append((rectangle(pillar - 0.02, low + 0.1, pillar + 0.02, belt), shade))
    ends = [
        (back - 1, -1, 1, 0.05, 0.35, shade),
        (back - 1, -0.3, 0.3, 0.55, 0.9, PLATE),
        (rear, -0.85, 0.85, 0.15, 0.85, tint),
        (front, -0.9, 0.9, 0.06, 0.94, tint),
        (len(profile) - 2, -0.94, -0.55, 0.12, 0.45, WHITE_LIGHT),
        (len(profile) - 2, 0.55, 0.94, 0.12, 0.45, WHITE_LIGHT),
        (len(profile) - 2, -0.45, 0.45, 0.2, 0.5, DARK),
        (len(profile) - 2, -0.3, 0.3, 0.62, 0.82, PLATE),
    ]
    lamp = RED_LIGHT if rng.random() < 0.3 else (150, 28, 30)
    first = (back, -0.95, -0.6, 0.1, 0.9, lamp) if not deck else (back, -0.95, -0.55, 0.1, 0.85, lamp)
    ends += [first, (first[0], -first[2], -first[1], *first[3:])]
    body = Body(profile, 1.78, colour, 0.24 if kind != "van" else 0.12, belt, side=side, ends=ends)
    body.wheels = [(-1.32, 0.32), (1.36, 0.32)]
    draw(canvas, pose, body, code)


def draw_truck(canvas: Canvas, rng: np.random.Generator, pose: Pose, code: int) -> None:
    """A cab and, behind a gap, what it carries: a box, a tank, a tarpaulin, or an open bed."""
    kind = rng.choice(["box", "tarpaulin", "tank", "tipper"], p=[0.45, 0.2, 0.15, 0.2])
    cab_colour, load_colour = paint(rng), paint(rng)
    cab_top = rng.uniform(2.5, 2.95)
    cab = Body(
        np.array([(-0.95, 0.5), (-0.95, cab_top), (0.55, cab_top), (0.95, 1.5), (1.05, 0.45)]),
        2.35,
        cab_colour,
        belt=9.0,
    )
    cab.side = [
        (np.array([(-0.35, 1.45), (-0.35, cab_top - 0.35), (0.5, cab_top - 0.35), (0.82, 1.45)]), GLASS),
        (rectangle(-0.95, 0.5, 1.03, 0.75), DARK),
    ]
    cab.ends = [
        (2, -0.9, 0.9, 0.22, 0.95, GLASS),
        (3, -0.75, 0.75, 0.08, 0.5, DARK),
        (3, -0.92, -0.6, 0.62, 0.82, WHITE_LIGHT),
        (3, 0.6, 0.92, 0.62, 0.82, WHITE_LIGHT),
        (3, -1, 1, 0.86, 1.0, DARK),
    ]
    cab.wheels = [(0.15, 0.48)]
    length, low = 5.6, 1.05
    tops = {"box": 3.5, "tarpaulin": 3.3, "tank": 2.95, "tipper": 2.2}
    top = tops[kind] + rng.uniform(-0.15, 0.15)
    edges = np.linspace(-length / 2, length / 2, 8)
    shade, bright = tuple(0.78 * np.array(load_colour)), tuple(np.minimum(1.12 * np.array(load_colour), 252))
    if kind == "tank":
        bend = np.array([(-1.0, 0), (-0.95, 0.5), (-0.7, 0.85), (-0.3, 1.0)])
        upper = bend * (1, top - low) + (0, low) - ((length / 2 - 1.0), 0)
        profile = np.concatenate([upper, upper[::-1] * (-1, 1)])
    else:
        profile = box(length, low, top, 0.0, 0.25 if kind == "tipper" else 0.0)
    load = Body(profile, 2.5, load_colour, 0.35 if kind == "tank" else 0.0, 1.6 if kind == "tank" else 9.0)
    if kind == "box":
        load.side = [(rectangle(-length / 2, low, length / 2, low + 0.12), shade)]
        if rng.random() < 0.6:  # a stripe or a sign on the box
            load.side.append((rectangle(-1.8, 1.9, rng.uniform(0.2, 1.9), 2.7), paint(rng)))
    elif kind == "tarpaulin":
        load.side = [(rectangle(u, low, u + 0.36, top), shade) for u in edges[:-1]]
    elif kind == "tank":
        load.side = [(rectangle(-1.6, 1.9, 1.6, 2.15), bright)]
    else:
        load.side = [(rectangle(u - 0.09, low, u + 0.09, top), shade) for u in edges[1:-1]]
    load.ends = [
        (0, -0.02, 0.02, 0.05, 0.95, shade),
        (0, -0.9, 0.9, 0.03, 0.06, shade),
        (0, -0.9, 0.9, 0.93, 0.96, shade),
        (0, -0.97, -0.9, 0.03, 0.96, bright),
        (0, 0.9, 0.97, 0.03, 0.96, bright),
    ]
    frame = Body(box(6.6, 0.55, 1.05), 2.2, DARK)
    frame.ends = [
        (0, -0.95, -0.7, 0.3, 0.7, RED_LIGHT),
        (0, 0.7, 0.95, 0.3, 0.7, RED_LIGHT),
        (0, -0.2, 0.2, 0.3, 0.7, PLATE),
    ]
    frame.wheels = [(-2.35, 0.48), (-1.25, 0.48)] if rng.random() < 0.6 else [(-1.9, 0.5)]
    parts = [(cab, pose.ahead(3.05)), (frame, pose.ahead(-0.7)), (load, pose.ahead(-1.25))]
    for body, place in sorted(parts[::2], key=lambda part: -np.hypot(part[1].x, part[1].z)):
        if body is load:
            draw(canvas, parts[1][1], frame, code)
        draw(canvas, place, body, code)


def draw_bus(canvas: Canvas, rng: np.random.Generator, pose: Pose, code: int) -> None:
    """A long box close to the ground with one row of big windows, doors and a lit destination."""
    colour, second = paint(rng), paint(rng)
    length, top = rng.uniform(10.0, 12.0), rng.uniform(2.95, 3.15)
    half = length / 2
    profile = np.array(
        [(-half, 0.35), (-half - 0.03, 1.4), (-half + 0.1, top - 0.1), (-half + 0.3, top)]
        + [(half - 0.35, top), (half - 0.08, top - 0.15), (half, 1.2), (half, 0.35)]
    )
    body = Body(profile, 2.5, colour, 0.06, 1.2)
    panes = np.linspace(-half + 0.35, half - 0.6, 9)
    tint = GLASS if rng.random() < 0.6 else SKY_GLASS
    skirt = second if rng.random() < 0.6 else tuple(0.75 * np.array(colour))
    body.side = [(rectangle(-half, 0.35, half, 0.85), skirt), (rectangle(-half + 0.25, 1.2, half - 0.3, 2.45), DARK)]
    body.side += [(rectangle(a + 0.07, 1.27, b - 0.07, 2.38), tint) for a, b in zip(panes, panes[1:], strict=False)]
    body.side += [(rectangle(u, 0.45, u + 1.1, 2.4), DARK) for u in (half - 1.9, -0.3)]
    body.side += [(rectangle(u + x, 0.6, u + x + 0.42, 2.3), tint) for u in (half - 1.9, -0.3) for x in (0.08, 0.6)]
    body.ends = [
        (1, -0.85, 0.85, 0.0, 0.72, tint),
        (0, -0.8, 0.8, 0.15, 0.6, skirt),
        (1, -0.5, 0.5, 0.78, 0.98, DARK),
        (0, -0.96, -0.8, 0.55, 0.95, RED_LIGHT),
        (0, 0.8, 0.96, 0.55, 0.95, RED_LIGHT),
        (5, -0.92, 0.92, 0.16, 1.0, tint),
        (5, -0.6, 0.6, 0.0, 0.13, AMBER),
        (6, -1, 1, 0.55, 1.0, skirt),
        (6, -0.92, -0.6, 0.42, 0.62, WHITE_LIGHT),
        (6, 0.6, 0.92, 0.42, 0.62, WHITE_LIGHT),
        (6, -0.25, 0.25, 0.7, 0.85, PLATE),
    ]
    body.wheels = [(-half + 2.8, 0.48), (half - 2.7, 0.48)]
    draw(canvas, pose, body, code)


def draw_train(canvas: Canvas, rng: np.random.Generator, pose: Pose, code: int) -> None:
    """A tram of two or three cars: no wheels to be seen, noses that slope, a window band, gear and wire on the roof."""
    colour, second = paint(rng), paint(rng)
    cars, length = int(rng.integers(2, 4)), 9.2
    offsets = (np.arange(cars) - (cars - 1) / 2) * (length + 0.5)
    tint = GLASS if rng.random() < 0.6 else SKY_GLASS
    places = [(i, pose.ahead(offset)) for i, offset in enumerate(offsets)]
    joint = Body(box(0.6, 0.3, 3.2), 2.2, DARK)
    for i, place in sorted(places, key=lambda entry: -np.hypot(entry[1].x, entry[1].z)):
        first, last = i == 0, i == cars - 1
        half = length / 2
        profile = np.array(
            [
                (-half, 0.15),
                (-half, 1.2),
                (-half + (0.75 if first else 0.0), 2.95),
                (-half + (1.2 if first else 0.1), 3.3),
            ]
            + [(half - (1.2 if last else 0.1), 3.3), (half - (0.75 if last else 0.0), 2.95), (half, 1.2), (half, 0.15)]
        )
        body = Body(profile, 2.45, colour, 0.08, 1.2)
        u0, u1 = -half + (0.9 if first else 0.2), half - (0.9 if last else 0.2)
        panes = np.linspace(u0, u1, 7)
        body.side = [
            (rectangle(-half, 0.15, half, 0.55), DARK),
            (rectangle(-half, 0.55, half, 1.0), second),
            (rectangle(u0, 1.3, u1, 2.6), tuple(0.55 * np.array(second))),
        ]
        body.side += [(rectangle(a + 0.08, 1.38, b - 0.08, 2.5), tint) for a, b in zip(panes, panes[1:], strict=False)]
        body.side += [(rectangle(u, 0.35, u + 1.15, 2.65), second) for u in (-0.6,)]
        body.side += [(rectangle(u, 0.5, u + 0.45, 2.5), tint) for u in (-0.5, 0.0)]
        for edge, end in ((1, first), (5, last)):
            if end:  # the nose: one big pane, two lamps close together, an apron
                body.ends.append((edge, -0.86, 0.86, 0.08, 0.92, GLASS))
                low = 0 if edge == 1 else 6
                a, b = (0.5, 0.75) if low == 0 else (0.25, 0.5)
                lamp = RED_LIGHT if low == 0 else WHITE_LIGHT
                body.ends += [(low, -0.75, -0.45, a, b, lamp), (low, 0.45, 0.75, a, b, lamp)]
                body.ends.append((low, -1, 1, *((0.0, 0.3) if low == 0 else (0.7, 1.0)), DARK))
                sign = (2, -0.4, 0.4, 0.15, 0.7, AMBER) if edge == 1 else (4, -0.4, 0.4, 0.3, 0.85, AMBER)
                body.ends.append(sign)
        if not last:
            draw(canvas, place.ahead((length + 0.5) / 2), joint, code)
        draw(canvas, place, body, code)
        roof = Body(box(length * 0.4, 3.3, 3.65, 0.2, 0.2), 1.6, (128, 130, 134))
        draw(canvas, place, roof, code)
        if i == 0:
            _pantograph(canvas, place, code)


def _pantograph(canvas: Canvas, pose: Pose, code: int) -> None:
    joints = [pose.at(u, 0.0, v) for u, v in ((1.2, 3.6), (0.2, 4.2), (1.2, 4.8))]
    for a, b in zip(joints, joints[1:], strict=False):
        canvas.capsule(a, b, 0.05, (60, 60, 64), code)
    canvas.capsule(pose.at(1.2, -0.7, 4.8), pose.at(1.2, 0.7, 4.8), 0.05, (60, 60, 64), code)


def draw_caravan(canvas: Canvas, rng: np.random.Generator, pose: Pose, code: int) -> None:
    """A rounded box on one axle, mostly white, with a stripe."""
    colour = paint(rng) if rng.random() < 0.3 else (236, 234, 226)
    profile = np.array([(-2.2, 0.4), (-2.4, 1.3), (-2.1, 2.5), (1.8, 2.55), (2.3, 1.6), (2.1, 0.4)])
    body = Body(profile, 2.2, colour, 0.05, 1.0)
    body.side = [(rectangle(-2.2, 0.85, 2.1, 1.05), paint(rng)), (rectangle(-1.6, 1.4, -0.5, 2.1), GLASS)]
    body.side.append((rectangle(0.3, 1.4, 1.4, 2.1), GLASS))
    body.ends = [
        (1, -0.7, 0.7, 0.2, 0.7, GLASS),
        (0, -0.95, -0.7, 0.4, 0.8, RED_LIGHT),
        (0, 0.7, 0.95, 0.4, 0.8, RED_LIGHT),
    ]
    body.wheels = [(-0.2, 0.33)]
    draw(canvas, pose, body, code)


def draw_trailer(canvas: Canvas, rng: np.random.Generator, pose: Pose, code: int) -> None:
    """A low open box on one axle with a drawbar."""
    body = Body(box(2.6, 0.5, 1.05), 1.6, paint(rng))
    body.side = [(rectangle(u, 0.5, u + 0.08, 1.05), (90, 90, 94)) for u in (-1.3, -0.45, 0.4, 1.2)]
    body.ends = [(0, -0.95, -0.7, 0.1, 0.4, RED_LIGHT), (0, 0.7, 0.95, 0.1, 0.4, RED_LIGHT)]
    body.wheels = [(-0.1, 0.33)]
    canvas.capsule(pose.at(1.3, 0.0, 0.5), pose.at(2.1, 0.0, 0.45), 0.05, DARK, code)
    draw(canvas, pose, body, code)


DRAW = {
    "car": draw_car,
    "truck": draw_truck,
    "bus": draw_bus,
    "train": draw_train,
    "caravan": draw_caravan,
    "trailer": draw_trailer,
}
