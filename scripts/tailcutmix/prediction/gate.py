"""The gate: an expert is used only where it raises the IoU of its class on val.

The report lays every expert over M1. An expert that has seen its class far more often than a street shows it may claim
more wrong pixels than right ones; val tells which.
"""

from collections.abc import Collection, Hashable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tailcutmix.confusion import iou
from tailcutmix.errors import UserError
from tailcutmix.files import read_table
from tailcutmix.labels import IGNORE, Label, LabelTable
from tailcutmix.plan.settings.results import Selection
from tailcutmix.prediction.ensemble import read_prediction, read_truth
from tailcutmix.prediction.evidence import better

GATE_COLUMNS = ("class", "images", "iou_base", "iou_expert", "used")


def select_experts(
    base_dir: str | Path,
    experts: Mapping[Label, str | Path],
    manifest: pd.DataFrame,
    labels: LabelTable,
    selection: Selection,
    threads: int = 2,
) -> pd.DataFrame:
    """Choose the experts of an ensemble by their predictions on labelled images (val), each by itself.

    Args:
        base_dir: predictions of M1, ``<image_id>.png`` of label ids.
        experts: {class: folder of the predictions of its expert}.
        manifest: rows of the split; those without a label are passed over.
        labels: the label table.
        selection: how much evidence is asked for; without it an expert is not used.
        threads: images read at the same time.

    Returns:
        One row per expert, columns GATE_COLUMNS: the class, the images that hold it, its IoU in M1's predictions, and
        with the expert's pixels of the class laid over them (NaN where undefined), and whether the expert is used.
    """
    labelled = manifest[manifest["label"] != ""]

    def count(row: dict[Hashable, Any]) -> np.ndarray:
        """(experts, 2, 3) hits, misses and false positives of each class, without its expert and with it."""
        image_id, truth = row["image_id"], read_truth(row, labels)
        base = read_prediction(base_dir, image_id, truth.shape)
        counts = np.zeros((len(experts), 2, 3), np.int64)
        for number, (known, folder) in enumerate(experts.items()):
            there, evaluated = truth == known.id, truth != IGNORE
            claimed = base == known.id
            both = claimed | (read_prediction(folder, image_id, truth.shape) == known.id)
            for column, predicted in enumerate((claimed, both)):
                hits = np.count_nonzero(predicted & there)
                counts[number, column] = hits, there.sum() - hits, np.count_nonzero(predicted & evaluated & ~there)
        return counts

    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(count, labelled.to_dict("records")))
    counts = np.array(found).reshape(len(found), len(experts), 2, 3)
    images = (counts[:, :, 0, :2].sum(2) > 0).sum(0)
    before, after = (iou(*np.moveaxis(counts[:, :, column].sum(0), 1, 0)) for column in (0, 1))
    used = better(after, np.nan_to_num(before), images, selection)
    rows = zip((known.name for known in experts), images, before, after, used, strict=True)
    return pd.DataFrame(rows, columns=list(GATE_COLUMNS))


def read_gate(path: str | Path, experts: Collection[Label]) -> set[Label]:
    """Those of the experts' classes whose experts are used; raises UserError for a file that does not say of each."""
    frame = read_table(path, ("class", "used"), "table of the experts' gate")
    used = dict(zip(frame["class"], frame["used"].astype(str), strict=True))
    unsaid = [known.name for known in experts if used.get(known.name) not in ("True", "False")]
    if unsaid:
        raise UserError(f"{path}: does not say whether the expert of {unsaid[0]} is used; delete it and run again")
    return {known for known in experts if used[known.name] == "True"}
