"""The library's packages stand in the order of the report, and none imports from one after it."""

import ast

from conftest import ROOT

ORDER = ["labels", "plan", "dataset", "tail", "mixing", "models", "training", "prediction", "metrics", "paper"]
LIBRARY = ROOT / "scripts/tailcutmix"
SHARED = {path.stem for path in LIBRARY.glob("*.py")} - {"labels"}
"""Modules that stand beside the packages: errors, files, configuration, ..."""


def packages_imported(path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "tailcutmix":
            modules = [f"tailcutmix.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
        else:
            continue
        found |= {module.split(".")[1] for module in modules if module.startswith("tailcutmix.")}
    return found - SHARED


def test_data_flows_one_way():
    assert {path.name for path in LIBRARY.iterdir() if path.is_dir()} - {"__pycache__"} == set(ORDER) - {"labels"}
    for place, package in enumerate(ORDER):
        for path in [LIBRARY / f"{package}.py"] if package == "labels" else (LIBRARY / package).rglob("*.py"):
            later = packages_imported(path) & set(ORDER[place + 1 :])
            assert not later, f"{path.relative_to(ROOT)} imports {later}"
