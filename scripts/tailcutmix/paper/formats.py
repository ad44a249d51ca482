"""Write a table as tidy CSV and as Markdown, HTML and LaTeX for readers."""

import html
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from tailcutmix.files import replacing

MISSING = "n/a"

STYLE = """
body { font: 14px/1.4 "Helvetica Neue", Arial, sans-serif; color: #222; margin: 1.5em; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding-bottom: .6em; max-width: 60em; }
th, td { padding: .3em .7em; text-align: right; white-space: nowrap; vertical-align: top; }
th { border-top: 2px solid #222; border-bottom: 1px solid #222; }
th:first-child, td:first-child { text-align: left; }
tr.group td { text-align: left; font-weight: 600; background: #eef2f5; border-top: 1px solid #99a5b0; }
tbody tr:last-child td { border-bottom: 2px solid #222; }
small { color: #666; }
ul.notes { color: #444; max-width: 60em; padding-left: 1.2em; font-size: .9em; }
""".strip()

TEX_SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "→": r"$\to$", "−": r"$-$", "≥": r"$\geq$",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
}  # fmt: skip

MARKDOWN_SPECIAL = re.compile(r"[\\|`<]|\*(?=\S)|(?<![^\W_])_|_(?![^\W_])|(?<=\])\(")
"""Marks of Markdown; a star after a number, an underscore within a word and an interval in brackets are none."""


class Bold(str):
    """A cell that stands out: the best of its column."""


def with_best_bold(shown: pd.DataFrame, values: pd.DataFrame) -> pd.DataFrame:
    """`shown` with the cell of the highest value of each column in bold, and those that print the same number.

    Args:
        shown: strings; the first line of a cell begins with the number.
        values: numbers, of the index and some of the columns of `shown`; a column with fewer than two stays as it is.
    """
    marked = shown.astype(object)
    for column in values:
        numbers = values[column].astype(float)
        if numbers.notna().sum() < 2:
            continue
        cells = shown[column].astype(str)
        printed = cells.str.split().str[0]
        best = printed.iloc[int(numbers.fillna(-math.inf).to_numpy().argmax())]
        marked[column] = [Bold(cell) if text == best else cell for cell, text in zip(cells, printed, strict=True)]
    return marked


def number(value: float | None, digits: int = 3) -> str:
    """A score to `digits` places, ``n/a`` where there is none."""
    return MISSING if value is None or math.isnan(value) else f"{value:.{digits}f}".replace("-", "−")


def score_cell(value: float, std: float, low: float, high: float, digits: int = 3) -> str:
    """``0.412 ± 0.010`` and, on a second line, the interval ``[0.388, 0.437]``; what does not exist is left out."""
    if math.isnan(value):
        return MISSING
    text = number(value, digits)
    if not math.isnan(std):
        text += f" ± {number(std, digits)}"
    if not (math.isnan(low) or math.isnan(high)):
        text += f"\n[{number(low, digits)}, {number(high, digits)}]"
    return text


def signed_cell(value: float, low: float, high: float) -> str:
    """``+0.034`` and, on a second line, ``[+0.010, +0.060]``; a ``*`` where the interval leaves out zero.

    Three digits, and as many more as it takes to see on which side of zero the ends of the interval lie.
    """
    if math.isnan(value):
        return MISSING
    ends = [abs(end) for end in (low, high) if end]
    digits = next((n for n in (3, 4, 5) if all(round(end, n) for end in ends)), 6)
    texts = [f"{score:+.{digits}f}".replace("-", "−") for score in (value, low, high)]
    return f"{texts[0]}{'*' if low > 0 or high < 0 else ''}\n[{texts[1]}, {texts[2]}]"


def row_cell(row: pd.Series, name: str, digits: int = 3) -> str:
    """:func:`score_cell` of column `name` of a tidy row and its ``_std``, ``_low`` and ``_high``."""
    value, std, low, high = (float(row[name + end]) for end in ("", "_std", "_low", "_high"))
    return score_cell(value, std, low, high, digits)


