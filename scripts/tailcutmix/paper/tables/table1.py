"""Table 1: the report's published rows, and beside them, never mixed with them, what was computed here."""

import math
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from tailcutmix.errors import UserError
from tailcutmix.files import read_table
from tailcutmix.paper.classes import bucket_members
from tailcutmix.paper.formats import number, row_cell, with_best_bold, write_table
from tailcutmix.paper.material import Material
from tailcutmix.paper.published import (
    COLUMN_TITLES,
    LEADERBOARD,
    LEADERBOARD_SOURCE,
    MINICITY_ACCURACY_CEILING,
    REPORT_DATASET,
    REPORT_SOURCE,
    REPORT_SPLIT,
    REPORT_TABLE1,
    SCORES,
)
from tailcutmix.paper.scores import (
    ALL_SCORES,
    BUCKETS,
    STATISTICS,
    bucket_scores,
    by_method,
    prefixed,
    read_scores,
    summarise_score,
)
from tailcutmix.plan.settings.tail import EMPTY_TAIL
from tailcutmix.tail.bucket_table import TAIL

PUBLISHED, COMPUTED = "published", "this run"
NOT_GIVEN = "–"
CAPTION = "Table 1. Scores of the technical report on MiniCity's hidden test set, and the scores of this run"


def published_rows() -> pd.DataFrame:
    """The report's two rows in the tidy form of :func:`table1`; it gives neither deviation nor interval."""
    rows = []
    for method, values in REPORT_TABLE1:
        row: dict[str, object] = {
            "source": f"{PUBLISHED}: {REPORT_SOURCE}",
            "dataset": REPORT_DATASET,
            "split": REPORT_SPLIT,
        }
        row |= {"images": 200, "model": "", "method": method, "seeds": None}
        for score, value in zip(SCORES, values, strict=True):
            summary = dict.fromkeys(STATISTICS) | {"value": value}
            row |= prefixed(summary, score)
        rows.append(row)
    return pd.DataFrame(rows)


def table1(material: Material) -> pd.DataFrame:
    """The tidy Table 1 of the material's scores, which may be of several data sets and splits.

    Returns:
        one row per method: source ("published: ..." or "this run"), dataset, split, images, model,
        method, seeds, and for each of the six scores (0..1) the value, ``_std`` over seeds, and ``_low``/``_high`` of
        the bootstrap over images; the same for iou_head, iou_middle and iou_tail, the mean IoU of the classes of each
        bucket, where the material holds the statistics of the images.
        The published rows come first; then each data set and split of this run in turn.

    Raises:
        UserError: a file is missing or broken, or there is none.
    """
    scores = read_scores(material)
    if not scores:
        raise UserError("Table 1 needs the metrics of one model at least")
    members = bucket_members(material.buckets) if material.image_statistics else {}
    idle, rows = _idle(material), []
    for test in sorted({entry.test for entry in scores}):
        dataset, split, images = test
        for method, seeds in by_method([entry for entry in scores if entry.test == test], material.methods):
            row = {"source": COMPUTED, "dataset": dataset, "split": split, "images": images}
            row |= {"model": method.name, "method": method.title + idle.get(method.name, ""), "seeds": len(seeds)}
            for score in ALL_SCORES:
                row |= prefixed(summarise_score(seeds, score), score)
            for bucket, summary in bucket_scores(seeds, members).items() if members else ():
                row |= prefixed(summary, f"iou_{bucket}")
            rows.append(row)
    computed = pd.DataFrame(rows)
    published = published_rows().reindex(columns=computed.columns).astype(computed.dtypes.drop("seeds").to_dict())
    return pd.concat([published, computed], ignore_index=True).astype({"seeds": "Int64"})


def _idle(material: Material) -> dict[str, str]:
    """Row -> what stands behind its title, where its method did nothing."""
    why = dict(material.idle.get("always", {}))
    rows = material.idle.get("without_tail", ())
    if rows and TAIL not in set(read_table(material.buckets, ("class", "bucket"), "table of buckets")["bucket"]):
        why |= dict.fromkeys(rows, EMPTY_TAIL)
    return {row: f" (did nothing: {reason})" for row, reason in why.items()}


def heading(row: pd.Series, seeds: Sequence[int] = ()) -> str:
    """What the rows of one group are: whose numbers, on which data set and split."""
    if row["source"] != COMPUTED:
        return "Technical report, MiniCity test (published numbers, two digits)"
    low, high = min(seeds), max(seeds)
    count = f"{low} seed{'s' * (low != 1)}" if low == high else f"{low} to {high} seeds"
    return f"This run: {row['dataset']} {row['split']}, {row['images']} images, {count}"


def columns_of(frame: pd.DataFrame) -> dict[str, str]:
    """Score -> title of its column: the report's five, then the buckets' where they are known."""
    columns = {score: COLUMN_TITLES[score] for score in SCORES}
    return columns | {f"iou_{bucket}": f"IoU {bucket}" for bucket in BUCKETS if f"iou_{bucket}" in frame}


