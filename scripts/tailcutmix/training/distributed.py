"""Several processes that share each batch: sums over all of them, DDP, and BatchNorm over the whole batch."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class Process:
    """One of the processes that share each batch.

    Attributes:
        device: what it computes on.
        rank: its number, 0..world-1.
        world: how many there are.
    """

    device: torch.device
    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Whether it is the one that shows progress and writes files."""
        return self.rank == 0


def world_size() -> int:
    """How many processes share each batch."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


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
    def forward(ctx: Any, value: torch.Tensor) -> torch.Tensor:
        return all_sum(value)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        return all_sum(gradient)


def _all_sum_with_gradient(value: torch.Tensor) -> torch.Tensor:
    total: torch.Tensor = _AllSum.apply(value)  # type: ignore[no-untyped-call]
    return total


class SyncedBatchNorm2d(nn.BatchNorm2d):
    """BatchNorm over the batch of all processes, for devices on which torch's own SyncBatchNorm does not run."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return super().forward(x)
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        count = x.numel() // x.shape[1] * distributed.get_world_size()  # every process has as large a share
        mean = _all_sum_with_gradient(wide.sum((0, 2, 3))) / count
        centred = wide - mean[:, None, None]
        variance = _all_sum_with_gradient(centred.square().sum((0, 2, 3))) / count
        # The networks' BatchNorms keep running statistics, by a momentum.
        assert self.num_batches_tracked is not None and self.momentum is not None
        assert self.running_mean is not None and self.running_var is not None
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return (centred * scale[:, None, None] + self.bias[:, None, None]).to(x.dtype)


def synchronise_batchnorm(model: nn.Module, device: torch.device) -> nn.Module:
    """Replace every BatchNorm2d, keeping parameters, buffers and names."""
    if device.type == "cuda":
        synchronised: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(model)
        return synchronised
    for module in model.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = SyncedBatchNorm2d  # same state, another forward
    return model


def wrap(model: nn.Module, process: Process) -> nn.Module:
    """The model as DDP over all processes, or as it is where there is one.

    BatchNorm's buffers are synchronised only at the start: computed over all processes, they stay equal.
    """
    if process.world == 1:
        return model
    model = synchronise_batchnorm(model, process.device)
    device_ids = [process.device.index] if process.device.type == "cuda" else None
    return DistributedDataParallel(model, device_ids, forward_sync_buffers=False)


@contextmanager
def process_group(device: torch.device) -> Iterator[Process]:
    """This process among those that torch's launcher started; outside of it the only one. The group ends with it."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield Process(device)
        return
    backend = "nccl" if device.type == "cuda" else "gloo"
    distributed.init_process_group(backend, timeout=timedelta(minutes=30))
    try:
        yield Process(device, distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()
