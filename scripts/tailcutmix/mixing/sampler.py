"""The sampler: batches of training, drawn and mixed where the packed data lie."""

import logging
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from tailcutmix.dataset.normalisation import MEAN, normalise
from tailcutmix.dataset.packing import Packed
from tailcutmix.errors import UserError
from tailcutmix.labels import IGNORE
from tailcutmix.mixing import augment, contrasts, level0, levels, order, streams
from tailcutmix.mixing.ahead import Ahead
from tailcutmix.mixing.windows import Windows, box_mask, sample_images, sample_labels
from tailcutmix.tail.levels import scale_boxes

logger = logging.getLogger(__name__)

CONTRAST = streams.layout(mixed=1, image=1, box_lambda=1, box_centre=2, aug=augment.AUG)
"""The numbers of CutMix and MixUp; the box is CutMix's alone."""

CUTOUT = streams.layout(mixed=1, centre=2)

MIXINGS = ("none", "level0", "levels", "cutmix", "mixup", "cutout")

DEFAULTS = {
    "mixing": "none", "probability": 1.0, "cyc_draws": 10, "cyc_min_pixels": 1, "levels": None, "level_weights": None,
    "sampling": "images", "expand": 1, "data_device_gb": 16.0,
}  # fmt: skip


@dataclass
class Batch:
    """The part of a global batch that one rank trains on.

    Attributes:
        images: (b, 3, h, w) float32, normalised, on the device of the sampler.
        labels: (b, h, w) int64 train ids, 255 ignored.
        counts: what was mixed: images_mixed, cyc_draws, cyc_fallbacks, patches_cropped (larger than the canvas),
            patches_clipped (at the border of their own image), and pixels_added, a (C,) int64 tensor.
        image_ids: b strings, ``base`` or ``base + mixed-in``, for messages.
        labels_b: (b, h, w) int64, labels of the second image under MixUp, else None.
        lam: (b,) float32, weight of ``labels`` under MixUp (``labels_b`` has 1 - lam), else None.
    """

    images: torch.Tensor
    labels: torch.Tensor
    counts: dict
    image_ids: list[str]
    labels_b: torch.Tensor | None = None
    lam: torch.Tensor | None = None


