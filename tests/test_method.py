"""docs/method.md names functions, tests and configuration keys: all of them exist."""

import importlib
import re

import pytest
import yaml
from conftest import ROOT
from method_page import MODULES, PAGE

from tailcutmix.plan.schema import schema

CODE = re.findall(r"`([^`]+)`", PAGE)
CONFIG = yaml.safe_load((ROOT / "config/config.yaml").read_text())
FUNCTIONS = sorted({word for word in CODE if word.rpartition(".")[0] in MODULES})
OPEN_POINTS = "\n".join(re.findall(r"^\| [a-x] \|.*$", PAGE, re.M))
KEYS = re.findall(r"`([a-z]\w*(?:\.\w+)+)`", OPEN_POINTS)


def test_every_function_exists():
    packages = {module.split(".")[0] for module in MODULES}
    dotted = {word for word in CODE if word.split(".")[0] in packages and "." in word}
    assert dotted - set(KEYS) == set(FUNCTIONS) and len(FUNCTIONS) > 30
    for name in FUNCTIONS:
        module, attribute = name.rsplit(".", 1)
        assert callable(getattr(importlib.import_module(f"tailcutmix.{module}"), attribute)), name


def test_every_test_exists():
    written = set(re.findall(r"^def (test_\w+)", "\n".join(p.read_text() for p in (ROOT / "tests").glob("*.py")), re.M))
    named = {word for word in CODE if re.fullmatch(r"test_\w+", word)}
    assert len(named) > 40 and named <= written, named - written


def test_every_key_exists():
    """Keys of the last column are those of the schema; models and ensembles are those of config.yaml."""
    assert len(KEYS) > 25
    for key in KEYS:
        if key.endswith(("yaml", "csv")):
            continue
        part, section = schema(), key.split(".")[0]
        for place, name in enumerate(key.split(".")):
            named = place == 1 and section in ("models", "ensembles")
            assert name in (CONFIG[section] if named else part["properties"]), key
            part = part["additionalProperties"] if named else part["properties"][name]


@pytest.mark.parametrize("letter", "abcdefghijklmnopqrstuvwx")
def test_every_open_point_is_answered(letter):
    (row,) = re.findall(rf"^\| {letter} \|.*$", PAGE, re.M)
    assert all(cell.strip() for cell in row.strip("|").split("|")[1:4])
