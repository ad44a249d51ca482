"""Read metrics files and sum several seeds up."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from tailcutmix.errors import UserError
from tailcutmix.metrics.bootstrap import estimate_scores
from tailcutmix.metrics.statistics import read_statistics
from tailcutmix.paper.material import NOT_AN_INPUT, Material, Method
from tailcutmix.paper.published import SCORES

ALL_SCORES = (*SCORES, "accuracy_evaluated")

_SCORE = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
_INTERVAL = {"type": ["array", "null"], "items": _SCORE, "minItems": 2, "maxItems": 2}
_CELLS = {name: _SCORE for name in ("iou", "iiou")} | {f"{name}_interval": _INTERVAL for name in ("iou", "iiou")}
_PART = {"type": "object", "additionalProperties": {"type": "object", "properties": _CELLS}}
_BOOTSTRAP = {
    "replicates": {"type": "integer", "minimum": 0, "maximum": 100000},
    "level": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    "seed": {"type": "integer", "minimum": 0},
}
METRICS = {
    "type": "object",
    "properties": {
        "images": {"type": "integer", "minimum": 1},
        "bootstrap": {"type": "object", "required": list(_BOOTSTRAP), "properties": _BOOTSTRAP},
        "interval": {"type": "object", "additionalProperties": _INTERVAL},
        "per_class": _PART,
        "per_category": _PART,
        **dict.fromkeys(ALL_SCORES, _SCORE),
    },
}
"""What a metrics file holds, as JSON Schema: a damaged one may still be JSON."""

STATISTICS = ("value", "std", "low", "high")
BUCKETS = ("head", "middle", "tail")


@dataclass(frozen=True)
class SeedScores:
    """What one method with one seed reached.

    Attributes:
        method, seed: whose the scores are.
        metrics: the content of its metrics file.
        image_statistics: the file with one row per image, for artefacts that read it.
    """

    method: Method
    seed: int
    metrics: Mapping[str, Any]
    image_statistics: Path = NOT_AN_INPUT

    @property
    def test(self) -> tuple[str, str, int]:
        """What was scored: data set, split, number of images."""
        return self.metrics["dataset"], self.metrics["split"], int(self.metrics["images"])


def read_metrics(path: str | Path) -> dict[str, Any]:
    """One metrics file; raises UserError naming the file and the key."""
    cure = "delete the file and run again to score again"
    try:
        content: dict[str, Any] = json.loads(Path(path).read_bytes())
    except FileNotFoundError:
        raise UserError(f"{path}: no such metrics file; score this model first") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: not a readable metrics file ({error}); {cure}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: not a metrics file; {cure}")
    for key in ("dataset", "model", "seed", "split", "images", "bootstrap", *SCORES):
        if key not in content:
            raise UserError(f"{path}: key {key!r} is missing; {cure}")
    fault = best_match(Draft202012Validator(METRICS).iter_errors(content))
    if fault is not None:
        place = ".".join(map(str, fault.absolute_path))
        raise UserError(f"{path}: {place}: {fault.message[:200]}; {cure}")
    return content


def read_scores(material: Material) -> list[SeedScores]:
    """The scores of every method and seed, in order.

    Raises:
        UserError: a file holds another method's or seed's scores, or one method, seed and test comes twice.
    """
    statistics = {(file.method.name, file.seed): file.path for file in material.image_statistics}
    found, seen = [], set()
    for file in material.scores:
        content, key = read_metrics(file.path), (file.method.name, file.seed)
        if (content["model"], content["seed"]) != key:
            raise UserError(f"{file.path}: the scores of {content['model']} seed {content['seed']}, not of {key[0]} "
                            f"seed {key[1]}; delete the file to score again")  # fmt: skip
        scores = SeedScores(file.method, file.seed, content, statistics.get(key, NOT_AN_INPUT))
        if (key, scores.test) in seen:
            raise UserError(f"the scores of {scores.test[0]} {key[0]} seed {key[1]} {scores.test[1]} were given twice")
        seen.add((key, scores.test))
        found.append(scores)
    return found


def by_method(scores: Sequence[SeedScores], methods: Sequence[Method]) -> list[tuple[Method, list[SeedScores]]]:
    """Each method that has scores, in the order of `methods`, with those of its seeds."""
    groups = [(method, [entry for entry in scores if entry.method.name == method.name]) for method in methods]
    return [(method, seeds) for method, seeds in groups if seeds]


def same_test(scores: Sequence[SeedScores], what: str) -> tuple[str, str, int]:
    """(data set, split, images) that all scores share; raises UserError where they differ: never mix tables up."""
    found = {entry.test for entry in scores}
    if len(found) != 1:
        listed = ", ".join(f"{dataset} {split} ({images} images)" for dataset, split, images in sorted(found))
        raise UserError(f"{what} compares scores on one data set and split; given were: {listed or 'none'}")
    return found.pop()


def summarise(values: Sequence[float | None], intervals: Sequence[Sequence[float] | None]) -> dict[str, float]:
    """Mean and spread over seeds.

    Args:
        values: one score per seed, 0..1; None or NaN where it does not apply.
        intervals: the bootstrap interval over images of each, (low, high) or None.

    Returns:
        value: mean over seeds; std: sample standard deviation over seeds (NaN with one seed);
        low, high: the ends of the seeds' intervals, averaged. All NaN where no seed has a value.
    """
    numbers = np.array([np.nan if value is None else value for value in values], float)
    ends = np.array([(np.nan, np.nan) if pair is None else pair for pair in intervals], float).reshape(-1, 2)
    ends = ends[~np.isnan(ends).any(1)]
    numbers = numbers[~np.isnan(numbers)]
    low, high = ends.mean(0) if len(ends) else (np.nan, np.nan)
    return {
        "value": float(numbers.mean()) if len(numbers) else np.nan,
        "std": float(numbers.std(ddof=1)) if len(numbers) > 1 else np.nan,
        "low": float(low),
        "high": float(high),
    }


def summarise_score(seeds: Sequence[SeedScores], score: str) -> dict[str, float]:
    """:func:`summarise` of one of the six scores over the seeds of one method."""
    found = [entry.metrics for entry in seeds]
    return summarise(
        [metrics.get(score) for metrics in found], [(metrics.get("interval") or {}).get(score) for metrics in found]
    )


def summarise_part(seeds: Sequence[SeedScores], part: str, name: str, score: str) -> dict[str, float]:
    """:func:`summarise` of ``iou`` or ``iiou`` of one class or category.

    Args:
        part: "per_class" or "per_category".
        name: the class or category; absent ones give NaN.
        score: "iou" or "iiou".
    """
    cells = [(entry.metrics.get(part) or {}).get(name) or {} for entry in seeds]
    return summarise([cell.get(score) for cell in cells], [cell.get(f"{score}_interval") for cell in cells])


def bucket_scores(seeds: Sequence[SeedScores], members: Mapping[str, Sequence[str]]) -> dict[str, dict[str, float]]:
    """Mean IoU of each bucket's classes, summed up over the seeds of one method.

    Args:
        seeds: the scores of its seeds, with the statistics of the images.
        members: bucket -> class names.

    Returns:
        bucket -> :func:`summarise` over the seeds, for each of BUCKETS; all NaN for one without classes.
    """
    found = []
    for entry in seeds:
        statistics, settings = read_statistics(entry.image_statistics), entry.metrics["bootstrap"]
        found.append(estimate_scores(statistics, members, settings["replicates"], settings["level"], settings["seed"]))
    summaries = {bucket: summarise([], []) for bucket in BUCKETS}
    for bucket in members:
        of_seeds = [scores[f"iou_{bucket}"] for scores in found]
        ends = [(float(estimate.low), float(estimate.high)) for estimate in of_seeds]
        summaries[bucket] = summarise([float(estimate.value) for estimate in of_seeds], ends)
    return summaries


def prefixed(summary: Mapping[str, float | None], name: str) -> dict[str, float | None]:
    """Columns of a tidy table: ``name`` holds the value, ``name_std``, ``name_low`` and ``name_high`` the rest."""
    return {name if key == "value" else f"{name}_{key}": number for key, number in summary.items()}
