"""IoU of each class with its interval, model beside model, bucket beside bucket."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from tailcutmix.paper.classes import GROUPS
from tailcutmix.paper.material import Material, short_names
from tailcutmix.paper.style import BUCKET_COLOURS, new_figure, row_styles, save, styled
from tailcutmix.paper.tables.per_class import per_class


@styled
def make(material: Material, stem: Path) -> None:
    """Dots with 95 % bootstrap intervals over images; classes in their final bucket, the most frequent first.

    Under the name of each class stands the number of images that hold it.
    """
    frame = per_class(material)
    ordered = frame.assign(place=frame["bucket"].map(GROUPS.index)).sort_values("place", kind="stable")
    classes = ordered.drop_duplicates("class").reset_index(drop=True)
    models = list(dict.fromkeys(frame["model"]))
    names, styles = short_names(material.methods), row_styles(material.methods)
    figure = new_figure(max(8.0, 0.62 * len(classes) + 1.6), 5.0)
    axes = figure.subplots()
    _shade_buckets(axes, classes)
    offsets = np.linspace(-0.3, 0.3, len(models)) if len(models) > 1 else [0.0]
    for model, offset in zip(models, offsets, strict=True):
        rows = ordered[ordered["model"] == model].set_index("class").loc[classes["class"]]
        x = np.arange(len(classes)) + offset
        colour, marker = styles[model]["color"], styles[model]["marker"]
        axes.vlines(x, rows["iou_low"].to_numpy(float), rows["iou_high"].to_numpy(float), color=colour,
                    linewidth=1.8, zorder=2)  # fmt: skip
        axes.plot(x, rows["iou"].to_numpy(float), linestyle="none", markersize=6.5, markeredgecolor="white",
                  markeredgewidth=0.6, zorder=3, color=colour, marker=marker, label=names[model])  # fmt: skip
    first = classes.iloc[0]
    labels = classes["class"].str.replace(" ", "\n")
    if classes["split_images"].notna().all():
        labels = labels + "\n(" + classes["split_images"].astype(str) + ")"
    axes.set_xticks(range(len(classes)), labels, fontsize=9.5)
    axes.set_xlim(-0.6, len(classes) - 0.4)
    axes.set_ylim(0, 1)
    axes.set_ylabel(f"IoU, {first['dataset']} {first['split']}")
    below = f"in brackets: images that hold the class, of {first['images']}; lines: 95 % bootstrap interval over images"
    axes.set_xlabel(below, fontsize=10, color="#444444")
    axes.grid(axis="y")
    axes.tick_params(axis="x", length=0)
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1.05), ncols=len(models), borderaxespad=0.2, handletextpad=0.2)
    save(figure, stem)


def _shade_buckets(axes: Axes, classes: pd.DataFrame) -> None:
    """A light band behind each bucket, its name above the band's left end."""
    for bucket in GROUPS:
        places = np.flatnonzero(classes["bucket"] == bucket)
        if not len(places):
            continue
        axes.axvspan(places[0] - 0.5, places[-1] + 0.5, color=BUCKET_COLOURS[bucket], alpha=0.09, linewidth=0, zorder=0)
        axes.annotate(bucket, (places[0] - 0.42, 1.0), (0, 4), xycoords=("data", "axes fraction"), fontweight="bold",
                      textcoords="offset points", color=BUCKET_COLOURS[bucket], va="bottom")  # fmt: skip
