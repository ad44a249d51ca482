"""What each expert added to M1 in the ensemble, right and wrong, as bars."""

from pathlib import Path

import numpy as np

from tailcutmix.paper.material import Material
from tailcutmix.paper.style import new_figure, save, styled
from tailcutmix.paper.tables.claims import claims

RIGHT, WRONG = "#0072B2", "#E69F00"


@styled
def make(material: Material, stem: Path) -> None:
    """Two bars per expert, to the right the pixels that it added rightly, to the left those wrongly (hatched).

    One panel per ensemble, its experts in the order in which their classes are laid; the number behind the name is the
    right share of what an expert added. Pixels are means over the seeds.
    """
    frame = claims(material.claims).dropna(subset=["true_positives_added"])
    titles = {file.method.name: file.method.title for file in material.claims}
    ensembles = list(dict.fromkeys(frame["ensemble"]))
    if not ensembles:
        figure = new_figure(4.4, 0.5)
        figure.text(0.5, 0.5, "no expert added a pixel that can be judged", ha="center")
        save(figure, stem)
        return
    count = int(frame["ensemble"].value_counts().max())
    figure = new_figure(7.0 * len(ensembles), 0.36 * count + 1.6)
    for axes, ensemble in zip(figure.subplots(1, len(ensembles), squeeze=False)[0], ensembles, strict=True):
        rows = frame[frame["ensemble"] == ensemble]
        places = np.arange(len(rows))
        right, wrong = (rows[f"{kind}_positives_added"].to_numpy(float) for kind in ("true", "false"))
        axes.barh(places, right, height=0.7, color=RIGHT, label="right")
        axes.barh(places, -wrong, height=0.7, color=WRONG, hatch="///", edgecolor="white", linewidth=0, label="wrong")
        axes.axvline(0, color="#444444", linewidth=1)
        precision = ["" if np.isnan(value) else f" ({value:.0%})" for value in rows["precision"]]
        axes.set_yticks(places, [f"{name}{share}" for name, share in zip(rows["class"], precision, strict=True)])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.xaxis.set_major_formatter(lambda value, _: f"{abs(value):,.0f}".replace(",", " "))
        axes.xaxis.get_major_locator().set_params(nbins=6)
        axes.grid(axis="x")
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(f"pixels of {material.split} added to M1; in brackets the right share")
        axes.set_title(titles[ensemble], pad=24)
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1.0), ncols=2, borderaxespad=0.2)
    save(figure, stem)
