"""Sets as people have them: their layouts, their pictures, what they lack, and what is said of it before training."""

import os
import re

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT
from own_sets import BALL, SHADES, found, make_set, save
from PIL import Image

from tailcutmix.dataset import check, manifest
from tailcutmix.dataset.images import read_image, read_label
from tailcutmix.dataset.packing import PackedFiles, open_packed, pack
from tailcutmix.dataset.sources import list_images, list_unlabelled
from tailcutmix.errors import UserError
from tailcutmix.labels import read_labels
from tailcutmix.plan import watch
from tailcutmix.plan.idle import check_idle, check_tail, idle_rows
from tailcutmix.plan.layout import splits_of
from tailcutmix.plan.plan import merged, read_plan
from tailcutmix.plan.readings import sentences
from tailcutmix.plan.settings.data import Dataset, Files


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("id,name,train_id\n0,ground,0\n1,ball,1\n")
    return path


LAYOUTS = {
    "IDD Lite": ("leftImg8bit/{split}/7/{id}_image.jpg", "gtFine/{split}/7/{id}_label.png",
                 Files("{id}_image.jpg", "{id}_label.png"), {}),
    "Mapillary": ("{split}/images/{id}.jpg", "{split}/v2.0/labels/{id}.png",
                  Files("{split}/images/{id}.jpg", "{split}/v2.0/labels/{id}.png"),
                  {"train": "training", "val": "validation", "test": "testing"}),
    "ADE": ("images/{split}/{id}.jpg", "annotations/{split}/{id}.png", Files("", "annotations/{split}/{id}.png"),
            {"train": "training", "val": "validation"}),
    "BDD": ("images/10k/{split}/{id}.jpg", "labels/masks/{split}/{id}_train_id.png",
            Files("images/10k/{split}/{id}.jpg", "labels/masks/{split}/{id}_train_id.png"), {}),
    "endings": ("images/{split}/{id}.TIF", "labels/{split}/{id}.PNG", Files(), {}),
    "bmp": ("images/{split}/{id}.bmp", "labels/{split}/{id}.bmp", Files(), {}),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts_are_listed_without_renaming(tmp_path, name):
    image, label, files, folders = LAYOUTS[name]
    for split in ("train", "val"):
        here = folders.get(split, split)
        save(tmp_path / image.format(split=here, id=f"-{split}_1"), SHADES)
        save(tmp_path / label.format(split=here, id=f"-{split}_1"), BALL)
        save(tmp_path / image.format(split=here, id="._x"), SHADES)
    frame = manifest.build(list_images("folders", tmp_path, files=files))
    assert list(frame.image_id) == ["-train_1", "-val_1"] and list(frame.split) == ["train", "val"]
    assert all((read_label(path) == BALL).all() for path in frame.label)
    assert splits_of(Dataset(root=str(tmp_path), files=files)) == ("train", "val")


def test_lists_of_ids_tell_the_splits_apart(tmp_path):
    make_set(tmp_path, "JPEGImages/{id}.png", "SegmentationClass/{id}.png")
    for split in ("train", "val"):
        (tmp_path / f"Sets/{split}.txt").parent.mkdir(exist_ok=True)
        (tmp_path / f"Sets/{split}.txt").write_text(f"{split}b\n")
    files = Files("JPEGImages/{id}.*", "SegmentationClass/{id}.png", ids="Sets/{split}.txt")
    assert list(list_images("folders", tmp_path, files=files).image_id) == ["trainb", "valb"]
    (tmp_path / "Sets/val.txt").write_text("valc\n")
    with pytest.raises(UserError, match="valc.*missing, though Sets/{split}.txt lists it"):
        list_images("folders", tmp_path, files=files)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (Files("image.png"), "dataset.files.image .*must hold {id} once"),
        (Files("{id}/{id}.png"), "must hold {id} once"),
        (Files("all/{id}.png"), "{split} must be among its folders"),
        (Files("", "{id}.jpg"), "dataset.files.label .*JPEG changes label ids"),
        (Files("{id}.gif"), "its ending must be one of"),
    ],
)
def test_patterns_that_cannot_be_are_named(tmp_path, files, words):
    make_set(tmp_path)
    with pytest.raises(UserError, match=words):
        list_images("folders", tmp_path, files=files)


def test_linked_folders_are_walked_once(tmp_path):
    make_set(tmp_path / "far")
    (tmp_path / "near").symlink_to(tmp_path / "far")
    (tmp_path / "far/images/train/again").symlink_to(tmp_path / "far/images/train")
    (tmp_path / "far/images/train/more").symlink_to(save(tmp_path / "else/c.png", SHADES).parent)
    (tmp_path / "far/labels/train/more").symlink_to(save(tmp_path / "truth/c.png", BALL).parent)
    ids = list(list_images("folders", tmp_path / "near").image_id)
    assert sorted(ids) == ["c", "traina", "trainb", "vala", "valb"]


