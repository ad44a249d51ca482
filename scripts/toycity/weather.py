"""Sky, light, the car's own bonnet, and what a camera adds: texture, noise, vignette, the black border."""

import cv2
import numpy as np

from toycity import ids
from toycity.canvas import Canvas
from toycity.optics import Light

_GRAIN = {  # label id -> strength of fine and of coarse texture
    ids.ROAD: (0.035, 0.025),
    ids.PARKING: (0.045, 0.025),
    ids.RAIL_TRACK: (0.07, 0.04),
    ids.SIDEWALK: (0.04, 0.03),
    ids.GROUND: (0.06, 0.06),
    ids.TERRAIN: (0.12, 0.12),
    ids.VEGETATION: (0.13, 0.07),
    ids.BUILDING: (0.025, 0.02),
    ids.WALL: (0.05, 0.05),
    ids.FENCE: (0.035, 0.02),
    ids.PERSON: (0.035, 0.03),
    ids.RIDER: (0.035, 0.03),
    ids.SKY: (0.0, 0.0),
}


def make_light(rng: np.random.Generator) -> tuple[Light, dict]:
    """A time of day: the light, and the colours of the sky (zenith, horizon, cloud cover 0..1)."""
    kind = rng.choice(["clear", "overcast", "golden", "cool"], p=[0.4, 0.3, 0.15, 0.15])
    side = float(rng.choice((-1, 1))) * rng.uniform(0.35, 0.9)
    sun = np.array([side, rng.uniform(0.4, 0.9), rng.uniform(-0.8, 0.2)])
    sun /= np.linalg.norm(sun)
    table = {
        "clear": (0.72, 0.58, (1.02, 1.0, 0.97), (84, 138, 204), (196, 216, 232), (0.1, 0.6)),
        "overcast": (0.95, 0.14, (0.98, 1.0, 1.02), (176, 184, 192), (216, 220, 222), (0.7, 1.0)),
        "golden": (0.62, 0.66, (1.12, 0.98, 0.82), (110, 140, 186), (246, 214, 168), (0.1, 0.7)),
        "cool": (0.72, 0.34, (0.9, 0.97, 1.08), (112, 138, 172), (190, 202, 216), (0.3, 0.9)),
    }
    ambient, strength, tint, zenith, horizon, cover = table[str(kind)]
    haze = tuple((np.array(horizon) * rng.uniform(0.85, 1.0)).tolist())
    light = Light(sun, ambient, strength, tint, haze, float(rng.uniform(110, 330)))
    return light, {"zenith": zenith, "horizon": horizon, "cover": float(rng.uniform(*cover)), "sun": kind != "overcast"}


def cloudy(rng: np.random.Generator, height: int, width: int, rows: tuple[int, ...]) -> np.ndarray:
    """(H, W) float32 smooth noise, about unit variance: the sum of grids with so many rows."""
    field = np.zeros((height, width), np.float32)
    for octave, count in enumerate(rows):
        grid = rng.standard_normal((count, max(2, round(count * width / height)))).astype(np.float32)
        field += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) * 0.6**octave
    return field


def draw_sky(canvas: Canvas, rng: np.random.Generator, sky: dict) -> None:
    """A gradient with clouds, down to the bottom of the canvas."""
    height, width = max(8, canvas.camera.height // 4), max(8, canvas.camera.width // 4)  # a sky has no fine detail
    down = np.clip(np.arange(height, dtype=np.float32) * 4 / canvas.camera.horizon, 0, 1)[:, None, None]
    colour = (1 - down) * np.array(sky["zenith"], np.float32) + down * np.array(sky["horizon"], np.float32)
    cover = 1 / (1 + np.exp(-2.2 * (cloudy(rng, height, width, (3, 6, 13, 26)) + 2.6 * (sky["cover"] - 0.5))))
    relief = 7 * cloudy(rng, height, width, (5, 11)) - 22 * sky["cover"]
    cloud = np.array((244, 244, 246), np.float32) * np.array(canvas.light.tint, np.float32) + relief[..., None]
    small = np.clip(colour + 0.85 * cover[..., None] * (cloud - colour), 0, 255).astype(np.uint8)
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


def draw_bonnet(canvas: Canvas, rng: np.random.Generator) -> None:
    """The bonnet of the car that carries the camera: void of the kind "ego vehicle"."""
    height, width = canvas.codes.shape
    colour, rise = rng.uniform(20, 60), rng.uniform(0.055, 0.095)
    turn = np.linspace(np.pi, 2 * np.pi, 40)
    for shrink, gain, code in ((0.0, 1.0, ids.EGO_VEHICLE), (0.02, 1.5, None), (0.035, 1.15, None)):
        arch = np.stack([0.5 + (0.56 - shrink) * np.cos(turn), 1.0 + (rise - shrink) * np.sin(turn) * 1.0], axis=1)
        arch = np.concatenate([arch, [(1.06, 1.1), (-0.06, 1.1)]])
        canvas.fill([arch * (width, height)], tuple(int(c * gain) for c in (colour, colour + 2, colour + 6)), code)


def develop(image: np.ndarray, labels: np.ndarray, rng: np.random.Generator, soften: bool) -> np.ndarray:
    """Add texture by label, exposure, vignette and noise to (H, W, 3) uint8; ``soften`` stands in for finer drawing."""
    height, width = labels.shape
    fine_of, coarse_of = np.full(256, 0.012, np.float32), np.full(256, 0.02, np.float32)
    for label, (fine, coarse) in _GRAIN.items():
        fine_of[label], coarse_of[label] = fine, coarse
    fine = cloudy(rng, height, width, (128, 256))
    coarse = cloudy(rng, height, width, (24, 56))
    picture = image.astype(np.float32)
    picture *= (1 + fine_of[labels] * fine + coarse_of[labels] * coarse)[..., None]
    exposure, contrast = rng.uniform(0.95, 1.2), rng.uniform(0.92, 1.12)
    balance = 1 + rng.normal(0, 0.025, 3)
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    vignette = 1 - rng.uniform(0.05, 0.16) * (x * x + y * y).astype(np.float32)
    picture = (picture - 118) * contrast + 118
    picture *= (exposure * vignette)[..., None] * balance.astype(np.float32)
    if soften:
        picture = cv2.GaussianBlur(picture, (0, 0), 0.7)
    picture += rng.standard_normal(picture.shape, np.float32) * rng.uniform(1.5, 4.0)
    return np.clip(picture, 0, 255).astype(np.uint8)


def border(image: np.ndarray, codes: np.ndarray) -> None:
    """Blacken the frame that rectifying leaves: "rectification border" at the sides, "out of roi" above and below."""
    height, width = codes.shape
    tall, wide = max(1, round(0.005 * height)), max(1, round(0.004 * width))
    codes[:tall], codes[-tall:] = ids.OUT_OF_ROI, ids.OUT_OF_ROI
    codes[:, :wide], codes[:, -wide:] = ids.RECTIFICATION_BORDER, ids.RECTIFICATION_BORDER
    image[:, :wide], image[:, -wide:] = 4, 4
