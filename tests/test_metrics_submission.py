"""The check of a submission: a right one passes, and every fault of a wrong one is named."""

import zipfile
from pathlib import Path

import check_submission as command
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scoring import CITYSCAPES, ROOT

from tailcutmix.dataset.manifest import MANIFEST_COLUMNS, write_manifest
from tailcutmix.metrics.names import expected_files
from tailcutmix.metrics.submission import check_submission

SIZE = (8, 16)
NAMES = ("9678409848892349952", "11265988018907955561", "44")


def ids() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.choice([row.id for row in CITYSCAPES.classes], SIZE).astype(np.uint8)


@pytest.fixture
def folder(tmp_path) -> Path:
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in NAMES:
        Image.fromarray(ids()).save(folder / f"{name}.png")
    return folder


def zipped(folder: Path) -> Path:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*.png")):
            archive.write(file, file.relative_to(folder))
    return path


def faults(submission: Path) -> list[str]:
    return check_submission(submission, {f"{name}.png": None for name in NAMES}, CITYSCAPES, SIZE)


def test_a_right_submission_has_no_fault(folder):
    assert faults(folder) == [] and faults(zipped(folder)) == []


def replace_by(image: np.ndarray | Image.Image):
    def change(path: Path) -> None:
        (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path)

    return change


FAULTS = {
    "missing": (Path.unlink, "44.png is missing"),
    "wrong size": (replace_by(np.full((16, 8), 7, np.uint8)), "8x16 pixels, but 16x8"),
    "colour": (replace_by(np.zeros((*SIZE, 3), np.uint8)), "colour (RGB)"),
    "palette": (replace_by(Image.fromarray(ids()).convert("P")), "palette"),
    "16 bit": (replace_by(ids().astype(np.uint16)), "16-bit"),
    "alpha": (replace_by(Image.fromarray(ids()).convert("LA")), "alpha"),
    "unknown id": (replace_by(np.full(SIZE, 34, np.uint8)), "id 34"),
    "ignored marker": (replace_by(np.full(SIZE, 255, np.uint8)), "id 255"),
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:-20]), "truncated"),
    "JPEG inside": (lambda path: Image.fromarray(ids()).save(path, format="JPEG"), "not a PNG"),
    "unknown name": (lambda path: (path.parent / "45.png").write_bytes(path.read_bytes()), "45.png: no test image"),
}


@pytest.mark.parametrize("archive", [False, True])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_line_with_the_name(folder, fault, archive):
    change, words = FAULTS[fault]
    change(folder / "44.png")
    (line,) = faults(zipped(folder) if archive else folder)
    assert words in line and ("44.png" in line or "45.png" in line)


def test_all_faults_are_told_at_once(folder):
    (folder / "44.png").unlink()
    Image.fromarray(np.full(SIZE, 99, np.uint8)).save(folder / f"{NAMES[0]}.png")
    (folder / "notes.txt").write_text("our best one")
    found = faults(folder)
    assert len(found) == 3
    assert any("notes.txt" in line for line in found) and any("id 99" in line for line in found)


def test_files_in_a_folder_and_doubled_files_inside_an_archive(folder):
    path = zipped(folder)
    with zipfile.ZipFile(path, "a") as archive:
        archive.write(folder / "44.png", "deep/44.png")
    found = faults(path)
    assert len(found) == 2
    assert "deep/44.png: lies in a folder" in found[0] and "44.png is there twice" in found[1]


def test_train_ids_are_recognised_even_where_all_are_valid_label_ids(folder):
    for name in NAMES:
        Image.fromarray(np.arange(SIZE[0] * SIZE[1], dtype=np.uint8).reshape(SIZE) % 19).save(folder / f"{name}.png")
    (line,) = faults(folder)
    assert "train ids" in line


def test_a_damaged_member_and_a_damaged_archive(folder):
    path = zipped(folder)
    data = bytearray(path.read_bytes())
    data[data.index(b"IDAT") + 8] ^= 255
    path.write_bytes(data)
    (line,) = faults(path)
    assert ".png" in line and "cannot be read" in line
    path.write_bytes(bytes(data[: len(data) // 2]))
    (line,) = command_faults(path)
    assert "mine.zip: not a readable zip archive" in line


def command_faults(path: Path) -> list[str]:
    from tailcutmix.errors import UserError

    with pytest.raises(UserError) as error:
        faults(path)
    return [str(error.value)]


def test_expected_names_from_the_list_the_manifest_and_the_folder_of_test_images(tmp_path):
    listed = expected_files(ROOT / "config/splits/minicity/test.csv")
    assert len(listed) == 200 and listed["9678409848892349952.png"] is None
    rows = [
        (name, split, "i.png", "", "", 16, 8, "0" * 64, "", "") for name, split in ((NAMES[0], "test"), ("a", "val"))
    ]
    write_manifest(pd.DataFrame(rows, columns=list(MANIFEST_COLUMNS)), tmp_path / "manifest.csv")
    assert expected_files(tmp_path / "manifest.csv") == {f"{NAMES[0]}.png": (8, 16)}
    images = tmp_path / "leftImg8bit"
    images.mkdir()
    Image.new("RGB", (16, 8)).save(images / f"{NAMES[1]}.png")
    assert expected_files(images) == {f"{NAMES[1]}.png": (8, 16)}


def test_the_command_exits_with_the_number_that_tells(folder, tmp_path, capsys):
    names = tmp_path / "names.txt"
    names.write_text("\n".join(NAMES) + "\n")
    arguments = [str(zipped(folder)), "--names", str(names), "--size", "16", "8"]
    assert command.main(arguments) == 0
    assert "3 files, ready to hand in" in capsys.readouterr().out
    (folder / "44.png").unlink()
    arguments[0] = str(folder)
    assert command.main(arguments) == 1
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1 and "44.png is missing" in printed.err
    assert command.main([str(tmp_path / "nowhere.zip"), "--names", str(names)]) == 1
    assert "nowhere.zip" in capsys.readouterr().err
