"""Several processes: GPU leases that a killed holder gives back, and DDP that computes what one process does."""

import os
import signal
import threading
import time
from dataclasses import replace

import pandas as pd
import pytest
import torch
import training_fakes
from safetensors.torch import load_file

from tailcutmix.devices import Lease, lease_devices
from tailcutmix.errors import UserError
from tailcutmix.training import launcher

GPUS = ["GPU-aa", "GPU-bb", "GPU-cc"]


@pytest.fixture
def holder(tmp_path):
    """Starts a process that leases GPUs; gives the process and a pipe that tells which."""
    context = training_fakes.quick_processes()
    started = []

    def start(gpus, identities=GPUS):
        told, holding = context.Pipe(duplex=False)
        arguments = (gpus, identities, tmp_path / "leases", holding)
        started.append(context.Process(target=training_fakes.hold_lease, args=arguments))
        started[-1].start()
        return started[-1], told

    yield start
    for process in started:
        process.kill()
        process.join()


def test_jobs_never_share_a_gpu_and_a_killed_one_gives_its_own_back(holder, tmp_path):
    first, first_told = holder(1)
    one = first_told.recv()
    second, second_told = holder(2)
    two = second_told.recv()
    assert sorted(one + two) == [0, 1, 2]
    _, third_told = holder(2)
    assert not third_told.poll(0.3)  # one GPU too few, and none is taken meanwhile
    os.kill(second.pid, signal.SIGKILL)
    assert sorted(third_told.recv()) == sorted(two)
    os.kill(first.pid, signal.SIGKILL)
    with lease_devices(1, GPUS, tmp_path / "leases", poll_seconds=0.02) as lease:
        assert [device.index for device in lease.devices] == one


def test_gpus_that_the_scheduler_hides_are_not_taken_and_the_same_gpu_is_one_under_any_index(
    holder, tmp_path, monkeypatch
):
    _, told = holder(1, ["GPU-bb"])  # a job to which GPU-bb is index 0
    told.recv()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,GPU-7")
    with lease_devices(1, ["GPU-bb", "GPU-cc"], tmp_path / "leases") as lease:
        assert lease.devices == [torch.device("cuda", 1)]
        assert lease.visible == "GPU-7"


def test_a_lease_lasts_as_long_as_a_process_that_inherited_it(tmp_path):
    with lease_devices(1, ["GPU-aa"], tmp_path) as lease:
        inherited = os.dup(lease.locks[0])
    waiting = threading.Timer(0.3, os.close, [inherited])
    waiting.start()
    began = time.monotonic()
    with lease_devices(1, ["GPU-aa"], tmp_path, poll_seconds=0.02):
        assert time.monotonic() - began > 0.2


def test_without_a_gpu_the_cure_is_named(tmp_path):
    with lease_devices(0) as lease:
        assert lease.devices == [torch.device("cpu")]
    with pytest.raises(UserError, match="--resources gpu=0"), lease_devices(1, [], tmp_path):
        pass
    with pytest.raises(UserError, match="CUDA shows 3 .*--resources gpu=3"), lease_devices(4, GPUS, tmp_path):
        pass


def one_process(out, steps, settings, on_step=lambda step: None, model=None, dtype=torch.float32):
    """The same job as :func:`training_fakes.run_distributed`, here."""
    torch.manual_seed(0)
    run = training_fakes.run_of(out, steps, **settings)
    training_fakes.train(
        model or training_fakes.TinyNet(dropout=0.0),
        training_fakes.FakeSampler(on_step=on_step, dtype=dtype),
        replace(run, pairs=training_fakes.FakePairs() if run.recipe.semi.taught else None),
    )


def launch(job, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.path.dirname(training_fakes.__file__))
    launcher.launch("training_fakes", job, processes=2, threads=2, lease=Lease([torch.device("cpu")], "", []))


def terminate_when(path):
    """Send this process SIGTERM as soon as a file is there."""

    def wait():
        while not path.exists():
            time.sleep(0.005)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


def test_two_processes_compute_what_one_does_and_after_a_sigterm_one_goes_on(tmp_path, monkeypatch):
    """With the teacher of unlabelled pairs, which is saved and goes on too."""
    settings = {"history_every": 1, "checkpoint_seconds": 1000, "auxiliary_weight": 0.1, "loss": "lovasz"}
    settings |= {"unlabelled": ["val"], "consistency_confidence": 0.4, "teacher_decay": 0.8}
    one, two = tmp_path / "one", tmp_path / "two"
    one_process(one, 24, settings)

    two.mkdir()
    terminate_when(two / "at20")
    with pytest.raises(SystemExit) as exit:
        launch({"out": str(two), "steps": 24, "settings": settings, "slow": True}, monkeypatch)
    assert exit.value.code == 128 + signal.SIGTERM
    saved = [path.name for path in (two / "running").iterdir()]
    assert len(saved) == 1 and saved[0] > "step-000000020"
    one_process(two, 24, settings)

    rows = [pd.read_csv(folder / "history.csv") for folder in (one, two)]
    assert rows[1].step.tolist() == rows[0].step.tolist() == list(range(1, 25))
    assert rows[1].loss.to_numpy() == pytest.approx(rows[0].loss.to_numpy(), rel=1e-4)
    assert rows[1].images_mixed.tolist() == rows[0].images_mixed.tolist() == [4] * 24
    weights = [load_file(folder / "model.safetensors") for folder in (one, two)]
    for name in weights[0]:
        torch.testing.assert_close(weights[1][name], weights[0][name], rtol=1e-3, atol=1e-4)


def test_hrnet_learns_alike_in_one_and_in_two_processes(tmp_path, monkeypatch):
    """In float64: in float32, AdamW's first steps turn rounding errors of near-zero gradients into whole steps."""
    settings = {"optimizer": "adamw", "lr": 0.005, "history_every": 1, "checkpoint_seconds": 1000}
    one, two = tmp_path / "one", tmp_path / "two"
    one_process(one, 20, settings, model=training_fakes.hrnet(torch.float64), dtype=torch.float64)
    two.mkdir()
    launch({"out": str(two), "steps": 20, "settings": settings, "hrnet": True, "dtype": "float64"}, monkeypatch)
    losses = [pd.read_csv(folder / "history.csv").loss.to_numpy() for folder in (one, two)]
    assert len(losses[0]) == 20 and losses[0][-1] < losses[0][0]
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)


def test_a_user_error_names_the_images_of_every_process_and_fewer_processes_can_go_on(tmp_path, monkeypatch):
    settings = {"history_every": 4, "checkpoint_seconds": 0, "accumulate": 2}
    job = {"out": str(tmp_path), "steps": 9, "settings": settings, "nan_at": 6}
    with pytest.raises(UserError, match="step 6: loss nan.* image6_0, image6_1, image6_2, image6_3; lower"):
        launch(job, monkeypatch)
    steps = []
    one_process(tmp_path, 9, settings, steps.append)
    assert steps == [6, 7, 8]
    assert pd.read_csv(tmp_path / "history.csv").images_mixed.tolist() == [16, 16, 4]