def write_text(path: Path, text: str) -> None:
    """Write by a temporary name in the same folder, so that no reader sees half a file."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_table(
    frame: pd.DataFrame,
    stem: str | Path,
    caption: str,
    shown: pd.DataFrame | None = None,
    notes: Sequence[str] = (),
    narrow: pd.DataFrame | None = None,
) -> None:
    """Write ``<stem>.csv`` (the tidy frame) and ``.md``, ``.html``, ``.tex`` (what a reader sees).

    Args:
        frame: tidy numbers, one row per observation.
        shown: strings, one row per printed row; a column ``group``, where there is one, becomes a heading line at each
            change. A line break in a cell parts a value from its interval. Default: `frame`, numbers to three digits.
        notes: sentences under the table, which may have marks of Markdown.
        narrow: what LaTeX shows instead, for a table that is too wide for a page.
    """
    if shown is None:
        shown = frame.map(lambda value: number(value) if isinstance(value, float) else str(value))
    write_text(Path(f"{stem}.csv"), frame.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
    write_text(Path(f"{stem}.md"), to_markdown(shown, caption, notes))
    write_text(Path(f"{stem}.html"), to_html(shown, caption, notes))
    label = f"tab:{Path(stem).name}"
    write_text(Path(f"{stem}.tex"), to_latex(shown if narrow is None else narrow, caption, notes, label))


def rows_by_group(shown: pd.DataFrame) -> tuple[list[str], list[tuple[str | None, list[list[str]]]]]:
    """Column titles, and (heading or None, rows of cells) for each run of equal ``group``."""
    columns = [column for column in shown.columns if column != "group"]
    groups: list[tuple[str | None, list[list[str]]]] = []
    for _, row in shown.iterrows():
        heading = row["group"] if "group" in shown.columns else None
        if not groups or groups[-1][0] != heading:
            groups.append((heading, []))
        groups[-1][1].append([row[column] for column in columns])
    return columns, groups


def to_markdown(shown: pd.DataFrame, caption: str, notes: Sequence[str] = ()) -> str:
    """A GitHub-flavoured Markdown table, columns padded so that the plain text reads as a table too."""
    columns, groups = rows_by_group(shown)

    def cell(text: str) -> str:
        first, _, rest = markdown(text).partition("\n")
        first = f"**{first}**" if isinstance(text, Bold) else first
        return f"{first} {rest}" if rest else first

    lines, headings = [[markdown(column) for column in columns]], set()
    for heading, rows in groups:
        if heading is not None:
            headings.add(len(lines))
            lines.append([f"**{markdown(heading)}**"] + [""] * (len(columns) - 1))
        lines += [[cell(text) for text in row] for row in rows]
    measured = [line for place, line in enumerate(lines) if place not in headings]
    widths = [max(3, *map(len, column)) for column in zip(*measured, strict=True)]
    padded = [" | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    rule = " | ".join(("-" * width) if i == 0 else "-" * (width - 1) + ":" for i, width in enumerate(widths))
    body = "\n".join(f"| {line} |" for line in [padded[0], rule, *padded[1:]])
    under = "".join(f"- {note}\n" for note in notes)
    return f"{markdown(caption)}\n\n{body}\n" + (f"\n{under}" if under else "")


def to_html(shown: pd.DataFrame, caption: str, notes: Sequence[str] = ()) -> str:
    """One self-contained HTML page."""
    columns, groups = rows_by_group(shown)

    def cell(text: str) -> str:
        first, _, rest = text.partition("\n")
        value = f"<b>{html.escape(first)}</b>" if isinstance(text, Bold) else html.escape(first)
        return value + (f"<br><small>{html.escape(rest)}</small>" if rest else "")

    lines = ["<!DOCTYPE html>", '<html lang="en"><head><meta charset="utf-8">']
    lines += [f"<title>{html.escape(caption)}</title>", f"<style>\n{STYLE}\n</style></head><body>", "<table>"]
    lines.append(f"<caption>{html.escape(caption)}</caption>")
    lines.append("<thead><tr>" + "".join(f"<th>{html.escape(title)}</th>" for title in columns) + "</tr></thead>")
    lines.append("<tbody>")
    for heading, rows in groups:
        if heading is not None:
            lines.append(f'<tr class="group"><td colspan="{len(columns)}">{html.escape(heading)}</td></tr>')
        lines += ["<tr>" + "".join(f"<td>{cell(text)}</td>" for text in row) + "</tr>" for row in rows]
    lines += ["</tbody></table>"]
    if notes:
        lines.append(
            '<ul class="notes">'
            + "".join(f"<li>{_note(note, html.escape, '<code>{}</code>')}</li>" for note in notes)
            + "</ul>"
        )
    return "\n".join([*lines, "</body></html>"]) + "\n"


def to_latex(shown: pd.DataFrame, caption: str, notes: Sequence[str] = (), label: str = "") -> str:
    """A ``table`` environment to \\input, never wider than the line; needs the packages booktabs and graphicx."""
    columns, groups = rows_by_group(shown)

    def cell(text: str) -> str:
        first, _, rest = text.partition("\n")
        value = f"\\textbf{{{tex(first)}}}" if isinstance(text, Bold) else tex(first)
        if not rest:
            return f"{{{value}}}"  # braces: a cell that begins with [ would be taken for an option of the \\ before it
        interval = re.sub(r"(?<!\d)0\.", ".", rest)
        return f"\\begin{{tabular}}[t]{{@{{}}r@{{}}}}{value}\\\\[-.3ex]{{\\tiny {tex(interval)}}}\\end{{tabular}}"

    def head(title: str) -> str:
        words = tex(title).replace(" ", "\\\\")
        return f"\\begin{{tabular}}[b]{{@{{}}r@{{}}}}{words}\\end{{tabular}}"

    # LaTeX numbers the tables and says "Table" itself
    words = re.sub(r"^Table \d+[.:] ", "", caption)
    lines = ["% needs \\usepackage{booktabs,graphicx}", "\\begin{table}", "\\centering", f"\\caption{{{tex(words)}}}"]
    lines += [f"\\label{{{label}}}"] if label else []
    lines += ["\\scriptsize", "\\setlength{\\tabcolsep}{2.5pt}", "\\renewcommand{\\arraystretch}{1.15}"]
    lines += ["\\sbox0{%", f"\\begin{{tabular}}{{@{{}}l{'r' * (len(columns) - 1)}@{{}}}}", "\\toprule"]
    lines += [" & ".join([tex(columns[0]), *map(head, columns[1:])]) + " \\\\", "\\midrule"]
    for index, (heading, rows) in enumerate(groups):
        if heading is not None:
            lines += ["\\midrule"] if index else []
            lines.append(f"\\multicolumn{{{len(columns)}}}{{@{{}}l}}{{\\textbf{{{tex(heading)}}}}} \\\\")
        lines += [" & ".join(cell(text) for text in row) + " \\\\" for row in rows]
    lines += ["\\bottomrule", "\\end{tabular}}%"]
    lines.append("\\ifdim\\wd0>\\linewidth\\resizebox{\\linewidth}{!}{\\usebox0}\\else\\usebox0\\fi")
    if notes:
        lines.append("\\par\\smallskip\\begin{minipage}{\\linewidth}\\scriptsize")
        lines += [_note(note, tex, "\\texttt{{{}}}") + "\\par" for note in notes]
        lines.append("\\end{minipage}")
    return "\n".join([*lines, "\\end{table}"]) + "\n"


def _note(note: str, escape: Callable[[str], str], code: str) -> str:
    """A note whose names of keys, between backticks, are put into ``code``."""
    parts = note.split("`")
    return "".join(code.format(escape(part)) if place % 2 else escape(part) for place, part in enumerate(parts))


def markdown(text: str) -> str:
    """Text as Markdown shows it, without marks or HTML."""
    return MARKDOWN_SPECIAL.sub(r"\\\g<0>", text)


def tex(text: str) -> str:
    """Text as LaTeX prints it, with the quotes of print."""
    escaped = "".join(TEX_SPECIAL.get(character, character) for character in text)
    return re.sub(r'"([^"]*)"', r"``\1''", escaped)
