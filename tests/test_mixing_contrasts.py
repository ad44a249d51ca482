"""The rectangles of the contrasts and the lambda of MixUp."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tailcutmix.mixing.contrasts import cutmix_boxes, cutout_boxes, mixup_lambda
from tailcutmix.mixing.streams import generator, uniforms
from tailcutmix.mixing.windows import box_mask

quick = settings(deadline=None, max_examples=40)


@quick
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 40))
def test_rectangles_lie_in_the_image_and_the_mask_is_the_rectangle(seed, height, width):
    u = uniforms(seed, 0, 0, 8, 3)
    for boxes in (cutmix_boxes(u, (height, width)), cutout_boxes(u[:, 1:], (height, width))):
        top, left, bottom, right = boxes.T
        assert (0 <= top).all() and (top <= bottom).all() and (bottom <= height).all()
        assert (0 <= left).all() and (left <= right).all() and (right <= width).all()
        mask = box_mask(boxes, (height, width), torch.device("cpu"))
        assert mask.flatten(1).sum(1).tolist() == ((bottom - top) * (right - left)).tolist()
        for k in range(8):
            assert mask[k, top[k] : bottom[k], left[k] : right[k]].all()


def test_the_area_of_a_cutmix_rectangle_is_one_minus_lambda():
    u = np.array([[lam, 0.5, 0.5] for lam in (0.0, 0.25, 0.75, 0.999999)])
    top, left, bottom, right = cutmix_boxes(u, (100, 200)).T
    np.testing.assert_allclose((bottom - top) * (right - left) / 20000, [1, 0.75, 0.25, 0], atol=0.02)


def test_lambda_of_mixup_is_beta_distributed():
    lam = mixup_lambda(generator(0, 0, 0), 20000, 0.2)
    assert abs(lam.mean() - 0.5) < 0.02 and abs(lam.var() - 0.25 / 1.4) < 0.01
