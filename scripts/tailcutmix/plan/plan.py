"""The plan: everything that the configuration says about a run, resolved once; Snakemake's rules ask it."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tailcutmix.errors import UserError
from tailcutmix.labels import Label, LabelTable, read_labels
from tailcutmix.plan.files import Files
from tailcutmix.plan.folds import JUDGED, Fold, folds_of
from tailcutmix.plan.layout import SPLITS, splits_of
from tailcutmix.plan.models import Ensemble, Model, read_ensembles, read_models
from tailcutmix.plan.refusals import check_schema
from tailcutmix.plan.settings.data import Dataset
from tailcutmix.plan.settings.jobs import Engine
from tailcutmix.plan.settings.keys import typed
from tailcutmix.plan.settings.results import Evaluation, Selection, Tables
from tailcutmix.plan.settings.tail import Buckets, Regions
from tailcutmix.plan.validation import check_levels, check_paths, check_plan


@dataclass(frozen=True)
class Plan:
    """One run.

    Attributes:
        dataset, buckets, regions, selection, evaluation, tables, engine: the sections of the configuration.
        labels: the label table, with the classes in train id order.
        seeds: of the networks.
        splits: those in which the set has images; without val nothing is chosen, but by folds of train.
        models: the configured models by name, templates of experts among them.
        experts: every expert that there can be, by name: one per template and class.
        ensembles: by name.
    """

    dataset: Dataset
    labels: LabelTable
    seeds: tuple[int, ...]
    buckets: Buckets
    regions: Regions
    models: Mapping[str, Model]
    experts: Mapping[str, Model]
    ensembles: Mapping[str, Ensemble]
    selection: Selection
    evaluation: Evaluation
    tables: Tables
    engine: Engine
    splits: tuple[str, ...] = SPLITS

    @property
    def files(self) -> Files:
        return Files(self.dataset.name)

    @property
    def split(self) -> str:
        """The split that the tables score: as configured, or the other one where the set has no such images."""
        wanted = self.evaluation.split
        return wanted if wanted in self.splits else next(split for split in self.splits if split != "train")

    @property
    def fixed_tail(self) -> tuple[Label, ...] | None:
        """The tail classes that the configuration lists, or None where the statistics and M0 decide."""
        if self.buckets.tail is None:
            return None
        return tuple(self.labels.class_of(name) for name in self.buckets.tail)

    @property
    def rebuckets(self) -> bool:
        """Whether a model's IoU moves classes between middle and tail."""
        return self.buckets.rebucket and self.buckets.tail is None

    @property
    def folds(self) -> tuple[Fold, ...]:
        """The folds of train by which buckets, scales and experts are chosen; none where val decides."""
        return folds_of(self.selection.folds)

    @property
    def evidence(self) -> str:
        """The split by which they are chosen."""
        return "train" if self.folds else "val"

    def judged(self, name: str) -> str:
        """The method whose predictions of that split a choice for a model rests on."""
        return name + JUDGED if self.folds else name

    @property
    def raw(self) -> list[str]:
        """The folder of raw images, where it is a result of the run itself."""
        return [self.files.raw] if self.dataset.source == "toycity" else []

    @property
    def crop(self) -> tuple[int, int]:
        """(height, width) of the canvas that patches are pasted into: the training crop of the first template."""
        named = [*self.templates(), *self.models]
        return self.models[named[0]].recipe.training.crop

    @property
    def submitted(self) -> str:
        """The method whose test predictions are handed in: the last row of Table 1."""
        return self.tables.table1[-1]

    def model(self, name: str) -> Model:
        """A model or an expert by name, or either for the folds; raises UserError for any other word."""
        whole, at, _ = name.partition("@")
        found = self.models.get(whole) or self.experts.get(whole)
        if found is not None and at:
            found = self._for_folds(found).get(name)
        if found is None:
            raise UserError(f"no model is called {name!r}; the models are: {', '.join(self.models)}")
        return found

    def _for_folds(self, model: Model) -> dict[str, Model]:
        """What a model is besides where choices are made by folds, by name."""
        others = [*(model.without(fold) for fold in self.folds), *([model.judged_by(self.folds)] if self.folds else [])]
        return {other.name: other for other in others}

    def to_train(self, name: str, get_tail: Callable[[], Sequence[Label]]) -> Model:
        """A model as it is trained: where its length is that of all experts together, ``get_tail`` is asked.

        Raises:
            UserError: it draws from a level that is not cut.
        """
        check_levels(self, name.partition("@")[0])
        model = self.model(name)
        return model.for_tail(len(get_tail())) if model.recipe.training.expand_by_tail else model

    def templates(self) -> list[str]:
        """The models of which one expert per tail class is trained."""
        used = {ensemble.experts for ensemble in self.ensembles.values()}
        return [name for name in self.models if name in used]

    def experts_of(self, template: str, tail: Sequence[Label]) -> list[str]:
        """The names of a template's experts, in the order of the tail."""
        return [self.experts[f"{template}-{known.slug}"].name for known in tail]

    def method(self, name: str) -> Model | Ensemble:
        """What a row of a table is: a model or an ensemble."""
        return self.ensembles.get(name) or self.model(name)

    def networks_of(self, rows: Sequence[str]) -> list[str]:
        """The trained networks behind the rows of a table, those of a template left out, each once."""
        names = (name for row in rows for name in self.members(row))
        trained = dict.fromkeys(self.model(name).trained for name in names)
        return [name for name in trained if name not in self.templates()]

    def weighing(self, rows: Sequence[str]) -> Model | None:
        """The network behind the rows of a table whose scale attention is shown: M1, where the last row lies over it.

        The last of those that weigh several scales at prediction; None where there is none.
        """
        models = [self.model(name) for name in reversed(self.networks_of(rows))]
        found = (
            model for model in models if model.recipe.network.attention != "none" and len(model.inference.scales) > 1
        )
        return next(found, None)

    def compared(self, rows: Sequence[str]) -> tuple[str, str]:
        """The two rows of a table that pictures compare: the model that moves classes, else the first; and the last."""
        return self.buckets.model if self.buckets.model in rows else rows[0], rows[-1]

    def templates_of(self, rows: Sequence[str]) -> list[str]:
        """The templates whose trained experts stand behind the rows of a table, each once."""
        used = (self.models[self.ensembles[row].experts] for row in rows if row in self.ensembles)
        trained = (self.models[template.trained] for template in used)
        return list(dict.fromkeys(model.name for model in trained if model.name in self.templates()))

    def before(self, name: str) -> list[str]:
        """The models whose weights a model takes or starts from, and whose predictions are its labels.

        A template stands for its experts.
        """
        model = self.model(name)
        if model.weights:
            return [model.weights]
        before = [model.init] if model.init else []
        return before + (self.members(model.labels_from) if model.labels_from else [])

    def members(self, row: str) -> list[str]:
        """A model itself, or the base and the template of an ensemble."""
        ensemble = self.ensembles.get(row)
        return [row] if ensemble is None else [ensemble.base, ensemble.experts]

    def needed(self, rows: Sequence[str]) -> list[str]:
        """The models, and templates, that are trained for these rows, each after those that it needs."""
        found: dict[str, None] = {}

        def add(name: str) -> None:
            for earlier in self.before(name):
                add(earlier)
            if not self.model(name).weights:
                found[name] = None

        for row in rows:
            for name in self.members(row):
                add(name)
        return list(found)

    def folded(self, rows: Sequence[str]) -> list[str]:
        """The networks, and templates, that are also trained without each fold for what is chosen for these rows."""
        if not self.folds:
            return []
        names = [self.buckets.model] if self.rebuckets else []
        labelling = filter(None, (self.model(name).labels_from for name in self.needed(rows)))
        for row in dict.fromkeys([*rows, *labelling]):
            ensemble = self.ensembles.get(row)
            members = [row]
            if ensemble is not None:  # all experts of a template take their scales from one model
                members = [ensemble.base, *self.experts_of(ensemble.experts, self.labels.classes[:1])]
            names += filter(None, (self.model(member).scales_from for member in members))
            names += [ensemble.base, ensemble.experts] if ensemble is not None and ensemble.gate else []
        return list(dict.fromkeys(network for name in names for network in self._way_to(name)))

    def _way_to(self, name: str) -> list[str]:
        """The network behind a model, after those that its training starts from."""
        model = self.model(self.model(name).trained)
        return [*(self._way_to(model.init) if model.init else []), model.name]


