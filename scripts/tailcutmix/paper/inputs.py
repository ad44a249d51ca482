"""Which files an artefact reads, and whose each of them is, by the plan of the run."""

from collections.abc import Callable, Sequence
from typing import Any

from tailcutmix.labels import Label
from tailcutmix.paper.artefacts import ARTEFACTS, Artefact
from tailcutmix.plan import idle, readings
from tailcutmix.plan.plan import Plan
from tailcutmix.plan.settings.keys import plain
from tailcutmix.plan.settings.recipe import Recipe

Whose = dict[str, Any]
"""Method and seed of a file, or class and level, as plain values: the fields of the material's entries."""

OF_TAIL = ("histories", "boxes", "levels")
"""Groups whose files are known once the tail is."""


def rows_of(plan: Plan, artefact: Artefact) -> tuple[str, ...]:
    """The models and ensembles that an artefact is about, in order."""
    return plan.tables.table1 if artefact.rows == "table1" else plan.tables.ablation


def group_of(
    plan: Plan, artefact: Artefact, group: str, tail: Sequence[Label] = ()
) -> str | list[str] | dict[str, Whose]:
    """The file of a group, or path -> whose it is where the group holds several.

    Args:
        group: a field of :class:`tailcutmix.paper.material.Material`.
        tail: the classes whose experts and subsets are meant.
    """
    files, split, rows = plan.files, plan.split, rows_of(plan, artefact)

    def of_methods(
        path: Callable[[str, int], str], methods: Sequence[str], seeds: Sequence[int] = plan.seeds
    ) -> dict[str, Whose]:
        return {path(name, seed): {"method": name, "seed": seed} for name in methods for seed in seeds}

    if group == "scores":
        return of_methods(lambda name, seed: files.scores(name, seed, split), rows)
    if group == "image_statistics":
        if "pairs" in artefact.settings:  # only these are resampled
            paired = {name for pair in plan.tables.differences if set(pair) <= set(rows) for name in pair}
            rows = tuple(name for name in rows if name in paired)
        return of_methods(lambda name, seed: files.image_statistics(name, seed, split), rows)
    if group == "predictions":
        return of_methods(lambda name, seed: files.predictions(name, seed, split), rows, plan.seeds[:1])
    if group == "compared":
        return of_methods(lambda name, seed: files.predictions(name, seed, split), plan.compared(rows), plan.seeds[:1])
    if group == "laid_over":
        ensembles = [row for row in rows if row in plan.ensembles]
        pair = [plan.ensembles[ensembles[-1]].base, ensembles[-1]] if ensembles else []
        return of_methods(lambda name, seed: files.predictions(name, seed, split), pair, plan.seeds[:1])
    if group in ("objects", "pictures", "scales"):
        weighing = plan.weighing(rows)
        if weighing is None or (group == "scales" and weighing.scales_from is None):
            return []
        if group == "scales":
            source = weighing.scales_from or ""
            return {files.scales(source, seed): {"method": source, "seed": seed} for seed in plan.seeds}
        return of_methods(
            lambda name, seed: files.weights_of_scales(name, seed, split)[group], [weighing.name], plan.seeds[:1]
        )
    if group == "claims":
        ensembles = [row for row in rows if row in plan.ensembles]
        return of_methods(lambda name, seed: files.claims(name, seed, split), ensembles)
    if group == "histories":
        experts = [name for template in plan.templates_of(rows) for name in plan.experts_of(template, tail)]
        return of_methods(files.history, [*plan.networks_of(rows), *experts])
    if group == "boxes":
        return {files.subset(known.slug)["boxes"]: {"class_name": known.name} for known in tail}
    if group == "levels":
        levels = plan.regions.levels
        return {files.level(c.slug, t): {"class_name": c.name, "level": t} for c in tail for t in levels}
    if group == "raw":
        return plan.raw
    if group == "ablation":
        return files.table("ablation")["csv"]
    single = files.packed("train") | {"labels": plan.dataset.labels}
    path: str = single[group] if group in single else getattr(files, group)
    return path


def artefact_inputs(plan: Plan, artefact: Artefact, tail: Sequence[Label] = ()) -> dict[str, str | list[str]]:
    """The files of every group that an artefact reads."""
    groups = {group: group_of(plan, artefact, group, tail) for group in artefact.inputs}
    return {group: list(found) if isinstance(found, dict) else found for group, found in groups.items()}


def artefact_params(plan: Plan, artefact: Artefact) -> dict[str, Any]:
    """What an artefact's material is beside its files, and whose each file of its lists is: see Material and gather.

    Nothing here waits for the tail to be known: files of every class are described, whether or not it is in the tail.
    """
    rows, reference = rows_of(plan, artefact), plan.buckets.model
    groups = [group_of(plan, artefact, group, plan.labels.classes) for group in artefact.inputs]
    holds = {path: whose for group in groups if isinstance(group, dict) for path, whose in group.items()}
    known = {
        "reference": reference,
        "split": plan.split,
        "pairs": [list(pair) for pair in plan.tables.differences],
        "moves": plain(plan.buckets),
        "recipe": plain(_expert_recipe(plan, rows)),
        "readings": (
            readings.sentences(plan) if artefact.rows == "table1" else readings.scored_images_seen(plan, rows)
        ),
        "idle": {"always": idle.idle_rows(plan), "without_tail": idle.rows_of_tail(plan)},
    }
    params = {"module": artefact.module, "holds": holds} | {key: known[key] for key in artefact.settings}
    names = dict.fromkeys(whose["method"] for whose in holds.values() if "method" in whose)
    if names:
        params["rows"] = list(rows)
        names |= dict.fromkeys(rows)
    if "reference" in artefact.settings:
        names[reference] = None
    return params | {"methods": {name: _description(plan, name) for name in names}}


def wanted(plan: Plan, rows: str) -> list[Artefact]:
    """The artefacts of a target, ``table1`` or ``ablation``.

    What shows claims is made where there is an ensemble, what compares pairs where a pair has both its rows, what shows
    moves where classes may move, and what shows scales where a network weighs them.
    """

    def has_its_rows(artefact: Artefact) -> bool:
        named = set(rows_of(plan, artefact))
        ensembles, pairs = named & set(plan.ensembles), [pair for pair in plan.tables.differences if named >= set(pair)]
        reads = {*artefact.inputs, *artefact.settings}
        missing = {
            "claims": not ensembles,
            "laid_over": not ensembles,
            "pairs": not pairs,
            "moves": not plan.rebuckets,
            "objects": plan.weighing(rows_of(plan, artefact)) is None,
            "pictures": plan.weighing(rows_of(plan, artefact)) is None,
        }
        return not any(missing.get(name) for name in reads)

    return [artefact for artefact in ARTEFACTS if artefact.rows == rows and has_its_rows(artefact)]


def artefact_outputs(plan: Plan, artefact: Artefact) -> dict[str, str]:
    """The files of an artefact by suffix."""
    return plan.files.table(artefact.name) if artefact.kind == "table" else plan.files.figure(artefact.name)


def _expert_recipe(plan: Plan, rows: tuple[str, ...]) -> Recipe:
    """The recipe of the experts behind these rows; without any, that of other experts, or else of a model."""
    names = [*plan.templates_of(rows), *plan.templates(), *plan.models]
    return plan.model(names[0]).recipe


def _description(plan: Plan, name: str) -> list[str | None]:
    """Title, short title and class of an expert (or None) of a method."""
    method = plan.method(name)
    expert_of = None if name in plan.ensembles else plan.model(name).expert_of
    return [method.title, method.short, expert_of and plan.labels.class_of(expert_of).name]
