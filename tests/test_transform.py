"""TailCutMix and its index: the workflow's own mixing, in a training loop of one's own."""

import pickle
from dataclasses import replace

import mixing_fakes
import numpy as np
import pandas as pd
import pytest
import torch
from mixing_fakes import CLASSES, LABELS, RARE
from torch.utils.data import DataLoader, TensorDataset, default_collate

from tailcutmix import index as index_command
from tailcutmix.dataset.images import write_png
from tailcutmix.errors import UserError
from tailcutmix.index import list_pairs, make_index, open_index
from tailcutmix.labels import LabelTable
from tailcutmix.models import torchvision_ops  # noqa: F401 (before torchvision)
from tailcutmix.plan.settings.recipe import Mixing
from tailcutmix.plan.settings.tail import Buckets
from tailcutmix.transform import MIXINGS, TailCutMix

SECOND = 3
"""A class beside RARE, so that several share what is mixed in."""


def write_set(folder, data, image_suffix="", label_suffix=""):
    """Packed data as two folders of PNG files, the labels as train ids."""
    for image, label, name in zip(data.images, data.labels, data.image_ids, strict=True):
        write_png(folder / f"images/street/{name}{image_suffix}.png", image)
        write_png(folder / f"labels/street/{name}{label_suffix}.png", label)
    return folder / "labels", folder / "images"


def boxes_of_tail(data):
    """``boxes.csv`` of the tail of the index, in its order: the more frequent class first."""
    tables = [mixing_fakes.boxes(data, b).assign(**{"class": LABELS[b].slug}) for b in (SECOND, RARE)]
    return pd.concat(tables, ignore_index=True)


@pytest.fixture(scope="module")
def data():
    """Two of its seven images hold no class of the tail."""
    made = mixing_fakes.packed()
    for n in (1, 5):
        made.labels[n][made.labels[n] == SECOND] = 0
    return made


@pytest.fixture(scope="module")
def folder(data, tmp_path_factory):
    """The index of two classes, by the command."""
    place = tmp_path_factory.mktemp("index")
    labels, images = write_set(place, data)
    classes = ["--classes", str(SECOND), str(RARE)]
    assert index_command.main([str(labels), "--images", str(images), "--out", str(place / "index"), *classes]) == 0
    return place / "index"


@pytest.fixture(scope="module")
def batch():
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(6, 3, 24, 32, generator=generator)
    return images, torch.randint(0, 3, (6, 24, 32), generator=generator)


@pytest.mark.parametrize("mixing", MIXINGS)
@pytest.mark.parametrize("probability", [1.0, 0.5])
def test_it_mixes_as_the_sampler_does_on_the_same_draws(mixing, probability, data, folder):
    """Bit for bit, though the index holds none of the images without a class of the tail."""
    assert len(open_index(folder).packed) == 5 < len(data.image_ids)
    table, tail = boxes_of_tail(data), (SECOND, RARE)
    plain, mixed = (
        mixing_fakes.sampler(name, data, tail, table, probability=probability, seed=3) for name in ("none", mixing)
    )
    settings = replace(mixing_fakes.RECIPE.mixing, name=mixing, probability=probability)
    transform = TailCutMix(folder, settings, augmentation=mixing_fakes.RECIPE.augmentation, seed=3)
    changed = 0
    for step in range(5):
        base, wanted = plain.draw(step), mixed.draw(step)
        images, masks = transform(base.images, base.labels.long(), step=step)
        assert torch.equal(images, wanted.images) and torch.equal(masks, wanted.labels.long())
        changed += int((masks != base.labels).sum())
    assert changed > 100


def test_one_class_of_the_index_is_that_class_alone(data, folder):
    mixed = mixing_fakes.sampler("levels", data, (RARE,), mixing_fakes.boxes(data))
    plain = mixing_fakes.sampler("none", data)
    settings = replace(mixing_fakes.RECIPE.mixing, name="levels")
    alone = TailCutMix(folder, settings, augmentation=mixing_fakes.RECIPE.augmentation, classes=[str(RARE)])
    base = plain.draw(0)
    images, masks = alone(base.images, base.labels, step=0)
    assert torch.equal(images, mixed.draw(0).images) and torch.equal(masks, mixed.draw(0).labels)


