"""The kinds of vehicles with four wheels or more, and of trams: how large each is and what draws it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from toycity import buses, cars, trucks
from toycity.canvas import Canvas
from toycity.solids import Pose


@dataclass(frozen=True)
class Vehicle:
    """The room that a kind of vehicle takes, in metres, and ``draw(canvas, rng, pose, code)``."""

    length: float
    width: float
    height: float
    draw: Callable[[Canvas, np.random.Generator, Pose, int], None]


VEHICLES = {
    "car": Vehicle(4.3, 1.8, 1.5, cars.draw_car),
    "truck": Vehicle(8.2, 2.5, 3.5, trucks.draw_truck),
    "bus": Vehicle(11.0, 2.5, 3.1, buses.draw_bus),
    "train": Vehicle(24.0, 2.5, 3.6, buses.draw_train),
    "caravan": Vehicle(5.0, 2.2, 2.6, cars.draw_caravan),
    "trailer": Vehicle(3.4, 1.7, 1.1, cars.draw_trailer),
}
