"""Copy-paste, CutMix with several boxes and ClassMix against what their papers say, and against the unmixed batch."""

import logging

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mixing_fakes import CLASSES, CPU, LABELS, packed, recipe
from mixing_fakes import sampler as make

from tailcutmix.dataset.images import write_png
from tailcutmix.dataset.instances import InstanceMaps
from tailcutmix.dataset.manifest import build, write_manifest
from tailcutmix.errors import UserError
from tailcutmix.labels import Label
from tailcutmix.mixing.material import Material
from tailcutmix.mixing.methods import classmix, copy_paste, cutmix_boxes
from tailcutmix.mixing.sampler import Sampler
from tailcutmix.mixing.streams import CONTRAST, Draws, choice
from tailcutmix.mixing.windows import Windows, box_mask, sample_labels
from tailcutmix.nearest import resize_nearest
from tailcutmix.plan.settings.recipe import MIXINGS, Augmentation

quick = settings(deadline=None, max_examples=40)

RIVALS = ("classmix", "copy_paste", "cutmix_boxes")
UNSCALED = Augmentation(scale=(1.0, 1.0), flip=False, jitter=0.0)
CAR = Label(26, "car", 1, has_instances=True)
WALL = Label(12, "wall", 2)


@pytest.mark.parametrize("mixing", MIXINGS)
def test_arms_that_differ_in_their_mixing_alone_cut_the_same_base_windows(mixing):
    """Where a sample is not mixed, it is the unmixed arm's to the bit; where it is, outside what was pasted."""
    base, mixed = (make(name, seed=5, probability=0.5, batch=24).draw(3) for name in ("none", mixing))
    assert [name.split(" + ")[0] for name in mixed.image_ids] == base.image_ids
    if mixing in ("mixup", "cutout"):  # they change pixels without pasting any
        stay = torch.tensor([name == base for name, base in zip(mixed.image_ids, base.image_ids, strict=True)])
        stay = stay if mixing == "mixup" else (mixed.images == base.images).flatten(1).all(1)
        assert stay.any() and torch.equal(mixed.images[stay], base.images[stay])
        return
    pasted = torch.zeros_like(base.labels, dtype=torch.bool) if mixed.pasted is None else mixed.pasted
    assert torch.equal(mixed.labels.masked_fill(pasted, 0), base.labels.masked_fill(pasted, 0))
    assert torch.equal(mixed.images.masked_fill(pasted[:, None], 0), base.images.masked_fill(pasted[:, None], 0))
    assert (pasted.any() and not pasted.all()) or mixing == "none"


@pytest.mark.parametrize("mixing", ["classmix", "cutmix_boxes"])
def test_what_is_pasted_is_the_other_image_at_the_same_place_image_and_label(mixing):
    sampler = make(mixing)
    mixed, source = sampler.draw(2), sampler.source
    numbers = sampler.mixing.numbers if mixing == "classmix" else cutmix_boxes.NUMBERS
    u = Draws(seed=0, step=2, batch=6, share=slice(6)).uniforms(CONTRAST, numbers)
    windows = source.draw(u["aug"], choice(u["image"], len(source.image_ids)))
    mask = mixed.pasted
    assert torch.equal(mixed.labels[mask], source.cut_labels(windows)[mask])
    assert torch.equal(mixed.images.movedim(1, -1)[mask], source.cut_images(windows).movedim(1, -1)[mask])
    assert mixed.counts.images_mixed == 6
    assert mixed.counts.pixels_pasted.sum() == (mask & (mixed.labels != 255)).sum()


@quick
@given(st.integers(0, 999))
def test_classmix_pastes_half_of_the_classes_whole_and_never_what_is_ignored(seed):
    rng = np.random.default_rng(seed)
    labels = torch.from_numpy(rng.choice(np.array([0, 1, 2, 3, 4, 255], np.uint8), (3, 2, 4)))
    mask = classmix.classmix_mask(labels, rng.random((3, CLASSES)))
    for label, chosen in zip(labels, mask, strict=True):
        present = [c for c in label.unique().tolist() if c != 255]
        taken = [c for c in present if chosen[label == c].any()]
        assert len(taken) == -(-len(present) // 2)
        assert all(chosen[label == c].all() for c in taken) and not chosen[label == 255].any()


def test_classmix_takes_every_class_equally_often():
    labels = torch.arange(5, dtype=torch.uint8).repeat(4000, 1)[:, None]
    mask = classmix.classmix_mask(labels, np.random.default_rng(0).random((4000, 5)))
    assert mask.float().mean((0, 1)).numpy() == pytest.approx(np.full(5, 0.6), abs=0.04)


def test_places_and_sides_of_the_boxes_are_beta_2_2():
    """Mean 1/2 and variance 1/20; of the density 6 x (1 - x), 5/32 lie below 1/4."""
    x = cutmix_boxes.beta22(np.random.default_rng(0).random((20000, 6)))
    assert x.shape == (20000, 2)
    for axis in x.T:
        assert axis.mean() == pytest.approx(0.5, abs=0.01) and axis.var() == pytest.approx(0.05, abs=0.002)
        assert (axis < 0.25).mean() == pytest.approx(5 / 32, abs=0.01)
    assert abs(np.corrcoef(x.T)[0, 1]) < 0.03


@quick
@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.integers(2, 40))
def test_boxes_lie_in_the_image_and_are_as_long_as_drawn_where_they_fit(seed, height, width):
    centre, side = np.random.default_rng(seed).random((2, 8, 2))
    boxes = cutmix_boxes.beta_boxes(centre, side, (height, width))
    length = boxes[:, 2:] - boxes[:, :2]
    wanted = np.maximum(np.rint(0.5 * side * (height, width)), 1)
    assert (boxes[:, :2] >= 0).all() and (boxes[:, 2:] <= (height, width)).all()
    inside = (boxes[:, :2] > 0) & (boxes[:, 2:] < (height, width))
    assert (length[inside] == wanted[inside]).all() and (length <= wanted).all() and (length >= 1).all()


