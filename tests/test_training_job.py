"""A whole training job with the real sampler and network, on a few small ToyCity images."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from tailcutmix.dataset import manifest
from tailcutmix.dataset.images import read_instances, read_label, write_png
from tailcutmix.dataset.packing import PackedFiles, open_packed, pack
from tailcutmix.dataset.sources import list_images
from tailcutmix.errors import UserError
from tailcutmix.labels import read_labels
from tailcutmix.mixing.sampler import Sampler
from tailcutmix.plan.folds import Fold
from tailcutmix.plan.settings.jobs import Engine, Resources
from tailcutmix.plan.settings.keys import plain, typed
from tailcutmix.plan.settings.recipe import Augmentation, Mixing, Network, Recipe, Training
from tailcutmix.plan.settings.tail import Regions
from tailcutmix.plan.settings.unlabelled import SemiSupervised
from tailcutmix.tail.regions import find_regions
from tailcutmix.tail.subsets import Canvas, Subset, read_boxes, write_subset
from tailcutmix.training.distributed import Process
from tailcutmix.training.engine import TrainingOutputs
from tailcutmix.training.job import (
    TrainingInputs,
    TrainingJob,
    build_pairs,
    build_sampler,
    definition,
    open_splits,
    run_training,
)
from toycity.generate import Settings, generate

LABELS = Path(__file__).resolve().parent.parent / "config/labels/cityscapes.csv"
RECIPE = Recipe(
    network=Network(width=4, head_channels=8, auxiliary_weight=0.05),
    augmentation=Augmentation(scale=(0.75, 1.5)),
    mixing=Mixing(name="level0", cyc_draws=4),
    training=Training(crop=(64, 64), batch=4, epochs=2, lr=0.01, class_weights="inverse_frequency"),
)
TAIL = "car,0.02,tail\nperson,0.01,tail\n"
HEAD = [f"{name},0.5,head\n" for name in read_labels(LABELS).class_names if name not in ("car", "person")]
BUCKETS = "".join(["class,share,bucket\n", *HEAD, TAIL])


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Folder with a packed training split of 8 images and the boxes of one class."""
    folder = tmp_path_factory.mktemp("toycity")
    generate(folder / "raw", Settings(train=8, val=1, test=0, height=64, width=128))
    rows = manifest.build(list_images("toycity", folder / "raw"), 1)
    manifest.write_manifest(rows, folder / "manifest.csv")
    labels = read_labels(LABELS)
    pack(folder / "manifest.csv", "train", labels, None, PackedFiles.under(folder / "packed"))
    pack(folder / "manifest.csv", "val", labels, None, PackedFiles.under(folder / "val"))
    (folder / "final.csv").write_text(BUCKETS)
    rows = manifest.read_manifest(folder / "manifest.csv", "train")
    write_subset(rows, labels.class_of("car"), Regions(), Subset.under(folder / "car", [1, 2, 3]), Canvas(32, 32), 1)
    return folder


@pytest.fixture
def job(data, tmp_path):
    """M1, with car and person as the tail."""
    packed = PackedFiles.under(data / "packed")
    return TrainingJob(
        inputs=TrainingInputs(
            images=packed.images,
            truth=packed.truth,
            index=packed.index,
            manifest=data / "manifest.csv",
            labels=LABELS,
            buckets=data / "final.csv",
        ),
        outputs=outputs(tmp_path / "m1"),
        recipe=RECIPE,
        engine=Engine(checkpoint_seconds=1000, history_every=1),
        seed=0,
        resources=Resources(gpus=0, threads=1),
    )


def outputs(folder):
    return TrainingOutputs(folder / "model.safetensors", folder / "history.csv", folder.parent / "running")


def with_training(job, **changed):
    return replace(job, recipe=replace(job.recipe, training=replace(job.recipe.training, **changed)))


