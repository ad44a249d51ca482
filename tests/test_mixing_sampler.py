"""The sampler: its stream of random numbers, its epochs, and data that leave nothing to mix."""

import hashlib
import json
import logging
from dataclasses import fields
from itertools import product

import numpy as np
import pytest
import torch
from mixing_fakes import CLASSES, LABELS, RARE, boxes, packed
from mixing_fakes import sampler as make

from tailcutmix.errors import UserError
from tailcutmix.mixing import streams
from tailcutmix.mixing.batch import Counts
from tailcutmix.mixing.order import image_order
from tailcutmix.mixing.place import Place
from tailcutmix.mixing.streams import Draws, generator, layout, uniforms
from tailcutmix.plan.settings.length import Length, length_of
from tailcutmix.plan.settings.recipe import MIXINGS, SAMPLINGS, Training

COUNTS = [field.name for field in fields(Counts)]


def share(rank: int, world: int) -> Place:
    return Place(torch.device("cpu"), rank, world)


def same(a: torch.Tensor | None, b: torch.Tensor | None) -> bool:
    return (a is None and b is None) or torch.equal(a, b)


@pytest.mark.parametrize(
    ("mixing", "sampling"), [*product(MIXINGS, ("images", "classes")), *product(("none",), SAMPLINGS[2:])]
)
def test_a_batch_is_a_function_of_seed_step_and_place_in_the_global_batch(mixing, sampling):
    wanted = {"sampling": sampling, "expand": 3, "probability": 0.7}
    reference = [make(mixing, seed=4, **wanted).batch(step) for step in range(5)]
    again = make(mixing, seed=4, **wanted)
    for step in (4, 2):  # in another order, without what came before
        batch = again.batch(step)
        for name in ("images", "labels", "labels_b", "lam", "pasted"):
            assert same(getattr(batch, name), getattr(reference[step], name))
        assert batch.image_ids == reference[step].image_ids
    for step in (0, 3):
        ranks = [make(mixing, seed=4, place=share(rank, 3), **wanted).batch(step) for rank in range(3)]
        for name in ("images", "labels", "labels_b", "lam"):
            if getattr(reference[step], name) is not None:
                whole = torch.cat([getattr(part, name) for part in ranks])
                assert torch.equal(whole, getattr(reference[step], name))
        for name in COUNTS:
            total, whole = sum(getattr(part.counts, name) for part in ranks), getattr(reference[step].counts, name)
            assert torch.equal(torch.as_tensor(total), torch.as_tensor(whole))
    assert not torch.equal(make(mixing, seed=5, **wanted).batch(0).images, reference[0].images)
    assert not torch.equal(reference[0].images, reference[1].images)


DIGESTS = {
    "none": "d63de65672d0d139",
    "cutmix": "6fd1404b06d47f87",
    "cutout": "204b20462085cf9c",
    "level0": "fdbf8e49112c5b7d",
    "levels": "1d89715a0fd8a5a9",
    "mixup": "ccc8d7e557c1ee6a",
}


@pytest.mark.parametrize("mixing", DIGESTS)
def test_batches_are_those_of_the_published_networks(mixing):
    """Labels, images drawn and pixels added, whole numbers on every machine; a changed digest is another training."""
    digest = hashlib.sha256()
    for sampling in ("images", "classes"):
        drawn = make(mixing, seed=2, sampling=sampling, expand=3, probability=0.7)
        for batch in map(drawn.batch, range(4)):
            digest.update(batch.labels.numpy().tobytes())
            digest.update(b"" if batch.labels_b is None else batch.labels_b.numpy().tobytes())
            digest.update(json.dumps([batch.image_ids, batch.counts.pixels_pasted.tolist()]).encode())
    assert digest.hexdigest()[:16] == DIGESTS[mixing]


