"""The ensemble of the report (section 5): experts put their own class onto the label map of M1.

    M2j = (M2rj == j) * 1
    MR  = Mr1 * (1 - M2j) + M2rj * M2j

applied class by class in a fixed order, so that where experts disagree the later one stands (rarest class last).
"""

import logging
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tailcutmix.dataset.images import decode_label, read_label, write_png
from tailcutmix.dataset.manifest import read_verified
from tailcutmix.errors import UserError, cured_by
from tailcutmix.files import replacing_folder
from tailcutmix.labels import IGNORE, Label, LabelTable, slug

logger = logging.getLogger(__name__)

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
    for j, m2rj in reversed(list(experts.items())):
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
    experts: Mapping[Label, str | Path],
    manifest: pd.DataFrame,
    labels: LabelTable,
    out_dir: str | Path,
    threads: int = 2,
) -> pd.DataFrame:
    """Ensemble a split from the folders of predictions of M1 and its experts.

    Args:
        base_dir: predictions of M1, ``<image_id>.png`` of label ids.
        experts: {class: folder of the predictions of its expert}, in the order of the ensemble, rarest last.
        manifest: rows of the split; image_id and label are used, and the label's checksum where there is one.
        labels: the label table.
        out_dir: folder for MR; it appears complete or not at all.
        threads: images done at the same time.

    Returns:
        The claims, one row per expert in the order given: class and CLAIMS summed over the images; true and false
        positives are empty unless every image has a label.

    Raises:
        UserError: a missing or damaged prediction, one of another size, or a label that changed after it was listed.
    """
    if not experts:
        logger.warning("there are no experts: MR is M1's own result")
    scored = bool((manifest.label != "").all())

    def run(out: Path, row: dict[Hashable, Any]) -> dict[int, dict[str, int]]:
        image_id = row["image_id"]
        mr1 = read_prediction(base_dir, image_id)
        predictions = {known.id: read_prediction(folder, image_id, mr1.shape) for known, folder in experts.items()}
        truth = read_truth(row, labels) if scored else None
        if truth is not None and truth.shape != mr1.shape:
            read_prediction(base_dir, image_id, truth.shape)
        mr, claims = ensemble(mr1, predictions, truth)
        write_png(out / f"{image_id}.png", mr)
        return claims

    totals: dict[Label, Counter[str]] = {known: Counter() for known in experts}
    with replacing_folder(out_dir) as partial, ThreadPoolExecutor(threads) as pool:
        for claims in pool.map(run, repeat(partial), manifest.to_dict("records")):
            for known, total in totals.items():
                total.update(claims[known.id])
    rows = [
        {"class": known.name, **{key: total[key] if key in total or scored else pd.NA for key in CLAIMS}}
        for known, total in totals.items()
    ]
    return pd.DataFrame(rows, columns=["class", *CLAIMS]).astype(dict.fromkeys(CLAIMS, "Int64"))


def ensemble_order(tail: Sequence[Label], order: Sequence[str] | None = None) -> list[Label]:
    """The tail classes in the order in which their experts' labels are laid over M1's: later wins.

    Args:
        tail: the classes, most frequent first; this is the order by default, the rarest class last.
        order: class names or their slugs; a name that is not in the tail is passed over, and a tail class that is not
            named is laid before those that are.
    """
    places = {slug(name): place for place, name in enumerate(order or [])}
    idle = sorted(set(places) - {known.slug for known in tail})
    if idle:
        logger.info("the order of the ensemble names classes that are not in the tail: %s", ", ".join(idle))
    return sorted(tail, key=lambda known: places.get(known.slug, -1))


def read_truth(row: Mapping[Hashable, Any], labels: LabelTable) -> np.ndarray:
    """(H, W) uint8 label ids of a manifest's row, 255 where they are not evaluated; the file is checked."""
    ids = decode_label(read_verified(row, "label"), row["label"])
    truth: np.ndarray = np.where(labels.to_train_id[ids] != IGNORE, ids, IGNORE)
    return truth


def read_prediction(folder: str | Path, image_id: str, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """(H, W) uint8 label ids; raises UserError where they are not of the ``shape`` of what they are compared with."""
    path = Path(folder) / f"{image_id}.png"
    with cured_by(f"delete the folder {folder} and run again"):
        prediction = read_label(path)
        if shape is not None and prediction.shape != shape:
            raise UserError(f"{path}: {_size(prediction.shape)} pixels, but {_size(shape)} are expected")
    return prediction


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}x{shape[0]}"