def with_inputs(job, **changed):
    return replace(job, inputs=replace(job.inputs, **changed))


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
    m1 = tmp_path / "m1"
    assert sorted(path.name for path in m1.iterdir()) == ["history.csv", "model.safetensors"]
    rows = pd.read_csv(m1 / "history.csv")
    assert rows["pixels_pasted:car"].sum() + rows["pixels_pasted:person"].sum() > 0
    assert (
        rows.filter(like="pixels_pasted").drop(columns=["pixels_pasted:car", "pixels_pasted:person"]).sum().sum() == 0
    )

    expert = with_inputs(job, buckets=None, boxes=(data / "car/boxes.csv",), init=m1 / "model.safetensors")
    expert = replace(expert, recipe=replace(RECIPE, mixing=Mixing(name="levels", levels=(1, 2))))
    run_training(replace(expert, outputs=outputs(tmp_path / "undisturbed")))
    disturbed = replace(expert, outputs=outputs(tmp_path / "disturbed"))
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        stop_at(1, patch)
        run_training(disturbed)
    assert not (tmp_path / "disturbed").exists()
    run_training(disturbed)
    assert list((tmp_path / "running").iterdir()) == []
    ours, theirs = (load_file(tmp_path / name / "model.safetensors") for name in ("disturbed", "undisturbed"))
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    started = load_file(m1 / "model.safetensors")
    assert any(not torch.equal(ours[name], started[name]) for name in ours)


def stop_and_compare(job, tmp_path, monkeypatch):
    """The job, stopped in the middle and begun again in another folder, ends with the weights that it has in m1/."""
    disturbed = replace(job, outputs=outputs(tmp_path / "disturbed"))
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        stop_at(2, patch)
        run_training(disturbed)
    run_training(disturbed)
    ours, theirs = (load_file(tmp_path / name / "model.safetensors") for name in ("disturbed", "m1"))
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize(
    ("mixing", "training"),
    [
        ("copy_paste", {"sampling": "class_crops", "loss": "ohem"}),
        ("classmix", {"sampling": "rare_classes", "loss": "lovasz"}),
        ("cutmix_boxes", {"sampling": "repeat_factor", "loss": "focal", "class_weights": "effective_number"}),
        ("mixup", {"sampling": "classes", "loss": "logit_adjustment", "class_weights": "bounded"}),
    ],
)
def test_a_stopped_rival_ends_as_if_nothing_had_happened(job, tmp_path, monkeypatch, mixing, training):
    job = with_training(job, **{"class_weights": "none", "expand": 2, "epochs": 1, "accumulate": 2, **training})
    job = replace(job, recipe=replace(job.recipe, mixing=Mixing(name=mixing)))
    run_training(job)
    rows = pd.read_csv(tmp_path / "m1/history.csv")
    assert rows.images_mixed.tolist() == [4] * 4 and rows.loss.gt(0).all()
    pasted = rows.filter(like="pixels_pasted").sum()
    if mixing == "copy_paste":
        assert set(pasted[pasted > 0].index) <= {"pixels_pasted:car", "pixels_pasted:person"} and pasted.sum() > 0
    stop_and_compare(job, tmp_path, monkeypatch)


def with_val(job, data, predictions=(), **semi):
    """The job with val's images, without their labels."""
    val = PackedFiles.under(data / "val")
    files = {f"unlabelled_{name}": (getattr(val, name),) for name in ("images", "truth", "index")}
    recipe = replace(job.recipe, semi=SemiSupervised(**{"unlabelled": ("train", "val"), **semi}))
    return replace(with_inputs(job, **files, predictions=predictions), recipe=recipe)


def test_a_stopped_student_of_a_mean_teacher_ends_as_if_nothing_had_happened(job, data, tmp_path, monkeypatch):
    """The teacher, and where the pairs were, come from the checkpoint; level-0 cutmix mixes the labelled batches."""
    job = with_val(with_training(job, accumulate=2), data, consistency_confidence=0.06)
    run_training(job)
    assert pd.read_csv(tmp_path / "m1/history.csv").images_mixed.tolist() == [4] * 4
    stop_and_compare(job, tmp_path, monkeypatch)


