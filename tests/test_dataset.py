"""Image files, manifest and packed arrays: what goes in comes out, and every fault is named."""

import hashlib
import struct
import zipfile
import zlib
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from tailcutmix.dataset import images, manifest, packing
from tailcutmix.dataset.png import SIGNATURE
from tailcutmix.errors import UserError
from tailcutmix.files import replacing
from tailcutmix.labels import read_labels

LABELS = read_labels(ROOT / "config/labels/cityscapes.csv")


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([np.uint8, np.uint16]).flatmap(
        lambda dtype: arrays.arrays(dtype, st.tuples(st.integers(1, 9), st.integers(1, 9)))
    )
)
def test_written_ids_come_back(tmp_path_factory, array):
    path = tmp_path_factory.mktemp("ids") / "a.png"
    images.write_png(path, array)
    read = images.read_label if array.dtype == np.uint8 else images.read_instances
    assert read(path).dtype == array.dtype
    np.testing.assert_array_equal(read(path), array)
    assert [p.name for p in path.parent.iterdir()] == ["a.png"]


def test_colours_come_back_as_rgb(tmp_path):
    colours = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    images.write_png(tmp_path / "a.png", colours)
    np.testing.assert_array_equal(images.read_image(tmp_path / "a.png"), colours)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "a.png")), colours)
    assert images.read_size(tmp_path / "a.png") == (5, 7)


IDS = np.random.default_rng(1).integers(0, 34, (6, 9), np.uint8)


def palette() -> Image.Image:
    picture = Image.frombytes("P", IDS.shape[::-1], IDS.tobytes())
    picture.putpalette([200, 10, 30] * 256)
    return picture


@pytest.mark.parametrize(
    ("name", "picture", "options", "expected"),
    [
        ("palette.png", palette(), {}, IDS),
        ("transparent_palette.png", palette(), {"transparency": 7}, IDS),
        ("transparent_grey.png", Image.fromarray(IDS), {"transparency": 7}, IDS),
        ("wide.png", Image.fromarray(IDS.astype(np.uint16)), {}, IDS),
        ("one_bit.png", Image.fromarray(IDS > 16), {}, IDS > 16),
        ("grey.tif", Image.fromarray(IDS), {"compression": "tiff_lzw"}, IDS),
        ("wide.tif", Image.fromarray(IDS.astype(np.int32)), {}, IDS),
        ("palette.bmp", palette(), {}, IDS),
        ("grey.pgm", Image.fromarray(IDS), {}, IDS),
    ],
)
def test_label_images_of_every_kind_keep_their_ids(tmp_path, name, picture, options, expected):
    picture.save(tmp_path / name, **options)
    label, instances = images.read_label(tmp_path / name), images.read_instances(tmp_path / name)
    assert (label.dtype, instances.dtype) == (np.uint8, np.uint16)
    np.testing.assert_array_equal(label, expected)
    np.testing.assert_array_equal(instances, expected)


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("colour.png", np.zeros((4, 4, 3), np.uint8), "3 channels, but a label image has one"),
        ("alpha.png", np.zeros((4, 4, 4), np.uint8), "4 channels"),
        ("grey_alpha.png", np.zeros((4, 4, 2), np.uint8), "2 channels"),
        ("colour.tif", np.zeros((4, 4, 3), np.uint8), "3 channels"),
        ("wide.png", np.full((4, 4), 26001, np.uint16), "id 26001 is no label id"),
        ("negative.tif", np.full((4, 4), -1, np.int32), "id -1 is no label id"),
        ("fractions.tif", np.full((4, 4), 0.5, np.float32), "fractions"),
    ],
)
def test_what_is_no_label_image_is_refused(tmp_path, name, values, words):
    Image.fromarray(values).save(tmp_path / name)
    with pytest.raises(UserError, match=f"{name}: .*{words}"):
        images.read_label(tmp_path / name)


@pytest.mark.parametrize("value", [-1, 65536])
def test_wide_ids_are_no_instances(tmp_path, value):
    Image.fromarray(np.full((4, 4), value, np.int32)).save(tmp_path / "i.tif")
    with pytest.raises(UserError, match="i.tif: instance ids must lie in 0..65535"):
        images.read_instances(tmp_path / "i.tif")


def test_pixels_that_end_early_are_found_though_every_checksum_is_right(tmp_path):
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = b"".join(b"\0" + row.tobytes() for row in IDS[:3])  # of 6
    header = struct.pack(">IIBBBBB", IDS.shape[1], IDS.shape[0], 8, 0, 0, 0, 0)
    chunks = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    (tmp_path / "half.png").write_bytes(SIGNATURE + b"".join(chunks))
    with pytest.raises(UserError, match="half.png: broken image"):
        images.read_label(tmp_path / "half.png")


