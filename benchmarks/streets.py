"""Street-like label maps with instances, and predictions with wobbly borders and wrong patches."""

import cv2
import numpy as np

STUFF = (4, 5, 12, 13, 17, 19, 20, 21, 22)
THINGS = (24, 25, 26, 26, 26, 27, 28, 29, 30, 31, 32, 33)


def street(rng: np.random.Generator, height: int, width: int, things: int) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) uint8 label ids and (H, W) uint16 instance values of a street with about `things` instances.

    At 1024 x 2048 with 20 (ordinary) or 150 (crowded) things the PNG files are about as large as those of Cityscapes.
    """
    label = np.full((height, width), 23, np.uint8)
    for id_, top, rough in ((21, 0.25, 0.05), (11, 0.3, 0.08), (8, 0.55, 0.01), (7, 0.6, 0.01)):
        x = np.linspace(0, width, 60)
        line = np.stack([x, (top + rough * rng.standard_normal(60)) * height], 1)
        cv2.fillPoly(label, [np.concatenate([line, [[width, height], [0, height]]]).round().astype(np.int32)], id_)
    for _ in range(25):
        box = rng.uniform((0, 0.2, 0.005, 0.02), (1, 0.7, 0.1, 0.3))
        cv2.fillPoly(label, [_blob(rng, *box, height, width)], int(rng.choice(STUFF)))
    cv2.ellipse(label, (width // 2, height), (int(width * 0.45), height // 10), 0, 0, 360, 1, -1)
    border = max(1, height // 200)
    label[:border] = label[-border:] = label[:, :border] = 3
    instance = label.astype(np.uint16)
    for number in range(things):
        id_ = int(rng.choice(THINGS))
        scale = rng.lognormal(0, 0.8) * (0.6 if things > 100 else 1)
        blob = _blob(rng, rng.uniform(), rng.uniform(0.4, 0.8), 0.03 * scale, 0.05 * scale, height, width)
        cv2.fillPoly(label, [blob], id_)
        # Every twelfth is a group: it carries its label alone.
        cv2.fillPoly(instance, [blob], id_ if number % 12 == 11 else id_ * 1000 + number)
    return label, instance


def predicted(rng: np.random.Generator, label: np.ndarray) -> np.ndarray:
    """(H, W) uint8 label ids: `label` with displaced borders, wrong patches, and no void."""
    height, width = label.shape
    shape = (max(2, height // 16), max(2, width // 16))
    shift = [
        cv2.resize(rng.standard_normal(shape).astype(np.float32) * 6, (width, height), interpolation=cv2.INTER_CUBIC)
        for _ in range(2)
    ]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    image = cv2.remap(label, x + shift[0], y + shift[1], cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    for _ in range(20):
        box = rng.uniform((0, 0, 0.01, 0.01), (1, 1, 0.1, 0.1))
        cv2.fillPoly(image, [_blob(rng, *box, height, width)], int(rng.choice((7, 8, 11, 13, 17, 21, 24, 26, 33))))
    return np.maximum(image, 7)


def _blob(rng: np.random.Generator, x: float, y: float, w: float, h: float, height: int, width: int) -> np.ndarray:
    """(28, 2) int32 corners of a ragged ellipse; centre and size in shares of the image."""
    angle = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    radius = (1 + 0.15 * rng.standard_normal(28)) / 2
    return np.stack([(x + w * radius * np.cos(angle)) * width, (y + h * radius * np.sin(angle)) * height], 1).astype(
        np.int32
    )
