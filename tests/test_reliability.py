"""Damaged, changed and hostile files: one line that names the file and the cure, whoever reads them."""

import json
import os
import re
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from own_sets import BALL, SHADES, found, make_set, save
from PIL import Image

from tailcutmix import devices
from tailcutmix.dataset import check, images, manifest
from tailcutmix.dataset.minicity import read_list
from tailcutmix.dataset.packing import read_index
from tailcutmix.dataset.png import SIGNATURE
from tailcutmix.dataset.sources import list_images
from tailcutmix.errors import UserError
from tailcutmix.labels import Label, LabelTable, read_labels
from tailcutmix.metrics.evaluate import score_split
from tailcutmix.metrics.statistics import read_statistics
from tailcutmix.paper.scores import read_metrics
from tailcutmix.plan.layout import layout_of
from tailcutmix.plan.settings.data import Files
from tailcutmix.plan.settings.results import Selection
from tailcutmix.plan.settings.tail import Regions
from tailcutmix.plan.watch import state_of
from tailcutmix.prediction.ensemble import ensemble_split
from tailcutmix.prediction.gate import read_gate, select_experts
from tailcutmix.tail.bucket_table import read_tail
from tailcutmix.tail.subsets import BOX_COLUMNS, Canvas, Subset, read_boxes, write_subset

GROUND, THING = Label(0, "ground", 0), Label(1, "ball", 1)
TABLE = LabelTable((GROUND, THING))


@pytest.fixture
def listed(tmp_path):
    """A set of train and val with its manifest, and predictions of val; the folder."""
    make_set(tmp_path)
    manifest.write_manifest(manifest.build(list_images("folders", tmp_path)), tmp_path / "manifest.csv")
    for name in ("vala", "valb"):
        save(tmp_path / f"m1/{name}.png", BALL)
    return tmp_path


def rows(folder, split="val"):
    return manifest.read_manifest(folder / "manifest.csv", split)


READERS = {
    "scores": lambda folder: score_split(folder / "manifest.csv", "val", folder / "m1", TABLE, replicates=0),
    "ensemble": lambda folder: ensemble_split(
        folder / "m1", {THING: folder / "m1"}, rows(folder), TABLE, folder / "mr"
    ),
    "gate": lambda folder: select_experts(folder / "m1", {THING: folder / "m1"}, rows(folder), TABLE, Selection()),
    "subset": lambda folder: write_subset(
        rows(folder), THING, Regions(), Subset.under(folder / "b1", [1]), Canvas(16, 24)
    ),
}


@pytest.mark.parametrize("reader", READERS)
def test_a_label_that_changed_after_listing_is_named_by_all_who_read_it(listed, reader):
    READERS[reader](listed)
    save(listed / "labels/val/vala.png", 1 - BALL)
    with pytest.raises(UserError, match="labels/val/vala.png: changed after.*--forcerun list_images"):
        READERS[reader](listed)
    (listed / "labels/val/vala.png").unlink()
    with pytest.raises(UserError, match="labels/val/vala.png: no such file; put it back, or list"):
        READERS[reader](listed)


DAMAGE = {
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-20]),
    "another size": lambda path: save(path, BALL[:8].copy()),
    "missing": Path.unlink,
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("reader", ["scores", "ensemble", "gate"])
def test_a_damaged_prediction_is_named_with_its_cure(listed, reader, damage):
    DAMAGE[damage](listed / "m1/valb.png")
    with pytest.raises(UserError, match="m1/valb.png: .*; delete the folder .*m1 and run again"):
        READERS[reader](listed)


@pytest.mark.parametrize("image_id", ["../../x", "/etc/x", "..", ".x", "a/b", "a\\b", "", "a b", "x" * 201])
def test_no_id_of_a_manifest_leads_out_of_the_results(listed, image_id):
    table = listed / "manifest.csv"
    frame = pd.read_csv(table, dtype=str, keep_default_na=False)
    frame.loc[0, "image_id"] = image_id
    frame.to_csv(table, index=False)
    with pytest.raises(UserError, match="manifest.csv: image_id .* is no id of an image; delete"):
        manifest.read_manifest(table)


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("split", "trian", "split 'trian'"),
        ("width", "1.5", "width is '1.5'"),
        ("height", "0", "1 or more"),
        ("image", "", "lacks its image"),
        ("label_sha256", "", "lacks its label or the checksum"),
        ("image_id", "trainb", "stands twice"),
    ],
)
def test_rows_of_a_manifest_are_checked(listed, column, value, words):
    frame = pd.read_csv(listed / "manifest.csv", dtype=str, keep_default_na=False)
    frame.loc[0, column] = value
    frame.to_csv(listed / "manifest.csv", index=False)
    with pytest.raises(UserError, match=words):
        manifest.read_manifest(listed / "manifest.csv")


