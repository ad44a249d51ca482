"""The scores against the reference evaluator, and against what it leaves open."""

import tempfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from scoring import (
    CITYSCAPES,
    ROOT,
    assert_equal_to_reference,
    instances_of,
    reference_scores,
    street_scene,
    write_pairs,
)

from tailcutmix.dataset.manifest import MANIFEST_COLUMNS, sha256, write_manifest
from tailcutmix.errors import UserError
from tailcutmix.labels import Label, LabelTable, read_labels
from tailcutmix.metrics.bootstrap import estimate_scores
from tailcutmix.metrics.collect import average_instance_sizes
from tailcutmix.metrics.counting import count_pixels
from tailcutmix.metrics.evaluate import evaluate, score_split
from toycity.scene import render

EVALUATED = np.array([row.id for row in CITYSCAPES.classes])
# Void, an ignored stuff label, stuff, both human classes, vehicles with both ignored ones.
TRICKY_IDS = [0, 3, 6, 7, 8, 9, 21, 24, 25, 26, 27, 28, 29, 30, 31, 33]
# Groups, the border value 1000, an instance of an ignored stuff label, first and last numbers, ignored instances.
TRICKY_VALUES = [0, 7, 24, 26, 29, 1000, 5003, 24000, 24001, 24999, 25000, 26000, 28007, 29000, 30001, 31000, 33999]


def score(pairs, **settings):
    return evaluate(pairs, CITYSCAPES, **({"replicates": 0} | settings))


def assert_as_reference(folder, scenes):
    pairs = write_pairs(Path(folder), scenes)
    scores, statistics = score(pairs)
    assert_equal_to_reference(scores, statistics.confusion, reference_scores(pairs))
    return scores


def image(id_, shape=(4, 6)):
    return np.full(shape, id_, np.uint8)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_equals_the_reference_on_adversarial_images(data):
    """Labels, instances and predictions drawn apart from one another, as no annotator would."""
    shape = data.draw(st.tuples(st.integers(1, 6), st.integers(1, 6)))
    ids, values = st.sampled_from(TRICKY_IDS), st.sampled_from(TRICKY_VALUES)
    scenes = [
        (
            data.draw(arrays(np.uint8, shape, elements=ids)),
            data.draw(arrays(np.uint16, shape, elements=values)),
            data.draw(arrays(np.uint8, shape, elements=ids)),
        )
        for _ in range(data.draw(st.integers(1, 3)))
    ]
    with tempfile.TemporaryDirectory() as folder:
        assert_as_reference(folder, scenes)


def test_equals_the_reference_on_random_images(tmp_path):
    rng = np.random.default_rng(0)
    scenes = []
    for _ in range(4):
        label = rng.integers(0, 34, (40, 50)).astype(np.uint8)
        scenes.append((label, instances_of(label, rng.integers(0, 5, label.shape)), rng.permutation(label)))
    assert_as_reference(tmp_path, scenes)


def test_equals_the_reference_on_toycity(tmp_path):
    """ToyCity's own truth, group regions and void included; predicted is the truth moved, with noise of all ids."""
    rng = np.random.default_rng(0)
    scenes = []
    for index in range(3):
        _, label, instance = render(0, "val", index, 128, 256)
        noise = rng.integers(0, 34, label.shape).astype(np.uint8)
        predicted = np.where(rng.random(label.shape) < 0.1, noise, np.roll(label, (2, 5), (0, 1)))
        scenes.append((label, instance, predicted.astype(np.uint8)))
    assert_as_reference(tmp_path, scenes)


def test_equals_the_reference_on_streets(tmp_path):
    rng = np.random.default_rng(1)
    scenes = [street_scene(rng, 256, 512, things) for things in (20, 150, 20)]
    scores = assert_as_reference(tmp_path, scenes)
    assert 0.3 < scores["iou_class"] < 0.9  # neither a trivial hit nor a trivial miss


