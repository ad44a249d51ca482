"""What ``make`` shows of a run: one line per job, and at the end why it failed.

A logger plugin of Snakemake: ``PYTHONPATH=workflow/terminal snakemake --logger lines``. Snakemake by itself shows the
files and the reason of each job too, which is what one wants when the workflow is changed; so does a dry run here.
"""

import logging
import sys
import time
from pathlib import Path

from snakemake.logging import DefaultFilter, DefaultFormatter
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

SAID = ("Nothing to be done", "Unlocking", "Touching")
"""How messages begin that are shown though they are of no job."""

REPEATS = (
    "RuleException",
    "CalledProcessError",
    "Exiting because a job execution failed",
    "At least one job did not",
    "WorkflowError:\nAt least one job did not",
)
"""How messages begin that say of a failed job what its own line says better."""


class LogHandler(LogHandlerBase):
    """Lines for people on stderr; jobs are counted as they begin, since trainings are long."""

    def __post_init__(self) -> None:
        settings = self.common_settings
        self.dryrun = settings.dryrun
        self.begun, self.total = 0, 0
        self.messages: dict[int, str] = {}
        self.failed: dict[int, tuple[str, list[str]]] = {}
        self.usual = DefaultFormatter(settings.quiet, settings.show_failed_logs)
        shown = (settings.quiet, settings.debug_dag, settings.verbose, settings.dryrun, settings.printshellcmds)
        self.addFilter(DefaultFilter(*shown))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            for line in self.lines(record):
                print(line, file=sys.stdout if self.dryrun else sys.stderr, flush=True)
        except BrokenPipeError:
            raise
        except Exception:  # noqa: BLE001 (what is said of a run must not end it)
            self.handleError(record)

    def lines(self, record: logging.LogRecord) -> list[str]:
        """What is said of an event."""
        if self.dryrun:
            text = self.usual.format(record)
            return [text] if text and text != "None" else []
        event = getattr(record, "event", None)
        if event == LogEvent.RUN_INFO:
            return self._of_run(record.stats)
        if event == LogEvent.PROGRESS:
            self.total = record.total
        elif event == LogEvent.JOB_INFO:
            return self._of_job(record)
        elif event == LogEvent.JOB_ERROR:
            first = record.jobid not in self.failed
            self.failed[record.jobid] = (self.messages.get(record.jobid, record.rule_name), list(record.log))
            return [f"{self._clock()}  failed    {self.failed[record.jobid][0]}"] if first else []
        elif event in (None, LogEvent.ERROR):
            return self._of_other(record)
        return []

    def close(self) -> None:
        """Say last why the run failed."""
        for message, logs in self.failed.values():
            print(f"\nFAILED: {message}", file=sys.stderr)
            for log in logs:
                print(f"  {last_line(log)}\n  log: {log}", file=sys.stderr, flush=True)
        self.failed = {}
        super().close()

    def _of_run(self, stats: dict[str, int]) -> list[str]:
        counts = {rule: count for rule, count in stats.items() if rule not in ("total", "all")}
        self.total = sum(stats.values()) - stats.get("total", 0)
        most = sorted(counts, key=lambda rule: -counts[rule])[:5]
        named = ", ".join(f"{counts[rule]} {rule}" for rule in most)
        others = len(counts) - len(most)
        return [f"{self.total} jobs now: {named}{f', and {others} other rules' if others > 0 else ''}"]

    def _of_job(self, record: logging.LogRecord) -> list[str]:
        self.begun += 1
        self.messages[record.jobid] = message = record.rule_msg or record.rule_name
        if not record.rule_msg:  # a target, which does nothing itself
            return []
        self.total = max(self.total, self.begun)
        place = f"{self.begun} of {self.total}"
        return [f"{self._clock()}  {place:>9}  {message}"]

    def _of_other(self, record: logging.LogRecord) -> list[str]:
        message = record.getMessage() or ""
        if record.levelno >= logging.WARNING:
            return [] if message.startswith(REPEATS) else [message]
        return [message] if message.startswith(SAID) else []

    @staticmethod
    def _clock() -> str:
        return time.strftime("%H:%M:%S")

    @property
    def writes_to_stream(self) -> bool:
        return True

    @property
    def writes_to_file(self) -> bool:
        return False

    @property
    def has_filter(self) -> bool:
        return True

    @property
    def has_formatter(self) -> bool:
        return True

    @property
    def needs_rulegraph(self) -> bool:
        return False


def last_line(path: str) -> str:
    """The last line of a log that says something."""
    try:
        lines = Path(path).read_text(errors="replace").splitlines()
    except OSError:
        return "it left no log"
    return next((line.strip() for line in reversed(lines) if line.strip()), "its log is empty")
