"""Scores as text for a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from tailcutmix.metrics.scores import MEANS

TITLES = ("IoU class", "iIoU class", "IoU category", "iIoU category", "accuracy, all ids", "accuracy, evaluated")


def format_scores(scores: Mapping[str, Any]) -> str:
    """A table of a metrics file: the six scores, then categories and classes with their intervals.

    Undefined scores read n/a.
    """
    level = scores["bootstrap"]["level"]
    count = scores["bootstrap"]["replicates"]
    note = f"; in brackets {level:.0%} intervals over {count} bootstraps of the images" if count else ""
    lines = [f"{scores['images']} images{note}", ""]
    for name, title in zip(MEANS, TITLES, strict=True):
        lines.append(f"{title:<20} {_cell(scores[name], scores['interval'][name])}".rstrip())
    for part, title in (("per_category", "category"), ("per_class", "class")):
        if scores.get(part):
            rows = [(name, cell) for name, cell in scores[part].items()]
            lines += ["", f"{title:<20} {'IoU':<23} iIoU"]
            lines += [
                f"{name:<20} {_cell(cell['iou'], cell['iou_interval']):<23} "
                f"{_cell(cell['iiou'], cell['iiou_interval'])}".rstrip()
                for name, cell in rows
            ]
    return "\n".join(lines)


def _cell(value: float | None, ends: Sequence[float] | None) -> str:
    if value is None:
        return "n/a"
    return f"{value:.4f}" + (f" [{ends[0]:.4f}, {ends[1]:.4f}]" if ends else "")
