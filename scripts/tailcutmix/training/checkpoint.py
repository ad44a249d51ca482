"""Checkpoints that survive a kill at any moment: safetensors and JSON, written aside and renamed, never pickled."""

import hashlib
import json
import logging
import shutil
import zlib
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from tailcutmix.models.weights import write_safetensors

log = logging.getLogger(__name__)

KEPT = 2
"""Running checkpoints kept: the newest, and the one before it in case the newest cannot be read."""


def run_key(definition: dict[str, Any]) -> str:
    """Hexadecimal name of a run: equal for equal definitions (plain JSON values), whatever the order of their keys."""
    text = json.dumps(definition, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Checkpoints:
    """The running checkpoints of one run, in one folder.

    A checkpoint is one safetensors file: tensors under their names, everything else as JSON in the header, and a
    checksum over both. It is copied to host memory at once and written by a thread while training goes on; the file
    gets its name only when it lies complete on the disk.
    """

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._writing: Future[None] | None = None

    def save(self, step: int, tensors: dict[str, torch.Tensor], state: dict[str, Any], wait: bool = False) -> None:
        """Write a checkpoint of ``step`` finished steps; ``wait`` returns only when it is on the disk."""
        self.wait()
        snapshot = {name: torch.empty(value.shape, dtype=value.dtype).copy_(value) for name, value in tensors.items()}
        self._writing = self._thread.submit(self._write, step, snapshot, json.dumps(state))
        if wait:
            self.wait()

    def wait(self) -> None:
        """Until the checkpoint being written is on the disk; a failure to write it is logged, not raised."""
        if self._writing is not None:
            try:
                self._writing.result()
            except (OSError, SafetensorError) as error:
                log.error("could not write a checkpoint to %s: %s; training goes on without it", self.folder, error)
            self._writing = None

    def newest(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
        """(tensors on the CPU, state) of the newest readable checkpoint, or None where there is none."""
        for path in reversed(self._files()):
            try:
                found = read_checked(path)
            except (OSError, SafetensorError, ValueError) as error:
                log.warning("checkpoint %s cannot be read (%s); trying the one before", path, error)
                continue
            log.info("going on from %s", path)
            return found
        return None

    def remove(self) -> None:
        """Delete the folder: the run is complete."""
        self.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def close(self) -> None:
        self.wait()
        self._thread.shutdown()

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("step-*.safetensors"))

    def _write(self, step: int, tensors: dict[str, torch.Tensor], state: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"step-{step:09d}.safetensors"
        for left in self.folder.glob(".step-*"):  # of a process killed while it wrote
            left.unlink(missing_ok=True)
        write_safetensors(path, tensors, {"state": state, "crc32": str(checksum(state, tensors))})
        files = self._files()
        at = files.index(path)
        for old in files[: max(0, at + 1 - KEPT)] + files[at + 1 :]:  # a later one was found damaged
            old.unlink(missing_ok=True)


def checksum(text: str, tensors: dict[str, torch.Tensor]) -> int:
    """CRC-32 of a text and of the names and bytes of contiguous CPU tensors, in the order of their names."""
    value = zlib.crc32(text.encode())
    for name in sorted(tensors):
        value = zlib.crc32(name.encode(), value)
        value = zlib.crc32(tensors[name].reshape(-1).view(torch.uint8).numpy().data, value)
    return value


def read_checked(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """(tensors, state) of a running checkpoint; raises ValueError, OSError or SafetensorError where it is damaged."""
    with safe_open(path, "pt", device="cpu") as file:
        metadata = file.metadata() or {}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    text = metadata.get("state", "")
    if metadata.get("crc32") != str(checksum(text, tensors)):
        raise ValueError("its checksum does not match")
    return tensors, json.loads(text)


def pack_optimiser(optimiser: torch.optim.Optimizer) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Split an optimiser's state into tensors, named ``<parameter index>/<name>``, and JSON values."""
    state = optimiser.state_dict()
    tensors: dict[str, torch.Tensor] = {}
    scalars: dict[str, dict[str, Any]] = {}
    for index, values in state["state"].items():
        for name, value in values.items():
            if isinstance(value, torch.Tensor):
                tensors[f"{index}/{name}"] = value
            else:
                scalars.setdefault(str(index), {})[name] = value
    return tensors, {"scalars": scalars, "groups": state["param_groups"]}


def unpack_optimiser(
    optimiser: torch.optim.Optimizer, tensors: dict[str, torch.Tensor], values: dict[str, Any]
) -> None:
    """Inverse of :func:`pack_optimiser`; the optimiser must hold the same parameters in the same order."""
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    state = {int(index): dict(scalars) for index, scalars in values["scalars"].items()}
    for key, value in tensors.items():
        index, name = key.split("/")
        parameter = parameters[int(index)]
        if value.shape == parameter.shape:
            # Fused optimisers walk through memory: a buffer must have its parameter's strides (channels-last).
            value = torch.empty_like(parameter, dtype=value.dtype, requires_grad=False).copy_(value)
        state.setdefault(int(index), {})[name] = value
    optimiser.load_state_dict({"state": state, "param_groups": values["groups"]})