def test_without_an_unlabelled_image_or_a_weight_there_is_no_teacher(job, data, tmp_path):
    """Bit for bit what is trained without: and with them it is not."""
    run_training(job)
    alone = load_file(tmp_path / "m1/model.safetensors")
    arms = {
        "no_image": with_val(job, data, unlabelled=()),
        "no_weight": with_val(job, data, consistency_weight=0.0),
        "taught": with_val(job, data, final_weights="student"),
    }
    for name, arm in arms.items():
        run_training(replace(arm, outputs=outputs(tmp_path / name)))
        trained = load_file(tmp_path / name / "model.safetensors")
        assert all(torch.equal(trained[key], alone[key]) for key in alone) == (name != "taught"), name


@pytest.fixture
def predictions(data, tmp_path):
    """Predictions of train and val in the form of an ensemble's: label ids."""
    labels, rng = read_labels(LABELS), np.random.default_rng(0)
    folders = []
    for split in ("train", "val"):
        folders.append(tmp_path / "predicted" / split)
        folders[-1].mkdir(parents=True)
        for image_id in manifest.read_manifest(data / "manifest.csv", split).image_id:
            ids = labels.to_label_id[rng.integers(0, labels.num_classes, (8, 16)).repeat(8, 0).repeat(8, 1)]
            write_png(folders[-1] / f"{image_id}.png", ids.astype(np.uint8))
    return tuple(folders)


def test_a_distilled_network_is_given_the_ensembles_labels(job, data, tmp_path, predictions):
    """Of the train images and of the unlabelled ones; an epoch stays as long, and other predictions are another run."""
    distilled = with_val(job, data, predictions, unlabelled=("val",), consistency_weight=0.0)
    labels, process = read_labels(LABELS), Process(torch.device("cpu"))
    packed, others = open_splits(distilled, labels)
    sampler = build_sampler(distilled, packed, labels, process)
    assert others == [] and build_pairs(distilled, sampler, others, process) is None
    ids = [path for folder in predictions for path in sorted(folder.iterdir())]
    assert sampler.source.image_ids == [path.stem for path in ids]
    for given, path in zip(sampler.source.labels.numpy(), ids, strict=True):
        assert np.array_equal(given, labels.to_train_id[read_label(path)])
    train, val = (open_packed(PackedFiles.under(data / name), data / "manifest.csv") for name in ("packed", "val"))
    assert np.array_equal(sampler.source.images.numpy(), np.concatenate([train.images, val.images]))
    assert sampler.draws_per_epoch == len(train) == 8
    alone = with_inputs(job, predictions=predictions[:1])
    assert np.array_equal(open_splits(alone, labels)[0].labels, packed.labels[:8]), "without an unlabelled image too"
    run_training(distilled)
    assert len(pd.read_csv(tmp_path / "m1/history.csv")) == 4
    before = definition(distilled)
    write_png(ids[0], read_label(ids[1]))
    assert definition(distilled) != before
    ids[-1].unlink()
    with pytest.raises(UserError, match=f"{ids[-1].name}: no such file"):
        run_training(replace(distilled, outputs=outputs(tmp_path / "again")))


