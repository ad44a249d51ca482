"""Multi-level cutmix: patches drawn from B1, made to fit by AUGN and pasted whole [report, section 3]."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from tailcutmix.errors import UserError
from tailcutmix.mixing.batch import Batch
from tailcutmix.mixing.material import Material
from tailcutmix.mixing.source import Source
from tailcutmix.mixing.streams import PATCH, Draws, choice, layout
from tailcutmix.mixing.windows import Windows, box_mask, sample_image, sample_labels
from tailcutmix.plan.settings.recipe import Augmentation
from tailcutmix.plan.settings.recipe import Mixing as MixingSettings
from tailcutmix.tail.subsets import scale_boxes

logger = logging.getLogger(__name__)

NUMBERS = layout(mixed=1, rectangle=1, scale=1, flip=1, crop=2, p=2)
"""Of one patch; crop and P are y, x."""


class Mixing:
    """X_a with a whole rectangle out of B1 at a random position P: the levels from 1 on."""

    def __init__(self, source: Source, settings: MixingSettings, material: Material):
        self.source, self.probability = source, settings.probability
        self.pool = None
        if material.boxes is not None and len(material.boxes):
            height, width = source.size
            boxes = scale_boxes(material.boxes, width, height)
            self.pool = make_pool(boxes, source.image_ids, settings.levels, settings.level_weights)
        self.train_ids = {known.slug: known.train_id for known in material.classes}
        if self.pool is None:
            logger.warning("the level subset is empty: training goes on without multi-level cutmix")

    def __call__(self, draws: Draws, batch: Batch) -> None:
        rows, u = draws.mixed(PATCH, NUMBERS, self.probability)
        if self.pool is None or len(rows) == 0:
            return
        patches = draw_patches(u, self.pool, self.source.augmentation, self.source.crop)
        mask = paste_patches(batch, rows, patches, self.source.images, self.source.labels)
        batch.note(rows, [self.source.image_ids[n] for n in patches.windows.index], mask)
        batch.counts.patches_cropped = int(patches.cropped.sum())
        batch.counts.patches_clipped = int(patches.clipped.sum())
        wanted = torch.tensor([self.train_ids[owner] for owner in patches.owner.tolist()], device=mask.device)
        held = mask & (batch.labels[batch.at(rows)] == wanted[:, None, None])
        batch.counts.patches_without_class = (~held.flatten(1).any(1)).sum()


@dataclass(frozen=True)
class Pool:
    """B1 of one class or more: every rectangle at every level, and how likely each is drawn.

    Attributes:
        image: (R,) int64, packed image.
        box: (R, 4) int64, y, x, h, w in packed pixels.
        clipped: (R,) bool, the rectangle was clipped to its image.
        owner: (R,) text, slug of the class whose region it is.
        cumulative: (R,) float64, rising to 1.
    """

    image: np.ndarray
    box: np.ndarray
    clipped: np.ndarray
    owner: np.ndarray
    cumulative: np.ndarray


def make_pool(
    boxes: pd.DataFrame,
    image_ids: Sequence[str],
    levels: Sequence[int] = (),
    weights: Mapping[int, float] | None = None,
) -> Pool | None:
    """Build B1 from ``boxes.csv`` in packed coordinates.

    Rectangles of a class are drawn uniformly, or by the weight of their level; each class is drawn equally often.

    Args:
        boxes: image_id, level, x, y, w, h, clipped, and the slug of the class.
        image_ids: ids of the packed images, in their order.
        levels: levels to draw from; none given: all.
        weights: level -> weight; a level that it does not name has none. None: equal.

    Returns:
        None where no rectangle is left.

    Raises:
        UserError: a box in an image that is not packed.
    """
    position = {image_id: n for n, image_id in enumerate(image_ids)}
    strange = boxes.loc[~boxes["image_id"].isin(position), "image_id"]
    if len(strange):
        raise UserError(f"boxes.csv names image {strange.iloc[0]!r}, which is not packed; delete that subset")
    if levels:
        boxes = boxes[boxes["level"].isin(levels)]
    weight: np.ndarray = np.ones(len(boxes))
    if weights is not None:
        weight = boxes["level"].map(weights).fillna(0).to_numpy()
    boxes, weight = boxes[weight > 0], weight[weight > 0]
    if boxes.empty:
        return None
    number = np.unique(boxes["class"], return_inverse=True)[1]
    weight = weight / np.bincount(number, weight)[number]
    return Pool(
        boxes["image_id"].map(position).to_numpy(np.int64),
        boxes[["y", "x", "h", "w"]].to_numpy(np.int64),
        boxes["clipped"].to_numpy(bool),
        boxes["class"].to_numpy(str),
        np.cumsum(weight) / weight.sum(),
    )


@dataclass(frozen=True)
class Patches:
    """B patches, described on the host.

    Attributes:
        windows: what is cut.
        place: (B, 4) int64, y, x, h, w on the canvas: P and the size of the patch there.
        cropped: (B,) bool, the patch exceeded the canvas and was cropped.
        clipped: (B,) bool, its rectangle had been clipped to its image.
        owner: (B,) text, slug of the class whose region it is.
        row: (B,) int64, which rectangle of the pool it is.
    """

    windows: Windows
    place: np.ndarray
    cropped: np.ndarray
    clipped: np.ndarray
    owner: np.ndarray
    row: np.ndarray


def draw_patches(u: np.ndarray, pool: Pool, augmentation: Augmentation, canvas: tuple[int, int]) -> Patches:
    """Draw XB1_a = AUGN(XB1) and the position P for B samples.

    AUGN is a scale and a flip; where the scaled patch exceeds the canvas, it is cropped to it at random.

    Args:
        u: (B,) of NUMBERS.
        pool: B1.
        augmentation: ``scale`` and ``flip``.
        canvas: (h, w) of X_a.
    """
    row = np.minimum(np.searchsorted(pool.cumulative, u["rectangle"], side="right"), len(pool.image) - 1)
    box, largest = pool.box[row], np.asarray(canvas)
    low, high = augmentation.scale
    scale = (low + u["scale"] * (high - low))[:, None]
    size = np.maximum(np.rint(box[:, 2:] * scale).astype(np.int64), 1)
    exceeds = size > largest
    size = np.minimum(size, largest)
    length = np.where(exceeds, np.clip(np.rint(largest / scale).astype(np.int64), 1, box[:, 2:]), box[:, 2:])
    start = box[:, :2] + choice(u["crop"], box[:, 2:] - length + 1)
    place = choice(u["p"], largest - size + 1)
    flip = (u["flip"] < 0.5) & augmentation.flip
    windows = Windows(pool.image[row], np.concatenate([start, length], axis=1), flip, np.ones((len(u), 3)))
    cropped = exceeds[:, 0] | exceeds[:, 1]
    return Patches(windows, np.concatenate([place, size], axis=1), cropped, pool.clipped[row], pool.owner[row], row)


def paste_patches(
    batch: Batch, rows: np.ndarray, patches: Patches, images: torch.Tensor, labels: torch.Tensor
) -> torch.Tensor:
    """X_a(P) = XB1_a and Y_a(P) = YB1_a, in place, void included.

    Args:
        batch: not yet normalised.
        rows: (M,) int64, the samples that are mixed.
        patches: M patches.
        images, labels: (N, H, W, 3) and (N, H, W) uint8, packed: what the patches are cut out of.

    Returns:
        (M, h, w) bool: the pixels that were pasted.
    """
    _, height, width = batch.labels.shape
    size, place, here = (height, width), patches.place, batch.at(rows)
    boxes = np.concatenate([place[:, :2], place[:, :2] + place[:, 2:]], axis=1)
    mask = box_mask(boxes, size, batch.labels.device)
    pasted = sample_labels(labels, patches.windows, size, place).to(mask.device)
    batch.labels[here] = torch.where(mask, pasted, batch.labels[here])
    for number, (sample, (y, x, h, w)) in enumerate(zip(rows.tolist(), place.tolist(), strict=True)):
        patch = sample_image(images, patches.windows, number, (h, w)).to(mask.device)
        batch.images[sample, :, y : y + h, x : x + w] = patch.div(255)
    return mask
