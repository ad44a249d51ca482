"""Which experts an ensemble uses, and how far an expert's logit is moved: both against their definitions."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from tailcutmix.confusion import confusion_matrix
from tailcutmix.dataset.images import write_png
from tailcutmix.errors import UserError
from tailcutmix.files import write_csv
from tailcutmix.labels import Label, LabelTable
from tailcutmix.models.build import build_model
from tailcutmix.plan.settings.jobs import Inference
from tailcutmix.plan.settings.recipe import Network
from tailcutmix.plan.settings.results import Selection
from tailcutmix.prediction.gate import read_gate, select_experts
from tailcutmix.prediction.inference import build_predictor
from tailcutmix.prediction.prior import prior_shift

ROAD, BUS, CAR = LABELS = Label(7, "road", 0), Label(28, "bus", 1), Label(26, "car", 2)
TABLE = LabelTable((Label(0, "void", 255), *LABELS))


@pytest.fixture
def val(tmp_path):
    """Truth, M1's predictions and those of two experts, of four images of noise; the manifest and the folders."""
    rng = np.random.default_rng(0)
    truth = rng.choice(np.array([0, 7, 28, 26], np.uint8), (4, 9, 9))
    truth[2:][truth[2:] == CAR.id] = ROAD.id  # only two images hold a car
    m1 = np.where(rng.random(truth.shape) < 0.5, truth, ROAD.id).astype(np.uint8)
    right = np.where(rng.random(truth.shape) < 0.5, truth, ROAD.id).astype(np.uint8)
    wrong = np.full_like(truth, CAR.id)
    folders = {"truth": truth, "m1": m1, "bus": right, "car": wrong}
    for name, images in folders.items():
        for number, image in enumerate(images):
            write_png(tmp_path / name / f"image{number}.png", image)
    rows = [{"image_id": f"image{n}", "label": str(tmp_path / f"truth/image{n}.png")} for n in range(4)]
    return pd.DataFrame([*rows, {"image_id": "unlabelled", "label": ""}]), tmp_path, folders


def choose(val, experts=(BUS, CAR), **selection) -> pd.DataFrame:
    manifest, folder, _ = val
    named = {known: folder / known.name for known in experts}
    return select_experts(folder / "m1", named, manifest, TABLE, Selection(**selection)).set_index("class")


def test_iou_with_and_without_an_expert_is_that_of_the_confusion(val):
    _, _, maps = val
    gate = choose(val)
    for known in (BUS, CAR):
        laid = np.where(maps[known.name] == known.id, known.id, maps["m1"])
        for column, predicted in (("iou_base", maps["m1"]), ("iou_expert", laid)):
            counts = confusion_matrix(maps["truth"], predicted, (256, 256))
            counts[0] = 0  # void is not evaluated
            hits = counts[known.id, known.id]
            assert gate.at[known.name, column] == hits / (counts[known.id].sum() + counts[:, known.id].sum() - hits)
    assert gate["images"].tolist() == [4, 2] and gate["used"].tolist() == [True, False]


def test_an_expert_needs_enough_evidence(val):
    gain = choose(val).eval("iou_expert - iou_base")["bus"]
    assert choose(val, margin=gain - 1e-6).used["bus"] and not choose(val, margin=gain + 1e-6).used["bus"]
    assert choose(val, min_images=4).used["bus"] and not choose(val, min_images=5).used["bus"]
    manifest, *rest = val
    assert not choose((manifest.tail(1), *rest)).used.any(), "no labelled image, no evidence"
    assert choose(val, experts=()).empty


def test_the_gate_survives_the_way_through_its_file(val, tmp_path):
    write_csv(choose(val).reset_index(), tmp_path / "gate.csv")
    assert read_gate(tmp_path / "gate.csv", (BUS, CAR)) == {BUS}
    (tmp_path / "gate.csv").write_text("class\nbus\n")
    with pytest.raises(UserError, match="used is missing"):
        read_gate(tmp_path / "gate.csv", (BUS, CAR))


def write_prior(folder, seen: dict[str, list[int]], shares: dict[str, float]):
    write_csv(pd.DataFrame({f"pixels_seen:{name}": pixels for name, pixels in seen.items()}), folder / "history.csv")
    rows = [{"split": "train", "class": name, "share": share} for name, share in shares.items()]
    rows += [{"split": "val", "class": name, "share": 0.5} for name in shares]
    write_csv(pd.DataFrame(rows), folder / "labels.csv")
    return folder / "history.csv", folder / "labels.csv"


def test_the_shift_is_the_log_ratio_of_the_shares(tmp_path):
    files = write_prior(tmp_path, {"road": [60, 20], "bus": [10, 10]}, {"road": 0.99, "bus": 0.01})
    assert prior_shift(*files, BUS) == pytest.approx(math.log(0.01 / 0.2))
    with pytest.raises(UserError, match="pixels_seen:car is missing"):
        prior_shift(*files, CAR)
    files = write_prior(tmp_path, {"road": [60], "bus": [0]}, {"road": 0.99, "bus": 0.01})
    with pytest.raises(UserError, match="bus has no pixel"):
        prior_shift(*files, BUS)


def test_a_shift_moves_the_logits_of_the_experts_class_alone():
    """So much that it never wins, and, the other way, always; with the scales of its class and with all."""
    torch.manual_seed(0)
    network = Network(width=4, head_channels=8)
    model = build_model(network, 3).eval()
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
    plain = build_predictor(network, Inference((0.5, 1.0)), model, expert_of=BUS)
    for amount, chosen in ((-1e3, None), (1e3, None), (1e3, {0: "full", 1: "training", 2: "full"})):
        inference = Inference((0.5, 1.0, 2.0)) if chosen else Inference((0.5, 1.0))
        moved = build_predictor(network, inference, model, chosen=chosen, expert_of=BUS, shift=amount)
        (before,), (after,) = plain.logits(images).values(), moved.logits(images).values()
        assert torch.equal(after[:, [0, 2]], before[:, [0, 2]])
        torch.testing.assert_close(after[:, 1], before[:, 1] + amount)
        assert ((moved.labels(images) == BUS.train_id).all()) == (amount > 0)
    assert not build_predictor(network, Inference((1.0,)), model, shift=9.0).shift, "only an expert's class is moved"
