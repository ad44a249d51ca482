"""Declared inputs are true: what a job reads of results and configuration is an input of its rule."""

import os
import subprocess
import sys

import pytest
from recorded_reads import read_jobs, recording

READING = """
import subprocess, sys, threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

class Snakemake:
    rule, wildcards, input, output = "reading", {}, ["results/declared", "config/table.csv"], ["results/out.txt"]

snakemake = Snakemake()
import cv2, numpy, pandas, safetensors.torch
from PIL import Image
from safetensors import safe_open

pandas.read_csv("config/table.csv")
numpy.load("results/array.npy", mmap_mode="r")
cv2.imread("results/opencv.png")
Image.open("results/pillow.png").load()
safe_open("results/weights.safetensors", "np").keys()
safetensors.torch.load_file("results/declared/more.safetensors")
with open("results/.out", "w") as file:
    file.write("text")
Path("results/.out").replace("results/moved.txt").read_text()
Path("elsewhere.txt").read_text()
open("results/both.txt", "r+").close()
thread = threading.Thread(target=Path("results/thread.txt").read_text)
thread.start()
thread.join()
with ProcessPoolExecutor(1, get_context("fork")) as pool:
    pool.submit(Path("results/forked.txt").read_text).result()
subprocess.run([sys.executable, "-c", "open('results/child.txt')"], check=True)
"""


def test_recording_sees_every_way_of_reading(tmp_path):
    """Python's own, those of the libraries, threads and child processes; not what the job wrote itself."""
    import cv2
    import numpy as np
    import torch
    from safetensors.torch import save_file

    for folder in ("config", "results/declared"):
        (tmp_path / folder).mkdir(parents=True)
    results = tmp_path / "results"
    (tmp_path / "config/table.csv").write_text("a\n1\n")
    for name in ("results/thread.txt", "results/forked.txt", "results/child.txt", "results/both.txt", "elsewhere.txt"):
        (tmp_path / name).write_text("text")
    np.save(results / "array.npy", np.zeros(3))
    for name in ("opencv.png", "pillow.png"):
        cv2.imwrite(str(results / name), np.zeros((4, 4), np.uint8))
    for name in ("weights.safetensors", "declared/more.safetensors"):
        save_file({"a": torch.zeros(2)}, results / name)
    environment = {**os.environ, **recording(tmp_path / "record")}
    done = subprocess.run(
        [sys.executable, "-c", READING], cwd=tmp_path, env=environment, text=True, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    (job,) = read_jobs(tmp_path / "record")
    unnamed = {"array.npy", "opencv.png", "pillow.png", "weights.safetensors"}
    unnamed |= {"thread.txt", "forked.txt", "child.txt", "both.txt"}
    assert job.undeclared() == {f"results/{name}" for name in unnamed}
    assert job.read - job.undeclared() == {"config/table.csv", "results/declared/more.safetensors"}
    assert job.unread() == set()


def test_recording_refuses_the_network(tmp_path):
    """Another machine by its address or by its name; this machine and its sockets are none."""
    (tmp_path / "record").mkdir()
    reaching = """
import socket
for reach in (lambda: socket.create_connection(("192.0.2.1", 80), 1), lambda: socket.getaddrinfo("example.org", 80)):
    try:
        reach()
    except OSError as error:
        print(error)
with socket.create_server(("127.0.0.1", 0)) as server:
    socket.create_connection(server.getsockname()).close()
"""
    environment = {**os.environ, **recording(tmp_path / "record")}
    done = subprocess.run([sys.executable, "-c", reaching], env=environment, text=True, capture_output=True, check=True)
    assert done.stdout.splitlines() == ["no network: 192.0.2.1", "no network: example.org"]
    assert (tmp_path / "record/network.log").read_text().split() == ["192.0.2.1", "example.org"]


@pytest.fixture(scope="module")
def recorded(finished):
    """The folder of a finished run, and its jobs."""
    folder, _ = finished
    return folder, read_jobs(folder / "record")


def test_the_workflow_needs_no_network(recorded):
    """From raw images to Table 1, figures, page and submission; whatever reaches for another machine fails."""
    assert not (recorded[0] / "record/network.log").exists()


def test_every_job_is_recorded(recorded):
    folder, jobs = recorded
    assert len(jobs) == len(list((folder / "logs").rglob("*.log")))
    assert all(job.read for job in jobs if job.rule != "generate_toycity"), "what reads nothing was not watched"


def test_no_job_reads_what_it_does_not_declare(recorded):
    found = {(job.rule, path) for job in recorded[1] for path in job.undeclared()}
    assert not found, "\n".join(f"{rule} reads {path}" for rule, path in sorted(found))


MAY_STAY_UNREAD = {
    "ensemble": "/predictions/m2",  # of experts that the gate leaves out
    "make_per_class": ".npz",  # of the rows between the reference and the last
}


def test_every_declared_input_is_read(recorded):
    """What is declared and not read makes a rule run again for nothing; but some files turn out not to be needed."""
    unread = {(job.rule, path) for job in recorded[1] for path in job.unread()}
    found = {(rule, path) for rule, path in unread if MAY_STAY_UNREAD.get(rule, "\n") not in path}
    assert not found, "\n".join(f"{rule} does not read {path}" for rule, path in sorted(found))
