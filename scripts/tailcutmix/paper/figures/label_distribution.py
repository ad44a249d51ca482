"""How long the tail is: each class's share of the labelled pixels, its bucket, and which classes moved."""

from pathlib import Path

from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import NullLocator

from tailcutmix.files import read_table
from tailcutmix.paper.classes import read_classes
from tailcutmix.paper.material import Material
from tailcutmix.paper.scores import BUCKETS
from tailcutmix.paper.style import BUCKET_COLOURS, new_figure, save, styled
from tailcutmix.tail.bucket_table import ABSENT


@styled
def make(material: Material, stem: Path) -> None:
    """Bars of each class's share of the labelled train pixels, most frequent on top, on a log scale.

    The bar's colour is the final bucket. A class that moved has a dot in its initial bucket's colour, the move in words
    and the validation IoU of M0 that moved it. On the right: the train images that hold the class.
    """
    classes = read_classes(material.statistics, material.buckets)
    first_bucket = read_table(material.initial_buckets, ("class", "bucket")).set_index("class")["bucket"]
    count = len(classes)
    figure = new_figure(9.5, 0.36 * count + 1.5)
    axes, images = figure.subplots(1, 2, sharey=True, width_ratios=[12, 1])
    shares = 100 * classes["share"].to_numpy(float)
    positive = shares[shares > 0]
    left = 10 ** (int(f"{positive.min():e}".split("e")[1])) / 2 if len(positive) else 1e-3
    axes.set_xscale("log")
    axes.barh(range(count), [max(share, left) for share in shares], left=0, height=0.72,
              color=[BUCKET_COLOURS[bucket] for bucket in classes["bucket"]])  # fmt: skip
    for place, (_, row) in enumerate(classes.iterrows()):
        share = 100 * row["share"]
        text = f"{share:#.2g} %".replace(". %", " %")
        before = first_bucket.get(row["class"], row["bucket"])
        if before != row["bucket"]:
            iou = "" if row["val_iou"] != row["val_iou"] else f" ({material.reference.short} IoU {row['val_iou']:.2f})"
            text += f"   {before} → {row['bucket']}{iou}"
            axes.plot([left], [place], marker="o", markersize=11, markeredgecolor="white", markeredgewidth=1.6,
                      color=BUCKET_COLOURS[before], clip_on=False, zorder=5)  # fmt: skip
        inside = share > 10  # beside such a bar there is no room up to 100 %
        axes.annotate(text, (max(share, left), place), (-5 if inside else 5, 0), textcoords="offset points",
                      va="center", fontsize=10, ha="right" if inside else "left",
                      color="white" if inside else "black")  # fmt: skip
        images.annotate(f"{int(row['train_images'])}", (1.0, place), xycoords=("axes fraction", "data"),
                        va="center", ha="right", fontsize=10)  # fmt: skip
    images.annotate("train images\nwith the class", (1.0, 1.0), (0, 6), xycoords="axes fraction", ha="right",
                    va="bottom", textcoords="offset points", fontsize=10)  # fmt: skip
    images.set_axis_off()
    axes.set_yticks(range(count), classes["class"])
    axes.set_ylim(count - 0.4, -0.6)
    axes.set_xlim(left, 100)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g} %")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(axis="x")
    axes.set_xlabel("share of the labelled train pixels (log scale)")
    shown = [*BUCKETS, *([ABSENT] if ABSENT in set(classes["bucket"]) else [])]
    names = {bucket: f"{bucket} bucket" for bucket in BUCKETS} | {ABSENT: "absent from train"}
    handles: list[Patch | Line2D] = [Patch(color=BUCKET_COLOURS[bucket], label=names[bucket]) for bucket in shown]
    if (classes["class"].map(first_bucket) != classes["bucket"]).any():
        handles.append(Line2D([], [], marker="o", color="none", markeredgecolor="#444444", markersize=8,
                              label="dot: bucket before the move"))  # fmt: skip
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=len(handles), borderaxespad=0.3,
                handletextpad=0.5, columnspacing=1.2)  # fmt: skip
    save(figure, stem)