THINGS = "id,name,train_id,has_instances,average_instance_size\n0,ground,0,,\n1,ball,1,yes,{size}\n"


@pytest.fixture
def things(tmp_path):
    """A set with instance maps, and its label table."""
    make_set(tmp_path)
    for path in (tmp_path / "labels").rglob("*.png"):
        save(Path(str(path).replace("/labels/", "/instances/")), BALL.astype(np.uint16) * 1001)
    (tmp_path / "things.csv").write_text(THINGS.format(size=24))
    return tmp_path


def odd(folder, **wanted):
    return [str(finding) for finding in found(folder, folder / "things.csv", **wanted)]


def test_a_set_with_sound_instance_maps_gives_no_word(things):
    assert odd(things, region_source="instances") == []


INSTANCES = {
    "one missing": (lambda folder: (folder / "instances/val/vala.png").unlink(), {}, "STOPS  val labels without"),
    "cut short": (lambda folder: DAMAGE["cut short"](folder / "instances/val/vala.png"), {}, "STOPS .*vala.png"),
    "needed": (lambda folder: (folder / "instances/train/traina.png").unlink(), {"region_source": "instances"},
               "STOPS  train images without instance map"),
    "not needed": (lambda folder: (save(folder / "labels/train/traina.png", 0 * BALL),
                                   (folder / "instances/train/traina.png").unlink()), {"region_source": "instances"},
                   "note   train images without instance map, .*traina"),
    "8 bits": (lambda folder: [save(path, BALL) for path in (folder / "instances/val").iterdir()], {},
               "note   val instance maps without a single object .2 files"),
    "of no label": (lambda folder: save(folder / "instances/val/vala.png", BALL.astype(np.uint16) * 9001), {},
                    "STOPS .*vala.png: objects of label id 9"),
    "contradicting": (lambda folder: save(folder / "instances/val/vala.png", (1 - BALL).astype(np.uint16) * 1001), {},
                      "note   instance maps that contradict their labels .*vala"),
}  # fmt: skip


@pytest.mark.parametrize("name", INSTANCES)
def test_instance_maps_are_looked_at_before_training(things, name):
    spoil, wanted, words = INSTANCES[name]
    spoil(things)
    assert any(re.search(words, line) for line in odd(things, **wanted)), odd(things, **wanted)


def test_sizes_of_instances_that_nobody_knows_are_asked_for_before_training(things):
    (things / "things.csv").write_text(THINGS.format(size=""))
    assert odd(things) == []
    for path in (things / "instances/train").iterdir():
        save(path, BALL.astype(np.uint16))
    assert any(line.startswith("STOPS  no size of an average instance of ball") for line in odd(things))


def test_instance_maps_that_nothing_reads_may_hold_what_they_will(things):
    for path in (things / "instances/train").iterdir():
        save(path, BALL.astype(np.uint16) * 9001)
    assert odd(things) == []
    assert any("objects of label id 9" in line for line in odd(things, judged="train"))


def test_a_set_of_train_and_test_without_labels_may_be_predicted(tmp_path):
    (tmp_path / "t.csv").write_text("id,name,train_id\n0,ground,0\n1,ball,1\n")
    make_set(tmp_path, splits=("train", "test"))
    for path in (tmp_path / "labels/test").iterdir():
        path.unlink()
    (said,) = found(tmp_path, tmp_path / "t.csv", scored="test")
    assert not said.stops and "images are predicted but not scored" in str(said)


def test_test_images_without_labels_stop_only_where_test_is_scored(tmp_path):
    (tmp_path / "t.csv").write_text("id,name,train_id\n0,ground,0\n1,ball,1\n")
    make_set(tmp_path, splits=("train", "val", "test"))
    (tmp_path / "labels/test/testa.png").unlink()
    assert found(tmp_path, tmp_path / "t.csv", scored="val") == []
    with pytest.raises(UserError, match="test images without label.*testa.png.*evaluation.split: val"):
        check.require(found(tmp_path, tmp_path / "t.csv", scored="test"))


