"""Read metrics files and sum several seeds up."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from tailcutmix.errors import UserError
from tailcutmix.metrics.statistics import Statistics, read_statistics
from tailcutmix.paper.published import METHOD_NAMES, SCORES, method_name

ALL_SCORES = (*SCORES, "accuracy_evaluated")
STATISTICS = ("value", "std", "low", "high")
BUCKETS = ("head", "middle", "tail")

Source = str | Path | Mapping


def read_metrics(source: Source) -> dict:
    """One metrics file as a dict (a dict passes through checked); raises UserError naming the file and the key."""
    if isinstance(source, Mapping):
        name, content = "metrics", dict(source)
    else:
        name = str(source)
        try:
            content = json.loads(Path(source).read_text())
        except FileNotFoundError:
            raise UserError(f"{name}: no such metrics file; score this model first") from None
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise UserError(f"{name}: not a readable metrics file ({error}); delete it to score again") from None
    for key in ("dataset", "model", "seed", "split", "images", "bootstrap", *SCORES):
        if key not in content:
            raise UserError(f"{name}: key {key!r} is missing; delete the file to score again")
    content["path"] = None if isinstance(source, Mapping) else Path(source)
    return content


def read_all(sources: Iterable[Source]) -> list[dict]:
    """Metrics files in order; raises UserError where one model, seed and split comes twice."""
    entries = [read_metrics(source) for source in sources]
    seen = set()
    for entry in entries:
        key = (entry["dataset"], entry["model"], entry["seed"], entry["split"])
        if key in seen:
            raise UserError("the scores of {} {} seed {} {} were given twice".format(*key))
        seen.add(key)
    return entries


def read_seed_statistics(entries: Sequence[dict]) -> list[Statistics]:
    """The per-image statistics beside each metrics file; raises UserError where there are none."""
    without = [entry for entry in entries if entry["path"] is None]
    if without:
        raise UserError(f"{without[0]['model']}: the metrics file is needed, with its .npz beside it")
    return [read_statistics(entry["path"].with_suffix(".npz")) for entry in entries]


def group_by(entries: Sequence[dict], *keys: str) -> dict[tuple, list[dict]]:
    """Entries grouped by the values of `keys`, groups and members in order of first appearance."""
    groups: dict[tuple, list[dict]] = {}
    for entry in entries:
        groups.setdefault(tuple(entry[key] for key in keys), []).append(entry)
    return groups


def by_method(entries: Sequence[dict], titles: Mapping[str, str] | None = None) -> list[tuple[str, str, list[dict]]]:
    """(model, printed name, its seeds' entries) in the order of `titles` (default METHOD_NAMES), others after."""
    order = list(titles if titles is not None else METHOD_NAMES)
    groups = [(model, members) for (model,), members in group_by(entries, "model").items()]
    groups.sort(key=lambda group: order.index(group[0]) if group[0] in order else len(order))
    return [(model, method_name(model, titles), members) for model, members in groups]


def same_test(entries: Sequence[dict], what: str) -> tuple[str, str, int]:
    """(data set, split, images) that all entries share; raises UserError where they differ: never mix tables up."""
    found = {(entry["dataset"], entry["split"], int(entry["images"])) for entry in entries}
    if len(found) != 1:
        listed = ", ".join(f"{dataset} {split} ({images} images)" for dataset, split, images in sorted(found))
        raise UserError(f"{what} compares scores on one data set and split; given were: {listed or 'none'}")
    return found.pop()


def summarise(values: Sequence[float | None], intervals: Sequence[Sequence[float] | None]) -> dict[str, float]:
    """Mean and spread over seeds.

    Args:
        values: one score a seed, 0..1; None or NaN where it does not apply.
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


def summarise_score(entries: Sequence[dict], score: str) -> dict[str, float]:
    """:func:`summarise` of one of the six scores over the seeds' entries of one model."""
    return summarise(
        [entry.get(score) for entry in entries], [(entry.get("interval") or {}).get(score) for entry in entries]
    )


def summarise_part(entries: Sequence[dict], part: str, name: str, score: str) -> dict[str, float]:
    """:func:`summarise` of ``iou`` or ``iiou`` of one class or category.

    Args:
        part: "per_class" or "per_category".
        name: the class or category; absent ones give NaN.
        score: "iou" or "iiou".
    """
    cells = [(entry.get(part) or {}).get(name) or {} for entry in entries]
    return summarise([cell.get(score) for cell in cells], [cell.get(f"{score}_interval") for cell in cells])


def prefixed(summary: Mapping[str, float], name: str) -> dict[str, float]:
    """Columns of a tidy table: ``name`` holds the value, ``name_std``, ``name_low`` and ``name_high`` the rest."""
    return {name if key == "value" else f"{name}_{key}": number for key, number in summary.items()}
