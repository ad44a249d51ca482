"""Bad configurations: each is refused before any job, in one line that names the key as it was set."""

import copy

import pytest
from conftest import ROOT

from tailcutmix.errors import UserError
from tailcutmix.plan.plan import read_plan

NAN, INF = float("nan"), float("inf")

SMALL = {
    "dataset": {"name": "small", "source": "toycity"},
    "seeds": [0],
    "training": {"width": 4, "crop": [64, 64], "batch": 2},
    "models": {
        "m0": {"title": "M0"},
        "m1": {"extends": "m0", "mixing": "level0"},
        "m2": {"extends": "m1", "mixing": "levels", "init": "m1"},
    },
    "ensembles": {"ensemble": {"base": "m1", "experts": "m2"}},
    "tables": {"table1": ["m0", "m1", "ensemble"]},
}


def with_key(dotted, value):
    """SMALL with one key set; the parts of its name are separated by slashes."""
    config = copy.deepcopy(SMALL)
    *sections, last = dotted.split("/")
    place = config
    for section in sections:
        place = place.setdefault(section, {})
    place[last] = value
    return config


def refusal(config):
    with pytest.raises(UserError) as error:
        read_plan(config, ROOT)
    message = str(error.value)
    assert "\n" not in message
    return message


def test_what_the_cases_change_is_valid():
    read_plan(SMALL, ROOT)


NUMBERS = [
    "augmentation/jitter",
    "buckets/margin",
    "buckets/poor",
    "engine/checkpoint_seconds",
    "mixing/probability",
    "models/m1/epochs",
    "regions/r",
    "regions/s",
    "selection/margin",
    "training/adamw_lr",
    "training/auxiliary_weight",
    "training/expand",
    "training/grad_clip",
    "training/lr",
    "training/weight_decay",
]


@pytest.mark.parametrize("value", [NAN, INF, -INF, 1e308, "1e-3", True], ids=str)
@pytest.mark.parametrize("key", NUMBERS)
def test_numbers_are_finite_numbers_in_their_range(key, value):
    message = refusal(with_key(key, value))
    assert f"config: {key.replace('/', '.')} is " in message
    if value == "1e-3":
        assert "0.001" in message


