"""Write a table as tidy CSV and as Markdown, HTML and LaTeX for readers."""

import html
import math
from collections.abc import Sequence
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
}  # fmt: skip


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


def row_cell(row: pd.Series, name: str, digits: int = 3) -> str:
    """:func:`score_cell` of column `name` of a tidy row and its ``_std``, ``_low`` and ``_high``."""
    value, std, low, high = (float(row[name + end]) for end in ("", "_std", "_low", "_high"))
    return score_cell(value, std, low, high, digits)


def write_text(path: Path, text: str) -> None:
    """Write by a temporary name in the same folder, so that no reader sees half a file."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_table(
    frame: pd.DataFrame, stem: str | Path, caption: str, shown: pd.DataFrame | None = None, notes: Sequence[str] = ()
) -> None:
    """Write ``<stem>.csv`` (the tidy frame) and ``.md``, ``.html``, ``.tex`` (what a reader sees).

    Args:
        frame: tidy numbers, one row per observation.
        shown: strings, one row per printed row; a column ``group``, where there is one, becomes a heading line at each
            change. A line break in a cell parts a value from its interval. Default: `frame`, numbers to three digits.
        notes: sentences under the table.
    """
    if shown is None:
        shown = frame.map(lambda value: number(value) if isinstance(value, float) else str(value))
    write_text(Path(f"{stem}.csv"), frame.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
    for suffix, text in (("md", to_markdown), ("html", to_html), ("tex", to_latex)):
        write_text(Path(f"{stem}.{suffix}"), text(shown, caption, notes))


def rows_by_group(shown: pd.DataFrame) -> tuple[list[str], list[tuple[str | None, list[list[str]]]]]:
    """Column titles, and (heading or None, rows of cells) for each run of equal ``group``."""
    columns = [column for column in shown.columns if column != "group"]
    groups: list[tuple[str | None, list[list[str]]]] = []
    for _, row in shown.iterrows():
        heading = row["group"] if "group" in shown.columns else None
        if not groups or groups[-1][0] != heading:
            groups.append((heading, []))
        groups[-1][1].append([str(row[column]) for column in columns])
    return columns, groups


def to_markdown(shown: pd.DataFrame, caption: str, notes: Sequence[str] = ()) -> str:
    """A GitHub-flavoured Markdown table, columns padded so that the plain text reads as a table too."""
    columns, groups = rows_by_group(shown)
    lines = [columns]
    for heading, rows in groups:
        if heading is not None:
            lines.append([f"**{heading}**"] + [""] * (len(columns) - 1))
        lines += [[cell.replace("\n", " ").replace("|", "\\|") for cell in row] for row in rows]
    cells = [[line[i] for line in lines if not line[i].startswith("**")] for i in range(len(columns))]
    widths = [max(3, *map(len, column)) for column in cells]
    padded = [" | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    rule = " | ".join(("-" * width) if i == 0 else "-" * (width - 1) + ":" for i, width in enumerate(widths))
    body = "\n".join(f"| {line} |" for line in [padded[0], rule, *padded[1:]])
    under = "".join(f"- {note}\n" for note in notes)
    return f"{caption}\n\n{body}\n" + (f"\n{under}" if under else "")


def to_html(shown: pd.DataFrame, caption: str, notes: Sequence[str] = ()) -> str:
    """One self-contained HTML page."""
    columns, groups = rows_by_group(shown)

    def cell(text: str) -> str:
        first, _, rest = text.partition("\n")
        return html.escape(first) + (f"<br><small>{html.escape(rest)}</small>" if rest else "")

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
        lines.append('<ul class="notes">' + "".join(f"<li>{html.escape(note)}</li>" for note in notes) + "</ul>")
    return "\n".join([*lines, "</body></html>"]) + "\n"


def to_latex(shown: pd.DataFrame, caption: str, notes: Sequence[str] = ()) -> str:
    """A ``table`` environment to \\input; needs the package booktabs."""
    columns, groups = rows_by_group(shown)

    def escape(text: str) -> str:
        return "".join(TEX_SPECIAL.get(character, character) for character in text)

    def cell(text: str) -> str:
        first, _, rest = text.partition("\n")
        # braces: a cell that begins with [ would be taken for an option of the \\ before it
        if not rest:
            return f"{{{escape(first)}}}"
        return f"\\shortstack[r]{{{escape(first)}\\\\{{\\scriptsize {escape(rest)}}}}}"

    lines = ["% needs \\usepackage{booktabs}", "\\begin{table}", "\\centering", f"\\caption{{{escape(caption)}}}"]
    lines += [f"\\begin{{tabular}}{{l{'r' * (len(columns) - 1)}}}", "\\toprule"]
    lines += [" & ".join(escape(title) for title in columns) + " \\\\", "\\midrule"]
    for index, (heading, rows) in enumerate(groups):
        if heading is not None:
            lines += ["\\midrule"] if index else []
            lines.append(f"\\multicolumn{{{len(columns)}}}{{l}}{{\\textbf{{{escape(heading)}}}}} \\\\")
        lines += [" & ".join(cell(text) for text in row) + " \\\\" for row in rows]
    lines += ["\\bottomrule", "\\end{tabular}"]
    if notes:
        lines.append("\\par\\smallskip\\begin{minipage}{\\linewidth}\\footnotesize")
        lines += [f"{escape(note)}\\par" for note in notes]
        lines.append("\\end{minipage}")
    return "\n".join([*lines, "\\end{table}"]) + "\n"
