"""The command for use by itself: how it pairs files, and every fault in one line that names the file."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import evaluate as command
import numpy as np
import pytest
from PIL import Image
from scoring import ROOT, reference_scores, same, street_scene, write_pairs

from tailcutmix.metrics import collect


@pytest.fixture
def folders(tmp_path):
    """Three small streets under truth/ and predictions/; their pairs."""
    rng = np.random.default_rng(0)
    scenes = [street_scene(rng, 32, 64, 10) for _ in range(3)]
    return tmp_path, write_pairs(tmp_path, scenes)


def run(folder: Path, *more: str) -> int:
    files = ["--predictions", str(folder / "predictions"), "--ground-truth", str(folder / "truth")]
    return command.main([*files, "--bootstrap", "10", "--json", str(folder / "out" / "scores.json"), *more])


def assert_one_line(folder: Path, capsys, name: str, words: str) -> None:
    """Exit code 1, one line with the file's name and the fault, and no file written."""
    assert run(folder) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.strip().splitlines()
    assert name in line and words in line
    assert not (folder / "out").exists()


def test_the_command_from_another_folder_prints_and_writes_what_the_reference_says(folders, tmp_path):
    folder, pairs = folders
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    arguments = [sys.executable, str(ROOT / "scripts/evaluate.py"), "--processes", "2"]
    arguments += ["--predictions", "../predictions", "--ground-truth", "../truth"]
    result = subprocess.run(arguments, cwd=elsewhere, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    scores = json.loads((elsewhere / "scores.json").read_text())
    assert (elsewhere / "scores.npz").exists()
    expected = reference_scores(pairs)
    assert same(scores["iou_class"], expected["averageScoreClasses"])
    assert same(scores["iiou_category"], expected["averageScoreInstCategories"])
    assert f"iIoU class           {scores['iiou_class']:.4f} [" in result.stdout
    low, high = scores["per_class"]["car"]["iou_interval"]
    assert f"car                  {scores['per_class']['car']['iou']:.4f} [{low:.4f}, {high:.4f}]" in result.stdout
    assert "road" in result.stdout and "n/a" in result.stdout


def test_neither_the_command_nor_the_scores_import_torch():
    code = (
        "import evaluate, check_submission, sys; assert 'torch' not in sys.modules and 'torchvision' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT / "scripts", check=True)


def test_predictions_are_found_in_subfolders_and_archives(folders, capsys):
    folder, pairs = folders
    assert run(folder) == 0
    expected = json.loads((folder / "out" / "scores.json").read_text())
    with zipfile.ZipFile(folder / "mine.zip", "w") as archive:
        for pair in pairs:
            archive.write(pair.prediction, f"deep/{Path(pair.prediction).name}")
    assert run(folder, "--predictions", str(folder / "mine.zip")) == 0
    zipped = json.loads((folder / "out" / "scores.json").read_text())
    assert zipped == expected | {"model": "mine.zip"}
    with zipfile.ZipFile(folder / "truth.zip", "w") as archive:
        for pair in pairs:
            archive.write(pair.label, f"gtFine/val/town/{Path(pair.label).name}")
            archive.write(pair.instance, f"gtFine/val/town/{Path(pair.instance).name}")
    assert run(folder, "--ground-truth", str(folder / "truth.zip"), "--processes", "2") == 0
    assert json.loads((folder / "out" / "scores.json").read_text()) == expected
    (folder / "elsewhere").mkdir()
    (folder / "predictions" / "linked").symlink_to(folder / "elsewhere")
    shutil.move(pairs[0].prediction, folder / "elsewhere")
    assert run(folder) == 0
    assert json.loads((folder / "out" / "scores.json").read_text()) == expected


def test_challenge_names_are_matched_by_the_official_list(folders):
    folder, pairs = folders
    assert run(folder) == 0
    expected = json.loads((folder / "out" / "scores.json").read_text())
    lines = ["cityscapes_val,minicity_test_id"]
    for number, pair in enumerate(pairs):
        lines.append(f"town/{pair.image_id},{2**63 + number}")
        Path(pair.prediction).rename(folder / "predictions" / f"{2**63 + number}.png")
    (folder / "test.csv").write_text("\n".join(lines) + "\n")
    assert run(folder, "--names", str(folder / "test.csv")) == 0
    assert json.loads((folder / "out" / "scores.json").read_text()) == expected


def test_only_listed_images_are_scored(folders):
    folder, pairs = folders
    (folder / "val.txt").write_text(f"town/{pairs[1].image_id}\n")
    for index in (0, 2):
        Path(pairs[index].prediction).unlink()
    assert run(folder, "--names", str(folder / "val.txt")) == 0
    assert json.loads((folder / "out" / "scores.json").read_text())["images"] == 1


def test_files_of_another_label_set_are_paired_by_their_name(tmp_path):
    labels = np.random.default_rng(0).integers(0, 12, (2, 8, 9)).astype(np.uint8)
    for folder, image in zip(("truth", "predictions"), labels, strict=True):
        (tmp_path / folder).mkdir()
        Image.fromarray(image).save(tmp_path / folder / "seq_1.png")
        Image.fromarray(image).save(tmp_path / folder / "seq_10.png")
    assert run(tmp_path, "--labels", "camvid") == 0
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert scores["images"] == 2 and scores["iiou_class"] is None
    assert scores["accuracy"] == (labels[0] == labels[1]).mean()


def test_no_instance_images_at_all_are_said_not_guessed(folders, capsys):
    folder, pairs = folders
    for pair in pairs:
        Path(pair.instance).unlink()
    assert run(folder) == 0
    assert "iIoU is n/a" in capsys.readouterr().out
    assert json.loads((folder / "out" / "scores.json").read_text())["iiou_class"] is None


def test_average_sizes_from_a_train_folder(folders):
    folder, pairs = folders
    assert run(folder) == 0
    before = json.loads((folder / "out" / "scores.json").read_text())
    assert run(folder, "--train-ground-truth", str(folder / "truth")) == 0
    after = json.loads((folder / "out" / "scores.json").read_text())
    assert after["iou_class"] == before["iou_class"] and after["iiou_class"] != before["iiou_class"]


def damage(path: str, change) -> None:
    path = Path(path)
    path.write_bytes(change(path.read_bytes()))


def save(path: str, image: np.ndarray) -> None:
    Image.fromarray(image).save(path)


def flip_a_bit(data: bytes) -> bytes:
    """One wrong bit in the middle of the pixel data."""
    place = data.index(b"IDAT") + (len(data) - data.index(b"IDAT")) // 2
    return data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :]


FAULTS = {
    "missing": (lambda path: Path(path).unlink(), "no prediction"),
    "doubled": (lambda path: shutil.copy(path, path.replace("_mine", "_older")), "second prediction"),
    "too small": (lambda path: save(path, np.full((32, 63), 7, np.uint8)), "63x32 pixels"),
    "turned": (lambda path: save(path, np.full((64, 32), 7, np.uint8)), "32x64 pixels"),
    "colour": (lambda path: save(path, np.zeros((32, 64, 3), np.uint8)), "3 channels"),
    "with alpha": (lambda path: save(path, np.zeros((32, 64, 4), np.uint8)), "4 channels"),
    "grey with alpha": (lambda path: Image.new("LA", (64, 32)).save(path), "channels"),
    "id 34": (lambda path: save(path, np.full((32, 64), 34, np.uint8)), "id 34"),
    "id 255": (lambda path: save(path, np.full((32, 64), 255, np.uint8)), "id 255"),
    "id 300": (lambda path: save(path, np.full((32, 64), 300, np.uint16)), "id 300"),
    "truncated": (lambda path: damage(path, lambda data: data[: len(data) // 2]), "truncated"),
    "last byte gone": (lambda path: damage(path, lambda data: data[:-1]), "truncated"),
    "a flipped bit": (lambda path: damage(path, flip_a_bit), "checksum"),
    "empty": (lambda path: damage(path, lambda data: b""), "not a readable image"),
    "no image": (lambda path: damage(path, lambda data: b"<html>not found</html>"), "not a readable image"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_prediction_is_one_line_and_nothing_is_written(folders, capsys, fault):
    folder, pairs = folders
    change, words = FAULTS[fault]
    change(pairs[1].prediction)
    assert_one_line(folder, capsys, pairs[1].image_id, words)


GROUND_TRUTH_FAULTS = {
    "id 40": (lambda pair: save(pair.label, np.full((32, 64), 40, np.uint8)), "id 40"),
    "one instance image missing": (lambda pair: Path(pair.instance).unlink(), "no instance image"),
    "instances of another size": (lambda pair: save(pair.instance, np.full((8, 8), 7, np.uint16)), "8x8 pixels"),
    "instance of no label": (lambda pair: save(pair.instance, np.full((32, 64), 34001, np.uint16)), "34001"),
    "truncated instances": (lambda pair: damage(pair.instance, lambda data: data[:-9]), "truncated"),
    "doubled": (
        lambda pair: shutil.copytree(Path(pair.label).parent, Path(pair.label).parent / "copy"),
        "second ground",
    ),
}


@pytest.mark.parametrize("fault", GROUND_TRUTH_FAULTS)
def test_faulty_ground_truth_is_one_line_and_nothing_is_written(folders, capsys, fault):
    folder, pairs = folders
    change, words = GROUND_TRUTH_FAULTS[fault]
    change(pairs[2])
    assert_one_line(folder, capsys, "town_00000", words)


def test_a_fault_in_one_of_several_processes_is_one_line_too(folders, capsys):
    folder, pairs = folders
    for copy in range(20):
        for path in (pairs[0].label, pairs[0].instance, pairs[0].prediction):
            shutil.copy(path, path.replace("town_000000", f"city_{copy:06d}"))
    damage(pairs[2].prediction, lambda data: data[:100])
    assert run(folder, "--processes", "2") == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert pairs[2].prediction in line and "truncated" in line
    assert not (folder / "out").exists()


def test_a_killed_process_is_one_line_not_a_traceback(folders, capsys, monkeypatch):
    folder, pairs = folders
    for copy in range(3):
        for pair in pairs:
            for path in (pair.label, pair.instance, pair.prediction):
                shutil.copy(path, path.replace("town_", f"city{copy}_"))
    monkeypatch.setattr(collect, "read_label", lambda path: os._exit(9))
    assert run(folder, "--processes", "2") == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "a scoring process was killed" in line
    assert not (folder / "out").exists()


def test_several_processes_start_after_the_caller_has_used_opencv(folders):
    """OpenCV's threads do not outlive a fork; a child that waits for them would never end."""
    folder, pairs = folders
    code = """
import sys, cv2, numpy as np
cv2.setNumThreads(4)
cv2.resize(np.zeros((900, 900), np.float32), (4000, 4000), interpolation=cv2.INTER_CUBIC)
from tailcutmix.metrics.collect import collect
from tailcutmix.metrics.groups import groups_of
from tailcutmix.metrics.names import find_labels
from tailcutmix.metrics.pairs import pairs_from_folders
pairs = pairs_from_folders(sys.argv[1] + "/predictions", sys.argv[1] + "/truth")
found = collect(pairs * 4, groups_of(find_labels("cityscapes")), processes=2)
assert found.image_ids == tuple(pair.image_id for pair in pairs * 4)
assert cv2.getNumThreads() == 4
"""
    subprocess.run([sys.executable, "-c", code, str(folder)], cwd=ROOT / "scripts", check=True, timeout=60)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("--predictions", "nowhere"), "nowhere: no such folder"),
        (("--ground-truth", "nowhere"), "nowhere: no such folder"),
        (("--labels", "nowhere"), "nowhere: no such label table"),
        (("--names", "nowhere.txt"), "nowhere.txt: no such file list"),
    ],
)
def test_a_wrong_argument_is_named(folders, capsys, arguments, words):
    assert run(folders[0], *arguments) == 1
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("--seed", "-1"), "--seed must be 0 or more"),
        (("--size-factor", "inf"), "must be positive"),
        (("--json", "{folder}/taken.json"), "must name a file"),
    ],
)
def test_an_argument_that_cannot_be_is_refused_before_anything_is_read(folders, capsys, arguments, words):
    folder, _ = folders
    (folder / "taken.json").mkdir()
    with pytest.raises(SystemExit):
        run(folder, *(argument.format(folder=folder) for argument in arguments))
    assert words in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_one_line(folders, capsys):
    folder, _ = folders
    (folder / "file").write_text("")
    assert run(folder, "--json", str(folder / "file/scores.json")) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "file/scores.json: cannot be written" in line


def test_links_in_a_circle_are_walked_once(folders):
    folder, _ = folders
    (folder / "predictions/again").symlink_to(folder / "predictions")
    (folder / "truth/up").symlink_to(folder / "truth")
    assert run(folder) == 0


def test_a_ground_truth_of_void_is_said(folders, capsys):
    folder, pairs = folders
    for pair in pairs:
        save(pair.label, np.zeros((32, 64), np.uint8))
        save(pair.instance, np.zeros((32, 64), np.uint16))
    assert run(folder) == 0
    assert "all is void, so there is nothing to score" in capsys.readouterr().out