def test_labels_as_jpeg_are_refused(tmp_path):
    make_set(tmp_path)
    disguised = save(tmp_path / "x.png", BALL, format="JPEG")
    with pytest.raises(UserError, match="JPEG changes ids"):
        read_label(disguised)
    (tmp_path / "labels/train/traina.png").unlink()
    save(tmp_path / "labels/train/traina.jpg", BALL)
    with pytest.raises(UserError, match="traina.jpg: a label as JPEG"):
        list_images("folders", tmp_path)


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_16_bits_are_scaled_by_the_range_of_the_type(tmp_path, ending):
    deep = SHADES.astype(np.uint16) * 257
    cv2.imwrite(str(tmp_path / f"deep.{ending}"), deep)
    assert (read_image(tmp_path / f"deep.{ending}") == SHADES[..., None]).all()


def test_pixels_without_a_known_range_are_refused(tmp_path):
    path = save(tmp_path / "f.tif", SHADES.astype(np.float32))
    with pytest.raises(UserError, match="f.tif: pixels of 32 bits"):
        read_image(path)


@pytest.mark.parametrize(("orientation", "turned"), [(1, SHADES), (3, SHADES[::-1, ::-1]), (6, np.rot90(SHADES, -1))])
def test_photographs_are_turned_as_exif_says(tmp_path, orientation, turned):
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = save(tmp_path / "images/train/a.png", SHADES, exif=exif)
    save(tmp_path / "labels/train/a.png", np.zeros(turned.shape, np.uint8))
    row = manifest.build(list_images("folders", tmp_path)).iloc[0]
    assert (read_image(image) == turned[..., None]).all()
    assert (row.height, row.width) == turned.shape


def test_a_table_of_three_columns_is_enough(table):
    ground, ball = read_labels(table).classes
    assert (ground.category, ball.category, ball.has_instances) == ("ground", "ball", False)
    assert ground.colour != ball.colour != (0, 0, 0)


def plan_of(folder, table, **overlay):
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    dataset = {"name": "x", "source": "folders", "root": str(folder), "labels": str(table)}
    return read_plan(merged(config, {"dataset": dataset, **overlay}))


def test_without_test_val_is_scored_and_said(tmp_path, table):
    make_set(tmp_path)
    plan = plan_of(tmp_path, table)
    assert (plan.split, plan.splits) == ("val", ("train", "val"))
    assert "The set has no test images: val is scored." in sentences(plan)


def test_without_val_nothing_is_chosen_by_it(tmp_path, table):
    make_set(tmp_path, splits=("train", "test"))
    plan = plan_of(tmp_path, table, evaluation={"split": "val"})
    assert plan.split == "test" and not plan.rebuckets
    assert not any(model.inference.per_class_scales for model in [*plan.models.values(), *plan.experts.values()])
    assert not any(ensemble.gate for ensemble in plan.ensembles.values())
    assert any("no val images" in sentence for sentence in sentences(plan))


def test_without_val_folds_of_train_may_choose(tmp_path, table):
    make_set(tmp_path, splits=("train", "test"))
    plan = plan_of(tmp_path, table, selection={"folds": 2})
    assert plan.split == "test" and plan.rebuckets and plan.model("m1").inference.per_class_scales
    assert not any("no val images" in sentence for sentence in sentences(plan))


def test_train_alone_cannot_be_scored(tmp_path, table):
    make_set(tmp_path, splits=("train",))
    with pytest.raises(UserError, match="no val and no test images"):
        plan_of(tmp_path, table)


