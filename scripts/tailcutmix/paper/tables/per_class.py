"""Scores class by class, beside what makes a class rare."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from tailcutmix.metrics.bootstrap import paired_bootstrap
from tailcutmix.metrics.statistics import read_statistics
from tailcutmix.paper.classes import GROUPS, read_classes
from tailcutmix.paper.formats import MISSING, Bold, number, row_cell, signed_cell, write_table
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


def gains(material: Material) -> pd.DataFrame | None:
    """What the last row gained over the reference, class by class; None where either is not scored, or both are one.

    Returns:
        indexed by class: gain (difference of the IoU, means over seeds), and gain_low and gain_high of the 95 %
        interval of a paired bootstrap over images.
    """
    files = {method.name: [f for f in material.image_statistics if f.method == method] for method in material.methods}
    first, last = material.reference.name, material.methods[-1].name
    if first == last or not files.get(first) or not files[last]:
        return None
    of_seeds = [[read_statistics(file.path) for file in files[name]] for name in (first, last)]
    found = paired_bootstrap(of_seeds[0], of_seeds[1])["class_iou"]
    low, high = found["interval"]
    columns = {"gain": found["difference"], "gain_low": low, "gain_high": high}
    return pd.DataFrame(columns, index=list(of_seeds[0][0].classes))


def shown_per_class(frame: pd.DataFrame, names: Mapping[str, str], gained: pd.DataFrame | None = None) -> pd.DataFrame:
    """One printed row per class, under a heading for each bucket; one column per model for IoU, and for iIoU if any.

    Args:
        frame: of :func:`per_class`.
        names: model -> its name in the heads of the columns.
        gained: of :func:`gains`, for a column of its own.
    """
    models = list(dict.fromkeys(frame["model"]))
    scores = (("iou", "IoU"), ("iiou", "iIoU"))[: 1 + frame["iiou"].notna().any()]
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
        for score, title in scores:
            of_models = {f"{title} {names[model]}": members[members["model"] == model].iloc[0] for model in models}
            cells = {head: row_cell(found, score) for head, found in of_models.items()}
            best = max((cell.split()[0] for cell in cells.values() if cell != MISSING), default="")
            bold = {head: Bold(cell) if cell.split()[0] == best else cell for head, cell in cells.items()}
            row |= bold if len(cells) > 1 else cells
            if score == "iou" and gained is not None:
                row["gain in IoU"] = signed_cell(*gained.loc[name, ["gain", "gain_low", "gain_high"]])
        rows.append(row)
    return pd.DataFrame(rows)


def narrow_per_class(shown: pd.DataFrame) -> pd.DataFrame:
    """The same without the intervals of the scores, and with the least said about images: it fits a page."""
    kept = shown.drop(columns=[column for column in shown if column == "train share"])

    def value(cell: str) -> str:
        first = cell.partition("\n")[0]
        return Bold(first) if isinstance(cell, Bold) else first

    return kept.map(value)


def make(material: Material, stem: Path) -> None:
    """Write the per-class table."""
    frame, gained = per_class(material), gains(material)
    first = frame.iloc[0]
    caption = f"Scores class by class: {first['dataset']} {first['split']}, {first['images']} images"
    notes = [
        "In brackets the 95 % bootstrap interval over images. A class that few images hold has a wide one: compare "
        "such classes with care. Bold: the best of a class.",
        'Buckets are the final ones; "from" names the bucket that the pixel count alone had put a class in.',
    ]
    if gained is not None:
        frame = frame.merge(gained, left_on="class", right_index=True, how="left")
        frame.loc[frame["model"] != material.methods[-1].name, gained.columns] = float("nan")
        notes.append(f"Gain in IoU: {material.methods[-1].title} − {material.reference.title}, scored on the same "
                     "resampled images; * marks an interval that leaves out zero.")  # fmt: skip
    if frame["iou"].isna().any():
        notes.append("n/a under IoU: the class is neither in the truth nor in the predictions of this split.")
    for model, members in frame.groupby("method", sort=False):
        notes.append(f"{model}: accuracy on evaluated pixels {number(members['accuracy_evaluated'].iloc[0])}.")
    shown = shown_per_class(frame, short_names(material.methods), gained)
    write_table(frame, stem, caption, shown, notes, narrow_per_class(shown))
