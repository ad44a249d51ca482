"""Which classes moved between the buckets, and why: IoU on val against the share of pixels."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tailcutmix.files import read_table
from tailcutmix.paper.classes import read_classes
from tailcutmix.paper.material import Material
from tailcutmix.paper.pictures import words_only
from tailcutmix.paper.scores import BUCKETS
from tailcutmix.paper.style import BUCKET_COLOURS, new_figure, save, styled

MARKERS = {"head": "s", "middle": "o", "tail": "^"}
Place = tuple[int, int, Literal["left", "right", "center"]]

PLACES: tuple[Place, ...] = (
    (7, 0, "left"), (-7, 0, "right"), (0, 9, "center"), (0, -9, "center"), (7, 8, "left"),
    (7, -8, "left"), (-7, 8, "right"), (-7, -8, "right"), (0, 17, "center"), (0, -17, "center"),
    (9, 16, "left"), (9, -16, "left"), (-9, 16, "right"), (-9, -16, "right"),
)  # fmt: skip
"""Where a name may stand beside its dot: points to the right, points up, and how it is aligned."""


Box = tuple[float, float, float, float]
"""Left, bottom, right, top, in pixels of the figure."""


class Dot(NamedTuple):
    """A class: its share of the pixels in per cent, IoU on val, and bucket by share and in the end."""

    name: str
    share: float
    iou: float
    first: str
    bucket: str


def cuts(shares: pd.Series, buckets: pd.Series) -> dict[str, tuple[float, float]]:
    """Bucket -> the lowest and highest share of its stretch; borders lie halfway between classes, on a log scale.

    Args:
        shares: of the classes, above 0; buckets: those that the shares alone put them in.
    """
    present = [bucket for bucket in BUCKETS if (buckets == bucket).any()]
    stretches, high = {}, float(shares.max()) * 2
    for place, bucket in enumerate(present):
        low = float(shares[buckets == bucket].min())
        below = shares[buckets == present[place + 1]].max() if place + 1 < len(present) else low / 4
        border = float(np.sqrt(low * below))
        stretches[bucket] = (min(border, high), high)
        high = border
    return stretches


@styled
def make(material: Material, stem: Path) -> None:
    """A dot per class, the frequent ones on the left; bands are the buckets by share, arrows lead to the final bucket.

    Lines stand at the IoU below which a middle class moves into the tail, and from which a tail class moves out.
    """
    classes = read_classes(None, material.buckets)
    first = read_table(material.initial_buckets, ("class", "bucket")).set_index("class")["bucket"]
    classes = classes.assign(first=classes["class"].map(first))
    shown = classes[(classes["share"] > 0) & classes["first"].isin(BUCKETS) & classes["val_iou"].notna()]
    if shown.empty:
        save(words_only("no class has an IoU on val: none moves"), stem)
        return
    columns = (shown[name].tolist() for name in ("class", "share", "val_iou", "first", "bucket"))
    dots = [Dot(name, 100 * share, iou, *buckets) for name, share, iou, *buckets in zip(*columns, strict=True)]
    figure = new_figure(9.0, 5.4)
    axes = figure.subplots()
    axes.set_xscale("log")
    stretches = cuts(shown["share"], shown["first"])
    for bucket, (low, high) in stretches.items():
        axes.axvspan(100 * low, 100 * high, color=BUCKET_COLOURS[bucket], alpha=0.09, linewidth=0, zorder=0)
        axes.annotate(bucket, (100 * np.sqrt(low * high), 1.0), (0, 4), xycoords=("data", "axes fraction"), ha="center",
                      textcoords="offset points", fontweight="bold", color=BUCKET_COLOURS[bucket])  # fmt: skip
    axes.set_xlim(100 * max(high for _, high in stretches.values()), 100 * min(low for low, _ in stretches.values()))
    _draw_bounds(axes, material.moves, classes["val_iou"].mean(), stretches)
    arrows: list[tuple[float, float, float]] = []
    for dot in dots:
        x, y = dot.share, dot.iou
        moved = dot.first != dot.bucket
        if moved and dot.bucket in stretches:
            low, high = stretches[dot.bucket]
            border = 100 * (high if dot.bucket == "tail" else low)  # the side on which it comes in
            end = border / 1.12 if dot.bucket == "tail" else border * 1.12
            arrow = {"arrowstyle": "-|>", "color": BUCKET_COLOURS[dot.bucket], "linewidth": 1.5}
            axes.annotate("", (end, y), (x, y), zorder=2, arrowprops=arrow)
            arrows.append((x, end, y))
        axes.plot([x], [y], MARKERS[dot.first], markersize=8.5, color="white" if moved else BUCKET_COLOURS[dot.bucket],
                  markeredgecolor=BUCKET_COLOURS[dot.bucket], markeredgewidth=1.8, zorder=3)  # fmt: skip
    axes.set_ylim(min(-0.04, shown["val_iou"].min() - 0.04), max(0.5, shown["val_iou"].max() + 0.07))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g} %")
    axes.grid(axis="y")
    axes.set_xlabel("share of the labelled train pixels (log scale, frequent classes on the left)")
    axes.set_ylabel(f"IoU of {material.reference.short} on val, mean over seeds")
    moves = int((shown["first"] != shown["bucket"]).sum())
    words = "white: the class moved, along its arrow" if moves else "no class moved"
    axes.annotate(
        words, (1.0, 1.0), (0, 22), xycoords="axes fraction", textcoords="offset points", ha="right", fontsize=10
    )
    _name(figure, axes, dots, arrows)
    save(figure, stem)


def _draw_bounds(
    axes: Axes, moves: Mapping[str, Any], mean: float, stretches: Mapping[str, tuple[float, float]]
) -> None:
    """Lines over the middle and over the tail at the IoU that decides."""
    for bucket, key, sign, word in (("middle", "poor", -1, "poor below"), ("tail", "good", 1, "good from")):
        if bucket not in stretches:
            continue
        bound = moves.get(key)
        height = (mean if bound is None else bound) + sign * moves.get("margin", 0.0)
        low, high = (100 * end for end in stretches[bucket])
        axes.hlines(height, low, high, color="#444444", linestyle=(0, (4, 2)), linewidth=1.3, zorder=1)
        axes.annotate(f"{word} {height:.2f}", (np.sqrt(low * high), height), (0, 3), textcoords="offset points",
                      ha="center", fontsize=9.5, color="#444444")  # fmt: skip


def _name(figure: Figure, axes: Axes, dots: Sequence[Dot], arrows: Sequence[tuple[float, float, float]]) -> None:
    """Each class beside its dot, where it covers as little as can be: of dots, names and arrows (from, to, height)."""
    figure.draw_without_rendering()
    points = axes.transData.transform(np.array([(dot.share, dot.iou) for dot in dots]))
    unit = figure.dpi / 72
    taken = [(x - 7 * unit, y - 7 * unit, x + 7 * unit, y + 7 * unit) for x, y in points]
    for start, end, height in arrows:
        (left, y), (right, _) = axes.transData.transform([(start, height), (end, height)])
        taken.append((min(left, right), y - 3 * unit, max(left, right), y + 3 * unit))

    def box_at(x: float, y: float, name: str, place: Place) -> Box:
        width, height = 5.6 * unit * len(name), 11 * unit
        left = x + place[0] * unit - {"left": 0, "right": width, "center": width / 2}[place[2]]
        return (left, y + place[1] * unit - height / 2, left + width, y + place[1] * unit + height / 2)

    def cost(number: int, box: Box) -> float:
        outside = not axes.bbox.x0 < box[0] or not box[2] < axes.bbox.x1
        return 10 * sum(_overlap(box, other) for other in taken) + number + 1e5 * outside

    for (x, y), dot in zip(points, dots, strict=True):
        boxes = [box_at(x, y, dot.name, place) for place in PLACES]
        best = int(np.argmin([cost(number, box) for number, box in enumerate(boxes)]))
        taken.append(boxes[best])
        right, up, align = PLACES[best]
        axes.annotate(dot.name, (dot.share, dot.iou), (right, up), textcoords="offset points", ha=align, va="center",
                      fontsize=9.5, zorder=4)  # fmt: skip


def _overlap(one: Box, other: Box) -> float:
    """The area that two boxes (left, bottom, right, top) share."""
    width, height = min(one[2], other[2]) - max(one[0], other[0]), min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, width) * max(0.0, height)
