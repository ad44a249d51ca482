"""A whole training job with the real sampler and network, on a few small ToyCity images."""

import copy
import json
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from tailcutmix.dataset import manifest
from tailcutmix.dataset.packing import PackedFiles, pack
from tailcutmix.dataset.sources import list_images
from tailcutmix.errors import UserError
from tailcutmix.labels import read_labels
from tailcutmix.mixing.sampler import Sampler
from tailcutmix.plan.settings import Regions, plain
from tailcutmix.tail.levels import Subset, write_subset
from tailcutmix.training.job import definition, run_training
from toycity.generate import Settings, generate

LABELS = Path(__file__).resolve().parent.parent / "config/labels/cityscapes.csv"
SETTINGS = {
    "architecture": "hrnet", "width": 4, "head_channels": 8, "attention": "hierarchical", "training_scales": [0.5, 1.0],
    "auxiliary_weight": 0.05, "crop": [64, 64], "batch": 4, "epochs": 2, "expand": 1, "mixing": "level0",
    "sampling": "images", "probability": 1.0, "cyc_draws": 4, "cyc_min_pixels": 1, "level_weights": None,
    "augmentation": {"scale": [0.75, 1.5], "flip": True, "jitter": 0.25}, "optimizer": "sgd", "lr": 0.01,
    "momentum": 0.9, "weight_decay": 1e-4, "schedule": "poly", "poly_power": 2.0, "warmup": 0.0, "grad_clip": None,
    "accumulate": 1, "class_weights": "inverse_frequency", "bf16": "auto", "compile": False,
    "checkpoint_seconds": 1000, "history_every": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Folder with a packed training split of 8 images and the boxes of one class."""
    folder = tmp_path_factory.mktemp("toycity")
    generate(folder / "raw", Settings(train=8, val=1, test=0, height=64, width=128))
    rows = manifest.build(list_images("toycity", folder / "raw"), 1)
    manifest.write_manifest(rows, folder / "manifest.csv")
    labels = read_labels(LABELS)
    pack(folder / "manifest.csv", "train", labels, None, PackedFiles.under(folder / "packed"))
    rows = manifest.read_manifest(folder / "manifest.csv", "train")
    write_subset(rows, labels.class_of("car"), Regions(), Subset.under(folder / "car", [1, 2, 3]), workers=1)
    return folder


@pytest.fixture
def job(data, tmp_path):
    return {
        "packed": plain(PackedFiles.under(data / "packed")), "manifest": str(data / "manifest.csv"),
        "labels": str(LABELS), "tail": ["car", "person"], "boxes": None, "init": None,
        "settings": copy.deepcopy(SETTINGS), "seed": 0, "out": str(tmp_path / "m1"),
        "running": str(tmp_path / "running"), "gpus": 0, "threads": 1,
    }  # fmt: skip


def stop_at(step, monkeypatch):
    """Make the sampler send this process SIGTERM when it draws the batch of ``step``."""
    import os
    import signal

    draw = Sampler.batch

    def batch(self, number):
        if number == step:
            os.kill(os.getpid(), signal.SIGTERM)
        return draw(self, number)

    monkeypatch.setattr(Sampler, "batch", batch)


def test_a_stopped_expert_starts_from_m1_and_ends_as_if_nothing_had_happened(job, data, tmp_path, monkeypatch):
    run_training(job)
    m1 = Path(job["out"])
    assert sorted(path.name for path in m1.iterdir()) == ["history.csv", "model.safetensors"]
    rows = pd.read_csv(m1 / "history.csv")
    assert rows["pixels_added:car"].sum() + rows["pixels_added:person"].sum() > 0
    assert rows.filter(like="pixels_added").drop(columns=["pixels_added:car", "pixels_added:person"]).sum().sum() == 0

    job |= {"boxes": str(data / "car/boxes.csv"), "init": str(m1 / "model.safetensors"), "tail": []}
    job["settings"] |= {"mixing": "levels", "levels": [1, 2]}
    run_training(job | {"out": str(tmp_path / "undisturbed")})
    disturbed = job | {"out": str(tmp_path / "disturbed")}
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        stop_at(1, patch)
        run_training(disturbed)
    assert not Path(disturbed["out"]).exists()
    run_training(disturbed)
    assert list((tmp_path / "running").iterdir()) == []
    ours, theirs = (load_file(tmp_path / name / "model.safetensors") for name in ("disturbed", "undisturbed"))
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    started = load_file(job["init"])
    assert any(not torch.equal(ours[name], started[name]) for name in ours)


def test_two_processes_train_what_one_does(job, tmp_path):
    job["settings"]["lr"] = 1e-4  # BatchNorm over a handful of values multiplies rounding errors from step to step
    run_training(job)
    run_training(job | {"out": str(tmp_path / "two"), "processes": 2, "threads": 2, "log": str(tmp_path / "log")})
    one, two = (pd.read_csv(tmp_path / name / "history.csv") for name in ("m1", "two"))
    assert two.loss.to_numpy() == pytest.approx(one.loss.to_numpy(), rel=1e-3)
    counts = list(one.columns[6:])
    pd.testing.assert_frame_equal(one[counts], two[counts])
    assert "trained 4 steps" in (tmp_path / "log").read_text()


def test_a_run_is_what_changes_its_weights_and_nothing_else(job):
    key = json.dumps(definition(job), sort_keys=True)
    same = job | {"gpus": 4, "threads": 9, "log": "x", "settings": job["settings"] | {"checkpoint_seconds": 5}}
    assert json.dumps(definition(same), sort_keys=True) == key
    for change in (
        {"seed": 1},
        {"tail": ["car"]},
        {"out": "elsewhere"},
        {"init": job["labels"]},
        {"settings": job["settings"] | {"lr": 0.02}},
        {"labels": str(LABELS.with_name("camvid.csv"))},
        {"packed": job["packed"] | {"index": str(LABELS)}},
    ):
        assert json.dumps(definition(job | change), sort_keys=True) != key, change


def test_a_batch_that_the_processes_cannot_share_is_refused(job):
    with pytest.raises(UserError, match="training.batch is 4: give a multiple of the 3 processes"):
        run_training(job | {"processes": 3})


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("mode", [False, True, "cuda_graphs"])
def test_on_a_gpu_a_stopped_run_goes_on_and_learns_what_a_cpu_does(job, tmp_path, monkeypatch, mode):
    job["settings"] |= {"epochs": 3, "lr": 1e-4, "checkpoint_seconds": 0}
    run_training(job)
    on_gpu = job | {"gpus": 1, "out": str(tmp_path / "gpu"), "settings": job["settings"] | {"compile": mode}}
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        stop_at(2, patch)
        run_training(on_gpu)
    run_training(on_gpu)
    one, two = (pd.read_csv(tmp_path / name / "history.csv") for name in ("m1", "gpu"))
    assert two.loss.to_numpy() == pytest.approx(one.loss.to_numpy(), rel=0.1)  # bfloat16
    counts = list(one.columns[6:])
    pd.testing.assert_frame_equal(one[counts], two[counts])


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
def test_two_gpus_train_what_one_does(job, tmp_path):
    job["settings"] |= {"lr": 1e-4, "bf16": False}
    run_training(job | {"gpus": 1})
    run_training(job | {"gpus": 2, "out": str(tmp_path / "two")})
    one, two = (pd.read_csv(tmp_path / name / "history.csv") for name in ("m1", "two"))
    assert two.loss.to_numpy() == pytest.approx(one.loss.to_numpy(), rel=0.03)  # tf32
