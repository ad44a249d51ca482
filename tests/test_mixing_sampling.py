"""Which image, and which place in it, a sample shows: each sampling against the equations of its paper."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mixing_fakes import CLASSES, RARE, RECIPE, packed
from mixing_fakes import sampler as make

from tailcutmix.errors import UserError
from tailcutmix.mixing.sampling import class_crops, classes, rare_classes, repeat_factor
from tailcutmix.mixing.sampling._epochs import PIXELS, class_pixels
from tailcutmix.plan.settings.recipe import Augmentation

quick = settings(deadline=None, max_examples=40)

SAMPLES = 90


def without_class_3(images: int = 9):
    """Packed labels in which class 3 never occurs, and RARE in every second image."""
    data = packed(1, images=images)
    data.labels[data.labels == 3] = 2
    return data


def epochs(module, data, training=RECIPE.training, count: int = 1) -> np.ndarray:
    """(count, SAMPLES, 3): image, y and x of every sample of the first epochs."""
    sampling = module.Sampling(torch.from_numpy(data.labels), CLASSES, SAMPLES, 0, training)
    return sampling(np.arange(count * SAMPLES)).reshape(count, SAMPLES, 3)


def labels_at(data, places: np.ndarray) -> np.ndarray:
    image, y, x = places.T
    return data.labels[image, y, x]


def test_half_of_a_class_uniform_epoch_is_spread_evenly_over_the_classes():
    data = without_class_3()
    sampling = classes.Sampling(torch.from_numpy(data.labels), CLASSES, SAMPLES, 0, RECIPE.training)
    epoch = sampling(np.arange(SAMPLES))
    by_class = epoch[epoch[:, 1] >= 0]
    assert sampling.per_class == 11 and len(by_class) == 44
    rare = set(map(tuple, sampling.centroids[-1]))
    assert sum(tuple(row) in rare for row in by_class) >= 11
    images = np.bincount(epoch[epoch[:, 1] < 0][:, 0], minlength=9)
    assert images.max() - images.min() <= 1
    assert not np.array_equal(epoch, sampling(np.arange(SAMPLES, 2 * SAMPLES)))


def test_class_samples_hold_their_centroid():
    data = packed(2, rare_pixels=1)
    data.labels[data.labels != RARE] = 255  # of one pixel, the centroid is the pixel
    data.labels[1::2] = 255
    batch = make("none", data, sampling="classes", expand=10, batch=70,
                 augmentation=Augmentation(scale=(1.0, 2.0), flip=True, jitter=0.0)).batch(0)  # fmt: skip
    assert (batch.labels == RARE).flatten(1).any(1).sum() >= 35


def test_the_pixels_kept_of_a_class_are_its_own_and_spread_over_it():
    data = without_class_3()
    found = class_pixels(torch.from_numpy(data.labels), CLASSES)
    assert [len(held) for held in found] == [(data.labels == b).any((1, 2)).sum() for b in range(CLASSES)]
    for train_id, held in enumerate(found):
        assert held.shape[1:] == (PIXELS, 3) and (labels_at(data, held.reshape(-1, 3)) == train_id).all()
        for (image, *_), *_ in held:
            pixels = np.argwhere(data.labels[image] == train_id)
            kept = held[held[:, 0, 0] == image][0, :, 1:]
            assert len(np.unique(kept, axis=0)) == min(PIXELS, len(pixels))


@quick
@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=9).filter(any), st.floats(0.005, 1.0))
def test_rare_class_sampling_draws_classes_by_a_softmax_of_one_minus_their_share(pixels, temperature):
    got = rare_classes.class_probability(np.array(pixels), temperature)
    present = [count for count in pixels if count]
    weights = [np.exp(np.longdouble((1 - count / sum(pixels)) / temperature)) for count in present]
    np.testing.assert_allclose(got[np.array(pixels) > 0], [float(w / sum(weights)) for w in weights], atol=1e-9)
    assert (got[np.array(pixels) == 0] == 0).all() and got.sum() == pytest.approx(1)


def test_without_a_labelled_pixel_rare_class_sampling_says_so():
    with pytest.raises(UserError, match="no train image has a labelled pixel"):
        rare_classes.class_probability(np.zeros(3, np.int64), 0.01)


@pytest.mark.parametrize("temperature", [0.05, 10.0])
def test_rare_class_samples_follow_the_probability_and_show_their_class(temperature):
    data = without_class_3()
    training = replace(RECIPE.training, rare_class_temperature=temperature)
    places = epochs(rare_classes, data, training, count=20).reshape(-1, 3)
    pixels = np.bincount(data.labels[data.labels != 255], minlength=CLASSES)
    expected = rare_classes.class_probability(pixels, temperature)
    drawn = np.bincount(labels_at(data, places), minlength=CLASSES) / len(places)
    np.testing.assert_allclose(drawn, expected, atol=0.05)
    images = np.bincount(places[labels_at(data, places) == RARE][:, 0], minlength=9)
    assert (images[1::2] == 0).all() and images[::2].min() > 0.5 * images[::2].mean(), "images that hold it, alike"


def test_class_crops_are_centred_on_each_class_alike_and_show_every_image():
    data = without_class_3()
    for epoch in epochs(class_crops, data, count=3):
        by_class = epoch[epoch[:, 1] >= 0]
        counts = np.bincount(labels_at(data, by_class), minlength=CLASSES)
        assert counts.tolist() == [18, 18, 18, 0, 18], "four fifths of 90 over the four classes that occur"
        images = np.bincount(epoch[epoch[:, 1] < 0][:, 0], minlength=9)
        assert images.tolist() == [2] * 9


@pytest.mark.parametrize(("sampling", "centred"), [("class_crops", True), ("rare_classes", False)])
def test_crops_hold_their_place_and_in_class_crops_it_is_the_middle(sampling, centred):
    """One class in one pixel, far enough from the border that a crop around it stays in the image."""
    data = packed(0, images=3)
    data.labels[:] = 255
    data.labels[:, 20, 28] = RARE
    unscaled = Augmentation(scale=(1.0, 1.0), flip=False, jitter=0.0)
    batch = make("none", data, sampling=sampling, expand=20, batch=60, augmentation=unscaled).batch(0)
    held = torch.nonzero(batch.labels == RARE)
    middle = (held[:, 1:] == torch.tensor([12, 16])).all(1)
    if centred:
        assert middle.sum() >= 48
    else:
        assert len(held) == 60 and middle.sum() < 10 and len(held[:, 1:].unique(dim=0)) > 40


def test_repeat_factors_are_those_of_lvis():
    held = np.array([[1, 1, 0], [1, 0, 0], [1, 1, 0], [1, 0, 0], [1, 1, 1], [1, 0, 0], [1, 1, 0], [1, 0, 0]], bool)
    factors = repeat_factor.repeat_factors(held, threshold=0.5)
    assert factors.tolist() == pytest.approx([1, 1, 1, 1, 2, 1, 1, 1]), "sqrt(.5 / .125) = 2; half of the images: 1"
    assert repeat_factor.repeat_factors(held, threshold=0.125).max() == 1


@quick
@given(st.integers(0, 999), st.floats(0.01, 1.0))
def test_a_repeat_factor_is_the_largest_of_its_image(seed, threshold):
    held = np.random.default_rng(seed).random((6, 4)) < 0.4
    for image, factor in zip(held, repeat_factor.repeat_factors(held, threshold), strict=True):
        by_class = [max(1.0, (threshold / held[:, c].mean()) ** 0.5) for c in np.flatnonzero(image)]
        assert factor == pytest.approx(max(by_class, default=1.0))


def test_images_come_as_often_as_their_factor_says():
    data = without_class_3()
    data.labels[2:][data.labels[2:] == RARE] = 0  # one image of nine holds it
    training = replace(RECIPE.training, repeat_threshold=1.0)
    sampling = repeat_factor.Sampling(torch.from_numpy(data.labels), CLASSES, SAMPLES, 0, training)
    places = sampling(np.arange(100 * SAMPLES))
    assert (places[:, 1:] == -1).all(), "the crop may lie anywhere"
    drawn = np.bincount(places[:, 0], minlength=9) / len(places)
    assert sampling.factors[0] == pytest.approx(3)
    np.testing.assert_allclose(drawn, sampling.factors / sampling.factors.sum(), atol=0.01)


@pytest.mark.parametrize("module", [class_crops, classes])
def test_an_epoch_too_short_for_the_classes_is_drawn_by_images(module, caplog):
    labels = torch.from_numpy(without_class_3().labels)
    places = module.Sampling(labels, CLASSES, 3, 0, RECIPE.training)(np.arange(3))
    assert (places[:, 1:] == -1).all() and "too short for 4 classes" in caplog.text
