"""Where vehicles, people and the furniture of a street stand, so that each class of the scene is seen."""

from collections.abc import Callable
from functools import partial

import numpy as np

from toycity.canvas import Canvas
from toycity.cast import Actor, Cast, Upright
from toycity.cycles import draw_bicycle, draw_motorcycle
from toycity.furniture import draw_bin, draw_pole, draw_sign, draw_traffic_light
from toycity.ids import CLASS_IDS
from toycity.optics import Camera
from toycity.people import draw_group, draw_person, draw_rider
from toycity.plants import draw_tree
from toycity.solids import Pose
from toycity.street import LANE, PARKING_STRIP, Street
from toycity.vehicles import VEHICLES

PARKED = {"car": 0.965, "caravan": 0.02, "trailer": 0.015}
"""What is parked at the road's edge, and the share of each."""
DRAW_MOUNT = {"bicycle": draw_bicycle, "motorcycle": draw_motorcycle}
_TRIES = 40


def gather(camera: Camera, street: Street, rng: np.random.Generator, classes: frozenset[str]) -> list[Actor]:
    """Place everything, the rare first; only the given classes occur, and each is tried until it has a place."""
    cast = Cast(camera, street, rng)
    for name in ("train", "bus", "truck"):
        if name in classes:
            _insist(partial(_place_in_traffic, cast, name))
    _place_mounts(cast, classes)
    if "person" in classes:
        _insist(partial(_place_person, cast, 7.0, 16.0))
    if "car" in classes:
        _insist(partial(_place_in_traffic, cast, "car"))
        _place_cars(cast)
    if "person" in classes:
        for _ in range(int(rng.integers(0, 7))):
            _place_person(cast, 7.0, 45.0)
        if rng.random() < 0.22:
            _place_group(cast)
    _place_furniture(cast, classes)
    return cast.actors


def _insist(place: Callable[[], bool]) -> None:
    for _ in range(_TRIES):
        if place():
            return


def _random_depth(rng: np.random.Generator, near: float, far: float) -> float:
    return float(np.exp(rng.uniform(np.log(near), np.log(far))))


def _place_in_traffic(cast: Cast, name: str) -> bool:
    return cast.add_vehicle(name, _pose_in_traffic(cast, name))


def _pose_in_traffic(cast: Cast, name: str) -> Pose:
    """A place in traffic: ahead, oncoming, across a junction, or (tram) on its track."""
    rng, street = cast.rng, cast.street
    half, yaw = VEHICLES[name].length / 2, float(rng.normal(0, 0.05))
    if name == "train" and street.track is not None and not street.crossing_track:
        z = _random_depth(rng, 9, 26) + half
        return Pose(street.track, z, (0.0 if rng.random() < 0.5 else np.pi) + 2 * cast.camera.bend * z)
    options = ["ahead", "oncoming", "oncoming"] + ["across"] * (3 if name != "car" else 1)
    option = "across" if name == "train" else options[int(rng.integers(len(options)))]
    if option == "across" and street.junction is not None:
        lane = 0.0 if name == "train" else float(rng.choice((-2.0, 2.0)))
        return Pose(float(rng.uniform(-9, 9)), street.junction + lane, float(rng.choice((-1, 1))) * np.pi / 2 + yaw)
    z = _random_depth(rng, 8.5, 30) + half
    if option == "oncoming" and street.track is None:
        return Pose(-LANE + float(rng.normal(0, 0.2)), z, np.pi + yaw + 2 * cast.camera.bend * z)
    return Pose(float(rng.normal(0.1, 0.25)), z + 2, yaw + 2 * cast.camera.bend * z)


def _place_cars(cast: Cast) -> None:
    """Parked cars, caravans and trailers, then more cars in traffic."""
    rng, street = cast.rng, cast.street
    for side in street.sides:
        if not side.parking:
            continue
        filled, z = rng.uniform(0.35, 0.95), rng.uniform(5.5, 9.0)
        while z < 60:
            open_here = street.junction is None or abs(z - street.junction) > 10
            if open_here and rng.random() < filled:
                kind = str(rng.choice(list(PARKED), p=list(PARKED.values())))
                yaw = (0.0 if side.sign > 0 else np.pi) + float(rng.normal(0, 0.03)) + 2 * cast.camera.bend * z
                cast.add_vehicle(kind, Pose(side.edge - side.sign * PARKING_STRIP / 2, z, yaw))
            z += rng.uniform(5.2, 6.6)
    for _ in range(int(rng.integers(0, 5))):
        _place_in_traffic(cast, "car")


def _place_mounts(cast: Cast, classes: frozenset[str]) -> None:
    """Bicycles and motorcycles, with riders where the scene has any; at least one of them is ridden then."""
    rng, rider = cast.rng, "rider" in classes
    mounts = [name for name in ("motorcycle", "bicycle") if name in classes]
    for name in mounts:
        ridden = rider and (len(mounts) == 1 or name == mounts[cast.street.seed % 2])
        _insist(partial(_place_mount, cast, name, ridden))
        for _ in range(int(rng.integers(0, 3 if name == "bicycle" else 2))):
            _place_mount(cast, name, rider and rng.random() < 0.4)


