"""Which differences between two methods would outlast other images: paired bootstrap."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from tailcutmix.errors import UserError
from tailcutmix.metrics.bootstrap import paired_bootstrap
from tailcutmix.metrics.statistics import read_statistics
from tailcutmix.paper.classes import bucket_members
from tailcutmix.paper.formats import signed_cell, write_table
from tailcutmix.paper.material import Material, short_names
from tailcutmix.paper.published import COLUMN_TITLES, SCORES
from tailcutmix.paper.scores import ALL_SCORES, BUCKETS, by_method, read_scores, same_test

REPLICATES, SEED = 1000, 0


def differences(material: Material) -> pd.DataFrame:
    """Paired differences between methods scored on the same images; pairs of which one has no scores are left out.

    Returns:
        one row per pair: dataset, split, images, first, second, comparison, seeds, and for each score the difference
        second - first (of the means over seeds; six scores and the mean IoU of each bucket), ``_low`` and ``_high`` of
        its 95 % interval, and ``_above_zero``, the share of replicates in which the second is better.

    Raises:
        UserError: no pair is complete, statistics are missing, or two methods were scored on different images.
    """
    scores = read_scores(material)
    dataset, split, images = same_test(scores, "the table of differences")
    scored = {method.name: (method, seeds) for method, seeds in by_method(scores, material.methods)}
    complete = [pair for pair in material.pairs if set(pair) <= set(scored)]
    if not complete:
        raise UserError(f"tables.differences names no pair of the methods that were scored: {', '.join(scored)}")
    statistics = {
        name: [read_statistics(entry.image_statistics) for entry in scored[name][1]]
        for name in dict.fromkeys(sum(complete, ()))
    }
    members = bucket_members(material.buckets)
    rows = []
    for first, second in complete:
        row = {"dataset": dataset, "split": split, "images": images, "first": first, "second": second}
        row["comparison"] = f"{scored[second][0].title} − {scored[first][0].title}"
        row["seeds"] = min(len(scored[name][1]) for name in (first, second))
        found = paired_bootstrap(statistics[first], statistics[second], members, REPLICATES, seed=SEED)
        for score in (*ALL_SCORES, *(f"iou_{bucket}" for bucket in members)):
            cell = found[score]
            row[score], (row[f"{score}_low"], row[f"{score}_high"]) = float(cell["difference"]), cell["interval"]
            row[f"{score}_above_zero"] = float(cell["above_zero"])
        rows.append(row)
    return pd.DataFrame(rows)


def shown_differences(frame: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """One printed row per pair, in Table 1's columns, then the buckets where they are known.

    Args:
        frame: of :func:`differences`.
        names: method -> its name in the first column.
    """
    columns = {score: COLUMN_TITLES[score] for score in SCORES}
    columns |= {f"iou_{bucket}": f"IoU {bucket}" for bucket in BUCKETS if f"iou_{bucket}" in frame}
    rows = []
    for _, row in frame.iterrows():
        cells = {title: signed_cell(*row[[score, f"{score}_low", f"{score}_high"]]) for score, title in columns.items()}
        rows.append({"difference": f"{names[row['second']]} − {names[row['first']]}", **cells})
    return pd.DataFrame(rows)


def make(material: Material, stem: Path) -> None:
    """Write the table of differences."""
    write_differences(material, stem, "Differences between methods")


def write_differences(material: Material, stem: Path, title: str) -> None:
    """Write the differences of the material's pairs, under a title."""
    frame = differences(material)
    first = frame.iloc[0]
    caption = f"{title}: {first['dataset']} {first['split']}, {first['images']} images"
    notes = [
        "A star says that the 95 % interval, in brackets, leaves out zero: on other images of this kind the sign would "
        "likely stay. A cell has as many digits as it takes to see on which side of zero its interval's ends lie.",
        f"Intervals are of a paired bootstrap over images ({REPLICATES} replicates): both methods are scored on the "
        "same resampled images, their seeds averaged.",
        "They speak of other images, not of other trainings: with few seeds a difference may still be luck.",
    ]
    write_table(frame, stem, caption, shown_differences(frame, short_names(material.methods)), notes)
