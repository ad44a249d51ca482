"""The ablation as dots with intervals, one line per arm."""

from pathlib import Path

import numpy as np

from tailcutmix.files import read_table
from tailcutmix.paper.material import Material
from tailcutmix.paper.style import BUCKET_COLOURS, new_figure, save, styled

PANELS = (("iou_class", "IoU class"), ("iiou_class", "iIoU class"), ("iou_tail", "mean IoU of tail classes"))


@styled
def make(material: Material, stem: Path) -> None:
    """Value and 95 % interval over images of each arm, in panels for IoU class, iIoU class and tail IoU.

    A thick bar spans one standard deviation over seeds to either side, where there are several. The dotted line stands
    at the value of the reference, M0 (the first row's where there is no M0), so that a gain is seen at a glance. Panels
    without a value (iIoU without instances) are left out.
    """
    frame = read_table(material.ablation, ("model", "method", "seeds", *(score for score, _ in PANELS)))
    panels = [(score, title) for score, title in PANELS if frame[score].notna().any()]
    count = len(frame)
    figure = new_figure(3.6 * len(panels) + 2.8, 0.42 * count + 1.5)
    grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    reference = int(frame["model"].eq(material.reference.name).to_numpy().argmax())  # the first row where none is
    places = np.arange(count)
    for axes, (score, title) in zip(grid, panels, strict=True):
        value, low, high, std = (frame[score + end].to_numpy(float) for end in ("", "_low", "_high", "_std"))
        colour = BUCKET_COLOURS["tail"] if score == "iou_tail" else BUCKET_COLOURS["head"]
        for band in places[1::2]:
            axes.axhspan(band - 0.5, band + 0.5, color="#F4F5F7", zorder=0)
        axes.axvline(frame[score].iloc[reference], color="#888888", linestyle=":", linewidth=1.4, zorder=1)
        axes.hlines(places, low, high, color=colour, linewidth=1.6, zorder=2)
        axes.hlines(places, value - std, value + std, color=colour, linewidth=6, alpha=0.35, zorder=2)
        axes.plot(value, places, "o", color=colour, markersize=7, markeredgecolor="white", zorder=3)
        for place in places[np.isfinite(value)]:
            axes.annotate(f"{value[place]:.3f}", (1, place), (4, 0), xycoords=("axes fraction", "data"), va="center",
                          textcoords="offset points", fontsize=9.5, color="#333333")  # fmt: skip
        axes.set_title(title)
        axes.grid(axis="x")
        axes.tick_params(axis="y", length=0)
    grid[0].set_yticks(places, frame["method"])
    grid[0].set_ylim(count - 0.5, -0.5)
    several = (frame["seeds"] > 1).any()
    thick = "; thick bar: ± standard deviation over seeds" if several else ""
    figure.supxlabel(f"dot: value; line: 95 % bootstrap over images{thick}; dotted: "
                     f"{frame['method'].iloc[reference]}", fontsize=10, color="#444444")  # fmt: skip
    save(figure, stem)
