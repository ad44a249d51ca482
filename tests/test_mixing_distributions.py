"""What a sampler draws is distributed as the report has it, and no draw depends on another: read off its batches."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
import torch
from distributions import STEP, assert_distributed, assert_independent, assert_uniform, coded, drawn, read
from mixing_fakes import LABELS, RARE, sampler
from scipy import stats

from tailcutmix.mixing.sampling.classes import Sampling
from tailcutmix.plan.settings.recipe import MIXINGS, Augmentation, Training
from tailcutmix.tail.subsets import BOX_COLUMNS

SIZE, CROP = (9, 11), (6, 7)
STARTS = (4, 5)
"""Rows and columns at which a window of CROP may begin in an image of SIZE."""
FLAT = Augmentation(scale=(1.0, 1.0), flip=True, jitter=0.0)


def draw(mixing, data, steps=10, **changed):
    return drawn(sampler(mixing, data, **{"crop": CROP, "batch": 300, "augmentation": FLAT} | changed), steps)


def rectangles(*rows, size=SIZE):
    """``boxes.csv`` of (image, level, y, x, h, w), of RARE unless a slug follows."""
    table = []
    for region, (image, level, y, x, h, w, *owner) in enumerate(rows):
        row = dict(zip(BOX_COLUMNS, (f"image{image}", region, level, x, y, w, h, 0, size[1], size[0]), strict=True))
        table.append(row | {"class": owner[0] if owner else LABELS[RARE].slug})
    return pd.DataFrame(table)


def share_of_scale(low, high, scale):
    """The share of scales, uniform from ``low`` to ``high``, that lie in the interval ``scale``."""
    first, last = (min(max(bound, low), high) for bound in sorted(scale))
    return (last - first) / (high - low)


def test_base_windows_are_uniform_and_every_other_is_mirrored():
    found = draw("none", coded(3, *SIZE))
    cut = read(found.images)
    assert_uniform(cut.parts(), [3, *STARTS, 2])
    assert np.array_equal(cut.image, found.base)
    unmirrored = draw("none", coded(3, *SIZE), 1, augmentation=Augmentation((1.0, 1.0), False, 0.0))
    assert not read(unmirrored.images).flip.any()


def test_a_window_larger_than_the_image_lies_anywhere_around_it():
    """A crop of 6x7 around 4x5 pixels: three rows and three columns to begin at; beyond the image there is no label."""
    labelled = draw("none", coded(2, 4, 5), 5).labels != 255
    assert (labelled.flatten(1).sum(1) == 20).all()
    assert_uniform([labelled.any(axis).int().argmax(1).numpy() for axis in (2, 1)], [3, 3])


@pytest.mark.parametrize("low, high", [(0.5, 2.0), (0.8, 1.0)])
def test_scales_are_uniform_and_independent_of_place_and_mirroring(low, high):
    data, side = coded(2, 40, 40), 16
    found = draw("none", data, crop=(side, side), augmentation=Augmentation((low, high), True, 0.0))
    red, green = ((found.images[:, plane] * 255).double().numpy() / STEP for plane in (0, 1))
    flip = green[:, 0, 0] > green[:, 0, -1]
    green = np.where(flip[:, None, None], green[:, :, ::-1], green)
    inner = [side // 4, 3 * side // 4]  # beside the border, where resizing repeats pixels
    lengths = []
    for line in (red[:, :, 3], green[:, 3]):
        slope = (line[:, inner[1]] - line[:, inner[0]]) / (inner[1] - inner[0])
        lengths.append(np.rint(slope * side).astype(int))
        start = line[:, inner[0]] - ((inner[0] + 0.5) * slope - 0.5)
        room = 40 - lengths[-1]
        assert (start > -0.01).all() and (start < room + 0.01).all()
        assert_independent((4 * (start + 0.5) / (room + 1)).astype(int), lengths[-1] > np.median(lengths[-1]))
    assert_independent(flip, lengths[0] > np.median(lengths[0]))
    assert np.array_equal(*lengths), "the scale is one for both sides"
    shares = {
        length: share_of_scale(low, high, (side / (length + 0.5), side / (length - 0.5)))
        for length in range(round(side / high), round(side / low) + 1)
    }
    assert_distributed(lengths[0], shares)


def test_brightness_contrast_and_saturation_are_uniform_and_independent():
    """Solved from a grey, another grey and a colour of one image: gain = contrast * brightness, and so on."""
    jitter, data = 0.3, coded(2, 8, 8)
    data.images[:] = 100
    data.images[:, :, 0], data.images[:, :, 1] = 140, (120, 90, 110)
    plain = Augmentation(scale=(1.0, 1.0), flip=False, jitter=jitter)
    grey = (data.images[0, ::4, ::4] @ [0.299, 0.587, 0.114]).mean() / 255
    image = draw("none", data, crop=(8, 8), augmentation=plain).images.double().numpy()[:, :, 0]
    gain = (image[:, 0, 0] - image[:, 0, 2]) / (40 / 255)
    brightness = gain + (image[:, 0, 2] - gain * 100 / 255) / grey
    contrast = gain / brightness
    saturation = (image[:, 0, 1] - image[:, 1, 1]) / (30 / 255) / gain
    factors = np.stack([brightness, contrast, saturation])
    place = (factors - 1 + jitter) / (2 * jitter)
    assert (np.abs(place - 0.5) < 0.501).all()
    assert_uniform(list((place * 4).clip(0, 3.999).astype(int)), [4, 4, 4])


@pytest.mark.parametrize("mixing", MIXINGS[1:])
def test_the_share_of_mixed_samples_is_the_probability(mixing):
    data = coded(3, *SIZE, label=RARE)
    table = rectangles((0, 1, 2, 3, 3, 4))
    found = draw(mixing, data, 6, probability=0.3, table=table)
    plain = draw("none", data, 6)
    mixed = (found.images != plain.images).flatten(1).any(1).numpy() | (found.partner >= 0)
    if mixing == "mixup":
        mixed = (found.lam < 1).numpy() | mixed
    assert sum(count.images_mixed for count in found.counts) == mixed.sum()
    assert_distributed(mixed.astype(int), {0: 0.7, 1: 0.3})
    assert_independent(mixed, found.base)
    assert_independent(mixed, read(plain.images).flip)


def mixed_in(mixing, found, plain):
    """The rows that were mixed with a window that can be read, and these windows."""
    if mixing == "mixup":
        rows = np.flatnonzero((found.lam.numpy() < 0.9) & (found.partner >= 0))
        lam = found.lam[rows, None, None, None].double()
        return rows, read((found.images[rows].double() - lam * plain.images[rows].double()) / (1 - lam))
    rows = np.flatnonzero((found.pasted.sum(2) > 1).any(1).numpy())
    return rows, read(found.images[rows], found.pasted[rows])


@pytest.mark.parametrize("mixing", ["level0", "cutmix", "mixup"])
def test_the_second_window_is_uniform_over_its_images_and_independent_of_the_first(mixing):
    """Level 0 too, where every window holds the class, and so CYC takes the first."""
    data = coded(3, *SIZE, label=RARE)
    found, plain = (draw(name, data, 20, probability=0.6) for name in (mixing, "none"))
    rows, second = mixed_in(mixing, found, plain)
    first = read(plain.images[rows])
    assert_uniform(second.parts(), [3, *STARTS, 2])
    assert np.array_equal(second.image, found.partner[rows])
    for one, other in zip(first.parts(), second.parts(), strict=True):
        assert_independent(one, other)
    if mixing == "level0":
        assert sum(count.cyc_draws for count in found.counts) == len(rows)


def test_the_class_is_uniform_over_the_tail_and_the_image_over_those_that_hold_it():
    """One class in four images, one in one, one in two."""
    data = coded(8, *SIZE)
    holders = {1: [0, 1, 2, 3], 2: [4], 4: [5, 6]}
    for train_id, images in holders.items():
        data.labels[images] = train_id
    found = draw("level0", data, tail=tuple(holders), probability=0.5)
    rows = found.partner >= 0
    classes = found.labels[rows][found.pasted[rows]].reshape(rows.sum(), -1)[:, 0].numpy()
    expected = {(b, n): 1 / 3 / len(images) for b, images in holders.items() for n in images}
    assert_distributed(list(zip(classes, found.partner[rows], strict=True)), expected)
    assert_independent(classes, found.base[rows])


def test_cyc_leaves_every_window_that_holds_the_class_as_likely():
    """One pixel of the class: 12 of the 20 windows hold it, and each is drawn as often, in 20 / 12 draws."""
    data = coded(2, *SIZE)
    data.labels[:, 2, 3] = RARE
    found = draw("level0", data, cyc_draws=30)
    (sample, row, column) = found.pasted.nonzero(as_tuple=True)
    assert sample.tolist() == list(range(len(found.base))), "one pixel each is pasted"
    y, flip_or_x = 2 - row.numpy(), column.numpy()
    assert_uniform([y, found.partner], [3, 2])
    # Column 3 stands at 3 - x, or mirrored at 6 - (3 - x), for x in 0..3.
    expected = {place: 0.0 for place in range(7)}
    for x in range(4):
        for place in (3 - x, 6 - (3 - x)):
            expected[place] += 1 / 8
    assert_distributed(flip_or_x, expected)
    draws = sum(count.cyc_draws for count in found.counts) / len(found.base)
    assert draws == pytest.approx(20 / 12, abs=6 * np.sqrt(8 / 20) / (12 / 20) / np.sqrt(len(found.base)))
    assert sum(count.cyc_fallbacks for count in found.counts) == 0


def test_the_fallback_takes_each_pixel_of_the_class_as_often_and_keeps_near_its_middle():
    data, pixels = coded(1, 40, 44), [(8, 9), (8, 30), (20, 12), (33, 36)]
    for y, x in pixels:
        data.labels[0, y, x] = RARE
    found = draw("level0", data, 5, crop=(6, 6), cyc_draws=2, cyc_min_pixels=37)
    assert sum(count.cyc_fallbacks for count in found.counts) == len(found.base)
    sample, row, column = found.pasted.nonzero(as_tuple=True)
    values = (found.images[sample, :2, row, column] * 255 / STEP).round().int().numpy()
    assert_distributed(values, {pixel: 1 / 4 for pixel in pixels})
    assert set(row.tolist()) == {3} and set(column.tolist()) == {2, 3}, "in the middle, mirrored or not"
    assert sum(count.cyc_draws for count in found.counts) == 2 * len(found.base)


def test_patches_are_uniform_over_rectangles_positions_and_mirroring():
    """Four rectangles of one size, two of them in one image: each is drawn as often, wherever it lies."""
    places = [(0, 1, 2), (0, 5, 6), (1, 3, 0), (2, 6, 7)]
    table = rectangles(*((n, 1, y, x, 3, 4) for n, y, x in places))
    data = coded(3, *SIZE)
    found, plain = (draw(name, data, 15, table=table, probability=0.8) for name in ("levels", "none"))
    rows, patch = mixed_in("levels", found, plain)
    top, left = (found.pasted[rows].any(axis).int().argmax(1).numpy() for axis in (2, 1))
    mirrored_x = patch.x + np.where(patch.flip == 1, CROP[1] - 4 - left, left)
    drawn_from = [places.index(place) for place in zip(patch.image, patch.y + top, mirrored_x, strict=True)]
    assert (found.pasted[rows].flatten(1).sum(1) == 12).all()
    assert_uniform([drawn_from, top, left, patch.flip], [4, CROP[0] - 2, CROP[1] - 3, 2])
    first = read(plain.images[rows])
    for one, other in ((first.y, top), (first.x, left), (first.flip, patch.flip), (first.image, patch.image)):
        assert_independent(one, other)


@pytest.mark.parametrize(
    "changed, expected",
    [
        ({}, [1 / 6, 1 / 6, 1 / 6, 1 / 4, 1 / 4]),
        ({"level_weights": {1: 1, 2: 3}}, [1 / 10, 1 / 10, 3 / 10, 1 / 8, 3 / 8]),
        ({"level_weights": {2: 3}}, [0, 0, 1 / 2, 0, 1 / 2]),
        ({"levels": (1,)}, [1 / 4, 1 / 4, 0, 1 / 2, 0]),
    ],
)
def test_rectangles_are_drawn_by_the_weight_of_their_level_and_classes_equally_often(changed, expected):
    """Three rectangles of one class, two of another, each of another size; the first two of level 1."""
    bus = LABELS[1].slug
    table = rectangles((0, 1, 0, 0, 1, 2), (0, 1, 0, 0, 2, 2), (0, 2, 0, 0, 2, 3), (1, 1, 0, 0, 1, 3, bus),
                       (1, 2, 0, 0, 1, 4, bus))  # fmt: skip
    found = draw("levels", coded(2, *SIZE), 5, table=table, **changed)
    sizes = list(zip(found.pasted.any(2).sum(1).tolist(), found.pasted.any(1).sum(1).tolist(), strict=True))
    areas = [(1, 2), (2, 2), (2, 3), (1, 3), (1, 4)]
    assert_distributed(sizes, {size: share for size, share in zip(areas, expected, strict=True) if share})


def test_patches_are_scaled_uniformly_and_by_one_factor():
    low, high, side = 0.5, 1.5, 20
    table = rectangles((0, 1, 5, 5, side, side), (1, 1, 9, 2, side, side), size=(40, 40))
    found = draw("levels", coded(2, 40, 40), 10, crop=(40, 40), table=table,
                 augmentation=Augmentation((low, high), True, 0.0))  # fmt: skip
    height, width = (found.pasted.any(axis).sum(1).numpy() for axis in (2, 1))
    assert np.array_equal(height, width)
    sizes = range(round(low * side), round(high * side) + 1)
    expected = {size: share_of_scale(low, high, ((size - 0.5) / side, (size + 0.5) / side)) for size in sizes}
    assert_distributed(height, expected)
    top, left = (found.pasted.any(axis).int().argmax(1).numpy() for axis in (2, 1))
    for start in (top, left):
        assert_independent((2 * (start + 0.5) / (41 - height)).astype(int), height > side)
    for other in (found.partner, read(found.images, found.pasted).flip):
        assert_independent(other, height > side)


def test_a_patch_that_exceeds_the_canvas_is_cropped_anywhere():
    """A rectangle of 12x13 on a canvas of 6x7: 7 times 7 places to cut it at, and it fills the canvas."""
    table = rectangles((0, 1, 2, 3, 12, 13), size=(20, 20))
    data = coded(1, 20, 20)
    found = draw("levels", data, table=table)
    assert found.pasted.all() and sum(count.patches_cropped for count in found.counts) == len(found.base)
    cut = read(found.images)
    assert_uniform([cut.y - 2, cut.x - 3, cut.flip], [7, 7, 2])


def test_level_0_is_drawn_as_often_as_each_of_the_levels_beside_it():
    """Three levels: a quarter of the mixed samples get level 0, which here fills the crop."""
    table = rectangles(*((0, level, 0, 0, 2, 3) for level in (1, 2, 3)))
    found = draw("all_levels", coded(3, *SIZE, label=RARE), 10, table=table, levels=(1, 2, 3))
    full = found.pasted.flatten(1).all(1).numpy()
    assert set(found.pasted.flatten(1).sum(1).tolist()) == {6, CROP[0] * CROP[1]}
    assert_distributed(full.astype(int), {0: 3 / 4, 1: 1 / 4})
    assert_independent(full, found.base)


def test_cutmix_draws_the_root_of_its_area_and_a_uniform_centre():
    """1 - lambda is uniform: P(side <= k) = (k / h)^2 on a square crop, exactly enumerated with all centres."""
    side = 8
    expected = {}
    for length in range(side):  # a whole image has no chance
        share = ((length + 1) ** 2 - length**2) / side**2
        ends = [(max(c - length // 2, 0), min(c - length // 2 + length, side)) for c in range(side)]
        for top, bottom in ends:
            for left, right in ends:
                cell = (top, bottom, left, right) if bottom > top and right > left else (0, 0, 0, 0)
                expected[cell] = expected.get(cell, 0) + share / side**2
    found = draw("cutmix", coded(2, 9, 9), crop=(side, side))
    rows, columns = found.pasted.any(2).int(), found.pasted.any(1).int()
    cells = []
    for along, across in zip(rows, columns, strict=True):
        top, left = int(along.argmax()), int(across.argmax())
        cells.append((top, top + int(along.sum()), left, left + int(across.sum())) if along.any() else (0, 0, 0, 0))
    assert_distributed(cells, expected)


def test_cutout_has_a_uniform_centre():
    """A square of 3x3, half the shorter side, cut off at the border."""
    hole = draw("cutout", coded(2, *SIZE), 10).labels == 255
    centres = []
    for axis in (2, 1):
        line = hole.any(axis).int()
        start, shown = line.argmax(1).numpy(), line.sum(1).numpy()
        centres.append(np.where(start == 0, shown - 2, start + 1))
    assert_uniform(centres, CROP)


def test_lambda_of_mixup_comes_from_beta():
    lam = draw("mixup", coded(2, *SIZE), 5).lam.double().numpy()
    edges = np.linspace(0, 1, 11)
    shares = np.diff(stats.beta(0.2, 0.2).cdf(edges))
    assert_distributed(np.searchsorted(edges, lam.clip(1e-9, 1), side="left") - 1, dict(enumerate(shares)))


def test_every_order_of_the_images_is_as_likely_and_passes_do_not_follow_from_one_another():
    """Four images: the 24 orders of a pass."""
    data = coded(4, *SIZE)
    orders = [
        drawn(sampler("none", data, crop=CROP, batch=4 * 240, augmentation=FLAT, seed=seed), 1).base.reshape(-1, 4)
        for seed in range(5)
    ]
    every = np.concatenate(orders)
    assert_distributed(every, dict.fromkeys(permutations(range(4)), 1 / 24))
    assert_independent(every[:-1, 0], every[1:, 0])
    assert_independent(orders[0][:, 0], orders[1][:, 0])


def test_batches_of_other_seeds_and_steps_have_nothing_in_common():
    data = coded(4, *SIZE)
    cuts = {
        (seed, step): read(sampler("none", data, crop=CROP, batch=1500, augmentation=FLAT, seed=seed).draw(step).images)
        for seed, step in ((0, 0), (0, 1), (1, 0))
    }
    for other in ((0, 1), (1, 0)):
        for one, another in zip(cuts[0, 0].parts(), cuts[other].parts(), strict=True):
            assert_independent(one, another)


def test_class_uniform_windows_hold_their_centroid_anywhere():
    data = coded(2, 30, 30, label=255)
    data.labels[:, 15, 14] = RARE
    labels = draw("none", data, crop=(6, 6), sampling="classes", expand=3000).labels
    sample, row, column = (labels == RARE).nonzero(as_tuple=True)
    assert len(sample) > len(labels) / 2, "half of the samples, and the others that happen to"
    assert_uniform([row.numpy(), column.numpy()], [6, 6])


def test_class_uniform_epochs_are_in_random_order_and_no_image_is_preferred():
    """Ten samples an epoch of three images: five by class and five by image, two images of which come twice."""
    data = coded(3, *SIZE)
    uniform = Sampling(torch.from_numpy(data.labels), num_classes=1, samples=10, seed=0, training=Training())
    epochs = uniform(np.arange(4000)).reshape(400, 10, 3)
    by_class = epochs[:, :, 1] >= 0
    assert (by_class.sum(1) == 5).all()
    assert_independent(by_class, np.broadcast_to(np.arange(10), by_class.shape))
    once = [
        int(np.bincount(epoch[~flags][:, 0], minlength=3).argmin())
        for epoch, flags in zip(epochs, by_class, strict=True)
    ]
    assert_distributed(once, dict.fromkeys(range(3), 1 / 3))
