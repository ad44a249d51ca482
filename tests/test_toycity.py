"""ToyCity: MiniCity's encoding to the letter, its long tail, and nothing left to chance."""

import hashlib

import numpy as np
import pytest
from conftest import ROOT

from tailcutmix.dataset import manifest
from tailcutmix.dataset.images import read_image, read_instances, read_label
from tailcutmix.dataset.sources import list_images
from tailcutmix.errors import UserError
from tailcutmix.labels import read_labels
from toycity import ids
from toycity.generate import Settings, generate, image_id
from toycity.plan import FIRST, IMAGES_OF_CLASS, MINIMUM, classes_of
from toycity.scene import render

LABELS = read_labels(ROOT / "config/labels/cityscapes.csv")


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    root = tmp_path_factory.mktemp("toycity")
    generate(root, Settings(16, 16, 2, 64, 128, seed=3), processes=2)
    return root, manifest.build(list_images("toycity", root))


def digest(folder) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*.png"))
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_ids_are_those_of_the_label_table():
    known = {row.name: row.id for row in LABELS.rows}
    assert {name: known[name] for name in LABELS.class_names} == ids.CLASS_IDS
    void = {"ego vehicle": ids.EGO_VEHICLE, "rectification border": ids.RECTIFICATION_BORDER, "parking": ids.PARKING}
    void |= {"out of roi": ids.OUT_OF_ROI, "static": ids.STATIC, "ground": ids.GROUND, "rail track": ids.RAIL_TRACK}
    void |= {"caravan": ids.CARAVAN, "trailer": ids.TRAILER}
    assert {name: known[name] for name in void} == void


def test_files_are_arranged_like_minicity(city):
    _, frame = city
    assert frame.split.value_counts().to_dict() == {"train": 16, "val": 16, "test": 2}
    assert set(zip(frame.height, frame.width, strict=True)) == {(64, 128)}
    named = frame[frame.split != "test"].image_id
    assert named.str.fullmatch(r"[a-z]+_\d{6}_\d{6}").all() and named.is_unique
    tests = frame[frame.split == "test"]
    assert all(int(image_id) < 2**64 for image_id in tests.image_id)
    assert (tests.label != "").all() and tests.image.str.endswith(tests.image_id.iloc[0] + ".png").any()