def test_copy_paste_cuts_out_the_instances_that_the_manifest_lists(job, data, tmp_path):
    """One component may be two cars, and one car two components; other maps are another run, for copy-paste alone."""
    job = replace(job, recipe=replace(job.recipe, mixing=Mixing(name="copy_paste")))
    labels = read_labels(LABELS)
    packed = open_packed(job.inputs.packed, job.inputs.manifest)
    objects = build_sampler(job, packed, labels, Process(torch.device("cpu"))).mixing.objects
    rows = manifest.read_manifest(job.inputs.manifest, "train")
    tail = [labels.class_of(name) for name in ("car", "person")]
    numbered = group = components = 0
    for ids, label in zip(map(read_instances, rows.instance), packed.labels, strict=True):
        for known in tail:
            mask = label == known.train_id
            numbered += len(set(ids[mask].tolist()) - {known.id})
            group += len(find_regions((mask & (ids == known.id)).astype(np.uint8), 1)[0])
            components += len(find_regions(label, known.train_id)[0])
    assert len(objects) == numbered + group != components
    other = tmp_path / "manifest.csv"
    manifest.write_manifest(manifest.read_manifest(data / "manifest.csv").assign(instance_sha256="0" * 64), other)
    for name, same in (("copy_paste", False), ("level0", True)):
        one = replace(job, recipe=replace(job.recipe, mixing=Mixing(name=name)))
        assert (definition(one) == definition(with_inputs(one, manifest=other))) == same


@pytest.fixture
def marked(job, data, tmp_path):
    """Rewrites the packed images: those of a fold are white and hold bicycles, the others are black and hold none."""

    def mark(fold):
        for name in ("images", "labels"):
            array = np.load(data / f"packed/{name}.npy")
            block = fold.block(len(array))
            array[...] = 0 if name == "images" else np.where(array == BICYCLE, 255, array)
            array[block.start : block.stop, :8] = 255 if name == "images" else BICYCLE
            if name == "images":
                array[block.start : block.stop] = 255
            np.save(tmp_path / f"{name}.npy", array)
        return with_inputs(job, images=tmp_path / "images.npy", truth=tmp_path / "labels.npy")

    return mark


BICYCLE = 18
"""Its train id."""


@pytest.mark.parametrize("fold", [Fold(1, 2), Fold(2, 2), Fold(2, 3)])
@pytest.mark.parametrize("mixing", ["none", "level0", "levels"])
def test_nothing_of_a_fold_that_is_left_out_is_ever_seen(marked, data, monkeypatch, mixing, fold):
    """No base crop, no pixel of level 0, no patch, no class counted for the weights; the epoch is as much shorter."""
    job = with_inputs(marked(fold), boxes=(data / "car/boxes.csv",) if mixing == "levels" else ())
    recipe = replace(RECIPE, mixing=Mixing(name=mixing), augmentation=Augmentation(scale=(0.75, 1.5), jitter=0))
    job, seen = replace(job, recipe=recipe), {}
    monkeypatch.setattr("tailcutmix.training.job.train", lambda model, *parts: seen.update(parts=parts))
    ids = manifest.read_manifest(job.inputs.manifest, "train").image_id.to_numpy()
    hidden = set(ids[fold.block(len(ids))])
    assert hidden & set(read_boxes(data / "car/boxes.csv").image_id), "else there is no patch to leave out"
    for one in (job, replace(job, fold=fold)):
        run_training(one)
        sampler, run = seen["parts"]
        drawn = [sampler.draw(step) for step in range(25)]
        white = any(batch.images.max() > 0.9 for batch in drawn)
        bicycles = any((batch.labels == BICYCLE).any() for batch in drawn)
        named = {name for batch in drawn for pair in batch.image_ids for name in pair.split(" + ")}
        assert named == set(ids) - (hidden if one.fold else set())
        assert white == bicycles == (run.loss.weights[BICYCLE] > 0) == (one.fold is None)
        assert sampler.draws_per_epoch == (fold.outside(len(ids)) if one.fold else len(ids))
        assert (sum(batch.counts.images_mixed for batch in drawn) == 25 * 4) == (mixing != "none")


def test_more_folds_than_images_are_refused(job):
    with pytest.raises(UserError, match="selection.folds is 9, but train holds 8 images"):
        run_training(replace(job, fold=Fold(3, 9)))


