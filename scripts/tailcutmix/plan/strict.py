"""JSON Schema taken strictly: what a program of several libraries would read in several ways is refused.

* A number is finite; a whole number is written as one (5, not 5.0), and true is none.
* A value of an enumeration has its type too: 48, not 48.0.
* A pattern holds to the end of the text; Python's ``$`` would let a newline follow.
* Keys are text, but for the levels of a mapping by level, which YAML reads as whole numbers.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator, TypeChecker
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from tailcutmix.errors import UserError

BY_LEVEL = "level_weights"
"""The one key whose entries are named by whole numbers."""


def _is_integer(_: TypeChecker, value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(checker: TypeChecker, value: Any) -> bool:
    return _is_integer(checker, value) or (isinstance(value, float) and math.isfinite(value))


def _enum(_: Any, allowed: list[Any], value: Any, __: Any) -> Iterator[ValidationError]:
    if not any(type(value) is type(each) and value == each for each in allowed):
        yield ValidationError(f"{value!r} is not one of {allowed!r}")


def _pattern(validator: Any, pattern: str, value: Any, _: Any) -> Iterator[ValidationError]:
    if validator.is_type(value, "string") and not re.search(pattern.replace("$", r"\Z"), value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def _property_names(validator: Any, names: Any, value: Any, _: Any) -> Iterator[ValidationError]:
    if validator.is_type(value, "object"):
        for name in value:
            yield from validator.descend(instance=str(name), schema=names)


StrictValidator = extend(  # type: ignore[no-untyped-call]  # jsonschema has no annotations here
    Draft202012Validator,
    validators={"enum": _enum, "pattern": _pattern, "propertyNames": _property_names},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many({"integer": _is_integer, "number": _is_number}),
)


def check_texts(value: Any, where: str = "") -> None:
    """Raise a UserError for a key that is no text, or a text with a control character, anywhere in a configuration."""
    if isinstance(value, Mapping):
        for name, entry in value.items():
            if not isinstance(name, str) and not where.endswith(BY_LEVEL):
                raise UserError(
                    f"config: {where or 'the configuration'} has the key {name!r}, which is no text; "
                    f'put it in quotes: "{name}"'
                )
            _check_text(str(name), f"a key of {where or 'the configuration'}")
            check_texts(entry, f"{where}.{name}" if where else str(name))
    elif isinstance(value, (list, tuple)):
        for number, entry in enumerate(value):
            check_texts(entry, f"{where}.{number}")
    elif isinstance(value, str):
        _check_text(value, where)


def _check_text(text: str, where: str) -> None:
    if re.search(r"[\x00-\x1f\x7f]", text):
        raise UserError(
            f"config: {where} is {text!r}; a line break, tab or other control character does not belong there"
        )
