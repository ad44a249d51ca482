"""Every source finds the right files, and says in one line which one is missing."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

from tailcutmix.dataset import manifest
from tailcutmix.dataset.images import read_image, read_instances, read_label, write_png
from tailcutmix.dataset.minicity import read_lists
from tailcutmix.dataset.sources import list_images
from tailcutmix.errors import UserError

OFFICIAL = ROOT / "config/splits/minicity"
TEST_ID = "11265988018907955561"  # above 2^63: neither a float nor a signed integer holds it


def draw(path: Path, kind: str, value: int = 7) -> None:
    shape = (6, 8)
    if kind == "image":
        write_png(path, np.full((*shape, 3), value, np.uint8))
    elif kind == "label":
        write_png(path, np.full(shape, value, np.uint8))
    else:
        write_png(path, np.full(shape, value * 1000, np.uint16))


def draw_cityscapes(root: Path, split: str, name: str, value: int = 7) -> None:
    draw(root / f"leftImg8bit/{split}/{name}_leftImg8bit.png", "image", value)
    draw(root / f"gtFine/{split}/{name}_gtFine_labelIds.png", "label", value)
    draw(root / f"gtFine/{split}/{name}_gtFine_instanceIds.png", "instance", value)


@pytest.fixture
def splits(tmp_path: Path) -> Path:
    folder = tmp_path / "splits"
    folder.mkdir()
    (folder / "train.txt").write_text("ulm/ulm_000001_000019\nbonn/bonn_000002_000019\n")
    (folder / "val.txt").write_text("ulm/ulm_000003_000019\n")
    (folder / "test.csv").write_text(f"cityscapes_val,minicity_test_id\nlindau/lindau_000004_000019,{TEST_ID}\n")
    return folder


@pytest.fixture
def cityscapes(tmp_path: Path) -> Path:
    root = tmp_path / "cityscapes"
    for number, name in enumerate(("ulm/ulm_000001_000019", "bonn/bonn_000002_000019", "ulm/ulm_000003_000019"), 7):
        draw_cityscapes(root, "train", name, number)
    draw_cityscapes(root, "train", "ulm/ulm_000009_000019")  # in no list
    draw_cityscapes(root, "val", "lindau/lindau_000004_000019", 26)
    return root


def pack_zip(root: Path, kind: str) -> Path:
    """Move one folder of Cityscapes into the archive under which it is shipped."""
    archive = root / f"{kind}_trainvaltest.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for path in sorted((root / kind).rglob("*.png")):
            target.write(path, path.relative_to(root))
    (root / kind).rename(root / f"unused_{kind}")
    return archive


def test_official_lists_are_whole():
    lists = read_lists(OFFICIAL)
    assert {split: len(names) for split, names in lists.items()} == {"train": 200, "val": 100, "test": 200}
    ids = [image_id for names in lists.values() for _, image_id in names]
    assert len(set(ids)) == 500
    assert sum(int(image_id) > 2**53 for _, image_id in lists["test"]) > 150


@pytest.mark.parametrize("zipped", [(), ("leftImg8bit",), ("gtFine",), ("leftImg8bit", "gtFine")])
def test_cityscapes_is_arranged_into_minicity(cityscapes, splits, zipped):
    for kind in zipped:
        pack_zip(cityscapes, kind)
    frame = manifest.build(list_images("cityscapes", cityscapes, splits), processes=2)
    assert list(zip(frame.split, frame.image_id, strict=True)) == [
        ("train", "bonn_000002_000019"),
        ("train", "ulm_000001_000019"),
        ("val", "ulm_000003_000019"),
        ("test", TEST_ID),
    ]
    values = [8, 7, 9, 26]
    assert [read_image(path)[0, 0, 0] for path in frame.image] == values
    assert [read_label(path)[0, 0] for path in frame.label] == values
    assert [read_instances(path)[0, 0] for path in frame.instance] == [1000 * value for value in values]


def test_cityscapes_without_val_labels_still_lists_test(cityscapes, splits):
    for path in (cityscapes / "gtFine/val").rglob("*.png"):
        path.unlink()
    frame = list_images("cityscapes", cityscapes, splits).set_index("split")
    assert frame.loc["test", "label"] == "" and frame.loc["test", "image"] != ""


@pytest.mark.parametrize("kind", ["leftImg8bit", "gtFine"])
@pytest.mark.parametrize("zipped", [False, True])
def test_cityscapes_names_what_is_missing(cityscapes, splits, kind, zipped):
    next((cityscapes / kind / "train/bonn").glob("*.png")).unlink()
    if zipped:
        pack_zip(cityscapes, kind)
    with pytest.raises(UserError, match=f"{kind}/train/bonn/bonn_000002_000019.* is missing"):
        list_images("cityscapes", cityscapes, splits)


def test_cityscapes_without_anything(tmp_path, splits):
    with pytest.raises(UserError, match="leftImg8bit_trainvaltest.zip"):
        list_images("cityscapes", tmp_path, splits)
    with pytest.raises(UserError, match="dataset.splits"):
        list_images("cityscapes", tmp_path)


@pytest.fixture
def minicity(tmp_path: Path) -> Path:
    root = tmp_path / "minicity"
    for split, name in (("train", "ulm_000001_000019"), ("train", "bonn_000002_000019"), ("val", "ulm_000003_000019")):
        draw_cityscapes(root, split, name)
    draw(root / f"leftImg8bit/test/{TEST_ID}.png", "image")
    return root


def test_minicity_flat_folders(minicity, splits):
    for chosen in (None, splits):
        frame = list_images("minicity", minicity, chosen)
        assert sorted(zip(frame.split, frame.image_id, strict=True)) == [
            ("test", TEST_ID),
            ("train", "bonn_000002_000019"),
            ("train", "ulm_000001_000019"),
            ("val", "ulm_000003_000019"),
        ]
        assert frame.set_index("split").loc["test", "label"] == ""


def test_minicity_lists_choose_and_demand(minicity, splits):
    draw_cityscapes(minicity, "train", "extra_000001_000019")
    assert "extra_000001_000019" in set(list_images("minicity", minicity).image_id)
    assert "extra_000001_000019" not in set(list_images("minicity", minicity, splits).image_id)
    (minicity / "leftImg8bit/val/ulm_000003_000019_leftImg8bit.png").unlink()
    draw_cityscapes(minicity, "val", "other_000001_000019")
    with pytest.raises(UserError, match="ulm_000003_000019_leftImg8bit.png: missing"):
        list_images("minicity", minicity, splits)


def test_minicity_label_missing(minicity):
    (minicity / "gtFine/train/bonn_000002_000019_gtFine_instanceIds.png").unlink()
    with pytest.raises(UserError, match="bonn_000002_000019_gtFine_instanceIds.png: missing"):
        list_images("minicity", minicity)


@pytest.mark.parametrize(
    ("name", "text", "word"),
    [
        ("train.txt", "ulm_000001_000019\n", "<city>/<image>"),
        ("val.txt", "\n", "empty"),
        ("test.csv", "a,b\n", "first line"),
        ("test.csv", "cityscapes_val,minicity_test_id\nlindau/x,1.1e19\n", "1.1e19"),
        ("test.csv", "cityscapes_val,minicity_test_id\nlindau/x\n", "<city>/<image>,<number>"),
        ("test.csv", "cityscapes_val,minicity_test_id\nlindau_x,1\n", "<city>/<image>"),
        ("test.csv", "cityscapes_val,minicity_test_id\n", "empty"),
        ("test.csv", None, "no such file list"),
    ],
)
def test_broken_lists(splits, name, text, word):
    (splits / name).unlink()
    if text is not None:
        (splits / name).write_text(text)
    with pytest.raises(UserError, match=word) as caught:
        read_lists(splits)
    assert name in str(caught.value)


def test_camvid_layout(tmp_path):
    for split in ("train", "val", "test"):
        draw(tmp_path / split / "a1.png", "image")
        draw(tmp_path / f"{split}annot" / "a1.png", "label")
    (tmp_path / "testannot/a1.png").unlink()
    frame = list_images("camvid", tmp_path)
    assert list(frame.image_id) == ["a1"] * 3 and list(frame.label != "") == [True, True, False]
    (tmp_path / "valannot/a1.png").unlink()
    with pytest.raises(UserError, match="valannot/a1.png: missing"):
        list_images("camvid", tmp_path)


def test_camvid_as_it_is(camvid_root):
    listing = list_images("camvid", camvid_root)
    assert listing.split.value_counts().to_dict() == {"train": 367, "val": 101, "test": 233}
    frame = manifest.build(listing.groupby("split").head(3), processes=2)
    assert set(zip(frame.width, frame.height, strict=True)) == {(480, 360)}
    for row in frame.itertuples():
        assert read_image(row.image).shape == (360, 480, 3) and read_label(row.label).max() <= 11


def test_folders_like_cityscapes(tmp_path):
    draw_cityscapes(tmp_path, "train", "ulm/ulm_1")
    draw_cityscapes(tmp_path, "train", "x_2")
    draw(tmp_path / "leftImg8bit/test/deep/er/y_leftImg8bit.png", "image")
    frame = list_images("folders", tmp_path)
    assert sorted(frame.image_id) == ["ulm_1", "x_2", "y"]
    assert frame.set_index("image_id").loc["y", ["label", "instance"]].tolist() == ["", ""]
    assert (
        frame.set_index("image_id").loc["ulm_1", "instance"].endswith("gtFine/train/ulm/ulm_1_gtFine_instanceIds.png")
    )


def test_folders_plain(tmp_path):
    draw(tmp_path / "images/train/a/1.png", "image")
    draw(tmp_path / "labels/train/a/1.png", "label")
    draw(tmp_path / "images/val/2.png", "image")
    with pytest.raises(UserError, match="labels/val/2.png: missing"):
        list_images("folders", tmp_path)
    draw(tmp_path / "labels/val/2.png", "label")
    frame = manifest.build(list_images("folders", tmp_path))
    assert list(frame.image_id) == ["1", "2"] and set(frame.instance_sha256) == {""}


def test_wrong_source_and_root(tmp_path):
    with pytest.raises(UserError, match="dataset.source"):
        list_images("kitti", tmp_path)
    with pytest.raises(UserError, match="no such folder"):
        list_images("camvid", tmp_path / "nowhere")
    with pytest.raises(UserError, match="images/"):
        list_images("folders", tmp_path)
