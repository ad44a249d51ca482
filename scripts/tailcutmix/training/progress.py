"""What a person sees while training runs: a bar on a terminal, the same values as log lines elsewhere."""

import logging
import sys
import time
from datetime import timedelta

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

log = logging.getLogger(__name__)


class Progress:
    """Loss, rate, images a second and time left; silent in all processes but the first.

    Args:
        step, total: finished steps at the start, and all.
        batch: images a step, over all processes.
        every: seconds between two log lines.
        shown: False in processes that show nothing.
    """

    def __init__(self, step: int, total: int, batch: int, every: float, shown: bool = True):
        self.total, self.batch, self.every, self.shown = total, batch, every, shown
        self._first = self._lined = (step, time.monotonic())
        self._bar = self._redirect = None
        if shown and sys.stderr.isatty():
            self._bar = tqdm(total=total, initial=step, unit="step", dynamic_ncols=True, smoothing=0.05)
            self._redirect = logging_redirect_tqdm()
            self._redirect.__enter__()

    def show(self, step: int, loss: float, rate: float) -> None:
        """Show the state after ``step`` steps; as a log line when ``every`` seconds have passed since the last."""
        now = time.monotonic()
        speed = self.batch * (step - self._lined[0]) / max(now - self._lined[1], 1e-9)
        if self._bar:
            self._bar.set_postfix_str(f"loss {loss:.4f}, lr {rate:.2g}, {speed:.1f} images/s", refresh=False)
            self._bar.update(step - self._bar.n)
        if now - self._lined[1] < self.every:
            return
        if self.shown and not self._bar:
            per_step = (now - self._first[1]) / (step - self._first[0])
            left = timedelta(seconds=round(per_step * (self.total - step)))
            text = "step %d of %d, loss %.4f, lr %.3g, %.1f images/s, %s left"
            log.info(text, step, self.total, loss, rate, speed, left)
        self._lined = (step, now)

    def close(self) -> None:
        if self._bar:
            self._bar.close()
            self._redirect.__exit__(None, None, None)
