"""The networks of a run: each model's settings resolved once, and one expert per template and class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tailcutmix.errors import UserError
from tailcutmix.labels import LabelTable
from tailcutmix.plan.folds import JUDGED, Fold
from tailcutmix.plan.settings.jobs import Inference, Resources
from tailcutmix.plan.settings.keys import typed
from tailcutmix.plan.settings.length import exact
from tailcutmix.plan.settings.recipe import Augmentation, Mixing, Network, Recipe, Training
from tailcutmix.plan.settings.tail import Regions
from tailcutmix.plan.settings.unlabelled import SemiSupervised

SECTIONS = ("augmentation", "inference")
"""Sections of the configuration that a model may override key by key."""

LINKS = ("extends", "init", "weights")
"""Keys by which a model names another."""

HEEDED_WITH = {
    "adamw_lr": ("optimizer", "muon"),
    "focal_gamma": ("loss", "focal"),
    "logit_adjustment": ("loss", "logit_adjustment"),
    "ohem_share": ("loss", "ohem"),
    "effective_number_beta": ("class_weights", "effective_number"),
    "rare_class_temperature": ("sampling", "rare_classes"),
    "repeat_threshold": ("sampling", "repeat_factor"),
}
"""Keys of a training that are heeded with one value of another key alone."""

OWN_KEYS = ("title", "short", "weights", "extends")
"""Keys that a model does not pass on to those that extend it."""


@dataclass(frozen=True)
class Model:
    """One network, or the template of the experts.

    Attributes:
        name: as in paths; an expert's is ``<template>-<slug of its class>``; without a fold of train, it ends in
            ``@fold<number>``.
        title, short: what a reader sees, in tables and in narrow places.
        recipe: what defines its training, but for data and seed.
        inference: how it predicts.
        training_job, inference_job: what its jobs ask for.
        init: the model from whose final weights its training starts, or None.
        weights: the model whose weights it uses instead of being trained, or None.
        labels_from: the ensemble or model whose predictions are the labels of its training, or None: the true ones.
        expert_of: slug of an expert's class, else None.
        fold: what of train its training leaves out, or None.
        judges: the networks that predict in its place where choices are made by folds: each fold by that which left it
            out, in the folds' order. None of them elsewhere.
    """

    name: str
    title: str
    short: str
    recipe: Recipe
    inference: Inference
    training_job: Resources
    inference_job: Resources
    init: str | None = None
    weights: str | None = None
    labels_from: str | None = None
    expert_of: str | None = None
    fold: Fold | None = None
    judges: tuple[str, ...] = ()

    def without(self, fold: Fold) -> "Model":
        """The same network trained without a fold, from a start that has not seen it either."""
        init, weights = (name and name + fold.mark for name in (self.init, self.weights))
        return replace(self, name=self.name + fold.mark, init=init, weights=weights, fold=fold)

    def judged_by(self, folds: Sequence[Fold]) -> "Model":
        """The model as it predicts train for a choice; it predicts as the network itself will, with the same scales."""
        judges = tuple(self.trained + fold.mark for fold in folds)
        return replace(self, name=self.name + JUDGED, weights=self.trained, judges=judges)

    def for_tail(self, count: int) -> "Model":
        """The model with ``expand`` as it comes out for so many tail classes."""
        training = self.recipe.training
        if not training.expand_by_tail:
            return self
        training = replace(training, expand=float(exact(training.expand) * count), expand_by_tail=False)
        return replace(self, recipe=replace(self.recipe, training=training))

    @property
    def trained(self) -> str:
        """The model whose training gives this one's weights: itself, mostly."""
        return self.weights or self.name

    @property
    def scales_from(self) -> str | None:
        """The model whose table of per-class scales it predicts with; an expert uses that of the model it starts from.

        None where every class takes all scales.
        """
        if not self.inference.per_class_scales:
            return None
        return self.init if self.expert_of and self.init else self.trained


@dataclass(frozen=True)
class Ensemble:
    """M1's predictions with the experts' classes laid over them [report, section 5].

    Attributes:
        base: the model that is laid over.
        experts: the template of the experts.
        gate: whether only those experts are laid over that raise their class's IoU on val.
        order: slugs of classes in the order in which they are laid, later wins; None: the rarest last.
    """

    name: str
    title: str
    short: str
    base: str
    experts: str
    gate: bool = False
    order: tuple[str, ...] | None = None


def read_models(config: Mapping[str, Any], labels: LabelTable) -> tuple[dict[str, Model], dict[str, Model]]:
    """The configured models by name, and the experts of every template and class by name.

    Args:
        config: a configuration that suits the schema.
        labels: gives the classes of the experts.

    Raises:
        UserError: names the key of a model that refers to none, or goes in a circle.
    """
    regions = typed(Regions, config.get("regions", {}))
    entries = _merged_entries(config)
    templates = {ensemble["experts"] for ensemble in config["ensembles"].values()}
    experts = {}
    for template in (name for name in entries if name in templates):
        shared = {key: value for key, value in entries[template].items() if key not in OWN_KEYS}
        common = _model(template, shared, config, regions)
        of_template = entries[template].get("weights")
        for known in labels.classes:
            name = f"{template}-{known.slug}"
            if name in templates:
                raise UserError(f"config: models.{name} is a template, and the expert of {known.name} too: rename it")
            own = config["models"].get(name, {})
            experts[name] = replace(
                _model(name, _over(shared, own), config, regions) if own else common,
                name=name,
                title=own.get("title", f"{template.upper()} expert {known.name}"),
                short=own.get("short", known.name),
                weights=own.get("weights", f"{of_template}-{known.slug}" if of_template in templates else of_template),
                expert_of=known.slug,
            )
    models = {}
    for name, entry in entries.items():
        if name in experts:
            continue
        of = next((template for template in templates if name.startswith(f"{template}-")), None)
        if of and name not in templates and "extends" not in entry:
            raise UserError(
                f"config: models.{name}: {of} is a template of experts, and no class is called "
                f"{name.removeprefix(f'{of}-')!r}; the classes are: {', '.join(labels.class_names)}"
            )
        models[name] = _model(name, entry, config, regions)
    return models, experts


