"""Folds of train in the plan: blocks, names, files, what is refused, and what is said of them."""

import pytest
from test_plan import plan_of, shipped

from tailcutmix.errors import UserError
from tailcutmix.plan import cost
from tailcutmix.plan.folds import folds_of
from tailcutmix.plan.inputs import gate_inputs, predict_inputs, rebucket_inputs, scales_inputs, training_inputs
from tailcutmix.plan.readings import sentences
from tailcutmix.plan.show import Images, describe

TWO = {"selection": {"folds": 2}}
FILES = plan_of().files


@pytest.mark.parametrize(("images", "count"), [(10, 2), (11, 3), (200, 7), (5, 5), (4, 1)])
def test_each_image_is_in_the_block_of_its_position(images, count):
    folds = folds_of(count)
    assert [fold.number - 1 for fold in folds for _ in fold.block(images)] == [
        p * count // images for p in range(images)
    ]
    assert [position for fold in folds for position in fold.block(images)] == list(range(images))
    assert all(fold.outside(images) == images - len(fold.block(images)) for fold in folds)


def test_a_network_without_a_fold_has_the_recipe_and_a_start_that_has_not_seen_it_either():
    plan = plan_of(TWO)
    expert = plan.model("m2-bus@fold2")
    assert (expert.name, expert.init, expert.expert_of) == ("m2-bus@fold2", "m1@fold2", "bus")
    assert expert.recipe == plan.model("m2-bus").recipe
    assert training_inputs(plan, expert, "3", tuple)["init"] == FILES.weights("m1@fold2", 3)
    assert plan.model("m1@fold1").fold == folds_of(2)[0] and plan.model("m1").fold is None
    assert cost.training_steps(plan.model("m0@fold1"), 48) == cost.training_steps(plan.model("m0"), 24)
    for name in ("m1@fold3", "m1@fold", "m1@folds2", "lorry@fold1"):
        with pytest.raises(UserError, match="no model is called"):
            plan.model(name)
    with pytest.raises(UserError, match="no model is called 'm1@fold1'"):
        plan_of().model("m1@fold1")


def test_train_is_judged_by_the_networks_of_its_folds_with_the_scales_of_the_whole():
    """An arm with the weights of others is judged by what these are without each fold."""
    plan = plan_of(TWO)
    found = predict_inputs(plan, plan.model("m2_prior-bus@folds"), "0", "train")
    assert found["model"] == [FILES.weights(f"m2-bus@fold{i}", 0) for i in (1, 2)]
    assert found["history"] == [FILES.history(f"m2-bus@fold{i}", 0) for i in (1, 2)]
    assert found["scales"] == FILES.scales("m1", 0) and found["images"] == FILES.packed("train")["images"]
    with pytest.raises(UserError, match="m0@folds predicts train"):
        predict_inputs(plan, plan.model("m0@folds"), "0", "test")


@pytest.mark.parametrize(
    ("overlay", "suffix", "split", "weights"),
    [({}, "", "val", ["m1"]), (TWO, "@folds", "train", ["m1@fold1", "m1@fold2"])],
)
def test_what_choices_are_made_by(overlay, suffix, split, weights):
    """Val as ever; with folds, train."""
    plan = plan_of({**overlay, "seeds": [0, 1]})
    scales = scales_inputs(plan, plan.model("m1"), "0")
    assert scales["model"] == [FILES.weights(name, 0) for name in weights]
    assert scales["images"] == FILES.packed(split)["images"]
    assert rebucket_inputs(plan)["predictions"] == [FILES.predictions(f"m0{suffix}", seed, split) for seed in (0, 1)]
    gate = gate_inputs(plan, "ensemble_gate", "0", [plan.labels.class_of("bus")])
    names = [f"m1{suffix}", f"m2-bus{suffix}"]
    assert [gate["base"], *gate["experts"]] == [FILES.predictions(name, 0, split) for name in names]


@pytest.mark.parametrize(
    ("overlay", "folded"),
    [
        ({}, ["m0", "m1"]),
        ({"buckets": {"tail": ["bus"]}}, ["m1"]),
        ({"buckets": {"tail": ["bus"]}, "ensembles": {"ensemble": {"gate": True}}}, ["m1", "m2"]),
        ({"buckets": {"model": "m0_average"}}, ["m0_single", "m1"]),
        ({"tables": {"table1": ["unet"]}, "models": {"unet": {"labels_from": "ensemble_gate"}}}, ["m0", "m1", "m2"]),
    ],
)
def test_what_is_trained_again_is_what_stands_behind_a_choice(overlay, folded):
    plan = plan_of({**TWO, **overlay})
    assert plan.folded(plan.tables.table1) == folded
    assert plan_of(overlay).folded(plan.tables.table1) == []


@pytest.mark.parametrize(
    ("overlay", "words"),
    [
        ({"selection": {"folds": 1}}, "folds is 1; it must be 0, or 2 or more"),
        ({"selection": {"folds": -2}}, "selection.folds is -2"),
        ({"selection": {"folds": 9}, "dataset": {"toycity": {"train": 8}}}, "folds is 9, but train holds 8 images"),
        (
            {**TWO, "buckets": {"rebucket": False}, "tables": {"table1": ["unet", "m0"], "ablation": ["m0"]}},
            "folds is 2, but nothing is chosen",
        ),
        (
            {**TWO, "models": {"unet": {"labels_from": "ensemble", "inference": {"per_class_scales": True}}}},
            "models.unet.labels_from: with selection.folds, what is chosen for unet",
        ),
    ],
)
def test_folds_that_cannot_be_are_refused(overlay, words):
    with pytest.raises(UserError, match=words) as error:
        plan_of(overlay)
    assert "\n" not in str(error.value)


def test_the_plan_counts_the_trainings_of_the_folds():
    """Table 1 with a gate and two tail classes: U-Net, M0, M1, two experts; twice more M0, M1 and the experts."""
    overlay = {**TWO, "ensembles": {"ensemble": {"gate": True}}, "tables": {"ablation": ["ensemble"]}}
    plan, images = plan_of(overlay), Images({"train": 48, "val": 16, "test": 16})
    text = describe(plan, images, ["bus", "train"], "known").splitlines()
    assert any(line.startswith("folds      each network behind a choice is trained 2 times more") for line in text)
    first = [line.split("  ")[0] for line in text if "@fold" in line]
    assert first == ["m0@fold<i> x 2", "m1@fold<i> x 2", "m2-<class>@fold<i> x 2 x 2"]
    (total,) = [line for line in text if line.startswith("Table 1")]
    steps = {name: cost.training_steps(plan.model(name), 48) for name in ("unet", "m0", "m1", "m2")}
    half = {name: cost.training_steps(plan.model(f"{name}@fold1"), 48) for name in ("m0", "m1", "m2")}
    count = sum(steps.values()) + steps["m2"] + 2 * (half["m0"] + half["m1"] + 2 * half["m2"])
    assert f"{3 + 2 + 2 * 4} trainings, {count:,} steps" in total


def test_it_is_said_what_the_folds_decided():
    val = {"evaluation": {"split": "val"}}
    assert sentences(plan_of(val))[-1].startswith("Val also decided the move of classes")
    for overlay in (TWO, {**TWO, **val}, {**shipped("minicity.yaml"), **TWO}):
        (said,) = [text for text in sentences(plan_of(overlay)) if "decided" in text]
        assert said.startswith(
            "2 folds of train decided the move of classes between buckets and the scales of each class"
        )