def read_plan(config: Mapping[str, Any], folder: str | Path = ".") -> Plan:
    """Check a configuration and resolve it.

    Args:
        config: the configuration, overlays merged in.
        folder: what the path of the label table is relative to.

    Raises:
        UserError: one line that names the key, and what is allowed there.
    """
    check_schema(config)
    dataset = _at_home(typed(Dataset, config["dataset"]))
    check_paths(dataset)
    splits = splits_of(dataset, folder)
    if splits == ("train",):
        raise UserError(
            f"{dataset.root}: no val and no test images, so nothing can be scored; move some of train to val"
        )
    if "val" not in splits and not config.get("selection", {}).get("folds"):
        config = _without_val(config)
    labels = read_labels(Path(folder) / dataset.labels)
    models, experts = read_models(config, labels)
    sections = {
        "buckets": Buckets,
        "regions": Regions,
        "selection": Selection,
        "evaluation": Evaluation,
        "tables": Tables,
        "engine": Engine,
    }
    plan = Plan(
        dataset=dataset,
        labels=labels,
        seeds=tuple(config["seeds"]),
        models=models,
        experts=experts,
        ensembles=read_ensembles(config),
        splits=splits,
        **{name: typed(kind, config.get(name, {})) for name, kind in sections.items()},
    )
    check_plan(plan, config)
    return plan


def _at_home(dataset: Dataset) -> Dataset:
    """The section with ``~`` in its paths written out."""
    paths = {name: os.path.expanduser(getattr(dataset, name)) for name in ("root", "labels", "splits", "unlabelled")}
    return replace(dataset, **paths)


def _without_val(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration that chooses nothing by val: neither buckets nor scales nor experts."""
    fixed = {"inference": {"per_class_scales": False}}
    return {
        **config,
        "buckets": {**config.get("buckets", {}), "rebucket": False},
        "inference": merged(config.get("inference", {}), fixed["inference"]),
        "models": {name: merged(model, fixed) for name, model in config["models"].items()},
        "ensembles": {name: {**ensemble, "gate": False} for name, ensemble in config["ensembles"].items()},
    }


def merged(under: Any, over: Any) -> Any:
    """``over`` laid over ``under``, key by key, as Snakemake lays one configuration over another."""
    if isinstance(under, Mapping) and isinstance(over, Mapping):
        return {**under, **{name: merged(under.get(name), value) for name, value in over.items()}}
    return over
