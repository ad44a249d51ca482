"""Every table and figure that the workflow makes, one entry each.

Snakemake makes a rule out of each entry. A new one is an entry here; a module that bears its name, whose function
``make(material, stem)`` writes ``<stem>.csv``, ``.md``, ``.tex`` and ``.html``, or ``<stem>.png`` and ``.pdf``; and its
caption ``workflow/report/<name>.rst``. Snakemake reads this list at every start, so the module imports no other.
"""

from dataclasses import dataclass
from typing import Literal

FORMATS = {"table": ("csv", "md", "tex", "html"), "figure": ("png", "pdf")}
"""The suffixes of an artefact's files."""


@dataclass(frozen=True)
class Artefact:
    """A table ``results/<data set>/tables/<name>.*`` or a figure ``results/<data set>/figures/<name>.*``.

    Attributes:
        name: of the files, of the module and of the caption.
        kind: "table" or "figure".
        title, category: under which the report shows it.
        inputs: the files that it reads, by the names that they have in :class:`~tailcutmix.paper.material.Material`.
        settings: what else it reads there: of "reference", "pairs", "split", "moves", "recipe", "readings" and "idle".
        rows: which methods it is about: those of ``tables.table1`` in the configuration, or of ``tables.ablation``.
            The first are made by the target ``all``, the second by the target ``ablation``.
        environment: in which its rule runs, ``envs/<environment>.yaml``.
    """

    name: str
    kind: Literal["table", "figure"]
    title: str
    category: str
    inputs: tuple[str, ...]
    settings: tuple[str, ...] = ()
    rows: Literal["table1", "ablation"] = "table1"
    environment: Literal["images", "torch"] = "images"

    @property
    def module(self) -> str:
        """The module with the function ``make``."""
        return f"tailcutmix.paper.{self.kind}s.{self.name}"

    @property
    def shown(self) -> str:
        """The suffix of the file that the report shows."""
        return "html" if self.kind == "table" else "png"

    @property
    def rule(self) -> str:
        """The name of its rule."""
        return f"make_{self.name}" if self.kind == "table" else f"draw_{self.name}"


ARTEFACTS = (
    Artefact(
        name="table1",
        kind="table",
        title="Table 1",
        category="Tables",
        inputs=("scores", "image_statistics", "buckets"),
        settings=("readings", "idle"),
    ),
    Artefact(
        name="differences",
        kind="table",
        title="Differences between methods",
        category="Tables",
        inputs=("scores", "image_statistics", "buckets"),
        settings=("pairs",),
    ),
    Artefact(
        name="per_class",
        kind="table",
        title="Scores of each class",
        category="Tables",
        inputs=("scores", "image_statistics", "buckets", "statistics"),
        settings=("reference",),
    ),
    Artefact(
        name="claims",
        kind="table",
        title="What each expert added",
        category="Tables",
        inputs=("claims",),
        settings=("split",),
    ),
    Artefact(
        name="claims",
        kind="figure",
        title="What each expert added, figure",
        category="Figures",
        inputs=("claims",),
        settings=("split",),
    ),
    Artefact(
        name="fig1_level_crops",
        kind="figure",
        title="Fig. 1, crops at three levels",
        category="Figures",
        inputs=("levels", "boxes", "buckets", "manifest", "raw", "labels"),
    ),
    Artefact(
        name="fig2_cutmix",
        kind="figure",
        title="Fig. 2, multi-level cutmix",
        category="Figures",
        inputs=("boxes", "images", "truth", "index", "manifest", "labels"),
        settings=("recipe",),
        environment="torch",
    ),
    Artefact(
        name="scale_attention",
        kind="figure",
        title="Scale attention",
        category="Figures",
        inputs=("pictures", "labels"),
    ),
    Artefact(
        name="scales_by_class",
        kind="figure",
        title="Scales by class and by size",
        category="Figures",
        inputs=("objects", "scales", "buckets"),
        settings=("split",),
    ),
    Artefact(
        name="bucket_moves",
        kind="figure",
        title="Classes between the buckets",
        category="Figures",
        inputs=("initial_buckets", "buckets"),
        settings=("reference", "moves"),
    ),
    Artefact(
        name="label_distribution",
        kind="figure",
        title="The long tail of labels",
        category="Figures",
        inputs=("statistics", "initial_buckets", "buckets"),
        settings=("reference",),
    ),
    Artefact("training", "figure", "Training losses", "Training", inputs=("histories",)),
    Artefact(
        name="mixing",
        kind="figure",
        title="What was mixed in",
        category="Training",
        inputs=("histories", "statistics", "buckets"),
    ),
    Artefact(
        name="per_class_iou",
        kind="figure",
        title="IoU of each class",
        category="Figures",
        inputs=("scores", "buckets", "statistics"),
    ),
    Artefact(
        name="qualitative",
        kind="figure",
        title="Predictions",
        category="Figures",
        inputs=("predictions", "buckets", "manifest", "raw", "labels"),
        settings=("reference", "split"),
    ),
    Artefact(
        name="claims_in_pictures",
        kind="figure",
        title="What experts added, in pictures",
        category="Figures",
        inputs=("laid_over", "buckets", "manifest", "raw", "labels"),
        settings=("split",),
    ),
    Artefact(
        name="confusions",
        kind="figure",
        title="Confusions of the tail",
        category="Figures",
        inputs=("compared", "buckets", "manifest", "raw", "labels"),
        settings=("split",),
    ),
    Artefact(
        name="ablation",
        kind="table",
        title="Ablation, table",
        category="Ablation",
        inputs=("scores", "image_statistics", "buckets"),
        settings=("readings",),
        rows="ablation",
    ),
    Artefact(
        name="ablation_differences",
        kind="table",
        title="Ablation, differences",
        category="Ablation",
        inputs=("scores", "image_statistics", "buckets"),
        settings=("pairs",),
        rows="ablation",
    ),
    Artefact(
        name="ablation",
        kind="figure",
        title="Ablation, figure",
        category="Ablation",
        inputs=("ablation",),
        settings=("reference",),
        rows="ablation",
    ),
)
