"""The plan: shipped configurations are read, mistakes named with what is allowed, and models resolved."""

import re
from dataclasses import fields, replace
from typing import get_args, get_type_hints

import pytest
import yaml
from conftest import ROOT

from tailcutmix.errors import UserError
from tailcutmix.plan import cost, schema
from tailcutmix.plan.inputs import ensemble_inputs, prediction_inputs, training_inputs
from tailcutmix.plan.plan import merged, read_plan
from tailcutmix.plan.settings import data, jobs, recipe, results, tail
from tailcutmix.plan.settings.keys import plain, typed
from tailcutmix.plan.settings.length import length_of
from tailcutmix.plan.show import Images, describe

DEFAULT = yaml.safe_load((ROOT / "config/config.yaml").read_text())
OVERLAYS = sorted(path.name for path in (ROOT / "config").glob("*.yaml") if path.name != "config.yaml")


def plan_of(overlay=None, base=DEFAULT):
    return read_plan(merged(base, overlay or {}), ROOT)


def shipped(name):
    return yaml.safe_load((ROOT / "config" / name).read_text()) if name else {}


@pytest.mark.parametrize("name", [None, *OVERLAYS])
def test_shipped_configurations_are_valid(name):
    plan = plan_of(shipped(name))
    assert set(plan.experts) == {f"{t}-{known.slug}" for t in plan.templates() for known in plan.labels.classes}


