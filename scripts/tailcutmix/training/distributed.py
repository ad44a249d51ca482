"""Several processes, one a GPU: torch's own launcher, DDP, and BatchNorm over the whole batch on any device."""

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

import tailcutmix
from tailcutmix.errors import UserError

log = logging.getLogger(__name__)


def all_sum(value: torch.Tensor) -> torch.Tensor:
    """Sum over all processes, without gradient; the value itself where there is only one."""
    if distributed.is_initialized():
        value = value.detach().clone()
        distributed.all_reduce(value)
    return value


def all_max(values: list[int], device: torch.device) -> list[int]:
    """The largest of each value over all processes."""
    if not distributed.is_initialized():
        return values
    tensor = torch.tensor(values, device=device)
    distributed.all_reduce(tensor, distributed.ReduceOp.MAX)
    return tensor.tolist()


def gather_bytes(data: bytes, device: torch.device) -> list[bytes]:
    """``data`` of every process, in rank order; torch's own gathering of objects would unpickle them."""
    if not distributed.is_initialized():
        return [data]
    length = all_max([len(data)], device)[0]
    padded = torch.zeros(8 + length, dtype=torch.uint8)
    padded[: 8 + len(data)] = torch.frombuffer(bytearray(len(data).to_bytes(8, "big") + data), dtype=torch.uint8)
    gathered = [torch.empty_like(padded, device=device) for _ in range(distributed.get_world_size())]
    distributed.all_gather(gathered, padded.to(device))
    raws = [bytes(one.cpu().numpy()) for one in gathered]
    return [raw[8 : 8 + int.from_bytes(raw[:8], "big")] for raw in raws]


class _AllSum(torch.autograd.Function):
    """Sum over all processes, in both directions: each process's loss depends on every process's summand."""

    @staticmethod
    def forward(ctx, value):
        return all_sum(value)

    @staticmethod
    def backward(ctx, gradient):
        return all_sum(gradient)


class SyncedBatchNorm2d(nn.BatchNorm2d):
    """BatchNorm over the batch of all processes, for devices on which torch's own SyncBatchNorm does not run."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return super().forward(x)
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        count = x.numel() // x.shape[1] * distributed.get_world_size()  # every process has as large a share
        mean = _AllSum.apply(wide.sum((0, 2, 3))) / count
        centred = wide - mean[:, None, None]
        variance = _AllSum.apply(centred.square().sum((0, 2, 3))) / count
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return (centred * scale[:, None, None] + self.bias[:, None, None]).to(x.dtype)


def synchronise_batchnorm(model: nn.Module, device: torch.device) -> nn.Module:
    """Replace every BatchNorm2d, keeping parameters, buffers and names."""
    if device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(model)
    for module in model.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = SyncedBatchNorm2d  # same state, another forward
    return model


def wrap(model: nn.Module, device: torch.device, world: int, unreached: bool = False) -> nn.Module:
    """The model as DDP over ``world`` processes, or as it is where there is one.

    ``unreached`` says that some parameters take no part in the loss. BatchNorm's buffers are synchronised only at the
    start: computed over all processes, they stay equal.
    """
    if world == 1:
        return model
    model = synchronise_batchnorm(model, device)
    device_ids = [device.index] if device.type == "cuda" else None
    return DistributedDataParallel(model, device_ids, forward_sync_buffers=False, find_unused_parameters=unreached)


@contextmanager
def process_group(device: torch.device) -> Iterator[tuple[int, int]]:
    """(rank, world size) as torch's launcher set them; (0, 1) outside of it. The group ends with the context."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield 0, 1
        return
    backend = "nccl" if device.type == "cuda" else "gloo"
    distributed.init_process_group(backend, timeout=timedelta(minutes=30))
    try:
        yield distributed.get_rank(), distributed.get_world_size()
    finally:
        distributed.destroy_process_group()


def launch(module: str, job: dict, processes: int, visible: str, locks: list[int]) -> None:
    """Run ``python -m module job.json`` in ``processes`` processes under torch's launcher and wait for them.

    SIGTERM and SIGINT go on to the processes, and when they have ended this one exits with 128 + the signal's number.
    The launcher inherits ``locks``, so a GPU lease outlives a killed parent as long as its processes do.

    Raises:
        UserError: one of the processes raised it.
        RuntimeError: they ended otherwise than well.
    """
    with tempfile.TemporaryDirectory(prefix="tailcutmix-") as folder:
        description = Path(folder) / "job.json"
        description.write_text(json.dumps(job))
        library = str(Path(tailcutmix.__file__).parents[1])
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(filter(None, [library, os.environ.get("PYTHONPATH")])),
            "CUDA_VISIBLE_DEVICES": visible,
            "OMP_NUM_THREADS": str(max(1, job["threads"] // processes)),
        }
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        command += [f"--log-dir={folder}/launcher", "--shutdown-timeout=600", "-m", module, str(description)]
        # In a session of its own a terminal's Ctrl-C reaches this process alone, which passes it on once.
        child = subprocess.Popen(
            command, env=environment, pass_fds=locks, start_new_session=True, preexec_fn=_end_with_parent
        )
        received: list[int] = []

        def forward(number, frame):
            received.append(number)
            workers = [int(path.read_text()) for path in Path(folder).glob("rank*.pid")]
            for pid in workers or [child.pid]:
                try:
                    os.kill(pid, signal.SIGTERM)
                except ProcessLookupError:
                    pass

        previous = {number: signal.signal(number, forward) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            code = child.wait()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
        if code == 0:
            return
        if received:
            raise SystemExit(128 + received[0])
        for told in sorted(Path(folder).glob("rank*.error")):
            raise UserError(told.read_text())
        raise RuntimeError(f"the {processes} training processes ended with code {code}; their log says why")


@contextmanager
def reporting(description: Path) -> Iterator[None]:
    """In a launched process: tell the launching one this process's id, and its UserError where one ends it."""
    name = f"rank{os.environ['RANK']}"
    temporary = description.with_name(f"{name}.new")
    temporary.write_text(str(os.getpid()))
    temporary.rename(description.with_name(f"{name}.pid"))
    try:
        yield
    except UserError as error:
        description.with_name(f"{name}.error").write_text(str(error))
        log.error("%s", error)
        raise SystemExit(1) from None
    except Exception:
        log.exception("process %s failed", os.environ["RANK"])
        raise


def _end_with_parent() -> None:
    """Ask Linux for SIGTERM when the parent dies, so that a killed job leaves no training behind."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
