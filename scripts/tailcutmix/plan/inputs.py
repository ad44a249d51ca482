"""What each job reads, by the names under which its script finds it."""

from collections.abc import Callable, Sequence

from tailcutmix.labels import Label
from tailcutmix.plan.models import Model
from tailcutmix.plan.plan import Plan


def packed_inputs(plan: Plan, split: str) -> dict[str, str]:
    """The packed arrays of a split, the manifest that they are checked against, and the label table."""
    return plan.files.packed(split) | {"manifest": plan.files.manifest, "labels": plan.dataset.labels}


def training_inputs(
    plan: Plan, model: Model, seed: str, get_tail: Callable[[], Sequence[Label]]
) -> dict[str, str | list[str]]:
    """What a network is trained on: the packed images, what its mixing mixes in, and the weights it starts from.

    An expert mixes in its own class, any other network those of the tail, for which ``get_tail`` is asked.
    """
    files: dict[str, str | list[str]] = {**packed_inputs(plan, "train")}
    mixing, expert_of = model.recipe.mixing.name, model.expert_of
    if model.recipe.training.expand_by_tail:
        get_tail()  # the job's length depends on it, so the job waits for it
    if mixing in ("level0", "all_levels", "copy_paste") and not expert_of:
        files["buckets"] = plan.files.buckets
    if mixing == "copy_paste" and plan.raw:  # it reads the instance maps that the manifest lists
        files["raw"] = plan.raw
    if mixing in ("levels", "all_levels"):
        slugs = [expert_of] if expert_of else [known.slug for known in get_tail()]
        files["boxes"] = [plan.files.subset(slug)["boxes"] for slug in slugs]
    if model.init:
        files["init"] = plan.files.weights(plan.model(model.init).trained, seed)
    return files


def prediction_inputs(plan: Plan, model: Model, seed: str, split: str) -> dict[str, str]:
    """What a network predicts from: its weights, and for each class the scales chosen on val where it has them."""
    files = packed_inputs(plan, split) | {"model": plan.files.weights(model.trained, seed)}
    if model.scales_from:
        files["scales"] = plan.files.scales(model.scales_from, seed)
    if model.expert_of and model.inference.prior_correction:
        files |= {"statistics": plan.files.statistics, "history": plan.files.history(model.trained, seed)}
    return files


def ensemble_inputs(plan: Plan, name: str, seed: str, split: str, tail: Sequence[Label]) -> dict[str, str | list[str]]:
    """The predictions of the base and of the expert of each tail class, in the order of the tail."""
    ensemble = plan.ensembles[name]
    experts = plan.experts_of(ensemble.experts, tail)
    files: dict[str, str | list[str]] = {
        "base": plan.files.predictions(ensemble.base, seed, split),
        "experts": [plan.files.predictions(expert, seed, split) for expert in experts],
    }
    if ensemble.gate:
        files["gate"] = plan.files.gate(name, seed)
    return files


def gate_inputs(plan: Plan, name: str, seed: str, tail: Sequence[Label]) -> dict[str, str | list[str]]:
    """What a gate is chosen by: the predictions on val of the base and of every expert."""
    files = ensemble_inputs(plan, name, seed, "val", tail)
    return {group: files[group] for group in ("base", "experts")}
