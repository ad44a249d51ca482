"""After a kill the same command goes on, and what it makes is the same; two runs on one folder refuse each other."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from conftest import ROOT
from workflow_runs import FINISHED, copy_workflow

RUN = [sys.executable, str(ROOT / "scripts/run_snakemake.py"), "--cores", "2"]
KILLS = int(os.environ.get("KILLS", "2"))
"""Of the whole workflow, at random moments: KILLS=25 pytest tests/test_restart.py for a longer look."""

COMPARED = ("tables/*.csv", "models/*/seed0/model.safetensors", "predictions/*/seed0/*/*.png", "ensemble/**/*.png")

STAND_IN = """
rule all:
    input: "done.txt"

rule wait:
    output: "done.txt"
    script: "wait.py"
"""
WAITING = """
import time
from pathlib import Path
Path("begun").touch()
while Path("wait").exists():
    time.sleep(0.1)
Path(snakemake.output[0]).touch()
"""


def start(folder: Path, *arguments: str) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": "", "MPLBACKEND": "Agg", "PYTHONHASHSEED": "7"}
    output = open(folder / "said.txt", "w")
    return subprocess.Popen([*RUN, *arguments], cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT)


def end(process: subprocess.Popen, folder: Path) -> str:
    process.wait(900)
    return (folder / "said.txt").read_text()


def wait_for(path: Path, process: subprocess.Popen) -> None:
    while not path.exists():
        assert process.poll() is None, (path.parent / "said.txt").read_text()
        time.sleep(0.1)


@pytest.fixture
def running(tmp_path):
    """A run, and its folder: its job waits there for a file to vanish."""
    (tmp_path / "Snakefile").write_text(STAND_IN)
    (tmp_path / "wait.py").write_text(WAITING)
    (tmp_path / "wait").touch()
    process = start(tmp_path)
    wait_for(tmp_path / "begun", process)
    yield process, tmp_path
    (tmp_path / "wait").unlink(missing_ok=True)
    process.wait()


@pytest.fixture
def killed(running):
    """A folder in which a run was killed, while its job goes on."""
    process, folder = running
    process.kill()
    process.wait()
    assert any((folder / ".snakemake/locks").iterdir())
    return folder


def test_what_a_killed_run_left_is_cleared_away(killed):
    (killed / "begun").unlink()
    process = start(killed, "--rerun-incomplete")
    wait_for(killed / "begun", process)  # the job that went on has not written the file for the new run
    (killed / "wait").unlink()
    said = end(process, killed)
    assert process.returncode == 0 and "going on (1 of its jobs ended)" in said
    assert (killed / "done.txt").exists() and not any((killed / ".snakemake/locks").glob("*"))


@pytest.mark.parametrize("host", ["another-machine", None])
def test_a_lock_of_an_unknown_run_stays(killed, host):
    """Of another machine, or of a Snakemake that was not started by the script."""
    (killed / "wait").unlink()
    started_on = killed / ".snakemake/started_on"
    started_on.unlink() if host is None else started_on.write_text(host + "\n")
    if host:
        locked = next((killed / ".snakemake/locks").iterdir()).stat().st_mtime
        os.utime(started_on, (locked - 5, locked - 5))
    process = start(killed)
    said = end(process, killed)
    assert process.returncode == 1 and said.count("\n") == 1 and (host or "without make") in said
    assert any((killed / ".snakemake/locks").iterdir())


def test_two_runs_refuse_each_other(running):
    first, folder = running
    second = subprocess.run(RUN, cwd=folder, capture_output=True, text=True, timeout=300)
    assert second.returncode and "LockException" in second.stderr
    assert any((folder / ".snakemake/locks").iterdir())
    (folder / "wait").unlink()
    end(first, folder)
    assert first.returncode == 0


def test_results_are_the_same_after_any_kills(finished, tmp_path):
    """Killed at random moments of the whole graph, in another folder, with other hashes of Python: the same bytes."""
    whole, _ = finished
    folder, chance = copy_workflow(tmp_path), random.Random(os.environ.get("KILL_SEED", "0"))
    (folder / "overlay.yaml").write_text(yaml.safe_dump(FINISHED))
    tables = [f"results/tiny/tables/{name}.csv" for name in ("table1", "differences", "per_class", "claims")]
    arguments = ["--configfile", "overlay.yaml", "--", *tables]
    for _ in range(KILLS):
        process = start(folder, *arguments)
        wait_for(folder / ".snakemake/locks", process)
        time.sleep(chance.uniform(0, 20))
        process.send_signal(chance.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM]))
        process.wait(900)
    process = start(folder, *arguments)
    said = end(process, folder)
    assert process.returncode == 0, said[-3000:]
    made = [path for pattern in COMPARED for path in sorted((folder / "results/tiny").glob(pattern))]
    assert {path.parts[-2] for path in made if path.suffix == ".csv"} == {"tables"}
    assert len(made) > 20
    for path in made:
        assert path.read_bytes() == (whole / path.relative_to(folder)).read_bytes(), path
