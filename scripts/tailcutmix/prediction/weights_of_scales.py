"""How much each scale counts at each pixel, and what each scale would say alone [report, section 4]."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import torch

from tailcutmix.dataset.normalisation import normalise
from tailcutmix.dataset.packing import Packed
from tailcutmix.devices import autocast
from tailcutmix.errors import UserError
from tailcutmix.files import replacing
from tailcutmix.labels import IGNORE, LabelTable
from tailcutmix.models.attention import PerScale
from tailcutmix.models.multiscale import MultiScaleNet
from tailcutmix.models.resizing import at_scale, check_scales, resize
from tailcutmix.nearest import resize_nearest

IMAGES, PICTURES = 16, 3
"""How many images are measured, and how many of these are kept as pictures."""

STRIDE = 4
"""Images are compared by the classes seen at every fourth pixel: enough to choose among them."""

WEIGHT = "weight_"
"""Columns ``weight_0.5`` and so on of the table of objects."""


@dataclass(frozen=True)
class Weighed:
    """Images as a network sees them at each of S scales.

    Attributes:
        scales: (S,) ascending.
        image_ids: N strings.
        images: (N, H, W, 3) uint8 RGB.
        truth: (N, H, W) uint8 train ids, 255 ignored.
        alone: (N, S, H, W) uint8 train ids, the most probable class at each scale by itself.
        fused: (N, H, W) uint8 train ids of all scales together.
        weights: (N, S, H, W) float32, 0..1: the part of each scale in the fused logits; they sum to 1 at every pixel.
    """

    scales: np.ndarray
    image_ids: np.ndarray
    images: np.ndarray
    truth: np.ndarray
    alone: np.ndarray
    fused: np.ndarray
    weights: np.ndarray


def weights_of_scales(model: MultiScaleNet, outputs: PerScale, size: Sequence[int]) -> torch.Tensor:
    """(B, S, H, W) float32: the part of each scale, ascending, in the fused logits at ``size``.

    Every fusion is a convex combination of the scales' logits, whatever these are. So what it makes of logits that are
    one in the channel of their scale and zero in the others are the weights themselves.
    """
    scales = check_scales(list(outputs))
    marked = {}
    for place, scale in enumerate(scales):
        logits, attention = outputs[scale]
        channels = torch.zeros(len(logits), len(scales), *logits.shape[-2:], device=logits.device)
        channels[:, place] = 1.0
        marked[scale] = (channels, attention)
    return model.fuse(marked, size)


@torch.inference_mode()
def weigh(
    model: MultiScaleNet,
    images: np.ndarray,
    scales: Sequence[float],
    device: torch.device | str = "cpu",
    input_scale: float = 1.0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What each scale says of a batch of images, what all say together, and how much each counts.

    Args:
        model: in evaluation mode on the device.
        images: (B, H, W, 3) uint8 RGB.
        scales: 1.0 among them; of mirrored images nothing is shown.
        device: where to compute.
        input_scale: the network works on images resized by this factor.

    Returns:
        alone, fused and weights of :class:`Weighed`.
    """
    size, device, scales = images.shape[1:3], torch.device(device), check_scales(scales)
    x = torch.from_numpy(np.array(images)).to(device).permute(0, 3, 1, 2)
    x = at_scale(normalise(x.float().div_(255.0)), input_scale)
    height, width = x.shape[-2:]
    padded = model.pad(x, scales)
    with autocast(device, "auto"):
        outputs = {s: model.predict_scale(padded, s, model.needs_attention(s, scales)) for s in scales}
    whole = padded.shape[-2:]

    def labels(logits: torch.Tensor) -> np.ndarray:
        return resize_nearest(logits[..., :height, :width].argmax(1).to(torch.uint8).cpu().numpy(), size)

    alone = np.stack([labels(resize(outputs[s][0].float(), whole)) for s in scales], axis=1)
    weights = weights_of_scales(model, outputs, whole)[..., :height, :width].cpu().numpy()
    flat = resize_nearest(weights.reshape(-1, height, width), size)
    return alone, labels(model.fuse(outputs, whole)), flat.reshape(*weights.shape[:2], *size)


