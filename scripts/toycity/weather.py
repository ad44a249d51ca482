"""The light of a scene, its sky, and the haze over the ground."""

from dataclasses import dataclass

import cv2
import numpy as np

from toycity import ids
from toycity.canvas import Canvas
from toycity.colours import Colour, scaled
from toycity.optics import Light


@dataclass(frozen=True)
class Daylight:
    """A kind of light.

    Attributes:
        share: of all scenes.
        ambient, strength, tint: as in :class:`toycity.optics.Light`.
        zenith, horizon: colours of the clear sky.
        cover: range of the cloud cover, 0..1.
        sunny: whether houses cast shadows.
    """

    share: float
    ambient: float
    strength: float
    tint: tuple[float, float, float]
    zenith: Colour
    horizon: Colour
    cover: tuple[float, float]
    sunny: bool = True


DAYLIGHTS = {
    "clear": Daylight(0.4, 0.72, 0.58, (1.02, 1.0, 0.97), (84, 138, 204), (196, 216, 232), (0.1, 0.6)),
    "overcast": Daylight(0.3, 0.95, 0.14, (0.98, 1.0, 1.02), (176, 184, 192), (216, 220, 222), (0.7, 1.0), sunny=False),
    "golden": Daylight(0.15, 0.62, 0.66, (1.12, 0.98, 0.82), (110, 140, 186), (246, 214, 168), (0.1, 0.7)),
    "cool": Daylight(0.15, 0.72, 0.34, (0.9, 0.97, 1.08), (112, 138, 172), (190, 202, 216), (0.3, 0.9)),
}
CLOUD = (244, 244, 246)


def random_light(rng: np.random.Generator) -> tuple[Light, Daylight, float]:
    """The light of a scene, the kind that it is of, and the cloud cover."""
    day = DAYLIGHTS[str(rng.choice(list(DAYLIGHTS), p=[day.share for day in DAYLIGHTS.values()]))]
    side = float(rng.choice((-1, 1))) * rng.uniform(0.35, 0.9)
    sun = np.array([side, rng.uniform(0.4, 0.9), rng.uniform(-0.8, 0.2)])
    sun /= np.linalg.norm(sun)
    haze = scaled(day.horizon, rng.uniform(0.85, 1.0))
    light = Light(sun, day.ambient, day.strength, day.tint, haze, float(rng.uniform(110, 330)))
    return light, day, float(rng.uniform(*day.cover))


def smooth_noise(rng: np.random.Generator, height: int, width: int, rows: tuple[int, ...]) -> np.ndarray:
    """(H, W) float32 noise of about unit variance: the sum of grids with so many rows."""
    field = np.zeros((height, width), np.float32)
    for octave, count in enumerate(rows):
        grid = rng.standard_normal((count, max(2, round(count * width / height)))).astype(np.float32)
        field += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) * 0.6**octave
    return field


def draw_sky(canvas: Canvas, rng: np.random.Generator, day: Daylight, cover: float) -> None:
    """A gradient with clouds, down to the bottom of the canvas."""
    height, width = max(8, canvas.camera.height // 4), max(8, canvas.camera.width // 4)  # a sky has no fine detail
    down = np.clip(np.arange(height, dtype=np.float32) * 4 / canvas.camera.horizon, 0, 1)[:, None, None]
    colour = (1 - down) * np.array(day.zenith, np.float32) + down * np.array(day.horizon, np.float32)
    clouds = 1 / (1 + np.exp(-2.2 * (smooth_noise(rng, height, width, (3, 6, 13, 26)) + 2.6 * (cover - 0.5))))
    relief = 7 * smooth_noise(rng, height, width, (5, 11)) - 22 * cover
    cloud = np.array(CLOUD, np.float32) * np.array(canvas.light.tint, np.float32) + relief[..., None]
    small = np.clip(colour + 0.85 * clouds[..., None] * (cloud - colour), 0, 255).astype(np.uint8)
    cv2.resize(small, canvas.codes.shape[::-1], dst=canvas.image, interpolation=cv2.INTER_LINEAR)
    canvas.codes[:] = ids.SKY


def haze_ground(canvas: Canvas) -> None:
    """Fade what is painted so far below the horizon, which is flat ground, into the haze by its depth."""
    camera, light = canvas.camera, canvas.light
    top = min(max(int(camera.horizon), 0), camera.height - 1)
    rows = np.arange(top, camera.height, dtype=np.float32)
    depth = camera.focal * camera.eye / np.maximum(rows + 0.5 - camera.horizon, 0.5)
    clear = np.exp(-depth / light.reach).astype(np.float32)[:, None, None]
    ground = canvas.image[top:]
    ground[:] = ground * clear + np.array(light.haze, np.float32) * (1 - clear)
