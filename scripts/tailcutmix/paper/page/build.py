"""All that a page shows, gathered from the files of a run, and the page itself."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from jinja2 import Environment, StrictUndefined

from tailcutmix.errors import UserError
from tailcutmix.files import read_table
from tailcutmix.labels import read_labels
from tailcutmix.paper.formats import number
from tailcutmix.paper.page.browser import MEASURES, Browser, browse
from tailcutmix.paper.page.captions import read_caption
from tailcutmix.paper.page.data import class_rows, tail_classes
from tailcutmix.paper.page.pictures import Picture, figure
from tailcutmix.plan.settings.keys import typed
from tailcutmix.plan.settings.tail import Regions
from tailcutmix.tail.bucket_table import read_tail

PLACES = {
    "fig1_level_crops": "method",
    "fig2_cutmix": "method",
    "table1": "results",
    "differences": "results",
    "per_class": "classes",
    "per_class_iou": "classes",
    "label_distribution": "classes",
    "claims": "experts",
}
"""Section of the page in which a table or figure stands; the others go by their category."""

CATEGORIES = {"Ablation": "ablation", "Training": "training"}
ELSE = "more"

GAINS = {"iou_class": "IoU class", "iou_tail": "IoU tail"}
"""Scores that the page begins with."""


@dataclass(frozen=True)
class Shown:
    """A table or figure of the run, its caption and, of a table, its HTML; of a figure, its picture."""

    name: str
    kind: str
    title: str
    caption: str
    table: str = ""
    picture: Picture | None = None


@dataclass(frozen=True)
class Gain:
    """What the last row of Table 1 reaches, and what the reference does."""

    title: str
    value: str
    deviation: str
    reference: str
    difference: str


def build(inputs: Mapping[str, Any], params: Mapping[str, Any], workers: int = 1) -> str:
    """The HTML of a page, out of the inputs and params of its rule (see :mod:`tailcutmix.paper.page.inputs`).

    What a run does not have yet, it lacks among its inputs, and the section is left out.
    """
    run = _read_record(inputs["record"])
    labels = read_labels(inputs["labels"])
    buckets = Path(inputs["buckets"])
    reasons = _reasons(buckets)
    tail = [known.name for known in read_tail(buckets, labels)]
    regions = typed(Regions, params["regions"])
    objects, looked_at, in_train = tail_classes(Path(inputs["manifest"]), labels, tail, regions, workers)
    template, style, script = (Path(path).read_text(encoding="utf-8") for path in inputs["template"])
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["duration"] = duration
    methods = [{"name": name, "title": title, "short": short} for name, title, short in params["methods"]]
    return environment.from_string(template).render(
        style=style,
        script=script,
        params=params,
        methods=methods,
        titles={method["name"]: method["title"] for method in methods},
        measures=MEASURES if tail else {name: title for name, title in MEASURES.items() if name != "tail"},
        sections=_sections(inputs, params, run),
        gains=_gains(inputs.get("numbers", ()), params["reference"], methods[-1]["name"]) if methods else [],
        classes=class_rows(Path(inputs["statistics"]), buckets, params["split"], labels, reasons),
        tail=tail,
        objects=objects,
        looked_at=looked_at,
        in_train=in_train,
        browser=_browser(inputs, params, tail) if methods else None,
        colours=[{"name": known.name, "colour": _css(known.colour)} for known in labels.classes],
        run=run,
        totals={key: sum(job[key] for job in run["jobs"].values()) for key in ("jobs", "wall_seconds", "cpu_seconds")},
        configuration=_as_text(run["configuration"]),
        resolved=_as_text(run["resolved"]),
    )


def duration(seconds: float) -> str:
    """Seconds as people say them: ``48 s``, ``12 min``, ``3.4 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def body_of(text: str) -> str:
    """The table and its notes out of a page that :func:`tailcutmix.paper.formats.to_html` wrote."""
    _, _, rest = text.partition("<body>")
    body, end, _ = rest.partition("</body>")
    if not end:
        raise UserError("a table's HTML file has no body; delete it and run again")
    return body.strip()


def _sections(inputs: Mapping[str, Any], params: Mapping[str, Any], run: Mapping[str, Any]) -> dict[str, list[Shown]]:
    """Section -> its tables and figures, tables first."""
    found: dict[str, list[Shown]] = {}
    files = zip(params["artefacts"], inputs.get("shown", ()), inputs.get("captions", ()), strict=True)
    for (name, kind, title, category), path, caption in files:
        words = read_caption(caption, run["configuration"])
        if kind == "table":
            shown = Shown(name, kind, title, words, table=body_of(Path(path).read_text(encoding="utf-8")))
        else:
            shown = Shown(name, kind, title, words, picture=figure(path))
        found.setdefault(PLACES.get(name, CATEGORIES.get(category, ELSE)), []).append(shown)
    return {place: sorted(entries, key=lambda shown: shown.kind != "table") for place, entries in found.items()}


def _gains(numbers: Sequence[str], reference: str, last: str) -> list[Gain]:
    """The scores that the page begins with; the difference and its interval where the run compares the two rows."""
    if not numbers:
        return []
    table = read_table(numbers[0], ("model", "method")).dropna(subset=["model"]).set_index("model")
    pairs = (
        read_table(numbers[1], ("first", "second")) if len(numbers) > 1 else pd.DataFrame(columns=["first", "second"])
    )
    pairs = pairs[(pairs["first"] == reference) & (pairs["second"] == last)]
    ours, theirs = dict(table.loc[last]), dict(table.loc[reference])
    pair = dict(pairs.iloc[0]) if len(pairs) else {}
    found = []
    for score, title in GAINS.items():
        if math.isnan(float(ours.get(score, math.nan))):
            continue
        deviation = float(ours[f"{score}_std"])
        value, low, high = (float(pair.get(score + end, math.nan)) for end in ("", "_low", "_high"))
        found.append(
            Gain(
                title,
                number(float(ours[score])),
                "" if math.isnan(deviation) else number(deviation),
                number(float(theirs[score])),
                "" if math.isnan(value) else f"{_signed(value)} [{_signed(low)}, {_signed(high)}]",
            )
        )
    return found


def _browser(inputs: Mapping[str, Any], params: Mapping[str, Any], tail: Sequence[str]) -> Browser | None:
    names = [name for name, _, _ in params["methods"]]
    return browse(
        inputs["manifest"],
        params["split"],
        read_labels(inputs["labels"]),
        tail,
        dict(zip(names, map(Path, inputs["predictions"]), strict=True)),
        dict(zip(names, map(Path, inputs["image_statistics"]), strict=True)),
        (params["reference"], names[-1]),
    )


def _reasons(buckets: Path) -> dict[str, str]:
    """Class -> why it moved or stayed, where the table of buckets says so."""
    frame = read_table(buckets, ("class", "bucket"))
    return dict(zip(frame["class"], frame["reason"].fillna(""), strict=True)) if "reason" in frame else {}


def _read_record(path: str | Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        missing = [key for key in ("jobs", "configuration", "resolved", "machine", "libraries") if key not in content]
    except (OSError, yaml.YAMLError, TypeError) as error:
        raise UserError(f"{path}: not a readable record of a run ({error}); delete it and run again") from None
    if missing:
        raise UserError(f"{path}: key {missing[0]} is missing; delete it and run again")
    return content


def _as_text(settings: Mapping[str, Any]) -> str:
    text: str = yaml.safe_dump(dict(settings), sort_keys=False, allow_unicode=True, width=100)
    return text


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def _css(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
