"""What every rule script does around its one call: write a log, and fail in one clear line."""

import logging
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TextIO

from tailcutmix.errors import UserError

SECONDS_TO_BE_REQUEUED = 600
"""How long a job that saved itself at SIGTERM waits for Slurm to end it."""


class RuleScript(Protocol):
    """What is read here of the object ``snakemake``, which Snakemake puts into a rule's script."""

    @property
    def rule(self) -> str: ...

    @property
    def log(self) -> object: ...

    @property
    def wildcards(self) -> Iterable[object]: ...


@contextmanager
def job(snakemake: RuleScript, terminal: bool = False) -> Iterator[logging.Logger]:
    """Send logging and stderr of a rule script to its log file; report errors on the terminal too.

    A :class:`UserError` becomes one line on the terminal and in the log, and exit code 1; any other exception keeps
    its traceback in the log. With ``terminal`` (long work with a progress bar) log lines go to both.
    """
    console = sys.stderr
    path = Path(str(snakemake.log))
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = open(path, "w", buffering=1)
    handlers: list[logging.StreamHandler[TextIO]] = [logging.StreamHandler(stream)]
    if terminal:  # several jobs may write there: each line says whose it is
        name = " ".join(["%(asctime)s", snakemake.rule, *map(str, snakemake.wildcards)])
        handlers.append(logging.StreamHandler(console))
        handlers[-1].setFormatter(logging.Formatter(f"{name}: %(message)s", "%H:%M:%S"))
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", handlers=handlers, force=True
    )
    if not terminal:
        sys.stderr = stream
    try:
        yield logging.getLogger(snakemake.rule)
    except UserError as error:
        for out in (stream, console):
            print(f"error in rule {snakemake.rule}: {error}", file=out, flush=True)
        sys.exit(1)
    except SystemExit as end:
        if end.code == 128 + signal.SIGTERM and "SLURM_JOB_ID" in os.environ:
            # A job that ends by itself within the grace time has failed; one that Slurm ends has been preempted, and
            # is put back into the queue.
            logging.info("saved; waiting for Slurm to end this job")
            time.sleep(SECONDS_TO_BE_REQUEUED)
        raise
    except Exception:
        logging.exception("rule %s failed", snakemake.rule)
        raise
