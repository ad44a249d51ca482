"""How settings are written: limits beside the defaults of their fields, and the way to plain values and back."""

from collections.abc import Mapping
from dataclasses import Field, asdict, field, fields, is_dataclass
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, ClassVar, Protocol, TypeVar, Union, get_args, get_origin, get_type_hints


class Dataclass(Protocol):
    """What every dataclass has."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


T = TypeVar("T", bound=Dataclass)

FRACTION = {"minimum": 0, "maximum": 1}
SIZE = {"minimum": 32}
SCALES = {"exclusiveMinimum": 0, "maximum": 4, "minItems": 1, "uniqueItems": True}
LEVELS = {"minimum": 1, "maximum": 9, "minItems": 1, "uniqueItems": True}


def key(default: Any, **limits: Any) -> Any:
    """A field with its default and its limits, in the words of JSON Schema.

    Limits of a list hold for its entries, but for minItems, maxItems and uniqueItems.
    """
    return field(default=default, metadata=limits)


def plain(settings: Any) -> Any:
    """A settings object as nested dicts and lists of plain values: what a rule's params and JSON hold."""
    return _plain(asdict(settings))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(value[name]) for name in value}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    return str(value) if isinstance(value, Path) else value


def typed(kind: type[T], values: Mapping[str, Any]) -> T:
    """Inverse of :func:`plain`: an object of ``kind`` out of the keys that it has; absent ones take their default.

    Keys that ``kind`` does not have are passed over, so several types can be read out of one section.
    """
    hints = _hints(kind)
    known = [field.name for field in fields(kind) if field.name in values]
    return kind(**{name: _typed(hints[name], values[name]) for name in known})


@cache
def _hints(kind: type[Dataclass]) -> dict[str, Any]:
    return get_type_hints(kind)


def _typed(hint: Any, value: Any) -> Any:
    """A plain value as its annotation wants it: sections, paths, tuples for lists, and numbers as a mapping's keys."""
    if value is None:
        return None
    if get_origin(hint) in (Union, UnionType):
        hint = next(kind for kind in get_args(hint) if kind is not NoneType)
    if isinstance(hint, type) and is_dataclass(hint) and isinstance(value, Mapping):
        return typed(hint, value)
    if isinstance(value, Mapping):  # JSON has made the keys text
        key_kind = get_args(hint)[0]
        return {key_kind(name): entry for name, entry in value.items()}
    if hint is Path:
        return Path(value)
    if get_origin(hint) is tuple and get_args(hint)[0] is Path:
        return tuple(map(Path, value))
    return _frozen(value)


def _frozen(value: Any) -> Any:
    return tuple(_frozen(entry) for entry in value) if isinstance(value, list) else value
