"""Copy-paste (Ghiasi et al., CVPR 2021) of tail classes: single objects, cut out along their mask, anywhere."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from tailcutmix.labels import Label
from tailcutmix.mixing.batch import Batch
from tailcutmix.mixing.material import Material
from tailcutmix.mixing.methods.levels import NUMBERS as PATCH_NUMBERS
from tailcutmix.mixing.methods.levels import Patches, Pool, draw_patches
from tailcutmix.mixing.source import Source
from tailcutmix.mixing.streams import CONTRAST, Draws, choice, layout
from tailcutmix.mixing.windows import sample_image
from tailcutmix.nearest import resize_nearest
from tailcutmix.plan.settings.recipe import Mixing as MixingSettings

logger = logging.getLogger(__name__)

OBJECTS = 3
"""A sample gets one to so many of them, each number equally often."""

NUMBERS = layout(mixed=1, count=1, objects=(PATCH_NUMBERS, OBJECTS))


@dataclass(frozen=True)
class Object:
    """One object of a tail class.

    Attributes:
        known: its class.
        image: the packed image that it is in.
        box: y, x, h, w there.
        mask: (h, w) bool, its pixels.
    """

    known: Label
    image: int
    box: tuple[int, int, int, int]
    mask: np.ndarray


class Mixing:
    """Objects scaled, mirrored and pasted at random positions, later ones over earlier; every tail class equally often.

    An object is what one number of the instance map marks; where a class or an image has none, a connected component.
    """

    def __init__(self, source: Source, settings: MixingSettings, material: Material):
        self.source, self.probability = source, settings.probability
        self.objects = find_objects(source, material, settings.min_area)
        if not self.objects:
            logger.warning("no object of a tail class: training goes on without copy-paste")
            return
        self.pool = make_pool(self.objects)

    def __call__(self, draws: Draws, batch: Batch) -> None:
        rows, u = draws.mixed(CONTRAST, NUMBERS, self.probability)
        if not self.objects or len(rows) == 0:
            return
        counts = 1 + choice(u["count"], OBJECTS)
        pasted = torch.zeros(len(rows), *self.source.crop, dtype=torch.bool, device=batch.labels.device)
        image_ids: list[list[str]] = [[] for _ in rows]
        for k in range(OBJECTS):
            chosen = np.flatnonzero(counts > k)
            patches = draw_patches(u["objects"][chosen, k], self.pool, self.source.augmentation, self.source.crop)
            for number, m in enumerate(chosen.tolist()):
                self._paste(batch, int(rows[m]), pasted[m], patches, number)
                image_ids[m].append(self.source.image_ids[patches.windows.index[number]])
            batch.counts.patches_cropped += int(patches.cropped.sum())
        batch.note(rows, list(map(" + ".join, image_ids)), pasted)

    def _paste(self, batch: Batch, sample: int, pasted: torch.Tensor, patches: Patches, number: int) -> None:
        """One object into one sample, and into (h, w) ``pasted``."""
        found, windows = self.objects[patches.row[number]], patches.windows
        y, x, h, w = patches.place[number].tolist()
        mask = object_mask(found, windows.box[number], (h, w), bool(windows.flip[number]))
        inside = torch.from_numpy(mask).to(pasted.device)
        patch = sample_image(self.source.images, windows, number, (h, w)).to(pasted.device).div(255)
        image, label = batch.images[sample, :, y : y + h, x : x + w], batch.labels[sample, y : y + h, x : x + w]
        image.copy_(torch.where(inside, patch, image))
        label.masked_fill_(inside, found.known.train_id)
        pasted[y : y + h, x : x + w] |= inside


def find_objects(source: Source, material: Material, min_area: int) -> list[Object]:
    """All objects of the tail classes in the packed images, those of a class with fewer pixels left out.

    Args:
        source: the packed images and labels, which are read once.
        material: ``tail`` and, where the data set has them, ``instances``.
        min_area: pixels, as packed.
    """
    objects = []
    for n, label in enumerate(source.labels):
        train_ids = label.cpu().numpy()
        held = np.bincount(train_ids.reshape(-1), minlength=256)
        wanted = [known for known in material.tail if held[known.train_id]]
        instances = None
        if material.instances is not None and any(known.has_instances for known in wanted):
            instances = material.instances.read(source.image_ids[n], source.size)
        for known in wanted:
            numbers = instances if known.has_instances else None
            for box, mask in parts(train_ids == known.train_id, numbers, known.id):
                if mask.sum() >= min_area:
                    objects.append(Object(known, n, box, mask))
    return objects


def parts(
    mask: np.ndarray, instances: np.ndarray | None, unnumbered: int
) -> Iterator[tuple[tuple[int, int, int, int], np.ndarray]]:
    """Box (y, x, h, w) and (h, w) bool mask of each object of a class.

    Args:
        mask: (H, W) bool, the pixels of the class.
        instances: (H, W) instance ids, or None.
        unnumbered: the id of pixels that belong to no single object.

    Yields:
        The pixels of each instance id; of the unnumbered ones, or of all, the 8-connected components.
    """
    loose = mask if instances is None else mask & (instances == unnumbered)
    _, components, stats, _ = cv2.connectedComponentsWithStats(loose.astype(np.uint8), connectivity=8)
    for k, (x, y, w, h, _) in enumerate(stats[1:].tolist(), start=1):
        yield (y, x, h, w), components[y : y + h, x : x + w] == k
    if instances is None:
        return
    for value in np.unique(instances[mask & ~loose]):
        whole = mask & (instances == value)
        y, x, h, w = _extent(whole)
        yield (y, x, h, w), whole[y : y + h, x : x + w].copy()


def make_pool(objects: list[Object]) -> Pool:
    """The objects as rectangles to draw from: every class equally often, and each object of a class."""
    owner = np.array([found.known.slug for found in objects])
    of_class = {slug: 1 / (owner == slug).sum() for slug in np.unique(owner)}
    weight = np.array([of_class[slug] for slug in owner])
    return Pool(
        image=np.array([found.image for found in objects], np.int64),
        box=np.array([found.box for found in objects], np.int64),
        clipped=np.zeros(len(objects), bool),
        owner=owner,
        cumulative=np.cumsum(weight) / weight.sum(),
    )


def object_mask(found: Object, window: np.ndarray, size: tuple[int, int], flip: bool) -> np.ndarray:
    """(h, w) bool: the object's pixels in a window (y, x, h, w) of its box, at another size, and mirrored."""
    (top, left, *_), (y, x, h, w) = found.box, window.tolist()
    mask = resize_nearest(found.mask[y - top : y - top + h, x - left : x - left + w], size)
    return mask[:, ::-1].copy() if flip else mask


def _extent(mask: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    y, x = int(rows[0]), int(columns[0])
    return y, x, int(rows[-1]) + 1 - y, int(columns[-1]) + 1 - x
