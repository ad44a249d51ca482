"""The sampler: batches of training, drawn and mixed where the packed data lie."""

from collections.abc import Callable
from importlib import import_module

import numpy as np

from tailcutmix.dataset.normalisation import normalise
from tailcutmix.dataset.packing import Packed
from tailcutmix.errors import UserError
from tailcutmix.mixing import streams
from tailcutmix.mixing.augment import AUG
from tailcutmix.mixing.batch import Batch, Counts, count_pixels
from tailcutmix.mixing.material import Material
from tailcutmix.mixing.methods import Mixing
from tailcutmix.mixing.order import focus, image_order
from tailcutmix.mixing.place import Place
from tailcutmix.mixing.prefetch import OnStream
from tailcutmix.mixing.sampling import Sampling
from tailcutmix.mixing.source import Source
from tailcutmix.mixing.windows import Windows
from tailcutmix.plan.settings.length import length_of
from tailcutmix.plan.settings.recipe import MIXINGS, Recipe


class Sampler:
    """Draws batch number ``step`` as a function of the seed and that number; nothing is kept between calls.

    Attributes:
        draws_per_epoch: samples of one pass over the expanded set.
        source: where base crops are cut from.
        mixing: what is mixed in; None where nothing is.
    """

    def __init__(
        self, packed: Packed, recipe: Recipe, material: Material, place: Place, seed: int, images: int | None = None
    ):
        """Put the data on the device where they fit, and look up what the mixing needs.

        Args:
            packed: N packed images and labels.
            recipe: its sections ``mixing``, ``augmentation`` and ``training`` are heeded.
            material: the classes, and what the mixing mixes in.
            place: this rank draws its slice of every global batch.
            seed: of the run, 0 or more.
            images: whose e-fold number is an epoch; by default N.

        Raises:
            UserError: an unknown mixing, or a batch that the ranks cannot share evenly.
        """
        training = recipe.training
        if recipe.mixing.name not in MIXINGS:
            raise UserError(f"mixing is {recipe.mixing.name!r}; it must be one of: {', '.join(MIXINGS)}")
        self._seed, self._batch, self._share = seed, training.batch, place.share(training.batch)
        self._num_classes = len(material.classes)
        self.source = Source(packed, training.crop, recipe.augmentation, place)
        self.draws_per_epoch = length_of(training, images or len(packed.image_ids)).draws
        self._sampling: Sampling | None = None
        if training.sampling != "images":
            module = import_module(f"tailcutmix.mixing.sampling.{training.sampling}")
            labels, samples = self.source.labels, self.draws_per_epoch
            self._sampling = module.Sampling(labels, self._num_classes, samples, seed, training)
        self.mixing: Mixing | None = None
        if recipe.mixing.name != "none":
            method = import_module(f"tailcutmix.mixing.methods.{recipe.mixing.name}")
            self.mixing = method.Mixing(self.source, recipe.mixing, material)
        self._made: Callable[[int], Batch] = self._normalised
        if place.device.type == "cuda":
            self._made = OnStream(self._normalised, place.device, ahead=self.source.on_host)

    def batch(self, step: int) -> Batch:
        """Batch number ``step``, counted from 0 since training began, epoch after epoch; normalised."""
        return self._made(step)

    def draw(self, step: int) -> Batch:
        """The same before normalisation: images in 0..1, labels uint8."""
        draws = streams.Draws(self._seed, step, self._batch, self._share)
        windows = self._base_windows(draws)
        images, labels = self.source.cut_images(windows), self.source.cut_labels(windows)
        counts = Counts.none(self._num_classes, labels.device)
        batch = Batch(images, labels, counts, [self.source.image_ids[n] for n in windows.index])
        if self.mixing is not None:
            self.mixing(draws, batch)
        counts.pixels_seen = count_pixels(labels, self._num_classes)
        return batch

    def _normalised(self, step: int) -> Batch:
        batch = self.draw(step)
        normalise(batch.images)
        batch.labels = batch.labels.long()
        return batch

    def _base_windows(self, draws: streams.Draws) -> Windows:
        u = draws.uniforms(streams.BASE, AUG)
        if self._sampling is None:
            return self.source.draw(u, image_order(draws.seed, draws.positions, len(self.source.image_ids)))
        places = self._sampling(draws.positions)
        windows = self.source.draw(u, places[:, 0])
        position = np.full_like(u["position"], 0.5) if self._sampling.centred else u["position"]
        focus(windows, places[:, 1:], position, self.source.size)
        return windows
