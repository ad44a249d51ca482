"""Windows and augmentation, against other libraries and their own promises."""

import cv2
import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mixing_fakes import to_uint8

from tailcutmix.dataset.normalisation import MEAN, normalise
from tailcutmix.mixing.augment import AUG, LUMA, draw_windows, photometric
from tailcutmix.mixing.streams import uniforms
from tailcutmix.mixing.windows import Windows, sample_images, sample_labels
from tailcutmix.plan.settings.recipe import Augmentation

quick = settings(deadline=None, max_examples=40)
seeds = st.integers(0, 2**32 - 1)
sides = st.integers(1, 24)


def data(seed: int, height: int, width: int, images: int = 3):
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (images, height, width, 3), np.uint8)
    return torch.from_numpy(pixels), torch.from_numpy(pixels[..., 0].copy())


def window(n: int, box, flip: bool = False) -> Windows:
    return Windows(np.array([n]), np.array([box]), np.array([flip]), np.ones((1, 3)))


@quick
@given(seeds, sides, sides, sides, sides, st.data())
def test_images_are_resized_as_opencv_does_and_labels_by_the_pixel_under_the_centre(seed, height, width, h, w, draw):
    images, labels = data(seed, height, width)
    y, x = draw.draw(st.integers(0, height - 1)), draw.draw(st.integers(0, width - 1))
    box = (y, x, draw.draw(st.integers(1, height - y)), draw.draw(st.integers(1, width - x)))
    flip = draw.draw(st.booleans())
    got = sample_images(images, window(1, box, flip), (h, w))[0].permute(1, 2, 0).numpy()
    part = images[1, y : y + box[2], x : x + box[3]].numpy()
    expected = cv2.resize(part.astype(np.float32), (w, h), interpolation=cv2.INTER_LINEAR).reshape(h, w, 3) / 255
    np.testing.assert_allclose(got, expected[:, ::-1] if flip else expected, atol=2e-5)
    rows, columns = (np.floor((np.arange(k) + 0.5) * n / k + 1e-9).astype(int) for k, n in ((h, box[2]), (w, box[3])))
    nearest = part[..., 0][rows][:, columns]
    got = sample_labels(labels, window(1, box, flip), (h, w))[0].numpy()
    assert np.array_equal(got, nearest[:, ::-1] if flip else nearest)


@quick
@given(seeds, st.tuples(sides, sides), st.tuples(sides, sides), st.tuples(sides, sides), st.booleans())
def test_a_window_at_its_place_is_the_window_alone(seed, source, size, room, flip):
    labels = data(seed, *source)[1]
    (h, w), (y, x) = size, (seed % (side + 1) for side in room)
    whole = window(0, (0, 0, *source), flip)
    canvas = sample_labels(labels, whole, (h + room[0], w + room[1]), np.array([[y, x, h, w]]))
    assert torch.equal(canvas[:, y : y + h, x : x + w], sample_labels(labels, whole, size))


def test_beyond_the_image_there_is_the_mean_colour_and_no_label():
    images, labels = data(0, 6, 8)
    beyond = window(2, (-3, -2, 12, 14))
    got = sample_images(images, beyond, (12, 14))[0]
    assert torch.equal(sample_labels(labels, beyond, (12, 14))[0, 3:9, 2:10], labels[2])
    torch.testing.assert_close(got[:, 3:9, 2:10], images[2].permute(2, 0, 1) / 255)
    outside = torch.ones(12, 14, dtype=torch.bool)
    outside[3:9, 2:10] = False
    assert (sample_labels(labels, beyond, (12, 14))[0][outside] == 255).all()
    assert normalise(got[None].clone())[0][:, outside].abs().max() < 1e-6
    torch.testing.assert_close(got[:, outside][:, 0], torch.tensor(MEAN))


@quick
@given(seeds, st.integers(1, 60), st.integers(1, 60), st.integers(1, 32), st.integers(1, 32))
def test_windows_keep_to_the_image_or_hold_it_whole(seed, height, width, h, w):
    u = uniforms(seed, 0, 0, 20, AUG)
    augmentation = Augmentation(scale=(0.5, 2.0), flip=True, jitter=0.25)
    drawn = draw_windows(u, np.zeros(20, np.int64), augmentation, (height, width), (h, w))
    for axis, (full, out) in enumerate(((height, h), (width, w))):
        start, length = drawn.box[:, axis], drawn.box[:, 2 + axis]
        assert (length >= 1).all() and (length >= out // 2).all() and (length <= 2 * out).all()
        fits = length <= full
        assert (start[fits] >= 0).all() and (start[fits] + length[fits] <= full).all()
        assert (start[~fits] <= 0).all() and (start[~fits] + length[~fits] >= full).all()
    assert (np.abs(drawn.factors - 1) <= 0.25).all()


def test_without_augmentation_the_crop_is_the_image():
    images, labels = data(5, 8, 10)
    plain = Augmentation(scale=(1.0, 1.0), flip=False, jitter=0.0)
    drawn = draw_windows(uniforms(0, 0, 0, 3, AUG), np.arange(3), plain, (8, 10), (8, 10))
    got = photometric(sample_images(images, drawn, (8, 10)), torch.from_numpy(drawn.factors).float(), torch.rand(3))
    assert torch.equal(sample_labels(labels, drawn, (8, 10)), labels)
    assert np.array_equal(to_uint8(normalise(got)), images.numpy())


def test_luma_is_that_of_rec_601():
    """Without saturation a colour is grey: .299 red, .587 green, .114 blue."""
    colours = torch.eye(3)[:, :, None, None].clone()
    grey = photometric(colours, torch.tensor([[1.0, 1.0, 0.0]] * 3), torch.zeros(3))
    torch.testing.assert_close(grey[:, :, 0, 0], torch.tensor([[0.299], [0.587], [0.114]]).expand(3, 3))


@quick
@given(seeds, st.lists(st.floats(0.5, 1.5), min_size=3, max_size=3))
def test_photometric_jitter_is_brightness_then_contrast_then_saturation(seed, factors):
    image = data(seed, 5, 7)[0][:1].permute(0, 3, 1, 2).double() / 255 * 0.5 + 0.2
    luma = torch.tensor(LUMA, dtype=torch.float64)[None, :, None, None]
    grey = (image * luma).sum(1).mean()
    brightness, contrast, saturation = factors
    bright = image * brightness
    contrasted = contrast * bright + (1 - contrast) * grey * brightness
    expected = saturation * contrasted + (1 - saturation) * (contrasted * luma).sum(1, keepdim=True)
    got = photometric(image.float(), torch.tensor([factors], dtype=torch.float32), grey.float()[None])
    torch.testing.assert_close(got.double(), expected.clamp(0, 1), atol=1e-5, rtol=0)
