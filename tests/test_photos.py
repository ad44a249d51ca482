"""Own photos: prediction of any folder, from a run and from a bundle; bundles of strangers."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import export_network
import make_bundle
import numpy as np
import predict_images
import pytest
import torch
import yaml
from conftest import ROOT
from PIL import Image
from workflow_runs import FINISHED

from tailcutmix.dataset.images import read_image, read_label, write_png
from tailcutmix.errors import UserError
from tailcutmix.prediction.bundle import open_bundle
from tailcutmix.prediction.inference import argmax_of_sets, probability_of
from tailcutmix.prediction.photos import list_photos, predict_folder, working_size


@pytest.fixture(scope="module")
def run(finished, tmp_path_factory):
    """The options that name the finished run, and the folder of its test images."""
    folder, _ = finished
    overlay = tmp_path_factory.mktemp("overlay") / "overlay.yaml"
    overlay.write_text(yaml.safe_dump(FINISHED))
    results = folder / "results/tiny"
    return ["--run", str(results), "--config", str(overlay)], results / "raw/leftImg8bit/test", results


@pytest.fixture(scope="module")
def bundle(run, tmp_path_factory):
    """A zip of the ensemble, packed as a user packs it."""
    path = tmp_path_factory.mktemp("bundle") / "city.zip"
    assert make_bundle.main([*run[0], "--out", str(path)]) == 0
    return path


@pytest.fixture
def unpacked(bundle, tmp_path):
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(tmp_path / "bundle")
    return tmp_path / "bundle"


def predict(options, images, out, *more):
    fixed = ["--device", "cpu", "--threads", "1"]
    return predict_images.main([*options, "--images", str(images), "--out", str(out), *fixed, *more])


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.png")}


@pytest.mark.parametrize("method", ["ensemble", "ensemble_prior_gate", "m1", "unet"])
def test_own_photos_are_predicted_as_the_workflow_predicts_its_test_images(method, run, tmp_path):
    """Byte for byte: with experts, gate, prior correction, scales of each class, and a network at half size."""
    options, images, results = run
    assert predict(options, images, tmp_path / "out", "--model", method) == 0
    wanted = bytes_of(results / f"predictions/{method}/seed0/test")
    assert len(wanted) == 4 and bytes_of(tmp_path / "out/labels") == wanted


@pytest.mark.parametrize("method", ["m1", "unet"])
def test_an_exported_network_labels_as_the_workflow_does_without_this_project(method, run, tmp_path):
    """With scales of each class and their fusion; and a network at half size."""
    options, images, results = run
    assert export_network.main([*options, "--model", method, "--out", str(tmp_path / "network.pt2")]) == 0
    labelling = """
import sys, cv2, torch
network = torch.export.load("network.pt2").module()
for path in sys.argv[1:]:
    image = torch.from_numpy(cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB))
    cv2.imwrite(path.split("/")[-1], network(image[None])[0].numpy())
assert "tailcutmix" not in sys.modules
"""
    command = [sys.executable, "-c", labelling, *map(str, sorted(images.rglob("*.png")))]
    subprocess.run(command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": ""}, check=True)
    for path in sorted((results / f"predictions/{method}/seed0/test").glob("*.png")):
        (found,) = tmp_path.glob(f"{path.stem}*.png")
        assert (read_label(found) == read_label(path)).all()


def test_an_ensemble_is_exported_network_by_network(run, tmp_path, capsys):
    assert export_network.main([*run[0], "--model", "ensemble", "--out", str(tmp_path / "network.pt2")]) == 1
    assert "--model m1, m2-" in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_a_bundle_predicts_the_same_elsewhere(run, bundle, tmp_path):
    """With the scripts alone, in a folder without configuration and results."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__", "toycity"))
    place = tmp_path / "my photos"
    shutil.copytree(run[1], place)
    command = [sys.executable, "scripts/predict_images.py", "--bundle", str(bundle), "--images", str(place)]
    environment = os.environ | {"PYTHONPATH": ""}
    subprocess.run(
        [*command, "--out", "out", "--device", "cpu", "--threads", "1"], cwd=tmp_path, env=environment, check=True
    )
    assert bytes_of(tmp_path / "out/labels") == bytes_of(run[2] / "predictions/ensemble/seed0/test")


def test_a_bundle_has_all_that_its_reader_wants(run, unpacked):
    card = (unpacked / "README.md").read_text()
    scores = json.loads((run[2] / "metrics/ensemble/seed0/test.json").read_text())
    tail = [part["expert_of"] for part in json.loads((unpacked / "bundle.json").read_text())["experts"]]
    for words in (f"| iou_class | {scores['iou_class']:.3f} |", ", ".join(tail), "| 26 | car | `#00008e` |", "commit"):
        assert words in card, words
    assert len(tail) == 2
    assert yaml.safe_load((unpacked / "configuration.yaml").read_text())["dataset"]["name"] == "tiny"
    assert {path.name for path in unpacked.iterdir()} == {
        "README.md", "bundle.json", "configuration.yaml", "labels.csv", "scales", "scores", "weights"}  # fmt: skip


