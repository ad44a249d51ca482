"""The profile for other schedulers, with a PBS that is a shell script: what jobs ask for, and that results arrive."""

import os
import subprocess
import sys
import textwrap

import pytest
import yaml
from workflow_runs import TINY, copy_workflow

QSUB = """\
#!/usr/bin/env bash
# Notes what it was asked for, runs the job script in the background, and prints an id, as PBS does.
cd "$(dirname "$0")"
echo "$*" >> asked.txt
setsid bash "${@: -1}" > "job-$(wc -l < asked.txt).txt" 2>&1 < /dev/null &
echo "$(wc -l < asked.txt).server"
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """(the folder, the lines that qsub was given) of a U-Net trained through the profile."""
    pytest.importorskip("snakemake_executor_plugin_cluster_generic")
    folder, queue = copy_workflow(tmp_path_factory.mktemp("generic")), tmp_path_factory.mktemp("queue")
    (queue / "qsub").write_text(textwrap.dedent(QSUB))
    (queue / "qsub").chmod(0o755)
    overlay = TINY | {"training": TINY["training"] | {"gpus": 1, "mem_mb": 3000, "runtime": 90}}
    (folder / "overlay.yaml").write_text(yaml.safe_dump(overlay))
    command = [sys.executable, "-m", "snakemake", "--workflow-profile", "profiles/cluster-generic",
               "--latency-wait", "10", "--configfile=overlay.yaml",
               "results/tiny/models/unet/seed0/model.safetensors"]  # fmt: skip
    environment = os.environ | {
        "PATH": f"{queue}:{os.environ['PATH']}", "TAILCUTMIX_DEVICE": "cpu", "PYTHONPATH": "", "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    done = subprocess.run(
        command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300
    )
    jobs = "\n".join(path.read_text()[-2000:] for path in queue.glob("job-*.txt"))
    assert done.returncode == 0, done.stdout[-4000:] + jobs
    return folder, (queue / "asked.txt").read_text().splitlines()


def test_jobs_ask_for_what_the_configuration_says(finished):
    _, asked = finished
    train = next(line for line in asked if line.startswith("-N train_model"))
    assert "-q gpu" in train and "mem=3000mb:ngpus=1" in train and "walltime=1:30:00" in train
    others = [line for line in asked if line != train]
    assert others and all("-q cpu" in line and "ngpus=0" in line for line in others)


def test_preparing_the_data_is_one_job(finished):
    _, asked = finished
    assert len(asked) == 2, asked


def test_results_arrive(finished):
    folder, _ = finished
    assert (folder / "results/tiny/models/unet/seed0/model.safetensors").stat().st_size > 1000
    log = (folder / "logs/tiny/train_model/unet.seed0.log").read_text()
    assert "though 1 GPU(s) were asked for" in log and "trained" in log
