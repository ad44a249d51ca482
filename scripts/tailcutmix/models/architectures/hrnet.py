"""HRNetV2 from timm under the report's heads, with scale attention [report, section 4]."""

from typing import Any, cast

import torch
from torch import nn

from tailcutmix.errors import UserError
from tailcutmix.models import torchvision_ops  # noqa: F401 (before timm, which imports torchvision)
from tailcutmix.models.resizing import resize
from tailcutmix.models.scale_attention import ScaleAttentionNet
from tailcutmix.plan.settings.recipe import Network

# isort: split
from timm import create_model
from timm.models import FeatureInfo

PUBLISHED_WIDTHS: dict[int | str, str] = {
    "w18_small": "hrnet_w18_small",
    **{w: f"hrnet_w{w}" for w in (18, 30, 32, 40, 44, 48, 64)},
}
SMALL_WIDTHS = range(4, 18)


def build(network: Network, num_classes: int) -> ScaleAttentionNet:
    """HRNetV2 of a width, with the report's heads."""
    return ScaleAttentionNet(HRNetV2(network.width), network, num_classes)


class HRNetV2(nn.Module):
    """The four branches of HRNet's last stage, upsampled bilinearly to stride 4 and concatenated.

    (B, 3, H, W), H and W multiples of 32 -> (B, ``channels``, H/4, W/4). Weights are random: pre-trained ones are
    against the challenge's rules and are never loaded.
    """

    multiple = 32

    def __init__(self, width: int | str):
        super().__init__()
        options: dict[str, Any] = {"features_only": True, "feature_location": "", "out_indices": (1, 2, 3, 4)}
        if width in PUBLISHED_WIDTHS:
            self.trunk = create_model(PUBLISHED_WIDTHS[width], pretrained=False, **options)
        elif isinstance(width, int) and width in SMALL_WIDTHS:
            self.trunk = create_model("hrnet_w18_small", pretrained=False, **options, **small_stages(width))
        else:
            known = ", ".join(map(str, PUBLISHED_WIDTHS))
            raise UserError(f"width {width!r} is no HRNet: use {known}, or 4 to 17 for a small one")
        self.channels = sum(cast(FeatureInfo, self.trunk.feature_info).channels())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        branches = self.trunk(x.contiguous(memory_format=torch.channels_last))
        size = branches[0].shape[-2:]
        return torch.cat([resize(branch, size) for branch in branches], dim=1)


def small_stages(width: int) -> dict[str, Any]:
    """timm's arguments for an HRNet of a few hundred thousand weights: one module per stage, two blocks per branch.

    Branches have width, 2, 4 and 8 times width channels, as in every HRNet; stem and first stage are thin, because at
    high resolution they would cost more than all the rest.
    """

    def stage(branches: int, channels: int, blocks: int, block_type: str = "BASIC") -> dict[str, Any]:
        return {
            "num_modules": 1,
            "num_branches": branches,
            "block_type": block_type,
            "num_blocks": (blocks,) * branches,
            "num_channels": tuple(channels * 2**branch for branch in range(branches)),
            "fuse_method": "SUM",
        }

    stages = {f"stage{branches}": stage(branches, width, blocks=2) for branches in (2, 3, 4)}
    return {"stem_width": 16, "stage1": stage(1, 16, blocks=1, block_type="BOTTLENECK"), **stages}
