"""Fusion over scales, as a function of made-up predictions."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tailcutmix.errors import UserError
from tailcutmix.models.attention import FUSIONS, at_own_sizes, fuse_explicit, fuse_hierarchical, fuse_mean
from tailcutmix.models.resizing import pad_to_multiple, padding_multiple

SIZE = (32, 64)
SCALE_SETS = st.sets(st.sampled_from([0.25, 0.5, 0.75, 1.25, 1.5, 2.0])).map(lambda scales: sorted(scales | {1.0}))


def made_up(scales, seed, classes=4):
    """Random logits and attention in (0, 1) of every scale, at stride 4."""
    random = np.random.default_rng(seed)
    outputs = {}
    for scale in scales:
        height, width = (round(side * scale) // 4 for side in SIZE)
        logits = random.normal(size=(2, classes, height, width)).astype(np.float32)
        attention = random.uniform(size=(2, 1, height, width)).astype(np.float32)
        outputs[scale] = (torch.from_numpy(logits), torch.from_numpy(attention))
    return outputs


def cv_resize(array, size):
    """Bilinear resize of (B, C, h, w) by OpenCV, one plane at a time."""
    planes = [[cv2.resize(plane, (size[1], size[0]), interpolation=cv2.INTER_LINEAR) for plane in b] for b in array]
    return np.array(planes)


def reference_hierarchical(outputs, size):
    """The two equations of the method, from the highest scale to the lowest, in NumPy and OpenCV."""
    pred = None
    for scale in sorted(outputs, reverse=True):
        p, a = (tensor.numpy() for tensor in outputs[scale])
        if scale == 1.0:
            p, a = cv_resize(p, size), cv_resize(a, size)
        if pred is None:
            pred = p
        elif scale >= 1.0:
            pred = a * p + (1 - a) * cv_resize(pred, p.shape[-2:])
        else:
            pred = cv_resize(a * p, pred.shape[-2:]) + (1 - cv_resize(a, pred.shape[-2:])) * pred
    return pred


@settings(max_examples=25, deadline=None)
@given(scales=SCALE_SETS, seed=st.integers(0, 999))
def test_hierarchical_fusion_follows_its_equations(scales, seed):
    outputs = made_up(scales, seed)
    np.testing.assert_allclose(fuse_hierarchical(outputs, SIZE), reference_hierarchical(outputs, SIZE), atol=2e-5)


def reference_code(outputs, size):
    """The order of work of Tao et al.'s public code: every scale at the size of its resized image, then multiplied."""
    pred = None
    for scale in sorted(outputs, reverse=True):
        own = tuple(round(side * scale) for side in size)
        p, a = (cv_resize(tensor.numpy(), own) for tensor in outputs[scale])
        if pred is None:
            pred = p
        elif scale >= 1.0:
            pred = a * p + (1 - a) * cv_resize(pred, own)
        else:
            pred = cv_resize(a * p, pred.shape[-2:]) + (1 - cv_resize(a, pred.shape[-2:])) * pred
    return pred


@settings(max_examples=25, deadline=None)
@given(scales=st.sampled_from([(0.5, 1.0), (0.5, 1.0, 2.0), (0.25, 0.5, 1.0, 1.5)]), seed=st.integers(0, 999))
def test_fusion_at_own_sizes_is_that_of_the_public_code(scales, seed):
    outputs = made_up(scales, seed)
    fused = fuse_hierarchical(at_own_sizes(outputs, SIZE), SIZE)
    np.testing.assert_allclose(fused, reference_code(outputs, SIZE), atol=2e-5)
    assert not torch.allclose(fused, fuse_hierarchical(outputs, SIZE), atol=1e-2)


@settings(max_examples=25, deadline=None)
@given(scales=SCALE_SETS, seed=st.integers(0, 999), fusion=st.sampled_from(sorted(FUSIONS)))
def test_logits_of_one_stay_one_for_any_scales(scales, seed, fusion):
    outputs = {scale: (torch.ones_like(p), a) for scale, (p, a) in made_up(scales, seed).items()}
    fused = FUSIONS[fusion](outputs, SIZE)
    assert fused.shape == (2, 4, *SIZE)
    torch.testing.assert_close(fused, torch.ones_like(fused))


