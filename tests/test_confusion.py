"""The confusion matrix against counting pixel by pixel, and the IoU against sets of pixels."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tailcutmix.confusion import confusion_matrix, iou


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 7))
def test_pixels_are_counted_once_each(seed, rows, columns):
    rng = np.random.default_rng(seed)
    truth, predicted = rng.integers(0, (rows, columns), (2, 6, 2), np.uint8).transpose(2, 0, 1)
    pixels = rng.integers(1, 9, truth.shape)
    expected, weighted = np.zeros((2, rows, columns), int)
    np.add.at(expected, (truth, predicted), 1)
    np.add.at(weighted, (truth, predicted), pixels)
    found = confusion_matrix(truth, predicted, (rows, columns))
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(confusion_matrix(truth, predicted, (rows, columns), pixels.reshape(-1)), weighted)


def test_ids_up_to_255_do_not_wrap_around():
    ids = np.full((4, 5), 255, np.uint8)
    assert confusion_matrix(ids, ids, (256, 256))[255, 255] == 20


def test_iou_is_common_pixels_over_all_pixels_of_either():
    truth, predicted = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 0, 1, 1, 1, 0])
    confusion = confusion_matrix(truth, predicted, (3, 3))
    hits = np.diag(confusion)
    found = iou(hits, confusion.sum(1) - hits, confusion.sum(0) - hits)
    either = [((truth == c) | (predicted == c)).sum() for c in (0, 1)]
    assert found[:2].tolist() == [((truth == c) & (predicted == c)).sum() / either[c] for c in (0, 1)]
    assert np.isnan(found[2])
