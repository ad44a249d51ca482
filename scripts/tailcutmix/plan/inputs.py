"""What each job reads, by the names under which its script finds it."""

from collections.abc import Sequence

from tailcutmix.labels import Label
from tailcutmix.plan.models import Model
from tailcutmix.plan.plan import Plan


def packed_inputs(plan: Plan, split: str) -> dict[str, str]:
    """The packed arrays of a split, the manifest that they are checked against, and the label table."""
    return plan.files.packed(split) | {"manifest": plan.files.manifest, "labels": plan.dataset.labels}


def training_inputs(plan: Plan, model: Model, seed: str) -> dict[str, str]:
    """What a network is trained on: the packed images, what its mixing mixes in, and the weights it starts from."""
    files = packed_inputs(plan, "train")
    mixing = model.recipe.mixing.name
    if mixing == "level0":
        files["buckets"] = plan.files.buckets
    if mixing == "levels" and model.expert_of:
        files["boxes"] = plan.files.subset(model.expert_of)["boxes"]
    if model.init:
        files["init"] = plan.files.weights(plan.model(model.init).trained, seed)
    return files


def prediction_inputs(plan: Plan, model: Model, seed: str, split: str) -> dict[str, str]:
    """What a network predicts from: its weights, and for each class the scales chosen on val where it has them."""
    files = packed_inputs(plan, split) | {"model": plan.files.weights(model.trained, seed)}
    if model.scales_from:
        files["scales"] = plan.files.scales(model.scales_from, seed)
    return files


def ensemble_inputs(plan: Plan, name: str, seed: str, split: str, tail: Sequence[Label]) -> dict[str, str | list[str]]:
    """The predictions of the base and of the expert of each tail class, in the order of the tail."""
    ensemble = plan.ensembles[name]
    experts = plan.experts_of(ensemble.experts, tail)
    return {
        "base": plan.files.predictions(ensemble.base, seed, split),
        "experts": [plan.files.predictions(expert, seed, split) for expert in experts],
    }
