"""What every network of the project shares: training at its scales, prediction at any set of scales."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn

from tailcutmix.models.attention import FUSIONS, PerScale, at_own_sizes
from tailcutmix.models.resizing import check_scales, pad_to_multiple, padding_multiple, resize


class Outputs(NamedTuple):
    """What a network returns in training: fused logits (B, C, H, W) float32 at the size of its input, and for the
    auxiliary loss the logits of each training scale at that size (empty where no auxiliary loss is asked for)."""

    logits: torch.Tensor
    auxiliary: list[torch.Tensor]


class MultiScaleNet(nn.Module, ABC):
    """A network run at several scales of its input, whose predictions are fused.

    Subclasses give :meth:`predict_scale`.

    Args:
        multiple: height and width must be multiples of this, at every scale.
        fusion: "hierarchical", "explicit" or "none" (mean of logits), see :mod:`tailcutmix.models.attention`.
        training_scales: scales of the forward pass; they hold 1.0.
        auxiliary: whether the forward pass returns the logits of each scale too.
        fusion_grid: "scale", "image" or "network", see :meth:`fuse`.
    """

    def __init__(
        self,
        multiple: int,
        fusion: str,
        training_scales: Sequence[float],
        auxiliary: bool = False,
        fusion_grid: str = "scale",
    ):
        super().__init__()
        self.multiple = multiple
        self.fusion = fusion
        self.fusion_grid = fusion_grid
        self.training_scales = check_scales(training_scales)
        self.training_multiple = padding_multiple(multiple, self.training_scales)
        self.auxiliary = auxiliary

    @abstractmethod
    def predict_scale(
        self, x: torch.Tensor, scale: float, attention: bool = True
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Logits (B, C, h, w) and attention (B, 1, h, w) of x resized by scale, on the network's own grid.

        x is (B, 3, H, W), normalised, padded by :meth:`pad`; attention is None where not asked for or not there.
        """

    def ends(self) -> list[nn.Module]:
        """The first and the last layers, whose rows are colours and classes: an optimiser may treat them otherwise."""
        return []

    def pad(self, x: torch.Tensor, scales: Sequence[float]) -> torch.Tensor:
        """x with zeros below and to the right, so that it suits the network at each of the scales."""
        return pad_to_multiple(x, padding_multiple(self.multiple, scales))

    def needs_attention(self, scale: float, scales: Sequence[float]) -> bool:
        """Whether the fusion of these scales looks at the attention of this one (hierarchical: not the highest)."""
        return self.fusion == "explicit" or (self.fusion == "hierarchical" and scale < max(scales))

    def fuse(self, outputs: PerScale, size: Sequence[int]) -> torch.Tensor:
        """Fused logits (B, C, H, W) float32 at size; see :mod:`tailcutmix.models.attention`.

        At the size of each scale, as Tao et al.'s code does it, logits and attention are brought to the size of the
        resized image before they are multiplied. On the image's grid, that is done for scale 1.0 alone; on the
        network's, all are fused on the grid of scale 1.0, and the result is brought to ``size``, which is several times
        cheaper.
        """
        if self.fusion_grid == "scale":
            return FUSIONS[self.fusion](at_own_sizes(outputs, size), size)
        if self.fusion_grid == "network":
            return resize(FUSIONS[self.fusion](outputs, outputs[1.0][0].shape[-2:]), size)
        return FUSIONS[self.fusion](outputs, size)

    def forward(self, x: torch.Tensor) -> Outputs:
        """Training at the training scales: x (B, 3, H, W) float32, normalised -> :class:`Outputs`.

        The attention of the highest scale takes no part in the result; it is computed all the same, so that the
        running statistics of its BatchNorm know the scale, which has attention as soon as a higher one is added.
        """
        height, width = x.shape[-2:]
        padded = pad_to_multiple(x, self.training_multiple)
        outputs = {scale: self.predict_scale(padded, scale) for scale in self.training_scales}
        size = padded.shape[-2:]
        logits = self.fuse(outputs, size)[..., :height, :width]
        auxiliary = []
        if self.auxiliary:
            auxiliary = [resize(logits_s.float(), size)[..., :height, :width] for logits_s, _ in outputs.values()]
        return Outputs(logits, auxiliary)

    @torch.inference_mode()
    def predict(self, x: torch.Tensor, scales: Sequence[float]) -> torch.Tensor:
        """Fused logits (B, C, H, W) float32 of x (B, 3, H, W), normalised, for any set of scales that holds 1.0."""
        height, width = x.shape[-2:]
        scales = check_scales(scales)
        padded = self.pad(x, scales)
        outputs = {s: self.predict_scale(padded, s, self.needs_attention(s, scales)) for s in scales}
        return self.fuse(outputs, padded.shape[-2:])[..., :height, :width]
