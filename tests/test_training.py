"""The step against plain arithmetic, the rate, the history, and what a person is told."""

import copy
import logging
import math
from dataclasses import replace

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F
from training_fakes import COUNTS, FakeSampler, TinyNet, run, run_of

from tailcutmix.devices import Usage
from tailcutmix.errors import UserError
from tailcutmix.models.weights import load_weights, save_weights
from tailcutmix.plan.settings.recipe import LOSSES, Training
from tailcutmix.training import engine
from tailcutmix.training.checkpoint import pack_optimiser, unpack_optimiser
from tailcutmix.training.class_weights import inverse_frequency
from tailcutmix.training.engine import train
from tailcutmix.training.losses import build_loss
from tailcutmix.training.optimisation import build_optimiser, training_step
from tailcutmix.training.schedule import Plateau, polynomial_rate
from tailcutmix.training.targets import Targets

STEP = Training(lr=0.1)


def one_step(network, batch, targets=None, auxiliary=0.0, **changed):
    """(loss, norm) of one step on a copy, and the copy; the keys of ``training`` are ``changed``."""
    network = copy.deepcopy(network)
    training = replace(STEP, **changed)
    optimiser = build_optimiser(network, training)
    targets = targets or Targets(batch.labels, batch.labels_b, batch.lam)
    loss_of = build_loss(training, COUNTS, torch.device("cpu"))
    loss, norm = training_step(network, optimiser, batch.images, targets, training, loss_of, auxiliary)
    return float(loss), float(norm), network


def test_a_step_is_the_plain_torch_step():
    torch.manual_seed(0)
    network, batch = TinyNet(dropout=0.0), FakeSampler().batch(4)
    weights = inverse_frequency(COUNTS.pixels)
    assert len(weights.unique()) == 3
    loss, norm, ours = one_step(network, batch, auxiliary=0.25, class_weights="inverse_frequency")
    optimiser = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9, weight_decay=1e-4)
    outputs = network(batch.images)
    expected = F.cross_entropy(outputs.logits, batch.labels, weights, ignore_index=255)
    expected = expected + 0.25 * F.cross_entropy(outputs.auxiliary[0], batch.labels, weights, ignore_index=255)
    expected.backward()
    optimiser.step()
    assert loss == pytest.approx(expected.item(), rel=1e-5)
    assert norm == pytest.approx(math.sqrt(sum(p.grad.square().sum().item() for p in network.parameters())), rel=1e-5)
    for mine, theirs in zip(ours.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("parts", [2, 3, 4, 9])
@pytest.mark.parametrize("mixup", [False, True])
@pytest.mark.parametrize("loss", LOSSES)
def test_accumulated_parts_give_the_step_of_the_whole_batch(parts, mixup, loss):
    network, batch = TinyNet(dropout=0.0, normalise=False), FakeSampler(mixup=mixup).batch(5)
    whole, in_parts = (one_step(network, batch, loss=loss, accumulate=accumulate) for accumulate in (1, parts))
    assert in_parts[:2] == pytest.approx(whole[:2], rel=1e-5)
    for mine, theirs in zip(in_parts[2].parameters(), whole[2].parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-7)


def test_bf16_is_the_same_step_in_coarser_numbers():
    network, batch = TinyNet(dropout=0.0), FakeSampler().batch(5)
    fine, coarse = one_step(network, batch), one_step(network, batch, bf16=True)
    assert coarse[:2] == pytest.approx(fine[:2], rel=0.03)
    assert coarse[:2] != fine[:2]
    assert all(parameter.dtype == torch.float32 for parameter in coarse[2].parameters())


def test_clipping_bounds_the_change_of_the_weights():
    network, batch = TinyNet(dropout=0.0), FakeSampler().batch(1)
    _, norm, moved = one_step(network, batch, grad_clip=0.01, lr=1.0, weight_decay=0.0)
    pairs = zip(moved.parameters(), network.parameters(), strict=True)
    change = math.sqrt(sum((a - b).square().sum().item() for a, b in pairs))
    assert norm > 0.01
    assert change == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize("changed", [*({"loss": loss} for loss in LOSSES), {"class_weights": "effective_number"}])
def test_a_batch_without_a_labelled_pixel_teaches_nothing(changed):
    batch = FakeSampler().batch(0)
    targets = Targets(torch.full_like(batch.labels, 255))
    loss, norm, _ = one_step(TinyNet(), batch, targets, **changed)
    assert (loss, norm) == (0.0, 0.0)


def test_the_polynomial_rises_then_falls_to_zero():
    rates = [polynomial_rate(step, 100, 0.2, 2.0, warmup=0.1) for step in range(100)]
    assert max(rates) == rates[9] == pytest.approx(0.2 * 0.91**2)
    assert all(a < b for a, b in zip(rates[:9], rates[1:10], strict=True))
    assert all(a > b for a, b in zip(rates[9:-1], rates[10:], strict=True))
    assert rates[50] == pytest.approx(0.2 * 0.25)
    assert polynomial_rate(0, 100, 0.2, 2.0) == 0.2


def test_the_plateau_waits_five_epochs_then_takes_a_tenth_and_stops_at_its_floor():
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.001)
    schedule, rates = Plateau(optimiser), []
    for _ in range(30):
        schedule.after_epoch(1.0)
        rates.append(optimiser.param_groups[0]["lr"])
    assert rates[:6] == [0.001] * 6
    assert rates[6] == pytest.approx(0.0001)
    assert rates[-1] == pytest.approx(1e-5)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_a_restored_optimiser_has_the_memory_layout_of_its_parameters(optimizer):
    network = TinyNet().to(memory_format=torch.channels_last)
    batch, training = FakeSampler().batch(0), replace(STEP, optimizer=optimizer)
    optimiser = build_optimiser(network, training)
    loss = build_loss(training, COUNTS, torch.device("cpu"))
    training_step(network, optimiser, batch.images, Targets(batch.labels), training, loss)
    restored = build_optimiser(network, training)
    tensors, values = pack_optimiser(optimiser)
    unpack_optimiser(restored, {name: value.contiguous() for name, value in tensors.items()}, values)
    for parameter in network.parameters():
        for name, value in optimiser.state[parameter].items():
            assert torch.equal(restored.state[parameter][name], value)
            assert restored.state[parameter][name].stride() == value.stride()


