"""From a model's settings and the scales chosen for each class to the :class:`Predictor` that runs it."""

from collections.abc import Mapping
from pathlib import Path

import torch

from tailcutmix.labels import LabelTable
from tailcutmix.models.build import load_model
from tailcutmix.prediction.inference import Predictor
from tailcutmix.prediction.scales import FULL, TRAINING, read_scales, scales_of_class


def build_predictor(
    settings: Mapping,
    labels: LabelTable,
    weights: str | Path,
    device: torch.device | str,
    chosen: str | Path | None = None,
    expert_of: str | None = None,
) -> Predictor:
    """Load a trained model with the scales that it predicts with [report, section 4].

    Args:
        settings: the model's settings, with ``scales``, ``flip``, ``training_scales`` and perhaps ``input_scale``.
        labels: the label table.
        weights: safetensors file.
        device: where to compute.
        chosen: table of per-class scales, or None: the full set for all classes.
        expert_of: the class of an expert, which runs at its class's scales; None: each class's channel comes from its
            set.
    """
    model = load_model(settings, labels.num_classes, weights, device)
    scales = {TRAINING: settings["training_scales"], FULL: settings["scales"]}
    set_of_class = read_scales(chosen, labels) if chosen else None
    if set_of_class is None:
        scales = settings["scales"]
    elif expert_of is not None:
        scales, set_of_class = scales[scales_of_class(expert_of, set_of_class, labels)], None
    return Predictor(model, scales, set_of_class, settings["flip"], device, settings.get("input_scale", 1.0))
