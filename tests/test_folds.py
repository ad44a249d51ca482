"""Choices by folds of train, from raw images to buckets, scales and gate: those that the networks' own files give."""

import numpy as np
import pandas as pd
import pytest
from recorded_reads import read_jobs, recording
from test_plan import DEFAULT, merged, plan_of
from workflow_runs import TINY, copy_workflow, jobs, run

from tailcutmix.dataset.images import read_label
from tailcutmix.dataset.manifest import read_manifest
from tailcutmix.dataset.packing import PackedFiles, open_packed
from tailcutmix.labels import read_labels
from tailcutmix.models.build import load_model
from tailcutmix.prediction.inference import Predictor, build_predictor, scale_sets
from tailcutmix.prediction.scales import read_scales
from tailcutmix.tail.bucket_table import read_tail

FOLDED = {
    **TINY,
    "dataset": {**TINY["dataset"], "name": "folded"},
    "buckets": {"cuts": [8, 9], "poor": 0.0, "good": 1.0},
    "selection": {"folds": 2},
}
"""Two tail classes; val is packed for the statistics, and nothing else looks at it."""

RESULTS = "results/folded"
CHOICES = [f"{RESULTS}/buckets/final.csv", f"{RESULTS}/scales/m1/seed0.csv", f"{RESULTS}/ensemble_gate/seed0/gate.csv"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return copy_workflow(tmp_path_factory.mktemp("folds"))


def test_the_folds_come_beside_what_table1_needs(folder):
    """M0 and M1 are trained twice more for buckets and scales; a gate asks for the experts of each fold too."""
    fixed = {**FOLDED, "buckets": {"tail": ["bus", "train"]}}
    counts = jobs(run(folder, "-n", overlay=fixed).stdout)
    assert counts["train_model"] == 3 + 2 + 2 and counts["predict"] == 3 + 2, "no class moves: no M0 of a fold"
    counts = jobs(run(folder, "-n", *CHOICES[1:], overlay=fixed).stdout)
    assert counts["train_model"] == 2 * 3 and counts["predict"] == 3, "of the folds alone"
    text = run(folder, "-n", overlay=FOLDED).stdout
    assert jobs(text)["train_model"] == 3 + 2 + 2 and "Predict train with m0@folds, seed 0" in text


@pytest.fixture(scope="module")
def chosen(folder):
    """The folder of a run to the three choices, recorded; its plan, label table, packed train images and truth."""
    run(folder, *CHOICES, overlay=FOLDED, environment=recording(folder / "record"))
    plan, results = plan_of(merged(DEFAULT, FOLDED)), folder / RESULTS
    labels = read_labels(folder / "config/labels/cityscapes.csv")
    packed = open_packed(PackedFiles.under(results / "packed/train"), results / "manifest.csv")
    truth = np.stack([read_label(folder / path) for path in read_manifest(results / "manifest.csv", "train")["label"]])
    return folder, plan, labels, packed, truth


def network(chosen, name: str, position: int):
    """The network that left out the fold of an image, by its position, of an even number in two folds."""
    folder, plan, labels, packed, _ = chosen
    weights = folder / plan.files.weights(f"{name}@fold{1 if position < len(packed) / 2 else 2}", 0)
    return load_model(plan.model(name).recipe.network, labels.num_classes, weights)


def predicted(chosen, name: str) -> np.ndarray:
    """The label ids that the networks of the folds predict for train, found image by image."""
    folder, plan, labels, packed, _ = chosen
    model, found = plan.model(name), []
    scales = folder / plan.files.scales(model.scales_from, 0) if model.scales_from else None
    table = read_scales(scales, labels) if scales else None
    known = labels.class_of(model.expert_of) if model.expert_of else None
    for position, image in enumerate(packed.images):
        one = network(chosen, name, position)
        predictor = build_predictor(model.recipe.network, model.inference, one, "cpu", table, known)
        found.append(labels.to_label_id[predictor.labels(image[None])[0]])
    return np.stack(found)


def written(chosen, name: str) -> np.ndarray:
    folder, plan, _, packed, _ = chosen
    place = folder / plan.files.predictions(f"{name}@folds", 0, "train")
    assert len(list(place.glob("*.png"))) == len(packed)
    return np.stack([read_label(place / f"{image_id}.png") for image_id in packed.image_ids])


def iou(claimed: np.ndarray, there: np.ndarray, void: np.ndarray) -> float:
    """Of one class; NaN where there is nothing of it."""
    union = ((claimed & ~void) | there).sum()
    return (claimed & there).sum() / union if union else np.nan


def void_of(chosen) -> np.ndarray:
    labels, truth = chosen[2], chosen[4]
    return labels.to_train_id[truth] == 255


def test_each_image_is_predicted_by_the_network_that_left_it_out(chosen):
    tail = read_tail(chosen[0] / CHOICES[0], chosen[2])
    for name in ("m0", "m1", *(f"m2-{known.slug}" for known in tail)):
        np.testing.assert_array_equal(written(chosen, name), predicted(chosen, name), err_msg=name)


def test_classes_are_moved_by_the_iou_of_m0_over_the_folds(chosen):
    folder, _, labels, _, truth = chosen
    table = pd.read_csv(folder / CHOICES[0]).set_index("class")
    claimed = written(chosen, "m0")
    expected = {row.name: iou(claimed == row.id, truth == row.id, void_of(chosen)) for row in labels.classes}
    assert table["val_iou"].to_dict() == pytest.approx(expected, nan_ok=True)
    assert table["val_iou"].max() > 0 and table["reason"].str.contains("IoU").any()


def test_scales_are_chosen_by_the_networks_of_the_folds(chosen):
    folder, plan, labels, packed, truth = chosen
    table, model = pd.read_csv(folder / CHOICES[1]).set_index("class"), plan.model("m1")
    sets = scale_sets(model.recipe.network, model.inference)
    for name, column in (("training", "iou_training_scales"), ("full", "iou_full")):
        claimed = np.stack([
            Predictor(network(chosen, "m1", position), sets[name]).labels(image[None])[0]
            for position, image in enumerate(packed.images)
        ])  # fmt: skip
        expected = {row.name: iou(claimed == row.train_id, truth == row.id, void_of(chosen)) for row in labels.classes}
        assert table[column].to_dict() == pytest.approx(expected, nan_ok=True)
    assert table["chosen"].eq("training").equals(table["iou_training_scales"] > table["iou_full"])


def test_experts_are_chosen_by_what_they_add_over_the_folds(chosen):
    folder, _, labels, _, truth = chosen
    table, base = pd.read_csv(folder / CHOICES[2]).set_index("class"), written(chosen, "m1")
    tail = read_tail(folder / CHOICES[0], labels)
    assert len(tail) == 2 and list(table.index) == [known.name for known in tail]
    for known in tail:
        there = truth == known.id
        both = (base == known.id) | (written(chosen, f"m2-{known.slug}") == known.id)
        before, after = (iou(claimed, there, void_of(chosen)) for claimed in (base == known.id, both))
        row = table.loc[known.name]
        assert [row.iou_base, row.iou_expert] == pytest.approx([before, after], nan_ok=True)
        assert row.images == there.any((1, 2)).sum() and row.used == (after > np.nan_to_num(before))


def test_only_the_networks_of_the_folds_were_needed_and_every_read_was_declared(chosen):
    folder = chosen[0]
    trained = {path.parent.parent.name for path in (folder / RESULTS).glob("models/*/seed0/model.safetensors")}
    assert {name.partition("@")[2] for name in trained} == {"fold1", "fold2"} and len(trained) == 2 * 4
    recorded = read_jobs(folder / "record")
    assert {job.rule for job in recorded} >= {"train_model", "predict", "select_scales", "rebucket", "select_experts"}
    assert [path for job in recorded for path in job.undeclared() | job.unread()] == []
