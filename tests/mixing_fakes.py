"""Small packed data with a rare class, and samplers of them, for the tests of mixing."""

from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import torch

from tailcutmix.dataset.normalisation import MEAN, STD
from tailcutmix.labels import Label
from tailcutmix.mixing.batch import Batch, Counts
from tailcutmix.mixing.material import Material
from tailcutmix.mixing.place import Place
from tailcutmix.mixing.sampler import Sampler
from tailcutmix.plan.settings.recipe import Augmentation, Mixing, Recipe, Training
from tailcutmix.tail.regions import find_regions
from tailcutmix.tail.subsets import BOX_COLUMNS, image_boxes

CLASSES = 5
RARE = 4
LABELS = tuple(Label(2 * train_id + 1, f"class {train_id}", train_id) for train_id in range(CLASSES))
CPU = Place(torch.device("cpu"))
RECIPE = Recipe(
    augmentation=Augmentation(scale=(0.5, 2.0), flip=True, jitter=0.3),
    mixing=Mixing(cyc_draws=4),
    training=Training(crop=(24, 32), batch=6),
)


def packed(seed: int = 0, images: int = 7, height: int = 40, width: int = 56, rare_pixels: int = 3):
    """Images of noise whose labels are blocks of classes 0..3 and void; every second one holds a few pixels of RARE."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (images, height, width, 3), np.uint8)
    blocks = rng.choice(np.array([0, 1, 2, 3, 255], np.uint8), (images, height // 8, width // 8))
    labels = blocks.repeat(8, 1).repeat(8, 2)
    for n in range(0, images, 2):
        for _ in range(rare_pixels):
            labels[n, rng.integers(height), rng.integers(width)] = RARE
    return SimpleNamespace(images=pixels, labels=labels, image_ids=[f"image{n}" for n in range(images)])


def boxes(data, b: int = RARE, levels=(1, 2, 3)) -> pd.DataFrame:
    """The table ``boxes.csv`` of one class of packed data."""
    height, width = data.labels.shape[1:]
    rows = []
    for image_id, label in zip(data.image_ids, data.labels, strict=True):
        rows += image_boxes(image_id, find_regions(label, b)[0], levels, 0.5, 1.1, width, height)
    return pd.DataFrame(rows, columns=list(BOX_COLUMNS)).assign(**{"class": LABELS[b].slug})


def to_uint8(images) -> np.ndarray:
    """(B, 3, h, w) normalised tensor -> (B, h, w, 3) uint8 RGB."""
    return np.rint((images.permute(0, 2, 3, 1).numpy() * STD + MEAN) * 255).astype(np.uint8)


def sampler(
    mixing: str = "none", data=None, tail=(RARE,), table=None, classes=CLASSES, seed=0, place=CPU, **changed
) -> Sampler:
    """A sampler of packed data, by RECIPE with keys of its sections ``changed``.

    Args:
        data: by default :func:`packed`.
        tail: train ids of the tail classes.
        table: ``boxes.csv``, by default the :func:`boxes` of RARE.
    """
    data = packed() if data is None else data
    table = boxes(data) if table is None else table
    material = Material(LABELS[:classes], tuple(LABELS[train_id] for train_id in tail), table)
    return Sampler(data, recipe(mixing, **changed), material, place, seed)


def recipe(mixing: str, **changed) -> Recipe:
    """RECIPE with another mixing, and with keys of its sections ``changed``; ``augmentation`` is one of them."""
    sections = {"augmentation": changed.pop("augmentation", RECIPE.augmentation)}
    for name in ("mixing", "training"):
        section = getattr(RECIPE, name)
        keys = {field.name for field in fields(section)} & set(changed)
        sections[name] = replace(section, **{key: changed.pop(key) for key in keys})
    assert not changed, f"no key of a recipe: {changed}"
    return replace(RECIPE, **sections | {"mixing": replace(sections["mixing"], name=mixing)})


def unmixed(images: torch.Tensor, labels: torch.Tensor) -> Batch:
    """A batch of (b, 3, h, w) images in 0..1 and (b, h, w) uint8 labels, ready to be mixed."""
    return Batch(images, labels, Counts.none(CLASSES), [f"base{n}" for n in range(len(labels))])
