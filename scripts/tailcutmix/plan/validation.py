"""What a configuration must be: held to the schema, and to the rules that a schema cannot say."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from tailcutmix.errors import UserError
from tailcutmix.plan.architectures import traits_of
from tailcutmix.plan.models import Model
from tailcutmix.plan.schema import Schema, schema

if TYPE_CHECKING:
    from tailcutmix.plan.plan import Plan


OF_ONE_CLASS = ("level0", "levels", "all_levels")
"""Mixings that give an expert its class alone."""


def check_schema(config: Mapping[str, Any]) -> None:
    """Raise a UserError for the first key that the schema refuses: it names the key and what is allowed there."""
    error = best_match(Draft202012Validator(schema()).iter_errors(config), key=_relevance)
    if error is not None:
        raise UserError(f"config: {_explain(error)}")


def check_plan(plan: "Plan") -> None:
    """Raise a UserError for the first key that does not fit the others."""
    _check_ensembles(plan)
    _check_tables(plan)
    _check_tail(plan)
    for name, model in plan.models.items():
        _check_network(f"models.{name}", model)
    for name, expert in plan.experts.items():
        _check_network(f"models.{name}", expert)


def check_levels(plan: "Plan", name: str) -> None:
    """Raise a UserError where a model draws from a level that is not cut."""
    known, levels = plan.regions.levels, plan.model(name).recipe.mixing.levels
    if not set(levels) <= set(known):
        raise UserError(f"config: models.{name}.levels is {list(levels)}; regions.levels holds {list(known)} only")


def _relevance(error: ValidationError) -> tuple[int, bool]:
    # An unknown key says more than the failure of a whole branch of anyOf.
    return (-len(error.absolute_path), error.validator != "additionalProperties")


def _explain(error: ValidationError) -> str:
    key = ".".join(str(part) for part in error.absolute_path) or "the configuration"
    schema: Any = error.schema  # like the next two it is set in every error that a validator finds
    value: Any = error.instance
    limit: Any = error.validator_value
    if error.validator == "additionalProperties" and isinstance(schema.get("properties"), dict):
        known = schema["properties"]
        unknown = next(name for name in value if name not in known)
        near = get_close_matches(unknown, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"its keys are: {', '.join(known)}"
        return f"{key} has no key {unknown!r}; {hint}"
    if error.validator == "required":
        return f"{key}: {error.message}"
    if error.validator == "enum":
        return f"{key} is {value!r}; it must be one of: {', '.join(str(allowed) for allowed in limit)}"
    if error.validator == "anyOf":
        return f"{key} is {value!r}; it must be {' or '.join(_describe(kind) for kind in limit)}"
    return f"{key} is {value!r}; it must be {_describe(schema)}"


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


def _describe(schema: Schema) -> str:
    if "enum" in schema:
        return f"one of: {', '.join(str(value) for value in schema['enum'])}"
    if schema["type"] == "array" and schema.get("minItems") == schema.get("maxItems") == 2:
        return f"a list of two, each {_describe(schema['items'])}"
    if schema.get("minimum") == 0 and schema.get("maximum") == 1:
        return "a number from 0 to 1"
    limits = [text.format(schema[key]) for key, text in LIMITS.items() if key in schema]
    return ", ".join([TYPES[schema["type"]], *limits])


def _check_ensembles(plan: "Plan") -> None:
    for name, ensemble in plan.ensembles.items():
        for key in ("base", "experts"):
            if getattr(ensemble, key) not in plan.models:
                raise UserError(
                    f"config: ensembles.{name}.{key} is {getattr(ensemble, key)!r}, which is no key of models"
                )
        if name in plan.models:
            raise UserError(f"config: {name!r} names both a model and an ensemble")
    for name in plan.templates():
        model = plan.models[name]
        if model.weights is None and model.recipe.mixing.name not in OF_ONE_CLASS:
            raise UserError(
                f"config: models.{name}.mixing is {model.recipe.mixing.name!r}, so its experts would not differ; "
                f"it must be one of: {', '.join(OF_ONE_CLASS)}; or let weights name the one network to use for all"
            )


def _check_tables(plan: "Plan") -> None:
    for table, rows in (("table1", plan.tables.table1), ("ablation", plan.tables.ablation)):
        for row in rows:
            if row not in plan.models and row not in plan.ensembles:
                raise UserError(f"config: tables.{table} names {row!r}, which is neither a model nor an ensemble")
            if row in plan.templates():
                raise UserError(
                    f"config: tables.{table} names {row!r}, which is a template of experts; name the ensemble"
                )
    for name in (name for pair in plan.tables.differences for name in pair):
        if name not in plan.models and name not in plan.ensembles:
            raise UserError(f"config: tables.differences names {name!r}, which is neither a model nor an ensemble")
    for template in plan.templates_of(plan.tables.table1):  # arms of the ablation are checked when they are asked for
        check_levels(plan, template)


def _check_tail(plan: "Plan") -> None:
    if plan.rebuckets and plan.buckets.model not in plan.models:
        raise UserError(f"config: buckets.model is {plan.buckets.model!r}, which is no key of models")
    try:
        _ = plan.fixed_tail
    except UserError as error:
        raise UserError(f"config: buckets.tail: {error}") from None


def _check_network(where: str, model: Model) -> None:
    network, training = model.recipe.network, model.recipe.training
    low, high = model.recipe.augmentation.scale
    if low > high:
        raise UserError(f"config: {where}.augmentation.scale is [{low}, {high}]; it goes from small to large")
    traits = traits_of(network)
    if network.attention != "none" and not traits.attention:
        name = network.architecture
        raise UserError(f"config: {where}: architecture {name} has no scale attention; set attention: none")
    for side in training.crop:
        if any((side * factor) % traits.multiple for factor in network.training_scales):
            raise UserError(f"config: {where}.crop is {list(training.crop)}; both sides must be multiples of "
                            f"{traits.multiple} at every training scale {list(network.training_scales)}")  # fmt: skip
    scales = model.inference.scales
    if network.attention != "none" and 1.0 not in scales:
        raise UserError(f"config: {where}.inference.scales is {list(scales)}; scale attention needs 1.0 among them")
    if training.compile == "cuda_graphs" and training.accumulate > 1:
        raise UserError(
            f"config: {where}: compile: cuda_graphs gives wrong gradients with accumulate {training.accumulate} "
            "(pytorch issue 169545); set compile: true, or accumulate: 1"
        )
    if training.loss in ("lovasz", "ohem") and training.class_weights != "none":
        raise UserError(
            f"config: {where}: loss {training.loss} takes no class weights; set class_weights: none, or another loss"
        )
    if 1.0 not in network.training_scales:
        raise UserError(f"config: {where}.training_scales must hold 1.0")
