"""The schema: every shipped configuration passes, and what is wrong is named with what is allowed."""

import copy

import pytest
import yaml
from conftest import ROOT

from tailcutmix.configuration import check, levels_of, model_settings, template_of, training_settings
from tailcutmix.errors import UserError

SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"
DEFAULT = yaml.safe_load((ROOT / "config/config.yaml").read_text())
OVERLAYS = sorted(path.name for path in (ROOT / "config").glob("*.yaml") if path.name != "config.yaml")


def merged(overlay: dict, base: dict = DEFAULT) -> dict:
    """What Snakemake makes of --configfile: a deep merge over the default."""
    base = copy.deepcopy(base)
    for key, value in overlay.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        base[key] = merged(value, base[key]) if both else value
    return base


def test_default_is_valid():
    check(DEFAULT, SCHEMA)


@pytest.mark.parametrize("name", OVERLAYS)
def test_overlays_are_valid(name):
    check(merged(yaml.safe_load((ROOT / "config" / name).read_text())), SCHEMA)


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
        ({"dataset": {"size": [1, 2]}}, ["dataset.size", "[height, width]"]),
        ({"buckets": {"poor": 2}}, ["buckets.poor", "from 0 to 1"]),
        ({"models": {"m9": {"extends": "mx"}}}, ["models.m9.extends", "'mx'"]),
        ({"models": {"a": {"extends": "b"}, "b": {"extends": "a"}}}, ["circle"]),
        ({"training": {"crop": [96, 128]}}, ["crop", "multiples of 32"]),
        ({"models": {"unet": {"attention": "hierarchical"}}}, ["models.unet", "attention: none"]),
        ({"training": {"compile": "cuda_graphs", "accumulate": 2}}, ["models.", "wrong gradients", "accumulate: 1"]),
        ({"inference": {"scales": [0.5, 2.0]}}, ["inference.scales", "1.0"]),
        ({"augmentation": {"scale": [2.0, 0.5]}}, ["augmentation.scale", "small to large"]),
        ({"models": {"m2": {"levels": [4]}}}, ["models.m2.levels", "regions.levels"]),
        ({"models": {"m2": {"mixing": "none"}}}, ["models.m2.mixing", "levels"]),
        ({"tables": {"table1": ["foo"]}}, ["tables.table1", "'foo'"]),
        ({"tables": {"table1": ["m2"]}}, ["tables.table1", "template"]),
        ({"tables": {"differences": [["m0", "foo"]]}}, ["tables.differences", "'foo'"]),
        ({"tables": {"differences": [["m0"]]}}, ["tables.differences", "2 entries or more"]),
        ({"ensembles": {"ensemble": {"base": "m7"}}}, ["ensembles.ensemble.base", "'m7'"]),
    ],
)
def test_mistakes_are_named(overlay, words):
    with pytest.raises(UserError) as error:
        check(merged(overlay), SCHEMA)
    message = str(error.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_expert_settings_come_from_template_and_own_entry():
    config = merged({"models": {"m2": {"epochs": 3}, "m2-traffic_light": {"epochs": 9}}})
    assert template_of(config, "m2-train") == template_of(config, "m2-traffic_light") == "m2"
    assert template_of(config, "m1") is None
    assert model_settings(config, "m2-train")["epochs"] == 3
    assert model_settings(config, "m2-traffic_light")["epochs"] == 9
    assert model_settings(config, "m2-traffic_light")["init"] == "m1"


def test_arm_overrides_single_keys_of_what_it_extends():
    arm = {"extends": "m1", "mixing": "cutmix", "augmentation": {"jitter": 0.0}}
    config = merged({"models": {"m1": {"short": "M1"}, "arm": arm}})
    settings = model_settings(config, "arm")
    assert settings["mixing"] == "cutmix"
    assert settings["expand"] == DEFAULT["models"]["m1"]["expand"]
    assert settings["augmentation"] == {**DEFAULT["augmentation"], "jitter": 0.0}
    assert not {"title", "short", "extends"} & set(settings)
    assert not {"title", "short"} & set(training_settings(config, "m1")), "a name retrains nothing"


def test_templates_whose_names_begin_alike_keep_their_own_experts():
    """``m2-rare`` may be a template beside ``m2``: its experts are its own, and it is none of m2's."""
    overlay = {
        "models": {"m2-rare": {"extends": "m2", "levels": [1]}},
        "ensembles": {"x": {"base": "m1", "experts": "m2-rare"}},
    }
    config = merged(overlay)
    check(config, SCHEMA)
    assert template_of(config, "m2-rare") is None
    assert template_of(config, "m2-rare-bus") == "m2-rare" and template_of(config, "m2-bus") == "m2"
    assert model_settings(config, "m2-rare-bus")["levels"] == [1]


@pytest.mark.parametrize("name", [None, *OVERLAYS])
def test_arms_of_the_ablation_are_trained_as_long_as_what_they_are_compared_with(name):
    config = merged(yaml.safe_load((ROOT / "config" / name).read_text())) if name else DEFAULT
    settings = {model: model_settings(config, model) for model in config["models"]}

    def steps(model):
        return settings[model]["epochs"] * settings[model]["expand"], settings[model]["batch"], settings[model]["lr"]

    for arm in ("m0_single", "m0_explicit"):
        assert steps(arm) == steps("m0")
    for arm in ("m0_long", "cutmix", "mixup", "cutout", "class_uniform", "inverse_frequency"):
        assert steps(arm) == steps("m1")
        assert settings[arm]["inference"] == settings["m0"]["inference"] and "init" not in settings[arm]
    assert "init" not in settings["m1"], "M1 is trained from scratch"
    for arm in ("m2_level1", "m2_levels12"):
        assert steps(arm) == steps("m2") and settings[arm]["init"] == "m1"
    assert settings["m0_single"]["training_scales"] == [1.0], "without attention, one scale is trained"
    trained = [name for name in config["tables"]["ablation"] if "weights" not in config["models"].get(name, {})]
    kinds = {
        str({k: v for k, v in settings[m].items() if k not in ("title", "inference")}) for m in trained if m in settings
    }
    assert len(kinds) == sum(m in settings for m in trained), "no two arms are trained alike"


def test_fewer_levels_leave_the_rest_of_the_configuration_valid():
    config = merged({"regions": {"levels": [1]}})
    check(config, SCHEMA)
    assert levels_of(config, "m2_level1") == [1]
    with pytest.raises(UserError, match="regions.levels"):
        levels_of(config, "m2_levels12")


def test_every_schema_key_is_explained():
    """config/README.md names each key that the schema allows."""
    schema = yaml.safe_load(SCHEMA.read_text())
    readme = (ROOT / "config/README.md").read_text()
    sections = [*schema["properties"].values(), *schema["$defs"].values()]
    keys = set(schema["properties"]) | {key for section in sections for key in section.get("properties", {})}
    missing = sorted(key for key in keys if f"`{key}`" not in readme)
    assert not missing, f"config/README.md does not explain: {missing}"