@pytest.mark.parametrize("value", [5.0, NAN, INF, 2**64, -1, True, "5"], ids=str)
@pytest.mark.parametrize(
    "key",
    ["dataset/toycity/seed", "evaluation/threads", "inference/batch", "regions/min_area", "training/batch", "seeds"],
)
def test_whole_numbers_are_written_as_such(key, value):
    message = refusal(with_key(key, [value] if key == "seeds" else value))
    assert f"config: {key.replace('/', '.')}" in message


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("training/width", 48.0, ["training.width is 48.0", "one of"]),
        ("training/stages", 4.0, ["training.stages is 4.0", "3, 4"]),
        ("training/accumulate", 3, ["training.accumulate is 3", "training.batch is 2"]),
        ("models/m1/accumulate", 3, ["models.m1.accumulate is 3", "training.batch is 2"]),
        ("models/m1/batch", 0, ["models.m1.batch is 0", "1 or more"]),
        ("training/crop", [96, 80], ["training.crop is [96, 80]", "multiples of 32"]),
        ("models/m1/crop", [96, 80], ["models.m1.crop is [96, 80]", "multiples of 32"]),
        ("models/m0/crop", [96, 80], ["models.m0.crop is [96, 80]", "multiples of 32"]),
        ("models/m2-car", {"crop": [96, 80]}, ["models.m2-car.crop", "multiples of 32"]),
        ("training/crop", [64.0, 64], ["training.crop.0 is 64.0", "whole number"]),
        ("training", {"crop": [64, 64], "batch": 1}, ["training.crop", "one pixel at scale 0.5"]),
        ("training/training_scales", [0.5], ["training.training_scales", "1.0"]),
        ("inference/scales", [0.5], ["config: inference.scales", "1.0"]),
        ("inference/scales", [0.001, 1.0], ["config: inference.scales", "0.05"]),
        ("models/m0/inference", {"scales": [0.001, 1.0]}, ["models.m0.inference.scales"]),
        ("inference/scales", [1.0, NAN], ["inference.scales.1 is nan"]),
        ("mixing/level_weights", {1: 0, 2: 0, 3: 0}, ["mixing.level_weights", "above 0"]),
        ("mixing/level_weights", {4: 1}, ["mixing.level_weights", "level 4", "[1, 2, 3]"]),
        ("mixing/level_weights", {12: 1}, ["mixing.level_weights"]),
        ("mixing/level_weights", {1: NAN}, ["mixing.level_weights", "nan"]),
        ("mixing/level_weights", {1: -1}, ["mixing.level_weights", "0 or more"]),
        ("models/m2/level_weights", {4: 1}, ["models.m2.level_weights", "level 4"]),
        ("buckets/cuts", [30, 4], ["buckets.cuts", "together 34", "classes"]),
        ("buckets/tail", ["lorry"], ["buckets.tail", "'lorry'"]),
        ("buckets/tail", "truck", ["buckets.tail", "a list"]),
        ("models/a/b", {}, ["models.a", "'b'"]),
        ("models", {"a/b": {}}, ["models has the key 'a/b'", "of the form"]),
        ("models", {"../a": {}}, ["models has the key '../a'"]),
        ("models", {1: {}}, ["models has the key 1", "quotes"]),
        ("models", {True: {}}, ["models has the key True", "quotes"]),
        ("models", {None: {}}, ["models has the key None", "quotes"]),
        ("models", {"a\n": {}}, ["key of models", "line break"]),
        ("models", {"": {}}, ["models"]),
        ("models/m0/title", "two\nlines", ["models.m0.title", "line break"]),
        ("models/m0/extends", "m0", ["models.m0.extends", "circle"]),
        ("models/m0/init", "m0", ["models.m0.init", "circle"]),
        ("models/m0/weights", "m0", ["models.m0.weights", "circle"]),
        ("models/m0", {"init": "m3"}, ["models.m0.init", "no key of models"]),
        ("models/a", {"labels_from": "a"}, ["models.a", "labels_from go in a circle: a -> a"]),
        ("models/a", {"labels_from": "m3"}, ["models.a.labels_from is 'm3'", "neither an ensemble nor a model"]),
        ("models/a", {"labels_from": "m2"}, ["models.a.labels_from is 'm2'", "neither an ensemble nor a model"]),
        ("models/a", {"labels_from": "m0", "mixing": "copy_paste"}, ["models.a.labels_from", "true labels"]),
        ("models/m2/labels_from", "m0", ["models.m2.labels_from", "experts learn"]),
        ("models/m2-car", {"labels_from": "m0"}, ["models.m2-car.labels_from", "experts learn"]),
        ("models/a", {"unlabelled": ["unlabelled"]}, ["models.a.unlabelled", "dataset.unlabelled, which is not set"]),
        ("models/a", {"unlabelled": ["vall"]}, ["models.a.unlabelled.0 is 'vall'", "train, val, test, unlabelled"]),
        ("models/a", {"unlabelled": ["val"], "compile": "cuda_graphs"}, ["models.a.compile", "models.a.unlabelled"]),
        ("dataset/unlabelled", "{x}", ["dataset.unlabelled", "braces"]),
        ("buckets/model", "m1", ["buckets.model is 'm1'", "needs the tail"]),
        ("dataset/name", "small\n", ["dataset.name", "line break"]),
        ("dataset/name", "../small", ["dataset.name", "of the form"]),
        ("dataset/name", "", ["dataset.name", "of the form"]),
        ("dataset/root", "data/{city}", ["dataset.root", "braces"]),
        ("dataset/labels", "{x}.csv", ["dataset.labels", "braces"]),
        ("dataset/root", "a\0b", ["dataset.root", "control character"]),
        ("dataset/size", [64, INF], ["dataset.size"]),
        ("dataset/toycity/train", 0, ["dataset.toycity.train", "2 or more"]),
        ("tables/table1", [1], ["tables.table1.0", "a text"]),
        ("tables/table1", ["a", "m1"], ["tables.table1", "'a'", "neither a model nor an ensemble"]),
        ("models/m2-car", {"width": 8}, ["models.m2-car.width is 8", "models.m2-car.init is m1, whose width is 4"]),
        ("models/m2/head_channels", 16, ["models.m2.head_channels is 16", "init is m1", "the same head_channels"]),
        ("models/a", {"weights": "m0", "attention": "none"}, ["models.a.attention", "weights is m0"]),
        ("training/training_scales", [1.0], ["training.training_scales", "two scales or more"]),
        ("models/m0/width", "w18_small", ["models.m0.width is 'w18_small'", "stages: 4"]),
        ("buckets/tail", ["traffic light", "traffic_light"], ["buckets.tail", "twice"]),
        ("ensembles/ensemble/order", ["lorry"], ["ensembles.ensemble.order", "'lorry'"]),
        ("dataset/allow_shared_images", "yes", ["dataset.allow_shared_images", "true or false"]),
        ("tables/table1", ["m0", "m0"], ["tables.table1"]),
        ("seeds", [0, 0], ["seeds"]),
        ("seeds", 0, ["seeds", "a list"]),
        ("training", None, ["training", "a section"]),
        ("models", [], ["models", "a section"]),
        ("ensembles", {"m0": {"base": "m1", "experts": "m2"}}, ["'m0'", "both a model and an ensemble"]),
    ],
)
def test_keys_are_named(key, value, words):
    config = with_key(key, value)
    if key == "training" and isinstance(value, dict):
        config["training"] = SMALL["training"] | value
    if value == "w18_small":
        config["training"]["stages"] = 3
    if key == "models" and isinstance(value, dict):
        config["models"] = SMALL["models"] | value
    message = refusal(config)
    for word in words:
        assert word in message, message


def test_a_circle_of_init_and_weights_is_found():
    config = copy.deepcopy(SMALL)
    config["models"] |= {"a": {"init": "b"}, "b": {"weights": "a"}}
    assert "init, weights and labels_from go in a circle: a -> b -> a" in refusal(config)


def test_a_circle_through_the_experts_of_an_ensemble_is_found():
    """Its experts start from the network that shall learn what it predicts."""
    config = copy.deepcopy(SMALL)
    config["models"] |= {"a": {"labels_from": "other"}, "b": {"mixing": "level0", "init": "a"}}
    config["ensembles"]["other"] = {"base": "m1", "experts": "b"}
    assert "labels_from go in a circle: a -> b -> a" in refusal(config)


@pytest.mark.parametrize("key", ["init", "labels_from"])
def test_what_decides_the_tail_needs_no_tail_by_detours_either(key):
    config = with_key("buckets/model", "a")
    config["models"]["a"] = {key: "m1"}
    assert "buckets.model is 'a'" in refusal(config) and "m1 is trained, which needs the tail" in refusal(config)
    config["buckets"]["tail"] = ["bus"]
    read_plan(config, ROOT)


def test_levels_of_weights_may_be_numbers():
    plan = read_plan(with_key("mixing/level_weights", {1: 1, 3: 2.5}), ROOT)
    assert plan.model("m2-car").recipe.mixing.level_weights == {1: 1, 3: 2.5}