def test_instances_agree_with_labels(city):
    from cityscapesscripts.evaluation.instances2dict import instances2dict

    _, frame = city
    several, has_instances = False, {row.id for row in LABELS.rows if row.has_instances}
    for row in frame.itertuples():
        label, instances = read_label(row.label), read_instances(row.instance)
        single = instances >= 1000
        np.testing.assert_array_equal(np.where(single, instances // 1000, instances), label)
        assert set(np.unique(label[single])) <= has_instances
        assert set(np.unique(label)) <= set(LABELS.ids)
        several |= len({value for value in np.unique(instances) if value // 1000 == ids.CAR}) > 2
    assert several
    found = instances2dict([frame.instance[0]])[frame.instance[0]]  # the official reader sees the same pixels
    label = read_label(frame.label[0])
    for name, number in ((row.name, row.id) for row in LABELS.rows):
        assert sum(entry["pixelCount"] for entry in found.get(name, [])) == (label == number).sum()


def test_every_planned_class_is_there_and_no_other(city):
    _, frame = city
    for split in ("train", "val"):
        rows = frame[frame.split == split].set_index("image_id")
        for index in range(16):
            label = read_label(rows.loc[image_id(3, split, index), "label"])
            present = {name for name in IMAGES_OF_CLASS if (label == ids.CLASS_IDS[name]).any()}
            assert present == classes_of(3, split, index), (split, index)


def test_all_classes_and_a_long_tail(city):
    _, frame = city
    pixels = sum(np.bincount(read_label(path).ravel(), minlength=256) for path in frame[frame.split == "train"].label)
    shares = np.sort(pixels[list(ids.CLASS_IDS.values())] / pixels.sum())
    assert shares[0] > 0 and shares[-1] > 30 * shares[2]
    assert 0.03 < pixels[[ids.EGO_VEHICLE, ids.OUT_OF_ROI, ids.RECTIFICATION_BORDER]].sum() / pixels.sum() < 0.2


def test_colour_and_place_alone_tell_no_rare_class(city):
    """The best guess from a pixel's colour and row, learnt from train, finds next to nothing rare in val."""
    _, frame = city
    to_train_id, classes = LABELS.to_train_id, LABELS.num_classes

    def read(split):
        rows = frame[frame.split == split]
        colours = np.stack([read_image(path) for path in rows.image]) // 32
        labels = to_train_id[np.stack([read_label(path) for path in rows.label])]
        row = np.broadcast_to((np.arange(64) // 8)[None, :, None], labels.shape)
        keys = ((colours[..., 0] * 8 + colours[..., 1]) * 8 + colours[..., 2]).astype(int) * 8 + row
        return keys[labels < classes], labels[labels < classes]

    keys, labels = read("train")
    counts = np.zeros((classes, 8**4))
    np.add.at(counts, (labels, keys), 1)
    keys, labels = read("val")
    guess = counts.argmax(axis=0)[keys]
    iou = {
        name: ((guess == k) & (labels == k)).sum() / max(((guess == k) | (labels == k)).sum(), 1)
        for k, name in enumerate(LABELS.class_names)
    }
    assert iou["road"] > 0.5 and iou["sky"] > 0.4
    for name in ("train", "bus", "truck", "motorcycle", "rider", "bicycle", "wall", "fence"):
        assert iou[name] < 0.15, (name, iou[name])


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_frequencies_are_those_of_minicity(seed):
    for split, count, column in (("train", 200, 0), ("val", 100, 1), ("test", 100, 1)):
        planned = [classes_of(seed, split, index) for index in range(count)]
        for name, images in IMAGES_OF_CLASS.items():
            found = sum(name in classes for classes in planned)
            slack = 0.12 * count if name == "rider" else 0.02 * count if name == "pole" else 0
            assert abs(found - images[column]) <= slack, (split, name, found)
            assert sum(name in classes for classes in planned[:FIRST]) >= MINIMUM[split], (split, name)
        assert all(classes & {"bicycle", "motorcycle"} for classes in planned if "rider" in classes)


def test_an_image_depends_on_seed_split_and_index_alone(city, tmp_path):
    root, _ = city
    generate(tmp_path / "few", Settings(3, 1, 1, 64, 128, seed=3))
    few, all_of_them = digest(tmp_path / "few"), digest(root)
    assert len(few) == 15 and few.items() <= all_of_them.items()
    first = render(3, "train", 0, 64, 128)
    for other in (render(4, "train", 0, 64, 128), render(3, "val", 0, 64, 128), render(3, "train", 1, 64, 128)):
        assert (first[0] != other[0]).mean() > 0.5


@pytest.mark.parametrize("size", [(48, 64), (97, 75)])
def test_any_size(size):
    image, label, instances = render(0, "train", 4, *size)
    assert image.shape == (*size, 3) and label.shape == instances.shape == size


def test_a_larger_image_shows_the_same_scene():
    small, large = render(0, "train", 4, 130, 260)[1], render(0, "train", 4, 520, 1040)[1]
    assert (large[2::4, 2::4] == small).mean() > 0.9


def test_a_new_city_replaces_the_old_one_but_nothing_else(tmp_path):
    generate(tmp_path / "city", Settings(2, 1, 0, 48, 64))
    generate(tmp_path / "city", Settings(1, 1, 0, 48, 64))
    assert len(list_images("toycity", tmp_path / "city")) == 2
    (tmp_path / "real/leftImg8bit/train").mkdir(parents=True)
    with pytest.raises(UserError, match="did not draw"):
        generate(tmp_path / "real", Settings(1, 1, 0, 48, 64))
    assert (tmp_path / "real/leftImg8bit/train").is_dir()


@pytest.mark.parametrize("wrong", [{"train": 0}, {"val": -1}, {"height": 20}])
def test_impossible_settings(wrong):
    with pytest.raises(UserError, match="dataset.toycity"):
        Settings(**({"train": 1, "val": 1, "test": 1, "height": 64, "width": 128} | wrong))
