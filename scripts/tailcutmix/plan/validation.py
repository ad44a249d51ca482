"""What a configuration must be beyond what the schema can say: the keys must fit each other."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tailcutmix.errors import UserError
from tailcutmix.plan.architectures import traits_of
from tailcutmix.plan.folds import check_folds
from tailcutmix.plan.models import SECTIONS, Model
from tailcutmix.plan.settings.data import Dataset

if TYPE_CHECKING:
    from tailcutmix.plan.plan import Plan


LEAST_SCALE = 0.05
"""Of prediction: a twentieth of an image's sides."""

OF_ONE_CLASS = ("level0", "levels", "all_levels")
"""Mixings that give an expert its class alone."""

OF_TRUE_LABELS = ("levels", "all_levels", "copy_paste")
"""Mixings of regions and objects, which are found in the true labels of the train images."""

OF_TAIL = ("level0", *OF_TRUE_LABELS)
"""Mixings of the tail classes."""


def check_plan(plan: "Plan", config: Mapping[str, Any]) -> None:
    """Raise a UserError for the first key that does not fit the others; ``config`` tells where it was set."""
    _check_ensembles(plan)
    _check_tables(plan)
    _check_tail(plan)
    for name, model in [*plan.models.items(), *plan.experts.items()]:
        template = name.removesuffix(f"-{model.expert_of}") if model.expert_of else None
        origin = Origin(config, name, template)
        _check_network(origin, model)
        _check_training(origin, model)
        _check_mixing(origin, model, plan.regions.levels)
        _check_unlabelled(plan, origin, model)
    _check_circles(plan)
    _check_reference(plan)
    _check_weights(plan, config)
    _check_selection(plan)


def check_levels(plan: "Plan", name: str) -> None:
    """Raise a UserError where a model draws from a level that is not cut."""
    known, levels = plan.regions.levels, plan.model(name).recipe.mixing.levels
    if not set(levels) <= set(known):
        raise UserError(f"config: models.{name}.levels is {list(levels)}; regions.levels holds {list(known)} only")


@contextmanager
def naming(key: str) -> Iterator[None]:
    """Put the key before the words of a UserError."""
    try:
        yield
    except UserError as error:
        raise UserError(f"config: {key}: {error}") from None


def _check_ensembles(plan: "Plan") -> None:
    for name, ensemble in plan.ensembles.items():
        for key in ("base", "experts"):
            if getattr(ensemble, key) not in plan.models:
                raise UserError(
                    f"config: ensembles.{name}.{key} is {getattr(ensemble, key)!r}, which is no key of models"
                )
        if name in plan.models:
            raise UserError(f"config: {name!r} names both a model and an ensemble")
        for known in ensemble.order or ():
            with naming(f"ensembles.{name}.order"):
                plan.labels.class_of(known)
    for name in plan.templates():
        model = plan.models[name]
        if model.weights is None and model.recipe.mixing.name not in OF_ONE_CLASS:
            raise UserError(
                f"config: models.{name}.mixing is {model.recipe.mixing.name!r}, so its experts would not differ; "
                f"it must be one of: {', '.join(OF_ONE_CLASS)}; or let weights name the one network to use for all"
            )


def _check_tables(plan: "Plan") -> None:
    for table, rows in (("table1", plan.tables.table1), ("ablation", plan.tables.ablation)):
        for row in rows:
            if row not in plan.models and row not in plan.ensembles:
                raise UserError(f"config: tables.{table} names {row!r}, which is neither a model nor an ensemble")
            if row in plan.templates():
                raise UserError(
                    f"config: tables.{table} names {row!r}, which is a template of experts; name the ensemble"
                )
    for name in (name for pair in plan.tables.differences for name in pair):
        if name not in plan.models and name not in plan.ensembles:
            raise UserError(f"config: tables.differences names {name!r}, which is neither a model nor an ensemble")
    for template in plan.templates_of(plan.tables.table1):  # arms of the ablation are checked when they are asked for
        check_levels(plan, template)


def _check_tail(plan: "Plan") -> None:
    cuts, classes = plan.buckets.cuts, plan.labels.num_classes
    if cuts is not None and sum(cuts) > classes:
        raise UserError(f"config: buckets.cuts is {list(cuts)}, together {sum(cuts)}, but there are {classes} classes")
    if plan.rebuckets and plan.buckets.model not in plan.models:
        raise UserError(f"config: buckets.model is {plan.buckets.model!r}, which is no key of models")
    with naming("buckets.tail"):
        _ = plan.fixed_tail
    twice = [known.name for known, count in Counter(plan.fixed_tail or ()).items() if count > 1]
    if twice:
        raise UserError(f"config: buckets.tail names {twice[0]} twice, as name and as slug; delete one of them")


