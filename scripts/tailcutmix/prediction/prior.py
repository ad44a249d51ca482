"""Prior correction: an expert has seen its class far more often than a street shows it.

An expert is trained on batches into which its class was mixed, so its softmax estimates a posterior under that share of
the class. Under the share of the train split the logit of the class is

    z_j + log(P_train(j) / P_batches(j)),

the logit adjustment for a changed prior [Saerens, Latinne and Decaestecker, Neural Computation 14 (2002); Menon et al.,
ICLR 2021], for class j alone, since an expert answers for no other.
"""

import math
from pathlib import Path

import pandas as pd

from tailcutmix.errors import UserError
from tailcutmix.files import finite_numbers, read_table
from tailcutmix.labels import Label

SEEN = "pixels_seen:"


def prior_shift(history: str | Path, statistics: str | Path, known: Label, unseen: float | None = None) -> float:
    """What is added to an expert's logit of its class: log of the share in the train split over that in its batches.

    Args:
        history: ``history.csv`` of the expert's training.
        statistics: ``stats/labels.csv``.
        known: the expert's class.
        unseen: the shift of an expert whose class is in no batch, as where only the fold that it left out holds it.

    Raises:
        UserError: a table without the class; or a class without a pixel, in the batches only where ``unseen`` is None.
    """
    rows = read_table(history, (SEEN + known.slug,), "history")
    counts = rows.filter(regex=f"^{SEEN}")
    seen = pd.Series({name: finite_numbers(counts[name], history, "train again").sum() for name in counts})
    shares = read_table(statistics, ("split", "class"), "table of label statistics", numbers=("share",))
    train = shares.loc[(shares["split"] == "train") & (shares["class"] == known.name), "share"].sum()
    in_batches = seen[SEEN + known.slug] / max(seen.sum(), 1)
    if in_batches == 0 and unseen is not None:
        return unseen
    if not (train > 0 and in_batches > 0):
        raise UserError(
            f"{history}: {known.name} has no pixel in the batches or in the train split; no prior to correct"
        )
    return math.log(train / in_batches)