@pytest.mark.parametrize(
    ("overlay", "words"),
    [
        ({"datset": {}}, ["'datset'", "did you mean 'dataset'"]),
        ({"training": {"bach": 3}}, ["training", "'bach'", "'batch'"]),
        ({"models": {"m1": {"inference": {"scals": [1]}}}}, ["models.m1.inference", "'scals'", "'scales'"]),
        ({"regions": {"r": 1.5}}, ["regions.r", "1.5", "below 1"]),
        ({"regions": {"s": 1}}, ["regions.s", "above 1"]),
        ({"seeds": []}, ["seeds", "1 entries or more"]),
        ({"dataset": {"source": "city"}}, ["dataset.source", "toycity, minicity, cityscapes, camvid, folders"]),
        ({"dataset": {"size": [1, 2]}}, ["dataset.size", "null or a list of two, each a whole number, 32 or more"]),
        ({"buckets": {"tail": ["lorry"]}}, ["buckets.tail", "'lorry'", "truck"]),
        ({"buckets": {"model": "mx"}}, ["buckets.model", "'mx'"]),
        ({"models": {"m1": {"mixing": "blend"}}}, ["models.m1.mixing", ", ".join(recipe.MIXINGS)]),
        ({"models": {"m1": {"init": "m2"}}}, ["init goes in a circle"]),
        ({"models": {"m2-lorry": {"epochs": 3}}}, ["models.m2-lorry", "no class", "lorry"]),
        ({"dataset": {"labels": "nowhere.csv"}}, ["nowhere.csv", "no such label table"]),
        ({"engine": {"history_every": 0}}, ["engine.history_every", "1 or more"]),
        ({"buckets": {"poor": 2}}, ["buckets.poor", "from 0 to 1"]),
        ({"models": {"m9": {"extends": "mx"}}}, ["models.m9.extends", "'mx'"]),
        ({"models": {"a": {"extends": "b"}, "b": {"extends": "a"}}}, ["circle"]),
        ({"training": {"crop": [96, 128]}}, ["crop", "multiples of 32"]),
        ({"models": {"unet": {"attention": "hierarchical"}}}, ["models.unet", "attention: none"]),
        (
            {"training": {"compile": "cuda_graphs", "accumulate": 2}},
            ["training.compile", "wrong gradients", "accumulate: 1"],
        ),
        ({"inference": {"scales": [0.5, 2.0]}}, ["inference.scales", "1.0"]),
        ({"augmentation": {"scale": [2.0, 0.5]}}, ["augmentation.scale", "small to large"]),
        ({"models": {"m2": {"levels": [4]}}}, ["models.m2.levels", "regions.levels"]),
        ({"models": {"m2": {"mixing": "none"}}}, ["models.m2.mixing", "levels"]),
        ({"tables": {"table1": ["foo"]}}, ["tables.table1", "'foo'"]),
        ({"tables": {"table1": ["m2"]}}, ["tables.table1", "template"]),
        ({"tables": {"differences": [["m0", "foo"]]}}, ["tables.differences", "'foo'"]),
        ({"tables": {"differences": [["m0"]]}}, ["tables.differences", "a list of two, each a text"]),
        ({"ensembles": {"ensemble": {"base": "m7"}}}, ["ensembles.ensemble.base", "'m7'"]),
        ({"training": {"sampling": "rare"}}, ["training.sampling", "images, class_crops, classes, rare_classes"]),
        (
            {"models": {"m1": {"loss": "dice"}}},
            ["models.m1.loss", "cross_entropy, focal, logit_adjustment, lovasz, ohem"],
        ),
        ({"models": {"m1": {"loss": "ohem", "class_weights": "bounded"}}}, ["models.m1", "takes no class weights"]),
        ({"training": {"rare_class_temperature": 0}}, ["training.rare_class_temperature", "above 0"]),
    ],
)
def test_mistakes_are_named(overlay, words):
    with pytest.raises(UserError) as error:
        plan_of(overlay)
    message = str(error.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_expert_settings_come_from_template_and_own_entry():
    plan = plan_of({"models": {"m2": {"epochs": 3}, "m2-traffic_light": {"epochs": 9, "inference": {"gpus": 1}}}})
    train, light = plan.model("m2-train"), plan.model("m2-traffic_light")
    assert (train.expert_of, light.expert_of, plan.model("m1").expert_of) == ("train", "traffic_light", None)
    assert (train.recipe.training.epochs, light.recipe.training.epochs) == (3, 9)
    assert (train.init, light.init) == ("m1", "m1")
    assert (train.inference_job.gpus, light.inference_job.gpus) == (0, 1), "a model's own resources are its own"
    assert (light.title, light.short) == ("M2 expert traffic light", "traffic light")
    with pytest.raises(UserError, match="no model is called 'm2-lorry'"):
        plan.model("m2-lorry")


def test_arm_overrides_single_keys_of_what_it_extends():
    overlay = {"models": {"arm": {"extends": "m1", "mixing": "cutmix", "augmentation": {"jitter": 0.0}}}}
    plan = plan_of(overlay)
    arm, m1 = plan.model("arm"), plan.model("m1")
    assert arm.recipe.mixing.name == "cutmix"
    assert arm.recipe.training == m1.recipe.training and arm.inference == m1.inference
    assert arm.recipe.augmentation.jitter == 0.0 and arm.recipe.augmentation.scale == m1.recipe.augmentation.scale
    assert (arm.title, arm.short) == ("arm", "arm"), "names are not passed on"


def test_templates_whose_names_begin_alike_keep_their_own_experts():
    """``m2-rare`` may be a template beside ``m2``: its experts are its own, and it is none of m2's."""
    overlay = {
        "models": {"m2-rare": {"extends": "m2", "levels": [1]}},
        "ensembles": {"x": {"base": "m1", "experts": "m2-rare"}},
    }
    plan = plan_of(overlay)
    assert "m2-rare" in plan.models and "m2-rare" not in plan.experts
    assert plan.model("m2-rare-bus").recipe.mixing.levels == (1,)
    assert plan.model("m2-bus").recipe.mixing.levels == (1, 2, 3)


@pytest.mark.parametrize("name", [None, *OVERLAYS])
def test_arms_of_the_ablation_are_trained_as_long_as_what_they_are_compared_with(name):
    plan = plan_of(shipped(name))

    def steps(model):
        training = plan.model(model).recipe.training
        return training.epochs * training.expand, training.batch, training.lr

    for arm in ("m0_single", "m0_explicit"):
        assert steps(arm) == steps("m0")
    for arm in ("m0_long", "cutmix", "mixup", "cutout", "class_uniform", "inverse_frequency"):
        assert steps(arm) == steps("m1")
        assert plan.model(arm).inference == plan.model("m0").inference and plan.model(arm).init is None
    assert plan.model("m1").init is None, "M1 is trained from scratch"
    for arm in ("m2_level1", "m2_levels12", "m2_always"):
        assert steps(arm) == steps("m2") and plan.model(arm).init == "m1"
    assert plan.model("m0_single").recipe.network.training_scales == (1.0,), "without attention, one scale is trained"
    trained = plan.networks_of(tuple(row for row in plan.tables.ablation if row in plan.models))
    assert len({str(plan.model(model).recipe) for model in trained}) == len(trained), "no two arms are trained alike"


MINICITY = Images({"train": 200, "val": 100, "test": 200}, 1024, 2048)


def test_e_changes_the_length_of_the_paper_profile():
    """With e = 15 an epoch is one of Cityscapes' 2,975 images within a hundredth; without, a fifteenth of the steps."""
    plan = plan_of(shipped("minicity.yaml"))
    m0, m1 = (plan.to_train(name, tuple).recipe.training for name in ("m0", "m1"))
    assert length_of(m1, 200).draws == pytest.approx(2975, rel=0.01)
    assert length_of(m0, 200) == length_of(m1, 200), "Table 1 compares what is trained equally long"
    literal = plan_of(merged(shipped("minicity.yaml"), {"models": {"m1": {"expand": 1}}}))
    assert 15 * length_of(literal.to_train("m1", tuple).recipe.training, 200).steps == length_of(m1, 200).steps
    assert length_of(m1, 200).steps * m1.batch > 288_000, "as many crops as the public entries from scratch"


def test_the_paper_profile_reads_the_report_literally():
    plan = plan_of(shipped("minicity.yaml"))
    assert plan.regions == tail.Regions()
    assert (plan.buckets.poor, plan.buckets.good, plan.buckets.margin) == (None, None, 0.0)
    assert {plan.to_train(name, tuple).recipe.mixing.probability for name in ("m1", "m2")} == {1.0}


def test_the_short_profile_is_the_paper_s_but_for_its_size_and_its_length():
    paper, short = shipped("minicity.yaml"), shipped("minicity_short.yaml")
    models = {"unet": {"input_scale": 1.0}, "m1": {"epochs": 70}, "m2": {"epochs": 7}}
    differs = {
        "dataset": {"name": "minicity_short", "size": [512, 1024]},
        "regions": {"min_area": 64},
        "training": {"crop": [384, 768], "epochs": 70},
        "models": models,
    }
    assert short == merged(paper, differs)
    plan = plan_of(short)
    trainings = [plan.models["unet"], plan.models["m0"], plan.models["m1"], *7 * [plan.models["m2"]]]
    assert sum(cost.uninterrupted_minutes(model, 200) for model in trainings) < 24 * 60


@pytest.mark.parametrize("name", ["minicity", "minicity_short"])
def test_the_costs_in_the_docs_are_the_plan_s(name):
    height, width = plan_of(shipped(f"{name}.yaml")).dataset.size or (1024, 2048)
    text = describe(plan_of(shipped(f"{name}.yaml")), Images(MINICITY.splits, height, width)).splitlines()
    start = next(number for number, line in enumerate(text) if line.startswith("Table 1"))
    assert "\n".join(text[start : start + 2]) in (ROOT / "docs/scaling.md").read_text()


def test_fewer_levels_leave_the_rest_of_the_configuration_valid():
    plan = plan_of({"regions": {"levels": [1]}})
    assert plan.to_train("m2_level1", tuple).recipe.mixing.levels == (1,)
    with pytest.raises(UserError, match="regions.levels"):
        plan.to_train("m2_levels12", tuple)


def test_what_does_not_concern_a_model_is_not_in_its_recipe():
    """A change of the mixing retrains nothing that mixes nothing; resources and the engine retrain nothing at all."""
    plan, other = plan_of(), plan_of({"mixing": {"probability": 0.5}, "training": {"gpus": 1, "threads": 3}})
    assert plan.model("m0").recipe == other.model("m0").recipe
    assert plan.model("m1").recipe != other.model("m1").recipe
    assert other.model("m0").training_job.gpus == 1


@pytest.mark.parametrize(
    ("choice", "key", "value"),
    [
        ({"loss": "focal"}, "focal_gamma", 1.0),
        ({"loss": "logit_adjustment"}, "logit_adjustment", 0.5),
        ({"loss": "ohem"}, "ohem_share", 0.5),
        ({"class_weights": "effective_number"}, "effective_number_beta", 0.9),
        ({"sampling": "rare_classes"}, "rare_class_temperature", 0.1),
        ({"sampling": "repeat_factor"}, "repeat_threshold", 0.3),
        ({"optimizer": "muon"}, "adamw_lr", 0.001),
    ],
)
def test_a_setting_of_one_choice_concerns_that_choice_alone(choice, key, value):
    """Changed for all, it retrains the arm that made the choice and no other."""
    models = {"arm": {"extends": "m0_long", **choice}, "m0": {"optimizer": "sgd"}}
    plan, other = plan_of({"models": models}), plan_of({"models": models, "training": {key: value}})
    assert getattr(other.model("arm").recipe.training, key) == value
    assert plan.model("arm").recipe != other.model("arm").recipe
    assert plan.model("m0").recipe == other.model("m0").recipe


def test_the_smallest_object_of_copy_paste_is_that_of_the_regions():
    plan = plan_of({"regions": {"min_area": 17}, "models": {"arm": {"extends": "m0_long", "mixing": "copy_paste"}}})
    assert plan.model("arm").recipe.mixing.min_area == 17 and plan.model("m1").recipe.mixing.min_area == 0
    wanted = training_inputs(plan, plan.model("arm"), "0", tuple)
    assert (wanted["buckets"], wanted["raw"]) == ("results/toycity/buckets/final.csv", ["results/toycity/raw"])


def test_the_rivals_are_every_choice_there_is_and_each_differs_in_one():
    """Nothing is left out, and an arm can be compared with m0_long: it has its steps, network and prediction."""
    plan = plan_of(shipped("rivals.yaml"))
    rows = [name for name in plan.tables.ablation if name in plan.models]
    base, m1 = plan.model("m0_long"), plan.model("m1").recipe.training
    length = m1.epochs, m1.expand
    training = [plan.model(name).recipe.training for name in rows]
    assert {one.loss for one in training} == set(recipe.LOSSES)
    assert {one.sampling for one in training} == set(recipe.SAMPLINGS)
    assert {one.class_weights for one in training} == set(get_args(get_type_hints(recipe.Training)["class_weights"]))
    assert {plan.model(name).recipe.mixing.name for name in rows} == set(recipe.MIXINGS) - {"levels", "all_levels"}
    for name in shipped("rivals.yaml")["models"]:
        arm = plan.model(name)
        assert name in rows and arm.inference == base.inference and arm.init is None
        differs = {key for key, value in vars(arm.recipe.training).items() if value != vars(base.recipe.training)[key]}
        differs |= {"mixing"} if arm.recipe.mixing != base.recipe.mixing else set()
        if arm.recipe.semi.unlabelled:
            assert differs == ({"mixing"} if name == "mean_teacher_tail" else set())
            assert arm.recipe.semi.taught == (arm.labels_from is None), "a teacher, or an ensemble's labels"
            assert "test" not in arm.recipe.semi.unlabelled, "not among the images that the challenge gives to train on"
        else:
            assert len(differs) == 1 and differs <= {"mixing", "sampling", "loss", "class_weights"}
        same = {part: getattr(base.recipe, part) for part in ("mixing", "training", "semi")}
        assert replace(arm.recipe, **same) == base.recipe
        assert (arm.recipe.training.epochs, arm.recipe.training.expand) == length


def test_the_modules_of_a_training_are_those_that_it_imports_by_name():
    plan = plan_of({"models": {"arm": {"extends": "m1", "mixing": "classmix", "sampling": "classes", "loss": "ohem"}}})
    arm = ["models.architectures.hrnet", "training.losses.ohem", "mixing.methods.classmix", "mixing.sampling.classes"]
    assert plan.model("arm").recipe.modules == [f"tailcutmix.{name}" for name in arm]
    assert plan.model("m0").recipe.modules == [
        f"tailcutmix.{name}" for name in (arm[0], "training.losses.cross_entropy")
    ]


def test_the_scale_of_a_network_that_sees_resized_images_is_that_of_the_packed_ones():
    unet, m0 = plan_of().model("unet").recipe, plan_of().model("m0").recipe
    low, high = m0.augmentation.scale
    assert unet.network.input_scale == 0.5 and unet.augmentation.scale == (low / 2, high / 2)


def test_recipes_survive_the_way_to_a_script():
    """As params and through JSON's lists; a mapping by level keeps its keys."""
    plan = plan_of({"mixing": {"level_weights": {1: 1, 2: 0.5}}})
    for model in [*plan.models.values(), *plan.experts.values()]:
        assert typed(recipe.Recipe, plain(model.recipe)) == model.recipe
        assert typed(jobs.Inference, plain(model.inference)) == model.inference


def test_jobs_read_what_their_mixing_and_their_start_need():
    plan = plan_of()
    plain_files = {"images", "truth", "index", "manifest", "labels"}
    tail = plan.labels.classes[-2:]

    def read(model: str, seed: str = "0") -> dict:
        return training_inputs(plan, plan.model(model), seed, lambda: tail)

    assert set(read("m0")) == plain_files
    assert set(read("m1")) == plain_files | {"buckets"}
    expert = read("m2-traffic_light", "3")
    assert expert["boxes"] == ["results/toycity/subsets/traffic_light/boxes.csv"]
    assert set(read("m2_level0-bus")) == plain_files | {"init"}, "an expert's class is known from its name"
    assert read("m2_all")["boxes"] == [f"results/toycity/subsets/{known.slug}/boxes.csv" for known in tail]
    assert set(read("m2_0123-bus")) == plain_files | {"init", "boxes"}
    assert expert["init"] == "results/toycity/models/m1/seed3/model.safetensors"
    predicted = prediction_inputs(plan, plan.model("m2-bus"), "0", "test")
    assert predicted["scales"] == "results/toycity/scales/m1/seed0.csv", "an expert's scales are M1's"
    assert predicted["images"] == "results/toycity/packed/test/images.npy"
    average = prediction_inputs(plan, plan.model("m0_average"), "0", "test")
    assert average["model"] == "results/toycity/models/m0_single/seed0/model.safetensors"
    assert "scales" not in average
    tail = [plan.labels.class_of(name) for name in ("train", "bus")]
    found = ensemble_inputs(plan, "ensemble", "0", "test", tail)
    assert found["experts"] == [f"results/toycity/predictions/m2-{name}/seed0/test" for name in ("train", "bus")]


def test_a_training_reads_the_images_and_the_labels_that_it_learns_from():
    models = {"m0": {"unlabelled": ["val", "train", "unlabelled"]}}
    models["unet"] = {"labels_from": "ensemble", "unlabelled": ["val"]}
    plan = plan_of({"dataset": {"unlabelled": "more"}, "models": models})
    taught, learned = (training_inputs(plan, plan.model(name), "3", tuple) for name in ("m0", "unet"))
    packed = [plan.files.packed(split) for split in ("val", "unlabelled")]
    for name in ("images", "truth", "index"):
        assert taught[f"unlabelled_{name}"] == [files[name] for files in packed]
    assert "predictions" not in taught and learned["unlabelled_images"] == [packed[0]["images"]]
    assert learned["predictions"] == [plan.files.predictions("ensemble", 3, split) for split in ("train", "val")]


def test_the_default_configuration_says_nothing_that_the_types_say():
    """Each default stands once: config.yaml holds what differs."""
    kinds = {
        "dataset": [data.Dataset],
        "buckets": [tail.Buckets],
        "regions": [tail.Regions],
        "augmentation": [recipe.Augmentation],
        "mixing": [recipe.MixingOptions],
        "training": [recipe.Network, recipe.Training, jobs.Resources],
        "inference": [jobs.Inference, jobs.Resources],
        "evaluation": [results.Evaluation],
        "engine": [jobs.Engine],
    }
    for section, types in kinds.items():
        defaults = {known.name: known.default for kind in types for known in fields(kind)}
        said = typed_values(DEFAULT.get(section, {}))
        assert [key for key, value in said.items() if value == defaults[key]] == [], section


def typed_values(section):
    return {key: tuple(value) if isinstance(value, list) else value for key, value in section.items()}


def test_schema_file_and_tables_of_the_readme_are_those_of_the_types():
    """``python -m tailcutmix.plan.schema`` makes both."""
    assert yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text()) == schema.schema()
    readme = (ROOT / "config/README.md").read_text()
    assert readme == schema.with_tables(readme)
    for section in [*schema.TABLES, "models", "ensembles"]:
        assert f"<!-- keys of {section} -->" in readme, section


