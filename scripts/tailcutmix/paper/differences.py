"""Which differences between two methods would outlast other images: paired bootstrap."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tailcutmix.errors import UserError
from tailcutmix.metrics.bootstrap import paired_bootstrap
from tailcutmix.paper.classes import bucket_members
from tailcutmix.paper.published import COLUMN_TITLES, SCORES
from tailcutmix.paper.scores import ALL_SCORES, BUCKETS, by_method, read_all, read_seed_statistics, same_test
from tailcutmix.paper.tables import FORMATS, MISSING, write_table

PAIRS = (("unet", "m0"), ("m0", "m1"), ("m1", "ensemble"), ("m0", "ensemble"), ("unet", "ensemble"))
"""(first, second) model of each row; the difference is second - first."""

REPLICATES, SEED = 1000, 0


def differences(
    sources: Iterable[str | Path],
    titles: Mapping[str, str] | None = None,
    buckets: str | Path | None = None,
    pairs: Sequence[tuple[str, str]] = PAIRS,
    replicates: int = REPLICATES,
) -> pd.DataFrame:
    """Paired differences between methods scored on the same images.

    Args:
        sources: metrics files, each with its ``.npz`` beside it, on one data set and split.
        titles: printed name of each model; default METHOD_NAMES.
        buckets: ``buckets/final.csv``; adds the mean IoU of head, middle and tail.
        pairs: (first, second) models; pairs of which one was not given are left out.
        replicates: of the bootstrap over images.

    Returns:
        one row a pair: dataset, split, images, first, second, comparison, seeds, and for each score the difference
        second - first (of the means over seeds), ``_low`` and ``_high`` of its 95 % interval, and ``_above_zero``, the
        share of replicates in which the second is better.

    Raises:
        UserError: no pair is complete, statistics are missing, or two methods were scored on different images.
    """
    entries = read_all(sources)
    dataset, split, images = same_test(entries, "the table of differences")
    methods = {model: (method, members) for model, method, members in by_method(entries, titles)}
    complete = [pair for pair in pairs if set(pair) <= set(methods)]
    if not complete:
        raise UserError(f"no two of the given models ({', '.join(methods)}) are compared: {pairs}")
    statistics = {model: read_seed_statistics(methods[model][1]) for model in dict.fromkeys(sum(complete, ()))}
    members = bucket_members(buckets) if buckets is not None else None
    rows = []
    for first, second in complete:
        row = {"dataset": dataset, "split": split, "images": images, "first": first, "second": second}
        row["comparison"] = f"{methods[second][0]} − {methods[first][0]}"
        row["seeds"] = min(len(methods[model][1]) for model in (first, second))
        found = paired_bootstrap(statistics[first], statistics[second], members, replicates, seed=SEED)
        for score in (*ALL_SCORES, *(f"iou_{bucket}" for bucket in members or {})):
            cell = found[score]
            row[score], (row[f"{score}_low"], row[f"{score}_high"]) = float(cell["difference"]), cell["interval"]
            row[f"{score}_above_zero"] = float(cell["above_zero"])
        rows.append(row)
    return pd.DataFrame(rows)


def signed_cell(value: float, low: float, high: float) -> str:
    """``+0.034`` and, on a second line, ``[+0.010, +0.060]``; a ``*`` where the interval leaves out zero."""
    if np.isnan(value):
        return MISSING
    texts = [f"{number:+.3f}".replace("-", "−") for number in (value, low, high)]
    return f"{texts[0]}{'*' if low > 0 or high < 0 else ''}\n[{texts[1]}, {texts[2]}]"


def shown_differences(frame: pd.DataFrame) -> pd.DataFrame:
    """One printed row a pair, in Table 1's columns, then the buckets where they are known."""
    columns = {score: COLUMN_TITLES[score] for score in SCORES}
    columns |= {f"iou_{bucket}": f"IoU {bucket}" for bucket in BUCKETS if f"iou_{bucket}" in frame}
    rows = []
    for _, row in frame.iterrows():
        cells = {title: signed_cell(*row[[score, f"{score}_low", f"{score}_high"]]) for score, title in columns.items()}
        rows.append({"comparison": row["comparison"], **cells})
    return pd.DataFrame(rows)


def write_differences(
    sources: Iterable[str | Path],
    stem: str | Path,
    titles: Mapping[str, str] | None = None,
    buckets: str | Path | None = None,
    pairs: Sequence[tuple[str, str]] = PAIRS,
    formats: Sequence[str] = FORMATS,
) -> pd.DataFrame:
    """Write ``<stem>.csv``, ``.md``, ``.html`` and ``.tex``; returns the tidy frame of :func:`differences`."""
    frame = differences(sources, titles, buckets, pairs)
    first = frame.iloc[0]
    caption = f"Differences between methods: {first['dataset']} {first['split']}, {first['images']} images"
    notes = [
        f"In brackets the 95 % interval of a paired bootstrap over images ({REPLICATES} replicates): both methods are "
        "scored on the same resampled images, their seeds averaged. * marks intervals that leave out zero.",
        "The interval speaks of other images, not of other trainings: with few seeds a difference may still be luck.",
    ]
    write_table(frame, stem, caption, formats, shown_differences(frame), notes)
    return frame
