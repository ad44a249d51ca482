"""One batch of images to logits and train ids, at one or several sets of scales [report, section 4]."""

from collections.abc import Mapping, Sequence
from functools import reduce

import numpy as np
import torch

from tailcutmix.dataset.normalisation import normalise
from tailcutmix.devices import autocast
from tailcutmix.errors import UserError
from tailcutmix.labels import Label
from tailcutmix.models.multiscale import MultiScaleNet
from tailcutmix.models.resizing import at_scale, check_scales
from tailcutmix.nearest import resize_nearest
from tailcutmix.plan.settings.jobs import Inference
from tailcutmix.plan.settings.recipe import Network

TRAINING, FULL = "training", "full"
"""The two sets of scales that a class may take: those of training, and all those of prediction."""

ROWS = 128
"""Rows of pixels whose softmax is taken at a time, which bounds the memory of per-class scales."""


class Predictor:
    """A network in evaluation mode on a device, with the scales to run it at.

    Args:
        model: a network of :mod:`tailcutmix.models`.
        scales: one set of scales, such as [.5, 1, 2], or named sets: {"training": [.5, 1], "full": [.5, 1, 2]}.
        set_of_class: {train id: set name}, per-class scales; a class's softmax channel then comes from its set. Needed
            when there are several sets and train ids are asked for.
        flip: average the logits with those of the mirrored image.
        device: where to compute. On a GPU that has it, the network runs in bfloat16; fusion is in float32 anywhere.
        input_scale: the network works on images resized by this factor; train ids come back by nearest neighbour.
        shift: {train id: number} added to the fused logits of a class.

    Memory per image beside the network's own: each scale keeps its logits on the network's grid (stride 4 for HRNet) in
    the network's precision, and fusion takes up to 1.3 GB a set at 2048x1024, 19 classes and scales up to 2.
    """

    def __init__(
        self,
        model: MultiScaleNet,
        scales: Sequence[float] | Mapping[str, Sequence[float]] = (1.0,),
        set_of_class: Mapping[int, str] | None = None,
        flip: bool = False,
        device: torch.device | str = "cpu",
        input_scale: float = 1.0,
        shift: Mapping[int, float] | None = None,
    ):
        self.device = torch.device(device)
        self.model = model.to(self.device).eval()
        self.sets = {
            name: check_scales(values)
            for name, values in (scales.items() if isinstance(scales, Mapping) else [("full", scales)])
        }
        self.set_of_class = dict(set_of_class or {})
        unknown = set(self.set_of_class.values()) - set(self.sets)
        if unknown:
            raise UserError(f"per-class scales name the set {min(unknown)!r}; the sets are {', '.join(self.sets)}")
        if input_scale <= 0:
            raise UserError(f"input_scale: {input_scale} must be above 0")
        self.flip, self.shift = flip, dict(shift or {})
        self.input_scale = input_scale

    @torch.inference_mode()
    def logits(self, images: np.ndarray, names: Sequence[str] | None = None) -> dict[str, torch.Tensor]:
        """Fused logits of each set of scales, every scale being run once.

        Args:
            images: (B, H, W, 3) uint8 RGB.
            names: the sets to compute; all of them by default.

        Returns:
            {set name: (B, C, h, w) float32 on the device}; h, w = H, W times the input scale, rounded.
        """
        return self._logits(torch.from_numpy(np.array(images)).to(self.device), list(names or self.sets))

    def _logits(self, images: torch.Tensor, names: Sequence[str]) -> dict[str, torch.Tensor]:
        x = at_scale(normalise(images.permute(0, 3, 1, 2).float().div_(255.0)), self.input_scale)  # as training does
        fused = self._fused(x, names)
        if self.flip:
            for name, mirrored in self._fused(x.flip(-1), names).items():
                fused[name] = fused[name].add_(mirrored.flip(-1)).mul_(0.5)
        for logits in fused.values():
            for train_id, amount in self.shift.items():
                logits[:, train_id] += amount
        return fused

    def labels(self, images: np.ndarray) -> np.ndarray:
        """Train ids (B, H, W) uint8 of images (B, H, W, 3) uint8: the most probable class of every pixel."""
        return resize_nearest(self._argmax(images).cpu().numpy(), images.shape[1:3])

    @torch.inference_mode()
    def labels_and_confidence(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What :meth:`labels` gives, and the probability of each label: (B, H, W) float32, 0..1."""
        fused = self.logits(images, self._used())
        chosen = self._decided(fused)
        found = (chosen, probability_of(fused, chosen, self.set_of_class))
        labels, confidence = (resize_nearest(part.cpu().numpy(), images.shape[1:3]) for part in found)
        return labels, confidence

    @torch.inference_mode()
    def _argmax(self, images: np.ndarray) -> torch.Tensor:
        return self._decided(self.logits(images, self._used()))

    def decide(self, images: torch.Tensor) -> torch.Tensor:
        """Train ids (B, h, w) uint8 of images (B, H, W, 3) uint8 on the device, at the input scale; in torch alone."""
        return self._decided(self._logits(images, self._used()))

    def _used(self) -> list[str]:
        """The sets that labels are decided by."""
        return sorted(set(self.set_of_class.values())) or list(self.sets)

    def _decided(self, fused: Mapping[str, torch.Tensor]) -> torch.Tensor:
        if len(fused) == 1:
            return next(iter(fused.values())).argmax(1).to(torch.uint8)
        return argmax_of_sets(fused, self.set_of_class)

    def _fused(self, x: torch.Tensor, names: Sequence[str]) -> dict[str, torch.Tensor]:
        height, width = x.shape[-2:]
        scales = check_scales([scale for name in names for scale in self.sets[name]])
        padded = self.model.pad(x, scales)
        with autocast(self.device, "auto"):
            outputs = {
                scale: self.model.predict_scale(padded, scale, self._needs_attention(scale, names)) for scale in scales
            }
        size = padded.shape[-2:]
        return {
            name: self.model.fuse({scale: outputs[scale] for scale in self.sets[name]}, size)[..., :height, :width]
            for name in names
        }

    def _needs_attention(self, scale: float, names: Sequence[str]) -> bool:
        return any(scale in self.sets[n] and self.model.needs_attention(scale, self.sets[n]) for n in names)


def build_predictor(
    network: Network,
    inference: Inference,
    model: MultiScaleNet,
    device: torch.device | str = "cpu",
    chosen: Mapping[int, str] | None = None,
    expert_of: Label | None = None,
    shift: float = 0.0,
) -> Predictor:
    """A trained model with the scales that it predicts with.

    Args:
        network: what the model was built from.
        inference: scales and flip.
        model: with its final weights.
        device: where to compute.
        chosen: {train id: "training" or "full"}, the set of each class; None: the full set for all classes.
        expert_of: the class of an expert, which runs at its class's scales; None: each class's channel comes from its
            set.
        shift: added to an expert's logits of its class, see :mod:`tailcutmix.prediction.prior`.
    """
    shifts = {expert_of.train_id: shift} if expert_of and shift else None
    scales: Sequence[float] | Mapping[str, Sequence[float]] = inference.scales
    if chosen is not None:
        scales = scale_sets(network, inference)
        if expert_of is not None:
            scales, chosen = scales[chosen[expert_of.train_id]], None
    return Predictor(model, scales, chosen, inference.flip, device, network.input_scale, shifts)


def scale_sets(network: Network, inference: Inference) -> dict[str, tuple[float, ...]]:
    """The scales of the sets TRAINING and FULL."""
    return {TRAINING: network.training_scales, FULL: inference.scales}


def argmax_of_sets(logits: Mapping[str, torch.Tensor], set_of_class: Mapping[int, str]) -> torch.Tensor:
    """Train ids (B, H, W) uint8 where class c's probability is its softmax channel under the set ``set_of_class[c]``.

    Args:
        logits: {set name: (B, C, H, W)}.
        set_of_class: a set name for every train id 0..C-1.
    """
    classes, height = next(iter(logits.values())).shape[1:3]
    missing = sorted(set(range(classes)) - set(set_of_class))
    if missing:
        raise UserError(f"per-class scales name no set for train id {missing[0]}; choose the scales again")

    def probabilities(name: str, rows: slice) -> torch.Tensor:
        """(B, C, n, W) under one set of scales; -1 for the classes of another set."""
        found = logits[name][..., rows, :].softmax(1)
        found[:, [c for c in range(classes) if set_of_class[c] != name]] = -1.0
        return found

    bands = []
    for row in range(0, height, ROWS):
        best = reduce(torch.maximum, (probabilities(name, slice(row, row + ROWS)) for name in logits))
        bands.append(best.argmax(1).to(torch.uint8))
    return torch.cat(bands, dim=1)


def probability_of(
    logits: Mapping[str, torch.Tensor], chosen: torch.Tensor, set_of_class: Mapping[int, str]
) -> torch.Tensor:
    """(B, H, W) float32: the softmax of the class chosen at each pixel, under the set of scales of that class.

    Args:
        logits: {set name: (B, C, H, W)}.
        chosen: (B, H, W) uint8 train ids.
        set_of_class: {train id: set name}; not looked at where there is one set.
    """
    names, classes = list(logits), next(iter(logits.values())).shape[1]
    places = [names.index(set_of_class[c]) if len(names) > 1 else 0 for c in range(classes)]
    set_at = torch.tensor(places, device=chosen.device)[chosen.long()]
    out = torch.empty(chosen.shape, device=chosen.device)
    for row in range(0, chosen.shape[1], ROWS):
        rows = slice(row, row + ROWS)
        for place, name in enumerate(names):
            softmax = logits[name][..., rows, :].softmax(1)
            here = softmax.gather(1, chosen[:, None, rows].long())[:, 0]
            out[:, rows] = torch.where(set_at[:, rows] == place, here, out[:, rows])
    return out