def _check_selection(plan: "Plan") -> None:
    folds = plan.selection.folds
    if folds == 1:
        raise UserError("config: selection.folds is 1; it must be 0, or 2 or more: one fold leaves nothing to train on")
    if folds and not plan.folded(plan.tables.table1 + plan.tables.ablation):
        raise UserError(
            f"config: selection.folds is {folds}, but nothing is chosen: no row has per_class_scales or gate, and no "
            "class moves between buckets; set it to 0"
        )
    for name in plan.folded(plan.tables.table1 + plan.tables.ablation):
        if plan.model(name).labels_from:
            raise UserError(
                f"config: models.{name}.labels_from: with selection.folds, what is chosen for {name} needs it without "
                "each fold, but those who label its images have seen them all; set inference: {per_class_scales: "
                "false} there, or selection.folds: 0"
            )
    if plan.dataset.source == "toycity":  # images of other sets are counted in the first training
        check_folds(folds, plan.dataset.toycity.train)


@dataclass(frozen=True)
class Origin:
    """Where the settings of one model were written.

    Attributes:
        config: the configuration.
        model: the model's name.
        template: of an expert, else None.
    """

    config: Mapping[str, Any]
    model: str
    template: str | None

    def key(self, *parts: str, section: str = "training") -> str:
        """The dotted key that gave the model a setting, which may be that of a model that it extends.

        Args:
            parts: the setting, below the model: ``("crop",)`` or ``("inference", "scales")``.
            section: what holds a setting that no model says.
        """
        models = self.config["models"]
        for start in filter(None, (self.model, self.template)):
            name: str | None = start
            while name is not None:
                entry = models.get(name, {})
                if _has(entry, parts):
                    return ".".join(("models", name, *parts))
                name = entry.get("extends")
        return ".".join(parts if parts[0] in SECTIONS else (section, *parts))


def _has(entry: Any, parts: Sequence[str]) -> bool:
    for part in parts:
        if not isinstance(entry, Mapping) or part not in entry:
            return False
        entry = entry[part]
    return True


def check_paths(dataset: Dataset) -> None:
    """Raise a UserError for a path that Snakemake would take for a pattern."""
    for name in ("root", "labels", "splits", "unlabelled"):
        path = getattr(dataset, name)
        if re.search(r"[{}]", path):
            raise UserError(f"config: dataset.{name} is {path!r}; a path must not hold braces, rename the folder")


def _check_network(origin: Origin, model: Model) -> None:
    network, training = model.recipe.network, model.recipe.training
    low, high = model.recipe.augmentation.scale
    if low > high:
        raise UserError(
            f"config: {origin.key('augmentation', 'scale')} is [{low}, {high}]; it goes from small to large"
        )
    traits = traits_of(network)
    if network.attention != "none" and not traits.attention:
        raise UserError(
            f"config: {origin.key('attention')} is {network.attention!r}, but architecture "
            f"{network.architecture} of models.{model.name} has no scale attention; set attention: none"
        )
    crop, scales = list(training.crop), list(network.training_scales)
    if 1.0 not in scales:
        raise UserError(f"config: {origin.key('training_scales')} must hold 1.0")
    if any((side * factor) % traits.multiple for side in crop for factor in scales):
        raise UserError(f"config: {origin.key('crop')} is {crop}; both sides must be multiples of {traits.multiple} "
                        f"at every training scale {scales} of models.{model.name}")  # fmt: skip
    if network.attention != "none" and len(scales) < 2:
        raise UserError(
            f"config: {origin.key('training_scales')} is {scales}; scale attention learns from two scales or more; "
            "or set attention: none"
        )
    if traits.misfit(network):
        raise UserError(f"config: {origin.key('width')} is {network.width!r}; {traits.misfit(network)}")
    predicted = model.inference.scales
    key = origin.key("inference", "scales")
    if network.attention != "none" and 1.0 not in predicted:
        raise UserError(f"config: {key} is {list(predicted)}; scale attention needs 1.0 among them")
    if min(predicted) < LEAST_SCALE:
        raise UserError(f"config: {key} is {list(predicted)}; a scale below {LEAST_SCALE} leaves nothing of an image")


