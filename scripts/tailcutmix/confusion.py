"""The confusion of two label images and the IoU that follows, for scores and for the choice of scales alike."""

import numpy as np


def confusion_matrix(
    truth: np.ndarray, predicted: np.ndarray, shape: tuple[int, int], pixels: np.ndarray | None = None
) -> np.ndarray:
    """Pixels by their true and their predicted id.

    Args:
        truth: integers below shape[0].
        predicted: integers below shape[1], as many.
        shape: number of true and of predicted ids.
        pixels: how many pixels each entry stands for; by default one.

    Returns:
        ``shape`` int64, truth by row and prediction by column.
    """
    pairs = truth.reshape(-1).astype(np.intp) * shape[1] + predicted.reshape(-1)
    # Weighted counts are float64, exact for integers up to 2**53.
    return np.bincount(pairs, pixels, shape[0] * shape[1]).astype(np.int64).reshape(shape)


def iou(hits: np.ndarray, misses: np.ndarray, false_positives: np.ndarray) -> np.ndarray:
    """(...) intersection over union, 0..1, of counts (...); NaN for what is neither there nor predicted."""
    return ratio(hits, hits + false_positives + misses)


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole, NaN where whole is 0."""
    result = np.full(np.shape(whole), np.nan)
    np.divide(part, whole, out=result, where=np.asarray(whole) != 0)
    return result
