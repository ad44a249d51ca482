"""The ensemble of the report (section 5): experts put their own class onto the label map of M1.

    M2j = (M2rj == j) * 1
    MR  = Mr1 * (1 - M2j) + M2rj * M2j

applied class by class in a fixed order, so that where experts disagree the later one stands (rarest class last).
"""

import shutil
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from os import replace
from pathlib import Path

import numpy as np
import pandas as pd

from tailcutmix.dataset.images import read_label, replacing, write_png
from tailcutmix.errors import UserError
from tailcutmix.labels import IGNORE, LabelTable

CLAIMS = ("pixels_added", "true_positives_added", "false_positives_added", "overlap_with_later")


def ensemble(
    mr1: np.ndarray, experts: Mapping[int, np.ndarray], truth: np.ndarray | None = None
) -> tuple[np.ndarray, dict[int, dict[str, int]]]:
    """MR and what each expert claimed.

    Args:
        mr1: (H, W) uint8, ids predicted by M1.
        experts: {j: (H, W) ids predicted by expert M2-j}, in the order of the ensemble, rarest last.
        truth: (H, W) true ids with 255 for ignored, or None.

    Returns:
        MR (H, W), and for each j: pixels_added, which M1 had not given to j; of these, where there is a truth,
        true_positives_added and false_positives_added (ignored pixels are neither); and overlap_with_later, pixels
        of M2j that a later expert claims too and so takes.
    """
    claims = {}
    later = np.zeros(mr1.shape, bool)
    for j, m2rj in reversed(experts.items()):
        m2j = m2rj == j
        added = m2j & (mr1 != j)
        claims[j] = {"pixels_added": int(added.sum()), "overlap_with_later": int((m2j & later).sum())}
        if truth is not None:
            claims[j]["true_positives_added"] = int((added & (truth == j)).sum())
            claims[j]["false_positives_added"] = int((added & (truth != j) & (truth != IGNORE)).sum())
        later |= m2j
    mr = mr1.copy()
    for j, m2rj in experts.items():
        mr[m2rj == j] = j
    return mr, {j: claims[j] for j in experts}


def ensemble_split(
    base_dir: str | Path,
    experts: Mapping[str, str | Path],
    manifest: pd.DataFrame,
    labels: LabelTable,
    out_dir: str | Path,
    threads: int = 2,
) -> pd.DataFrame:
    """Ensemble a split from the folders of predictions of M1 and its experts.

    Args:
        base_dir: predictions of M1, ``<image_id>.png`` of label ids.
        experts: {class name: folder of the predictions of its expert}, in the order of the ensemble, rarest last.
        manifest: rows of the split; image_id and label are used.
        labels: the label table.
        out_dir: folder for MR; it appears complete or not at all.
        threads: images done at the same time.

    Returns:
        The claims, one row an expert in the order given: class and CLAIMS summed over the images; true and false
        positives are empty unless every image has a label.

    Raises:
        UserError: a missing prediction, or one of another size than M1's.
    """
    out_dir = Path(out_dir)
    partial = out_dir.with_name(out_dir.name + ".tmp")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    label_ids = {name: int(labels.to_label_id[labels.train_id_of(name)]) for name in experts}
    scored = bool((manifest.label != "").all())
    evaluated = labels.to_train_id != IGNORE

    def run(row) -> dict[int, dict[str, int]]:
        name = f"{row.image_id}.png"
        mr1 = read_label(Path(base_dir) / name)
        predictions = {label_ids[c]: _same_size(Path(folder) / name, mr1) for c, folder in experts.items()}
        truth = None
        if scored:
            truth = read_label(row.label)
            truth = np.where(evaluated[truth], truth, IGNORE)
        mr, claims = ensemble(mr1, predictions, truth)
        write_png(partial / name, mr)
        return claims

    totals = {name: Counter() for name in experts}
    try:
        with ThreadPoolExecutor(threads) as pool:
            for claims in pool.map(run, manifest.itertuples()):
                for name, total in totals.items():
                    total.update(claims[label_ids[name]])
        shutil.rmtree(out_dir, ignore_errors=True)
        replace(partial, out_dir)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    rows = [
        {"class": name, **{key: total[key] if key in total or scored else pd.NA for key in CLAIMS}}
        for name, total in totals.items()
    ]
    return pd.DataFrame(rows, columns=["class", *CLAIMS]).astype(dict.fromkeys(CLAIMS, "Int64"))


def write_claims(frame: pd.DataFrame, path: str | Path) -> None:
    """Write the claims as CSV, all or nothing."""
    with replacing(path) as temporary:
        frame.to_csv(temporary, index=False)


def _same_size(path: Path, mr1: np.ndarray) -> np.ndarray:
    prediction = read_label(path)
    if prediction.shape != mr1.shape:
        raise UserError(f"{path}: size {prediction.shape} differs from M1's {mr1.shape}; predict again")
    return prediction
