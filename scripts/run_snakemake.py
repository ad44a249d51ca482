"""Snakemake as make starts it: it goes on after a kill.

    python scripts/run_snakemake.py ARGUMENTS OF SNAKEMAKE

Snakemake locks its working folder; one that is killed leaves the lock behind, and perhaps jobs whose results nobody
takes any more. Both are cleared away here where it is certain that the run which left them is over: it was started on
this machine by this script and this user, and no Snakemake works in the folder. A training that is ended so saves its
state first. Two runs at once on one folder still refuse each other.
"""

import os
import platform
import subprocess
import sys
from pathlib import Path

import psutil

LOCKS, STARTED_ON = Path(".snakemake/locks"), Path(".snakemake/started_on")
SNAKEMAKE = [sys.executable, "-m", "snakemake"]

PATIENCE = 300
"""Seconds for a training to save its state."""


SOON = 900
"""Seconds within which Snakemake has planned a run and takes its locks."""


def at_work(folder: Path) -> tuple[list[psutil.Process], list[psutil.Process]]:
    """Every Snakemake of this user in a folder but this process, and the jobs there that run a rule's script."""
    runs, jobs = [], []
    here = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    for process in psutil.process_iter():
        try:
            if process.pid in here or process.uids().real != os.getuid() or Path(process.cwd()) != folder:
                continue
            command = process.cmdline()
        except (psutil.Error, OSError):  # it has ended since, or is the system's
            continue
        if any(".snakemake/scripts/" in part for part in command):
            jobs.append(process)
        elif any(Path(part).name in ("snakemake", "run_snakemake.py") for part in command):
            runs.append(process)
    return runs, jobs


def started_on(locks: list[Path]) -> str:
    """The machine that the run which took these locks was started on by this script; "" where another has started it.

    Snakemake takes its locks once, a little after it begins.
    """
    if not STARTED_ON.is_file():
        return ""
    began = STARTED_ON.stat().st_mtime
    ours = all(0 <= lock.stat().st_mtime - began < SOON for lock in locks)
    return STARTED_ON.read_text().strip() if ours else ""


def clear_after_kill(arguments: list[str]) -> str | None:
    """Remove what a killed run left in the working folder; returns why that cannot be done, if so."""
    locks = [*LOCKS.glob("*")]
    runs, jobs = at_work(Path.cwd())
    if runs or not (locks or jobs):
        return None  # Snakemake itself refuses what another run is making
    if any(lock.stat().st_uid != os.getuid() for lock in locks):
        return "another user's run has locked this folder"
    host = started_on(locks)
    if locks and host != platform.node():
        whose = f"on {host}" if host else "without make"
        return f"a run that was started {whose} has locked this folder; if it is over: make unlock"
    for job in jobs:
        job.terminate()
    left = psutil.wait_procs(jobs, timeout=PATIENCE)[1]
    if left:
        return f"process {left[0].pid} of a killed run does not end: kill it, and start again"
    print(f"the run before was killed: going on{f' ({len(jobs)} of its jobs ended)' if jobs else ''}", file=sys.stderr)
    if locks:  # where even that fails, Snakemake says why when it is started
        subprocess.run([*SNAKEMAKE, "--quiet", "all", "--unlock", *arguments], capture_output=True)
    return None


def main(arguments: list[str]) -> None:
    """Clear away, write down where the run was started, and become Snakemake."""
    refused = None if "--unlock" in arguments else clear_after_kill(arguments)
    if refused:
        sys.exit(f"error: {refused}")
    STARTED_ON.parent.mkdir(exist_ok=True)
    STARTED_ON.write_text(platform.node() + "\n")
    terminal = Path(__file__).resolve().parent.parent / "workflow/terminal"
    path = os.pathsep.join(filter(None, [str(terminal), os.environ.get("PYTHONPATH")]))
    os.execve(sys.executable, [*SNAKEMAKE, *arguments], os.environ | {"PYTHONPATH": path})


if __name__ == "__main__":
    main(sys.argv[1:])
