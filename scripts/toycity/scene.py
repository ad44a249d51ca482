"""One scene of ToyCity, from its number to image, labels and instances."""

import cv2
import numpy as np

from toycity.canvas import Canvas
from toycity.cast import Actor
from toycity.ground import draw_ground
from toycity.ids import CLASS_IDS
from toycity.optics import Camera
from toycity.photo import blacken_border, develop, draw_bonnet
from toycity.placement import gather
from toycity.plan import SPLIT_CODES, classes_of
from toycity.sides import draw_backdrop, draw_sides, house_shadows
from toycity.street import CORNER, Street, plan_street
from toycity.weather import draw_sky, haze_ground, random_light

FINE_UP_TO = 512
"""Canvas pixels are 3 x 3 to an image pixel up to this image height; above, one to one and slightly blurred."""

VISIBLE = {"train": 6e-4, "bus": 6e-4, "truck": 6e-4, "wall": 6e-4, "fence": 4e-4, "terrain": 4e-4, "car": 4e-4}
VISIBLE_ELSE = 1.5e-4
"""Shares of the image that a planned class must cover at least."""
_ATTEMPTS = 12


def render(seed: int, split: str, index: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw one scene; it depends on nothing but the arguments, and its content not on the size.

    Returns:
        (H, W, 3) uint8 RGB, (H, W) uint8 label ids, (H, W) uint16 instance ids (Cityscapes encoding).
    """
    classes = classes_of(seed, split, index)
    fewest = len(classes) + 1
    for attempt in range(_ATTEMPTS):
        rng = np.random.default_rng([seed, SPLIT_CODES[split], index, attempt])
        image, codes = _draw(rng, classes, height, width)
        labels = _labels_of(codes)
        counts = np.bincount(labels.ravel(), minlength=256)
        hidden = [name for name in classes if counts[CLASS_IDS[name]] < VISIBLE.get(name, VISIBLE_ELSE) * labels.size]
        if len(hidden) < fewest:
            fewest, best = len(hidden), (image, labels, codes)
        if not hidden:
            break
    return best


def _draw(rng: np.random.Generator, classes: frozenset[str], height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """One attempt: (H, W, 3) uint8 RGB and (H, W) uint16 codes."""
    fine = 3 if height <= FINE_UP_TO else 1
    look, ground, sky_rng, last = rng.spawn(4)
    camera = _random_camera(look, height * fine, width * fine)
    light, day, cover = random_light(look)
    canvas = Canvas(camera, light)
    street = plan_street(ground, classes)
    actors = gather(camera, street, ground, classes)

    draw_sky(canvas, sky_rng, day, cover)
    draw_ground(canvas, street)
    haze_ground(canvas)
    canvas.darken([actor.shadow for actor in actors if actor.shadow is not None], 0.5)
    if day.sunny:
        canvas.darken(house_shadows(street, light.sun), 0.7)
    draw_backdrop(canvas, sky_rng)
    _draw_upright(canvas, street, actors)
    draw_bonnet(canvas, look)

    image: np.ndarray = canvas.image
    codes = canvas.codes
    if fine > 1:
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        codes = np.ascontiguousarray(codes[fine // 2 :: fine, fine // 2 :: fine])
    image = develop(image, _labels_of(codes), last, soften=fine == 1)
    blacken_border(image, codes)
    return image, codes


def _random_camera(rng: np.random.Generator, height: int, width: int) -> Camera:
    return Camera(
        height,
        width,
        focal=float(rng.uniform(1.6, 1.95)) * height,
        centre=(0.5 + float(rng.normal(0, 0.05))) * width,
        horizon=float(rng.uniform(0.38, 0.47)) * height,
        eye=float(rng.uniform(1.3, 1.7)),
        bend=float(rng.normal(0, 0.0012)),
        climb=float(rng.normal(0, 0.00008)),
    )


def _draw_upright(canvas: Canvas, street: Street, actors: list[Actor]) -> None:
    """The sides of the street and the actors, from the back to the front."""
    corner = 0.0 if street.junction is None else street.junction - CORNER
    for z0, z1 in ((corner, np.inf), (0.0, corner)):  # nearer houses hide what crosses behind them
        draw_sides(canvas, street, z0, z1)
        for actor in sorted(actors, key=lambda actor: -actor.z):
            if z0 <= actor.z < z1:
                actor.paint(canvas)


def _labels_of(codes: np.ndarray) -> np.ndarray:
    """(H, W) codes -> (H, W) uint8 label ids."""
    return np.where(codes >= 1000, codes // 1000, codes).astype(np.uint8)
