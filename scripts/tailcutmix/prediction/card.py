"""The model card of a bundle: what it is, how good, and how it was made."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tailcutmix.errors import UserError
from tailcutmix.prediction.trained import Trained


@dataclass(frozen=True)
class Origin:
    """What a bundle says of how it was made.

    Attributes:
        config: the configuration of the run, overlays merged in.
        labels: the file of the label table.
        seed: of the networks.
        scores: split -> the scores of the method (see :func:`tailcutmix.metrics.evaluate.evaluate`).
        versions: commit, python and libraries.
    """

    config: Mapping[str, Any]
    labels: Path
    seed: int
    scores: Mapping[str, Path]
    versions: Mapping[str, Any]


def model_card(trained: Trained, origin: Origin) -> str:
    """What a bundle is and how good, for its reader, as Markdown."""
    dataset, network, inference = origin.config["dataset"]["name"], trained.base.network, trained.base.inference
    height, width = trained.size
    lines = [
        f"# {_plain(trained.title)}, trained on {_plain(dataset)}",
        "",
        "A network for scene parsing: it gives every pixel of a street image one of "
        f"{trained.labels.num_classes} classes.",
        "",
        "```",
        "python scripts/predict_images.py --bundle BUNDLE --images FOLDER --out FOLDER",
        "```",
        "",
        f"- method: `{trained.name}`, seed {origin.seed}",
        f"- base: `{trained.base.name}`, {network.architecture} of width {network.width}, scale attention: "
        f"{network.attention}, predicts at scales {_listed(inference.scales)}"
        f"{', chosen for each class' if trained.base.scales else ''}{', with flips' if inference.flip else ''}",
        f"- experts, in the order in which they are laid over the base: "
        f"{_listed(part.expert_of.name for part in trained.experts if part.expert_of) or 'none'}",
        f"- trained on images of {width}x{height} pixels; others are brought to as many",
        "- no pre-trained weights went into it",
        "",
        *_scores(origin.scores),
        "## Made by",
        "",
        *(f"- {name}: {_plain(value)}" for name, value in _flat(origin.versions)),
        "- configuration: `configuration.yaml`",
        "",
        "## Classes",
        "",
        "| label id | class | colour |",
        "|---|---|---|",
        *(f"| {row.id} | {_plain(row.name)} | `#{bytes(row.colour).hex()}` |" for row in trained.labels.classes),
        "",
        "The scores hold for images like those it was trained and tested on. Every pixel gets one of these classes, "
        "whatever it shows.",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _scores(scores: Mapping[str, Path]) -> list[str]:
    if not scores:
        return ["It was not scored.", ""]
    lines = []
    for split, path in scores.items():
        try:
            found = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            raise UserError(f"{path}: not a readable metrics file ({error}); delete it and run again") from None
        lines += [
            f"## Scores on {split} ({found['images']} images)",
            "",
            "| score | value | 95 % interval |",
            "|---|---|---|",
        ]
        for name, interval in found["interval"].items():
            between = "" if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}"
            lines.append(f"| {name} | {_number(found[name])} | {between} |")
        lines += [f"| IoU {_plain(name)} | {_number(row['iou'])} | |" for name, row in found["per_class"].items()]
        lines.append("")
    return lines


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3f}"


def _flat(versions: Mapping[str, Any]) -> list[tuple[str, object]]:
    """Nested versions as one list."""
    pairs: list[tuple[str, object]] = []
    for name, value in versions.items():
        pairs += _flat(value) if isinstance(value, Mapping) else [(name, "unknown" if value is None else value)]
    return pairs


def _listed(values: Any) -> str:
    return ", ".join(_plain(value) for value in values)


def _plain(value: object) -> str:
    """A value without what Markdown would take for a mark."""
    return re.sub(r"[|<>\[\]`\n]", " ", str(value))