def short_title(title: str) -> str:
    """A title up to its first comma."""
    return title.partition(",")[0]


def read_ensembles(config: Mapping[str, Any]) -> dict[str, Ensemble]:
    """The ensembles by name."""
    ensembles = {}
    for name, entry in config["ensembles"].items():
        title = entry.get("title", name)
        order = entry.get("order")
        ensembles[name] = Ensemble(
            name=name,
            title=title,
            short=entry.get("short", short_title(title)),
            base=entry["base"],
            experts=entry["experts"],
            gate=entry.get("gate", False),
            order=None if order is None else tuple(order),
        )
    return ensembles


def _merged_entries(config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Every model's keys over those of what it extends; ``training`` and the sections come under all of them."""
    models = config["models"]
    for link in LINKS:
        _check_link(models, link)

    def entry(name: str) -> dict[str, Any]:
        own = models[name]
        if "extends" not in own:
            return dict(own)
        parent = entry(own["extends"])
        return _over({key: value for key, value in parent.items() if key not in OWN_KEYS}, own)

    return {name: entry(name) for name in models}


def _check_link(models: Mapping[str, Any], link: str) -> None:
    """Raise UserError where a model names another that is not there, or itself in the end."""
    for name, model in models.items():
        seen = [name]
        while link in model:
            if model[link] not in models:
                raise UserError(f"config: models.{seen[-1]}.{link} is {model[link]!r}, which is no key of models")
            seen.append(model[link])
            if seen[-1] in seen[:-1]:
                raise UserError(f"config: models.{name}.{link} goes in a circle: {' -> '.join(seen)}")
            model = models[seen[-1]]


def _over(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``over`` laid over ``under``, the sections key by key."""
    sections = {name: under.get(name, {}) | over.get(name, {}) for name in SECTIONS if name in under or name in over}
    return {**under, **over, **sections}


def _model(name: str, entry: Mapping[str, Any], config: Mapping[str, Any], regions: Regions) -> Model:
    keys = {**config["training"], **entry}
    network = typed(Network, keys)
    if network.attention == "none":
        network = replace(network, training_scales=(1.0,))  # nothing learns to weigh scales
    title = entry.get("title", name)
    inference = {**config.get("inference", {}), **entry.get("inference", {})}
    augmentation = {**config.get("augmentation", {}), **entry.get("augmentation", {})}
    return Model(
        name=name,
        title=title,
        short=entry.get("short", short_title(title)),
        recipe=Recipe(
            network=network,
            augmentation=_at_input_scale(typed(Augmentation, augmentation), network.input_scale),
            mixing=_mixing(keys, config.get("mixing", {}), regions),
            training=_training(typed(Training, keys)),
            semi=_semi_supervised(typed(SemiSupervised, keys), entry.get("labels_from")),
        ),
        inference=typed(Inference, inference),
        training_job=typed(Resources, keys),
        inference_job=typed(Resources, inference),
        init=entry.get("init"),
        weights=entry.get("weights"),
        labels_from=entry.get("labels_from"),
    )


def _training(training: Training) -> Training:
    """The training without what its choices do not heed, so that a change there retrains nothing."""
    unheeded = [key for key, (chooser, choice) in HEEDED_WITH.items() if getattr(training, chooser) != choice]
    return replace(training, **{key: getattr(Training, key) for key in unheeded})


def _semi_supervised(semi: SemiSupervised, labels_from: str | None) -> SemiSupervised:
    """The settings without what is not heeded, so that a change there retrains nothing."""
    if labels_from:
        return SemiSupervised(unlabelled=semi.unlabelled, consistency_weight=0.0)
    return semi if semi.taught else SemiSupervised()


def _at_input_scale(augmentation: Augmentation, input_scale: float) -> Augmentation:
    """The random scale, as it is cut out of packed images for a network that sees them resized."""
    low, high = (round(bound * input_scale, 6) for bound in augmentation.scale)
    return replace(augmentation, scale=(low, high))


def _mixing(keys: Mapping[str, Any], options: Mapping[str, Any], regions: Regions) -> Mixing:
    """A model's mixing, its own keys over the section's.

    What does not concern it stays at its default, so that a change there retrains nothing.
    """
    name = keys.get("mixing", "none")
    if name == "none":
        return Mixing()
    levels = tuple(keys.get("levels", regions.levels)) if name in ("levels", "all_levels") else ()
    min_area = regions.min_area if name == "copy_paste" else Mixing.min_area
    return replace(typed(Mixing, {**options, **keys}), name=name, levels=levels, min_area=min_area)
