"""What a job costs, from the settings of its network and the size of its data: upper bounds, without torch."""

import ast
import math
from pathlib import Path

from tailcutmix.plan.architectures import traits_of
from tailcutmix.plan.models import Model
from tailcutmix.plan.settings.jobs import Resources
from tailcutmix.plan.settings.length import length_of

Shape = tuple[int, int, int]
"""Packed images: number, height and width."""

LIBRARIES_MB = 1500
"""torch, its libraries and Snakemake's two processes around the script."""
CUDA_MB = 4000
"""What CUDA maps into the host's memory besides."""
MAPPED_MB = 64000
"""Mapped image files count as memory with some schedulers; beyond this their pages are given back in time."""
GPU_SPEED = 1e13
"""FLOP/s that a GPU which has bf16 at least reaches in training; jobs ask for their time by it."""
GPU_SPEEDS = (1.2e13, 2.5e13)
"""FLOP/s between which a data centre's GPU is assumed to train HRNet in bf16; docs/scaling.md says why."""
GPU_MB = 3000
"""Memory of a GPU for CUDA itself, the convolutions' workspace, the weights and the optimiser."""
CPU_SPEED = 1e10
"""FLOP/s that a CPU thread at least reaches on narrow networks."""
START_MINUTES = 10
LONGEST_MINUTES = 24 * 60
"""Most clusters take no longer jobs; what is not finished by then goes on from its checkpoint in the retry."""


def packed_shape(path: str | Path) -> Shape:
    """(N, H, W) of a packed array, from the header of its .npy file.

    Raises:
        FileNotFoundError: it is not made yet; Snakemake then shows the resource as <TBD>.
    """
    with open(path, "rb") as file:
        wide = file.read(8)[6] > 1  # version 1 holds the header's length in 2 bytes, later ones in 4
        length = int.from_bytes(file.read(4 if wide else 2), "little")
        images, height, width = ast.literal_eval(file.read(length).decode("latin1"))["shape"][:3]
    return images, height, width


def multiplications(model: Model) -> float:
    """Multiplications of one forward pass, per pixel of its input."""
    return traits_of(model.recipe.network).multiplications(model.recipe.network)


def activations(model: Model) -> float:
    """Bytes kept for the backward pass in float32, per pixel of a training crop."""
    return traits_of(model.recipe.network).activations(model.recipe.network)


def training_steps(model: Model, images: int) -> int:
    """Optimiser steps of training on ``images`` images, or on those outside its fold: epochs of e x N draws each."""
    return length_of(model.recipe.training, model.fold.outside(images) if model.fold else images).steps


def training_operations(model: Model, images: int) -> float:
    """Multiplications of a whole training."""
    training = model.recipe.training
    pixels = training_steps(model, images) * training.batch * math.prod(training.crop)
    return passes_of_step(model) * pixels * multiplications(model)


def passes_of_step(model: Model) -> int:
    """Forward passes that a step is worth, per crop of its batch: one, and the backward pass costs twice as much.

    With a mean teacher, which predicts two crops besides, the student learns their mixture too.
    """
    return 8 if model.recipe.semi.taught else 3


def training_memory(model: Model, shape: Shape) -> int:
    """Host memory in MB of training on packed images (3 bytes a pixel) and labels (1 byte)."""
    if model.training_job.mem_mb:
        return model.training_job.mem_mb
    images, height, width = shape
    training, gpus = model.recipe.training, model.training_job.gpus
    packed = images * height * width * 4 / 2**20
    copied = model.fold or model.labels_from  # by each process: the other folds, or images and their predicted labels
    mapped = min(MAPPED_MB, packed) + (packed * max(gpus, 1) if copied else 0)
    if gpus:
        return round(LIBRARIES_MB + CUDA_MB * gpus + mapped)
    pixels = training.batch / training.accumulate * math.prod(training.crop)
    return round(LIBRARIES_MB + mapped + 2 * pixels * activations(model) / 2**20)


def gpu_memory(model: Model, shape: Shape, data_device_gb: float) -> int:
    """Memory in MB of each GPU in training: what the backward pass keeps, and the packed images where they fit."""
    images, height, width = shape
    training, job = model.recipe.training, model.training_job
    packed = images * height * width * 4
    pixels = training.batch / training.accumulate / max(job.gpus, 1) * math.prod(training.crop)
    kept = pixels * activations(model) * (0.5 if training.bf16 else 1)
    return round(GPU_MB + (kept + (packed if packed <= data_device_gb * 1e9 else 0)) / 2**20)


def training_minutes(model: Model, shape: Shape) -> int:
    """Minutes that training takes at most."""
    job = model.training_job
    return job.runtime or min(LONGEST_MINUTES, _minutes(2 * training_operations(model, shape[0]), job))


def uninterrupted_minutes(model: Model, images: int) -> int:
    """Minutes that training takes at most, over all the jobs that go on with it."""
    return _minutes(2 * training_operations(model, images), model.training_job)


def inference_memory(model: Model, shape: Shape) -> int:
    """Host memory in MB of predicting packed images at all scales."""
    job, inference = model.inference_job, model.inference
    if job.mem_mb:
        return job.mem_mb
    if job.gpus:
        return LIBRARIES_MB + CUDA_MB
    pixels = inference.batch * shape[1] * shape[2] * max(inference.scales) ** 2
    return round(LIBRARIES_MB + pixels * (1000 + activations(model) / 3) / 2**20)


def inference_minutes(model: Model, shape: Shape) -> int:
    """Minutes that predicting all packed images takes at most."""
    job, inference = model.inference_job, model.inference
    passes = sum(scale**2 for scale in {*inference.scales, 0.5, 1.0}) * (2 if inference.flip else 1)
    operations = 2 * math.prod(shape) * passes * multiplications(model)
    return job.runtime or min(LONGEST_MINUTES, _minutes(operations, job))


def _minutes(operations: float, job: Resources) -> int:
    seconds = operations / (GPU_SPEED * job.gpus or CPU_SPEED * job.threads)
    return START_MINUTES + round(seconds / 60)
