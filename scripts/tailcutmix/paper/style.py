"""One look for all figures: readable on a slide, safe for colour-blind readers, the same bytes on every run."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import matplotlib
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler

from tailcutmix.files import replacing
from tailcutmix.paper.material import Method

if TYPE_CHECKING:
    from matplotlib.typing import RcKeyType

P = ParamSpec("P")
R = TypeVar("R")

BUCKET_COLOURS = {"head": "#0072B2", "middle": "#009E73", "tail": "#D55E00", "absent": "#8C8C8C"}
"""Okabe-Ito blue, green and vermilion; grey for classes that no train image holds."""

FIRST_ROW = {"color": "#8C8C8C", "marker": "s"}
LAST_ROW = {"color": "#1A1A1A", "marker": "D"}
ROW_COLOURS = ("#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#0072B2", "#D55E00", "#7A5195")
ROW_MARKERS = ("o", "^", "v", "P", "X", "<")
CYCLE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A5195", "#8C8C8C", "#1A1A1A")

SETTINGS: "dict[RcKeyType, Any]" = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#444444",
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(color=CYCLE),
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 10,
    "figure.dpi": 100,
    "savefig.dpi": 200,
    "pdf.fonttype": 42,
    "svg.hashsalt": "tailcutmix",
}


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Decorator: run a drawing function under SETTINGS, whatever the caller's are, and leave those as they were."""

    @functools.wraps(draw)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(SETTINGS)
            return draw(*args, **kwargs)

    return wrapper


def new_figure(width: float, height: float) -> Figure:
    """A figure of `width` x `height` inches, free of pyplot's global state."""
    return Figure(figsize=(width, height), layout="constrained")


def save(figure: Figure, stem: str | Path) -> None:
    """Write ``<stem>.png`` (200 dpi) and ``<stem>.pdf`` without time stamps, by temporary name and rename."""
    stem = Path(stem)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # laid out once, not for every file anew
    metadata = {"png": {"Software": None}, "pdf": {"CreationDate": None, "Creator": None, "Producer": None}}
    for suffix, keys in metadata.items():
        path = stem.with_name(f"{stem.name}.{suffix}")
        with replacing(path) as temporary:
            figure.savefig(temporary, metadata=keys, facecolor="white", bbox_inches="tight", pad_inches=0.1)


def row_styles(methods: Sequence[Method]) -> dict[str, dict[str, str]]:
    """Name of each row of Table 1 -> its colour and marker in every figure.

    The first row, the baseline, is a grey square, the last a black diamond; between them the colours and the shapes go
    round, so that no two of up to 42 rows look the same.
    """
    styles = {}
    for place, method in enumerate(methods[1:-1]):
        colour, marker = ROW_COLOURS[place % len(ROW_COLOURS)], ROW_MARKERS[place % len(ROW_MARKERS)]
        styles[method.name] = {"color": colour, "marker": marker}
    if methods:
        styles[methods[-1].name] = LAST_ROW
        styles[methods[0].name] = FIRST_ROW
    return styles