def png(width: int, height: int, colour: int = 0) -> bytes:
    """A PNG with a header of these sizes, and a few bytes of pixels."""
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\0" * 99)),
    )
    parts = [
        struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in (*chunks, (b"IEND", b""))
    ]
    return SIGNATURE + b"".join(parts)


@pytest.mark.parametrize("read", [images.read_label, images.read_image, images.read_instances, images.read_size])
def test_bombs_are_refused_by_their_header(tmp_path, read):
    (tmp_path / "bomb.png").write_bytes(png(60000, 60000))
    with pytest.raises(UserError, match="bomb.png: more than 179 million pixels"):
        read(tmp_path / "bomb.png")


def patched(data: bytes, local: int, central: int, value: bytes) -> bytes:
    """A zip of one member with other bytes at an offset of its local and its central header."""
    out, at = bytearray(data), data.index(b"PK\x01\x02")
    out[local : local + len(value)] = out[at + central : at + central + len(value)] = value
    return bytes(out)


ZIPS = {
    "encrypted": (lambda data: patched(data, 6, 8, b"\1\0"), "password|encrypted"),
    "deflate64": (lambda data: patched(data, 8, 10, b"\x09\0"), "pack it again"),
    "3 GB": (lambda data: patched(data, 22, 24, struct.pack("<I", 3 << 30)), "more than any image"),
    "cut": (lambda data: data[: len(data) // 2], "not a readable zip"),
}


@pytest.mark.parametrize("name", ZIPS)
def test_odd_archives_are_one_line(tmp_path, name):
    change, words = ZIPS[name]
    path = tmp_path / f"{name}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", png(4, 4) * 50)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(UserError, match=words) as error:
        images.read_bytes(f"{path}::a.png")
    assert "\n" not in str(error.value)


def test_locks_follow_no_link_and_trust_no_strangers_folder(tmp_path):
    target = tmp_path / "precious"
    target.write_text("content")
    (tmp_path / "locks").mkdir(0o700)
    (tmp_path / "locks/scan.lock").symlink_to(target)
    with (
        pytest.raises(UserError, match="scan.lock: cannot be opened"),
        devices.lease_devices(1, ["GPU-a"], tmp_path / "locks"),
    ):
        pass
    assert target.read_text() == "content"
    (tmp_path / "linked").symlink_to(tmp_path / "locks")
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "file").write_text("")
    for name in ("linked", "open", "file"):
        with (
            pytest.raises(UserError, match=f"{name}: not a folder that you own"),
            devices.lease_devices(1, ["GPU-a"], tmp_path / name),
        ):
            pass
    if os.getuid() == 0:
        (tmp_path / "theirs").mkdir(0o700)
        os.chown(tmp_path / "theirs", 12345, 12345)
        with (
            pytest.raises(UserError, match="theirs: not a folder"),
            devices.lease_devices(1, ["GPU-a"], tmp_path / "theirs"),
        ):
            pass


LABELS = b"id,name,train_id,has_instances,colour\n0,ground,0,,#808080\n1,ball,1,yes,\n"
BUCKETS = b"class,share,bucket,val_iou,moved_from,reason\nground,0.9,head,0.9,,\nball,0.1,tail,0.2,middle,poor\n"
BOXES = ",".join((*BOX_COLUMNS, "class")).encode() + b"\nvala,0,1,3,2,6,4,0,24,16,ball\n"
INDEX = b"image_id,split,has_label,digest\nvala,val,1,00ff\nvalb,val,1,00fe\n"
METRICS = {"dataset": "x", "model": "m1", "seed": 0, "split": "val", "images": 2, "iou_class": 0.5, "iiou_class": None,
           "iou_category": 0.5, "iiou_category": None, "accuracy": 0.5, "interval": {"iou_class": [0.4, 0.6]},
           "per_class": {"ball": {"iou": 0.5, "iou_interval": None}},
           "bootstrap": {"replicates": 10, "level": 0.95, "seed": 0}}  # fmt: skip