@pytest.mark.parametrize("fault", ["missing", "empty", "text", "cut", "flipped"])
@pytest.mark.parametrize("zipped", [False, True])
def test_broken_images_are_named(tmp_path, fault, zipped):
    path = tmp_path / "some.png"
    noise = np.random.default_rng(0).integers(0, 34, (64, 64), np.uint8)
    images.write_png(path, noise)
    data = bytearray(path.read_bytes())
    if fault == "empty":
        data = bytearray()
    elif fault == "text":
        data = bytearray(b"<html>404</html>")
    elif fault == "cut":
        data = data[: len(data) // 2]
    elif fault == "flipped":
        data[len(data) // 2] ^= 16
    path.write_bytes(data)
    place = str(path)
    if zipped:
        place = f"{tmp_path / 'a.zip'}::{'other' if fault == 'missing' else 'some'}.png"
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.write(path, "some.png")
    elif fault == "missing":
        path.unlink()
    for read in (images.read_label, images.read_instances, images.read_image):
        with pytest.raises(UserError) as caught:
            read(place)
        assert place in str(caught.value) and "\n" not in str(caught.value)


def test_broken_archives_are_named(tmp_path):
    (tmp_path / "bad.zip").write_bytes(b"PK but not really")
    for name in ("bad.zip", "absent.zip"):
        with pytest.raises(UserError, match=name):
            images.read_bytes(f"{tmp_path / name}::a.png")


def test_damage_inside_an_archive_is_found(tmp_path):
    path = tmp_path / "a.zip"
    noise = np.random.default_rng(0).bytes(4000)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a.bin", noise)
    data = bytearray(path.read_bytes())
    data[2000] ^= 1
    path.write_bytes(data)
    for read in (images.read_bytes, manifest.sha256):
        with pytest.raises(UserError, match="a.bin"):
            read(f"{path}::a.bin")


def test_writing_is_all_or_nothing(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def write_set(root: Path, sizes=((8, 12), (8, 12), (8, 12)), ids=(7, 11, 26, 4, 33)) -> pd.DataFrame:
    """Three train images and one test image without label, of random content."""
    rng, rows = np.random.default_rng(3), []
    for number, size in enumerate(sizes):
        paths = [str(root / f"{kind}{number}.png") for kind in ("image", "label", "instance")]
        label = rng.choice(np.array(ids, np.uint8), size)
        images.write_png(paths[0], rng.integers(0, 256, (*size, 3), np.uint8))
        images.write_png(paths[1], label)
        images.write_png(paths[2], label.astype(np.uint16))
        rows.append(("train", f"t{number}", *paths))
    images.write_png(root / "test.png", rng.integers(0, 256, (*sizes[0], 3), np.uint8))
    rows.append(("test", "18446744073709551615", str(root / "test.png"), "", ""))
    return pd.DataFrame(rows, columns=list(manifest.LISTING_COLUMNS))


def packed_files(folder: Path, split: str) -> packing.PackedFiles:
    return packing.PackedFiles.under(folder / "packed" / split)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A folder D with its manifest and packed train and test splits."""
    frame = manifest.build(write_set(tmp_path / "raw"), 2)
    manifest.write_manifest(frame, tmp_path / "manifest.csv")
    for split in ("train", "test"):
        packing.pack(tmp_path / "manifest.csv", split, LABELS, None, packed_files(tmp_path, split), 2)
    return tmp_path


def test_manifest_round_trip(made):
    frame = manifest.read_manifest(made / "manifest.csv")
    assert tuple(frame.columns) == manifest.MANIFEST_COLUMNS
    assert list(frame.image_id) == ["t0", "t1", "t2", "18446744073709551615"]
    assert set(zip(frame.height, frame.width, strict=True)) == {(8, 12)}
    for row in frame.itertuples():
        assert row.image_sha256 == hashlib.sha256(Path(row.image).read_bytes()).hexdigest()
    assert frame.label_sha256.iloc[3] == "" and frame.instance.iloc[3] == ""
    with pytest.raises(UserError, match="no image in split 'val'"):
        manifest.read_manifest(made / "manifest.csv", "val")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda rows: rows[rows.split != "train"], "train split holds no image"),
        (lambda rows: rows.assign(image_id="same"), "stands twice"),
        (lambda rows: rows.assign(image_id="a/" + rows.image_id), "must be made of"),
        (lambda rows: rows.assign(label=""), "needs a label"),
        (lambda rows: rows.assign(split="trian"), "unknown"),
        (lambda rows: rows.assign(image=rows.image + "x"), "no such file"),
    ],
)
def test_manifest_refuses(tmp_path, change, word):
    with pytest.raises(UserError, match=word):
        manifest.build(change(write_set(tmp_path)))


def test_label_of_another_size(tmp_path):
    rows = write_set(tmp_path)
    images.write_png(tmp_path / "label1.png", np.zeros((9, 12), np.uint8))
    with pytest.raises(UserError, match="label1.png: label is 12x9 but its image .*image1.png is 12x8"):
        manifest.build(rows)


def test_packed_is_what_the_files_hold(made):
    packed = packing.open_packed(packed_files(made, "train"), made / "manifest.csv")
    frame = manifest.read_manifest(made / "manifest.csv", "train")
    assert packed.image_ids == list(frame.image_id) and packed.size == (8, 12) and packed.has_label.all()
    train_id = {row.id: row.train_id for row in LABELS.rows}
    for position, row in enumerate(frame.itertuples()):
        np.testing.assert_array_equal(packed.images[position], np.asarray(Image.open(row.image)))
        expected = np.vectorize(train_id.get)(np.asarray(Image.open(row.label)))
        np.testing.assert_array_equal(packed.labels[position], expected)
    assert isinstance(packed.images, np.memmap) and not packed.images.flags.writeable


def test_without_label_all_is_ignored(made):
    packed = packing.open_packed(packed_files(made, "test"), made / "manifest.csv")
    assert packed.image_ids == ["18446744073709551615"] and not packed.has_label.any()
    assert (packed.labels == 255).all()


def test_resized_labels_hold_no_new_ids(tmp_path):
    manifest.write_manifest(
        manifest.build(write_set(tmp_path / "raw", ((8, 12), (31, 17), (64, 80)))), tmp_path / "m.csv"
    )
    with pytest.raises(UserError, match="differ in size .*dataset.size"):
        packing.pack(tmp_path / "m.csv", "train", LABELS, None, packed_files(tmp_path, "train"))
    packing.pack(tmp_path / "m.csv", "train", LABELS, (16, 20), packed_files(tmp_path, "train"))
    packed = packing.open_packed(packed_files(tmp_path, "train"), tmp_path / "m.csv")
    assert packed.images.shape == (3, 16, 20, 3)
    assert set(np.unique(packed.labels)) <= {0, 2, 13, 18, 255}
    frame = manifest.read_manifest(tmp_path / "m.csv", "train")
    big = cv2.resize(images.read_image(frame.image[2]), (20, 16), interpolation=cv2.INTER_AREA)  # 4 x 4 means
    np.testing.assert_array_equal(packed.images[2], big)
    means = images.read_image(frame.image[2]).reshape(16, 4, 20, 4, 3).mean(axis=(1, 3))
    assert np.abs(packed.images[2] - means).max() <= 0.5


def test_unknown_label_id_is_named(tmp_path):
    manifest.write_manifest(manifest.build(write_set(tmp_path, ids=(7, 77))), tmp_path / "m.csv")
    with pytest.raises(UserError, match=r"label\d.png: label id 77"):
        packing.pack(tmp_path / "m.csv", "train", LABELS, None, packed_files(tmp_path, "train"))
    assert list((tmp_path / "packed/train").iterdir()) == []


def test_label_255_is_void(tmp_path):
    manifest.write_manifest(manifest.build(write_set(tmp_path, ids=(7, 255))), tmp_path / "m.csv")
    packing.pack(tmp_path / "m.csv", "train", LABELS, None, packed_files(tmp_path, "train"))
    packed = packing.open_packed(packed_files(tmp_path, "train"), tmp_path / "m.csv")
    assert set(np.unique(packed.labels)) == {0, 255}


def test_file_changed_after_the_manifest(made):
    images.write_png(made / "raw/image1.png", np.zeros((8, 12, 3), np.uint8))
    with pytest.raises(UserError, match="image1.png: changed after the images were listed; .*--forcerun list_images"):
        packing.pack(made / "manifest.csv", "train", LABELS, None, packing.PackedFiles.under(made / "again"))


@pytest.mark.parametrize("name", ["index.csv", "labels.npy", "images.npy"])
@pytest.mark.parametrize("fault", ["missing", "cut", "empty"])
def test_broken_packed_files_are_named(made, name, fault):
    path = made / "packed/train" / name
    data = path.read_bytes()
    path.unlink()
    if fault != "missing":
        path.write_bytes(data[: len(data) * 2 // 3] if fault == "cut" else b"")
    with pytest.raises(UserError, match=name):
        packing.open_packed(packed_files(made, "train"), made / "manifest.csv")


def test_changed_manifest_is_noticed(made):
    frame = manifest.read_manifest(made / "manifest.csv")
    moved = frame.assign(image="/elsewhere/" + frame.image)
    manifest.write_manifest(moved, made / "manifest.csv")
    packing.open_packed(packed_files(made, "train"), made / "manifest.csv")  # the same content at another place
    manifest.write_manifest(frame.assign(label_sha256=frame.label_sha256.str.replace("a", "b")), made / "manifest.csv")
    with pytest.raises(UserError, match="image t0 changed"):
        packing.open_packed(packed_files(made, "train"), made / "manifest.csv")
    manifest.write_manifest(frame.iloc[1:], made / "manifest.csv")
    with pytest.raises(UserError, match="other images in split train"):
        packing.open_packed(packed_files(made, "train"), made / "manifest.csv")
    with pytest.raises(UserError, match="no such manifest"):
        packing.open_packed(packed_files(made, "train"), made / "gone.csv")


@pytest.mark.parametrize("text", ["", "image_id,split\na,train\n", "not\x00a,table\n1\n"])
def test_broken_manifest_is_named(tmp_path, text):
    (tmp_path / "manifest.csv").write_text(text)
    with pytest.raises(UserError, match="manifest.csv"):
        manifest.read_manifest(tmp_path / "manifest.csv")
