"""Score predictions: one pass over the files, then everything from per-image statistics."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tailcutmix.dataset.manifest import read_manifest
from tailcutmix.errors import UserError
from tailcutmix.files import replacing
from tailcutmix.labels import LabelTable
from tailcutmix.metrics.bootstrap import Estimate, estimate_scores
from tailcutmix.metrics.collect import average_instance_sizes, collect
from tailcutmix.metrics.groups import groups_of
from tailcutmix.metrics.pairs import Pair, pairs_from_manifest
from tailcutmix.metrics.scores import MEANS
from tailcutmix.metrics.statistics import Statistics, write_statistics


def evaluate(
    pairs: Sequence[Pair],
    labels: LabelTable,
    *,
    average_sizes: Mapping[str, float] | None = None,
    size_factor: float = 1.0,
    processes: int = 1,
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    identity: Mapping[str, object] | None = None,
) -> tuple[dict[str, Any], Statistics]:
    """Score predictions against their ground truth.

    Args:
        pairs: the images and their files.
        labels: the label table.
        average_sizes: class name -> average instance size at full resolution, in pixels; used before the table's own.
        size_factor: full width / width of the ground truth files, where these are downscaled copies (2 for half size).
        processes: number of processes; the result does not depend on it.
        replicates, level, seed: of the bootstrap over images; 0 replicates give no intervals.
        identity: dataset, model, seed and split, written into the result.

    Returns:
        The scores as they go into the metrics file (None where undefined), and the per-image statistics.

    Raises:
        UserError: a missing, broken, wrongly sized or multi-channel file, or an unknown id; nothing is written then.
    """
    if not pairs:
        raise UserError("there is no image to score")
    groups = groups_of(labels, average_sizes, instances=bool(pairs[0].instance))
    statistics = collect(pairs, groups, size_factor, processes)
    found = estimate_scores(statistics, replicates=replicates, level=level, seed=seed)
    scores = {"dataset": None, "model": None, "seed": None, "split": None} | dict(identity or {})
    scores |= {"images": len(pairs)} | {name: _number(found[name].value) for name in MEANS}
    scores["interval"] = {name: _interval(found[name]) for name in MEANS}
    for part, members in (("class", groups.classes), ("category", groups.categories)):
        iou, iiou = found[f"{part}_iou"], found[f"{part}_iiou"]
        scores[f"per_{part}"] = {
            name: {
                "iou": _number(iou.value[index]),
                "iou_interval": _interval(iou, index),
                "iiou": _number(iiou.value[index]),
                "iiou_interval": _interval(iiou, index),
            }
            for index, name in enumerate(members)
        }
    scores["bootstrap"] = {"replicates": replicates, "level": level, "seed": seed}
    return scores, statistics


def _number(value: np.ndarray) -> float | None:
    return None if np.isnan(value) else float(value)


def _interval(estimate: Estimate, index: int | tuple[()] = ()) -> list[float] | None:
    low, high = _number(estimate.low[index]), _number(estimate.high[index])
    return None if low is None or high is None else [low, high]


def score_split(
    manifest: str | Path,
    split: str,
    predictions: str | Path,
    labels: LabelTable,
    sizes_from_train: bool = False,
    **settings: Any,
) -> tuple[dict[str, Any], Statistics]:
    """:func:`evaluate` of the predictions ``<image_id>.png`` of one split of a manifest.

    Args:
        manifest: path of the manifest.
        split: the split that was predicted.
        predictions: folder of the predictions.
        labels: the label table.
        sizes_from_train: take average instance sizes from the train split even where the table has them, as for a
            new set with the classes of Cityscapes but not its scale; sizes that the table lacks always are. A class
            that the train split lacks keeps the table's size.
        settings: the keyword arguments of :func:`evaluate`.
    """
    pairs = pairs_from_manifest(read_manifest(manifest, split), predictions)
    sizes_of_table = {row.name: row.average_instance_size for row in labels.classes if row.has_instances}
    if pairs[0].instance and (sizes_from_train or None in sizes_of_table.values()):
        train = read_manifest(manifest, "train")
        maps = dict(zip(train["instance"], train["instance_sha256"], strict=True))
        sizes = average_instance_sizes({path: checksum for path, checksum in maps.items() if path}, labels)
        if not sizes_from_train:
            sizes |= {name: size for name, size in sizes_of_table.items() if size is not None}
        settings = {"average_sizes": sizes} | settings
    return evaluate(pairs, labels, **settings)


def write_scores(scores: Mapping[str, Any], statistics: Statistics, path: str | Path) -> None:
    """Write ``<split>.json``, and the statistics beside it as ``<split>.npz``; both whole or not at all."""
    path = Path(path)
    text = json.dumps(scores, indent=1, allow_nan=False) + "\n"
    write_statistics(statistics, path.with_suffix(".npz"))
    with replacing(path) as temporary:
        temporary.write_text(text)
