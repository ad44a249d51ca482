"""Level-0 cutmix: CYC and the paste."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mixing_fakes import RARE, packed, sampler, to_uint8

from tailcutmix.mixing.augment import AUG, draw_windows
from tailcutmix.mixing.methods.level0 import cycle
from tailcutmix.mixing.paste import paste
from tailcutmix.mixing.streams import layout, uniforms
from tailcutmix.mixing.windows import sample_labels
from tailcutmix.plan.settings.recipe import Augmentation

quick = settings(deadline=None, max_examples=40)
seeds = st.integers(0, 2**32 - 1)
sides = st.integers(1, 40)


@quick
@given(seeds)
def test_the_mask_decides_every_pixel_of_image_and_label(seed):
    g = torch.Generator().manual_seed(seed)
    x, xb = torch.rand(2, 2, 3, 5, 6, generator=g)
    y, yb = torch.randint(0, 4, (2, 2, 5, 6), generator=g, dtype=torch.uint8)
    mask = yb == 3
    mixed, label = paste(x, y, xb.clone(), yb, mask)
    wide = mask[:, None].expand_as(x)
    assert torch.equal(mixed[wide], xb[wide]) and torch.equal(mixed[~wide], x[~wide])
    assert (label[mask] == 3).all() and torch.equal(label[~mask], y[~mask])


@quick
@given(seeds, sides, sides, sides, sides, st.integers(1, 4))
def test_after_cyc_the_label_holds_b_whenever_the_source_does(seed, height, width, h, w, draws):
    rng = np.random.default_rng(seed)
    labels = np.zeros((4, height, width), np.uint8)
    b = rng.integers(1, 4, 6)
    index = rng.integers(0, 4, 6)
    for n in range(4):
        for value in (1, 2, 3) if height * width >= 3 else ():
            place = rng.choice(height * width, 3, replace=False)
            labels[n].reshape(-1)[place[value - 1]] = value
    keeps = [k for k in range(6) if (labels[index[k]] == b[k]).any()]
    if not keeps:
        return
    b, index = b[keeps], index[keeps]
    augmentation = Augmentation(scale=(0.4, 2.5), flip=True, jitter=0.0)
    u = uniforms(seed, 1, 0, len(b), layout(cyc=(AUG, draws)))["cyc"]
    candidates = [draw_windows(u[:, k], index, augmentation, (height, width), (h, w)) for k in range(draws)]
    found = cycle(torch.from_numpy(labels), candidates, b, rng.random(len(b)), (h, w))
    assert all((label == value).any() for label, value in zip(found.labels, b.tolist(), strict=True))
    assert torch.equal(found.labels, sample_labels(torch.from_numpy(labels), found.windows, (h, w)))
    assert len(b) <= found.draws <= len(b) * draws and 0 <= found.fallbacks <= len(b)
    # What is accepted for one sample depends on nothing but its own numbers.
    alone = cycle(torch.from_numpy(labels), [c.take(np.array([0])) for c in candidates], b[:1], np.array([0.5]), (h, w))
    if alone.fallbacks == 0:
        assert torch.equal(alone.labels[0], found.labels[0])


def test_draws_and_fallbacks_are_counted():
    labels = np.zeros((2, 64, 64), np.uint8)
    labels[0, 60, 60] = 1
    labels[1] = 1
    plain = Augmentation(scale=(1.0, 1.0), flip=False, jitter=0.0)
    corner = np.zeros(2, AUG)
    candidates = [draw_windows(corner, np.arange(2), plain, (64, 64), (8, 8)) for _ in range(5)]
    found = cycle(torch.from_numpy(labels), candidates, np.array([1, 1]), np.array([0.3, 0.3]), (8, 8))
    assert (found.draws, found.fallbacks) == (6, 1)
    assert found.windows.box[0].tolist() == [56, 56, 8, 8]  # moved onto the pixel, within the image
    assert found.windows.box[1].tolist() == [0, 0, 8, 8]
    few = cycle(torch.from_numpy(labels[1:]), candidates[:1], np.array([1]), np.array([0.0]), (8, 8), min_pixels=65)
    assert few.fallbacks == 1 and (few.labels == 1).any()


@settings(deadline=None, max_examples=10)
@given(seeds, st.sampled_from([0.0, 0.5, 1.0]))
def test_a_mixed_batch_is_the_unmixed_one_outside_the_mask(seed, probability):
    data = packed(seed % 5)
    plain = sampler("none", data, seed=seed).batch(3)
    mixed = sampler("level0", data, seed=seed, probability=probability).batch(3)
    mask = mixed.labels == RARE
    assert torch.equal(mixed.labels[~mask], plain.labels[~mask])
    changed = (mixed.images != plain.images).any(1)
    assert not (changed & ~mask).any()
    assert mixed.counts.pixels_pasted[RARE] >= (mask & (plain.labels != RARE)).sum()
    assert mixed.counts.pixels_pasted[:RARE].sum() == 0
    if mixed.counts.images_mixed == 0:
        assert torch.equal(mixed.images, plain.images) and probability < 1
        assert mixed.pasted is None
        return
    assert probability > 0
    assert mixed.counts.images_mixed == sum(" + " in name for name in mixed.image_ids)
    assert not (mixed.pasted & ~mask).any() and not (changed & ~mixed.pasted).any()
    assert mixed.pasted.sum() == mixed.counts.pixels_pasted[RARE]
    if probability == 1:
        assert mask.flatten(1).any(1).all() and mixed.counts.images_mixed == len(mask)


def test_pasted_pixels_come_from_images_that_hold_the_class():
    data = packed(1)
    data.images[:] = np.arange(7, dtype=np.uint8)[:, None, None, None] * 30
    augmentation = Augmentation(scale=(1, 1), flip=True, jitter=0.0)
    level0, plain = (sampler(mixing, data, augmentation=augmentation) for mixing in ("level0", "none"))
    for step in range(4):
        mixed, base = level0.batch(step), plain.batch(step)
        for k, name in enumerate(mixed.image_ids):
            source = data.image_ids.index(name.split(" + ")[1])
            assert (data.labels[source] == RARE).any()
            shown = to_uint8(mixed.images)[k]
            assert (shown[(mixed.labels[k] == RARE) & (base.labels[k] != RARE)] == source * 30).all()
