"""The whole workflow where there is little to cut: two classes, a class that never occurs, an empty tail."""

import json

import cv2
import numpy as np
import pandas as pd
import pytest
from workflow_runs import TINY, copy_workflow, run

HEADER = "id,name,train_id,category,has_instances,colour,average_instance_size\n"
GROUND, BALL, NEVER = "0,ground,0,ground,0,#804080,\n", "1,red ball,1,thing,0,#dc143c,\n", "2,cube,2,thing,0,#0000ff,\n"
SUFFIX = {"train": "", "val": "1", "test": "2"}
TABLES = ["table1", "differences", "per_class", "claims"]
FIGURES = ["fig1_level_crops", "fig2_cutmix", "label_distribution", "training", "mixing", "per_class_iou",
           "qualitative", "claims", "claims_in_pictures", "confusions", "scale_attention",
           "scales_by_class"]  # fmt: skip


def draw(root, splits):
    """Grey images with a red ball in two of three; ids are numbers with leading zeros."""
    rng = np.random.default_rng(0)
    for split, images in splits.items():
        for number in range(images):
            image = rng.integers(90, 130, (64, 96, 3)).astype(np.uint8)
            label = np.zeros((64, 96), np.uint8)
            if number % 3 < 2:
                centre, radius = (int(rng.integers(10, 86)), int(rng.integers(10, 54))), int(rng.integers(4, 9))
                cv2.circle(image, centre, radius, (40, 40, 200), -1)
                cv2.circle(label, centre, radius, 1, -1)
            for kind, array in (("images", image), ("labels", label)):
                path = root / kind / split / f"{number:04d}{SUFFIX[split]}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(path), array)


@pytest.fixture
def folder(tmp_path):
    draw(tmp_path / "balls", {"train": 6, "val": 3, "test": 3})
    return copy_workflow(tmp_path)


def overlay(labels, **buckets):
    dataset = {"name": "balls", "source": "folders", "root": "balls", "labels": labels}
    return TINY | {"dataset": dataset, "buckets": buckets, "tables": {"table1": ["m1", "ensemble"]}}


def finished(folder, config):
    """Run to the end; the folder of results."""
    run(folder, overlay=config)
    results = folder / "results/balls"
    for name in TABLES:
        assert all((results / f"tables/{name}.{suffix}").stat().st_size for suffix in ("csv", "md", "html", "tex"))
    for name in FIGURES:
        assert all((results / f"figures/{name}.{suffix}").stat().st_size for suffix in ("png", "pdf"))
    return results


def log(folder, name):
    return (folder / f"logs/balls/{name}.log").read_text()


def test_an_empty_tail_and_a_class_that_never_occurs_reach_table_1(folder):
    (folder / "three.csv").write_text(HEADER + GROUND + BALL + NEVER)
    config = overlay("three.csv", cuts=[1, 1], tail=[])
    refused = run(folder, overlay=config, check=False).stdout
    assert "m1 would do nothing: no class is in the tail" in refused and "tables.allow_idle" in refused
    results = finished(folder, config | {"tables": {**config["tables"], "allow_idle": True}})
    assert "did nothing: no class is in the tail" in (results / "tables/table1.md").read_text()
    buckets = pd.read_csv(results / "buckets/final.csv").set_index("class")["bucket"]
    assert buckets.to_dict() == {"ground": "head", "red ball": "middle", "cube": "absent"}
    assert "train: classes that never occur: cube" in log(folder, "count_labels")
    for name in ("fill_buckets", "rebucket"):
        assert "absent: cube" in log(folder, name) and "the tail is empty" in log(folder, name)
    assert "the tail is empty" in log(folder, "train_model/m1.seed0")
    assert "there are no experts" in log(folder, "ensemble/ensemble.seed0.test")
    scores = [json.loads((results / f"metrics/{name}/seed0/test.json").read_text()) for name in ("m1", "ensemble")]
    assert scores[0] | {"model": "ensemble"} == scores[1], "without experts MR is Mr1"
    assert "no experts" in (results / "tables/claims.md").read_text()
    assert "absent from train" in (results / "tables/per_class.md").read_text()
    assert not (results / "subsets").exists()


def test_two_classes_run_from_the_checkpoint_to_an_expert(folder):
    (folder / "two.csv").write_text(HEADER + GROUND + BALL)
    results = finished(folder, overlay("two.csv", cuts=None, good=1.0))
    buckets = pd.read_csv(results / "buckets/final.csv").set_index("class")
    assert buckets["bucket"].to_dict() == {"ground": "head", "red ball": "tail"}
    assert buckets.loc["red ball", "reason"].startswith("not good")
    boxes = pd.read_csv(results / "subsets/red_ball/boxes.csv", dtype={"image_id": str})
    assert len(boxes) == 4 * 3 and set(boxes["image_id"]) == {"0000", "0001", "0003", "0004"}
    history = pd.read_csv(results / "models/m2-red_ball/seed0/history.csv")
    assert history["images_mixed"].sum() > 0 and history["pixels_pasted:red_ball"].sum() > 0
    assert history["patches_clipped"].sum() > 0, "level 3 reaches beyond these small images"
    assert pd.read_csv(results / "tables/claims.csv")["class"].tolist() == ["red ball"]
    assert pd.read_csv(results / "scales/m1/seed0.csv")["class"].tolist() == ["ground", "red ball"]
