"""The JSON schema of the configuration, and the tables of config/README.md: both made from the types of the settings.

``python -m tailcutmix.plan.schema`` writes them: workflow/schemas/config.schema.yaml (for editors) and the tables
between the marks of config/README.md.
"""

import ast
import inspect
import re
import sys
from collections.abc import Mapping
from dataclasses import Field, fields, is_dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import yaml

from tailcutmix.plan.settings import data, jobs, recipe, results, tail, unlabelled
from tailcutmix.plan.settings.keys import Dataclass

Schema = dict[str, Any]
"""JSON Schema as nested plain values."""

NAME = "^[a-z0-9][A-Za-z0-9_.-]*$"
"""Names of models and ensembles: they become paths."""

OF_LISTS = ("minItems", "maxItems", "uniqueItems")

PRIMITIVES = {bool: "boolean", int: "integer", float: "number", str: "string"}

HIGHEST = {int: 2**31 - 1, float: 10**9}
"""Of every number that has no limit of its own: what is beyond is a slip, and would overflow somewhere later."""

MODEL_KEYS: dict[str, tuple[Schema, str]] = {
    "title": ({"type": "string"}, "name in tables and figures"),
    "short": ({"type": "string"}, "name in narrow places; default: the title up to its first comma"),
    "extends": ({"type": "string"}, "start from the settings of another model"),
    "weights": ({"type": "string"}, "no training: use the weights of another model, and predict differently"),
    "init": ({"type": "string"}, "start from the final weights of another model"),
    "labels_from": (
        {"type": "string"},
        "train on the labels that an ensemble or a model predicts, for the train images and those of `unlabelled`",
    ),
}

ENSEMBLE_KEYS: dict[str, tuple[Schema, str]] = {
    "title": MODEL_KEYS["title"],
    "short": MODEL_KEYS["short"],
    "base": ({"type": "string"}, "the model whose predictions the experts' classes are laid over (M1)"),
    "experts": ({"type": "string"}, "the experts' template (M2)"),
    "gate": ({"type": "boolean"}, "use an expert only where it raises the IoU of its class on val; default: false"),
    "order": (
        {"anyOf": [{"type": "null"}, {"type": "array", "items": {"type": "string"}, "uniqueItems": True}]},
        "classes in the order in which they are laid; later wins. `null`: rarest last. Tail classes that it does not "
        "name are laid before those that it names",
    ),
}


def schema() -> Schema:
    """The schema of a whole configuration, after the overlays were merged."""
    inference = section(jobs.Inference, jobs.Resources)
    augmentation = section(recipe.Augmentation)
    trained = (recipe.Network, recipe.Training, unlabelled.SemiSupervised, jobs.Resources)
    network = section(*trained)
    mixing = _properties(recipe.Mixing)
    options = _properties(recipe.MixingOptions)
    network["properties"] |= {"mixing": mixing["name"], "levels": mixing["levels"]}
    model = section(*trained)
    model["properties"] |= {"mixing": mixing["name"], "levels": mixing["levels"]} | options
    model["properties"] |= {name: kind | {"description": meaning} for name, (kind, meaning) in MODEL_KEYS.items()}
    model["properties"] |= {"augmentation": augmentation, "inference": inference}
    ensemble = {name: kind | {"description": meaning} for name, (kind, meaning) in ENSEMBLE_KEYS.items()}
    sections = {
        "dataset": section(data.Dataset) | {"required": ["name", "source"]},
        "seeds": {
            "type": "array",
            "items": {"type": "integer", "minimum": 0, "maximum": 2**32 - 1},
            "minItems": 1,
            "uniqueItems": True,
            "description": "every network is trained once per seed",
        },
        "buckets": section(tail.Buckets),
        "regions": section(tail.Regions),
        "augmentation": augmentation,
        "mixing": section(recipe.MixingOptions),
        "training": network,
        "models": {
            "type": "object",
            "propertyNames": {"pattern": NAME},
            "additionalProperties": _without_defaults(model),
        },
        "ensembles": {
            "type": "object",
            "propertyNames": {"pattern": NAME},
            "additionalProperties": {
                "type": "object",
                "additionalProperties": False,
                "required": ["base", "experts"],
                "properties": ensemble,
            },
        },
        "inference": inference,
        "selection": section(results.Selection),
        "evaluation": section(results.Evaluation),
        "tables": section(results.Tables),
        "engine": section(jobs.Engine),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The configuration, after the overlays given by --configfile were merged over config/config.yaml",
        "type": "object",
        "additionalProperties": False,
        "required": ["dataset", "seeds", "models", "ensembles", "tables"],
        "properties": sections,
    }


def section(*kinds: type[Dataclass]) -> Schema:
    """A closed section with the keys of one type or more."""
    properties = {name: value for kind in kinds for name, value in _properties(kind).items()}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _properties(kind: type[Dataclass]) -> dict[str, Schema]:
    hints, meaning = get_type_hints(kind), meanings(kind)
    return {known.name: _property(known, hints[known.name], meaning[known.name]) for known in fields(kind)}


def _property(known: Field[Any], hint: Any, meaning: str) -> Schema:
    if isinstance(hint, type) and is_dataclass(hint):
        return section(hint) | {"description": meaning}
    return _of_type(hint, known.metadata) | {"default": _as_yaml(known.default), "description": meaning}


