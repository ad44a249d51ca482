"""What the camera adds to a scene: the bonnet of its car, texture, exposure, noise and the black border."""

import cv2
import numpy as np

from toycity import ids
from toycity.canvas import Canvas
from toycity.weather import smooth_noise

GRAIN = {
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
"""Label id -> strength of its fine and of its coarse texture, as a share of its brightness."""
GRAIN_ELSE = (0.012, 0.02)

BONNET = ((0.0, 1.0, ids.EGO_VEHICLE), (0.02, 1.5, None), (0.035, 1.15, None))
"""The arches of the bonnet, from the outer one: how much smaller each is, its brightness and its label."""


def draw_bonnet(canvas: Canvas, rng: np.random.Generator) -> None:
    """The bonnet of the car that carries the camera: void of the kind "ego vehicle"."""
    height, width = canvas.codes.shape
    colour, rise = rng.uniform(20, 60), rng.uniform(0.055, 0.095)
    turn = np.linspace(np.pi, 2 * np.pi, 40)
    for shrink, gain, code in BONNET:
        arch = np.stack([0.5 + (0.56 - shrink) * np.cos(turn), 1.0 + (rise - shrink) * np.sin(turn)], axis=1)
        arch = np.concatenate([arch, [(1.06, 1.1), (-0.06, 1.1)]])
        canvas.fill([arch * (width, height)], tuple(int(c * gain) for c in (colour, colour + 2, colour + 6)), code)


def develop(image: np.ndarray, labels: np.ndarray, rng: np.random.Generator, soften: bool) -> np.ndarray:
    """Add texture by label, exposure, vignette and noise.

    Args:
        image: (H, W, 3) uint8 RGB.
        labels: (H, W) uint8 label ids.
        soften: blur slightly, which stands in for finer drawing.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    picture = image.astype(np.float32) * _texture(labels, rng)[..., None]
    picture = _expose(picture, rng)
    if soften:
        picture = cv2.GaussianBlur(picture, (0, 0), 0.7)
    picture += rng.standard_normal(picture.shape, np.float32) * rng.uniform(1.5, 4.0)
    return np.clip(picture, 0, 255).astype(np.uint8)


def _texture(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(H, W) float32 factors of brightness around 1."""
    strength = np.full((256, 2), GRAIN_ELSE, np.float32)
    strength[list(GRAIN)] = list(GRAIN.values())
    of_fine, of_coarse = np.ascontiguousarray(strength.T)
    height, width = labels.shape
    fine = smooth_noise(rng, height, width, (128, 256))
    coarse = smooth_noise(rng, height, width, (24, 56))
    return 1 + of_fine[labels] * fine + of_coarse[labels] * coarse


def _expose(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Contrast, exposure, white balance and vignette of a (H, W, 3) float32 picture."""
    height, width = picture.shape[:2]
    exposure, contrast = rng.uniform(0.95, 1.2), rng.uniform(0.92, 1.12)
    balance = 1 + rng.normal(0, 0.025, 3)
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    vignette = 1 - rng.uniform(0.05, 0.16) * (x * x + y * y).astype(np.float32)
    picture = (picture - 118) * contrast + 118
    picture *= (exposure * vignette)[..., None] * balance.astype(np.float32)
    return picture


def blacken_border(image: np.ndarray, codes: np.ndarray) -> None:
    """Blacken the frame that rectifying leaves: "rectification border" at the sides, "out of roi" above and below."""
    height, width = codes.shape
    tall, wide = max(1, round(0.005 * height)), max(1, round(0.004 * width))
    codes[:tall], codes[-tall:] = ids.OUT_OF_ROI, ids.OUT_OF_ROI
    codes[:, :wide], codes[:, -wide:] = ids.RECTIFICATION_BORDER, ids.RECTIFICATION_BORDER
    image[:, :wide], image[:, -wide:] = 4, 4