def shown_table1(frame: pd.DataFrame) -> pd.DataFrame:
    """The tidy Table 1 as a reader sees it: group, method and the scores, all strings, the best of a group in bold."""
    columns, groups = columns_of(frame), []
    for _, members in frame.groupby(["source", "dataset", "split", "images"], sort=False):
        published = members["source"].iloc[0] != COMPUTED
        title = heading(members.iloc[0], () if published else [int(seeds) for seeds in members["seeds"]])
        cells = [
            {titled: _published_cell(row[s]) if published else row_cell(row, s) for s, titled in columns.items()}
            for _, row in members.iterrows()
        ]
        shown = pd.DataFrame(cells, index=members.index)
        shown = shown if published else with_best_bold(shown, members[list(columns)].rename(columns=columns))
        shown.insert(0, "group", title)
        shown.insert(1, "method", members["method"])
        groups.append(shown)
    return pd.concat(groups, ignore_index=True)


def _published_cell(value: float) -> str:
    """Two digits, as printed in the report; a dash for what it does not give."""
    return NOT_GIVEN if math.isnan(value) else number(value, 2)


def notes_table1(frame: pd.DataFrame) -> list[str]:
    """What a reader must know to read the table rightly."""
    computed = frame[frame["source"] == COMPUTED]
    second = LEADERBOARD[1][1]
    notes = [
        "The report's \"Baseline\" equals the challenge organisers' U-Net digit for digit; its counterpart here is the "
        "U-Net row, not M0.",
        "Accuracy counts every label id, void included, so it stays below 1 for any predictor of the classes alone (on "
        f"MiniCity below about {MINICITY_ACCURACY_CEILING}); the CSV file adds the accuracy on evaluated pixels.",
        f"On the {LEADERBOARD_SOURCE}, the next entry had {second[0]:.2f} IoU class and {second[1]:.2f} iIoU class: "
        "the report's distinct lead is in iIoU class.",
        "Rows of this run: mean ± standard deviation over seeds (where there are several), and in brackets the 95 % "
        "bootstrap interval over images.",
    ]
    if "iou_tail" in frame:
        notes.append(
            "IoU head, middle and tail: mean over the classes of the final buckets. Bold: the best of this run."
        )
    if computed[["iiou_class", "iiou_category"]].isna().any(axis=None):
        notes.append("n/a: iIoU needs instance labels, which this data set does not have.")
    for dataset, split in dict.fromkeys(zip(computed["dataset"], computed["split"], strict=True)):
        if str(dataset).lower() != "minicity":
            notes.append(f"{dataset} is another data set: its numbers and the report's are not on one scale.")
        elif split != "test":
            notes.append(f"MiniCity {split} is not the hidden test set: other images and other cities.")
    return list(dict.fromkeys(notes))


def make(material: Material, stem: Path) -> None:
    """Write Table 1."""
    frame = table1(material)
    write_table(frame, stem, CAPTION, shown_table1(frame), [*notes_table1(frame), *material.readings])


def render_terminal(frame: pd.DataFrame, width: int = 100) -> str:
    """Table 1 as plain text of at most `width` columns (80 at least), deviation and interval under their value."""
    shown = shown_table1(frame)
    titles = list(shown.columns[2:])
    cell = 10
    first = width - cell * len(titles)
    words = [(title.partition(" ")[0], title.partition(" ")[2]) for title in titles]
    lines = [f"{'Table 1':<{first}}" + "".join(f"{word:>{cell}}" for word, _ in words)]
    lines += [" " * first + "".join(f"{word:>{cell}}" for _, word in words), "=" * width]
    group = None
    for _, row in shown.iterrows():
        if row["group"] != group:
            lines += ["-" * width] if group else []
            group = row["group"]
            lines.append(group)
        parts = [_terminal_cell(row[title]) for title in titles]
        name = textwrap.wrap(row["method"], first - 2)
        for i in range(max(len(name), *(len(part) for part in parts))):
            label = f"  {name[i]}" if i < len(name) else ""
            lines.append(f"{label:<{first}}" + "".join(f"{part[i] if i < len(part) else '':>{cell}}" for part in parts))
    lines.append("=" * width)
    for note in notes_table1(frame):
        note = note.replace("in brackets", "below it").replace(" Bold: the best of this run.", "")
        lines += textwrap.wrap(note, width, initial_indent="* ", subsequent_indent="  ")
    return "\n".join(line.rstrip() for line in lines)


def _terminal_cell(text: str) -> list[str]:
    """``0.412``, ``±.010`` and ``.388-.437``, each on its line: nine characters at most."""
    value, _, interval = text.partition("\n")
    lines = value.replace(" ± ", " ±").split() + [interval.strip("[]").replace(", ", "-")]
    return [lines[0], *(re.sub(r"(?<!\d)0\.", ".", line) for line in lines[1:] if line)]
