"""How much rare-class evidence the mixing gave each model: pixels added per class, CYC draws, fallbacks."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from tailcutmix.labels import slug
from tailcutmix.paper.classes import read_classes
from tailcutmix.paper.figures.training import by_network
from tailcutmix.paper.material import Material, MethodFile
from tailcutmix.paper.style import BUCKET_COLOURS, new_figure, save, styled

COUNTS = ("images_mixed", "cyc_draws", "cyc_fallbacks", "patches_cropped", "patches_clipped")
PREFIX = "pixels_pasted:"


def mixing_counts(histories: Sequence[MethodFile]) -> pd.DataFrame:
    """Counts over each network's whole training, mean over its seeds.

    Returns:
        one row per network: model, method, expert_of (a class, or ""), seeds, images_mixed, cyc_draws, cyc_fallbacks,
        patches_cropped, patches_clipped, and ``pixels_pasted:<class slug>``; 0 where a history lacks the column.
    """
    rows = []
    for network, runs in by_network(histories).items():
        names = dict.fromkeys([*COUNTS, *(name for run in runs for name in run.columns if name.startswith(PREFIX))])
        totals = {name: float(np.mean([run[name].sum() if name in run else 0 for run in runs])) for name in names}
        row = {"model": network.name, "method": network.title, "expert_of": network.expert_of or ""}
        rows.append(row | {"seeds": len(runs)} | totals)
    return pd.DataFrame(rows).fillna(0.0)


def engineering(value: float) -> str:
    """``1.2 M`` for 1 234 567; an empty string for nothing."""
    for limit, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= limit:
            return f"{value / limit:.3g}{unit}"
    return f"{value:.0f}" if value else ""


@styled
def make(material: Material, stem: Path) -> None:
    """A matrix of pixels added (model x tail class) under a row of what the train split holds; then CYC and crops.

    Classes outside the tail, which the rectangles of levels >= 1 carry along, share one column. An expert's own class
    is framed. Models that mix nothing are named in a line.
    """
    counts = mixing_counts(material.histories)
    classes = read_classes(material.statistics, material.buckets)
    added = [f"{PREFIX}{slug(name)}" for name in classes["class"]]
    pixels = counts.reindex(columns=added, fill_value=0.0).to_numpy(float)
    mixed = pixels.any(1) | (counts["images_mixed"].to_numpy(float) > 0)
    tail = (classes["bucket"] == "tail").to_numpy()
    if not tail.any():
        tail = ~tail
    unmixed = counts["method"][~mixed].tolist()
    counts = counts[mixed].reset_index(drop=True)
    matrix = np.vstack([classes["train_pixels"].to_numpy(float), pixels[mixed]])
    columns = classes.loc[tail, ["class", "bucket"]].to_numpy().tolist()
    others = matrix[:, ~tail].sum(1, keepdims=True)
    matrix = matrix[:, tail]
    if others[1:].any():
        matrix = np.hstack([matrix, others])
        columns.append(["all other classes", ""])
    labels = ["in the train split", *(f"added in {row.method}" for row in counts.itertuples())]
    width = 0.95 * len(columns)
    figure = new_figure(max(9.5, width + 8.0), 0.45 * len(labels) + 3.0)
    left, middle, right = figure.subplots(1, 3, sharey=True, width_ratios=[max(3.0, width), 1.5, 3.0])
    picture = _draw_matrix(left, matrix, columns, labels)
    figure.colorbar(picture, ax=left, location="bottom", shrink=0.5, aspect=40, label="pixels (white: none)")
    for row, column in np.ndindex(len(counts), len(columns)):
        if counts.at[row, "expert_of"] == columns[column][0]:
            frame = Rectangle(
                (column - 0.46, row + 0.59), 0.92, 0.83, fill=False, edgecolor=BUCKET_COLOURS["tail"], linewidth=2.5
            )
            left.add_patch(frame)
    places = np.arange(1, len(labels))
    images = counts["images_mixed"].to_numpy(float)
    draws, fallen, cropped, clipped = (counts[name].to_numpy(float) / np.maximum(images, 1) for name in COUNTS[1:])
    level0 = draws > 0
    _draw_bars(middle, places, [f"{x:.2f}" if is_level0 else "" for x, is_level0 in zip(draws, level0, strict=True)],
               draws, "CYC draws\nper image", room=1.5)  # fmt: skip
    rest = 100 * np.where(level0, fallen, cropped)
    words = [
        f"{share:.2g} % fallbacks" if is_level0 else f"{share:.2g} % cropped, {100 * at_border:.2g} % clipped"
        for share, at_border, is_level0 in zip(rest, clipped, level0, strict=True)
    ]
    _draw_bars(
        right, places, words, rest, "CYC fallbacks, or patches cropped\nto fit and clipped in their image", room=2.6
    )
    left.set_title("pixels of each class", pad=8)
    note = "first row: one pass over the train split; below: pasted by mixing over the whole training, mean over seeds"
    note += f"\nnothing mixed in: {', '.join(unmixed)}" if unmixed else ""
    figure.supxlabel(note, fontsize=10, color="#444444")
    save(figure, stem)


def _draw_matrix(axes: Axes, matrix: np.ndarray, columns: list[list[str]], labels: list[str]) -> AxesImage:
    positive = matrix[matrix > 0]
    low, high = (positive.min(), positive.max()) if len(positive) else (1, 10)
    norm = LogNorm(low / 2, max(high, low * 10))
    picture = axes.imshow(np.ma.masked_less_equal(matrix, 0), norm=norm, cmap="cividis", aspect="auto")
    for row, column in np.argwhere(matrix > 0):
        axes.text(column, row, engineering(matrix[row, column]), ha="center", va="center", fontsize=9.5,
                  color="white" if norm(matrix[row, column]) < 0.55 else "black")  # fmt: skip
    axes.set_xticks(range(len(columns)), [name.replace(" ", "\n") for name, _ in columns], fontsize=9.5)
    for tick, (_, bucket) in zip(axes.get_xticklabels(), columns, strict=True):
        tick.set_color(BUCKET_COLOURS.get(bucket, "#444444"))
        tick.set_fontweight("bold")
    axes.set_yticks(range(len(labels)), labels)
    axes.axhline(0.5, color="white", linewidth=5)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return picture


def _draw_bars(axes: Axes, places: np.ndarray, words: list[str], values: np.ndarray, title: str, room: float) -> None:
    axes.barh(places, values, height=0.6, color="#9DB4C8")
    for place, word, value in zip(places, words, values, strict=True):
        axes.annotate(word, (value, place), (4, 0), textcoords="offset points", va="center", fontsize=9.5)
    axes.set_xlim(0, max(1e-9, values.max(initial=0)) * room)
    axes.set_title(title, fontsize=10.5, fontweight="normal", pad=8)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(length=0)
