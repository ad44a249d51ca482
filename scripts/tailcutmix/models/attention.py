"""Fusion of per-scale predictions: pure functions of {scale: (logits, attention)}.

Logits are (B, C, h, w) and attention (B, 1, h, w) on the same grid, any grid per scale: the network's own, or that of
:func:`at_own_sizes`. Every fusion is a convex combination per pixel, so logits that are one everywhere stay one for any
set of scales. Arithmetic is in float32.
"""

from collections.abc import Iterable, Mapping, Sequence

import torch

from tailcutmix.models.resizing import check_scales, resize

PerScale = Mapping[float, tuple[torch.Tensor, torch.Tensor | None]]


def fuse_hierarchical(outputs: PerScale, size: Sequence[int]) -> torch.Tensor:
    """Hierarchical multi-scale attention (Tao et al., arXiv:2005.10821) of any set of scales that holds 1.0.

    From the highest scale to the lowest, pred starting as the prediction of the highest:
    at s >= 1, pred = a_s * p_s + (1 - a_s) * to_s(pred); at s < 1, pred = up(a_s * p_s) + (1 - up(a_s)) * pred.
    With {.5, 1} this is the pairwise rule of training. Scale 1.0 is brought to ``size`` (H, W) first, so the result has
    that size. to_s resizes to the grid of scale s: down from scale 2.0 where every scale is at its own size, and up
    where scale 2.0 comes on the network's grid. The attention of the highest scale is not used and may be None.

    Returns (B, C, H, W) float32.
    """
    scales = check_scales(list(outputs))
    pred = _logits(outputs, scales[-1], size)
    for scale in reversed(scales[:-1]):
        logits, attention = _logits(outputs, scale, size), _attention(outputs, scale)
        if scale >= 1.0:
            attention = resize(attention, logits.shape[-2:])
            pred = torch.addcmul(attention * logits, 1.0 - attention, resize(pred, logits.shape[-2:]))
        else:
            weighted = resize(attention * logits, pred.shape[-2:])
            pred = torch.addcmul(weighted, 1.0 - resize(attention, pred.shape[-2:]), pred)
    return pred


def _logits(outputs: PerScale, scale: float, size: Sequence[int]) -> torch.Tensor:
    """(B, C, h, w) float32 of one scale, which is at ``size`` for scale 1.0 and on the network's grid for any other."""
    logits = outputs[scale][0].float()
    return resize(logits, size) if scale == 1.0 else logits


def _attention(outputs: PerScale, scale: float) -> torch.Tensor:
    """(B, 1, h, w) float32 of one scale, on the network's grid."""
    attention = outputs[scale][1]
    if attention is None:
        raise ValueError(f"the fusion needs the attention of scale {scale}")
    return attention.float()


def at_own_sizes(outputs: PerScale, size: Sequence[int]) -> PerScale:
    """Logits and attention of every scale s at the size that the image has at s, as in the code of Tao et al.

    Args:
        outputs: on the network's grid, as :meth:`~tailcutmix.models.multiscale.MultiScaleNet.predict_scale` gives them.
        size: (H, W) of the image at scale 1.0.

    Returns:
        {s: (logits (B, C, s*H, s*W) float32, attention (B, 1, s*H, s*W) float32 or None)}.
    """
    sized = {}
    for scale, (logits, attention) in outputs.items():
        own = round(size[0] * scale), round(size[1] * scale)
        sized[scale] = resize(logits.float(), own), None if attention is None else resize(attention.float(), own)
    return sized


def fuse_explicit(outputs: PerScale, size: Sequence[int]) -> torch.Tensor:
    """Attention to scale (Chen et al., arXiv:1511.03339): sum over scales of softmax(score_s over scales) * p_s.

    The attention of each scale is its unbounded score. Returns (B, C, H, W) float32 at ``size``.
    """
    scales = check_scales(list(outputs))
    if len(scales) == 1:
        return resize(outputs[1.0][0].float(), size)
    scores = torch.stack([resize(_attention(outputs, scale), size) for scale in scales])
    weights = scores.softmax(0)
    return _sum(weight * resize(outputs[scale][0].float(), size) for scale, weight in zip(scales, weights, strict=True))


def fuse_mean(outputs: PerScale, size: Sequence[int]) -> torch.Tensor:
    """Mean of the logits of all scales, for networks without attention. Returns (B, C, H, W) float32 at ``size``."""
    scales = check_scales(list(outputs))
    return _sum(resize(outputs[scale][0].float(), size) for scale in scales) / len(scales)


def _sum(terms: Iterable[torch.Tensor]) -> torch.Tensor:
    """The sum of one term or more, of which one at a time is in memory."""
    return sum(terms)  # type: ignore[return-value]  # only the sum of no term is a number


FUSIONS = {"hierarchical": fuse_hierarchical, "explicit": fuse_explicit, "none": fuse_mean}
