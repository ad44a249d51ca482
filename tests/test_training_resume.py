"""No work is lost: killed at any moment, a run ends with the weights of an undisturbed one, bit for bit."""

import logging
import os
import random
import signal
import time

import pandas as pd
import pytest
import torch
import training_fakes
from safetensors.torch import load_file

from tailcutmix.training import engine
from tailcutmix.training.checkpoint import Checkpoints, run_key

STEPS = 60
SGD = {"warmup": 0.1, "accumulate": 2, "auxiliary_weight": 0.1, "grad_clip": 1.0}
ADAMW_PLATEAU = {"optimizer": "adamw", "lr": 0.01, "schedule": "plateau"}


@pytest.fixture(scope="module")
def spawn():
    """Starts a run in a process of its own; gives the process and the shared number of the step it is at."""
    context = training_fakes.quick_processes()

    def start(out, settings, log):
        reached = context.Value("q", -1, lock=False)
        arguments = (out, STEPS, reached, settings, log)
        process = context.Process(target=training_fakes.run_reporting_steps, args=arguments)
        process.start()
        return process, reached

    return start


@pytest.fixture(scope="module", params=[SGD, ADAMW_PLATEAU], ids=["sgd-poly", "adamw-plateau"])
def undisturbed(request, spawn, tmp_path_factory):
    """(settings, folder of a run that nothing disturbed)."""
    out = tmp_path_factory.mktemp("undisturbed")
    process, _ = spawn(out, request.param, out / "log")
    process.join()
    assert process.exitcode == 0
    return request.param, out


def assert_same_run(out, expected):
    ours, theirs = (load_file(folder / "model.safetensors") for folder in (out, expected))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    histories = [pd.read_csv(folder / "history.csv") for folder in (out, expected)]
    timeless = [history.drop(columns=["seconds", "images_per_second"]) for history in histories]
    pd.testing.assert_frame_equal(*timeless, check_exact=True)
    assert histories[0].seconds.is_monotonic_increasing
    assert not (out / "running").exists()


@pytest.mark.parametrize("how", ["kill", "kill and truncate", "terminate"])
def test_ten_interruptions_leave_no_trace_in_the_weights(how, undisturbed, spawn, tmp_path):
    settings, expected = undisturbed
    draw = random.Random(how)
    resumed = []
    for target in sorted(draw.sample(range(1, STEPS - 5), 10)):
        process, reached = spawn(tmp_path, settings, tmp_path / "log")
        while reached.value < target:
            assert process.is_alive()
            time.sleep(0.0005)
        time.sleep(draw.uniform(0, 0.006))
        os.kill(process.pid, signal.SIGTERM if how == "terminate" else signal.SIGKILL)
        process.join()
        assert process.exitcode == (128 + signal.SIGTERM if how == "terminate" else -signal.SIGKILL)
        files = sorted((tmp_path / "running").glob("step-*.safetensors"))
        assert len(files) <= 3  # two, and one more where the kill fell between writing and tidying
        resumed.append(len(files))
        if how == "kill and truncate" and files:
            os.truncate(files[-1], draw.randrange(os.path.getsize(files[-1])))
    assert any(resumed)
    process, _ = spawn(tmp_path, settings, tmp_path / "log")
    process.join()
    assert process.exitcode == 0
    assert_same_run(tmp_path, expected)
    log = (tmp_path / "log").read_text()
    assert "training resumes after step" in log
    assert ("cannot be read" in log) == (how == "kill and truncate")
    assert ("SIGTERM: saved after step" in log) == (how == "terminate")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_after_the_step_and_leaves_the_handlers_as_they_were(number, tmp_path):
    before = [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)]

    def send(step):
        if step == 3:
            os.kill(os.getpid(), number)

    with pytest.raises(SystemExit) as exit:
        training_fakes.run(tmp_path, 9, send, checkpoint_seconds=1000)
    assert exit.value.code == 128 + number
    assert [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)] == before
    assert [path.name for path in (tmp_path / "running").iterdir()] == ["step-000000004.safetensors"]
    steps = []
    training_fakes.run(tmp_path, 9, steps.append)
    assert steps == [4, 5, 6, 7, 8]


def test_losses_read_ten_steps_at_a_time_as_on_a_gpu_change_nothing(tmp_path, monkeypatch):
    settings = {"history_every": 9, "optimizer": "adamw", "schedule": "plateau"}
    training_fakes.run(tmp_path / "each", 37, **settings)
    monkeypatch.setattr(engine, "STEPS_BETWEEN_READS", {"cpu": 10})
    training_fakes.run(tmp_path / "tens", 37, **settings)
    assert_same_run(tmp_path / "tens", tmp_path / "each")

    def send(step):
        if step == 21:
            os.kill(os.getpid(), signal.SIGTERM)

    stopped = tmp_path / "stopped"
    with pytest.raises(SystemExit):
        training_fakes.run(stopped, 37, send, **settings)
    assert max(path.name for path in (stopped / "running").iterdir()) == "step-000000027.safetensors"
    training_fakes.run(stopped, 37, **settings)
    assert_same_run(stopped, tmp_path / "each")


TENSORS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(7), "c": torch.zeros(0)}


def damaged(folder, place):
    """Two checkpoints, and one bit of the newer turned, ``place`` of the way through the file."""
    checkpoints = Checkpoints(folder)
    for step in (1, 2):
        checkpoints.save(step, TENSORS, {"step": step})
    checkpoints.close()
    path = sorted(folder.iterdir())[-1]
    content = bytearray(path.read_bytes())
    content[int(place * (len(content) - 1))] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("place", [0.0, 0.1, 0.3, 0.5, 0.8, 1.0])
def test_one_wrong_bit_anywhere_falls_back_to_the_checkpoint_before(place, tmp_path):
    damaged(tmp_path, place)
    tensors, state = Checkpoints(tmp_path).newest()
    assert state == {"step": 1}
    assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)


def test_a_damaged_checkpoint_and_half_written_ones_are_tidied_away_by_the_next(tmp_path):
    damaged(tmp_path, 0.5)
    (tmp_path / ".step-000000002.safetensors.99").write_text("half")
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1, TENSORS, {"step": 1})
    checkpoints.close()
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000001.safetensors"]


def test_a_checkpoint_that_cannot_be_written_is_said_and_does_not_end_the_training(tmp_path, caplog):
    (tmp_path / "running").write_text("a file where the folder should be")
    with caplog.at_level(logging.ERROR):
        checkpoints = Checkpoints(tmp_path / "running")
        checkpoints.save(1, TENSORS, {}, wait=True)
    assert "could not write a checkpoint" in caplog.text


def test_a_run_is_named_by_its_content_not_by_the_order_of_keys():
    assert run_key({"a": 1, "b": {"c": [1, 2], "d": None}}) == run_key({"b": {"d": None, "c": [1, 2]}, "a": 1})
    assert run_key({"a": 1}) != run_key({"a": 2})
