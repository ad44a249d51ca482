"""The rectangles of the contrasts and the lambda of MixUp."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tailcutmix.mixing.methods.cutmix import cutmix_boxes
from tailcutmix.mixing.methods.cutout import cutout_boxes
from tailcutmix.mixing.methods.mixup import ALPHA
from tailcutmix.mixing.streams import BETA, Draws, layout, uniforms
from tailcutmix.mixing.windows import box_mask

quick = settings(deadline=None, max_examples=40)


@quick
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 40))
def test_rectangles_lie_in_the_image_and_the_mask_is_the_rectangle(seed, height, width):
    u = uniforms(seed, 0, 0, 8, layout(lam=1, centre=2))
    size = (height, width)
    for boxes in (cutmix_boxes(u["lam"], u["centre"], size), cutout_boxes(u["centre"], size)):
        top, left, bottom, right = boxes.T
        assert (0 <= top).all() and (top <= bottom).all() and (bottom <= height).all()
        assert (0 <= left).all() and (left <= right).all() and (right <= width).all()
        mask = box_mask(boxes, size, torch.device("cpu"))
        assert mask.flatten(1).sum(1).tolist() == ((bottom - top) * (right - left)).tolist()
        for k in range(8):
            assert mask[k, top[k] : bottom[k], left[k] : right[k]].all()


def test_the_area_of_a_cutmix_rectangle_is_one_minus_lambda():
    lam, centre = np.array([0.0, 0.25, 0.75, 0.999999]), np.full((4, 2), 0.5)
    top, left, bottom, right = cutmix_boxes(lam, centre, (100, 200)).T
    np.testing.assert_allclose((bottom - top) * (right - left) / 20000, [1, 0.75, 0.25, 0], atol=0.02)


def test_lambda_of_mixup_is_beta_distributed():
    lam = Draws(seed=0, step=0, batch=20000, share=slice(None)).beta(BETA, ALPHA)
    assert abs(lam.mean() - 0.5) < 0.02 and abs(lam.var() - 0.25 / 1.4) < 0.01