def _place_mount(cast: Cast, name: str, ridden: bool) -> bool:
    """A bicycle or motorcycle: in traffic with its rider, or parked at the kerb."""
    pose = _pose_of_ridden(cast) if ridden else _pose_of_parked(cast)
    room = Upright(
        pose.x,
        pose.z,
        half_width=0.25 + 0.65 * abs(np.sin(pose.yaw)),
        height=1.85 if ridden else 1.15,
        shadow=0.6,
        hides=0.35,
    )
    code = cast.code(name)
    rider = cast.code("rider") if ridden else 0

    def paint(canvas: Canvas, rng: np.random.Generator) -> None:
        DRAW_MOUNT[name](canvas, rng, pose, code)
        if ridden:
            draw_rider(canvas, rng, pose, rider, name)

    return cast.add_upright(room, paint)


def _pose_of_ridden(cast: Cast) -> Pose:
    """In the right lane at its edge, oncoming, or across the road."""
    rng, right = cast.rng, cast.street.right
    z, yaw = _random_depth(rng, 7.0, 26.0), float(rng.normal(0, 0.25))
    option = int(rng.integers(3))
    if option == 0:
        return Pose(right.edge - PARKING_STRIP * right.parking - 0.7, z, yaw)
    if option == 1:
        return Pose(float(rng.normal(-LANE, 0.5)), z, yaw + np.pi)
    return Pose(float(rng.uniform(-3.5, 1.5)), z, float(rng.choice((-1, 1))) * np.pi / 2 + 2 * yaw)


def _pose_of_parked(cast: Cast) -> Pose:
    """On a sidewalk near the road, turned anyhow."""
    rng = cast.rng
    z, yaw = _random_depth(rng, 6.5, 20.0), float(rng.normal(0, 0.25))
    side = cast.street.side(int(rng.choice((-1, 1))))
    x = side.kerb(float(rng.uniform(0.12, 0.5)))
    return Pose(x, z, yaw + float(rng.choice((0.0, np.pi / 2, np.pi, -np.pi / 2, 0.9, -0.9))))


def _place_person(cast: Cast, near: float, far: float) -> bool:
    """Somebody on the pedestrian crossing or on a sidewalk."""
    rng, street = cast.rng, cast.street
    z = _random_depth(rng, near, far)
    if street.junction is not None and rng.random() < 0.3:
        z, x = max(street.junction - 8.0, 5.0), float(rng.uniform(street.left.edge, street.right.edge))
        yaw = float(rng.choice((-1, 1))) * np.pi / 2
    else:
        side = street.side(int(rng.choice((-1, 1))))
        x = side.kerb(float(rng.uniform(0.25, 0.9)))
        yaw = float(rng.choice((0, np.pi))) + float(rng.normal(0, 0.5))
    room = Upright(x, z, half_width=0.3, height=1.75, shadow=0.5)
    return cast.add_upright(room, partial(draw_person, pose=Pose(x, z, yaw), code=cast.code("person")))


def _place_group(cast: Cast) -> bool:
    side = cast.street.side(int(cast.rng.choice((-1, 1))))
    z, x = _random_depth(cast.rng, 12, 30), side.kerb(0.55)
    room = Upright(x, z, half_width=1.2, height=1.75, shadow=1.2)
    return cast.add_upright(room, partial(draw_group, pose=Pose(x, z, 0.0), code=CLASS_IDS["person"]))


def _place_furniture(cast: Cast, classes: frozenset[str]) -> None:
    """Trees, poles, signs, traffic lights and bins along the kerbs; the first of a class stands near."""
    rng, junction = cast.rng, cast.street.junction
    for _ in range(int(rng.integers(1, 6))):
        x, z = _place_at_kerb(cast, 9, 60, 0.3)
        cast.add(z, partial(_draw_street_tree, x=x, z=z))
    if "pole" in classes:
        for near, far in [(8.0, 18.0)] + [(8.0, 50.0)] * int(rng.integers(1, 6)):
            x, z = _place_at_kerb(cast, near, far, 0.12)
            height = float(rng.uniform(5.5, 8.5) if rng.random() < 0.6 else rng.uniform(1.0, 4.0))
            cast.add(z, partial(draw_pole, x=x, z=z, height=height))
    if "traffic sign" in classes:
        for near, far in [(7.0, 15.0)] + [(8.0, 40.0)] * int(rng.integers(0, 4)):
            x, z = _place_at_kerb(cast, near, far, 0.18)
            cast.add(z, partial(draw_sign, x=x, z=z))
    if "traffic light" in classes:
        first = (7.0, 18.0) if junction is None else (junction - 11, junction - 7)
        for near, far in [first] + [(10.0, 40.0)] * int(rng.integers(0, 3)):
            x, z = _place_at_kerb(cast, max(near, 6.0), far, 0.1)
            cast.add(z, partial(draw_traffic_light, x=x, z=z))
    for _ in range(int(rng.integers(0, 3))):
        x, z = _place_at_kerb(cast, 6, 30, 0.75)
        cast.add_upright(Upright(x, z, half_width=0.5, height=1.1, shadow=0.6), partial(draw_bin, x=x, z=z))


def _place_at_kerb(cast: Cast, near: float, far: float, inwards: float) -> tuple[float, float]:
    """x and depth of a place on one of the sidewalks that is well inside the image."""
    x = cast.street.side(int(cast.rng.choice((-1, 1)))).kerb(inwards)
    near = max(near, cast.camera.enters(x))
    return x, _random_depth(cast.rng, near, max(far, 1.5 * near))


def _draw_street_tree(canvas: Canvas, rng: np.random.Generator, x: float, z: float) -> None:
    draw_tree(canvas, rng, x, z, rng.uniform(4.5, 8.5))
