"""A trained method as one thing that predicts: its networks, their weights and scales, and the order of its experts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import torch
import yaml

from tailcutmix.dataset.manifest import read_manifest
from tailcutmix.errors import UserError
from tailcutmix.labels import Label, LabelTable
from tailcutmix.models.build import load_model
from tailcutmix.plan import inputs
from tailcutmix.plan.models import Ensemble, Model
from tailcutmix.plan.plan import Plan, merged, read_plan
from tailcutmix.plan.settings.jobs import Inference
from tailcutmix.plan.settings.recipe import Network
from tailcutmix.prediction.ensemble import ensemble_order
from tailcutmix.prediction.gate import read_gate
from tailcutmix.prediction.inference import Predictor, build_predictor
from tailcutmix.prediction.prior import prior_shift
from tailcutmix.prediction.scales import read_scales
from tailcutmix.tail.bucket_table import read_listed_tail, read_tail


@dataclass(frozen=True)
class Part:
    """One network.

    Attributes:
        name: as in paths.
        network, inference: what it is built from, and how it predicts.
        weights: safetensors.
        scales: the table of the scales of each class, or None where every class takes all scales.
        expert_of: the class of an expert, else None.
        shift: added to an expert's logits of its class.
    """

    name: str
    network: Network
    inference: Inference
    weights: Path
    scales: Path | None = None
    expert_of: Label | None = None
    shift: float = 0.0

    def predictor(self, labels: LabelTable, device: torch.device | str) -> Predictor:
        """The network with its weights on a device; raises UserError where a file is missing, damaged or another's."""
        model = load_model(self.network, labels.num_classes, self.weights, device)
        chosen = read_scales(self.scales, labels) if self.scales else None
        return build_predictor(self.network, self.inference, model, device, chosen, self.expert_of, self.shift)


@dataclass(frozen=True)
class Trained:
    """A model, or an ensemble.

    Attributes:
        name, title: of the method.
        labels: the label table.
        size: (height, width) of the images that it was trained on.
        base: the network whose labels are laid over, or the only one.
        experts: in the order in which their classes are laid over the base's labels; later wins.
    """

    name: str
    title: str
    labels: LabelTable
    size: tuple[int, int]
    base: Part
    experts: tuple[Part, ...] = ()

    @property
    def parts(self) -> tuple[Part, ...]:
        return (self.base, *self.experts)


@dataclass(frozen=True)
class Run:
    """A finished run: the folder of its workflow, its configuration with overlays merged in, and its plan."""

    root: Path
    config: Mapping[str, Any]
    plan: Plan


def open_run(results: str | Path, overlays: Sequence[str | Path] = ()) -> Run:
    """A run by its folder ``<workflow>/results/<name>``.

    Args:
        results: the folder.
        overlays: the configuration files that were laid over ``config/config.yaml`` for this run.

    Raises:
        UserError: no such run, or a configuration of another one.
    """
    folder = Path(results).resolve()
    root = folder.parent.parent
    main = root / "config/config.yaml"
    for path in (folder, main, *map(Path, overlays)):
        if not path.exists():
            raise UserError(f"{path}: not there; RUN is results/<name> in the folder of the workflow")
    try:
        config = reduce(merged, [yaml.safe_load(Path(path).read_text()) for path in (main, *overlays)])
    except yaml.YAMLError as error:
        raise UserError(f"{' '.join(str(error).split())}: not a readable configuration") from None
    plan = read_plan(config, root)
    if plan.dataset.name != folder.name:
        raise UserError(f"{results}: the configuration is that of {plan.dataset.name}; give the one that this run had "
                        "(CONFIG=..., --config)")  # fmt: skip
    return Run(root, config, plan)


def trained_of(run: Run, name: str | None = None, seed: int | None = None) -> Trained:
    """A method of a finished run.

    Args:
        run: see :func:`open_run`.
        name: a model, an expert or an ensemble; None: the last row of Table 1.
        seed: None: the first.

    Raises:
        UserError: an unknown method or seed, or one that is not trained.
    """
    plan, root = run.plan, run.root
    seed = plan.seeds[0] if seed is None else seed
    if seed not in plan.seeds:
        raise UserError(f"seed {seed} is none of this run's: {', '.join(map(str, plan.seeds))}")
    method = plan.method(name or plan.submitted)
    rows = read_manifest(root / plan.files.manifest)
    size = plan.dataset.size or (int(rows.height.iloc[0]), int(rows.width.iloc[0]))
    if isinstance(method, Model):
        return Trained(method.name, method.title, plan.labels, size, _part(run, method, seed))
    base = _part(run, plan.model(method.base), seed)
    experts = tuple(_part(run, plan.model(expert), seed) for expert in _experts(run, method, seed))
    return Trained(method.name, method.title, plan.labels, size, base, experts)


def _experts(run: Run, method: Ensemble, seed: int) -> list[str]:
    """The names of an ensemble's experts in the order in which they are laid, as the rule ensemble takes them."""
    plan, buckets = run.plan, run.root / run.plan.files.buckets
    used = set(read_listed_tail(buckets, plan.labels, plan.buckets.tail))
    if method.gate:
        used = read_gate(run.root / plan.files.gate(method.name, seed), used)
    laid = [known for known in ensemble_order(read_tail(buckets, plan.labels), method.order) if known in used]
    return plan.experts_of(method.experts, laid)


def _part(run: Run, model: Model, seed: int) -> Part:
    found = inputs.prediction_inputs(run.plan, model, str(seed), run.plan.split)
    files = {name: run.root / found[name] for name in ("model", "scales", "history", "statistics") if name in found}
    known = run.plan.labels.class_of(model.expert_of) if model.expert_of else None
    for path in files.values():
        if not path.is_file():
            raise UserError(f"{path}: not there; train {model.name} first")
    shift = prior_shift(files["history"], files["statistics"], known) if known and "history" in files else 0.0
    return Part(model.name, model.recipe.network, model.inference, files["model"], files.get("scales"), known, shift)
