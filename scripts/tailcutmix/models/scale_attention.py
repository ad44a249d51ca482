"""Scale attention over any trunk, with the report's heads [report, section 4]."""

from typing import Protocol, cast, runtime_checkable

import torch
from torch import nn

from tailcutmix.errors import UserError
from tailcutmix.models.attention import FUSIONS
from tailcutmix.models.detail import DetailBranch
from tailcutmix.models.heads import head
from tailcutmix.models.multiscale import MultiScaleNet
from tailcutmix.models.resizing import at_scale, resize
from tailcutmix.plan.settings.recipe import Network


class Trunk(Protocol):
    """What a network with scale attention gets its features from: an ``nn.Module`` with these.

    (B, 3, H, W), both sides multiples of ``multiple`` -> (B, ``channels``, h, w) on a grid of its own.
    """

    multiple: int
    channels: int

    def __call__(self, x: torch.Tensor) -> torch.Tensor: ...


@runtime_checkable
class TrunkWithStem(Trunk, Protocol):
    """A trunk that shows what its first layer sees, at stride 2: (B, ``stem_channels``, H/2, W/2)."""

    stem_channels: int
    first: nn.Module

    def with_stem(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]: ...


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
        auxiliary = network.auxiliary_weight > 0
        super().__init__(trunk.multiple, network.attention, network.training_scales, auxiliary, network.fusion_grid)
        self.trunk = trunk
        self.semantic_head = head(self.trunk.channels, network.head_channels, num_classes)
        self.attention_head = None
        if network.attention != "none":
            self.attention_head = head(self.trunk.channels, network.head_channels, 1)
        self.detail = None
        if network.detail:
            if not isinstance(trunk, TrunkWithStem):
                raise UserError(f"detail: architecture {network.architecture} has no such branch; set detail: 0")
            self.detail = DetailBranch(trunk.stem_channels, trunk.channels, network.detail, num_classes)

    def ends(self) -> list[nn.Module]:
        heads = (self.semantic_head, self.attention_head)
        last: list[nn.Module] = [layers[-1] for layers in heads if layers is not None]
        last += [] if self.detail is None else [self.detail.logits]
        return [self.trunk.first, *last] if isinstance(self.trunk, TrunkWithStem) else last

    def predict_scale(
        self, x: torch.Tensor, scale: float, attention: bool = True
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Logits (B, C, h, w) and attention (B, 1, h, w) of x resized by scale, on the trunk's grid or its details'."""
        if self.detail is not None:
            features, stem = cast(TrunkWithStem, self.trunk).with_stem(at_scale(x, scale))
            logits = resize(self.semantic_head(features), stem.shape[-2:]) + self.detail(stem, features)
        else:
            features = self.trunk(at_scale(x, scale))
            logits = self.semantic_head(features)
        if self.attention_head is None or not attention:
            return logits, None
        score = resize(self.attention_head(features), logits.shape[-2:])
        return logits, torch.sigmoid(score) if self.fusion == "hierarchical" else score