SPECIAL = {
    "void only": (image(0), image(0), image(7)),
    "void predicted everywhere": (image(26), instances_of(image(26)), image(4)),
    "right everywhere": (image(26), instances_of(image(26)), image(26)),
    "a group only": (image(24), image(24), image(24)),
    "a class predicted but absent": (image(7), image(7), image(31)),
    "a car predicted as trailer": (image(26), instances_of(image(26)), image(30)),
    "a trailer predicted as car": (image(30), instances_of(image(30)), image(26)),
    "a person predicted as rider": (image(24), instances_of(image(24)), image(25)),
    "road predicted as trailer": (image(7), image(7), image(30)),
    "instances of one pixel": (
        image(26),
        instances_of(image(26), np.arange(24).reshape(4, 6)),
        np.eye(4, 6, dtype=np.uint8) * 26,
    ),
    "an ignored instance": (image(29), instances_of(image(29)), image(29)),
}


@pytest.mark.parametrize("name", SPECIAL)
def test_equals_the_reference_on_special_images(tmp_path, name):
    assert_as_reference(tmp_path, [SPECIAL[name]])


def test_a_car_predicted_as_trailer_misses_its_category_but_hits_it_by_instance(tmp_path):
    vehicle = assert_as_reference(tmp_path, [SPECIAL["a car predicted as trailer"]])["per_category"]["vehicle"]
    assert (vehicle["iou"], vehicle["iiou"]) == (0.0, 1.0)


def test_void_only_truth_has_no_score_but_an_accuracy(tmp_path):
    scores = assert_as_reference(tmp_path, [SPECIAL["void only"]])
    assert scores["iou_class"] is None and scores["iiou_category"] is None and scores["accuracy_evaluated"] is None
    assert scores["accuracy"] == 0.0


def test_accuracy_on_evaluated_pixels_counts_predicted_void_as_error(tmp_path):
    label = np.array([[7, 7, 7, 8, 0, 9]], np.uint8)
    prediction = np.array([[7, 7, 0, 7, 0, 7]], np.uint8)
    scores, _ = score(write_pairs(tmp_path, [(label, label.astype(np.uint16), prediction)]))
    assert scores["accuracy_evaluated"] == 2 / 4
    assert scores["accuracy"] == 3 / 6


def test_average_sizes_shrink_with_downscaled_ground_truth(tmp_path):
    rng = np.random.default_rng(2)
    label, instance, prediction = street_scene(rng, 128, 256, 40)
    halves = [cv2.resize(a, (128, 64), interpolation=cv2.INTER_NEAREST_EXACT) for a in (label, instance, prediction)]
    small = write_pairs(tmp_path / "small", [tuple(halves)])
    scores, statistics = score(small, size_factor=2.0)
    assert_equal_to_reference(scores, statistics.confusion, reference_scores(small, size_factor=2.0))
    assert score(small)[0]["iiou_class"] != scores["iiou_class"]


def test_the_result_does_not_depend_on_the_number_of_processes(tmp_path):
    rng = np.random.default_rng(3)
    scenes = [street_scene(rng, 32, 64, 10) for _ in range(13)]
    pairs = write_pairs(tmp_path, scenes)
    (one, first), (three, second) = (score(pairs, replicates=20, processes=processes) for processes in (1, 3))
    assert one == three
    assert first.image_ids == second.image_ids == tuple(pair.image_id for pair in pairs)
    for name, counts in first.counts.items():
        np.testing.assert_array_equal(counts, second.counts[name])