SUMS = ",".join(manifest.MANIFEST_COLUMNS).encode()
MANIFEST = SUMS + b"\nvala,val,a.png,b.png,,24,16," + b"0f" * 32 + b"," + b"1e" * 32 + b",\n"


def zipped(path: Path) -> bytes:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", png(9, 9))
    return path.read_bytes()


def read_member(path: Path) -> None:
    images._open_zip.cache_clear()  # archives stay open, and these change under their name
    images.read_label(f"{path}::a.png")


def stored(path: Path, **options) -> bytes:
    return save(path, BALL, **options).read_bytes()


def palette(path: Path) -> bytes:
    Image.fromarray(BALL).convert("P").save(path)
    return path.read_bytes()


def listed_ids(path: Path) -> None:
    (path.parent / "images/train").mkdir(parents=True, exist_ok=True)
    layout_of(Files("images/{id}.png", "images/{id}.png", ids=path.name), path.parent).listed(path.parent, "train")


FUZZED = {
    "labels.csv": (lambda path: LABELS, read_labels),
    "final.csv": (lambda path: BUCKETS, lambda path: read_tail(path, TABLE)),
    "boxes.csv": (lambda path: BOXES, read_boxes),
    "index.csv": (lambda path: INDEX, read_index),
    "manifest.csv": (lambda path: MANIFEST, manifest.read_manifest),
    "gate.csv": (lambda path: b"class,used\nball,True\n", lambda path: read_gate(path, [THING])),
    "train.txt": (lambda path: b"ulm/a\nulm/b\n", read_list),
    "test.csv": (lambda path: b"cityscapes_val,minicity_test_id\nulm/a,18446744073709551615\n", read_list),
    "{split}.txt": (lambda path: b"a\nb 1\n", listed_ids),
    "val.json": (lambda path: json.dumps(METRICS).encode(), read_metrics),
    "val.npz": (lambda path: (np.savez_compressed(path, image_ids=["a"], counts=[1.0]), path.read_bytes())[1],
                read_statistics),
    "label.png": (stored, images.read_label),
    "instance.png": (lambda path: save(path, BALL.astype(np.uint16)).read_bytes(), images.read_instances),
    "palette.png": (palette, images.read_label),
    "image.png": (lambda path: save(path, np.stack([SHADES] * 3, 2)).read_bytes(), images.read_image),
    "image.jpg": (stored, images.read_image),
    "image.tif": (stored, images.read_image),
    "a.zip": (zipped, read_member),
    "raw.json": (lambda path: b'{"a.png": [1, 2, 0]}', lambda path: state_of(path.parent / "no", path, path)),
}  # fmt: skip


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """Some bytes changed, cut out, doubled, moved or inserted; often such as mean something in a table."""
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        at, end = sorted(rng.integers(0, len(out) + 1, 2).tolist())
        kind = int(rng.integers(5))
        if kind == 0 and out:
            out[int(rng.integers(len(out)))] = int(rng.integers(256))
        elif kind == 1:
            del out[at : min(end, at + int(rng.integers(1, 30)))]
        elif kind == 2:
            out[at:at] = out[at : min(end, at + 40)]
        elif kind == 3:
            del out[end:]
        else:
            words = [
                b",",
                b"\n",
                b'"',
                b"\0",
                b"nan",
                b"-1",
                b"1e999",
                b"../",
                b"\xff",
                b"\xef\xbb\xbf",
                b"9" * 25,
                b"[",
                b"{",
            ]
            out[at:at] = words[int(rng.integers(len(words)))]
    return bytes(out)


CASES = int(os.environ.get("FUZZ_CASES", "40"))
"""Of each reader; FUZZ_CASES=600 makes more than ten thousand."""


@pytest.mark.filterwarnings("ignore::UserWarning")  # of Pillow, about damaged metadata
@pytest.mark.parametrize("name", FUZZED)
def test_whatever_the_bytes_readers_raise_nothing_but_the_users_error(tmp_path, name):
    make, read = FUZZED[name]
    path = tmp_path / name
    data, rng = make(path), np.random.default_rng(len(name))
    for _ in range(CASES):
        content = mutated(data, rng)
        path.write_bytes(content)
        try:
            read(path)
        except UserError as error:
            assert name in str(error), (content, error)
        except Exception as error:
            raise AssertionError(f"{type(error).__name__}: {error} of {content!r}") from error
