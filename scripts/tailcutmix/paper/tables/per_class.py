"""Scores class by class, beside what makes a class rare."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from tailcutmix.paper.classes import GROUPS, read_classes
from tailcutmix.paper.formats import MISSING, number, row_cell, write_table
from tailcutmix.paper.material import Material, short_names
from tailcutmix.paper.scores import by_method, prefixed, read_scores, same_test, summarise_part, summarise_score
from tailcutmix.tail.bucket_table import ABSENT


def per_class(material: Material) -> pd.DataFrame:
    """The tidy per-class table.

    Returns:
        one row per (class, model), the most frequent class first: dataset, split, model, method, seeds, the columns of
        :func:`read_classes`, and iou and iiou with ``_std``, ``_low``, ``_high``; accuracy_evaluated, which belongs to
        the whole split, is repeated on every row of a model.
    """
    scores = read_scores(material)
    dataset, split, images = same_test(scores, "the per-class table")
    classes = read_classes(material.statistics, material.buckets, split)
    rows = []
    for row in classes.to_dict("records"):
        for method, seeds in by_method(scores, material.methods):
            cells: dict[str, Any] = {"dataset": dataset, "split": split, "images": images, "model": method.name}
            cells |= {"method": method.title, "seeds": len(seeds)} | {str(name): value for name, value in row.items()}
            for score in ("iou", "iiou"):
                cells |= prefixed(summarise_part(seeds, "per_class", row["class"], score), score)
            cells["accuracy_evaluated"] = summarise_score(seeds, "accuracy_evaluated")["value"]
            rows.append(cells)
    return pd.DataFrame(rows)


def shown_per_class(frame: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """One printed row per class, under a heading for each bucket; one column per model for IoU, and for iIoU if any.

    Args:
        frame: of :func:`per_class`.
        names: model -> its name in the heads of the columns.
    """
    models = list(dict.fromkeys(frame["model"]))
    with_instances = frame["iiou"].notna().any()
    rows = []
    ordered = frame.assign(place=frame["bucket"].map(GROUPS.index)).sort_values("place", kind="stable")
    for name, members in ordered.groupby("class", sort=False):
        first = members.iloc[0]
        moved = f" (from {first['moved_from']})" if first["moved_from"] else ""
        row = {
            "group": "absent from train" if first["bucket"] == ABSENT else f"{first['bucket']} bucket",
            "class": f"{name}{moved}",
        }
        row["train share"] = f"{100 * first['share']:#.3g} %".replace(". %", " %")
        row["train images"] = str(int(first["train_images"]))
        row[f"{first['split']} images"] = MISSING if pd.isna(first["split_images"]) else str(int(first["split_images"]))
        for score, title in (("iou", "IoU"), ("iiou", "iIoU"))[: 1 + with_instances]:
            for model in models:
                row[f"{title} {names[model]}"] = row_cell(members[members["model"] == model].iloc[0], score)
        rows.append(row)
    return pd.DataFrame(rows)


def make(material: Material, stem: Path) -> None:
    """Write the per-class table."""
    frame = per_class(material)
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
    write_table(frame, stem, caption, shown_per_class(frame, short_names(material.methods)), notes)
