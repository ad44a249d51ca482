"""What one job costs beside its work: a chain of empty rule scripts, locally and through Slurm.

    python tests/slurm/one_node.py up; python benchmarks/job_overhead.py; python tests/slurm/one_node.py down

A chain, because jobs side by side hide each other's waiting. Snakemake's own start is taken off: it is what a chain of
no jobs costs. Slurm is asked every second, as in the tests; the executor's own rhythm (40 s at first) is a setting.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SNAKEFILE = """
rule all:
    input: "LAST"
rule first:
    output: "0"
    shell: "touch 0"
rule link:
    input: lambda wildcards: str(int(wildcards.n) - 1)
    output: r"{n,[1-9]\\d*}"
    resources: mem_mb=1000, runtime=5
    script: "link.py"
localrules: all, first
"""
LOCAL = [sys.executable, "-m", "snakemake", "--cores", "1"]
SLURM = [sys.executable, str(ROOT / "tests/slurm/poll_quickly.py"), "--executor", "slurm", "--jobs", "1",
         "--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "1",
         "--default-resources", "slurm_account=demo", "slurm_partition=cpu"]  # fmt: skip


def seconds(command: list[str], links: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "Snakefile").write_text(SNAKEFILE.replace("LAST", str(links)))
        (Path(folder) / "link.py").write_text("open(snakemake.output[0], 'w').close()\n")
        start = time.monotonic()
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        return time.monotonic() - start


def main() -> None:
    ways = {"locally": (LOCAL, 20)}
    if shutil.which("sinfo") and subprocess.run(["sinfo"], capture_output=True).returncode == 0:
        ways["through Slurm"] = SLURM, 6
    else:
        print("no Slurm answers: only the local chain is measured", file=sys.stderr)
    for name, (command, links) in ways.items():
        start = seconds(command, 0)
        print(f"{name}: start {start:.1f} s, each job {(seconds(command, links) - start) / links:.2f} s")


if __name__ == "__main__":
    main()
