"""What a job asks a scheduler for, from the settings of its network and the size of its data: upper bounds, no torch.

The constants were fitted to networks built on torch's meta device (multiplications by its FLOP counter, activations by
its hooks on saved tensors) and lie up to twice too high for the narrowest networks.
"""

import ast
from pathlib import Path

LIBRARIES_MB = 1500
"""torch, its libraries and Snakemake's two processes around the script."""
CUDA_MB = 4000
"""What CUDA maps into the host's memory besides."""
MAPPED_MB = 64000
"""Mapped image files count as memory with some schedulers; beyond this their pages are given back in time."""
GPU_SPEED = 1e13
"""FLOP/s that a GPU at least reaches in training; a 2017 GPU reaches it in float32."""
CPU_SPEED = 1e10
"""FLOP/s that a CPU thread at least reaches on narrow networks."""
START_MINUTES = 10
LONGEST_MINUTES = 24 * 60
"""Most clusters take no longer jobs; what is not finished by then goes on from its checkpoint in the retry."""


def packed_shape(path: str | Path) -> tuple[int, int, int]:
    """(N, H, W) of a packed array, from the header of its .npy file.

    Raises:
        FileNotFoundError: it is not made yet; Snakemake then shows the resource as <TBD>.
    """
    with open(path, "rb") as file:
        wide = file.read(8)[6] > 1  # version 1 holds the header's length in 2 bytes, later ones in 4
        length = int.from_bytes(file.read(4 if wide else 2), "little")
        return ast.literal_eval(file.read(length).decode("latin1"))["shape"][:3]


def multiplications(settings: dict) -> float:
    """Multiplications of one forward pass, per pixel of its input."""
    width, head = _width(settings), settings.get("head_channels", 0)
    if settings["architecture"] == "unet":
        return 118 * width**2
    return 159 * width**2 + head * (22 * width + 1.8 * head)


def activations(settings: dict) -> float:
    """Bytes kept for the backward pass in float32, per pixel of a training crop."""
    width = _width(settings)
    return 75 * width if settings["architecture"] == "unet" else 87 * width + 7.7 * settings.get("head_channels", 0)


def training_memory(settings: dict, shape: tuple[int, int, int]) -> int:
    """Host memory in MB of training on ``shape`` = (N, H, W) packed images (3 bytes a pixel) and labels (1 byte)."""
    images, height, width = shape
    mapped = min(MAPPED_MB, images * height * width * 4 / 2**20)
    if settings["gpus"]:
        return round(LIBRARIES_MB + CUDA_MB * settings["gpus"] + mapped)
    pixels = settings["batch"] / settings.get("accumulate", 1) * settings["crop"][0] * settings["crop"][1]
    return round(LIBRARIES_MB + mapped + 2 * pixels * activations(settings) / 2**20)


def training_minutes(settings: dict, shape: tuple[int, int, int]) -> int:
    """Minutes that training takes at most; forward, and backward at twice the cost of forward."""
    pixels = settings["epochs"] * settings["expand"] * shape[0] * settings["crop"][0] * settings["crop"][1]
    return _minutes(6 * pixels * multiplications(settings), settings["gpus"], settings["threads"])


def inference_memory(settings: dict, shape: tuple[int, int, int]) -> int:
    """Host memory in MB of predicting packed images at the scales of ``settings["inference"]``."""
    inference = settings["inference"]
    if inference["gpus"]:
        return LIBRARIES_MB + CUDA_MB
    pixels = inference["batch"] * shape[1] * shape[2] * max(inference["scales"]) ** 2
    return round(LIBRARIES_MB + pixels * (1000 + activations(settings) / 3) / 2**20)


def inference_minutes(settings: dict, shape: tuple[int, int, int]) -> int:
    """Minutes that predicting all packed images takes at most."""
    inference = settings["inference"]
    passes = sum(scale**2 for scale in {*inference["scales"], 0.5, 1.0}) * (2 if inference["flip"] else 1)
    pixels = shape[0] * shape[1] * shape[2] * passes
    return _minutes(2 * pixels * multiplications(settings), inference["gpus"], inference["threads"])


def _width(settings: dict) -> int:
    return 18 if settings["width"] == "w18_small" else settings["width"]


def _minutes(operations: float, gpus: int, threads: int) -> int:
    seconds = operations / (GPU_SPEED * gpus or CPU_SPEED * threads)
    return min(LONGEST_MINUTES, START_MINUTES + round(seconds / 60))
