"""Numbers of runs in the documents: every table between two marks is made from a file that a rule wrote.

``python -m tailcutmix.paper.pages`` fills the marks of README.md and docs/ anew; a test compares. A mark is

    <!-- scores of docs/results/NAME/ablation.csv: m0, m1, ensemble -->
    <!-- differences of docs/results/NAME/ablation_differences.csv: m0 ensemble, m1 ensemble -->
    <!-- claims of docs/results/NAME/claims.csv: ensemble -->

with ``<!-- end -->`` behind the table; without a list, every row is shown.
"""

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from tailcutmix.errors import UserError
from tailcutmix.files import read_table
from tailcutmix.paper.formats import markdown

MARK = re.compile(r"(<!-- (\w+) of (\S+?)(?:: ([^>]*?))? -->)\n.*?(<!-- end -->)", re.DOTALL)

COLUMNS = {"iou_class": "IoU class", "iou_head": "IoU head", "iou_middle": "IoU middle", "iou_tail": "IoU tail"}


def short(value: float) -> str:
    """``.412``, as in a table of scores; ``n/a`` where there is none."""
    return "n/a" if math.isnan(value) else f"{value:.3f}".replace("0.", ".", 1)


def signed(value: float) -> str:
    """``+.012`` or ``−.012``."""
    return f"{'−' if value < 0 else '+'}{short(abs(value))}"


def scores(frame: pd.DataFrame, names: Sequence[str]) -> list[list[str]]:
    """A head and a row per method: the four means with their deviation over seeds."""
    shown = [name for name in COLUMNS if name in frame]
    rows = []
    for _, row in _chosen(frame, ["model"], names).iterrows():
        cells = [
            short(row[name]) + ("" if pd.isna(row[f"{name}_std"]) else f" ±{short(row[f'{name}_std'])}")
            for name in shown
        ]
        rows.append([markdown(row["method"]), *cells])
    return [["", *(COLUMNS[name] for name in shown)], *rows]


def differences(frame: pd.DataFrame, names: Sequence[str]) -> list[list[str]]:
    """A head and a row per pair: the differences of the four means, with their intervals."""
    shown = [name for name in COLUMNS if name in frame]
    rows = []
    for _, row in _chosen(frame, ["first", "second"], names).iterrows():
        cells = [f"{signed(row[name])} [{signed(row[f'{name}_low'])}, {signed(row[f'{name}_high'])}]" for name in shown]
        rows.append([markdown(row["comparison"]), *cells])
    return [["", *(COLUMNS[name] for name in shown)], *rows]


def claims(frame: pd.DataFrame, names: Sequence[str]) -> list[list[str]]:
    """A head and a row per expert: the pixels that it added, how many of them right and wrong, and its precision."""
    rows = []
    chosen = frame[frame["ensemble"].isin(names)] if names else frame
    for _, row in chosen.iterrows():
        pixels = (row[f"{kind}_added"] for kind in ("pixels", "true_positives", "false_positives"))
        rows.append([markdown(row["class"]), *(f"{number:,.0f}" for number in pixels), short(row["precision"])])
    return [["expert", "pixels added", "right", "wrong", "precision"], *rows]


TABLES: dict[str, Callable[[pd.DataFrame, Sequence[str]], list[list[str]]]] = {
    "scores": scores,
    "differences": differences,
    "claims": claims,
}


def filled(text: str, root: Path) -> str:
    """A document with the table between each pair of marks made anew.

    Raises:
        UserError: a mark that names no file, no kind of table, or no row.
    """

    def fill(mark: re.Match[str]) -> str:
        opening, kind, path, names, end = mark.groups()
        if kind not in TABLES:
            raise UserError(f"{opening}: a table is one of: {', '.join(TABLES)}")
        wanted = [name.strip() for name in names.split(",")] if names else []
        head, *rows = TABLES[kind](read_table(root / path), wanted)
        lines = [head, ["---"] * len(head), *rows]
        return "\n".join([opening, *(f"| {' | '.join(line)} |" for line in lines), end])

    return MARK.sub(fill, text)


def pages(root: Path) -> list[Path]:
    """The documents that may hold marks."""
    return [root / "README.md", *sorted((root / "docs").glob("*.md"))]


def _chosen(frame: pd.DataFrame, keys: Sequence[str], names: Sequence[str]) -> pd.DataFrame:
    """The rows of these names, in their order; a name of several keys has spaces between them."""
    if not names:
        return frame
    rows = frame.assign(name=frame[list(keys)].agg(" ".join, axis=1)).set_index("name")
    missing = [name for name in names if name not in rows.index]
    if missing:
        raise UserError(f"the table has no row {missing[0]!r}; its rows are: {', '.join(rows.index)}")
    return rows.loc[list(names)]


def main() -> None:
    root = Path(__file__).resolve().parents[3]
    for page in pages(root):
        page.write_text(filled(page.read_text(), root))


if __name__ == "__main__":
    main()