def weigh_split(
    model: MultiScaleNet,
    packed: Packed,
    labels: LabelTable,
    scales: Sequence[float],
    device: torch.device | str = "cpu",
    input_scale: float = 1.0,
) -> tuple[pd.DataFrame, Weighed]:
    """Measure IMAGES labelled images of a split, and keep the PICTURES in which the choice of a scale matters most.

    It matters at a pixel that one scale by itself gets right and another wrong.

    Returns:
        objects: one row per connected component of a class in the truth: image_id, class, pixels, and ``weight_<s>``,
            the mean weight of scale s over its pixels.
        pictures: the images kept, those in which most pixels matter first.
    """
    chosen = choose_images(packed, IMAGES)
    if not chosen:
        raise UserError("no image of the split has a label; scale attention is shown against the truth")
    rows, found = [], []
    for place in chosen:
        image, truth = packed.images[place], np.asarray(packed.labels[place])
        alone, fused, weights = (part[0] for part in weigh(model, image[None], scales, device, input_scale))
        right = (alone == truth) & (truth != IGNORE)
        matters = int((right.any(0) & ~right.all(0)).sum())
        rows += objects(packed.image_ids[place], truth, weights, check_scales(scales), labels)
        found.append((matters, place, alone, fused, weights))
        found = sorted(found, key=lambda entry: (-entry[0], entry[1]))[:PICTURES]
    places = [entry[1] for entry in found]
    alone, fused, weights = (np.stack([entry[part] for entry in found]) for part in (2, 3, 4))
    names = np.array([packed.image_ids[place] for place in places])
    images, truth = (np.stack([array[place] for place in places]) for array in (packed.images, packed.labels))
    columns = ["image_id", "class", "pixels", *(f"{WEIGHT}{scale:g}" for scale in check_scales(scales))]
    table = pd.DataFrame(rows, columns=columns)
    return table, Weighed(np.array(check_scales(scales)), names, images, truth, alone, fused, weights)


def choose_images(packed: Packed, count: int) -> list[int]:
    """The places of up to ``count`` labelled images in which every class is seen as often as can be, the rare ones too.

    One after another the image whose classes have been seen least is taken.
    """
    seen_in = {
        int(place): np.unique(packed.labels[place][::STRIDE, ::STRIDE]) for place in np.flatnonzero(packed.has_label)
    }
    there = np.zeros((len(packed), IGNORE), bool)
    for place, values in seen_in.items():
        there[place, values[values != IGNORE]] = True
    seen, left = np.zeros(IGNORE), sorted(seen_in)
    chosen: list[int] = []
    while left and len(chosen) < count:
        worth = there[left] @ (1.0 / (1.0 + seen) ** 2)
        place = left.pop(int(worth.argmax()))
        seen += there[place]
        chosen.append(place)
    return chosen


def objects(
    image_id: str, truth: np.ndarray, weights: np.ndarray, scales: Sequence[float], labels: LabelTable
) -> list[tuple[object, ...]]:
    """Rows of the table of objects for one image: see :func:`weigh_split`.

    Args:
        truth: (H, W) uint8 train ids; weights: (S, H, W).
    """
    rows: list[tuple[object, ...]] = []
    for known in labels.classes:
        mask = truth == known.train_id
        if not mask.any():
            continue
        count, components = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
        numbers = components[mask]
        pixels = np.bincount(numbers, minlength=count)[1:]
        sums = [np.bincount(numbers, weights[place][mask], count)[1:] for place in range(len(scales))]
        rows += [
            (image_id, known.name, *row) for row in zip(pixels, *(np.round(s / pixels, 5) for s in sums), strict=True)
        ]
    return rows


def write_pictures(pictures: Weighed, path: str | Path) -> None:
    """Write one compressed .npz, all or nothing; weights are rounded to 1/255."""
    arrays = vars(pictures) | {"weights": np.rint(255 * pictures.weights).astype(np.uint8)}
    with replacing(path) as temporary:
        np.savez_compressed(temporary, allow_pickle=False, **arrays)