@pytest.mark.parametrize("mixing", MIXINGS)
def test_batches_have_the_form_that_training_expects(mixing):
    batch = make(mixing).batch(0)
    assert batch.images.shape == (6, 3, 24, 32) and batch.images.dtype == torch.float32
    assert batch.labels.shape == (6, 24, 32) and batch.labels.dtype == torch.int64
    assert set(batch.labels.unique().tolist()) <= {*range(CLASSES), 255}
    assert batch.images.isfinite().all() and batch.images.abs().max() < 3
    assert len(batch.image_ids) == 6


def test_streams_share_no_number_and_rows_do_not_depend_on_their_count():
    three = layout(three=3)
    drawn = [uniforms(*key, 5, three)["three"] for key in ((0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0), (0, 0, 2))]
    assert len(np.unique(drawn)) == 5 * 15
    assert np.array_equal(uniforms(0, 1, 0, 50, three)["three"][:5], drawn[2])
    numbers = (streams.BASE, streams.TAIL, streams.PATCH, streams.CONTRAST, streams.BETA, streams.ORDER)
    assert len({*numbers, streams.UNLABELLED}) == 7
    assert min(part.min() for part in drawn) >= 0 and max(part.max() for part in drawn) < 1


def test_names_stand_for_the_columns_of_a_stream_in_their_order():
    inner = layout(first=1, pair=2)
    outer = layout(mixed=1, alone=inner, repeated=(inner, 2), once=(inner, 1))
    table = generator(3, 5, 2).random((4, 13))
    u = uniforms(3, 5, 2, 4, outer)
    expected = {
        "mixed": (u["mixed"], table[:, 0]),
        "a part": (u["alone"]["pair"], table[:, 2:4]),
        "the first of two": (u["repeated"][:, 0]["first"], table[:, 4]),
        "the second of two": (u["repeated"][:, 1]["pair"], table[:, 8:10]),
        "one of one": (u["once"][:, 0]["pair"], table[:, 11:13]),
    }
    for name, (named, columns) in expected.items():
        assert np.array_equal(named, columns), name
    draws = Draws(seed=3, step=5, batch=4, share=slice(2, 4))
    assert draws.positions.tolist() == [22, 23]
    rows, mixed = draws.mixed(2, outer, probability=(table[2, 0] + table[3, 0]) / 2)
    assert rows.tolist() == [np.argmin(table[2:, 0])] and mixed["mixed"] == table[2:, 0].min()


def test_every_arm_sees_the_same_base_images():
    names = {mixing: [name.split(" + ")[0] for name in make(mixing).batch(2).image_ids] for mixing in MIXINGS}
    assert len({tuple(value) for value in names.values()}) == 1


def test_each_pass_over_the_data_takes_every_image_once():
    order = image_order(3, np.arange(70), 7).reshape(10, 7)
    assert (np.sort(order, axis=1) == np.arange(7)).all()
    assert len({tuple(row) for row in order}) > 1


