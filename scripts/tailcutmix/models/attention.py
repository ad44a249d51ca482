"""Fusion of per-scale predictions: pure functions of {scale: (logits, attention)}.

Logits are (B, C, h, w) and attention (B, 1, h, w) on the same grid, any grid per scale. Every fusion is a convex
combination per pixel, so logits that are one everywhere stay one for any set of scales. Arithmetic is in float32.
"""

from collections.abc import Mapping, Sequence

import torch

from tailcutmix.models.resizing import check_scales, resize

PerScale = Mapping[float, tuple[torch.Tensor, torch.Tensor | None]]


def fuse_hierarchical(outputs: PerScale, size: Sequence[int]) -> torch.Tensor:
    """Hierarchical multi-scale attention (Tao et al., arXiv:2005.10821) of any set of scales that holds 1.0.

    From the highest scale to the lowest, pred starting as the prediction of the highest:
    at s >= 1, pred = a_s * p_s + (1 - a_s) * down(pred); at s < 1, pred = up(a_s * p_s) + (1 - up(a_s)) * pred.
    With {.5, 1} this is the pairwise rule of training. Scale 1.0 is brought to ``size`` (H, W) first, so the result has
    that size. The attention of the highest scale is not used and may be None.

    Returns (B, C, H, W) float32.
    """
    pred = None
    for scale in reversed(check_scales(list(outputs))):
        logits, attention = outputs[scale]
        logits = logits.float()
        if scale == 1.0:
            logits = resize(logits, size)
        if pred is None:
            pred = logits
            continue
        attention = attention.float()
        if scale >= 1.0:
            attention = resize(attention, logits.shape[-2:])
            pred = torch.addcmul(attention * logits, 1.0 - attention, resize(pred, logits.shape[-2:]))
        else:
            weighted = resize(attention * logits, pred.shape[-2:])
            pred = torch.addcmul(weighted, 1.0 - resize(attention, pred.shape[-2:]), pred)
    return pred


def fuse_explicit(outputs: PerScale, size: Sequence[int]) -> torch.Tensor:
    """Attention to scale (Chen et al., arXiv:1511.03339): sum over scales of softmax(score_s over scales) * p_s.

    The attention of each scale is its unbounded score. Returns (B, C, H, W) float32 at ``size``.
    """
    scales = check_scales(list(outputs))
    if len(scales) == 1:
        return resize(outputs[1.0][0].float(), size)
    scores = torch.stack([resize(outputs[scale][1].float(), size) for scale in scales])
    pred = 0.0
    for scale, weight in zip(scales, scores.softmax(0), strict=True):
        pred = pred + weight * resize(outputs[scale][0].float(), size)
    return pred


def fuse_mean(outputs: PerScale, size: Sequence[int]) -> torch.Tensor:
    """Mean of the logits of all scales, for networks without attention. Returns (B, C, H, W) float32 at ``size``."""
    scales = check_scales(list(outputs))
    return sum(resize(outputs[scale][0].float(), size) for scale in scales) / len(scales)


FUSIONS = {"hierarchical": fuse_hierarchical, "explicit": fuse_explicit, "none": fuse_mean}
