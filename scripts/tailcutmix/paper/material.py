"""What a table or figure is made of: the methods that it shows, and files of which each says whose it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NOT_AN_INPUT = Path("not an input of this artefact")
"""Stands for a file that an artefact's entry does not list: opening it fails, and says so."""


@dataclass(frozen=True)
class Method:
    """A model or an ensemble: a row of a table, or a network behind one.

    Attributes:
        name: as in paths.
        title: what a reader sees.
        short: the same in narrow places.
        expert_of: the class whose expert it is, else None.
    """

    name: str
    title: str
    short: str
    expert_of: str | None = None


@dataclass(frozen=True)
class MethodFile:
    """A file, or a folder of predictions, of one method and seed."""

    path: Path
    method: Method
    seed: int


@dataclass(frozen=True)
class ClassFile:
    """The table of boxes, or a folder of crops at one level, of the subset B1 of a tail class.

    Attributes:
        level: that of the crops; 0 for the table, which holds every level.
    """

    path: Path
    class_name: str
    level: int = 0


@dataclass(frozen=True)
class Material:
    """What one artefact is made of; it holds what the entry in :mod:`tailcutmix.paper.artefacts` lists, no more.

    Attributes:
        methods: the rows of the table that the artefact is about, in their order.
        reference: M0, the method that gains are compared with; its IoU on val moved classes between the buckets.
        pairs: (first, second) names of methods whose difference second - first is asked for.
        split: the split that is scored.
        moves: how classes move between buckets, as plain values.
        recipe: what defines the training of an expert, as plain values.
        readings: sentences about how the run reads the report.
        idle: ``always``: row -> why its method does nothing; ``without_tail``: rows that do nothing without a tail.

        scores: ``metrics/<method>/seed<k>/<split>.json`` of every row and seed.
        image_statistics: the ``.npz`` of the same methods and seeds, one row per image.
        claims: ``<ensemble>/seed<k>/<split>_claims.csv`` of the ensembles among the rows.
        histories: ``history.csv`` of every network behind the rows, experts among them.
        predictions: folder of ``<image_id>.png`` (label ids) of every row, for the first seed.
        compared: the same of M0 (the first row where that is none of them) and of the last row.
        laid_over: the same of the last ensemble among the rows, behind that of the network it is laid over.
        objects, pictures: what ``scales/`` holds of the last network that weighs its scales, for the first seed.
        scales: its table of the scales chosen for each class, for every seed.
        boxes: ``subsets/<class>/boxes.csv`` of every tail class, the most frequent first.
        levels: ``subsets/<class>/level<t>`` of every tail class and level.

        buckets, initial_buckets: ``buckets/final.csv`` and ``buckets/initial.csv``.
        statistics: ``stats/labels.csv``.
        manifest: ``manifest.csv``.
        raw: the folder of the raw images that it names, where they are a result of the run: a generated set's.
        labels: the label table.
        images, truth, index: the packed arrays of the train split, and the index of what they hold.
        ablation: ``tables/ablation.csv``.
    """

    methods: tuple[Method, ...] = ()
    reference: Method = Method("", "", "")
    pairs: tuple[tuple[str, str], ...] = ()
    split: str = ""
    moves: Mapping[str, Any] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    readings: tuple[str, ...] = ()
    idle: Mapping[str, Any] = field(default_factory=dict)

    scores: tuple[MethodFile, ...] = ()
    image_statistics: tuple[MethodFile, ...] = ()
    claims: tuple[MethodFile, ...] = ()
    histories: tuple[MethodFile, ...] = ()
    predictions: tuple[MethodFile, ...] = ()
    compared: tuple[MethodFile, ...] = ()
    laid_over: tuple[MethodFile, ...] = ()
    objects: tuple[MethodFile, ...] = ()
    pictures: tuple[MethodFile, ...] = ()
    scales: tuple[MethodFile, ...] = ()
    boxes: tuple[ClassFile, ...] = ()
    levels: tuple[ClassFile, ...] = ()

    buckets: Path = NOT_AN_INPUT
    initial_buckets: Path = NOT_AN_INPUT
    statistics: Path = NOT_AN_INPUT
    manifest: Path = NOT_AN_INPUT
    raw: tuple[Path, ...] = ()
    labels: Path = NOT_AN_INPUT
    images: Path = NOT_AN_INPUT
    truth: Path = NOT_AN_INPUT
    index: Path = NOT_AN_INPUT
    ablation: Path = NOT_AN_INPUT


def gather(inputs: Mapping[str, str | Sequence[str]], params: Mapping[str, Any]) -> Material:
    """The material of an artefact out of the inputs and params of its rule.

    Args:
        inputs: group -> a path, or a list of paths.
        params: may hold ``methods`` (name -> title, short, expert_of), ``rows`` and ``reference`` (names of methods),
            ``pairs``, ``split``, ``moves``, ``recipe``, ``readings``, ``idle``, and ``holds``, which says of every path
            of a list whose it is: {"method", "seed"} or {"class_name", "level"}.
    """
    methods = {name: Method(name, *entry) for name, entry in params.get("methods", {}).items()}

    def described(path: str) -> Path | MethodFile | ClassFile:
        whose = params["holds"].get(path)
        if whose is None:
            return Path(path)
        if "method" in whose:
            return MethodFile(Path(path), methods[whose["method"]], whose["seed"])
        return ClassFile(Path(path), **whose)

    content: dict[str, Any] = {
        group: Path(paths) if isinstance(paths, str) else tuple(described(path) for path in paths)
        for group, paths in inputs.items()
    }
    content["methods"] = tuple(methods[name] for name in params.get("rows", ()))
    content["pairs"] = tuple((first, second) for first, second in params.get("pairs", ()))
    content["split"] = params.get("split", "")
    content["moves"] = params.get("moves", {})
    content["recipe"] = params.get("recipe", {})
    content["idle"] = params.get("idle", {})
    content["readings"] = tuple(params.get("readings", ()))
    if "reference" in params:
        content["reference"] = methods[params["reference"]]
    return Material(**content)


def short_names(methods: Sequence[Method]) -> dict[str, str]:
    """Name of each method -> its short name, or its title where the short names do not tell the methods apart."""
    distinct = len({method.short for method in methods}) == len(methods)
    return {method.name: method.short if distinct else method.title for method in methods}
