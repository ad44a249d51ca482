"""Multi-level cutmix: the pool B1, the patches and their paste."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mixing_fakes import CLASSES, RARE, boxes, packed, sampler, unmixed

from tailcutmix.dataset.images import read_image, read_label, write_png
from tailcutmix.errors import UserError
from tailcutmix.labels import Label
from tailcutmix.mixing.methods.levels import NUMBERS, Pool, draw_patches, make_pool, paste_patches
from tailcutmix.mixing.streams import uniforms
from tailcutmix.plan.settings.recipe import Augmentation
from tailcutmix.plan.settings.tail import Regions
from tailcutmix.tail.subsets import Canvas, Subset, read_boxes, scale_boxes, write_subset

quick = settings(deadline=None, max_examples=40)
seeds = st.integers(0, 2**32 - 1)
PLAIN = Augmentation(scale=(1.0, 1.0), flip=False, jitter=0.0)


@quick
@given(seeds, st.integers(1, 70), st.integers(1, 70), st.floats(0.3, 1), st.floats(1, 3))
def test_a_patch_lies_on_the_canvas_and_is_cut_from_its_rectangle(seed, height, width, low, high):
    pool = make_pool(boxes(packed(seed % 3)), packed(seed % 3).image_ids)
    u = uniforms(seed, 0, 0, 30, NUMBERS)
    patches = draw_patches(u, pool, Augmentation(scale=(low, high), flip=True), (height, width))
    row = np.searchsorted(pool.cumulative, u["rectangle"], side="right")
    start, size = patches.place[:, :2], patches.place[:, 2:]
    assert (start >= 0).all() and (size >= 1).all() and (start + size <= (height, width)).all()
    cut, whole = patches.windows.box, pool.box[row]
    assert (cut[:, 2:] >= 1).all() and (cut[:, :2] >= whole[:, :2]).all()
    assert (cut[:, :2] + cut[:, 2:] <= whole[:, :2] + whole[:, 2:]).all()
    scale = low + u["scale"][:, None] * (high - low)
    fits = np.rint(whole[:, 2:] * scale) <= (height, width)
    assert np.array_equal(patches.cropped, ~fits.all(axis=1))
    assert (cut[:, 2:][fits] == whole[:, 2:][fits]).all()  # pasted whole, unless it exceeds the canvas
    assert np.abs(size - whole[:, 2:] * scale)[fits].max(initial=0) <= 1
    beside = np.abs(size - cut[:, 2:] * scale) / np.maximum(scale, 1)
    assert beside[~fits].max(initial=0) <= 1, "cropped at the drawn scale, to a source pixel"


def test_p_may_be_anywhere_where_the_patch_lies_inside():
    pool = Pool(np.zeros(1, np.int64), np.array([[5, 7, 2, 3]]), np.zeros(1, bool), np.array(["a"]), np.ones(1))
    places = draw_patches(uniforms(0, 0, 0, 200, NUMBERS), pool, PLAIN, (4, 5)).place
    assert {tuple(place) for place in places.tolist()} == {(y, x, 2, 3) for y in range(3) for x in range(3)}


@quick
@given(seeds)
def test_the_whole_rectangle_is_pasted_and_nothing_else_changes(seed):
    data = packed(seed % 7)
    pool = make_pool(boxes(data), data.image_ids)
    patches = draw_patches(uniforms(seed, 0, 0, 3, NUMBERS), pool, PLAIN, (40, 56))
    rng = np.random.default_rng(seed)
    images = torch.from_numpy(rng.random((5, 3, 40, 56), np.float32))
    labels = torch.from_numpy(rng.integers(0, 3, (5, 40, 56), np.uint8))
    rows = np.array([0, 2, 3])
    sources = torch.from_numpy(data.images), torch.from_numpy(data.labels)
    mixed, mixed_labels = images.clone(), labels.clone()
    mask = torch.zeros(labels.shape, dtype=torch.bool)
    mask[rows] = paste_patches(unmixed(mixed, mixed_labels), rows, patches, *sources)
    assert torch.equal(mixed_labels[~mask], labels[~mask]) and not mask[[1, 4]].any()
    unchanged = (~mask)[:, None].expand_as(images)
    assert torch.equal(mixed[unchanged], images[unchanged])
    for k, row in enumerate(rows):
        y, x, h, w = patches.place[k]
        top, left, *size = patches.windows.box[k]
        assert size == [h, w] and mask[row].sum() == h * w
        source = np.s_[patches.windows.index[k], top : top + h, left : left + w]
        assert np.array_equal(mixed_labels[row, y : y + h, x : x + w].numpy(), data.labels[source])  # void included
        there = mixed[row, :, y : y + h, x : x + w].permute(1, 2, 0).numpy()
        assert np.array_equal(np.rint(there * 255), data.images[source])


def test_rectangles_are_drawn_uniformly_over_rectangle_and_level_or_by_weight():
    data = packed(2)
    table = boxes(data)
    pool = make_pool(table, data.image_ids)
    assert len(pool.image) == len(table)
    np.testing.assert_allclose(np.diff(pool.cumulative, prepend=0), 1 / len(table))
    weighted = make_pool(table, data.image_ids, weights={1: 3, 2: 1})
    share = np.diff(weighted.cumulative, prepend=0)
    tight = (weighted.box[:, 2:] == 1).all(axis=1)
    assert len(share) == len(table) * 2 // 3 and share[tight].sum() == pytest.approx(0.75, abs=0.02)
    both = pd.concat([table.assign(**{"class": "a"}), table.head(3).assign(**{"class": "b"})])
    assert np.diff(make_pool(both, data.image_ids).cumulative, prepend=0)[-3:].sum() == pytest.approx(0.5)
    assert make_pool(table, data.image_ids, levels=[9]) is None
    with pytest.raises(UserError, match="names image 'image2', which is not packed"):
        make_pool(table, data.image_ids[:1])


def test_cropped_and_clipped_patches_and_added_pixels_are_counted():
    data = packed(3, rare_pixels=6)
    levels, plain = (sampler(mixing, data, crop=(6, 6)) for mixing in ("levels", "none"))
    cropped = 0
    for step in range(5):
        mixed, base = levels.batch(step), plain.batch(step)
        changed = mixed.labels != base.labels
        assert not (changed & ~mixed.pasted).any()
        assert mixed.counts.images_mixed == len(mixed.labels) and 0 <= mixed.counts.patches_clipped <= 6
        for b in range(CLASSES):
            assert mixed.counts.pixels_pasted[b] == (mixed.pasted & (mixed.labels == b)).sum()
        cropped += mixed.counts.patches_cropped
    assert 0 < cropped < 30


def test_patches_that_lost_their_class_are_counted():
    """On a canvas much smaller than the rectangles, most crops miss a class of one pixel; on a large one none does."""
    data = packed(3, rare_pixels=1)
    far, near = (boxes(data, levels=(level,)) for level in (3, 1))
    small = sampler("levels", data, table=far.assign(x=0, y=0, w=56, h=40), crop=(4, 4), augmentation=PLAIN)
    lost = 0
    for step in range(4):
        batch = small.draw(step)
        without = ~((batch.labels == RARE) & batch.pasted).flatten(1).any(1)
        assert batch.counts.patches_without_class == without.sum()
        lost += int(without.sum())
    assert lost > 12, "of 24 patches of 4x4 pixels out of 40x56"
    assert sampler("levels", data, table=near, augmentation=PLAIN).draw(0).counts.patches_without_class == 0


def test_all_levels_gives_each_sample_level_0_or_a_patch():
    data = packed(1)
    both, levels, level0 = (sampler(name, data, batch=400) for name in ("all_levels", "levels", "level0"))
    mixed, patched, cycled = both.draw(0), levels.draw(0), level0.draw(0)
    assert mixed.counts.images_mixed == 400 and both.mixing.share == 1 / 4, "level 0 and three levels"
    as_patch, as_level0 = ((mixed.labels == other.labels).flatten(1).all(1) for other in (patched, cycled))
    assert (as_patch | as_level0).all()
    assert 400 / 4 - 5 * 9 < (as_level0 & ~as_patch).sum() < 400 / 4 + 5 * 9, "five standard deviations"
    assert torch.equal(mixed.counts.pixels_pasted, torch.bincount(mixed.labels[mixed.pasted], minlength=256)[:CLASSES])
    assert torch.equal(mixed.counts.pixels_seen, torch.bincount(mixed.labels.flatten(), minlength=256)[:CLASSES])


def test_what_is_pasted_from_the_packed_arrays_is_the_crop_on_disk(tmp_path):
    """The expert cuts from the arrays on the device; the subset on disk shows the very same pixels."""
    data = packed(4)
    rows = []
    for image_id, image, label in zip(data.image_ids, data.images, data.labels, strict=True):
        paths = {"image": tmp_path / f"{image_id}.png", "label": tmp_path / f"{image_id}_label.png"}
        write_png(paths["image"], image)
        write_png(paths["label"], label)  # label ids and train ids are the same here
        rows.append({"image_id": image_id, "instance": "", **paths})
    write_subset(
        pd.DataFrame(rows),
        Label(RARE, "rare", RARE),
        Regions(),
        Subset.under(tmp_path / "subset", [1, 2, 3]),
        Canvas(64, 64),
    )
    table = read_boxes(tmp_path / "subset" / "boxes.csv")
    assert set(table["class"]) == {"rare"}
    pd.testing.assert_frame_equal(table, boxes(data).assign(**{"class": "rare"}), check_dtype=False)
    pool = make_pool(scale_boxes(table, 56, 40), data.image_ids)
    sources = torch.from_numpy(data.images), torch.from_numpy(data.labels)
    for number, row in enumerate(table.itertuples()):
        u = np.zeros(1, NUMBERS)
        u["rectangle"] = (number + 0.5) / len(table)
        patches = draw_patches(u, pool, PLAIN, (40, 56))
        image, label = torch.zeros(1, 3, 40, 56), torch.zeros(1, 40, 56, dtype=torch.uint8)
        paste_patches(unmixed(image, label), np.array([0]), patches, *sources)
        y, x, h, w = patches.place[0]
        name = tmp_path / "subset" / f"level{row.level}" / f"{row.image_id}_{row.region}"
        shown = np.rint(image[0, :, y : y + h, x : x + w].permute(1, 2, 0).numpy() * 255)
        assert np.array_equal(shown, read_image(f"{name}.png"))
        assert np.array_equal(label[0, y : y + h, x : x + w].numpy(), read_label(f"{name}_label.png"))


def test_boxes_of_full_size_images_serve_arrays_packed_at_another_size():
    data = packed(5)
    half = packed(5)
    half.images, half.labels = data.images[:, ::2, ::2].copy(), data.labels[:, ::2, ::2].copy()
    expert = sampler("levels", half, table=boxes(data), augmentation=PLAIN, levels=(2,))
    pool = expert.mixing.pool
    assert len(pool.box) == len(boxes(data)) / 3 and (pool.box[:, :2] + pool.box[:, 2:] <= (20, 28)).all()
    assert expert.batch(0).counts.images_mixed == 6
