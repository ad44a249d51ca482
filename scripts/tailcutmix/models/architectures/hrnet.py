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
    """HRNetV2 of a width, with the report's heads; a small one may have fewer stages and blocks."""
    return ScaleAttentionNet(HRNetV2(network.width, network.stages, network.blocks), network, num_classes)


class HRNetV2(nn.Module):
    """The branches of HRNet's last stage, upsampled bilinearly to stride 4 and concatenated.

    (B, 3, H, W), H and W multiples of 32 -> (B, ``channels``, H/4, W/4). Weights are random: pre-trained ones are
    against the challenge's rules and are never loaded.

    Args:
        width: a published one, or 4 to 17 for a small network.
        stages: 4, as published, or 3: a small network without the last stage and its branch of stride 32.
        blocks: residual blocks per branch of a small network.
    """

    multiple = 32

    def __init__(self, width: int | str, stages: int = 4, blocks: int = 2):
        super().__init__()
        options: dict[str, Any] = {"features_only": True, "feature_location": "", "out_indices": (0, 1, 2, 3, 4)}
        if width in PUBLISHED_WIDTHS:
            if (stages, blocks) != (4, 2):
                raise UserError(f"stages and blocks are those of small networks, of width 4 to 17, not of {width!r}")
            self.trunk = create_model(PUBLISHED_WIDTHS[width], pretrained=False, **options)
        elif isinstance(width, int) and width in SMALL_WIDTHS:
            self.trunk = create_model("hrnet_w18_small", pretrained=False, **options, **small_stages(width, blocks))
        else:
            known = ", ".join(map(str, PUBLISHED_WIDTHS))
            raise UserError(f"width {width!r} is no HRNet: use {known}, or 4 to 17 for a small one")
        if stages == 3:  # the branches of the third stage pass through what would have made a fourth
            self.trunk.transition3 = nn.ModuleList([nn.Identity()] * 3)
            self.trunk.stage4 = nn.Identity()
        self.stem_channels = self.first.out_channels
        self.channels = sum(cast(FeatureInfo, self.trunk.feature_info).channels()[1 : stages + 1])

    @property
    def first(self) -> nn.Conv2d:
        """The layer that sees the image."""
        return cast(nn.Conv2d, self.trunk.conv1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.with_stem(x)[0]

    def with_stem(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The features, and those of the first convolution, (B, ``stem_channels``, H/2, W/2)."""
        stem, *branches = self.trunk(x.contiguous(memory_format=torch.channels_last))
        size = branches[0].shape[-2:]
        return torch.cat([resize(branch, size) for branch in branches], dim=1), stem


def small_stages(width: int, blocks: int = 2) -> dict[str, Any]:
    """timm's arguments for an HRNet of a few hundred thousand weights: one module per stage.

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

    stages = {f"stage{branches}": stage(branches, width, blocks) for branches in (2, 3, 4)}
    return {"stem_width": 16, "stage1": stage(1, 16, blocks=1, block_type="BOTTLENECK"), **stages}
