"""The configuration: checked against its schema, and the settings of each network read out of it."""

from difflib import get_close_matches
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from tailcutmix.errors import UserError

SECTIONS = ("augmentation", "inference")
"""Sections of the configuration that a model may override key by key."""


def check(config: dict, schema: str | Path) -> None:
    """Hold ``config`` against the JSON schema and the rules that a schema cannot say.

    Raises:
        UserError: names the key and what is allowed there.
    """
    validator = Draft202012Validator(yaml.safe_load(Path(schema).read_text()))
    error = best_match(validator.iter_errors(config), key=_relevance)
    if error is not None:
        raise UserError(f"config: {_explain(error)}")
    _check_models(config)
    _check_numbers(config)


def model_settings(config: dict, model: str) -> dict:
    """The settings of a network: ``training``, then what it ``extends``, then its own keys.

    Under ``augmentation`` and ``inference`` stand those sections, with the model's own keys over them. An expert is
    called ``<template>-<class>``; it has its template's settings, and its own where the config names it.
    """
    models = config["models"]
    template = template_of(config, model)
    own = dict(models.get(model, {}))
    if template is not None:
        parent = model_settings(config, template)
    elif "extends" in own:
        parent = model_settings(config, own["extends"])
    else:
        parent = config["training"] | {section: config[section] for section in SECTIONS}
    sections = {section: parent[section] | own.get(section, {}) for section in SECTIONS}
    inherited = {key: value for key, value in parent.items() if key not in ("title", "short", "weights")}
    settings = {key: value for key, value in (inherited | own | sections).items() if key != "extends"}
    if settings["attention"] == "none":
        settings["training_scales"] = [1.0]  # nothing learns to weigh scales
    return settings


def template_of(config: dict, model: str) -> str | None:
    """The template (a model with ``mixing: levels``) that the expert ``model`` is an instance of, or None."""
    if model in templates(config):
        return None
    found = [name for name in templates(config) if model.startswith(f"{name}-")]
    return max(found, key=len, default=None)


def templates(config: dict) -> list[str]:
    """The models of which one expert a tail class is trained."""
    experts = {ensemble["experts"] for ensemble in config["ensembles"].values()}
    return [name for name in config["models"] if name in experts]


def levels_of(config: dict, model: str) -> list[int]:
    """The levels that a template, or an expert of it, draws from; raises UserError where they are not cut."""
    known = config["regions"]["levels"]
    levels = model_settings(config, model).get("levels", known)
    if not set(levels) <= set(known):
        raise UserError(f"config: models.{model}.levels is {levels}; regions.levels holds {known} only")
    return levels


RUN_KEYS = ("title", "short", "weights", "init", "inference", "gpus", "threads", "mem_mb", "runtime")


def training_settings(config: dict, model: str) -> dict:
    """The settings that define a model's training; where it runs (devices, memory, time) does not."""
    settings = model_settings(config, model)
    input_scale = settings.get("input_scale", 1.0)
    scale = [round(bound * input_scale, 6) for bound in settings["augmentation"]["scale"]]
    settings["augmentation"] = settings["augmentation"] | {"scale": scale}
    if settings["mixing"] != "none":
        settings |= config["mixing"]
    if settings["mixing"] == "levels":
        settings["levels"] = levels_of(config, model)
    return {key: settings[key] for key in sorted(settings) if key not in RUN_KEYS}


def _relevance(error):
    # An unknown key says more than the failure of a whole branch of anyOf.
    return (-len(error.absolute_path), error.validator != "additionalProperties")


