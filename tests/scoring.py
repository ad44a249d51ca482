"""What the tests of the scores share: files in Cityscapes naming, and the reference evaluator as an oracle."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tailcutmix.labels import read_labels
from tailcutmix.metrics.pairs import Pair

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))
CITYSCAPES = read_labels(ROOT / "config/labels/cityscapes.csv")

Scene = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Ground truth label ids, instance values, predicted ids of one image."""


def street_scene(rng: np.random.Generator, height: int, width: int, things: int) -> Scene:
    """A street with so many things, and a prediction that is right in part."""
    from streets import predicted, street

    label, instance = street(rng, height, width, things)
    return label, instance, predicted(rng, label)


def write_pair(folder: Path, index: int, scene: Scene) -> Pair:
    """Write one image as Cityscapes names it."""
    name = f"town_{index:06d}_000019"
    files = []
    for kind, part, image in zip(
        ("truth", "truth", "predictions"), ("gtFine_labelIds", "gtFine_instanceIds", "mine"), scene, strict=True
    ):
        path = folder / kind / f"{name}_{part}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
        files.append(str(path))
    return Pair(name, *files)


def write_pairs(folder: Path, scenes: Sequence[Scene]) -> list[Pair]:
    return [write_pair(folder, index, scene) for index, scene in enumerate(scenes)]


def instances_of(label: np.ndarray, number: np.ndarray | int = 0) -> np.ndarray:
    """Instance values of a label image in which every pixel of a class with instances belongs to one."""
    return np.where(label >= 24, label.astype(np.uint16) * 1000 + number, label).astype(np.uint16)


def load_reference():
    """The official evaluator; it needs a NumPy name that is gone since 2.4."""
    pytest.importorskip("cityscapesscripts")
    if not hasattr(np, "in1d"):
        np.in1d = np.isin
    from cityscapesscripts.evaluation import evalPixelLevelSemanticLabeling as reference

    reference.args.quiet, reference.args.JSONOutput = True, False
    return reference


def reference_scores(pairs: Sequence[Pair], size_factor: float = 1.0) -> dict:
    """What the official evaluator says of the files."""
    reference = load_reference()
    full = reference.args.avgClassSize
    reference.args.avgClassSize = {name: size / size_factor**2 for name, size in full.items()}
    try:
        return reference.evaluateImgLists(
            [pair.prediction for pair in pairs], [pair.label for pair in pairs], reference.args
        )
    finally:
        reference.args.avgClassSize = full


def same(ours: float | None, theirs: float) -> bool:
    """Equal to 1e-12, where our None is the reference's NaN."""
    return bool(np.isnan(theirs)) if ours is None else abs(ours - theirs) <= 1e-12


def assert_equal_to_reference(scores: dict, confusion: np.ndarray, expected: dict) -> None:
    """Every score, per class, per category and mean."""
    np.testing.assert_array_equal(confusion, np.array(expected["confMatrix"]))
    for ours, theirs in (
        ("iou_class", "averageScoreClasses"),
        ("iiou_class", "averageScoreInstClasses"),
        ("iou_category", "averageScoreCategories"),
        ("iiou_category", "averageScoreInstCategories"),
    ):
        assert same(scores[ours], expected[theirs]), ours
    for part, iou, iiou in (
        ("per_class", "classScores", "classInstScores"),
        ("per_category", "categoryScores", "categoryInstScores"),
    ):
        for name, cell in scores[part].items():
            assert same(cell["iou"], expected[iou][name]), (name, cell, expected[iou][name])
            assert same(cell["iiou"], expected[iiou][name]), (name, cell, expected[iiou][name])
        for kind in (iou, iiou):
            left_out = {name for name, value in expected[kind].items() if not np.isnan(value)} - set(scores[part])
            assert not left_out
    matrix = np.array(expected["confMatrix"], float)
    assert same(scores["accuracy"], np.trace(matrix) / matrix.sum())