def test_history_counts_every_step_once(tmp_path):
    run(tmp_path, 25, checkpoint_seconds=1000)
    rows = pd.read_csv(tmp_path / "history.csv")
    slugs = ("road", "traffic_light", "train")
    assert list(rows.columns) == [
        *("step", "epoch", "lr", "loss", "seconds", "images_per_second"),
        *("images_mixed", "cyc_draws", "cyc_fallbacks"),
        *("patches_cropped", "patches_clipped", "patches_without_class"),
        *(f"pixels_pasted:{slug}" for slug in slugs),
        *(f"pixels_seen:{slug}" for slug in slugs),
    ]
    assert rows.step.tolist() == [7, 14, 21, 25]
    assert rows.epoch.tolist() == [0.7, 1.4, 2.1, 2.5]
    assert rows.images_mixed.tolist() == [28, 28, 28, 16]
    assert rows["pixels_pasted:train"].sum() == 25 * 5 and rows["pixels_seen:train"].sum() == 25 * 6
    assert rows.loss.iloc[-1] < rows.loss.iloc[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["history.csv", "model.safetensors"]


@pytest.mark.parametrize("read_every", [1, 10])
def test_a_loss_that_is_not_finite_names_the_step_and_the_images(tmp_path, monkeypatch, read_every):
    monkeypatch.setattr(engine, "STEPS_BETWEEN_READS", {"cpu": read_every})
    with pytest.raises(UserError, match=r"step 3: loss nan.* image3_0, image3_1, image3_2, image3_3; lower") as error:
        train(TinyNet(), FakeSampler(nan_at=3), run_of(tmp_path, 10, history_every=2))
    assert "\n" not in str(error.value)
    assert not (tmp_path / "model.safetensors").exists()
    for path in (tmp_path / "running").iterdir():
        saved = load_file(path)
        assert all(saved[name].isfinite().all() for name in saved if name.startswith("model/")), path


def test_log_lines_tell_what_a_bar_would(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        run(tmp_path, 5, log_every_seconds=0)
    lines = [record.getMessage() for record in caplog.records]
    assert any(line.startswith("step 3 of 5, loss ") and "images/s" in line and "left" in line for line in lines)
    assert "trained 5 steps" in lines[-1] and "peak memory" in lines[-1]


def test_a_gpu_tells_memory_and_utilisation_and_one_that_does_not_stops_nothing(monkeypatch):
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: None)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 3 * 2**30)
    for tells in (lambda device: 80, lambda device: [][0]):
        monkeypatch.setattr(torch.cuda, "utilization", tells)
        usage = Usage(torch.device("cuda"))
        usage.sample()
        usage.sample()
        assert len(usage.samples) <= 1, "at most one a second"
        assert "peak GPU memory 3.00 GiB" in str(usage)
        assert str(usage).endswith("80 %" if usage.samples else "not told by the driver")


def test_a_terminal_gets_a_bar(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    run(tmp_path, 5)
    assert "5/5" in capsys.readouterr().err


def test_tensorboard_events_hold_the_history(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run(tmp_path, 14, tensorboard=True)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    rows = pd.read_csv(tmp_path / "history.csv")
    assert [event.value for event in events.Scalars("loss")] == pytest.approx(rows.loss.tolist(), rel=1e-6)


def test_weights_load_into_the_same_network_only(tmp_path):
    network, path = TinyNet().to(memory_format=torch.channels_last), tmp_path / "model.safetensors"
    save_weights(network, path)
    other = TinyNet()
    load_weights(other, path)
    assert all(
        torch.equal(a, b) for a, b in zip(network.state_dict().values(), other.state_dict().values(), strict=True)
    )
    with pytest.raises(UserError, match="norm.bias is .8,. there and nothing here"):
        load_weights(TinyNet(normalise=False), path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match="cannot read these weights"):
        load_weights(other, path)
    with pytest.raises(UserError, match="absent.safetensors"):
        load_weights(other, tmp_path / "absent.safetensors")
