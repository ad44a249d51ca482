"""The workflow on a real Slurm of one node: to Table 1, through everything that happens to jobs on a cluster.

One run meets it all: training is preempted, cancelled and killed for its memory, Snakemake itself is killed, and the
results must have the bytes of an undisturbed local run. GPUs are granted by Slurm and then not computed on
(TAILCUTMIX_DEVICE=cpu). Skipped where Slurm is not installed, unless REQUIRE_SLURM is set.
"""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from conftest import ROOT
from slurm import one_node
from workflow_runs import TINY, copy_workflow

MB_TOO_FEW = 450
"""Less than torch needs with Snakemake around it; twice as much is enough."""
OVERLAY = TINY | {
    "buckets": {"tail": ["bus"]},
    "training": TINY["training"] | {"gpus": 1},
    "models": {
        "unet": {"mem_mb": MB_TOO_FEW},
        "m0": {"epochs": 10},
        "m1": {"epochs": 40, "expand": 1},  # 3 steps each: long enough to be caught in the middle
        "m2": {"epochs": 30},
        "broken": {"extends": "m0", "adamw_lr": 1e9, "weight_decay": 1e9},
    },
    "inference": {"gpus": 1},
    "engine": {"checkpoint_seconds": 0.2},
}
TRAINED = ["unet", "m0", "m1", "m2-bus"]
TABLES = ["table1", "differences", "per_class"]
WANTED = [f"results/tiny/tables/{table}.csv" for table in TABLES] + ["results/tiny/figures/scale_attention.png"]
ENVIRONMENT = os.environ | {"TAILCUTMIX_DEVICE": "cpu", "PYTHONPATH": "", "MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1"}
SLURM = (str(ROOT / "tests/slurm/poll_quickly.py"), "--workflow-profile", "profiles/slurm",
         "--slurm-init-seconds-before-status-checks", "1", "--latency-wait", "10",
         "--slurm-keep-successful-logs")  # fmt: skip
LOCAL = ("-m", "snakemake", "--cores", "2")
KEPT = os.environ.get("KEEP_TRANSCRIPTS")  # a folder: what was seen on the terminal stays there


@pytest.fixture(scope="module")
def cluster():
    reason = one_node.obstacle()
    if reason and os.environ.get("REQUIRE_SLURM"):
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
    try:
        one_node.up()
        yield
    finally:
        one_node.down()


def start(folder: Path, *arguments: str, targets: tuple[str, ...] = ()) -> subprocess.Popen:
    (folder / "overlay.yaml").write_text(yaml.safe_dump(OVERLAY))
    with open(folder / "terminal.txt", "a") as terminal:
        return subprocess.Popen(
            [sys.executable, *arguments, "--configfile", "overlay.yaml", "--", *(targets or WANTED)],
            cwd=folder, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=terminal, stderr=subprocess.STDOUT,
        )  # fmt: skip


def finish(process: subprocess.Popen, folder: Path, seconds: float = 600) -> str:
    """What it wrote; a process that takes too long is interrupted, so that Snakemake cancels its jobs."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        process.wait(60)
    return (folder / "terminal.txt").read_text()


def ask(*command: str) -> str:
    return subprocess.run(command, text=True, capture_output=True, check=True).stdout


def jobs(rule: str, model: str = "") -> list[tuple[str, str]]:
    """(id, state) of the queued and running jobs of a rule."""
    lines = (line.split("|") for line in ask("squeue", "-h", "-o", "%i|%T|%k").splitlines())
    return [(job, state) for job, state, comment in lines if comment.startswith(f"rule_{rule}_wildcards_{model}")]


def wait_for(what: str, found, process: subprocess.Popen, folder: Path, seconds: float = 240):
    end = time.monotonic() + seconds
    while not (value := found()):
        assert process.poll() is None and time.monotonic() < end, (
            f"waited for {what}:\n{(folder / 'terminal.txt').read_text()[-5000:]}\n{ask('squeue')}"
        )
        time.sleep(0.2)
    return value


def checkpoints(folder: Path) -> dict[str, int]:
    """Newest step saved so far, by run; a U-Net's six steps do not count."""
    found = {}
    for path in sorted((folder / "results/tiny/running").glob("*/step-*.safetensors")):
        found[path.parent.name] = int(path.stem.removeprefix("step-"))
    return {run: step for run, step in found.items() if step > 6}


