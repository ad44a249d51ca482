"""What each job reads, by the names under which its script finds it."""

from collections.abc import Callable, Sequence
from typing import Any

from tailcutmix.errors import UserError
from tailcutmix.labels import Label
from tailcutmix.plan.models import Model
from tailcutmix.plan.plan import Plan


def asked_of_images(plan: Plan) -> dict[str, Any]:
    """What the run asks of the raw images: the fields of :class:`tailcutmix.dataset.check.Wanted`."""
    return {
        "scored": plan.split,
        "judged": plan.evidence if plan.rebuckets else "",
        "size": plan.dataset.size,
        "allow_shared_images": plan.dataset.allow_shared_images,
        "region_source": plan.regions.source,
    }


def packed_inputs(plan: Plan, split: str) -> dict[str, str]:
    """The packed arrays of a split, the manifest that they are checked against, and the label table."""
    return plan.files.packed(split) | {"manifest": plan.files.manifest, "labels": plan.dataset.labels}


def training_inputs(
    plan: Plan, model: Model, seed: str, get_tail: Callable[[], Sequence[Label]]
) -> dict[str, str | list[str]]:
    """What a network is trained on: the packed images, what its mixing mixes in, and the weights it starts from.

    Unlabelled images come in lists, one entry per split; predictions that are its labels are those of train first.

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
    others = model.recipe.semi.beside_train
    for name in plan.files.packed("train") if others else ():
        files[f"unlabelled_{name}"] = [plan.files.packed(split)[name] for split in others]
    if model.labels_from:
        splits = ("train", *others)
        files["predictions"] = [plan.files.predictions(model.labels_from, seed, split) for split in splits]
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


def predict_inputs(plan: Plan, model: Model, seed: str, split: str) -> dict[str, str | list[str]]:
    """The same with the files of each network: of one, or of those that judge the folds of train.

    Raises:
        UserError: those are asked for another split.
    """
    if model.judges and split != "train":
        raise UserError(f"{model.name} predicts train, each image by the network that has not seen it; not {split}")
    files: dict[str, str | list[str]] = {**prediction_inputs(plan, model, seed, split)}
    for name, path in (("model", plan.files.weights), ("history", plan.files.history)):
        if name in files:
            files[name] = [path(network, seed) for network in model.judges or (model.trained,)]
    return files


def scales_inputs(plan: Plan, model: Model, seed: str) -> dict[str, str | list[str]]:
    """What the scales of a model's classes are chosen by: its network and val, or those of the folds and train."""
    judges = model.judged_by(plan.folds).judges or (model.trained,)
    return packed_inputs(plan, plan.evidence) | {"model": [plan.files.weights(name, seed) for name in judges]}


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
    """What a gate is chosen by: the predictions of the base and of every expert, on val or by folds of train."""
    ensemble = plan.ensembles[name]
    base, *experts = (
        plan.files.predictions(plan.judged(method), seed, plan.evidence)
        for method in (ensemble.base, *plan.experts_of(ensemble.experts, tail))
    )
    return {"base": base, "experts": experts}


def rebucket_inputs(plan: Plan) -> dict[str, list[str]]:
    """What classes are moved by: the predictions of M0 for each seed, on val or by folds of train."""
    seeds, model = plan.seeds if plan.rebuckets else (), plan.judged(plan.buckets.model)
    return {"predictions": [plan.files.predictions(model, seed, plan.evidence) for seed in seeds]}
