"""An image in two splits is refused, under whatever name; a picture saved twice is named."""

import shutil
import zipfile

import numpy as np
import pandas as pd
import pytest
from own_sets import BALL, SHADES, found, make_set, save
from PIL import Image

from tailcutmix.dataset import check
from tailcutmix.dataset.leakage import ALIKE, look_alikes, same_files, thumbnail
from tailcutmix.dataset.sources import list_images
from tailcutmix.errors import UserError
from tailcutmix.labels import read_labels
from tailcutmix.plan.settings.data import Files


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("id,name,train_id\n0,ground,0\n1,ball,1\n")
    return path


def copy_image(root):
    (root / "images/val/vala.png").write_bytes((root / "images/train/traina.png").read_bytes())


def copy_all(root):
    for kind in ("images", "labels"):
        (root / kind / "val/traina.png").write_bytes((root / kind / "train/traina.png").read_bytes())


def save_again(root):
    copy_all(root)
    with Image.open(root / "images/train/traina.png") as image:
        image.save(root / "images/val/traina.png", compress_level=0)


def copy_to_test(root):
    save(root / "images/test/testb.png", SHADES[::-1].copy())
    (root / "images/test/testa.png").write_bytes((root / "images/val/vala.png").read_bytes())


CASES = {
    "other name": (copy_image, "images/train/traina.png .train. and .*images/val/vala.png .val. are the same image"),
    "same name": (copy_all, "are the same image: delete one of them"),
    "saved again": (save_again, "images/train/traina.png .train. and .*val/traina.png .val. have the same id, look"),
    "one of val in test": (copy_to_test, "images/val/vala.png .val. and .*test/testa.png .test. are the same image"),
}


@pytest.mark.parametrize("name", CASES)
def test_an_image_in_two_splits_stops_the_run_unless_it_is_meant(tmp_path, table, name):
    spoil, words = CASES[name]
    make_set(tmp_path)
    spoil(tmp_path)
    with pytest.raises(UserError, match=f"{words}.*allow_shared_images: true") as error:
        check.require(found(tmp_path, table))
    assert "\n" not in str(error.value)
    (said,) = stated(found(tmp_path, table, allow_shared_images=True))
    assert not said.stops and "allowed by dataset.allow_shared_images" in str(said)


def stated(findings):
    """Without what is said of labels."""
    return [finding for finding in findings if "without label" not in str(finding)]


@pytest.mark.parametrize("more", ["", "c"])
def test_a_test_split_that_is_val_or_holds_it_is_meant(tmp_path, table, more):
    make_set(tmp_path)
    for kind in ("images", "labels"):
        (tmp_path / kind / "test").symlink_to(tmp_path / kind / "val")
        if more:
            (tmp_path / kind / "test").unlink()
            shutil.copytree(tmp_path / kind / "val", tmp_path / kind / "test")
            save(tmp_path / kind / "test/testc.png", BALL if kind == "labels" else SHADES[::-1].copy())
    (said,) = found(tmp_path, table, scored="test", judged="val")
    assert not said.stops and "are the same image, and 1 more pair: one of the two lies in the other" in str(said)


@pytest.mark.parametrize("labels", ["equal", "of their own"])
def test_splits_that_number_their_images_alike_share_none(tmp_path, table, labels):
    make_set(tmp_path, image="images/{split}/{id}.png", splits=("train",))
    for number, name in enumerate(("traina", "trainb")):
        save(tmp_path / f"images/val/{name}.png", street(number)[:16, :24])
        save(tmp_path / f"labels/val/{name}.png", BALL if labels == "equal" else np.roll(BALL, 1) * (SHADES > 99))
    (said,) = found(tmp_path, table)
    assert not said.stops and "have the same id, and 1 more pair: nothing to do where each split" in str(said)


@pytest.mark.parametrize("allowed", [False, True])
def test_an_id_in_two_lists_is_one_image_in_two_splits(tmp_path, table, allowed):
    make_set(tmp_path, "JPEGImages/{id}.png", "SegmentationClass/{id}.png")
    for split, ids in (("train", "traina\ntrainb\n"), ("val", "trainb\r\nvala\r\n")):
        (tmp_path / f"{split}.txt").write_text(f"\ufeff{ids}", newline="")
    files = Files("JPEGImages/{id}.*", "SegmentationClass/{id}.png", ids="{split}.txt")
    listing = list_images("folders", tmp_path, files=files)
    wanted = check.Wanted("val", allow_shared_images=allowed)
    findings, _ = check.examine(listing, read_labels(table), wanted)
    (said,) = (finding for finding in findings if "left out" not in str(finding))
    assert said.stops != allowed and "trainb.png (train) and" in str(said)
    assert allowed or "take it out of one of the lists" in str(said)
    (tmp_path / "val.txt").write_text("vala\nvala\n")
    assert list(list_images("folders", tmp_path, files=files).query("split == 'val'").image_id) == ["vala"]


def test_images_in_archives_are_compared_too(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (("x", b"0" * 99), ("y", b"0" * 99), ("z", b"1" * 99)):
            archive.writestr(name, content)
    paths = [f"{tmp_path}/a.zip::{name}" for name in "xyz"] + [str(tmp_path / "absent.png")]
    listing = pd.DataFrame({"split": ["train", "val", "val", "test"], "image": paths})
    assert [shared[1::2] for shared in same_files(listing)] == [(paths[0], paths[1])]


def street(seed: int) -> np.ndarray:
    """Some boxes before a gradient."""
    rng = np.random.default_rng(seed)
    image = np.tile(np.linspace(60, 200, 128)[:, None, None], (1, 256, 3))
    for _ in range(12):
        y, x, h, w = rng.integers((0, 0, 10, 10), (100, 220, 60, 80))
        image[y : y + h, x : x + w] = rng.integers(0, 256, 3)
    return (image + rng.normal(0, 6, image.shape)).clip(0, 255).astype(np.uint8)


def test_a_picture_that_was_saved_in_two_ways_is_named(tmp_path, table):
    for split, seeds in (("train", range(8)), ("val", range(8, 16))):
        for seed in seeds:
            save(tmp_path / f"images/{split}/{seed}.png", street(seed))
            save(tmp_path / f"labels/{split}/{seed}.png", np.ones((128, 256), np.uint8) * (np.arange(256) > seed))
    assert found(tmp_path, table, look_alikes=True) == [], "scenes of one kind are told apart"
    save(tmp_path / "images/val/8.jpg", street(3), quality=40)
    (tmp_path / "images/val/8.png").unlink()
    assert found(tmp_path, table) == [], "the first job decodes no image"
    (said,) = found(tmp_path, table, look_alikes=True)
    assert "train/3.png (train) and " in str(said) and "val/8.jpg (val) look the same" in str(said)
    assert not said.stops


def test_thumbnails_of_a_resized_picture_stay_close_and_flat_ones_are_passed_over():
    image = street(0)
    half = np.asarray(Image.fromarray(image).resize((128, 64), Image.Resampling.BOX))
    difference = thumbnail(image) - thumbnail(half)
    assert np.sqrt(np.square(difference).mean()) < ALIKE
    flat = np.full((1, 768), 90, np.float32)
    assert look_alikes(flat, flat) == []
    some = np.stack([thumbnail(street(seed)) for seed in range(6)])
    assert look_alikes(some[:3], some[2:]) == [(2, 0)]
