"""The library as a package of its own: what ``pip install .`` puts in place, and what it needs."""

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest
from conftest import ROOT
from packaging.requirements import Requirement

LIBRARY = ROOT / "scripts/tailcutmix"
DEPENDENCIES = [
    Requirement(line) for line in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
]
MODULES = {path.relative_to(LIBRARY.parent).as_posix() for path in LIBRARY.rglob("*.py")}
PACKAGES = sorted(Path(name).parent.as_posix().replace("/", ".") for name in MODULES if name.endswith("__init__.py"))


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A folder with the library, installed without network from a copy of what the build reads."""
    folder = tmp_path_factory.mktemp("package")
    source, target = folder / "source", folder / "target"
    shutil.copytree(ROOT / "scripts", source / "scripts", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    options = ["--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--target", str(target)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(source)], check=True)
    return target


def test_the_library_is_installed_whole_and_alone(installed):
    assert {path.name for path in installed.iterdir() if path.suffix != ".dist-info"} == {"tailcutmix"}
    assert {path.relative_to(installed).as_posix() for path in installed.rglob("*.py")} == MODULES
    assert (installed / "tailcutmix/py.typed").exists()


def test_the_installed_packages_are_imported(installed, tmp_path):
    program = (
        "import importlib, sys\n"
        "from tailcutmix.plan.settings.recipe import MIXINGS\n"
        "print(*(importlib.import_module(name).__file__ for name in sys.argv[1:]), *MIXINGS, sep='\\n')"
    )
    command = [sys.executable, "-c", program, *PACKAGES]
    environment = os.environ | {"PYTHONPATH": str(installed)}
    lines = subprocess.check_output(command, cwd=tmp_path, env=environment, text=True).splitlines()
    assert len(PACKAGES) > 10
    for path in lines[: len(PACKAGES)]:
        assert Path(path).is_relative_to(installed)
    assert {"none", "levels", "level0"} <= set(lines[len(PACKAGES) :]), "mixings are found by their files"


def test_dependencies_are_what_the_library_imports():
    imported = set()
    for path in LIBRARY.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module.partition(".")[0])
    imported -= sys.stdlib_module_names | {"tailcutmix"}
    distributions = packages_distributions()
    assert {distributions[name][0].lower() for name in imported} == {known.name for known in DEPENDENCIES}


@pytest.mark.parametrize("known", DEPENDENCIES, ids=lambda known: known.name)
def test_bounds_hold_the_versions_that_the_tests_ran_on(known):
    assert known.specifier.contains(version(known.name)), f"{version(known.name)} is not {known.specifier}"