@cache
def meanings(kind: type) -> dict[str, str]:
    """Field -> the text under it in the source, for a type and those that it extends."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__[:-1]):
        for pair in pairwise(_definitions(base.__module__)[base.__name__].body):
            match pair:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    found[name] = " ".join(text.split())
    return found


@cache
def _definitions(module: str) -> dict[str, ast.ClassDef]:
    """Class -> its syntax tree, for the classes of a module."""
    source = inspect.getsource(sys.modules[module])
    return {node.name: node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)}


def _of_type(hint: Any, limits: Mapping[str, Any]) -> Schema:
    """The schema of a type annotation; limits hold for numbers, and for the entries of lists and mappings."""
    kind, arguments = get_origin(hint), get_args(hint)
    if kind in (Union, UnionType):
        some = [argument for argument in arguments if argument is not NoneType]
        return {"anyOf": [{"type": "null"}, *(_of_type(argument, limits) for argument in some)]}
    if kind is Literal:
        return {"enum": list(arguments)}
    if kind is tuple:
        of_list = {name: value for name, value in limits.items() if name in OF_LISTS}
        of_entries = {name: value for name, value in limits.items() if name not in OF_LISTS}
        if arguments[-1] is not Ellipsis:
            of_list |= {"minItems": len(arguments), "maxItems": len(arguments)}
        return {"type": "array", "items": _of_type(arguments[0], of_entries), **of_list}
    if kind is not None:  # a mapping of levels to numbers
        names = {"pattern": "^[1-9]$"}
        return {"type": "object", "propertyNames": names, "additionalProperties": _of_type(arguments[1], limits)}
    if "enum" in limits:
        return {"enum": list(limits["enum"])}
    if hint in HIGHEST and not {"maximum", "exclusiveMaximum"} & set(limits):
        limits = {**limits, "maximum": HIGHEST[hint]}
    return {"type": PRIMITIVES[hint], **limits}


def _without_defaults(value: Any) -> Any:
    """A model's keys have no defaults of their own: what it does not say it takes from ``training``."""
    if isinstance(value, dict):
        return {name: _without_defaults(entry) for name, entry in value.items() if name != "default"}
    return value


def _as_yaml(value: Any) -> Any:
    return [_as_yaml(entry) for entry in value] if isinstance(value, tuple) else value


# --- the tables of config/README.md -----------------------------------------------------------------------------------

TABLES = {
    "dataset": (data.Dataset,),
    "toycity": (data.ToyCity,),
    "buckets": (tail.Buckets,),
    "regions": (tail.Regions,),
    "augmentation": (recipe.Augmentation,),
    "mixing": (recipe.MixingOptions,),
    "training": (recipe.Network, recipe.Training, unlabelled.SemiSupervised, jobs.Resources),
    "inference": (jobs.Inference, jobs.Resources),
    "selection": (results.Selection,),
    "evaluation": (results.Evaluation,),
    "tables": (results.Tables,),
    "engine": (jobs.Engine,),
}


def table(name: str) -> str:
    """The Markdown table of one section: key, default, meaning."""
    if name in ("models", "ensembles"):
        keys = MODEL_KEYS if name == "models" else ENSEMBLE_KEYS
        rows = [f"| `{key}` | {meaning} |" for key, (_, meaning) in keys.items()]
        return "\n".join(["| key | meaning |", "|---|---|", *rows])
    rows = ["| key | default | meaning |", "|---|---|---|"]
    for kind in TABLES[name]:
        rows += _rows(kind, {known.name: known.name for known in fields(kind)})
        if kind is recipe.Network:
            rows += _rows(recipe.Mixing, {"name": "mixing", "levels": "levels"})
    return "\n".join(rows)


def _rows(kind: type[Dataclass], keys: Mapping[str, str]) -> list[str]:
    """A row per field of a type; ``keys`` are the names of the fields in the configuration."""
    meaning, defaults = meanings(kind), {known.name: known.default for known in fields(kind)}
    return [f"| `{key}` | {_default(defaults[name])} | {meaning[name]} |" for name, key in keys.items()]


def _default(value: Any) -> str:
    if value in ("", ()) or is_dataclass(value):
        return ""
    text = yaml.safe_dump(_as_yaml(value), default_flow_style=True).removesuffix("\n...\n").strip()
    return f"`{text}`"


def with_tables(readme: str) -> str:
    """The README with each table between its marks ``<!-- keys of NAME -->`` and ``<!-- end -->`` made anew."""

    def fill(mark: re.Match[str]) -> str:
        return f"{mark[1]}\n{table(mark[2])}\n{mark[3]}"

    return re.sub(r"(<!-- keys of (\w+) -->)\n.*?(<!-- end -->)", fill, readme, flags=re.DOTALL)


def main() -> None:
    root = Path(__file__).resolve().parents[3]
    head = "# Made by `python -m tailcutmix.plan.schema` from scripts/tailcutmix/plan/settings/; for editors.\n"
    text = yaml.dump(schema(), Dumper=_Plain, sort_keys=False, width=120, allow_unicode=True)
    (root / "workflow/schemas/config.schema.yaml").write_text(head + text)
    readme = root / "config/README.md"
    readme.write_text(with_tables(readme.read_text()))


class _Plain(yaml.SafeDumper):
    """YAML without references: sections that stand twice are written twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


if __name__ == "__main__":
    main()