def log(seen: dict, model: str) -> str:
    path = seen["folder"] / f"logs/tiny/train_model/{model}.seed0.log"
    return path.read_text() if path.exists() else ""


@pytest.fixture(scope="module")
def story(cluster, tmp_path_factory):
    """The undisturbed local run and the disturbed one on Slurm, with what was noted on the way."""
    local, folder = (copy_workflow(tmp_path_factory.mktemp(name)) for name in ("local", "slurm"))
    seen = {"local": local, "folder": folder}
    process = start(folder, *SLURM)
    try:
        # Preempted: an urgent job takes both GPUs while M1 trains on one of them, and M0 perhaps still on the other.
        seen["saved"] = wait_for(
            "a checkpoint of M1",
            lambda: (
                any(state == "RUNNING" for _, state in jobs("train_model", "m1"))
                and len(saved := checkpoints(folder)) == 1 + len(jobs("train_model", "m0"))
                and saved
            ),
            process, folder,
        )  # fmt: skip
        seen["preempted"] = jobs("train_model", "m1")[0][0]
        subprocess.run(["sbatch", "-p", "urgent", "--gpus=2", "--mem=100", "--wrap=sleep 1"], cwd=folder, check=True)
        wait_for(
            "M1 to go on",
            lambda: "Restarts=1" in ask("scontrol", "show", "job", seen["preempted"], "-o")
            and "training resumes" in log(seen, "m1"),
            process, folder,
        )  # fmt: skip
        # Cancelled by somebody, in the middle of training.
        subprocess.run(["scancel", seen["preempted"]], check=True)
        # Snakemake killed while the expert trains; what it leaves in the queue is cancelled, as the manual says.
        wait_for(
            "the expert's checkpoint",
            lambda: any(state == "RUNNING" for _, state in jobs("train_model", "m2")) and checkpoints(folder),
            process, folder,
        )  # fmt: skip
        seen["times"] = {path: path.stat().st_mtime_ns for path in folder.glob("results/tiny/models/m*/*/model.*")}
        process.kill()
        process.wait()
        ask("scancel", "--me")
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(60)
    subprocess.run([sys.executable, *LOCAL, "--unlock", "--configfile", "overlay.yaml"], cwd=folder, check=True)
    while ask("squeue", "-h"):
        time.sleep(0.5)
    restarted = start(folder, *SLURM)
    alone = start(local, *LOCAL)
    seen["local text"] = finish(alone, local)
    seen["text"] = finish(restarted, folder)
    assert (restarted.returncode, alone.returncode) == (0, 0), seen["text"][-5000:] + seen["local text"][-3000:]
    lines = ask("sacct", "-X", "-n", "-P", "-D", "-o", "jobidraw,comment,state,reqmem,alloctres,partition").splitlines()
    names = ("id", "comment", "state", "memory", "granted", "partition")
    seen["accounts"] = [dict(zip(names, line.split("|"), strict=True)) for line in lines]
    if KEPT:
        Path(KEPT).mkdir(parents=True, exist_ok=True)
        (Path(KEPT) / "slurm.txt").write_text(seen["text"])
        (Path(KEPT) / "local.txt").write_text(seen["local text"])
        everything = ask("sacct", "-X", "-D", "-o", "jobid,comment%50,partition,state%20,reqmem,alloctres%50,elapsed")
        (Path(KEPT) / "sacct.txt").write_text(everything)
    return seen


def test_results_equal_those_of_a_local_run(story):
    """Weights to the bit, and so every number after them."""
    paths = [f"models/{model}/seed0/model.safetensors" for model in TRAINED]
    paths += ["stats/labels.csv", "subsets/bus/boxes.csv", "scales/m1/seed0.csv"]
    paths += [f"tables/{table}.csv" for table in TABLES]
    for path in paths:
        ours, theirs = (story[place] / "results/tiny" / path for place in ("folder", "local"))
        assert ours.read_bytes() == theirs.read_bytes(), path
    for path in (story["local"] / "results/tiny/metrics").rglob("*.json"):
        other = story["folder"] / path.relative_to(story["local"])
        assert json.loads(path.read_text()) == json.loads(other.read_text())