@pytest.mark.parametrize("name", [None, *OVERLAYS])
def test_the_plan_is_shown_before_anything_runs(name):
    plan = plan_of(shipped(name))
    text = describe(plan, MINICITY)
    for words in ("m2-<class>", plan.files.results, "trainings", "hours", "at most"):
        assert words in text, words
    fixed = describe(plan_of({**shipped(name), "buckets": {"tail": []}}), Images({}), [], "fixed")
    assert "no class (fixed)" in fixed and "not there yet" in fixed


def test_the_plan_counts_what_a_row_starts_from():
    """M2 of all classes alone needs M1, though no row names it."""
    only = {"tables": {"table1": ["m2_all"], "ablation": ["m2_all"]}, "buckets": {"tail": ["bus"]}}
    text = describe(plan_of(only), Images({"train": 48})).splitlines()
    assert {"m1", "m2_all"} <= {line.partition(" ")[0] for line in text}
    assert any(line.startswith("Table 1    2 trainings") for line in text)
    from_expert = {"models": {"m2-bus": {"epochs": 1}, "m2_all": {"init": "m2-bus"}}}
    text = describe(plan_of({**only, **from_expert}), Images({"train": 48})).splitlines()
    assert any(line.startswith("Table 1    3 trainings") for line in text)


def test_the_plan_counts_what_a_row_learns_from():
    """A distilled network needs the ensemble, though no row names it; images without labels take memory."""
    images = Images({"train": 48, "val": 16, "test": 16}, height=1024, width=2048)
    only = {"tables": {"table1": ["distilled"], "ablation": ["distilled"]}, "buckets": {"rebucket": False}}
    text = describe(plan_of({**shipped("rivals.yaml"), **only}), images, ["bus", "train"], "known").splitlines()
    assert {"distilled", "m1", "m2-<class>"} <= {line.partition(" ")[0] for line in text}
    assert any(line.startswith("Table 1    4 trainings") for line in text)

    def memory(*unlabelled: str) -> float:
        m0 = {"models": {"m0": {"unlabelled": list(unlabelled)}}, "tables": {"table1": ["m0"], "ablation": ["m0"]}}
        (line,) = (line for line in describe(plan_of(m0), images).splitlines() if line.startswith("Table 1"))
        return float(re.search(r"([\d.]+) GB of memory", line)[1])

    assert memory("train", "val") - memory() == pytest.approx(16 * 1024 * 2048 * 4 / 2**20 / 1000, abs=0.11)


def test_the_plan_counts_the_steps_that_are_trained():
    plan = plan_of({"models": {"m0": {"epochs": 2.5, "expand": 3, "batch": 5}}})
    assert " 23 " in next(line for line in describe(plan, Images({"train": 15})).splitlines() if line.startswith("m0 "))
