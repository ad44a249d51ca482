"""One scene of ToyCity, from its number to image, labels and instances."""

import cv2
import numpy as np

from toycity import street as streets
from toycity import traffic, weather
from toycity.canvas import Canvas
from toycity.ids import CLASS_IDS
from toycity.optics import Camera
from toycity.plan import SPLIT_CODES, classes_of

FINE_UP_TO = 512
"""Canvas pixels are 3 x 3 to an image pixel up to this image height; above, one to one and slightly blurred."""

_VISIBLE = {"train": 6e-4, "bus": 6e-4, "truck": 6e-4, "wall": 6e-4, "fence": 4e-4, "terrain": 4e-4, "car": 4e-4}
_VISIBLE_ELSE = 1.5e-4  # share of the image that a planned class must cover at least
_ATTEMPTS = 12


def render(seed: int, split: str, index: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw one scene; it depends on nothing but the arguments, and its content not on the size.

    Returns:
        (H, W, 3) uint8 RGB, (H, W) uint8 label ids, (H, W) uint16 instance ids (Cityscapes encoding).
    """
    classes = classes_of(seed, split, index)
    best = None
    for attempt in range(_ATTEMPTS):
        rng = np.random.default_rng([seed, SPLIT_CODES[split], index, attempt])
        image, codes = _draw(rng, classes, height, width)
        labels = np.where(codes >= 1000, codes // 1000, codes).astype(np.uint8)
        counts = np.bincount(labels.ravel(), minlength=256)
        hidden = [name for name in classes if counts[CLASS_IDS[name]] < _VISIBLE.get(name, _VISIBLE_ELSE) * labels.size]
        if best is None or len(hidden) < best[0]:
            best = (len(hidden), image, labels, codes)
        if not hidden:
            break
    return best[1:]


def _draw(rng: np.random.Generator, classes: frozenset[str], height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    fine = 3 if height <= FINE_UP_TO else 1
    look, ground, sky_rng, last = rng.spawn(4)
    camera = _camera(look, height * fine, width * fine)
    light, sky = weather.make_light(look)
    canvas = Canvas(camera, light)
    street = streets.plan_street(ground, classes)
    actors = traffic.gather(camera, street, ground, classes)

    weather.draw_sky(canvas, sky_rng, sky)
    streets.draw_ground(canvas, street)
    weather.haze_ground(canvas)
    shadows = [actor.shadow for actor in actors if actor.shadow is not None]
    canvas.darken(shadows, 0.5)
    if sky["sun"]:
        canvas.darken(_house_shadows(street, light.sun), 0.7)
    streets.draw_backdrop(canvas, sky_rng)
    corner = 0.0 if street.junction is None else street.junction - 7.0  # nearer houses hide what crosses behind them
    for z0, z1 in ((corner, np.inf), (0.0, corner)):
        streets.draw_sides(canvas, street, z0, z1)
        for actor in sorted(actors, key=lambda actor: -actor.z):
            if z0 <= actor.z < z1:
                actor.paint(canvas)
    weather.draw_bonnet(canvas, look)

    image, codes = canvas.image, canvas.codes
    if fine > 1:
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        codes = np.ascontiguousarray(codes[fine // 2 :: fine, fine // 2 :: fine])
    labels = np.where(codes >= 1000, codes // 1000, codes).astype(np.uint8)
    image = weather.develop(image, labels, last, soften=fine == 1)
    weather.border(image, codes)
    return image, codes


def _camera(rng: np.random.Generator, height: int, width: int) -> Camera:
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


def _house_shadows(street: streets.Street, sun: np.ndarray) -> list[np.ndarray]:
    """Outlines on the ground of the shadows of the houses on the sun's side."""
    side = int(np.sign(sun[0]))
    front = street.front(side)
    shadows = []
    for stretch in street.sides[(side + 1) // 2]:
        if stretch.kind == "houses":
            reach = min(stretch.height * abs(sun[0]) / max(sun[1], 0.1), 14.0)
            shift = -stretch.height * 0.3 * sun[2] / max(sun[1], 0.1)
            x = front - side * reach
            z0, z1 = stretch.z0, stretch.z1
            corners = [(front, 0, z0), (front, 0, z1), (x, 0, z1 + shift), (x, 0, z0 + shift)]
            shadows.append(np.array(corners, float))
    return shadows
