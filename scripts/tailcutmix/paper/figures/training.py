"""Loss and learning rate of every model over its training."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from tailcutmix.files import read_table
from tailcutmix.paper.material import Material, Method, MethodFile, short_names
from tailcutmix.paper.style import CYCLE, new_figure, row_styles, save, styled

HISTORY = ("step", "lr", "loss")


def read_history(path: str | Path) -> pd.DataFrame:
    """``history.csv`` sorted by step."""
    return read_table(path, what="history", numbers=HISTORY).sort_values("step", kind="stable").reset_index(drop=True)


def smoothed(values: np.ndarray, window: int) -> np.ndarray:
    """Centred running mean of `values` (n,) over at most `window` neighbours, cut at the ends."""
    return pd.Series(values).rolling(window, center=True, min_periods=1).mean().to_numpy()


def by_network(histories: Sequence[MethodFile]) -> dict[Method, list[pd.DataFrame]]:
    """Each network -> the histories of its seeds, in order of first appearance."""
    groups: dict[Method, list[pd.DataFrame]] = {}
    for file in histories:
        groups.setdefault(file.method, []).append(read_history(file.path))
    return groups


@styled
def make(material: Material, stem: Path) -> None:
    """Loss (top) and learning rate (bottom) against the step, the experts in a column of their own."""
    histories = by_network(material.histories)
    experts = [network for network in histories if network.expert_of is not None]
    others = [network for network in histories if network.expert_of is None]
    columns = [column for column in (others, experts) if column]
    names = {network.name: network.title for network in histories} | short_names(experts)
    rows = row_styles(material.methods)
    figure = new_figure(5.6 * len(columns) + 0.4, 5.8)
    grid = figure.subplots(2, len(columns), squeeze=False, sharex="col", height_ratios=[2, 1])
    for column, networks in enumerate(columns):
        above, below = grid[:, column]
        rates = [histories[network][0][["step", "lr"]] for network in networks]
        common = len(rates) > 1 and all(rate.equals(rates[0]) for rate in rates[1:])
        if common:
            below.plot(rates[0]["step"], rates[0]["lr"], color="#444444", linewidth=1.8, label="the same for all")
            below.legend(loc="upper right")
        for index, network in enumerate(networks):
            colour = rows[network.name]["color"] if network.name in rows else CYCLE[index % len(CYCLE)]
            line = {"color": colour, "linestyle": "--" if index >= len(CYCLE) else "-"}
            _draw_loss(above, names[network.name], histories[network], line)
            if not common:
                below.plot(histories[network][0]["step"], histories[network][0]["lr"], **line, linewidth=1.8)
        above.set_title("experts M2, from M1" if networks is experts else "models from scratch")
        above.set_yscale("log")
        above.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        above.yaxis.set_minor_formatter(lambda value, _: f"{value:.2g}" if f"{value:e}"[0] in "25" else "")
        bottom, top = above.get_ylim()
        above.set_ylim(top=top * (top / bottom) ** (0.06 * min(8, len(networks))))  # room for the legend
        above.legend(loc="upper right", ncols=1 + (len(networks) > 5))
        below.set_xlabel("optimiser step")
        below.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3))
        below.set_ylim(bottom=0)
        for axes in (above, below):
            axes.grid()
    grid[0, 0].set_ylabel("training loss (log scale)")
    grid[1, 0].set_ylabel("learning rate")
    figure.align_ylabels(grid[:, 0])
    save(figure, stem)


def _draw_loss(axes: Axes, name: str, runs: Sequence[pd.DataFrame], line: Mapping[str, Any]) -> None:
    for number, run in enumerate(runs):
        window = max(1, len(run) // 12)
        if window > 1:
            axes.plot(run["step"], run["loss"], color=line["color"], alpha=0.18, linewidth=0.8)
        axes.plot(run["step"], smoothed(run["loss"].to_numpy(float), window), **line,
                   linewidth=1.8 if number == 0 else 1.0, label=name if number == 0 else None)  # fmt: skip
