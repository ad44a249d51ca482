"""The Slurm of the tests goes without a trace, whatever its jobs do."""

import subprocess
import time

import pytest
from slurm import one_node


def test_down_ends_jobs_that_ignore_signals(tmp_path):
    if reason := one_node.obstacle():
        pytest.skip(reason)
    started = tmp_path / "started"
    try:
        one_node.up()
        job = f"trap '' TERM INT; touch {started}; while :; do sleep 1; done"
        subprocess.run(["sbatch", "--mem=100", "-o", "/dev/null", "--wrap", job], check=True, cwd=tmp_path)
        end = time.monotonic() + 30
        while not started.exists():
            assert time.monotonic() < end, "the job did not start"
            time.sleep(0.1)
        assert len(one_node.leftovers()) >= 2  # slurmstepd and the shell
    finally:
        one_node.down()
    assert one_node.leftovers() == []
    assert not one_node.STATE.exists() and not (one_node.CONFIG / "slurm.conf").exists()