def test_what_is_not_pasted_stays_and_the_batch_given_too(folder, batch):
    """In another normalisation and precision, with other types of masks, and another value for ignored pixels."""
    images, masks = batch
    mean, std = (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)
    per_channel = (torch.tensor(values)[:, None, None] for values in (mean, std))
    zero, one = per_channel
    plain, other = (TailCutMix(folder, "levels", **keys) for keys in (
        {}, {"normalisation": (mean, std), "ignore_index": -1}))  # fmt: skip
    wanted, labels = plain(images, masks, step=1)
    for kind, dtype in ((torch.float32, torch.int64), (torch.bfloat16, torch.int32)):
        given, masks_given = ((images - zero) / one).to(kind), masks.to(dtype)
        before = given.clone()
        found, found_labels = other(given, masks_given, step=1)
        assert torch.equal(given, before) and found.dtype == kind and found_labels.dtype == dtype
        pasted = ((found != given).any(1)) | (found_labels != masks_given)
        assert pasted.any() and not pasted.all()
        torch.testing.assert_close(found, ((wanted - zero) / one).to(kind))
        assert torch.equal(found_labels.long(), torch.where(labels == 255, -1, labels))
    assert (labels == 255).any(), "a whole rectangle holds void too"


def test_tv_tensors_stay_such(folder, batch):
    from torchvision import tv_tensors

    images, masks = TailCutMix(folder)(tv_tensors.Image(batch[0]), tv_tensors.Mask(batch[1]), step=0)
    assert type(images) is tv_tensors.Image and type(masks) is tv_tensors.Mask
    plain_images, plain_masks = TailCutMix(folder)(*batch, step=0)
    assert torch.equal(images.data, plain_images) and torch.equal(masks.data, plain_masks)
    assert type(plain_images) is torch.Tensor


def test_without_a_step_torchs_generator_decides(folder, batch):
    transform = TailCutMix(folder)

    def draw():
        torch.manual_seed(7)
        return [transform(*batch)[1] for _ in range(3)]

    first, again = draw(), draw()
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(transform(*batch, step=0)[1], TailCutMix(folder, seed=1)(*batch, step=0)[1])


def test_nothing_is_mixed_at_probability_0(folder, batch):
    images, masks = TailCutMix(folder, Mixing(name="level0", probability=0.0))(*batch)
    assert images is batch[0] and masks is batch[1]


def test_another_process_opens_the_same_index(folder, batch):
    transform = TailCutMix(folder, "levels", seed=5)
    written = pickle.dumps(transform)
    assert len(written) < 2000, "the arrays travel by their path"
    images, masks = pickle.loads(written)(*batch, step=2)
    wanted, labels = transform(*batch, step=2)
    assert torch.equal(images, wanted) and torch.equal(masks, labels)


class Collate:
    """The collate function of the documentation, as a class that a worker process can be sent."""

    def __init__(self, transform):
        self.transform = transform

    def __call__(self, samples):
        return self.transform(*default_collate(samples))


def test_workers_mix_differently_and_reproducibly(folder, batch):
    """Two workers, two epochs: no two batches are alike, though all are of the same samples; and all come again."""
    images, masks = batch
    samples = TensorDataset(images[:1].expand(8, -1, -1, -1), masks[:1].expand(8, -1, -1))

    def epochs():
        torch.manual_seed(0)
        loader = DataLoader(samples, 2, num_workers=2, collate_fn=Collate(TailCutMix(folder)))
        return [mixed for _ in range(2) for _, mixed in loader]

    first, again = epochs(), epochs()
    assert len({mixed.numpy().tobytes() for mixed in first}) == 8
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_the_device_mixes_as_the_host(folder, batch):
    images, masks = TailCutMix(folder, device="cuda")(*(tensor.cuda() for tensor in batch), step=1)
    wanted, labels = TailCutMix(folder)(*batch, step=1)
    torch.testing.assert_close(images.cpu(), wanted)
    assert torch.equal(masks.cpu(), labels)