def _check_training(origin: Origin, model: Model) -> None:
    network, training = model.recipe.network, model.recipe.training
    if training.compile == "cuda_graphs" and training.accumulate > 1:
        raise UserError(
            f"config: {origin.key('compile')}: cuda_graphs gives wrong gradients with accumulate "
            f"{training.accumulate} (pytorch issue 169545); set compile: true, or accumulate: 1"
        )
    if training.compile == "cuda_graphs" and model.recipe.semi.taught:
        raise UserError(
            f"config: {origin.key('compile')}: cuda_graphs gives wrong gradients with two losses of a step, as "
            f"{origin.key('unlabelled')} has them (pytorch issue 169545); set compile: true"
        )
    if training.loss in ("lovasz", "ohem") and training.class_weights != "none":
        raise UserError(
            f"config: {origin.key('loss')}: {training.loss} takes no class weights; "
            "set class_weights: none, or another loss"
        )
    if training.accumulate > training.batch:
        raise UserError(
            f"config: {origin.key('accumulate')} is {training.accumulate}, but {origin.key('batch')} is "
            f"{training.batch}: a batch is cut into as many parts as it has images at most"
        )
    part = math.ceil(training.batch / training.accumulate)
    alone = part == 1 or training.batch % part == 1
    side, smallest = traits_of(network).multiple, min(network.training_scales)
    if alone and network.stages == 4 and all(length * smallest == side for length in training.crop):
        raise UserError(
            f"config: {origin.key('crop')} is {list(training.crop)}: its last map is one pixel at scale {smallest}, "
            "of which BatchNorm has no variance with one image at a time; use a larger crop, or a larger batch"
        )


def _check_mixing(origin: Origin, model: Model, cut: Sequence[int]) -> None:
    weights, levels = model.recipe.mixing.level_weights, model.recipe.mixing.levels
    if weights is None or not levels:
        return
    key = origin.key("level_weights", section="mixing")
    if unknown := set(weights) - set(cut):
        raise UserError(f"config: {key} names level {min(unknown)}, but regions.levels is {list(cut)}")
    if not any(weights.get(level, 0) > 0 for level in levels):
        raise UserError(f"config: {key} is {dict(weights)}; the weight of a level must be above 0")


def _check_unlabelled(plan: "Plan", origin: Origin, model: Model) -> None:
    key, wanted = origin.key("unlabelled"), model.recipe.semi.unlabelled
    if "unlabelled" in wanted and not plan.dataset.unlabelled:
        raise UserError(f"config: {key} names unlabelled, the folder dataset.unlabelled, which is not set")
    for split in set(wanted) - {"unlabelled", *plan.splits}:
        raise UserError(f"config: {key} names {split}, but the set has no {split} images; take it out")
    if model.labels_from is None or model.weights:
        return
    key = origin.key("labels_from")
    if model.expert_of or model.name in plan.templates():
        raise UserError(f"config: {key}: experts learn their class from the true labels; not for models.{model.name}")
    if model.labels_from not in {*plan.models, *plan.ensembles} - {*plan.templates()}:
        raise UserError(f"config: {key} is {model.labels_from!r}, which is neither an ensemble nor a model of its own")
    if model.recipe.mixing.name in OF_TRUE_LABELS:
        raise UserError(
            f"config: {key}: the mixing {model.recipe.mixing.name} of models.{model.name} takes regions of the true "
            "labels; set mixing: none, or another"
        )


def _check_circles(plan: "Plan") -> None:
    """``init``, ``weights`` and ``labels_from`` together must not lead back to a model itself."""
    ways = [[name] for name in plan.models]
    for way in ways:  # longer ones are added meanwhile
        for following in plan.before(way[-1]):
            if following in way:
                words = "init, weights and labels_from go in a circle"
                raise UserError(f"config: models.{way[0]}: {words}: {' -> '.join([*way, following])}")
            ways.append([*way, following])


def _check_reference(plan: "Plan") -> None:
    """The tail must not be needed to train the model that decides which classes are in it."""
    if not plan.rebuckets:
        return
    for name in plan.needed([plan.buckets.model]):
        recipe = plan.model(name).recipe
        if name in plan.templates() or recipe.mixing.name in OF_TAIL or recipe.training.expand_by_tail:
            raise UserError(
                f"config: buckets.model is {plan.buckets.model!r}, whose IoU moves classes into the tail, but for it "
                f"{name} is trained, which needs the tail; name another model, or list the tail by buckets.tail"
            )


def _check_weights(plan: "Plan", config: Mapping[str, Any]) -> None:
    """A network that starts from another's weights, or uses them, must be built as that one is."""
    for name, model in [*plan.models.items(), *plan.experts.items()]:
        for link in ("init", "weights"):
            source = getattr(model, link)
            if source is None:
                continue
            ours, theirs = (each.recipe.network for each in (model, plan.model(plan.model(source).trained)))
            for key in ("architecture", *traits_of(ours).weights):
                own, other = getattr(ours, key), getattr(theirs, key)
                if own != other and not (key == "attention" and "none" not in (own, other)):
                    template = name.removesuffix(f"-{model.expert_of}") if model.expert_of else None
                    raise UserError(
                        f"config: {Origin(config, name, template).key(key)} is {own!r}, but models.{name}.{link} is "
                        f"{source}, whose {key} is {other!r}; weights fit a network of the same {key}"
                    )
