"""The canvas that scenes are painted on: colours and, in the same strokes, the ids that become labels and instances."""

import cv2
import numpy as np

from toycity.colours import Colour
from toycity.optics import NEAR, Camera, Light

_SHIFT = 4  # fractional bits of canvas coordinates
_FAR_OFF = 30000.0


class Canvas:
    """Colours and codes painted back to front.

    A code is what an instance image holds: label id * 1000 + number for one instance, the label id alone otherwise
    (and for a group). Details are painted with ``code=None`` and keep the code that lies beneath.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        codes: (H, W) uint16.
    """

    def __init__(self, camera: Camera, light: Light):
        self.camera, self.light = camera, light
        self.image = np.zeros((camera.height, camera.width, 3), np.uint8)
        self.codes = np.zeros((camera.height, camera.width), np.uint16)
        self.thinnest = max(1, round(camera.height / 160))  # nothing is drawn thinner, or far poles would vanish

    def fill(self, polygons: list[np.ndarray], colour: tuple[int, ...] | None, code: int | None = None) -> None:
        """Fill polygons of (n, 2) canvas points that do not overlap each other; ``colour`` None paints codes only."""
        points = [fixed(polygon) for polygon in polygons if len(polygon) >= 3]
        if points and colour is not None:
            cv2.fillPoly(self.image, points, colour, cv2.LINE_8, _SHIFT)
        if points and code is not None:
            cv2.fillPoly(self.codes, points, code, cv2.LINE_8, _SHIFT)

    def face(
        self,
        points: np.ndarray,
        colour: Colour,
        code: int | None = None,
        normal: np.ndarray | None = None,
        gain: float = 1.0,
    ) -> None:
        """Fill a flat face given by (n, 3) world corners, lit by its normal."""
        self.fill([self.camera.polygon(points)], self.light.shade(colour, points[:, 2].mean(), normal, gain), code)

    def faces(self, quads: np.ndarray, colour: Colour, normal: np.ndarray | None = None, gain: float = 1.0) -> None:
        """Fill many small faces (n, corners, 3) of one colour; those that reach behind NEAR are left out."""
        quads = quads[quads[..., 2].min(axis=1) > NEAR]
        if not len(quads):
            return
        depths = quads[:, 0, 2]
        parts = [quads]
        if depths.max() - depths.min() > 0.1 * self.light.reach:  # haze in three steps of depth
            parts = np.array_split(quads[np.argsort(depths)], 3)
        for part in parts:
            if len(part):
                shade = self.light.shade(colour, part[..., 2].mean(), normal, gain)
                self.fill(list(self.camera.project(part)), shade)

    def capsule(
        self, start: np.ndarray, end: np.ndarray, radius: float, colour: Colour, code: int | None, gain: float = 1.0
    ) -> None:
        """A limb or tube: a line between two world points with round ends, at least one pixel of the image wide."""
        z = (start[2] + end[2]) / 2
        if min(start[2], end[2]) < NEAR:
            return
        thickness = max(self.thinnest, round(2 * radius * self.camera.scale(z)))
        a, b = fixed(self.camera.project(np.stack([start, end]))).tolist()
        shade = self.light.shade(colour, z, gain=gain)
        cv2.line(self.image, a, b, shade, thickness, cv2.LINE_8, _SHIFT)
        if code is not None:
            cv2.line(self.codes, a, b, code, thickness, cv2.LINE_8, _SHIFT)

    def ball(self, centre: np.ndarray, radius: float, colour: Colour, code: int | None, gain: float = 1.0) -> None:
        """A sphere: a disc of one colour."""
        if centre[2] < NEAR:
            return
        size = max(self.thinnest / 2, radius * self.camera.scale(centre[2]))
        point = fixed(self.camera.project(centre)).tolist()
        shade = self.light.shade(colour, centre[2], gain=gain)
        self.disc(point, size, shade, code)

    def disc(self, point: list[int], radius: float, shade: tuple[int, ...], code: int | None) -> None:
        """A filled circle at a fixed-point canvas position, radius in canvas pixels."""
        cv2.circle(self.image, point, round(radius * 2**_SHIFT), shade, -1, cv2.LINE_8, _SHIFT)
        if code is not None:
            cv2.circle(self.codes, point, round(radius * 2**_SHIFT), code, -1, cv2.LINE_8, _SHIFT)

    def darken(self, polygons: list[np.ndarray], factor: float) -> None:
        """Multiply the colours under (n, 3) world polygons, softly at their edges: the shadows on the ground."""
        mask = np.zeros(self.codes.shape, np.uint8)
        outlines = [points for points in map(self.camera.polygon, polygons) if len(points) >= 3]
        if not outlines:
            return
        for points in outlines:
            cv2.fillPoly(mask, [fixed(points)], 255, cv2.LINE_8, _SHIFT)
        size = 2 * max(1, self.camera.height // 120) + 1
        top = max(0, min(self.camera.height - 1, int(min(points[:, 1].min() for points in outlines)) - size))
        weight = 1 - (1 - factor) / 255 * cv2.blur(mask[top:], (size, size)).astype(np.float32)
        ground = self.image[top:]
        np.multiply(ground, weight[..., None], out=ground, casting="unsafe")


def fixed(points: np.ndarray) -> np.ndarray:
    """(n, 2) canvas points -> the same as int32 with fractional bits, as OpenCV draws them."""
    return (np.minimum(np.maximum(points, -_FAR_OFF), _FAR_OFF) * 2**_SHIFT).astype(np.int32)