class Sampler:
    """Draws batch number ``step`` as a function of the seed and that number; nothing is kept between calls."""

    def __init__(
        self,
        packed: Packed,
        settings: dict,
        num_classes: int,
        device: torch.device | str,
        tail: Sequence[int] = (),
        regions: pd.DataFrame | None = None,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ):
        """Put the data on the device where they fit, and look up what the mixing needs.

        Args:
            packed: N packed images and labels.
            settings: crop [h, w], batch (over all ranks), augmentation {scale, flip, jitter}, mixing (one of
                MIXINGS), probability, cyc_draws, cyc_min_pixels, level_weights, levels (None: all), sampling
                (images or classes), expand, data_device_gb (larger data stay on the host).
            num_classes: C.
            device: where the batches are wanted.
            tail: train ids of the tail classes, for level 0.
            regions: ``boxes.csv`` of one class, or of several with a column ``class``, for the other levels.
            seed: of the run, 0 or more.
            rank, world_size: this rank takes its slice of every global batch.
        """
        self.settings = DEFAULTS | settings
        self.mixing = self.settings["mixing"]
        if self.mixing not in MIXINGS:
            raise UserError(f"mixing is {self.mixing!r}; it must be one of: {', '.join(MIXINGS)}")
        self.batch_size = int(self.settings["batch"])
        if self.batch_size % world_size:
            raise UserError(f"batch is {self.batch_size}; it must be a multiple of the {world_size} devices used")
        self.crop = tuple(self.settings["crop"])
        self.num_classes, self.device, self.seed = num_classes, torch.device(device), seed
        self.rows = slice(rank * self.batch_size // world_size, (rank + 1) * self.batch_size // world_size)
        self.image_ids = list(packed.image_ids)
        self.image_size = tuple(packed.images.shape[1:3])
        self.images, self.labels = self._place(packed.images, packed.labels)
        self.grey = _mean_grey(self.images).to(self.device)
        samples = max(1, math.ceil(self.settings["expand"] * len(self.image_ids)))
        self.steps_per_epoch = math.ceil(samples / self.batch_size)
        self.by_class = None
        if self.settings["sampling"] == "classes":
            self.by_class = order.ClassUniform(self.labels, num_classes, samples, seed)
        self.tail, self.holders, self.pool = [], [], None
        if self.mixing == "level0":
            self._find_holders(tail)
        elif self.mixing == "levels":
            self._find_pool(regions)
        self.stream = None
        if self.device.type == "cuda":
            self.stream = torch.cuda.Stream(self.device, priority=-1)  # few, short kernels, before those of the step
            self.stream.wait_stream(torch.cuda.current_stream(self.device))
            if self.images.device != self.device:
                self._on_stream = Ahead(self._on_stream)

    def batch(self, step: int) -> Batch:
        """Batch number ``step``, counted from 0 since training began, epoch after epoch.

        On a GPU it is drawn on a stream of its own, so that CYC, which must look at its labels, waits for the few
        kernels before it and not for the training step in flight. Where the data stay on the host, a thread cuts the
        next batch out of them meanwhile.
        """
        if self.stream is None:
            return self._build(step)
        batch = self._on_stream(step)
        current = torch.cuda.current_stream(self.device)
        current.wait_stream(self.stream)
        for tensor in (batch.images, batch.labels, batch.labels_b, batch.lam, batch.counts["pixels_added"]):
            if tensor is not None:
                tensor.record_stream(current)
        return batch

    def _on_stream(self, step: int) -> Batch:
        with torch.cuda.stream(self.stream):
            return self._build(step)

    def _build(self, step: int) -> Batch:
        draws = streams.Draws(self.seed, step, self.batch_size, self.rows)
        windows = self._base_windows(draws)
        images, labels = self._augmented(windows), sample_labels(self.labels, windows, self.crop).to(self.device)
        batch = Batch(images, labels, self._no_counts(), [self.image_ids[n] for n in windows.index])
        getattr(self, f"_mix_{self.mixing}")(draws, batch)
        normalise(batch.images)
        batch.labels = batch.labels.long()
        return batch

    def _mix_none(self, draws: streams.Draws, batch: Batch) -> None:
        pass

    def _mix_level0(self, draws: streams.Draws, batch: Batch) -> None:
        """X_a, Y_a with the pixels of class b of CYC(AUG(XB, YB)): level 0, every tail class equally often."""
        cyc_draws = self.settings["cyc_draws"]
        numbers = streams.layout(mixed=1, tail_class=1, image=1, pixel=1, cyc=(augment.AUG, cyc_draws))
        rows, u = draws.mixed(streams.TAIL, numbers, self.settings["probability"])
        if not self.tail or len(rows) == 0:
            return
        number = streams.choice(u["tail_class"], len(self.tail))
        holders = [self.holders[k] for k in number]
        index = np.array([
            images[streams.choice(v, len(images))] for images, v in zip(holders, u["image"], strict=True)
        ])  # fmt: skip
        b = np.asarray(self.tail)[number]
        candidates = [self._draw(u["cyc"][:, k], index) for k in range(cyc_draws)]
        found = level0.cycle(self.labels, candidates, b, u["pixel"], self.crop, self.settings["cyc_min_pixels"])
        tail_labels = found.labels.to(self.device)
        mask = tail_labels == torch.from_numpy(b).to(self.device)[:, None, None]
        self._paste(batch, rows, found.windows, tail_labels, mask)
        batch.counts.update(cyc_draws=found.draws, cyc_fallbacks=found.fallbacks)

    def _mix_levels(self, draws: streams.Draws, batch: Batch) -> None:
        """X_a with a whole rectangle out of B1 at a random position P: the levels from 1 on."""
        rows, u = draws.mixed(streams.PATCH, levels.PATCH, self.settings["probability"])
        if self.pool is None or len(rows) == 0:
            return
        patches = levels.draw_patches(u, self.pool, self.settings["augmentation"], self.crop)
        mask = levels.paste_patches(batch.images, batch.labels, patches, rows, self.images, self.labels)
        self._count(batch, rows, patches.windows, batch.labels, mask)
        batch.counts.update(patches_cropped=int(patches.cropped.sum()), patches_clipped=int(patches.clipped.sum()))

    def _mix_cutmix(self, draws: streams.Draws, batch: Batch) -> None:
        """A rectangle of another image at the same place, image and label."""
        rows, windows, u = self._partners(draws)
        if len(rows):
            mask = box_mask(contrasts.cutmix_boxes(u["box_lambda"], u["box_centre"], self.crop), self.crop, self.device)
            other = sample_labels(self.labels, windows, self.crop).to(self.device)
            self._paste(batch, rows, windows, other, mask)

    def _mix_mixup(self, draws: streams.Draws, batch: Batch) -> None:
        """A convex combination of two images; the loss takes both labels with the same weights."""
        rows, windows, _ = self._partners(draws)
        batch.labels_b = batch.labels.long()
        batch.lam = torch.ones(len(batch.labels), device=self.device)
        if len(rows) == 0:
            return
        lam = draws.beta(streams.BETA, contrasts.MIXUP_ALPHA)[rows]
        here = self._here(rows)
        batch.lam[here] = torch.from_numpy(lam).float().to(self.device)
        weight = batch.lam[here, None, None, None]
        batch.images[here] = torch.lerp(self._augmented(windows), batch.images[here], weight)
        batch.labels_b[here] = sample_labels(self.labels, windows, self.crop).to(self.device).long()
        self._name(batch, rows, windows)

    def _mix_cutout(self, draws: streams.Draws, batch: Batch) -> None:
        """A square without image (mean colour) and without label (255)."""
        rows, u = draws.mixed(streams.CONTRAST, CUTOUT, self.settings["probability"])
        if len(rows) == 0:
            return
        boxes = np.zeros((len(batch.labels), 4), np.int64)
        boxes[rows] = contrasts.cutout_boxes(u["centre"], self.crop)
        mask = box_mask(boxes, self.crop, self.device)
        mean = batch.images.new_tensor(MEAN)[:, None, None]
        torch.where(mask[:, None], mean, batch.images, out=batch.images)
        batch.labels.masked_fill_(mask, IGNORE)
        batch.counts["images_mixed"] = len(rows)

    def _partners(self, draws: streams.Draws) -> tuple[np.ndarray, Windows, np.ndarray]:
        """Samples that are mixed, the windows AUG cuts out of other, uniformly drawn images, and their numbers."""
        rows, u = draws.mixed(streams.CONTRAST, CONTRAST, self.settings["probability"])
        index = streams.choice(u["image"], len(self.image_ids))
        return rows, self._draw(u["aug"], index), u

    def _paste(self, batch: Batch, rows: np.ndarray, windows: Windows, labels: torch.Tensor, mask: torch.Tensor):
        here = self._here(rows)
        batch.images[here], batch.labels[here] = level0.paste(
            batch.images[here], batch.labels[here], self._augmented(windows), labels, mask
        )
        self._count(batch, rows, windows, labels, mask)

    def _count(self, batch: Batch, rows: np.ndarray, windows: Windows, labels: torch.Tensor, mask: torch.Tensor):
        added = torch.zeros(256, dtype=torch.int64, device=self.device)
        added.index_add_(0, labels.reshape(-1).int(), mask.reshape(-1).long())
        batch.counts.update(images_mixed=len(rows), pixels_added=added[: self.num_classes])
        self._name(batch, rows, windows)

    def _name(self, batch: Batch, rows: np.ndarray, windows: Windows) -> None:
        batch.counts["images_mixed"] = len(rows)
        for row, n in zip(rows, windows.index, strict=True):
            batch.image_ids[row] += f" + {self.image_ids[n]}"

    def _base_windows(self, draws: streams.Draws) -> Windows:
        u = draws.uniforms(streams.BASE, augment.AUG)
        if self.by_class is None:
            return self._draw(u, order.image_order(self.seed, draws.positions, len(self.image_ids)))
        places = self.by_class(draws.positions)
        windows = self._draw(u, places[:, 0])
        order.focus(windows, places[:, 1:], u["position"], self.image_size)
        return windows

    def _draw(self, u: np.ndarray, index: np.ndarray) -> Windows:
        return augment.draw_windows(u, index, self.settings["augmentation"], self.image_size, self.crop)

    def _augmented(self, windows: Windows) -> torch.Tensor:
        images = sample_images(self.images, windows, self.crop)
        if images.device != self.device:
            images = (images.pin_memory() if self.device.type == "cuda" else images).to(self.device, non_blocking=True)
        factors = torch.from_numpy(windows.factors).float().to(self.device)
        grey = self.grey[torch.from_numpy(windows.index).to(self.device)]
        return augment.photometric(images, factors, grey)

    def _here(self, rows: np.ndarray) -> slice | torch.Tensor:
        """Index of the mixed samples; all of them, the rule, are indexed without a copy."""
        return slice(None) if len(rows) == self.rows.stop - self.rows.start else torch.from_numpy(rows).to(self.device)

    def _no_counts(self) -> dict:
        names = ("images_mixed", "cyc_draws", "cyc_fallbacks", "patches_cropped", "patches_clipped")
        none = torch.zeros(self.num_classes, dtype=torch.int64, device=self.device)
        return {**dict.fromkeys(names, 0), "pixels_added": none}

    def _place(self, *arrays: np.ndarray) -> list[torch.Tensor]:
        """Tensors on the device where all of them fit into ``data_device_gb``, else mapped from their files."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
            tensors = [torch.from_numpy(array) for array in arrays]  # nothing here writes to them
        gigabytes = sum(array.nbytes for array in arrays) / 1e9
        if self.device.type != "cpu" and gigabytes <= self.settings["data_device_gb"]:
            return [tensor.to(self.device) for tensor in tensors]
        if self.device.type != "cpu":
            logger.info("%.1f GB of packed data exceed data_device_gb: windows are cut on the host", gigabytes)
        return tensors

    def _find_holders(self, tail: Sequence[int]) -> None:
        if not len(tail):
            logger.warning("the tail is empty: training goes on without level-0 cutmix")
            return
        pixels = np.stack([torch.bincount(label.reshape(-1), minlength=256).cpu().numpy() for label in self.labels])
        for b in tail:
            holders = np.flatnonzero(pixels[:, b])
            if len(holders):
                self.tail.append(int(b))
                self.holders.append(holders)
            else:
                logger.warning("tail class with train id %d is in no train image: it is not mixed in", b)

    def _find_pool(self, regions: pd.DataFrame | None) -> None:
        if regions is not None and len(regions):
            height, width = self.image_size
            boxes = scale_boxes(regions, width, height) if "image_width" in regions else regions
            self.pool = levels.make_pool(boxes, self.image_ids, self.settings["levels"], self.settings["level_weights"])
        if self.pool is None:
            logger.warning("the level subset is empty: training goes on without multi-level cutmix")


def _mean_grey(images: torch.Tensor) -> torch.Tensor:
    """(N,) float32 mean luma, 0..1, of every fourth pixel of every fourth row."""
    luma = torch.tensor(augment.LUMA, device=images.device)
    return torch.stack([(image[::4, ::4].float().mean((0, 1)) @ luma) / 255 for image in images])