def test_histories_have_no_gap_and_no_step_twice(story):
    """Row by row that of the local run, but for the clock."""
    for model in TRAINED:
        rows = []
        for place in ("folder", "local"):
            with open(story[place] / f"results/tiny/models/{model}/seed0/history.csv", newline="") as table:
                rows.append(list(csv.DictReader(table)))
        for ours, theirs in zip(*rows, strict=True):
            assert {k: v for k, v in ours.items() if "second" not in k} == {
                k: v for k, v in theirs.items() if "second" not in k
            }


def test_only_networks_are_granted_gpus(story):
    """In Slurm's own accounts: each training and prediction one GPU, on the partition for it; the rest none."""
    networks = {"train_model", "predict", "select_scales", "weigh_scales"}
    seen = set()
    for job in story["accounts"]:
        if not job["comment"] or "PENDING" in job["state"] or not job["granted"]:
            continue
        rule = next((name for name in networks if job["comment"].startswith(f"rule_{name}")), None)
        seen.add(rule)
        assert ("gres/gpu=1" in job["granted"]) == (rule is not None), job
        assert job["partition"] == ("gpu" if rule else "cpu")
    assert seen == networks | {None}
    for model in TRAINED:
        assert re.search(r"asks for 1 GPU\(s\), CUDA_VISIBLE_DEVICES is [01]\n", log(story, model)), model


def test_no_flood_of_light_jobs(story):
    """Preparing the data is one job of the cluster; tables and figures are none."""
    text = "\n".join(job["comment"] for job in story["accounts"])
    assert not re.search("fill_buckets|rebucket|make_|draw_", text)
    assert len(re.findall("generate_toycity|list_images|pack_images|count_labels", text)) == 4
    assert len(re.findall(r"^rule_data_.*generate_toycity", text, re.M)) == 1


def test_preempted_training_goes_on_from_its_checkpoint(story):
    """Slurm put the job back under its own id, and no step that had been saved was done again."""
    states = [account["state"] for account in story["accounts"] if account["id"] == story["preempted"]]
    assert any(state.startswith("PREEMPTED") for state in states), states
    resumed = int(re.search(r"training resumes after step (\d+)", log(story, "m1"))[1])
    assert resumed >= min(story["saved"].values())


def test_cancelled_job_is_retried_with_more_memory(story):
    """scancel in mid-training: the next attempt asks for twice the memory and resumes."""
    attempts = [job for job in story["accounts"] if job["comment"].startswith("rule_train_model_wildcards_m1")]
    assert any(job["state"].startswith("CANCELLED") for job in attempts)
    first, last = (int(attempts[index]["memory"].rstrip("M")) for index in (0, -1))
    assert last == 2 * first
    assert "training resumes after step" in log(story, "m1")


def test_out_of_memory_is_retried_with_more(story):
    attempts = [job for job in story["accounts"] if job["comment"].startswith("rule_train_model_wildcards_unet")]
    assert attempts[0]["memory"] == f"{MB_TOO_FEW}M" and attempts[0]["state"] != "COMPLETED"
    assert attempts[-1]["memory"] in (f"{2 * MB_TOO_FEW}M", f"{3 * MB_TOO_FEW}M")
    assert attempts[-1]["state"] == "COMPLETED"


def test_restarted_snakemake_kept_what_was_done(story):
    """Killed while the expert trained: M0 and M1 stood and were not trained again, and the expert went on."""
    assert {path.parent.parent.name for path in story["times"]} == {"m0", "m1"}
    for path, modified in story["times"].items():
        assert path.stat().st_mtime_ns == modified, path
    assert "training resumes after step" in log(story, "m2-bus")


def test_failing_job_shows_its_log(story):
    """The reason stands on the terminal of the one who waits, with the names of the logs."""
    target = "results/tiny/models/broken/seed0/model.safetensors"
    (story["folder"] / "terminal.txt").unlink()
    process = start(story["folder"], *SLURM, "--retries", "0", targets=(target,))
    text = finish(process, story["folder"])
    assert process.returncode == 1
    assert "training stopped at step" in text
    assert "logs/tiny/train_model/broken.seed0.log" in text and ".snakemake/slurm_logs" in text
