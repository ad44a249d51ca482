"""Who and what stands or moves in a street, placed so that nobody hides another wholly."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from toycity import furniture, people, plants, vehicles
from toycity.canvas import Canvas
from toycity.ids import CARAVAN, CLASS_IDS, TRAILER
from toycity.optics import NEAR, Camera
from toycity.solids import Pose
from toycity.street import LANE, Street

IDS = {**CLASS_IDS, "caravan": CARAVAN, "trailer": TRAILER}
_TRIES = 40


@dataclass(frozen=True)
class Actor:
    """Something to draw: ``paint(canvas)`` paints it at depth ``z``; ``shadow`` is its (n, 3) outline on the ground."""

    z: float
    paint: Callable[[Canvas], None]
    shadow: np.ndarray | None = None


@dataclass
class Cast:
    """All actors of a scene, the canvas rectangles that they take up, and how many of each class there are."""

    camera: Camera
    street: Street
    rng: np.random.Generator
    actors: list[Actor] = field(default_factory=list)
    _taken: list[tuple[float, tuple[float, float, float, float]]] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)

    def code(self, name: str) -> int:
        """A new instance of a class: label id * 1000 + number."""
        number = self._numbers[name] = self._numbers.get(name, -1) + 1
        return IDS[name] * 1000 + number

    def seed(self) -> int:
        return int(self.rng.integers(2**62))

    def free(self, z: float, box: tuple[float, float, float, float], hides: float = 0.4) -> bool:
        """Whether something at depth z may take a rectangle, and if so, take it."""
        width, height = self.camera.width, self.camera.height
        area = max((box[2] - box[0]) * (box[3] - box[1]), 1e-6)
        inside = (min(box[2], width) - max(box[0], 0)) * (min(box[3], 0.93 * height) - max(box[1], 0))
        if box[2] <= 0 or box[0] >= width or inside < 0.5 * area:
            return False
        for other_z, other in self._taken:
            wide, high = min(box[2], other[2]) - max(box[0], other[0]), min(box[3], other[3]) - max(box[1], other[1])
            if wide <= 0 or high <= 0:
                continue
            behind = box if other_z < z else other
            if wide * high > hides * (behind[2] - behind[0]) * (behind[3] - behind[1]):
                return False
        self._taken.append((z, box))
        return True

    def vehicle(self, name: str, pose: Pose) -> bool:
        """Place a vehicle if there is room."""
        length, width, height = vehicles.LENGTHS[name], vehicles.WIDTHS[name], vehicles.HEIGHTS[name]
        foot = pose.footprint(length, width)
        near, far = foot[:, 2].min(), foot[:, 2].max()
        if near < NEAR + 1.5:
            return False
        corners = np.concatenate([foot, foot + (0.0, height, 0.0)])
        points = self.camera.project(corners)
        if not self.free(near, (*points.min(axis=0), *points.max(axis=0)), 0.3 if name != "car" else 0.45):
            return False
        code, seed = self.code(name), self.seed()
        self.actors.append(
            Actor(
                near + 0.25 * (far - near),
                lambda canvas: vehicles.DRAW[name](canvas, np.random.default_rng(seed), pose, code),
                pose.footprint(length + 0.3, width + 0.5),
            )
        )
        return True

    def upright(self, z: float, x: float, half_width: float, height: float, paint, shadow: float, hides=0.5) -> bool:
        """Place something narrow if there is room; ``paint(canvas, rng)``."""
        if not self.free(z, self.camera.box(x, z, half_width, height), hides):
            return False
        seed = self.seed()
        outline = Pose(x, z, 0.0).footprint(shadow, shadow * 2.2) + (shadow * 0.5, 0.0, 0.0)
        self.actors.append(Actor(z, lambda canvas: paint(canvas, np.random.default_rng(seed)), outline))
        return True


def gather(camera: Camera, street: Street, rng: np.random.Generator, classes: frozenset[str]) -> list[Actor]:
    """Place everything, the rare first; only the given classes occur, and each is tried until it has a place."""
    cast = Cast(camera, street, rng)
    for name in ("train", "bus", "truck"):
        if name in classes:
            _insist(lambda name=name: cast.vehicle(name, _vehicle_pose(cast, name)))
    mounts = [name for name in ("motorcycle", "bicycle") if name in classes]
    for name in mounts:
        ridden = "rider" in classes and (len(mounts) == 1 or (name == mounts[int(street.seed % 2)]))
        _insist(lambda name=name, ridden=ridden: _place_mount(cast, name, ridden))
        for _ in range(int(rng.integers(0, 3 if name == "bicycle" else 2))):
            _place_mount(cast, name, "rider" in classes and rng.random() < 0.4)
    if "person" in classes:
        _insist(lambda: _place_person(cast, 7.0, 16.0))
    if "car" in classes:
        _insist(lambda: cast.vehicle("car", _vehicle_pose(cast, "car")))
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


def _depth(rng: np.random.Generator, near: float, far: float) -> float:
    return float(np.exp(rng.uniform(np.log(near), np.log(far))))


def _vehicle_pose(cast: Cast, name: str) -> Pose:
    """A place in traffic: ahead, oncoming, across a junction, or (tram) on its track."""
    rng, street = cast.rng, cast.street
    half, yaw = vehicles.LENGTHS[name] / 2, float(rng.normal(0, 0.05))
    if name == "train" and not street.crossing_track:
        z = _depth(rng, 9, 26) + half
        return Pose(street.track, z, (0.0 if rng.random() < 0.5 else np.pi) + 2 * cast.camera.bend * z)
    options = ["ahead", "oncoming", "oncoming"] + ["across"] * (3 if name != "car" else 1)
    option = "across" if name == "train" else options[int(rng.integers(len(options)))]
    if option == "across" and street.junction is not None:
        lane = 0.0 if name == "train" else float(rng.choice((-2.0, 2.0)))
        return Pose(float(rng.uniform(-9, 9)), street.junction + lane, float(rng.choice((-1, 1))) * np.pi / 2 + yaw)
    z = _depth(rng, 8.5, 30) + half
    if option == "oncoming" and street.track is None:
        return Pose(-LANE + float(rng.normal(0, 0.2)), z, np.pi + yaw + 2 * cast.camera.bend * z)
    return Pose(float(rng.normal(0.1, 0.25)), z + 2, yaw + 2 * cast.camera.bend * z)


def _place_cars(cast: Cast) -> None:
    rng, street = cast.rng, cast.street
    for side, here in ((-1, street.parking[0]), (1, street.parking[1])):
        if not here:
            continue
        filled, z = rng.uniform(0.35, 0.95), rng.uniform(5.5, 9.0)
        while z < 60:
            open_here = street.junction is None or abs(z - street.junction) > 10
            if open_here and rng.random() < filled:
                kind = str(rng.choice(["car", "caravan", "trailer"], p=[0.965, 0.02, 0.015]))
                yaw = (0.0 if side > 0 else np.pi) + float(rng.normal(0, 0.03)) + 2 * cast.camera.bend * z
                cast.vehicle(kind, Pose(street.edge(side) - side * 1.1, z, yaw))
            z += rng.uniform(5.2, 6.6)
    for _ in range(int(rng.integers(0, 5))):
        cast.vehicle("car", _vehicle_pose(cast, "car"))


def _place_person(cast: Cast, near: float, far: float) -> bool:
    rng, street = cast.rng, cast.street
    z = _depth(rng, near, far)
    if street.junction is not None and rng.random() < 0.3:
        z, x = max(street.junction - 8.0, 5.0), float(rng.uniform(street.left, street.right))
        yaw = float(rng.choice((-1, 1))) * np.pi / 2
    else:
        side = int(rng.choice((-1, 1)))
        x, yaw = (
            street.kerb(side, float(rng.uniform(0.25, 0.9))),
            float(rng.choice((0, np.pi))) + float(rng.normal(0, 0.5)),
        )
    code = cast.code("person")

    def paint(canvas: Canvas, own: np.random.Generator) -> None:
        people.draw_person(canvas, own, Pose(x, z, yaw), code)

    return cast.upright(z, x, 0.3, 1.75, paint, 0.5)


def _place_group(cast: Cast) -> bool:
    rng, street = cast.rng, cast.street
    side = int(rng.choice((-1, 1)))
    z, x = _depth(rng, 12, 30), street.kerb(side, 0.55)

    def paint(canvas: Canvas, own: np.random.Generator) -> None:
        people.draw_group(canvas, own, Pose(x, z, 0.0), CLASS_IDS["person"])

    return cast.upright(z, x, 1.2, 1.75, paint, 1.2)


def _place_mount(cast: Cast, name: str, ridden: bool) -> bool:
    """A bicycle or motorcycle: in traffic with its rider, or parked at the kerb."""
    rng, street = cast.rng, cast.street
    z = _depth(rng, 7.0, 26.0) if ridden else _depth(rng, 6.5, 20.0)
    yaw = float(rng.normal(0, 0.25))
    if ridden:
        right_edge = street.right - 2.2 * street.parking[1]
        option = int(rng.integers(3))
        x = right_edge - 0.7 if option == 0 else float(rng.normal(-LANE, 0.5)) if option == 1 else 0.0
        yaw += np.pi if option == 1 else 0.0
        if option == 2:  # it crosses the road
            x, yaw = float(rng.uniform(-3.5, 1.5)), float(rng.choice((-1, 1))) * np.pi / 2 + 2 * yaw
    else:
        side = int(rng.choice((-1, 1)))
        x = street.kerb(side, float(rng.uniform(0.12, 0.5)))
        yaw += float(rng.choice((0.0, np.pi / 2, np.pi, -np.pi / 2, 0.9, -0.9)))
    pose = Pose(x, z, yaw)
    half = 0.25 + 0.65 * abs(np.sin(yaw))
    code = cast.code(name)
    rider = cast.code("rider") if ridden else 0
    draw = people.draw_bicycle if name == "bicycle" else people.draw_motorcycle

    def paint(canvas: Canvas, own: np.random.Generator) -> None:
        draw(canvas, own, pose, code)
        if ridden:
            people.draw_rider(canvas, own, pose, rider, name)

    return cast.upright(z, x, half, 1.85 if ridden else 1.15, paint, 0.6, 0.35)


def _place_furniture(cast: Cast, classes: frozenset[str]) -> None:
    rng, street = cast.rng, cast.street

    def along_kerb(near: float, far: float, inwards: float = 0.12) -> tuple[float, float]:
        x = street.kerb(int(rng.choice((-1, 1))), inwards)
        near = max(near, cast.camera.enters(x))
        return x, _depth(rng, near, max(far, 1.5 * near))

    def add(z: float, paint) -> None:
        seed = cast.seed()
        cast.actors.append(Actor(z, lambda canvas: paint(canvas, np.random.default_rng(seed))))

    for _ in range(int(rng.integers(1, 6))):  # street trees
        x, z = along_kerb(9, 60, 0.3)
        add(z, lambda canvas, own, x=x, z=z: plants.draw_tree(canvas, own, x, z, own.uniform(4.5, 8.5)))
    if "pole" in classes:
        for near, far in [(8, 18)] + [(8, 50)] * int(rng.integers(1, 6)):
            x, z = along_kerb(near, far)
            height = float(rng.uniform(5.5, 8.5) if rng.random() < 0.6 else rng.uniform(1.0, 4.0))
            add(z, lambda canvas, own, x=x, z=z, h=height: furniture.draw_pole(canvas, own, x, z, h))
    if "traffic sign" in classes:
        for near, far in [(7, 15)] + [(8, 40)] * int(rng.integers(0, 4)):
            x, z = along_kerb(near, far, 0.18)
            add(z, lambda canvas, own, x=x, z=z: furniture.draw_sign(canvas, own, x, z))
    if "traffic light" in classes:
        first = (7.0, 18.0) if street.junction is None else (street.junction - 11, street.junction - 7)
        for near, far in [first] + [(10.0, 40.0)] * int(rng.integers(0, 3)):
            x, z = along_kerb(max(near, 6.0), far, 0.1)
            add(z, lambda canvas, own, x=x, z=z: furniture.draw_traffic_light(canvas, own, x, z))
    for _ in range(int(rng.integers(0, 3))):
        x, z = along_kerb(6, 30, 0.75)
        cast.upright(z, x, 0.5, 1.1, lambda canvas, own, x=x, z=z: furniture.draw_bin(canvas, own, x, z), 0.6)