def test_equal_runs_give_equal_bundles_and_nothing_else_is_replaced(run, bundle, tmp_path, capsys):
    again = tmp_path / "again.zip"
    assert make_bundle.main([*run[0], "--out", str(again)]) == 0
    assert again.read_bytes() == bundle.read_bytes()
    assert make_bundle.main([*run[0], "--out", str(again)]) == 0, "a bundle may be made anew"
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters/mine.txt").write_text("mine")
    for name in ("letters", "letters/mine.txt"):
        assert make_bundle.main([*run[0], "--out", str(tmp_path / name)]) == 1
        assert "is there, and is no bundle" in capsys.readouterr().err
    assert (tmp_path / "letters/mine.txt").read_text() == "mine"


def test_photos_as_they_are_in_the_world(unpacked, tmp_path):
    """Sizes, shapes and kinds of all sorts; what a Mac leaves beside them is passed over."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (60, 90, 3), np.uint8)
    photos = tmp_path / "photos"
    (photos / "sub folder").mkdir(parents=True)
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(pixels).save(photos / "TURNED.JPG", exif=turned)
    Image.fromarray(pixels[:, :50]).convert("L").save(photos / "sub folder/grey.webp")
    Image.fromarray(pixels[:33, :47]).save(photos / "-a.b.PNG")
    (photos / "._a.png").write_bytes(b"Mac")
    (photos / "notes.txt").write_text("no image")
    assert predict(["--bundle", str(unpacked)], photos, tmp_path / "out", "--confidence") == 0
    sizes = {"TURNED": (90, 60), "sub folder/grey": (60, 50), "-a.b": (33, 47)}
    for name, size in sizes.items():
        labels, sure = (read_label(tmp_path / f"out/{kind}/{name}.png") for kind in ("labels", "confidence"))
        colours, overlay = (read_image(tmp_path / f"out/{kind}/{name}.png") for kind in ("colours", "overlays"))
        assert labels.shape == sure.shape == colours.shape[:2] == overlay.shape[:2] == size
    with open_bundle(unpacked) as trained:
        assert (colours == trained.labels.colours[labels]).all() and set(np.unique(labels)) <= set(trained.labels.ids)
    assert (overlay == (pixels[:33, :47].astype(int) + colours) // 2).all()
    assert len(list((tmp_path / "out").rglob("*.png"))) == 12


def test_with_confidence_labels_are_the_same(run, unpacked, tmp_path):
    assert predict(["--bundle", str(unpacked)], run[1], tmp_path / "out", "--confidence") == 0
    assert bytes_of(tmp_path / "out/labels") == bytes_of(run[2] / "predictions/ensemble/seed0/test")
    sure = np.stack([read_label(path) for path in (tmp_path / "out/confidence").iterdir()])
    assert 255 / 19 <= sure.mean() < 255 and sure.std() > 1


def test_confidence_is_the_softmax_of_the_label_under_its_scales():
    generator = torch.Generator().manual_seed(0)
    logits = {name: 3 * torch.randn(2, 4, 150, 5, generator=generator) for name in ("full", "training")}
    sets = {0: "training", 1: "full", 2: "full", 3: "training"}
    chosen = argmax_of_sets(logits, sets)
    softmax = {name: values.softmax(1) for name, values in logits.items()}
    best = torch.stack([softmax[sets[c]][:, c] for c in range(4)], 1).max(1).values
    torch.testing.assert_close(probability_of(logits, chosen, sets), best)
    one = {"full": logits["full"]}
    alone = probability_of(one, logits["full"].argmax(1).to(torch.uint8), {})
    torch.testing.assert_close(alone, softmax["full"].max(1).values)


@pytest.mark.parametrize(
    ("image", "size", "wanted"),
    [
        ((128, 256), "trained", (128, 256)),
        ((1024, 2048), "trained", (128, 256)),
        ((1000, 1990), "trained", (128, 256)),
        ((4000, 3000), "trained", (209, 157)),
        ((10, 4000), "trained", (9, 3620)),
        ((4000, 3000), "own", (4000, 3000)),
        ((4000, 3000), (64, 96), (64, 96)),
    ],
)
def test_the_network_gets_as_many_pixels_as_it_was_trained_on(image, size, wanted):
    assert working_size(image, (128, 256), size) == wanted


def rewrite(change):
    """Change bundle.json."""

    def harm(folder):
        about = json.loads((folder / "bundle.json").read_text())
        change(about)
        (folder / "bundle.json").write_text(json.dumps(about))

    return harm


def link(name, target):
    def harm(folder):
        (folder / name).unlink()
        (folder / name).symlink_to(target)

    return harm


HARMS = {
    "a path for a name": (rewrite(lambda about: about["base"].update(name="../../outside")), "base.name"),
    "an absolute path": (rewrite(lambda about: about["base"].update(name="/etc/passwd")), "base.name"),
    "a line end in a name": (rewrite(lambda about: about["base"].update(name="m1\n")), "base.name"),
    "a module of its own": (rewrite(lambda about: about["base"]["network"].update(architecture="os")), "architecture"),
    "a network for no memory": (rewrite(lambda about: about["base"]["network"].update(head_channels=10**9)), "head"),
    "a size for no memory": (rewrite(lambda about: about.update(size=[10**6, 10**6])), "size"),
    "an unknown key": (rewrite(lambda about: about.update(code="import os")), "code"),
    "another version": (rewrite(lambda about: about.update(format=2)), "format"),
    "a class that is none": (rewrite(lambda about: about["experts"][0].update(expert_of="dragon")), "dragon"),
    "another network": (rewrite(lambda about: about["base"]["network"].update(head_channels=16)), "another model"),
    "other weights": (lambda folder: (folder / "weights/m1.safetensors").write_bytes(b"x"), "not the file that was"),
    "weights elsewhere": (link("weights/m1.safetensors", "/dev/zero"), "missing, or is a link"),
    "a table elsewhere": (link("labels.csv", "/etc/passwd"), "missing, or is a link"),
    "no weights": (lambda folder: (folder / "weights/m1.safetensors").unlink(), "weights/m1.safetensors is missing"),
    "no JSON": (lambda folder: (folder / "bundle.json").write_bytes(b"\x80\x04]."), "not readable"),
    "deep JSON": (lambda folder: (folder / "bundle.json").write_text("[" * 10**5), "not readable"),
    "no bundle": (lambda folder: (folder / "bundle.json").unlink(), "bundle.json is missing"),
}


@pytest.mark.parametrize("harm", HARMS)
def test_a_strangers_bundle_does_no_harm(harm, unpacked, tmp_path, capsys):
    spoil, words = HARMS[harm]
    spoil(unpacked)
    write_png(tmp_path / "photos/a.png", np.zeros((40, 60, 3), np.uint8))
    before = {path for path in tmp_path.rglob("*")}
    assert predict(["--bundle", str(unpacked)], tmp_path / "photos", tmp_path / "out") == 1
    error = capsys.readouterr().err
    assert words in error.splitlines()[-1] and "Traceback" not in error
    assert {path for path in tmp_path.rglob("*")} == before


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ({"weights/m1.safetensors": zipfile.ZIP_DEFLATED}, "is compressed"),
        ({"labels.csv": b"0" * (5 << 20)}, "more than any bundle's"),
        ({"bundle.json": None}, "bundle.json is missing"),
        (b"PK no zip", "not a readable bundle"),
    ],
)
def test_a_strangers_zip_does_no_harm(spoil, words, unpacked, tmp_path):
    """Members under other names are not even looked at."""
    path = tmp_path / "strange.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../outside.txt", "out")
        for file in (file for file in unpacked.rglob("*") if file.is_file()):
            name = file.relative_to(unpacked).as_posix()
            change = spoil.get(name, file.read_bytes()) if isinstance(spoil, dict) else file.read_bytes()
            if isinstance(change, int):
                archive.write(file, name, change)
            elif change is not None:
                archive.writestr(name, change, zipfile.ZIP_DEFLATED if name == "labels.csv" else zipfile.ZIP_STORED)
    if isinstance(spoil, bytes):
        path.write_bytes(spoil)
    with pytest.raises(UserError, match=words), open_bundle(path):
        pass
    assert not list(tmp_path.parent.rglob("outside.txt"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "the configuration is that of toycity"),
        (["--config", "OVERLAY", "--seed", "7"], "seed 7 is none of this run's: 0"),
        (["--config", "OVERLAY", "--model", "m9"], "no model is called 'm9'"),
        (["--config", "OVERLAY", "--model", "cutmix"], "train cutmix first"),
    ],
)
def test_a_run_that_cannot_predict_says_why(run, options, words, tmp_path, capsys):
    (name, results, _, overlay), images, _ = run
    options = [overlay if word == "OVERLAY" else word for word in options]
    assert predict([name, results, *options], images, tmp_path / "out") == 1
    assert words in capsys.readouterr().err


def test_folders_that_cannot_be_are_refused(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        list_photos(tmp_path / "none", tmp_path / "out")
    (tmp_path / "photos").mkdir()
    with pytest.raises(UserError, match="no image in it"):
        list_photos(tmp_path / "photos", tmp_path / "out")
    for name in ("a.png", "a.jpg"):
        (tmp_path / "photos" / name).write_bytes(b"")
    with pytest.raises(UserError, match="would get a result of the same name"):
        list_photos(tmp_path / "photos", tmp_path / "out")
    with pytest.raises(UserError, match="lies within"):
        list_photos(tmp_path / "photos", tmp_path / "photos/out")


def test_a_damaged_photo_is_named_and_what_is_done_stays(unpacked, tmp_path):
    write_png(tmp_path / "photos/a.png", np.zeros((40, 60, 3), np.uint8))
    (tmp_path / "photos/z.png").write_bytes((tmp_path / "photos/a.png").read_bytes()[:50])
    with open_bundle(unpacked) as trained, pytest.raises(UserError, match="z.png: broken image"):
        predict_folder(trained, tmp_path / "photos", tmp_path / "out")