def test_the_bucket_rule_finds_the_tail(data, tmp_path):
    """Label ids by a table, names with suffixes, another size: the tail is the class of fewest pixels."""
    ids = np.array([*(row.id for row in LABELS), *[0] * 251], np.uint8)
    ids[255] = 255
    as_ids = type(data)(images=data.images, labels=ids[data.labels], image_ids=data.image_ids)
    labels, images = write_set(tmp_path, as_ids, "_leftImg8bit", "_gtFine_labelIds")
    listing = list_pairs(labels, images, "_gtFine_labelIds", "_leftImg8bit")
    index = make_index(listing, tmp_path / "index", LabelTable(LABELS), buckets=Buckets(cuts=(2, 2)), size=(20, 28))
    assert [known.train_id for known in index.tail] == [RARE]
    assert index.packed.size == (20, 28) and len(index.packed) == 4 < len(data.image_ids)
    assert set(np.unique(index.packed.labels)) <= {*range(CLASSES), 255}
    assert (index.boxes["image_width"] == 56).all() and set(index.boxes["level"]) == {1, 2, 3}


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda labels, images: next(images.rglob("*.png")).unlink(), "no image image0.* in the same place under"),
        (lambda labels, images: next(labels.rglob("*0.png")).write_bytes(b"\x89PNG"), "image0.png: "),
        (lambda labels, images: [path.unlink() for path in labels.rglob("*.png")], "no label image"),
        (lambda labels, images: write_png(next(images.rglob("*0.png")), np.zeros((8, 8, 3), np.uint8)), "is 56x40 but"),
    ],
)
def test_a_set_that_is_wrong_gets_one_line_and_no_index(data, tmp_path, capsys, harm, words):
    few = type(data)(images=data.images[:1], labels=data.labels[:1], image_ids=data.image_ids[:1])
    labels, images = write_set(tmp_path, few)
    harm(labels, images)
    arguments = [str(labels), "--images", str(images), "--out", str(tmp_path / "index"), "--classes", str(RARE)]
    assert index_command.main(arguments) == 1
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1
    assert not (tmp_path / "index").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"mixing": "mixup"}, "must be one of: level0, levels, all_levels"),
        ({"classes": ["1"]}, "holds nothing of class '1', only of: 3, 4"),
        ({"classes": ["rider"]}, "no class is called 'rider'"),
        ({"index": "nowhere"}, "nowhere: no such index"),
    ],
)
def test_a_transform_that_cannot_be_is_refused(folder, arguments, words):
    with pytest.raises(UserError, match=words):
        TailCutMix(**{"index": folder, **arguments})


@pytest.mark.parametrize(
    ("images", "masks", "words"),
    [
        (torch.zeros(2, 3, 8, 8, dtype=torch.uint8), torch.zeros(2, 8, 8, dtype=torch.long), "floats"),
        (torch.zeros(2, 1, 8, 8), torch.zeros(2, 8, 8, dtype=torch.long), "floats"),
        (torch.zeros(3, 8, 8), torch.zeros(8, 8, dtype=torch.long), "floats"),
        (torch.zeros(2, 3, 8, 8), torch.zeros(2, 1, 8, 8, dtype=torch.long), "integers"),
        (torch.zeros(2, 3, 8, 8), torch.zeros(2, 8, 8), "integers"),
        (
            torch.zeros(2, 3, 8, 8, device="meta"),
            torch.zeros(2, 8, 8, dtype=torch.long, device="meta"),
            "device='meta'",
        ),
    ],
)
def test_a_batch_of_another_kind_is_refused(folder, images, masks, words):
    with pytest.raises(UserError, match=words):
        TailCutMix(folder)(images, masks)
