"""Bootstrap intervals against scores of images that are really repeated, and the files they are computed from."""

import json

import numpy as np
import pytest
from PIL import Image
from scoring import CITYSCAPES, street_scene, write_pairs

from tailcutmix.errors import UserError
from tailcutmix.metrics.bootstrap import interval, paired_bootstrap, replicate_scores, weights
from tailcutmix.metrics.evaluate import evaluate, write_scores
from tailcutmix.metrics.scores import MEANS, scores_of
from tailcutmix.metrics.statistics import read_statistics

BUCKETS = {"head": ["road", "sky"], "tail": ["bus", "train"]}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    rng = np.random.default_rng(0)
    scenes = [street_scene(rng, 48, 96, 6) for _ in range(6)]
    return write_pairs(tmp_path_factory.mktemp("pairs"), scenes)


@pytest.fixture(scope="module")
def statistics(pairs):
    return evaluate(pairs, CITYSCAPES, replicates=0)[1]


@pytest.fixture(scope="module")
def other(pairs, tmp_path_factory):
    """Another model on the same images: it takes every car for a truck."""
    changed = []
    for pair in pairs:
        ids = np.array(Image.open(pair.prediction))
        ids[ids == 26] = 27
        changed.append((np.array(Image.open(pair.label)), np.array(Image.open(pair.instance)), ids))
    return evaluate(write_pairs(tmp_path_factory.mktemp("other"), changed), CITYSCAPES, replicates=0)[1]


def test_a_replicate_is_the_score_of_the_images_it_drew(pairs, statistics):
    drawn = replicate_scores(statistics, 3, seed=5, buckets=BUCKETS)
    for number, weight in enumerate(np.concatenate(list(weights(len(pairs), 3, seed=5)))):
        assert weight.sum() == len(pairs)
        repeated = [pair for pair, times in zip(pairs, weight, strict=True) for _ in range(times)]
        _, expected = evaluate(repeated, CITYSCAPES, replicates=0)
        for name, value in scores_of(expected.total(), expected, BUCKETS).items():
            np.testing.assert_allclose(drawn[name][number], value, rtol=0, atol=1e-12, equal_nan=True)


def test_replicates_in_several_blocks_are_all_different_and_repeatable(statistics):
    first, again, otherwise = (replicate_scores(statistics, 250, seed)["iou_class"] for seed in (0, 0, 1))
    assert first.shape == (250,)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, otherwise)
    assert not np.array_equal(first[:100], first[100:200])


def test_an_interval_leaves_out_replicates_without_the_class(statistics):
    values = replicate_scores(statistics, 300, 0)["class_iou"]
    low, high = interval(values)
    for index in range(values.shape[1]):
        valid = values[:, index][~np.isnan(values[:, index])]
        if len(valid):
            np.testing.assert_allclose([low[index], high[index]], np.percentile(valid, [2.5, 97.5]))
        else:
            assert np.isnan(low[index])


def test_the_interval_of_the_metrics_file_holds_the_score_and_narrows_with_more_images(pairs):
    few, _ = evaluate(pairs, CITYSCAPES)
    many, _ = evaluate(pairs * 9, CITYSCAPES)
    for name in MEANS:
        low, high = few["interval"][name]
        assert low <= few[name] <= high
    width = [np.subtract(*scores["interval"]["accuracy"][::-1]) for scores in (few, many)]
    assert width[1] == pytest.approx(width[0] / 3, rel=0.3)  # 9 times the images, a third of the width


def test_a_model_does_not_differ_from_itself(statistics):
    for name, result in paired_bootstrap(statistics, statistics, BUCKETS, replicates=50).items():
        defined = ~np.isnan(result["difference"])
        assert (result["difference"][defined] == 0).all(), name
        assert (result["interval"][:, defined] == 0).all() and (result["above_zero"][defined] == 0).all()


def test_the_paired_difference_is_that_of_the_replicates(statistics, other):
    forth = paired_bootstrap(statistics, other, replicates=200, seed=3)
    back = paired_bootstrap(other, statistics, replicates=200, seed=3)
    separate = [replicate_scores(model, 200, 3) for model in (statistics, other)]
    change = separate[1]["iou_class"] - separate[0]["iou_class"]
    np.testing.assert_allclose(forth["iou_class"]["interval"], np.percentile(change, [2.5, 97.5]))
    np.testing.assert_allclose(forth["iou_class"]["interval"], -back["iou_class"]["interval"][::-1], atol=1e-15)
    car = CITYSCAPES.class_of("car").train_id
    change = separate[1]["class_iou"][:, car] - separate[0]["class_iou"][:, car]
    assert forth["class_iou"]["difference"][car] < 0 and forth["class_iou"]["above_zero"][car] == 0
    assert back["class_iou"]["above_zero"][car] == (change < 0).sum() / (~np.isnan(change)).sum() > 0.9


def test_seeds_are_averaged_within_each_replicate(statistics, other):
    mixed = paired_bootstrap([statistics, statistics], [statistics, other], replicates=50)
    single = paired_bootstrap(statistics, other, replicates=50)
    np.testing.assert_allclose(mixed["iou_class"]["difference"], single["iou_class"]["difference"] / 2)
    np.testing.assert_allclose(mixed["iou_class"]["interval"], single["iou_class"]["interval"] / 2)


def test_models_scored_on_other_images_are_not_compared(pairs, statistics):
    _, fewer = evaluate(pairs[:4], CITYSCAPES, replicates=0)
    with pytest.raises(UserError, match="same images"):
        paired_bootstrap(statistics, fewer)


def test_written_statistics_come_back_whole_and_give_the_written_scores(pairs, tmp_path):
    identity = {"dataset": "toy", "model": "m1", "seed": 3, "split": "val"}
    scores, statistics = evaluate(pairs, CITYSCAPES, replicates=20, identity=identity)
    write_scores(scores, statistics, tmp_path / "deep" / "val.json")
    assert sorted(path.name for path in (tmp_path / "deep").iterdir()) == ["val.json", "val.npz"]
    content = json.loads((tmp_path / "deep" / "val.json").read_text())
    assert content == scores
    assert (content["model"], content["seed"], content["images"]) == ("m1", 3, 6)
    back = read_statistics(tmp_path / "deep" / "val.npz")
    assert (back.image_ids, back.classes, back.categories) == (
        statistics.image_ids,
        statistics.classes,
        statistics.categories,
    )
    np.testing.assert_array_equal(back.confusion, statistics.confusion)
    assert float(scores_of(back.total(), back)["iiou_class"]) == content["iiou_class"]


def test_broken_statistics_are_named(tmp_path):
    path = tmp_path / "val.npz"
    with pytest.raises(UserError, match="val.npz: no such statistics"):
        read_statistics(path)
    path.write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(UserError, match="val.npz: not a readable"):
        read_statistics(path)
