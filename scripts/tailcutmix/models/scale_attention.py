"""Scale attention over any trunk, with the report's heads [report, section 4]."""

from typing import Protocol

import torch

from tailcutmix.errors import UserError
from tailcutmix.models.attention import FUSIONS
from tailcutmix.models.heads import head
from tailcutmix.models.multiscale import MultiScaleNet
from tailcutmix.models.resizing import at_scale
from tailcutmix.plan.settings.recipe import Network


class Trunk(Protocol):
    """What a network with scale attention gets its features from: an ``nn.Module`` with these.

    (B, 3, H, W), both sides multiples of ``multiple`` -> (B, ``channels``, h, w) on a grid of its own.
    """

    multiple: int
    channels: int

    def __call__(self, x: torch.Tensor) -> torch.Tensor: ...


class ScaleAttentionNet(MultiScaleNet):
    """A trunk, the report's head, and a second head of the same shape that says how far to trust each scale.

    Its attention is "hierarchical" (Tao et al.: a sigmoid), "explicit" (Chen et al.: a score for a softmax over scales;
    here one head scores every scale from that scale's features, so that any set of scales can be fused), or "none" (no
    second head; several scales are averaged).
    """

    def __init__(self, trunk: Trunk, network: Network, num_classes: int):
        if network.attention not in FUSIONS:
            raise UserError(f"attention: {network.attention!r} is unknown; use {', '.join(FUSIONS)}")
        if network.attention != "none" and len(set(network.training_scales)) < 2:
            scales = list(network.training_scales)
            raise UserError(f"training_scales: attention learns from two scales or more, not {scales}")
        super().__init__(trunk.multiple, network.attention, network.training_scales, network.auxiliary_weight > 0)
        self.trunk = trunk
        self.semantic_head = head(self.trunk.channels, network.head_channels, num_classes)
        self.attention_head = None
        if network.attention != "none":
            self.attention_head = head(self.trunk.channels, network.head_channels, 1)

    def predict_scale(
        self, x: torch.Tensor, scale: float, attention: bool = True
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Logits (B, C, h, w) and attention (B, 1, h, w) of x resized by scale, on the trunk's grid."""
        features = self.trunk(at_scale(x, scale))
        logits = self.semantic_head(features)
        if self.attention_head is None or not attention:
            return logits, None
        score = self.attention_head(features)
        return logits, torch.sigmoid(score) if self.fusion == "hierarchical" else score
