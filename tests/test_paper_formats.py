"""How tables are written: names, digits, notes and what is bold, in Markdown, HTML, LaTeX and CSV."""

import math

import pandas as pd
import pytest
from paper_results import Rows

from tailcutmix.paper.formats import markdown, signed_cell, with_best_bold, write_table


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a_b", "a_b"),
        ("_a_", r"\_a\_"),
        ("**a**", r"\*\*a\**"),
        ("+0.008* [0, 1]", "+0.008* [0, 1]"),
        ("`a`", r"\`a\`"),
        ("<img src=x>", r"\<img src=x>"),
        ("[a](http://b)", r"[a]\(http://b)"),
        ("a|b", r"a\|b"),
        ("a\\b", r"a\\b"),
    ],
)
def test_markdown_shows_names_as_they_are(text, shown):
    assert markdown(text) == shown


def test_special_characters_survive_every_format(tmp_path):
    frame = pd.DataFrame({"method": ["a_b & c | <d> 5 %"], "score": [0.5]})
    write_table(frame, tmp_path / "t", "50 % & more_less")
    assert Rows((tmp_path / "t.html").read_text()).rows[1] == ["a_b & c | <d> 5 %", "0.500"]
    assert r"a_b & c \| \<d> 5 %" in (tmp_path / "t.md").read_text()
    assert r"a\_b \& c \textbar{} \textless{}d\textgreater{} 5 \%" in (tmp_path / "t.tex").read_text()
    assert pd.read_csv(tmp_path / "t.csv")["method"][0] == frame["method"][0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.csv", "t.html", "t.md", "t.tex"]


@pytest.mark.parametrize(
    ("numbers", "cell"),
    [
        ((0.008, 0.0002, 0.019), "+0.0080*\n[+0.0002, +0.0190]"),
        ((0.008, -0.0002, 0.025), "+0.0080\n[−0.0002, +0.0250]"),
        ((0.008, 0.0, 0.025), "+0.008\n[+0.000, +0.025]"),
        ((-0.02, -0.03, -0.01), "−0.020*\n[−0.030, −0.010]"),
        ((math.nan, math.nan, math.nan), "n/a"),
    ],
)
def test_the_digits_of_an_interval_show_on_which_side_of_zero_it_ends(numbers, cell):
    assert signed_cell(*numbers) == cell


def test_the_best_of_a_group_is_bold_and_the_only_row_is_not(tmp_path):
    frame = pd.DataFrame({"method": ["a", "b", "c"], "score": ["0.500", "0.501\n[0.4, 0.6]", "0.501"]})
    shown = with_best_bold(frame, pd.DataFrame({"score": [0.5, 0.5009, 0.5012]}))
    write_table(frame, tmp_path / "t", 'Table 3. A "table"', shown)
    for suffix, first, second in (
        ("md", "**0.501** [0.4, 0.6]", "| **0.501**"),
        ("html", "<b>0.501</b><br>", "<b>0.501</b></td>"),
        ("tex", r"\textbf{0.501}\\", r"{\textbf{0.501}}"),
    ):
        text = (tmp_path / f"t.{suffix}").read_text()
        assert first in text and second in text and text.count("0.500") == 1
    assert r"\caption{A ``table''}" in text and r"\label{tab:t}" in text
    one = frame.iloc[:1]
    assert with_best_bold(one, pd.DataFrame({"score": [0.5]})).equals(one.astype(object))


def test_names_of_keys_in_notes_are_set_as_code(tmp_path):
    """Between backquotes; what stands around and within them is escaped as everywhere."""
    write_table(pd.DataFrame({"a": [1.0]}), tmp_path / "t", "caption", notes=["5 % & more (`regions.min_area`)"])
    assert "5 % &amp; more (<code>regions.min_area</code>)" in (tmp_path / "t.html").read_text()
    assert r"5 \% \& more (\texttt{regions.min\_area})" in (tmp_path / "t.tex").read_text()
    assert "(`regions.min_area`)" in (tmp_path / "t.md").read_text()