def test_rare_kinds_of_single_channel_png_are_taken_as_the_reference_takes_them(tmp_path):
    rng = np.random.default_rng(4)
    pairs = write_pairs(tmp_path, [street_scene(rng, 32, 64, 10)] * 5)
    grey = Image.open(pairs[0].prediction)
    coloured = Image.frombytes("P", grey.size, grey.tobytes())
    coloured.putpalette(rng.integers(0, 256, 768).astype(np.uint8).tobytes())
    coloured.save(pairs[1].prediction)
    Image.fromarray(np.asarray(grey).astype(np.uint16)).save(pairs[2].prediction)
    grey.save(pairs[3].prediction, transparency=26)
    Image.fromarray(np.asarray(grey) == 26).save(pairs[4].prediction)  # one bit per pixel: ids 0 and 1
    scores, statistics = score(pairs)
    assert_equal_to_reference(scores, statistics.confusion, reference_scores(pairs))
    for other in (1, 2, 3):
        np.testing.assert_array_equal(statistics.counts["class_tp"][0], statistics.counts["class_tp"][other])


def test_ground_truth_without_instance_images_has_no_instance_score(tmp_path):
    label = image(26)
    pairs = [replace(pair, instance="") for pair in write_pairs(tmp_path, [(label, instances_of(label), label)])]
    scores, _ = score(pairs, replicates=5)
    assert scores["iiou_class"] is None and scores["iiou_category"] is None
    assert scores["interval"]["iiou_class"] is None
    assert scores["per_class"]["car"] == {"iou": 1.0, "iou_interval": [1.0, 1.0], "iiou": None, "iiou_interval": None}


def test_a_label_set_without_instances_has_no_instance_score(tmp_path):
    """CamVid, whose ids start with an evaluated 0, against scores counted pixel by pixel."""
    labels = read_labels(ROOT / "config/labels/camvid.csv")
    rng = np.random.default_rng(5)
    truth, prediction = rng.integers(0, 12, (2, 20, 30)).astype(np.uint8)
    truth[0] = 255  # ignored in every label set
    scores, _ = evaluate(write_pairs(tmp_path, [(truth, truth.astype(np.uint16), prediction)]), labels, replicates=0)
    valid = (truth != 255) & (truth != 11)
    for id_, name in enumerate(labels.class_names):
        hit = ((truth == id_) & (prediction == id_)).sum()
        union = ((truth == id_) | ((prediction == id_) & valid)).sum()
        assert scores["per_class"][name]["iou"] == hit / union
    assert scores["iiou_class"] is None and scores["iiou_category"] is None
    assert scores["accuracy"] == (truth == prediction)[truth != 255].mean()
    assert scores["accuracy_evaluated"] == (truth == prediction)[valid].mean()


def test_a_category_of_which_one_label_has_no_instances_is_not_scored_by_instance(tmp_path):
    label = image(24)
    rows = [replace(row, has_instances=row.has_instances and row.name != "rider") for row in CITYSCAPES.rows]
    labels = LabelTable(tuple(rows))
    scores, _ = evaluate(write_pairs(tmp_path, [(label, instances_of(label), label)]), labels, replicates=0)
    assert scores["per_class"]["person"]["iiou"] == 1.0 and scores["per_class"]["rider"]["iiou"] is None
    assert scores["per_category"]["human"] == {"iou": 1.0, "iou_interval": None, "iiou": None, "iiou_interval": None}


def test_average_sizes_of_a_new_set_come_from_its_train_split(tmp_path):
    """Groups do not count, nor do labels without instances, and an instance is counted per image."""
    first = np.array([[26001, 26001, 26002, 26, 5003, 24000]], np.uint16)
    second = np.array([[26001, 26001, 26001, 7, 7, 29000]], np.uint16)
    paths = []
    for index, values in enumerate((first, second)):
        paths.append(str(tmp_path / f"{index}.png"))
        Image.fromarray(values).save(paths[-1])
    assert average_instance_sizes(dict.fromkeys(paths, ""), CITYSCAPES) == {"person": 1.0, "car": 2.0}
    first_id = LabelTable((Label(1, "ball", 0, "thing", has_instances=True), Label(2, "ground", 1, "ground")))
    Image.fromarray(np.array([[1, 1000, 1000, 1000, 1001, 1002, 1002, 1002]], np.uint16)).save(tmp_path / "ball.png")
    assert average_instance_sizes({str(tmp_path / "ball.png"): ""}, first_id) == {"ball": 2.0}, "1000 is a group"