@pytest.mark.parametrize("scales", [[0.5, 1.0], [1.0, 2.0], [0.5, 1.0, 2.0], [0.25, 0.5, 1.0, 1.5, 2.0]])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_fixed_attention_leaves_one_scale(scales, value):
    """Attention one everywhere trusts the lowest scale alone, zero everywhere the highest."""
    outputs = {scale: (p, torch.full_like(a, value)) for scale, (p, a) in made_up(scales, 3).items()}
    alone = min(scales) if value else max(scales)
    expected = cv_resize(outputs[alone][0].numpy(), SIZE)
    if value == 0.0 and 1.5 in scales:  # the highest scale passes through the grid of the one below
        expected = cv_resize(cv_resize(outputs[2.0][0].numpy(), outputs[1.5][0].shape[-2:]), SIZE)
    np.testing.assert_allclose(fuse_hierarchical(outputs, SIZE), expected, atol=1e-5)


def test_the_attention_of_the_highest_scale_is_not_needed():
    outputs = made_up([0.5, 1.0, 2.0], 0)
    expected = fuse_hierarchical(outputs, SIZE)
    outputs[2.0] = (outputs[2.0][0], None)
    torch.testing.assert_close(fuse_hierarchical(outputs, SIZE), expected)


def test_explicit_attention_weighs_by_softmax_over_scales():
    outputs = made_up([0.5, 1.0, 2.0], 5)
    p, e = ([cv_resize(outputs[s][k].numpy(), SIZE) for s in sorted(outputs)] for k in (0, 1))
    weights = np.exp(e) / np.exp(e).sum(0)
    np.testing.assert_allclose(fuse_explicit(outputs, SIZE), (weights * p).sum(0), atol=1e-5)


def test_without_attention_logits_are_averaged():
    outputs = {scale: (p, None) for scale, (p, _) in made_up([0.5, 1.0, 2.0], 5).items()}
    expected = np.mean([cv_resize(p.numpy(), SIZE) for p, _ in outputs.values()], axis=0)
    np.testing.assert_allclose(fuse_mean(outputs, SIZE), expected, atol=1e-5)


def test_gradient_reaches_attention_by_the_difference_of_the_predictions():
    """joint = a * p_lo + (1 - a) * p_hi for constant planes: d joint / d a = p_lo - p_hi at every pixel."""
    outputs = {scale: (torch.full_like(p, 3.0 * scale), a) for scale, (p, a) in made_up([0.5, 1.0], 0).items()}
    attention = outputs[0.5][1].requires_grad_()
    fuse_hierarchical(outputs, SIZE).sum().backward()
    pixels_times_classes = 2 * 4 * SIZE[0] * SIZE[1]
    assert float(attention.grad.sum()) == pytest.approx((1.5 - 3.0) * pixels_times_classes, rel=1e-5)


def test_reduced_precision_is_fused_in_float32():
    outputs = {scale: (p.bfloat16(), a.bfloat16()) for scale, (p, a) in made_up([0.5, 1.0, 2.0], 0).items()}
    rounded = {scale: (p.float(), a.float()) for scale, (p, a) in outputs.items()}
    for fusion in FUSIONS.values():
        torch.testing.assert_close(fusion(outputs, SIZE), fusion(rounded, SIZE), rtol=0, atol=0)


@pytest.mark.parametrize("fusion", FUSIONS.values())
def test_scale_one_is_mandatory(fusion):
    with pytest.raises(UserError, match="1.0"):
        fusion(made_up([0.5, 2.0], 0), SIZE)


@given(multiple=st.sampled_from([16, 32]), scales=SCALE_SETS, height=st.integers(1, 200), width=st.integers(1, 200))
@settings(max_examples=50, deadline=None)
def test_padding_suits_every_scale_and_is_least(multiple, scales, height, width):
    m = padding_multiple(multiple, scales)
    assert all((m * scale) % multiple == 0 for scale in scales)
    assert not any(all((n * scale) % multiple == 0 for scale in scales) for n in range(1, m))
    x = torch.ones(1, 1, height, width)
    padded = pad_to_multiple(x, m)
    assert padded.sum() == x.sum() and padded.shape[-2] - height < m and padded.shape[-1] - width < m
    assert padded.shape[-2] % m == 0 and padded.shape[-1] % m == 0
