"""The tables of docs/method.md: which test is cited for which function, and whether it reaches it.

conftest.py watches the cited tests while they run; :func:`complaints` says at the end of a session what does not hold.
"""

import importlib
import inspect
import re
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import CodeType

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = ROOT / "scripts/tailcutmix"
PAGE = (ROOT / "docs/method.md").read_text() if (ROOT / "docs").exists() else ""  # absent in a copy of the workflow
MODULES = {str(path.relative_to(LIBRARY).with_suffix("")).replace("/", ".") for path in LIBRARY.rglob("*.py")}


def names_in(text: str) -> tuple[list[str], list[str]]:
    """The functions of the library and the tests that a text names in backquotes."""
    words = re.findall(r"`([^`]+)`", text)
    functions = [word for word in words if word.rpartition(".")[0] in MODULES]
    return functions, [word for word in words if re.fullmatch(r"test_\w+", word)]


ROW_LINES = [line for line in PAGE.splitlines() if line.startswith("|")]
ROWS = [(functions, tests) for functions, tests in map(names_in, ROW_LINES) if functions and tests]
"""Functions and tests of each row that has both."""

CITED = defaultdict(set)
for functions, tests in ROWS:
    for test in tests:
        CITED[test] |= set(functions)

REACHED: dict[str, set[str]] = {}
"""Test that has run -> the functions, of those that it is cited for, that it has entered."""


@contextmanager
def watched(test: str) -> Iterator[None]:
    """Note which of its functions a test enters, in this process and in threads that it starts."""
    wanted = {code: name for name in CITED[test] for code in codes(name)}
    reached = REACHED.setdefault(test, set())

    def profile(frame, event, argument):
        if event == "call" and frame.f_code in wanted:
            reached.add(wanted[frame.f_code])

    sys.setprofile(profile)
    threading.setprofile(profile)
    try:
        yield
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


@cache
def codes(name: str) -> set[CodeType]:
    """The code of a function, or of all methods that a class defines."""
    module, attribute = name.rsplit(".", 1)
    found = inspect.unwrap(getattr(importlib.import_module(f"tailcutmix.{module}"), attribute))
    members = vars(found).values() if inspect.isclass(found) else [found]
    return {inspect.unwrap(member).__code__ for member in members if inspect.isfunction(member)}


def complaints() -> list[str]:
    """A line per function or test of a row that fails its claim; rows whose tests did not all run say nothing."""
    lines = []
    for functions, tests in ROWS:
        if not set(tests) <= set(REACHED):
            continue
        for test in tests:
            if not REACHED[test] & set(functions):
                lines.append(f"{test} is cited for {', '.join(functions)} and enters none of them")
        for name in functions:
            if codes(name) and not any(name in REACHED[test] for test in tests):
                lines.append(f"{name} is entered by none of the tests cited for it: {', '.join(tests)}")
    return lines