def test_a_split_is_scored_with_sizes_of_its_own_train_split(tmp_path):

    labels = LabelTable(tuple(replace(row, average_instance_size=None) for row in CITYSCAPES.rows))
    rng = np.random.default_rng(6)
    scenes = [street_scene(rng, 64, 128, 40) for _ in range(4)]
    pairs = write_pairs(tmp_path, scenes)
    rows = []
    for index, pair in enumerate(pairs):
        (tmp_path / "mine").mkdir(exist_ok=True)
        Path(pair.prediction).rename(tmp_path / "mine" / f"{pair.image_id}.png")
        rows.append(
            (pair.image_id, "train" if index < 3 else "val", pair.label, pair.label, pair.instance, 128, 64)
            + tuple(map(sha256, (pair.label, pair.label, pair.instance)))
        )
    write_manifest(pd.DataFrame(rows, columns=list(MANIFEST_COLUMNS)), tmp_path / "manifest.csv")

    def scored(labels, **settings):
        return score_split(tmp_path / "manifest.csv", "val", tmp_path / "mine", labels, replicates=0, **settings)[0]

    sizes = average_instance_sizes({pair.instance: "" for pair in pairs[:3]}, CITYSCAPES)
    last = replace(pairs[3], prediction=str(tmp_path / "mine" / f"{pairs[3].image_id}.png"))
    expected, _ = evaluate([last], CITYSCAPES, average_sizes=sizes, replicates=0)
    assert scored(labels) == scored(CITYSCAPES, sizes_from_train=True) == expected
    assert scored(CITYSCAPES) == evaluate([last], CITYSCAPES, replicates=0)[0] != expected
    rows = [replace(row, average_instance_size=10.0) if row.name == "car" else row for row in labels.rows]
    some, _ = evaluate([last], CITYSCAPES, average_sizes=sizes | {"car": 10.0}, replicates=0)
    assert scored(LabelTable(tuple(rows))) == some
    with pytest.raises(UserError, match="average instance size is in neither"):
        evaluate([last], labels, replicates=0)


def test_bucket_scores_are_means_over_their_classes_that_have_a_score(tmp_path):
    label = np.array([[7, 7, 8, 11]], np.uint8)
    pairs = write_pairs(tmp_path, [(label, label.astype(np.uint16), np.array([[7, 8, 8, 7]], np.uint8))])
    head = ["road", "sidewalk", "car"]
    tail = [name for name in CITYSCAPES.class_names if name not in head]
    scores, statistics = score(pairs)
    found = estimate_scores(statistics, {"head": head, "tail": tail}, replicates=20)
    per_class = scores["per_class"]
    assert found["iou_head"].value == (per_class["road"]["iou"] + per_class["sidewalk"]["iou"]) / 2
    assert found["iou_head"].low == found["iou_head"].value == found["iou_head"].high  # one image: all replicates alike
    assert found["iou_tail"].value == 0.0 and np.isnan([found["iiou_tail"].value, found["iiou_tail"].low]).all()


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 40))
@settings(max_examples=30, deadline=None)
def test_runs_count_what_pixels_count(seed, height, width):
    rng = np.random.default_rng(seed)
    low = rng.choice([1, 2, 34])
    label, prediction = rng.integers(0, low, (2, height, width)).astype(np.uint8)
    instance = rng.choice(np.array([7, 1000, 1001, 24000, 65535], np.uint16), (height, width))
    counts = count_pixels(label, prediction, instance, 34)
    confusion = np.zeros((256, 34), int)
    np.add.at(confusion, (label, prediction), 1)
    np.testing.assert_array_equal(counts.confusion, confusion)
    np.testing.assert_array_equal(counts.values, np.unique(instance[instance > 1000]))
    for value, hits in zip(counts.values, counts.hits, strict=True):
        np.testing.assert_array_equal(hits, np.bincount(prediction[instance == value], minlength=34))
