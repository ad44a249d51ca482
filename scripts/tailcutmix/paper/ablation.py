"""The ablation that the report lacks: what each part of the method brings, beside other ways with a long tail."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tailcutmix.metrics.bootstrap import interval, replicate_scores
from tailcutmix.metrics.scores import scores_of
from tailcutmix.metrics.statistics import read_statistics
from tailcutmix.paper.classes import bucket_members
from tailcutmix.paper.published import COLUMN_TITLES, SCORES
from tailcutmix.paper.scores import (
    ALL_SCORES,
    BUCKETS,
    Source,
    by_method,
    prefixed,
    read_all,
    same_test,
    summarise_part,
    summarise_score,
)
from tailcutmix.paper.tables import FORMATS, row_cell, write_table


def bucket_scores(entry: dict, members: Mapping[str, Sequence[str]]) -> dict[str, dict]:
    """Mean IoU of each bucket's classes, with its interval where the per-image statistics lie beside the metrics file.

    Args:
        entry: of :func:`tailcutmix.paper.scores.read_metrics`; members: bucket -> class names.

    Returns:
        bucket -> {"iou", "iou_interval"}, None where undefined.
    """
    path = entry["path"] and entry["path"].with_suffix(".npz")
    if path is None or not path.exists():
        known = {name: cell["iou"] for name, cell in entry.get("per_class", {}).items() if cell["iou"] is not None}
        means = {bucket: [known[name] for name in names if name in known] for bucket, names in members.items()}
        return {bucket: {"iou": float(np.mean(ious)) if ious else None} for bucket, ious in means.items()}
    statistics = read_statistics(path)
    settings = entry.get("bootstrap") or {"replicates": 1000, "seed": 0}
    values = scores_of(statistics.total(), statistics, members)["bucket_iou"]
    low, high = interval(replicate_scores(statistics, settings["replicates"], settings["seed"], members)["bucket_iou"])
    return {
        bucket: {"iou": float(values[place]), "iou_interval": (float(low[place]), float(high[place]))}
        for place, bucket in enumerate(members)
    }


def ablation(
    sources: Iterable[Source], titles: Mapping[str, str] | None = None, buckets: str | Path | None = None
) -> pd.DataFrame:
    """The tidy ablation table.

    Args:
        sources: metrics files of all arms and seeds, on one data set and split.
        titles: printed name of each arm, in the order of the rows; default METHOD_NAMES.
        buckets: ``buckets/final.csv``; without it the bucket scores are those of the metrics files, if any.

    Returns:
        one row an arm: dataset, split, images, model, method, seeds, and value, ``_std``, ``_low``, ``_high`` of the
        six scores and of the mean IoU of each bucket (iou_head, iou_middle, iou_tail).
    """
    entries = read_all(sources)
    dataset, split, images = same_test(entries, "the ablation")
    if buckets is not None:
        members = bucket_members(buckets)
        entries = [entry | {"per_bucket": bucket_scores(entry, members)} for entry in entries]
    rows = []
    for model, method, seeds in by_method(entries, titles):
        row = {"dataset": dataset, "split": split, "images": images, "model": model, "method": method}
        row["seeds"] = len(seeds)
        for score in ALL_SCORES:
            row |= prefixed(summarise_score(seeds, score), score)
        for bucket in BUCKETS:
            row |= prefixed(summarise_part(seeds, "per_bucket", bucket, "iou"), f"iou_{bucket}")
        rows.append(row)
    return pd.DataFrame(rows)


def shown_ablation(frame: pd.DataFrame) -> pd.DataFrame:
    """One printed row an arm: seeds, Table 1's five columns and the mean IoU of each bucket."""
    columns = {score: COLUMN_TITLES[score] for score in SCORES}
    columns |= {f"iou_{bucket}": f"IoU {bucket}" for bucket in BUCKETS}
    return pd.DataFrame(
        {"method": row["method"], "seeds": str(row["seeds"])}
        | {title: row_cell(row, score) for score, title in columns.items()}
        for _, row in frame.iterrows()
    )


def write_ablation(
    sources: Iterable[Source],
    stem: str | Path,
    titles: Mapping[str, str] | None = None,
    buckets: str | Path | None = None,
    formats: Sequence[str] = FORMATS,
) -> pd.DataFrame:
    """Write ``<stem>.csv``, ``.md``, ``.html`` and ``.tex``; returns the tidy frame of :func:`ablation`."""
    frame = ablation(sources, titles, buckets)
    first = frame.iloc[0]
    caption = f"Ablation: {first['dataset']} {first['split']}, {first['images']} images"
    notes = [
        "Mean ± standard deviation over seeds (where there are several), and in brackets the 95 % bootstrap interval "
        "over images. Intervals of two rows may overlap and the rows still differ: see the table of differences.",
        "IoU head, middle and tail: mean over the classes of the final buckets.",
    ]
    if frame["iiou_class"].isna().any():
        notes.append("n/a: iIoU needs instance labels, which this data set does not have.")
    write_table(frame, stem, caption, formats, shown_ablation(frame), notes)
    return frame
