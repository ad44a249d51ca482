"""Scores class by class, beside what makes a class rare."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from tailcutmix.paper.classes import GROUPS, read_classes
from tailcutmix.paper.scores import (
    Source,
    by_method,
    prefixed,
    read_all,
    same_test,
    summarise_part,
    summarise_score,
)
from tailcutmix.paper.tables import FORMATS, MISSING, number, row_cell, write_table
from tailcutmix.tail.buckets import ABSENT

SHORT_NAMES = {"unet": "U-Net", "m0": "M0", "m1": "M1", "ensemble": "ensemble"}


def per_class(
    sources: Iterable[Source],
    buckets: str | Path,
    stats: str | Path | None,
    titles: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """The tidy per-class table.

    Args:
        sources: metrics files of any models and seeds on one data set and split.
        buckets, stats: ``buckets/final.csv`` and ``stats/labels.csv`` (None: image counts stay empty).
        titles: printed name of each model, in the order of the columns; default METHOD_NAMES.

    Returns:
        one row a (class, model), the most frequent class first: dataset, split, model, method, seeds, the columns of
        :func:`read_classes`, and iou and iiou with ``_std``, ``_low``, ``_high``; accuracy_evaluated, which belongs to
        the whole split, is repeated on every row of a model.
    """
    entries = read_all(sources)
    dataset, split, images = same_test(entries, "the per-class table")
    classes = read_classes(stats, buckets, split)
    rows = []
    for row in classes.to_dict("records"):
        for model, method, seeds in by_method(entries, titles):
            cells = {"dataset": dataset, "split": split, "images": images, "model": model}
            cells |= {"method": method, "seeds": len(seeds), **row}
            for score in ("iou", "iiou"):
                cells |= prefixed(summarise_part(seeds, "per_class", row["class"], score), score)
            cells["accuracy_evaluated"] = summarise_score(seeds, "accuracy_evaluated")["value"]
            rows.append(cells)
    return pd.DataFrame(rows)


def shown_per_class(frame: pd.DataFrame) -> pd.DataFrame:
    """One printed row a class, under a heading for each bucket, one column a model for IoU and, where any, for iIoU."""
    models = frame.drop_duplicates("model")[["model", "method"]].itertuples(index=False, name=None)
    models = [(model, SHORT_NAMES.get(model, method)) for model, method in models]
    with_instances = frame["iiou"].notna().any()
    rows = []
    ordered = frame.assign(place=frame["bucket"].map(GROUPS.index)).sort_values("place", kind="stable")
    for name, members in ordered.groupby("class", sort=False):
        first = members.iloc[0]
        moved = f" (from {first['moved_from']})" if first["moved_from"] else ""
        row = {
            "group": "absent from train" if first["bucket"] == ABSENT else f"{first['bucket']} bucket",
            "class": name + moved,
        }
        row["train share"] = f"{100 * first['share']:#.3g} %".replace(". %", " %")
        row["train images"] = str(int(first["train_images"]))
        row[f"{first['split']} images"] = MISSING if pd.isna(first["split_images"]) else str(int(first["split_images"]))
        for score, title in (("iou", "IoU"), ("iiou", "iIoU"))[: 1 + with_instances]:
            for model, method in models:
                row[f"{title} {method}"] = row_cell(members[members["model"] == model].iloc[0], score)
        rows.append(row)
    return pd.DataFrame(rows)


def write_per_class(
    sources: Iterable[Source],
    buckets: str | Path,
    stats: str | Path,
    stem: str | Path,
    titles: Mapping[str, str] | None = None,
    formats: Sequence[str] = FORMATS,
) -> pd.DataFrame:
    """Write ``<stem>.csv``, ``.md``, ``.html`` and ``.tex``; returns the tidy frame of :func:`per_class`."""
    frame = per_class(sources, buckets, stats, titles)
    first = frame.iloc[0]
    caption = f"Scores class by class: {first['dataset']} {first['split']}, {first['images']} images"
    notes = [
        "In brackets the 95 % bootstrap interval over images. A class that few images hold has a wide one: compare "
        "such classes with care.",
        'Buckets are the final ones; "from" names the bucket that the pixel count alone had put a class in.',
    ]
    if frame["iou"].isna().any():
        notes.append("n/a under IoU: the class is neither in the truth nor in the predictions of this split.")
    for model, members in frame.groupby("method", sort=False):
        notes.append(f"{model}: accuracy on evaluated pixels {number(members['accuracy_evaluated'].iloc[0])}.")
    write_table(frame, stem, caption, formats, shown_per_class(frame), notes)
    return frame
