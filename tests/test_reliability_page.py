"""docs/reliability.md is true: its tests are there, and there are as many cases as it says."""

import importlib
import math
import re

from conftest import ROOT
from test_reliability import FUZZED

PAGE = ROOT / "docs/reliability.md"


def cases_of(test) -> int:
    """How many there are of one test function."""
    marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
    return math.prod(len(mark.args[1]) for mark in marks)


def test_the_page_names_tests_that_there_are_and_counts_their_cases():
    named = set()
    for file, words in re.findall(r"`(test_\w+)`: ((?:`\w+`(?:, )?)+)", PAGE.read_text()):
        module = importlib.import_module(file)
        for start in re.findall(r"`(\w+)`", words):
            (name,) = (name for name in vars(module) if name.startswith((f"test_{start}", start)))
            named.add(getattr(module, name))
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ") and "| test |" not in line]
    assert all(re.search(r"\| (`test_\w+`: (`\w+`(, |; )?)+)+ \|$", row) for row in rows)
    (stated,) = re.findall(r"of more than\s(\d+) cases", PAGE.read_text())
    assert int(stated) < sum(map(cases_of, named)) <= int(stated) + 100
    assert f" {len(FUZZED)} kinds of file" in PAGE.read_text()
