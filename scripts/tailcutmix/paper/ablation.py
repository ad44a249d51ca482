"""The ablation that the report lacks: what each part of the method brings, beside other ways with a long tail."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from tailcutmix.metrics.bootstrap import estimate_scores
from tailcutmix.paper.classes import bucket_members
from tailcutmix.paper.published import COLUMN_TITLES, SCORES
from tailcutmix.paper.scores import (
    ALL_SCORES,
    BUCKETS,
    Source,
    by_method,
    prefixed,
    read_all,
    read_seed_statistics,
    same_test,
    summarise,
    summarise_score,
)
from tailcutmix.paper.tables import FORMATS, row_cell, write_table


def bucket_scores(entries: Sequence[dict], members: Mapping[str, Sequence[str]]) -> dict[str, dict[str, float]]:
    """Mean IoU of each bucket's classes, summed up over the seeds of one model.

    Args:
        entries: the seeds' metrics files, read by :func:`tailcutmix.paper.scores.read_metrics`.
        members: bucket -> class names.

    Returns:
        bucket -> :func:`tailcutmix.paper.scores.summarise` over the seeds.
    """
    found = []
    for entry, statistics in zip(entries, read_seed_statistics(entries), strict=True):
        settings = entry["bootstrap"]
        found.append(estimate_scores(statistics, members, settings["replicates"], settings["level"], settings["seed"]))
    summaries = {}
    for bucket in members:
        of_seeds = [scores[f"iou_{bucket}"] for scores in found]
        summaries[bucket] = summarise([seed.value for seed in of_seeds], [(seed.low, seed.high) for seed in of_seeds])
    return summaries


def ablation(sources: Iterable[Source], buckets: str | Path, titles: Mapping[str, str] | None = None) -> pd.DataFrame:
    """The tidy ablation table.

    Args:
        sources: metrics files of all arms and seeds, each with its ``.npz`` beside it, on one data set and split.
        buckets: ``buckets/final.csv``.
        titles: printed name of each arm, in the order of the rows; default METHOD_NAMES.

    Returns:
        one row per arm: dataset, split, images, model, method, seeds, and value, ``_std``, ``_low``, ``_high`` of the
        six scores and of the mean IoU of each bucket (iou_head, iou_middle, iou_tail; NaN for an empty bucket).
    """
    entries = read_all(sources)
    dataset, split, images = same_test(entries, "the ablation")
    members = bucket_members(buckets)
    rows = []
    for model, method, seeds in by_method(entries, titles):
        row = {"dataset": dataset, "split": split, "images": images, "model": model, "method": method}
        row["seeds"] = len(seeds)
        for score in ALL_SCORES:
            row |= prefixed(summarise_score(seeds, score), score)
        of_buckets = bucket_scores(seeds, members)
        for bucket in BUCKETS:
            row |= prefixed(of_buckets.get(bucket, summarise([], [])), f"iou_{bucket}")
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
    buckets: str | Path,
    stem: str | Path,
    titles: Mapping[str, str] | None = None,
    formats: Sequence[str] = FORMATS,
) -> pd.DataFrame:
    """Write ``<stem>.csv``, ``.md``, ``.html`` and ``.tex``; returns the tidy frame of :func:`ablation`."""
    frame = ablation(sources, buckets, titles)
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
