"""What a person sees of long work: a bar on a terminal, the same values as log lines elsewhere."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import NoReturn, TypeVar

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

log = logging.getLogger(__name__)

Item = TypeVar("Item")


class Progress:
    """How much is done, images per second and time left; a context that closes its bar.

    Args:
        task: what is done, such as "predict val"; "" where the log says it anyway.
        total: all units of the task.
        unit: one of them, an image or a step.
        images: images per unit.
        done: units finished before.
        every: seconds between two log lines; with a bar there is one at the end alone.
        shown: False shows nothing, as in all processes of a training but the first.
    """

    def __init__(
        self,
        task: str,
        total: int,
        *,
        unit: str = "image",
        images: int = 1,
        done: int = 0,
        every: float = 30.0,
        shown: bool = True,
    ):
        self.total, self.unit, self.images, self.done, self.every, self.shown = total, unit, images, done, every, shown
        self._prefix = f"{task}: " if task else ""
        self._first = self._lined = (done, time.monotonic())
        self._bar: tqdm[NoReturn] | None = None
        self._redirected = ExitStack()
        if shown and sys.stderr.isatty():
            self._bar = tqdm(
                total=total, initial=done, desc=task or None, unit=unit, dynamic_ncols=True, smoothing=0.05
            )
            self._redirected.enter_context(logging_redirect_tqdm())

    def add(self, count: int) -> None:
        """Show that ``count`` more units are done."""
        self.show(self.done + count)

    def show(self, done: int, detail: str = "") -> None:
        """Show the state after ``done`` units, with a word of detail, such as the loss."""
        self.done, now = done, time.monotonic()
        since = self._first if done == self.total else self._lined
        speed = self.images * (done - since[0]) / max(now - since[1], 1e-9)
        values = f"{detail}, {speed:.1f} images/s" if detail else f"{speed:.1f} images/s"
        if self._bar is not None:
            self._bar.set_postfix_str(values, refresh=False)
            self._bar.update(done - self._bar.n)
        if now - self._lined[1] < self.every and done < self.total:
            return
        if self.shown and (self._bar is None or done == self.total):
            spent = now - self._first[1]
            left = spent / max(done - self._first[0], 1) * (self.total - done)
            time_text = f"{_clock(left)} left" if done < self.total else f"in {_clock(spent)}"
            log.info("%s%s %d of %d, %s, %s", self._prefix, self.unit, done, self.total, values, time_text)
        self._lined = (done, now)

    def over(self, items: Iterable[Item]) -> Iterator[Item]:
        """Pass ``items`` on, each of them one unit, and close at the end."""
        with self:
            for item in items:
                yield item
                self.add(1)

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.close()
        self._redirected.close()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _clock(seconds: float) -> timedelta:
    return timedelta(seconds=round(seconds))
