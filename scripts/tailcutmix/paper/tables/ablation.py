"""The ablation that the report lacks: what each part of the method brings, beside other ways with a long tail."""

from pathlib import Path

import pandas as pd

from tailcutmix.paper.classes import bucket_members
from tailcutmix.paper.formats import row_cell, with_best_bold, write_table
from tailcutmix.paper.material import Material
from tailcutmix.paper.published import COLUMN_TITLES, SCORES
from tailcutmix.paper.scores import (
    ALL_SCORES,
    BUCKETS,
    bucket_scores,
    by_method,
    prefixed,
    read_scores,
    same_test,
    summarise_score,
)


def ablation(material: Material) -> pd.DataFrame:
    """The tidy ablation table.

    Returns:
        one row per arm: dataset, split, images, model, method, seeds, and value, ``_std``, ``_low``, ``_high`` of the
        six scores and of the mean IoU of each bucket (iou_head, iou_middle, iou_tail; NaN for an empty bucket).
    """
    scores = read_scores(material)
    dataset, split, images = same_test(scores, "the ablation")
    members = bucket_members(material.buckets)
    rows = []
    for method, seeds in by_method(scores, material.methods):
        row = {"dataset": dataset, "split": split, "images": images, "model": method.name, "method": method.title}
        row["seeds"] = len(seeds)
        for score in ALL_SCORES:
            row |= prefixed(summarise_score(seeds, score), score)
        for bucket, summary in bucket_scores(seeds, members).items():
            row |= prefixed(summary, f"iou_{bucket}")
        rows.append(row)
    return pd.DataFrame(rows)


def shown_ablation(frame: pd.DataFrame) -> pd.DataFrame:
    """One printed row per arm: seeds, Table 1's five columns and the mean IoU of each bucket."""
    columns = {score: COLUMN_TITLES[score] for score in SCORES}
    columns |= {f"iou_{bucket}": f"IoU {bucket}" for bucket in BUCKETS}
    shown = pd.DataFrame(
        {"method": row["method"], "seeds": str(row["seeds"])}
        | {title: row_cell(row, score) for score, title in columns.items()}
        for _, row in frame.iterrows()
    )
    return with_best_bold(shown, frame[list(columns)].rename(columns=columns))


def make(material: Material, stem: Path) -> None:
    """Write the ablation table."""
    frame = ablation(material)
    first = frame.iloc[0]
    caption = f"Ablation: {first['dataset']} {first['split']}, {first['images']} images"
    notes = [
        "Mean ± standard deviation over seeds (where there are several), and in brackets the 95 % bootstrap interval "
        "over images. Intervals of two rows may overlap and the rows still differ: see the table of differences.",
        "IoU head, middle and tail: mean over the classes of the final buckets.",
    ]
    if frame["iiou_class"].isna().any():
        notes.append("n/a: iIoU needs instance labels, which this data set does not have.")
    write_table(frame, stem, caption, shown_ablation(frame), [*notes, *material.readings])
