"""What a job computes on: GPUs leased by file lock, so that two jobs on one machine never share one."""

import fcntl
import logging
import math
import os
import random
import re
import resource
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import torch

from tailcutmix.errors import UserError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lease:
    """What a job may use while it holds the lease.

    Attributes:
        devices: the torch devices, by their index among the visible ones; ``[cpu]`` for a lease of no GPU.
        visible: what CUDA_VISIBLE_DEVICES must be for processes that shall see exactly these GPUs; "" on the CPU.
        locks: open file descriptors that hold the lease; a process that inherits one holds it too.
    """

    devices: list[torch.device]
    visible: str
    locks: list[int]


@contextmanager
def lease_devices(
    gpus: int, identities: list[str] | None = None, folder: Path | None = None, poll_seconds: float = 2.0
) -> Iterator[Lease]:
    """Hold ``gpus`` GPUs that no other job of this user on this machine holds; waits until there are enough.

    ``gpus`` = 0 is the CPU and needs no lease. The lock of a GPU is an flock on a file named by its identity, which
    the kernel releases whatever way the process ends. Only GPUs that CUDA shows are taken, so what a scheduler puts
    into CUDA_VISIBLE_DEVICES is respected.

    Args:
        gpus: number of GPUs, 0 or more.
        identities: one name per visible GPU, in index order; their UUIDs by default.
        folder: where the lock files lie; one per user in the machine's temporary folder by default.
        poll_seconds: how long to wait between two looks at the locks.

    The environment variable TAILCUTMIX_DEVICE=cpu stands for tests of schedulers on machines without CUDA: a job that
    was granted GPUs then computes on the CPU, and says so.

    Raises:
        UserError: fewer GPUs are visible than asked for.
    """
    job, seen = os.environ.get("SLURM_JOB_ID"), os.environ.get("CUDA_VISIBLE_DEVICES")
    if job:
        log.info("Slurm job %s asks for %d GPU(s), CUDA_VISIBLE_DEVICES is %s", job, gpus, seen)
    if gpus > 0 and os.environ.get("TAILCUTMIX_DEVICE") == "cpu":
        log.warning("TAILCUTMIX_DEVICE=cpu: computing on the CPU, though %d GPU(s) were asked for", gpus)
        gpus = 0
    if gpus <= 0:
        yield Lease([torch.device("cpu")], "", [])
        return
    identities = visible_gpus() if identities is None else identities
    if len(identities) < gpus:
        cure = "--resources gpu=0 to compute on the CPU" if not identities else f"--resources gpu={len(identities)}"
        raise UserError(f"{gpus} GPU(s) asked for, but CUDA shows {len(identities)} on this machine; run with {cure}")
    folder = folder or Path(tempfile.gettempdir()) / f"tailcutmix-gpus-{os.getuid()}"
    _make_own(folder)
    with ExitStack() as held:
        taken = _take(gpus, identities, folder, held)
        if not taken:
            log.info("waiting for %d free GPU(s) of %d; other jobs hold the rest", gpus, len(identities))
        while not taken:
            time.sleep(poll_seconds * random.uniform(0.5, 1.0))
            taken = _take(gpus, identities, folder, held)
        names = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
        names = names if len(names) >= len(identities) else [str(index) for index in range(len(identities))]
        log.info("computing on GPU %s", ", ".join(identities[index] for index, _ in taken))
        yield Lease(
            devices=[torch.device("cuda", index) for index, _ in taken],
            visible=",".join(names[index].strip() for index, _ in taken),
            locks=[descriptor for _, descriptor in taken],
        )


def visible_gpus() -> list[str]:
    """UUIDs of the GPUs that this process may use, in CUDA's index order.

    Indices will not do for locks: under Slurm's device constraint every job calls its only GPU 0.
    """
    if not torch.cuda.is_available():
        return []
    return [str(torch.cuda.get_device_properties(index).uuid) for index in range(torch.cuda.device_count())]


def _make_own(folder: Path) -> None:
    """Make the folder of the locks; in a temporary folder that all write to, another user may have been there first."""
    with suppress(FileExistsError):  # something else of that name is refused below
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise UserError(
            f"{folder}: not a folder that you own and alone write to; remove it, or set TMPDIR to a folder of your own"
        )


def _open_lock(path: Path) -> IO[str]:
    """A lock file that is no link: its content is never touched."""
    try:
        return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600), "r+")
    except OSError as error:
        raise UserError(f"{path}: cannot be opened as a lock ({error.strerror}); remove it") from None


def _take(gpus: int, identities: list[str], folder: Path, held: ExitStack) -> list[tuple[int, int]]:
    """(index, lock descriptor) of ``gpus`` free GPUs; where there are fewer, [] and none is kept for the wait."""
    with _open_lock(folder / "scan.lock") as scan, ExitStack() as attempt:
        fcntl.flock(scan, fcntl.LOCK_EX)
        taken: list[tuple[int, int]] = []
        for index, identity in enumerate(identities):
            path = folder / f"gpu-{re.sub(r'[^A-Za-z0-9-]', '_', identity)}.lock"
            file = _open_lock(path)  # closing it ends the lease
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                continue
            attempt.enter_context(file)
            taken.append((index, file.fileno()))
            if len(taken) == gpus:
                held.push(attempt.pop_all())
                return taken
    return []


def autocast(device: torch.device, bf16: bool | str) -> torch.autocast | nullcontext[None]:
    """A context that computes in bfloat16 where ``bf16`` says so; "auto" is GPUs with bf16 arithmetic of their own."""
    if bf16 == "auto":
        bf16 = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.autocast(device.type, torch.bfloat16) if bf16 else nullcontext()


class Usage:
    """Peak memory and mean utilisation of a device over a job."""

    def __init__(self, device: torch.device):
        self.device = device
        self.samples: list[int] = []
        self._next = time.monotonic()
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)

    def sample(self) -> None:
        """Note the utilisation of the last second, where the driver tells it; called more often it does nothing."""
        if self.device.type != "cuda" or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + 1
        try:
            self.samples.append(torch.cuda.utilization(self.device))
        except Exception:  # noqa: BLE001 (no driver library, a MIG slice, ...: never a reason to stop training)
            self._next = math.inf

    def __str__(self) -> str:
        if self.device.type != "cuda":
            return f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB (process)"
        memory = f"peak GPU memory {torch.cuda.max_memory_allocated(self.device) / 2**30:.2f} GiB"
        used = f"{sum(self.samples) / len(self.samples):.0f} %" if self.samples else "not told by the driver"
        return f"{memory}, GPU utilisation {used}"
