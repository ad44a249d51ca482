"""Weights as files: safetensors, whole or not there, and refused where they are those of another network."""

import os
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from tailcutmix.errors import UserError
from tailcutmix.files import replacing


def write_safetensors(path: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str] | None = None) -> None:
    """Write contiguous CPU tensors and flush them to the disk before the file gets its name."""
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata)
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())


def save_weights(model: nn.Module, path: Path) -> None:
    """Write a model's parameters and buffers as safetensors; equal weights give equal bytes."""
    write_safetensors(path, {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()})


def load_weights(model: nn.Module, path: str | Path) -> None:
    """Load what :func:`save_weights` wrote; raises UserError where file and model differ in any name or shape."""
    try:
        with safe_open(path, "pt", device="cpu") as file:
            found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except FileNotFoundError:
        raise UserError(f"{path}: no such weights; train the model first") from None
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path}: cannot read these weights ({error}); delete the file to have it made anew") from None
    wanted = model.state_dict()
    for name in sorted(wanted.keys() | found.keys()):
        ours, theirs = (tuple(state[name].shape) if name in state else "nothing" for state in (wanted, found))
        if ours != theirs:
            raise UserError(
                f"{path}: weights of another model: {name} is {theirs} there and {ours} here; "
                "give both models the same architecture, width, head_channels, attention and classes"
            )
    model.load_state_dict(found)
