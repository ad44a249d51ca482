"""A branch at stride 2, for what is thinner than a cell of stride 4."""

import torch
from torch import nn

from tailcutmix.models.resizing import resize


class DetailBranch(nn.Module):
    """Logits at stride 2, for what is thinner than a cell of stride 4: poles, signs, lights.

    The features f of the trunk and the stem's features of stride 2 give
    ``conv1x1(relu(bn(conv3x3(relu(bn(conv3x3(stem)) + up(bn(conv1x1(f))))))))``, which is added to the head's logits.
    It is this project's, for small networks; the report has no such branch.

    Args:
        stem_channels, feature_channels: of the two inputs.
        channels: of the branch.
        num_classes: C.
    """

    def __init__(self, stem_channels: int, feature_channels: int, channels: int, num_classes: int):
        super().__init__()
        self.of_stem = nn.Sequential(
            nn.Conv2d(stem_channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        )
        self.of_features = nn.Sequential(nn.Conv2d(feature_channels, channels, 1, bias=False), nn.BatchNorm2d(channels))
        self.joint = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)
        )
        self.logits = nn.Conv2d(channels, num_classes, 1, bias=False)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, stem: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """(B, stem_channels, H/2, W/2) and (B, feature_channels, H/4, W/4) -> (B, C, H/2, W/2)."""
        joint = torch.relu(self.of_stem(stem) + resize(self.of_features(features), stem.shape[-2:]))
        logits: torch.Tensor = self.logits(self.joint(joint))
        return logits
