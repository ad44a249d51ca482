"""Tail cutmix for a training loop of one's own: a transform of batches, in the manner of torchvision's v2 CutMix."""

from collections.abc import Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from tailcutmix.errors import UserError
from tailcutmix.index import Index, open_index
from tailcutmix.labels import IGNORE, Label
from tailcutmix.mixing.batch import Batch, Counts
from tailcutmix.mixing.material import Material
from tailcutmix.mixing.methods import Mixing as MixingMethod
from tailcutmix.mixing.place import Place
from tailcutmix.mixing.source import Source
from tailcutmix.mixing.streams import Draws
from tailcutmix.plan.settings.recipe import Augmentation, Mixing

MIXINGS = ("level0", "levels", "all_levels")


class TailCutMix:
    """Pastes pixels of rare classes into the images and masks of a batch [report, section 3].

    It is the workflow's own mixing, :mod:`tailcutmix.mixing.methods`, fed with an index in place of a run's results.

    ``level0`` pastes the pixels of a tail class out of a random crop of an image that holds it; ``levels`` pastes a
    rectangle around a region of it, at one of several sizes, whole; ``all_levels`` does one of the two for each sample.

    What is mixed in is a function of ``seed`` and ``step`` alone. A call without a step takes a number from torch's
    generator in its place, so ``torch.manual_seed`` before the loop fixes all batches; a ``DataLoader`` seeds that
    generator differently in every worker and epoch. In several training processes, give each its own ``seed``.

    Args:
        index: the folder that ``python -m tailcutmix.index`` wrote.
        mixing: ``level0``, ``levels``, ``all_levels``, or settings with that ``name``: ``probability`` that a sample is
            mixed (1), ``cyc_draws``, ``cyc_min_pixels``, ``levels`` and ``level_weights`` as in config/README.md.
        augmentation: what happens to the images that are mixed in: ``scale`` (0.5, 2.0), ``flip`` (True), ``jitter``
            (0.25).
        classes: names of the classes mixed in, among those of the index; None: all of these.
        normalisation: (mean, std), three numbers each, where the batch's images are (x - mean) / std; None: they are
            in 0..1.
        ignore_index: what the masks hold where there is no label.
        seed: 0 or more.
        device: where the batches are, and the images of the index with them.

    Raises:
        UserError: an index that is missing or damaged, another mixing, or a class that the index does not hold.
    """

    def __init__(
        self,
        index: str | Path,
        mixing: str | Mixing = "level0",
        *,
        augmentation: Augmentation = Augmentation(),  # noqa: B008 (frozen)
        classes: Sequence[str] | None = None,
        normalisation: tuple[Sequence[float], Sequence[float]] | None = None,
        ignore_index: int = IGNORE,
        seed: int = 0,
        device: torch.device | str = "cpu",
    ):
        settings = Mixing(name=mixing) if isinstance(mixing, str) else mixing
        self._again = partial(
            TailCutMix, index, settings, augmentation=augmentation, classes=classes, normalisation=normalisation,
            ignore_index=ignore_index, seed=seed, device=device,
        )  # fmt: skip
        if settings.name not in MIXINGS:
            raise UserError(f"TailCutMix: mixing is {settings.name!r}; it must be one of: {', '.join(MIXINGS)}")
        self.seed, self.ignore_index, self.normalisation = seed, ignore_index, normalisation
        opened = open_index(index)
        self.classes, self._num_classes = _chosen(opened, classes, index), opened.labels.num_classes
        boxes = opened.boxes[opened.boxes["class"].isin([known.slug for known in self.classes])]
        self._source = Source(opened.packed, opened.packed.size, augmentation, Place(torch.device(device)))
        method = import_module(f"tailcutmix.mixing.methods.{settings.name}")
        material = Material(opened.labels.classes, self.classes, boxes)
        self._mixing: MixingMethod = method.Mixing(self._source, settings, material)

    def __call__(
        self, images: torch.Tensor, masks: torch.Tensor, step: int | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mix into a batch.

        Args:
            images: (B, 3, H, W) of any floating type, RGB; a tensor or ``tv_tensors.Image``. Left as it is.
            masks: (B, H, W) of any integer type, train ids; a tensor or ``tv_tensors.Mask``. Left as it is.
            step: number of the batch, 0 or more; None: drawn from torch's generator.

        Returns:
            Images and masks of the same shapes, types and device.

        Raises:
            UserError: other shapes or types, or another device than the transform's.
        """
        self._check(images, masks)
        samples = len(images)
        if step is None:
            step = int(torch.randint(2**62, ()))
        self._source.crop = (images.shape[2], images.shape[3])
        # The methods paste into a batch of their own, of images in 0..1: only what was pasted is brought to the
        # caller's normalisation and types, and every other pixel stays bit by bit what it was.
        device = self._source.device
        scratch = Batch(
            torch.zeros(images.shape, device=device),
            torch.zeros(masks.shape, dtype=torch.uint8, device=device),
            Counts.none(self._num_classes, device),
            [""] * samples,
        )
        self._mixing(Draws(self.seed, step, samples, slice(0, samples)), scratch)
        pasted = scratch.pasted
        if pasted is None:
            return images, masks
        labels = scratch.labels.to(masks.dtype).masked_fill_(scratch.labels == IGNORE, self.ignore_index)
        mixed_images = torch.where(pasted[:, None], self._normalised(scratch.images).to(images.dtype), images)
        mixed_masks = torch.where(pasted, labels, masks)
        return mixed_images.as_subclass(type(images)), mixed_masks.as_subclass(type(masks))  # tv_tensors stay such

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process opens the index anew, in place of a copy of its arrays."""
        return self._again, ()

    def _normalised(self, images: torch.Tensor) -> torch.Tensor:
        if self.normalisation is None:
            return images
        mean, std = (images.new_tensor(values)[:, None, None] for values in self.normalisation)
        return images.sub_(mean).div_(std)

    def _check(self, images: torch.Tensor, masks: torch.Tensor) -> None:
        if images.ndim != 4 or images.shape[1] != 3 or not images.is_floating_point():
            raise UserError(
                f"TailCutMix: images are {images.dtype} {tuple(images.shape)}; floats (B, 3, H, W) are needed"
            )
        if masks.is_floating_point() or masks.shape != (len(images), *images.shape[2:]):
            raise UserError(
                f"TailCutMix: masks are {masks.dtype} {tuple(masks.shape)}; integers (B, H, W) of the images' "
                f"{tuple(images.shape)} are needed"
            )
        place = self._source.device
        for given in (images, masks):
            if given.device.type != place.type or place.index not in (None, given.device.index):
                raise UserError(
                    f"TailCutMix: the batch is on {given.device}; make it with device={str(given.device)!r}"
                )


def _chosen(index: Index, classes: Sequence[str] | None, folder: str | Path) -> tuple[Label, ...]:
    """The classes of an index that are mixed in."""
    if classes is None:
        return index.tail
    chosen = tuple(index.labels.class_of(name) for name in classes)
    for known in chosen:
        if known not in index.tail:
            held = ", ".join(row.name for row in index.tail)
            raise UserError(f"{folder}: holds nothing of class {known.name!r}, only of: {held}; make it with --classes")
    return chosen
