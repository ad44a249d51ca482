"""Loss and learning rate of every model over its training."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tailcutmix.files import read_table
from tailcutmix.paper.published import method_name
from tailcutmix.paper.style import CYCLE, MODEL_COLOURS, new_figure, save, styled

HISTORY = ("step", "lr", "loss")


def read_history(path: str | Path) -> pd.DataFrame:
    """``history.csv`` sorted by step."""
    return read_table(path, HISTORY).sort_values("step", kind="stable").reset_index(drop=True)


def smoothed(values: np.ndarray, window: int) -> np.ndarray:
    """Centred running mean of `values` (n,) over at most `window` neighbours, cut at the ends."""
    return pd.Series(values).rolling(window, center=True, min_periods=1).mean().to_numpy()


def by_model(histories: Iterable[str | Path]) -> dict[str, list[Path]]:
    """``models/<m>/seed<k>/history.csv`` paths grouped by <m>, in order of first appearance."""
    groups: dict[str, list[Path]] = {}
    for path in map(Path, histories):
        groups.setdefault(path.parent.parent.name, []).append(path)
    return groups


@styled
def draw_training(
    histories: Iterable[str | Path],
    stem: str | Path,
    titles: Mapping[str, str] | None = None,
    experts: Sequence[str] = (),
) -> list[Path]:
    """Loss (top) and learning rate (bottom) against the step, the experts in a column of their own.

    Args:
        histories: ``models/<m>/seed<k>/history.csv``, in drawing order.
        stem: path less suffix.
        titles: printed name of each model; default METHOD_NAMES.
        experts: the models among them that are experts.
    """
    groups = list(by_model(histories).items())
    apart = [group for group in groups if group[0] in set(experts)]
    columns = [models for models in ([group for group in groups if group not in apart], apart) if models]
    figure = new_figure(5.6 * len(columns) + 0.4, 5.8)
    grid = figure.subplots(2, len(columns), squeeze=False, sharex="col", height_ratios=[2, 1])
    for column, models in enumerate(columns):
        above, below = grid[:, column]
        for index, (model, paths) in enumerate(models):
            _draw_model(above, below, model, [read_history(path) for path in paths], index, titles)
        above.set_title("experts M2, from M1" if models is apart else "models from scratch")
        above.set_yscale("log")
        above.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        above.yaxis.set_minor_formatter(lambda value, _: f"{value:.2g}" if f"{value:e}"[0] in "25" else "")
        above.legend(loc="upper right", ncols=1 + (len(models) > 5))
        below.set_xlabel("optimiser step")
        below.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3))
        below.set_ylim(bottom=0)
        for axes in (above, below):
            axes.grid()
    grid[0, 0].set_ylabel("training loss (log scale)")
    grid[1, 0].set_ylabel("learning rate")
    figure.align_ylabels(grid[:, 0])
    return save(figure, stem)


def _draw_model(above, below, model: str, runs: Sequence[pd.DataFrame], index: int, titles) -> None:
    colour = MODEL_COLOURS.get(model, CYCLE[index % len(CYCLE)])
    dashes = "--" if index >= len(CYCLE) else "-"
    name = method_name(model, titles).removeprefix("M2 expert ")
    for number, run in enumerate(runs):
        window = max(1, len(run) // 12)
        if window > 1:
            above.plot(run["step"], run["loss"], color=colour, alpha=0.18, linewidth=0.8)
        above.plot(run["step"], smoothed(run["loss"].to_numpy(float), window), color=colour, linestyle=dashes,
                   linewidth=1.8 if number == 0 else 1.0, label=name if number == 0 else None)  # fmt: skip
    if runs:
        below.plot(runs[0]["step"], runs[0]["lr"], color=colour, linestyle=dashes, linewidth=1.8)