def test_the_mask_is_the_union_of_four_boxes_of_one_other_image():
    sampler = make("cutmix_boxes")
    mixed = sampler.draw(0)
    u = Draws(seed=0, step=0, batch=6, share=slice(6)).uniforms(CONTRAST, cutmix_boxes.NUMBERS)["boxes"]
    assert u.shape == (6, 4) and all(name.count(" + ") == 1 for name in mixed.image_ids)
    for k in range(6):
        centre, side = cutmix_boxes.beta22(u["centre"][k]), cutmix_boxes.beta22(u["side"][k])
        boxes = cutmix_boxes.beta_boxes(centre, side, (24, 32))
        assert torch.equal(mixed.pasted[k], box_mask(boxes, (24, 32), torch.device("cpu")).any(0))


def test_objects_are_instances_and_where_there_are_none_components():
    mask = np.zeros((6, 12), bool)
    mask[1:3, 1:9] = True  # two instances that touch
    mask[4, 2:4] = mask[4, 8:10] = True  # two components without a number
    instances = np.where(mask, 26, 0)
    instances[1:3, 1:5], instances[1:3, 5:9] = 26001, 26002
    instances[4, 8:10] = 26002  # the second, seen on both sides of a pole
    boxes = {box for box, _ in copy_paste.parts(mask, instances, 26)}
    assert boxes == {(1, 1, 2, 4), (1, 5, 4, 5), (4, 2, 1, 2)}
    components = dict(copy_paste.parts(mask, None, 26))
    assert set(components) == {(1, 1, 2, 8), (4, 2, 1, 2), (4, 8, 1, 2)}
    for found in (copy_paste.parts(mask, instances, 26), copy_paste.parts(mask, None, 26)):
        together = np.zeros(mask.shape, int)
        for (y, x, h, w), part in found:
            together[y : y + h, x : x + w] += part
        assert np.array_equal(together, mask.astype(int)), "every pixel in one object"


def street(cars: int = 2, walls: int = 1):
    """One image, 40 x 56: cars that touch, side by side, and walls of single pixels beside each other; their ids."""
    data = packed(0, images=1)
    data.labels[:] = 0
    instances = np.full((40, 56), 7, np.uint16)
    for k in range(cars):
        data.labels[0, 10:18, 6 * k : 6 * k + 6] = CAR.train_id
        instances[10:18, 6 * k : 6 * k + 6] = 26000 + k
    for k in range(walls):
        data.labels[0, 30, 2 * k] = WALL.train_id
    return data, instances


class Maps:
    """Instance maps from memory."""

    def __init__(self, instances):
        self.instances = instances

    def read(self, image_id, size):
        return resize_nearest(self.instances, size)


def copy_paste_sampler(data, instances, probability: float = 1.0, **changed) -> Sampler:
    material = Material(LABELS, (CAR, WALL), None, None if instances is None else Maps(instances))
    return Sampler(data, recipe("copy_paste", probability=probability, **changed), material, CPU, seed=0)


def test_every_tail_class_is_pasted_as_often_whatever_its_objects():
    data, instances = street(cars=3, walls=1)
    mixing = copy_paste_sampler(data, instances).mixing
    assert [found.known.name for found in mixing.objects].count("car") == 3, "one instance each"
    share = np.diff(mixing.pool.cumulative, prepend=0)
    of_cars = sum(s for s, found in zip(share, mixing.objects, strict=True) if found.known is CAR)
    assert of_cars == pytest.approx(0.5)
    assert len(copy_paste_sampler(data, None).mixing.objects) == 2, "without maps, cars that touch are one object"


def test_small_objects_are_left_out():
    data, instances = street()
    kept = copy_paste_sampler(data, instances, min_area=2).mixing.objects
    assert {found.known.name for found in kept} == {"car"}


