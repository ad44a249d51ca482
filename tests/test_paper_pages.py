"""Numbers in the documents are those of the files that they name."""

import pandas as pd
import pytest
from conftest import ROOT

from tailcutmix.errors import UserError
from tailcutmix.paper.pages import COLUMNS, MARK, filled, pages


@pytest.mark.parametrize("page", pages(ROOT), ids=lambda page: page.name)
def test_every_table_of_a_run_is_made_of_its_file(page):
    """``python -m tailcutmix.paper.pages`` makes them."""
    text = page.read_text()
    assert filled(text, ROOT) == text
    assert text.count("<!-- end -->") >= len(MARK.findall(text))


@pytest.fixture
def root(tmp_path):
    numbers = {name: [0.1234, 0.9876] for name in COLUMNS} | {f"{name}_std": [0.01, None] for name in COLUMNS}
    pd.DataFrame({"model": ["m0", "m1"], "method": ["M0", "M1"]} | numbers).to_csv(tmp_path / "a.csv", index=False)
    bounds = {f"{name}_{end}": [value] for name in COLUMNS for end, value in (("low", -0.02), ("high", 0.5))}
    pair = {"first": ["m0"], "second": ["m1"], "comparison": ["M1 − M0"]} | {name: [-0.004] for name in COLUMNS}
    pd.DataFrame(pair | bounds).to_csv(tmp_path / "d.csv", index=False)
    return tmp_path


def test_marks_are_filled_in_their_order(root):
    text = "<!-- scores of a.csv: m1, m0 -->\nold\n<!-- end -->\nprose\n<!-- differences of d.csv -->\n<!-- end -->\n"
    lines = filled(text, root).splitlines()
    assert lines[3] == "| M1 | .988 | .988 | .988 | .988 |" and lines[4].startswith("| M0 | .123 ±.010 |")
    assert lines[6] == "prose" and lines[10].startswith("| M1 − M0 | −.004 [−.020, +.500] |")
    assert filled("\n".join(lines), root) == "\n".join(lines), "filling again changes nothing"


@pytest.mark.parametrize(
    "mark, words",
    [("scores of a.csv: m7", "no row 'm7'"), ("scores of no.csv", "no.csv: no such"), ("totals of a.csv", "one of")],
)
def test_a_mark_that_names_nothing_is_refused(root, mark, words):
    with pytest.raises(UserError, match=words):
        filled(f"<!-- {mark} -->\n<!-- end -->", root)
