"""The next batch, made by a thread while a step runs: it is a function of its number alone, so it may be early."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """``Ahead(make)(step)`` is ``make(step)``, after which a thread begins ``make(step + 1)``.

    An error of ``make(step)`` is raised by the call for that step.
    """

    def __init__(self, make: Callable[[int], T]):
        self._make = make
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="next-batch")
        self._begun: tuple[int, Future[T]] | None = None

    def __call__(self, step: int) -> T:
        if self._begun is None or self._begun[0] != step:
            self._begin(step)
        made = self._begun[1].result()
        self._begin(step + 1)
        return made

    def _begin(self, step: int) -> None:
        self._begun = step, self._thread.submit(self._make, step)
