"""What the jobs of a workflow read, as tests/recording notes it, against what their rules declare."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from conftest import ROOT


def recording(folder: Path) -> dict[str, str]:
    """Environment variables with which every job of a run is recorded in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    return {"PYTHONPATH": str(ROOT / "tests/recording"), "RECORD_READS": str(folder)}


@dataclass(frozen=True)
class Job:
    """One job: its rule, the paths that it declares, and those that it read and did not write itself before.

    Paths are relative to the folder of the run.
    """

    rule: str
    input: list[str]
    output: list[str]
    read: set[str] = field(default_factory=set)

    def undeclared(self) -> set[str]:
        """Files that the job read, and that are neither among its inputs and outputs nor in one of their folders.

        A manifest stands for the images that it lists with their checksums, so ToyCity's are declared with it.
        """
        declared = [*self.input, *self.output]
        declared += [str(Path(path).with_name("raw")) for path in self.input if Path(path).name == "manifest.csv"]
        return {path for path in self.read if not any(Path(path).is_relative_to(place) for place in declared)}

    def unread(self) -> set[str]:
        """Declared inputs of which the job read nothing."""
        return {place for place in self.input if not any(Path(path).is_relative_to(place) for path in self.read)}


def read_jobs(folder: Path) -> list[Job]:
    """The jobs recorded in a folder, by rule."""
    failures = folder / "failures.log"
    assert not failures.exists(), f"the recording itself failed: {failures.read_text()}"
    return [_read_job(path) for path in sorted(folder.glob("*.json"))]


def _read_job(path: Path) -> Job:
    declared = json.loads(path.read_text())
    job = Job(declared["rule"], declared["input"], declared["output"])
    own: set[str] = set()
    log = path.with_suffix(".log")
    for line in log.read_text().splitlines() if log.exists() else []:
        action, first, *others = json.loads(line)
        if action == "write":
            own.add(first)
        elif action == "rename":
            own |= {
                str(Path(others[0], Path(old).relative_to(first))) for old in own if Path(old).is_relative_to(first)
            }
        elif first not in own:
            job.read.add(first)
    return job
