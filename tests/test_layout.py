"""The library's packages stand in the order of the report, and none imports from one after it; ToyCity stands apart."""

import ast

from conftest import ROOT

ORDER = ["labels", "plan", "dataset", "tail", "mixing", "models", "training", "prediction", "metrics", "paper"]
LIBRARY = ROOT / "scripts/tailcutmix"
SHARED = {path.stem for path in LIBRARY.glob("*.py")} - {"labels"}
"""Modules that stand beside the packages: errors, files, configuration, ..."""


def modules_imported(path) -> set[str]:
    """Dotted names of what a file imports; a name imported out of a module counts as one of its parts."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: imports are absolute"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def packages_imported(path) -> set[str]:
    modules = modules_imported(path)
    return {module.split(".")[1] for module in modules if module.startswith("tailcutmix.")} - SHARED


def test_data_flows_one_way():
    assert {path.name for path in LIBRARY.iterdir() if path.is_dir()} - {"__pycache__"} == set(ORDER) - {"labels"}
    for place, package in enumerate(ORDER):
        for path in [LIBRARY / f"{package}.py"] if package == "labels" else (LIBRARY / package).rglob("*.py"):
            later = packages_imported(path) & set(ORDER[place + 1 :])
            assert not later, f"{path.relative_to(ROOT)} imports {later}"


def test_toycity_enters_only_its_own_rule():
    """Neither the library nor another rule's script imports the drawing of ToyCity, so that a change there repacks no
    other data set; and the drawing takes no more of the library than what writes its files."""
    importing = {
        str(path.relative_to(ROOT / "scripts"))
        for path in (ROOT / "scripts").rglob("*.py")
        if any(module.split(".")[0] == "toycity" for module in modules_imported(path))
    }
    assert {name for name in importing if not name.startswith("toycity/")} == {"generate_toycity.py"}
    taken = {m for path in (ROOT / "scripts/toycity").glob("*.py") for m in modules_imported(path)}
    assert {module for module in taken if module.startswith("tailcutmix")} == {
        "tailcutmix.dataset.images.write_png",
        "tailcutmix.errors.UserError",
        "tailcutmix.files.replacing",
    }
