"""Per-class scales: "for these classes, we just use the scales when we use in training" (the report, section 4)."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from tailcutmix.confusion import confusion_matrix, iou
from tailcutmix.dataset.packing import Packed
from tailcutmix.errors import UserError
from tailcutmix.files import read_table, replacing
from tailcutmix.labels import IGNORE, LabelTable
from tailcutmix.nearest import resize_nearest
from tailcutmix.plan.settings.results import Selection
from tailcutmix.prediction.evidence import better
from tailcutmix.prediction.inference import FULL, TRAINING, Predictor
from tailcutmix.tail.label_statistics import count_labels

DEFAULT = Selection()
SCALES_COLUMNS = ("class", "images", "iou_training_scales", "iou_full", "chosen")


def select_scales(
    parts: Iterable[tuple[Predictor, Packed]], labels: LabelTable, batch: int = 1, selection: Selection = DEFAULT
) -> pd.DataFrame:
    """Choose for each class between the training scales and the full set, by its IoU on labelled images.

    A class takes the training scales where they give it the higher IoU, by more than ``selection.margin`` and on
    ``selection.min_images`` images at least; it takes the full set otherwise, and so where both are equal.

    Args:
        parts: images with train ids, those of val or of each fold of train, with the network that judges them; images
            without any label say nothing. The predictor holds the sets "training" and "full"; where both are the same
            set, one is computed.
        labels: names of the classes.

    Returns:
        One row per class, columns SCALES_COLUMNS: the class, the images that hold it, IoU (NaN where undefined) with
        each set, and "training" or "full".
    """
    classes = labels.num_classes
    confusion = {name: np.zeros((classes, classes), np.int64) for name in (TRAINING, FULL)}
    images = np.zeros(classes, np.int64)
    for predictor, packed in parts:
        same = predictor.sets[TRAINING] == predictor.sets[FULL]
        for start in range(0, len(packed.image_ids), batch):
            truth = np.asarray(packed.labels[start : start + batch])
            found = predictor.logits(packed.images[start : start + batch], [FULL] if same else [TRAINING, FULL])
            for name, logits in found.items():
                predicted = logits.argmax(1).to(torch.uint8).cpu().numpy()
                predicted = resize_nearest(predicted, truth.shape[1:])
                confusion[name] += confusion_matrix(truth, predicted, (IGNORE + 1, classes))[:classes]
        if same:
            confusion[TRAINING] = confusion[FULL]
        images += count_labels(packed.labels, classes)[1]
    iou_training, iou_full = (_iou_of_classes(confusion[name]) for name in (TRAINING, FULL))
    return pd.DataFrame(
        {
            "class": labels.class_names,
            "images": images,
            "iou_training_scales": iou_training,
            "iou_full": iou_full,
            "chosen": np.where(better(iou_training, iou_full, images, selection), TRAINING, FULL),
        }
    )


def _iou_of_classes(confusion: np.ndarray) -> np.ndarray:
    """(C,) IoU from (C, C) pixels by true and predicted class."""
    hits = np.diag(confusion)
    return iou(hits, confusion.sum(1) - hits, confusion.sum(0) - hits)


def write_scales(frame: pd.DataFrame, path: str | Path) -> None:
    """Write the choice with its evidence as CSV, all or nothing."""
    with replacing(path) as temporary:
        frame[list(SCALES_COLUMNS)].to_csv(temporary, index=False)


def read_scales(path: str | Path, labels: LabelTable) -> dict[int, str]:
    """{train id: "training" or "full"} for every class; raises UserError for a file that does not say."""
    frame = read_table(path, ("class", "chosen"), "table of chosen scales")
    chosen = dict(zip(frame["class"], frame["chosen"], strict=True))
    bad = [name for name in labels.class_names if chosen.get(name) not in (TRAINING, FULL)]
    if bad:
        raise UserError(f"{path}: no scales chosen for class {bad[0]}; delete the file and run again")
    return {row.train_id: chosen[row.name] for row in labels.classes}
