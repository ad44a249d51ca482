"""IoU of each class with its interval, model beside model, bucket beside bucket."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from tailcutmix.paper.classes import GROUPS
from tailcutmix.paper.per_class import SHORT_NAMES, per_class
from tailcutmix.paper.scores import Source
from tailcutmix.paper.style import BUCKET_COLOURS, model_style, new_figure, save, styled


@styled
def draw_per_class_iou(
    sources: Iterable[Source],
    buckets: str | Path,
    stem: str | Path,
    stats: str | Path | None = None,
    titles: Mapping[str, str] | None = None,
) -> list[Path]:
    """Dots with 95 % bootstrap intervals over images; classes in their final bucket, the most frequent first.

    Args:
        sources: metrics files of the models and seeds to show, on one data set and split.
        buckets: ``buckets/final.csv``; stats: ``stats/labels.csv``, for the number of images under each class name.
        titles: printed name of each model, in drawing order; default METHOD_NAMES.
    """
    frame = per_class(sources, buckets, stats, titles)
    ordered = frame.assign(place=frame["bucket"].map(GROUPS.index)).sort_values("place", kind="stable")
    classes = ordered.drop_duplicates("class").reset_index(drop=True)
    models = frame.drop_duplicates("model")[["model", "method"]].to_numpy().tolist()
    figure = new_figure(max(8.0, 0.62 * len(classes) + 1.6), 5.0)
    axes = figure.subplots()
    _shade_buckets(axes, classes)
    offsets = np.linspace(-0.3, 0.3, len(models)) if len(models) > 1 else [0.0]
    for index, (model, method) in enumerate(models):
        rows = ordered[ordered["model"] == model].set_index("class").loc[classes["class"]]
        x = np.arange(len(classes)) + offsets[index]
        style = model_style(model, index)
        axes.vlines(x, rows["iou_low"].to_numpy(float), rows["iou_high"].to_numpy(float), color=style["color"],
                    linewidth=1.8, zorder=2)  # fmt: skip
        axes.plot(x, rows["iou"].to_numpy(float), linestyle="none", markersize=6.5, markeredgecolor="white",
                  markeredgewidth=0.6, zorder=3, label=SHORT_NAMES.get(model, method), **style)  # fmt: skip
    first = classes.iloc[0]
    names = classes["class"].str.replace(" ", "\n")
    if classes["split_images"].notna().all():
        names = names + "\n(" + classes["split_images"].astype(str) + ")"
    axes.set_xticks(range(len(classes)), names, fontsize=9.5)
    axes.set_xlim(-0.6, len(classes) - 0.4)
    axes.set_ylim(0, 1)
    axes.set_ylabel(f"IoU, {first['dataset']} {first['split']}")
    below = f"in brackets: images that hold the class, of {first['images']}; " if stats is not None else ""
    axes.set_xlabel(f"{below}lines: 95 % bootstrap interval over images", fontsize=10, color="#444444")
    axes.grid(axis="y")
    axes.tick_params(axis="x", length=0)
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1.05), ncols=len(models), borderaxespad=0.2, handletextpad=0.2)
    return save(figure, stem)


def _shade_buckets(axes, classes: pd.DataFrame) -> None:
    """A light band behind each bucket, its name above the band's left end."""
    for bucket in GROUPS:
        places = np.flatnonzero(classes["bucket"] == bucket)
        if not len(places):
            continue
        axes.axvspan(places[0] - 0.5, places[-1] + 0.5, color=BUCKET_COLOURS[bucket], alpha=0.09, linewidth=0, zorder=0)
        axes.annotate(bucket, (places[0] - 0.42, 1.0), (0, 4), xycoords=("data", "axes fraction"), fontweight="bold",
                      textcoords="offset points", color=BUCKET_COLOURS[bucket], va="bottom")  # fmt: skip