def test_an_object_is_pasted_along_its_mask_with_its_pixels_and_its_class():
    """Unscaled: what is pasted is one of the objects, pixel for pixel, somewhere in the crop."""
    data = packed(3, images=2)
    data.labels[:] = 0
    data.labels[0, 5:9, 7:12] = CAR.train_id
    data.labels[0, 5, 7] = 0  # a corner is missing
    data.labels[1, 20, 30] = WALL.train_id
    sampler = copy_paste_sampler(data, None, augmentation=UNSCALED)
    assert [found.mask.sum() for found in sampler.mixing.objects] == [19, 1]
    base, mixed = make("none", data, augmentation=UNSCALED).draw(0), sampler.draw(0)
    car = torch.from_numpy(data.images[0, 5:9, 7:12]).movedim(-1, 0) / 255
    shape = torch.from_numpy(data.labels[0, 5:9, 7:12] == CAR.train_id)
    found = 0
    for n, name in enumerate(mixed.image_ids):
        assert 1 <= name.count(" + ") <= copy_paste.OBJECTS
        new = mixed.pasted[n] & (mixed.labels[n] == CAR.train_id)
        if name.count("image0") - name.startswith("image0") == 1 and new.sum() == 19:
            rows, columns = new.nonzero(as_tuple=True)
            y, x = int(rows.min()), int(columns.min())
            assert torch.equal(new[y : y + 4, x : x + 5], shape)
            assert torch.equal(mixed.images[n, :, y : y + 4, x : x + 5][:, shape], car[:, shape])
            found += 1
    assert found, "no sample with one whole car: the test saw nothing"
    stay = ~mixed.pasted
    assert torch.equal(mixed.labels[stay], base.labels[stay])
    assert set(mixed.labels[mixed.pasted].tolist()) == {CAR.train_id, WALL.train_id}
    assert mixed.counts.pixels_pasted.sum() == mixed.pasted.sum()


@quick
@given(st.integers(0, 999), st.booleans(), st.tuples(st.integers(1, 9), st.integers(1, 9)))
def test_the_mask_of_an_object_moves_with_its_image(seed, flip, size):
    """Cut, resized and mirrored as labels are: an object's mask is that of its label sampled in the same window."""
    mask = np.random.default_rng(seed).random((6, 7)) < 0.5
    label = np.zeros((1, 30, 40), np.uint8)
    label[0, 10:16, 20:27] = mask
    box = np.array([11, 22, 4, 5])
    windows = Windows(np.zeros(1, np.int64), box[None], np.array([flip]), np.ones((1, 3)))
    got = copy_paste.object_mask(copy_paste.Object(CAR, 0, (10, 20, 6, 7), mask), box, size, flip)
    assert np.array_equal(got, sample_labels(torch.from_numpy(label), windows, size)[0].numpy() == 1)


def test_without_an_object_training_goes_on_unmixed_and_says_so(caplog):
    data = packed()
    with caplog.at_level(logging.WARNING):
        empty = make("copy_paste", data, tail=())
    assert torch.equal(empty.batch(0).images, make(data=data).batch(0).images)
    assert "no object of a tail class: training goes on without copy-paste" in caplog.text


def manifest_of(folder, instances: np.ndarray):
    """A manifest of two images, of which the first has an instance map."""
    rows = []
    for name in ("a", "b"):
        write_png(folder / f"{name}.png", np.zeros((4, 6, 3), np.uint8))
        write_png(folder / f"{name}_label.png", np.zeros((4, 6), np.uint8))
        rows.append(("train", name, str(folder / f"{name}.png"), str(folder / f"{name}_label.png"), ""))
    write_png(folder / "a_instance.png", instances)
    rows[0] = (*rows[0][:4], str(folder / "a_instance.png"))
    columns = ["split", "image_id", "image", "label", "instance"]
    write_manifest(build(pd.DataFrame(rows, columns=columns)), folder / "manifest.csv")
    return folder / "manifest.csv"


def test_instance_maps_are_read_at_the_packed_size_and_checked(tmp_path):
    instances = np.arange(24, dtype=np.uint16).reshape(4, 6) + 26000
    maps = InstanceMaps(manifest_of(tmp_path, instances), "train")
    assert np.array_equal(maps.read("a", (4, 6)), instances)
    assert np.array_equal(maps.read("a", (2, 3)), instances[1::2, 1::2])
    assert maps.read("b", (4, 6)) is None
    write_png(tmp_path / "a_instance.png", instances + 1)
    with pytest.raises(UserError, match=r"a_instance\.png: changed after the images were listed"):
        maps.read("a", (4, 6))
    other = InstanceMaps(manifest_of(tmp_path, instances + 1), "train")
    assert other.digest != maps.digest


@pytest.mark.parametrize("mixing", RIVALS)
def test_a_share_of_the_samples_is_mixed(mixing):
    sampler = make(mixing, probability=0.3, batch=200, expand=40)
    assert 30 < sampler.draw(0).counts.images_mixed < 90
    assert torch.equal(make(mixing, probability=0.0).draw(0).images, make().draw(0).images)