def test_the_home_folder_is_written_out(tmp_path, table, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    make_set(tmp_path / "set")
    assert plan_of("~/set", table).dataset.root == str(tmp_path / "set")


@pytest.mark.parametrize(
    ("overlay", "words"),
    [
        ({"buckets": {"tail": []}}, "no class is in the tail"),
        ({"models": {"m1": {"probability": 0}}}, "probability of mixing is 0"),
    ],
)
def test_methods_that_do_nothing_stop_the_run_unless_allowed(tmp_path, table, overlay, words):
    make_set(tmp_path)
    with pytest.raises(UserError, match=words):
        check_idle(plan_of(tmp_path, table, **overlay))
    allowed = plan_of(tmp_path, table, **overlay, tables={"allow_idle": True})
    check_idle(allowed)
    check_tail((), allowed)
    assert words in " ".join(idle_rows(allowed).values())


def test_an_empty_tail_that_the_labels_made_stops_too(tmp_path, table):
    make_set(tmp_path)
    plan = plan_of(tmp_path, table)
    check_idle(plan)
    check_tail(plan.labels.classes[1:], plan)
    with pytest.raises(UserError, match="m1 and ensemble of Table 1 would do nothing"):
        check_tail((), plan)


def test_a_sound_set_gives_no_word(tmp_path, table):
    make_set(tmp_path)
    assert found(tmp_path, table) == []


def spoil_mask(root):
    for path in root.glob("labels/*/*.png"):
        save(path, BALL * 255)


def spoil_val(root):
    for path in root.glob("labels/val/*.png"):
        save(path, np.full_like(BALL, 255))


def spoil_sizes(root):
    for kind, array in (("images", SHADES), ("labels", BALL)):
        save(root / kind / "train/traina.png", np.ascontiguousarray(array[:8]))


SPOILT = {
    "mask of 255": (spoil_mask, "no pixel in train of ball: .*255 is always ignored", True),
    "void val": (spoil_val, "val labels without a pixel of any class .2 files", False),
    "sizes": (spoil_sizes, "images of 2 sizes .*set dataset.size", True),
    "unknown id": (
        lambda root: save(root / "labels/val/vala.png", BALL * 9),
        "label id 9 not in the label table",
        True,
    ),
    "other size": (lambda root: save(root / "labels/val/vala.png", BALL.T.copy()), "label is 16x24 but", True),
    "broken": (lambda root: (root / "images/val/vala.png").write_bytes(b"x"), "vala.png: not a readable image", True),
    "deep": (lambda root: cv2.imwrite(str(root / "images/val/vala.png"), SHADES.astype(np.uint16)), "16 bits", False),
    "left out": (lambda root: save(root / "images/val/b.gif", SHADES), "left out .*b.gif", False),
    "of a Mac": (lambda root: save(root / "images/val/._b.png", SHADES), r"left out .*\._b.png", False),
}


@pytest.mark.parametrize("name", SPOILT)
def test_what_is_odd_is_found_before_training(tmp_path, table, name):
    spoil, words, stops = SPOILT[name]
    make_set(tmp_path)
    spoil(tmp_path)
    findings = found(tmp_path, table)
    assert any(re.search(words, str(finding)) and finding.stops == stops for finding in findings), findings
    if stops:
        with pytest.raises(UserError):
            check.require(findings)


def test_all_problems_come_at_once(tmp_path, table):
    make_set(tmp_path)
    spoil_sizes(tmp_path)
    (tmp_path / "images/val/vala.png").write_bytes(b"x")
    with pytest.raises(UserError, match="2 problems in the data") as error:
        check.require(found(tmp_path, table))
    assert "vala.png" in str(error.value) and "dataset.size" in str(error.value)


def test_images_without_labels_are_a_split_of_their_own(tmp_path, table):
    """A folder of them with sub-folders, as one has it; no label is looked for, and none is counted."""
    make_set(tmp_path / "set")
    for name in ("Ä 1.jpg", "a/b.png", "b/a.PNG", "set/b.png"):
        save(tmp_path / "more" / name, SHADES)
    (tmp_path / "more/._b.png").write_bytes(b"x")
    (tmp_path / "more/notes.txt").touch()
    listing = pd.concat([list_images("folders", tmp_path / "set"), list_unlabelled(tmp_path / "more")])
    rows = manifest.build(listing)
    assert rows.split.tolist() == ["train"] * 2 + ["val"] * 2 + ["unlabelled"] * 4
    assert rows.image_id.tolist()[4:] == ["__1", "a_b", "b_a", "set_b"]
    (finding,), statistics = check.examine(listing, read_labels(table), check.Wanted("val"))
    assert finding.files == (str(tmp_path / "more/._b.png"),) and not finding.stops
    assert set(statistics.split) == {"train", "val"}
    manifest.write_manifest(rows, tmp_path / "manifest.csv")
    files = PackedFiles.under(tmp_path / "packed")
    pack(tmp_path / "manifest.csv", "unlabelled", read_labels(table), None, files)
    packed = open_packed(files, tmp_path / "manifest.csv")
    assert len(packed) == 4 and not packed.has_label.any() and (packed.labels == 255).all()


@pytest.mark.parametrize(("folder", "words"), [("none", "no such folder"), ("set/labels", "no image in it")])
def test_a_folder_without_images_is_named(tmp_path, folder, words):
    (tmp_path / "set/labels").mkdir(parents=True)
    with pytest.raises(UserError, match=f"{folder}: {words}; dataset.unlabelled"):
        list_unlabelled(tmp_path / folder)


def test_raw_files_are_watched_by_content(tmp_path):
    root, memory, table = tmp_path / "set", tmp_path / "memory.json", tmp_path / "manifest.csv"
    make_set(root)

    def state():
        return watch.state_of(root, table, memory)

    first = state()
    manifest.write_manifest(manifest.build(list_images("folders", root)), table)
    assert state() == first
    image = root / "images/train/traina.png"
    os.utime(image, (1, 1))
    assert state() == first, "another time alone changes nothing"
    save(image, SHADES[:, ::-1].copy())
    changed = state()
    assert changed != first and state() == changed
    save(root / "images/val/valc.png", SHADES)
    added = state()
    assert added != changed
    (root / "images/val/valc.png").unlink()
    assert state() == changed