def test_two_processes_train_what_one_does(job, tmp_path):
    job = with_training(job, lr=1e-4)  # BatchNorm over a handful of values multiplies rounding errors at every step
    run_training(job)
    two = replace(job, outputs=outputs(tmp_path / "two"), processes=2, log=tmp_path / "log")
    run_training(replace(two, resources=Resources(threads=2)))
    one, two = (pd.read_csv(tmp_path / name / "history.csv") for name in ("m1", "two"))
    assert two.loss.to_numpy() == pytest.approx(one.loss.to_numpy(), rel=1e-3)
    counts = list(one.columns[6:])
    pd.testing.assert_frame_equal(one[counts], two[counts])
    assert "trained 4 steps" in (tmp_path / "log").read_text()


def test_a_run_is_what_changes_its_weights_and_nothing_else(job, tmp_path):
    def key(job):
        return json.dumps(definition(job), sort_keys=True)

    same = replace(job, resources=Resources(gpus=4, threads=9), processes=2, log=Path("x"))
    assert key(replace(same, engine=Engine(checkpoint_seconds=5, history_every=3, tensorboard=True))) == key(job)
    scored = tmp_path / "scored.csv"
    scored.write_text(BUCKETS.replace("0.02", "0.03"))
    assert key(with_inputs(job, buckets=scored)) == key(job), "of the buckets only the tail is mixed in"
    scored.write_text(BUCKETS.replace("person,0.01,tail", "person,0.01,middle"))
    changed = [
        replace(job, seed=1),
        replace(job, fold=Fold(1, 2)),
        replace(job, code="other"),
        replace(job, outputs=outputs(tmp_path / "elsewhere")),
        with_inputs(job, buckets=scored),
        with_inputs(job, buckets=None),
        with_inputs(job, boxes=(LABELS,)),
        with_inputs(job, init=LABELS),
        with_inputs(job, index=LABELS),
        with_inputs(job, unlabelled_index=(LABELS,)),
        with_inputs(job, predictions=(tmp_path,)),
        replace(job, recipe=replace(RECIPE, semi=SemiSupervised(teacher_decay=0.9))),
        with_inputs(job, labels=add_row(LABELS, tmp_path / "labels.csv")),
        with_training(job, lr=0.02),
        replace(job, recipe=replace(RECIPE, mixing=replace(RECIPE.mixing, level_weights={1: 1.0}))),
    ]
    assert len({key(job), *map(key, changed)}) == 1 + len(changed)


def add_row(table, path):
    path.write_text(table.read_text() + "40,new,255,void,0,#000000,\n")
    return path


def test_a_job_travels_as_json(job, tmp_path):
    weighted = replace(RECIPE, mixing=Mixing(name="levels", levels=(1, 2), level_weights={1: 1.0, 2: 0.5}))
    for one in (
        job,
        replace(job, recipe=weighted, inputs=replace(job.inputs, init=LABELS), fold=Fold(1, 2), log=tmp_path / "log"),
    ):
        assert typed(TrainingJob, json.loads(json.dumps(plain(one)))) == one


def test_a_batch_that_the_processes_cannot_share_is_refused(job):
    with pytest.raises(UserError, match="training.batch is 4: give a multiple of the 3 processes"):
        run_training(replace(job, processes=3))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("mode", [False, True, "cuda_graphs"])
def test_on_a_gpu_a_stopped_run_goes_on_and_learns_what_a_cpu_does(job, tmp_path, monkeypatch, mode):
    job = replace(with_training(job, epochs=3, lr=1e-4), engine=replace(job.engine, checkpoint_seconds=0))
    run_training(job)
    on_gpu = replace(with_training(job, compile=mode), outputs=outputs(tmp_path / "gpu"), resources=Resources(gpus=1))
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
    job = with_training(job, lr=1e-4, bf16=False)
    run_training(replace(job, resources=Resources(gpus=1)))
    run_training(replace(job, resources=Resources(gpus=2), outputs=outputs(tmp_path / "two")))
    one, two = (pd.read_csv(tmp_path / name / "history.csv") for name in ("m1", "two"))
    assert two.loss.to_numpy() == pytest.approx(one.loss.to_numpy(), rel=0.03)  # tf32