@pytest.mark.parametrize("images, expand, batch", [(7, 1, 6), (8, 3, 5), (7, 15, 4), (5, 2, 32), (3, 1, 1)])
def test_every_epoch_takes_every_image_e_times(images, expand, batch):
    """Whatever the batch divides: an epoch is the e x N draws from k*e*N on, in which a step may lie that begins it."""
    sampler = make(data=packed(images=images), expand=expand, batch=batch)
    length = Length(3, sampler.draws_per_epoch, batch)
    drawn = [name for step in range(length.steps) for name in sampler.draw(step).image_ids]
    assert sampler.draws_per_epoch == expand * images and 0 <= len(drawn) - 3 * expand * images < batch
    for epoch in np.split(np.array(drawn)[: 3 * expand * images], 3):
        assert set(np.unique(epoch, return_counts=True)[1]) == {expand} and len(set(epoch)) == images
    ends = [step for step in range(1, length.steps + 1) if length.ends_epoch(step)]
    assert ends == sorted({-(-k * expand * images // batch) for k in (1, 2, 3)})
    assert length.epoch_of(length.steps) >= 3 > length.epoch_of(length.steps - 1)


def test_lengths_follow_the_decimals_that_are_written():
    assert length_of(Training(expand=1.1, batch=1, epochs=0.7), 10) == Length(0.7, 11, 1)
    assert Length(0.7, 10, 1).steps == 7 and Length(1.1, 10, 1).steps == 11, "floating point gives 12"
    assert length_of(Training(expand=0.1, batch=8, epochs=1), 3).draws == 1


def test_cutmix_mixup_and_cutout_do_what_their_papers_say():
    plain = make().batch(1)
    cutmix, mixup, cutout = (make(mixing).batch(1) for mixing in ("cutmix", "mixup", "cutout"))
    changed = (cutmix.images != plain.images).any(1)
    for k in range(6):  # one rectangle, image and label together
        rows, columns = changed[k].nonzero(as_tuple=True)
        if len(rows):
            area = (rows.max() - rows.min() + 1) * (columns.max() - columns.min() + 1)
            assert changed[k].sum() >= 0.99 * area
        assert torch.equal(cutmix.labels[k][~changed[k]], plain.labels[k][~changed[k]])
    assert torch.equal(mixup.labels, plain.labels) and ((0 <= mixup.lam) & (mixup.lam <= 1)).all()
    other = (mixup.images - mixup.lam[:, None, None, None] * plain.images)[mixup.lam < 0.9]
    assert other.isfinite().all() and mixup.labels_b.shape == plain.labels.shape
    hole = (cutout.images != plain.images).any(1)
    assert (cutout.labels[hole] == 255).all() and cutout.images.permute(0, 2, 3, 1)[hole].abs().max() < 1e-6
    assert torch.equal(cutout.labels[~hole & (cutout.labels != 255)], plain.labels[~hole & (cutout.labels != 255)])
    sizes = hole.flatten(1).sum(1)
    assert (sizes > 0).all() and sizes.max() <= 144  # 12 x 12 of 24 x 32


@pytest.mark.parametrize("mixing", ["level0", "levels"])
def test_an_empty_tail_trains_unmixed_and_says_so(mixing, caplog):
    data = packed()
    with caplog.at_level(logging.WARNING):
        empty = make(mixing, data, tail=(), table=boxes(data).iloc[:0])
    assert torch.equal(empty.batch(0).images, make().batch(0).images)
    assert empty.batch(0).counts.images_mixed == 0
    assert "is empty: training goes on without" in caplog.text


def test_a_tail_class_without_a_pixel_is_left_out(caplog):
    data = packed()
    data.labels[data.labels == 3] = 0
    level0 = make("level0", data, tail=(3, RARE))
    assert [subset.label for subset in level0.mixing.subsets] == [LABELS[RARE]]
    assert "tail class 'class 3' is in no train image" in caplog.text
    assert level0.batch(0).counts.images_mixed == 6


def test_two_classes_and_one_image_run_through():
    data = packed(images=1)
    data.labels[data.labels == 255] = 0
    data.labels[data.labels > 1] = 1
    for mixing in MIXINGS:
        batch = make(mixing, data, tail=(1,), table=boxes(data, b=1), sampling="classes", classes=2).batch(0)
        assert batch.labels.shape == (6, 24, 32) and batch.counts.pixels_pasted.shape == (2,)


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(UserError, match="mixing is 'paste'"):
        make("paste")
    with pytest.raises(UserError, match="multiple of the 4 devices"):
        make(place=share(0, 4))


def test_reading_from_a_mapped_file_changes_nothing(tmp_path, recwarn):
    data, mapped = packed(), packed()
    for name in ("images", "labels"):
        np.save(tmp_path / f"{name}.npy", getattr(data, name))
        setattr(mapped, name, np.load(tmp_path / f"{name}.npy", mmap_mode="r"))
    assert torch.equal(make("level0", mapped).batch(0).images, make("level0", data).batch(0).images)
    assert not recwarn.list
