"""What the schema refuses, in the words of who wrote the configuration."""

import math
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from jsonschema.exceptions import ValidationError, best_match

from tailcutmix.errors import UserError
from tailcutmix.plan.schema import Schema, schema
from tailcutmix.plan.strict import StrictValidator, check_texts


def check_schema(config: Mapping[str, Any]) -> None:
    """Raise a UserError for the first key that the schema refuses: it names the key and what is allowed there."""
    check_texts(config)
    error = best_match(StrictValidator(schema()).iter_errors(config), key=_relevance)
    if error is not None:
        raise UserError(f"config: {_explain(error)}")


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
    kinds = [kind.get("type") for kind in (schema, *schema.get("anyOf", ()))]
    if "number" in kinds and isinstance(value, str) and _is_number(value):
        return f"{key} is the text {value!r}, as YAML reads it; write {float(value)!r}, without quotes"
    if error.validator == "anyOf":
        return f"{key} is {value!r}; it must be {' or '.join(_describe(kind) for kind in limit)}"
    if error.validator == "pattern" and "type" not in schema:
        return f"{key} has the key {value!r}; a name there is of the form {limit}"
    return f"{key} is {value!r}; it must be {_describe(schema)}"


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


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
