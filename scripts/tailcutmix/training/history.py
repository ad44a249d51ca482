"""The rows of history.csv, and the same values as TensorBoard events."""

import csv
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from tailcutmix.files import replacing
from tailcutmix.labels import Label
from tailcutmix.mixing.batch import Counts
from tailcutmix.training.distributed import all_sum

PER_CLASS = ("pixels_pasted", "pixels_seen")
COUNTS = tuple(count.name for count in fields(Counts) if count.name not in PER_CLASS)
HISTORY_COLUMNS = ("step", "epoch", "lr", "loss", "seconds", "images_per_second", *COUNTS)
"""Columns of history.csv before those of the classes."""


class History:
    """Rows about the steps since the row before: mean loss, images per second, and what was mixed."""

    def __init__(self, classes: Sequence[Label]):
        self.columns = [*HISTORY_COLUMNS, *(f"{name}:{known.slug}" for name in PER_CLASS for known in classes)]
        self.rows: list[dict[str, float]] = []
        self._start_row(0.0)

    def _start_row(self, seconds: float) -> None:
        self._since = seconds
        self._losses: list[float] = []
        self._images = 0
        self._counts: dict[str, int | torch.Tensor] = {name: 0 for name in COUNTS}
        self._pixels = torch.zeros(len(self.columns) - len(HISTORY_COLUMNS), dtype=torch.int64)

    def add_batch(self, images: int, counts: Counts) -> None:
        """Count one batch: the images of all processes, and what this process mixed (counted on any device)."""
        self._images += images
        for name in COUNTS:
            self._counts[name] = self._counts[name] + getattr(counts, name)
        pixels = torch.cat([getattr(counts, name) for name in PER_CLASS])
        self._pixels = self._pixels.to(pixels.device) + pixels

    def add_losses(self, losses: list[float]) -> None:
        self._losses += losses

    def close_row(self, step: int, epoch: float, lr: float, seconds: float, device: torch.device) -> dict[str, float]:
        """End the row after ``step`` steps and ``seconds`` of training; counts are summed over the processes."""
        counts = all_sum(torch.tensor(self._local_counts(), device=device)).tolist()
        values = [
            step,
            round(epoch, 4),
            lr,
            sum(self._losses) / max(len(self._losses), 1),
            round(seconds, 3),
            round(self._images / max(seconds - self._since, 1e-9), 3),
            *counts,
        ]
        self.rows.append(dict(zip(self.columns, values, strict=True)))
        self._start_row(seconds)
        return self.rows[-1]

    def state_dict(self, device: torch.device) -> dict[str, Any]:
        """Rows so far and the open row, as JSON values; the open row's counts are those of all processes."""
        counts = all_sum(torch.tensor(self._local_counts(), device=device)).tolist()
        rows = [[row[column] for column in self.columns] for row in self.rows]
        return {
            "rows": rows,
            "open": {"since": self._since, "losses": self._losses, "images": self._images, "counts": counts},
        }

    def load_state_dict(self, state: dict[str, Any], rank: int = 0) -> None:
        """Inverse of :meth:`state_dict`; the open row's counts go to the first process alone."""
        self.rows = [dict(zip(self.columns, row, strict=True)) for row in state["rows"]]
        self._start_row(state["open"]["since"])
        self._losses, self._images = list(state["open"]["losses"]), state["open"]["images"]
        if rank == 0:
            counts = state["open"]["counts"]
            self._counts = dict(zip(COUNTS, counts, strict=False))
            self._pixels = torch.tensor(counts[len(COUNTS) :], dtype=torch.int64)

    def write(self, path: Path) -> None:
        """Write history.csv, all or nothing."""
        with replacing(path) as temporary, open(temporary, "w", newline="") as file:
            writer = csv.DictWriter(file, self.columns)
            writer.writeheader()
            writer.writerows(self.rows)

    def _local_counts(self) -> list[int]:
        return [int(self._counts[name]) for name in COUNTS] + [int(value) for value in self._pixels.tolist()]


class Events:
    """TensorBoard events of every row in a folder, after ``step`` steps; nothing where the folder is None."""

    def __init__(self, folder: Path | None, step: int):
        self.writer = None
        if folder is not None:
            from torch.utils.tensorboard import SummaryWriter

            self.writer = SummaryWriter(folder, purge_step=step)

    def add(self, row: dict[str, float]) -> None:
        if self.writer:
            for name, value in row.items():
                if name != "step":
                    self.writer.add_scalar(name.replace(":", "/"), value, row["step"])

    def __enter__(self) -> "Events":
        return self

    def __exit__(self, *exception: object) -> None:
        if self.writer:
            self.writer.close()