def _explain(error) -> str:
    key = ".".join(str(part) for part in error.absolute_path) or "the configuration"
    if error.validator == "additionalProperties" and isinstance(error.schema.get("properties"), dict):
        known = error.schema["properties"]
        unknown = next(name for name in error.instance if name not in known)
        near = get_close_matches(unknown, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"its keys are: {', '.join(known)}"
        return f"{key} has no key {unknown!r}; {hint}"
    if error.validator == "required":
        return f"{key}: {error.message}"
    if error.validator == "enum":
        allowed = ", ".join(str(value) for value in error.validator_value)
        return f"{key} is {error.instance!r}; it must be one of: {allowed}"
    if error.validator == "anyOf":
        return f"{key} is {error.instance!r}; it must be {' or '.join(_describe(s) for s in error.validator_value)}"
    return f"{key} is {error.instance!r}; it must be {_describe(error.schema)}"


TYPES = {
    "array": "a list",
    "integer": "a whole number",
    "number": "a number",
    "string": "a text",
    "boolean": "true or false",
    "object": "a section",
    "null": "null",
}
LIMITS = {
    "minimum": "{} or more",
    "exclusiveMinimum": "above {}",
    "maximum": "{} at most",
    "exclusiveMaximum": "below {}",
    "minItems": "{} entries or more",
    "maxItems": "{} entries at most",
    "pattern": "of the form {}",
}
NAMED = {"fraction": "a number from 0 to 1", "size": "[height, width], each 32 or more", "pair": "[first, second]"}


def _describe(schema: dict) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return NAMED.get(name, f"a list of {name}")
    limits = [text.format(schema[key]) for key, text in LIMITS.items() if key in schema]
    return ", ".join([TYPES[schema["type"]], *limits])


def _check_models(config: dict) -> None:
    models = config["models"]
    for name, ensemble in config["ensembles"].items():
        for key in ("base", "experts"):
            if ensemble[key] not in models:
                raise UserError(f"config: ensembles.{name}.{key} is {ensemble[key]!r}, which is no key of models")
        if name in models:
            raise UserError(f"config: {name!r} names both a model and an ensemble")
    for name, model in models.items():
        for key in ("extends", "weights", "init"):
            if key in model and model[key] not in models:
                raise UserError(f"config: models.{name}.{key} is {model[key]!r}, which is no key of models")
        seen = [name]
        while "extends" in models[seen[-1]]:
            seen.append(models[seen[-1]]["extends"])
            if seen[-1] in seen[:-1]:
                raise UserError(f"config: models.{name}.extends goes in a circle: {' -> '.join(seen)}")
    for name in templates(config):
        if model_settings(config, name)["mixing"] != "levels":
            raise UserError(f"config: models.{name}.mixing must be levels, for an ensemble takes its experts from it")
    for ensemble in (config["ensembles"].get(row) for row in config["tables"]["table1"]):
        if ensemble:  # the arms of the ablation are held against regions.levels when they are asked for
            levels_of(config, ensemble["experts"])
    for table in ("table1", "ablation"):
        for row in config["tables"][table]:
            if row not in models and row not in config["ensembles"]:
                raise UserError(f"config: tables.{table} names {row!r}, which is neither a model nor an ensemble")
            if row in models and model_settings(config, row)["mixing"] == "levels":
                raise UserError(
                    f"config: tables.{table} names {row!r}, which is a template of experts; name the ensemble"
                )
    for name in (name for pair in config["tables"]["differences"] for name in pair):
        if name not in models and name not in config["ensembles"]:
            raise UserError(f"config: tables.differences names {name!r}, which is neither a model nor an ensemble")


def _check_numbers(config: dict) -> None:
    for name in config["models"]:
        settings = model_settings(config, name)
        where = f"models.{name}"
        low, high = settings["augmentation"]["scale"]
        if low > high:
            raise UserError(f"config: {where}.augmentation.scale is [{low}, {high}]; it goes from small to large")
        if settings["architecture"] == "unet" and settings["attention"] != "none":
            raise UserError(f"config: {where}: architecture unet has no scale attention; set attention: none")
        multiple = 16 if settings["architecture"] == "unet" else 32
        factors = settings["training_scales"]
        for side in settings["crop"]:
            if any((side * factor) % multiple for factor in factors):
                raise UserError(f"config: {where}.crop is {settings['crop']}; both sides must be multiples of "
                                f"{multiple} at every training scale {factors}")  # fmt: skip
        scales = settings["inference"]["scales"]
        if settings["attention"] != "none" and 1.0 not in scales:
            raise UserError(f"config: {where}.inference.scales is {scales}; scale attention needs 1.0 among them")
        if settings["compile"] == "cuda_graphs" and settings["accumulate"] > 1:
            raise UserError(
                f"config: {where}: compile: cuda_graphs gives wrong gradients with accumulate {settings['accumulate']} "
                "(pytorch issue 169545); set compile: true, or accumulate: 1"
            )
        if 1.0 not in settings["training_scales"]:
            raise UserError(f"config: {where}.training_scales must hold 1.0")
