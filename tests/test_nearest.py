"""The nearest resize of labels, against exact fractions and against other libraries."""

from fractions import Fraction
from math import floor

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tailcutmix.nearest import pixel_under_centre, resize_nearest


@given(st.integers(1, 5000), st.integers(1, 5000), st.data())
def test_the_pixel_under_the_centre_is_exact(source, output, data):
    pixel = data.draw(st.integers(0, output - 1))
    centre = (Fraction(pixel) + Fraction(1, 2)) / output * source
    assert pixel_under_centre(np.array([pixel]), source, output)[0] == floor(centre)


def test_opencv_takes_the_same_pixels_but_for_centres_on_a_border():
    """All sizes up to 96: equal wherever one length divides the other, and elsewhere off the borders of pixels."""
    for source in range(1, 97):
        line = np.arange(source, dtype=np.uint8)[None]
        for output in range(1, 97):
            expected = cv2.resize(line, (output, 1), interpolation=cv2.INTER_NEAREST_EXACT)[0]
            found = resize_nearest(line, (1, output))[0]
            on_border = (2 * np.arange(output) + 1) * source % (2 * output) == 0
            if source % output == 0 or output % source == 0:
                on_border[:] = False
            np.testing.assert_array_equal(found[~on_border], expected[~on_border], err_msg=f"{source} to {output}")


@pytest.mark.parametrize("size", [(1024, 2048), (512, 1024), (256, 512), (2048, 4096)])
def test_opencv_halves_and_doubles_a_street_alike(size):
    labels = np.random.default_rng(0).integers(0, 34, (1024, 2048)).astype(np.uint8)
    expected = cv2.resize(labels, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    np.testing.assert_array_equal(resize_nearest(labels, size), expected)


@pytest.mark.parametrize("size", [(20, 26), (5, 6), (7, 31), (10, 13)])
def test_leading_axes_stay(size):
    labels = np.random.default_rng(0).integers(0, 9, (2, 10, 13)).astype(np.uint8)
    expected = torch.nn.functional.interpolate(torch.from_numpy(labels)[None], size=size, mode="nearest-exact")[0]
    np.testing.assert_array_equal(resize_nearest(labels, size), expected)
