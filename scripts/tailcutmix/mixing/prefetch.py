"""Batches ahead of the training step: a thread that makes the next one, and a stream of its own on a GPU."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, Protocol, TypeVar

import torch


class OfTensors(Protocol):
    """A batch, or anything else that tells its tensors."""

    def tensors(self) -> list[torch.Tensor]:
        """All of them."""


T = TypeVar("T")
B = TypeVar("B", bound=OfTensors)


class Ahead(Generic[T]):
    """``Ahead(make)(step)`` is ``make(step)``, after which a thread begins ``make(step + 1)``.

    What is made must be a function of its step alone, so that it may be early. An error of ``make(step)`` is raised by
    the call for that step.
    """

    def __init__(self, make: Callable[[int], T]):
        self._make = make
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="next-batch")
        self._begun: tuple[int, Future[T]] | None = None

    def __call__(self, step: int) -> T:
        if self._begun is None or self._begun[0] != step:
            self._begun = self._begin(step)
        made = self._begun[1].result()
        self._begun = self._begin(step + 1)
        return made

    def _begin(self, step: int) -> tuple[int, Future[T]]:
        return step, self._thread.submit(self._make, step)


class OnStream(Generic[B]):
    """``OnStream(make, device, ahead)(step)`` is the batch ``make(step)``, drawn on a CUDA stream of its own.

    CYC, which must look at its labels, then waits for the few kernels before it and not for the training step in
    flight. Where the data stay on the host, a thread cuts the next batch out of them meanwhile (``ahead``).
    """

    def __init__(self, make: Callable[[int], B], device: torch.device, ahead: bool):
        self._make, self._device = make, device
        self._stream = torch.cuda.Stream(device, priority=-1)  # few, short kernels, before those of the step
        self._stream.wait_stream(torch.cuda.current_stream(device))
        self._made: Callable[[int], B] = Ahead(self._on_stream) if ahead else self._on_stream

    def __call__(self, step: int) -> B:
        batch = self._made(step)
        current = torch.cuda.current_stream(self._device)
        current.wait_stream(self._stream)
        for tensor in batch.tensors():
            tensor.record_stream(current)
        return batch

    def _on_stream(self, step: int) -> B:
        with torch.cuda.stream(self._stream):
            return self._make(step)
