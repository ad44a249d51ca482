"""What each expert added to M1 in the ensemble: pixels, how many of them right, and how many a later expert took."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tailcutmix.files import read_table
from tailcutmix.paper.formats import MISSING, number, write_table
from tailcutmix.paper.material import Material, MethodFile
from tailcutmix.prediction.ensemble import CLAIMS

TITLES = ("pixels added", "right", "wrong", "taken by a later expert")


def claims(files: Sequence[MethodFile]) -> pd.DataFrame:
    """The tidy table of claims.

    Args:
        files: ``<split>_claims.csv`` of every ensemble and seed, on one split.

    Returns:
        One row per expert, in the order in which the ensemble lays its classes: ensemble, class, seeds, the mean of
        CLAIMS over the seeds (NaN where the split has no labels), and precision, the right share of the added pixels
        that are evaluated, over all seeds together.
    """
    runs = []
    for file in files:
        frame = read_table(file.path, ("class",), "table of claims", numbers=CLAIMS)
        runs.append(frame.assign(ensemble=file.method.name, place=range(len(frame))))
    columns = ["ensemble", "class", "seeds", *CLAIMS, "precision"]
    whole = pd.concat(runs, ignore_index=True) if runs else pd.DataFrame()
    if whole.empty:
        return pd.DataFrame(columns=columns)
    whole[list(CLAIMS)] = whole[list(CLAIMS)].astype(float)
    groups = whole.groupby(["ensemble", "class"], sort=False)
    frame = groups[list(CLAIMS)].mean().assign(seeds=groups.size(), place=groups["place"].mean()).reset_index()
    judged = frame["true_positives_added"] + frame["false_positives_added"]
    frame["precision"] = np.where(judged > 0, frame["true_positives_added"] / judged.where(judged > 0, 1.0), np.nan)
    first = {ensemble: number for number, ensemble in enumerate(dict.fromkeys(whole["ensemble"]))}
    frame["first"] = frame["ensemble"].map(first)
    return frame.sort_values(["first", "place"], kind="stable").reset_index(drop=True)[columns]


def shown_claims(frame: pd.DataFrame, titles: Mapping[str, str]) -> pd.DataFrame:
    """One printed row per expert, under the title of each ensemble where there are several."""

    def count(value: float) -> str:
        return MISSING if np.isnan(value) else f"{value:,.0f}".replace(",", " ")

    rows = []
    for row in frame.to_dict("records"):
        cells = {"group": titles[row["ensemble"]], "class": row["class"], "seeds": str(row["seeds"])}
        cells |= {title: count(row[name]) for name, title in zip(CLAIMS, TITLES, strict=True)}
        rows.append(cells | {"precision": number(row["precision"])})
    shown = pd.DataFrame(rows, columns=["group", "class", "seeds", *TITLES, "precision"])
    return shown if shown["group"].nunique() > 1 else shown.drop(columns="group")


def make(material: Material, stem: Path) -> None:
    """Write the table of claims."""
    frame = claims(material.claims)
    titles = {file.method.name: file.method.title for file in material.claims}
    notes = [
        "Experts only add: a pixel is added where the expert says its class and M1 does not. Right and wrong are "
        "judged on evaluated pixels; precision is the right share of these. Pixels are means over the seeds.",
        "Taken by a later expert: of all pixels that the expert gives to its class, those that an expert further down "
        "claims too, whose label then stands.",
    ]
    if frame.empty:
        notes = ["The tail is empty: there are no experts, and the ensemble is M1."]
    write_table(frame, stem, f"What each expert added to M1: {material.split}", shown_claims(frame, titles), notes)
