"""Scale attention at work: what each scale says by itself, how much it counts, and what all say together."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.patches import Patch

from tailcutmix.errors import UserError
from tailcutmix.labels import IGNORE, read_labels
from tailcutmix.paper.material import Material
from tailcutmix.paper.pictures import (
    RIGHT,
    WRONG,
    bare,
    best_window,
    class_legend,
    over_grey,
    short_id,
    words_only,
)
from tailcutmix.paper.style import new_figure, save, styled

WINDOW = 0.6
"""Shown is a window of this part of the image's width and height, where the choice of a scale matters most."""

COLOURS = "cividis"
"""Of the weights: dark is little in colour and in grey."""


def read_pictures(path: Path) -> dict[str, np.ndarray]:
    """The arrays of :class:`tailcutmix.prediction.weights_of_scales.Weighed` by name, weights as uint8, 255 for one."""
    try:
        with np.load(path, allow_pickle=False) as content:
            return {name: content[name] for name in content.files}
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run the workflow again") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not readable ({error}); delete it and run again") from None


@styled
def make(material: Material, stem: Path) -> None:
    """Two rows per image. Above: the image, each scale's own prediction, and the fused one. Below: the truth, the
    weight of each scale in the fusion, and pixels that the fusion has right and scale 1 alone has not, or the reverse.

    Shown is where the choice of a scale matters: a pixel that one scale gets right by itself and another does not.
    """
    if not material.pictures:
        save(words_only("no network of these rows weighs several scales"), stem)
        return
    (file,) = material.pictures
    labels, found = read_labels(material.labels), read_pictures(file.path)
    scales = [f"{scale:g}" for scale in found["scales"]]
    one = scales.index("1")
    count, (height, width) = len(found["images"]), found["truth"].shape[1:]
    cell = 13.0 / (len(scales) + 2)
    figure = new_figure(13.9, count * (2 * cell * height / width + 0.35) + 1.5)
    grid = figure.subplots(2 * count, len(scales) + 2, squeeze=False)
    figure.set_layout_engine("constrained", w_pad=0.02, h_pad=0.02, wspace=0.01, hspace=0.01)
    weights: dict[str, Any] = {"vmin": 0, "vmax": 1, "cmap": COLOURS}
    seen: set[int] = set()
    for place in range(count):
        truth, alone, fused = (found[name][place] for name in ("truth", "alone", "fused"))
        hits = alone == truth
        matters = (truth != IGNORE) & hits.any(0) & ~hits.all(0)
        window = best_window(matters, WINDOW)
        truth, fused, alone = truth[window], fused[window], alone[(slice(None), *window)]
        image, matters = found["images"][place][window], matters[window]
        above, below = grid[2 * place], grid[2 * place + 1]
        above[0].imshow(image)
        below[0].imshow(labels.class_colours[truth], interpolation="nearest")
        for number in range(len(scales)):
            above[1 + number].imshow(labels.class_colours[alone[number]], interpolation="nearest")
            weight = found["weights"][place, number][window] / 255.0
            below[1 + number].imshow(weight, interpolation="nearest", **weights)
            bare(below[1 + number], f"mean {weight.mean():.2f}; where it matters {_mean(weight[matters]):.2f}")
        above[-1].imshow(labels.class_colours[fused], interpolation="nearest")
        known = truth != IGNORE
        right, wrong = (
            known & (good == truth) & (bad != truth) for good, bad in ((fused, alone[one]), (alone[one], fused))
        )
        below[-1].imshow(over_grey(image, right, wrong), interpolation="nearest")
        for axes in (*above, *below):
            bare(axes)
        bare(above[0], short_id(str(found["image_ids"][place])))
        bare(below[-1], f"+{right.sum()} −{wrong.sum()} pixels")
        above[0].set_ylabel("image", fontsize=10)
        below[0].set_ylabel("truth", fontsize=10)
        above[1].set_ylabel("prediction", fontsize=10)
        below[1].set_ylabel("weight", fontsize=10)
        below[-1].set_ylabel("fusion − scale 1", fontsize=10)
        seen |= {int(b) for array in (truth, fused, alone) for b in np.unique(array)}
    for axes, title in zip(grid[0], ["", *(f"scale {scale}" for scale in scales), "all scales"], strict=True):
        axes.set_title(title, loc="center")
    bar: dict[str, Any] = {"location": "bottom", "shrink": 0.5, "aspect": 50, "pad": 0.01}
    words = f"weight of a scale in the fused logits of {file.method.title}"
    figure.colorbar(ScalarMappable(Normalize(0, 1), COLOURS), ax=grid[:, 1:-1], label=words, **bar)
    judged = [
        Patch(color=RIGHT, label="right by the fusion, not at scale 1"),
        Patch(color=WRONG, label="wrong by the fusion, right at scale 1"),
    ]
    handles = [*class_legend(seen, labels), *judged]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(7, len(handles)), columnspacing=1.2)
    save(figure, stem)


def _mean(values: np.ndarray) -> float:
    """The mean, NaN of nothing."""
    return float(values.mean()) if values.size else float("nan")
