"""The whole workflow on a tiny ToyCity: to Table 1, nothing twice, and only what a change concerns again."""

import json
import re
import subprocess
from importlib.metadata import version

import pandas as pd
import pytest
import yaml
from workflow_runs import FINISHED, TINY, copy_workflow, jobs, run

from tailcutmix.paper.provenance import commit_of


def test_all_results_of_the_contract_are_there(finished):
    folder, _ = finished
    results = folder / "results/tiny"
    tail = pd.read_csv(results / "buckets/final.csv").query("bucket == 'tail'")["class"].str.replace(" ", "_")
    assert len(tail) > 0, "the test needs an expert"
    wanted = ["manifest.csv", "stats/labels.csv", "buckets/initial.csv", "buckets/final.csv", "scales/m1/seed0.csv"]
    wanted += ["ensemble/seed0/test_claims.csv"]
    for model in ["unet", "m0", "m1", *(f"m2-{name}" for name in tail)]:
        wanted += [f"models/{model}/seed0/model.safetensors", f"models/{model}/seed0/history.csv"]
        wanted += [f"predictions/{model}/seed0/test"]
    for method in ["unet", "m0", "m1", "ensemble"]:
        wanted += [f"metrics/{method}/seed0/test.json"]
    for name in tail:
        wanted += [f"subsets/{name}/regions.csv", *(f"subsets/{name}/level{t}" for t in (1, 2, 3))]
    for table in ["table1", "per_class", "differences"]:
        wanted += [f"tables/{table}.{ending}" for ending in ("csv", "md", "html", "tex")]
    for figure in ["fig1_level_crops", "fig2_cutmix", "label_distribution", "training", "mixing", "per_class_iou"]:
        wanted += [f"figures/{figure}.png", f"figures/{figure}.pdf"]
    assert [path for path in wanted if not (results / path).exists()] == []
    assert not (results / "running").exists() or not any((results / "running").iterdir()), "running checkpoints stay"


def test_table1_says_whose_numbers_are_whose(finished):
    folder, _ = finished
    table = pd.read_csv(folder / "results/tiny/tables/table1.csv")
    published = table[table["dataset"] == "MiniCity"]
    assert published["iou_class"].tolist() == [0.39, 0.66]
    computed = table[table["dataset"] == "tiny"]
    scores = [
        json.loads((folder / f"results/tiny/metrics/{method}/seed0/test.json").read_text())["iou_class"]
        for method in ["unet", "m0", "m1", "ensemble"]
    ]
    assert computed["iou_class"].tolist() == pytest.approx(scores, rel=1e-5)


def test_report_shows_results_under_their_titles_with_captions(finished):
    folder, _ = finished
    run(folder, "--report", "report.html", overlay=FINISHED)
    text = (folder / "report.html").read_text()
    for words in ("Table 1", "Fig. 2, multi-level cutmix", "What each expert added", "rows of the technical report"):
        assert words in text, words


def test_what_is_published_says_what_it_was_made_by(finished):
    folder, _ = finished
    kept = folder / "docs/results/tiny"
    run_record = yaml.safe_load((kept / "run.yaml").read_text())
    assert run_record["commit"] is None, "this copy is no repository"
    assert run_record["libraries"]["torch"] == version("torch")
    assert run_record["configuration"]["dataset"] | FINISHED["dataset"] == run_record["configuration"]["dataset"]
    trained = run_record["jobs"]["train_model"]
    assert trained["jobs"] == len(list(folder.glob("results/tiny/models/*/seed0/model.safetensors")))
    assert trained["wall_seconds"] > 0 and trained["memory_mb"] > 100
    for name in ("table1", "ablation"):
        assert (kept / f"{name}.csv").read_bytes() == (folder / f"results/tiny/tables/{name}.csv").read_bytes()
    assert {"table1.md", "claims.md", "ablation.png", "fig2_cutmix.png"} <= {path.name for path in kept.iterdir()}


def test_a_commit_is_named_with_whether_files_differ(tmp_path):
    assert commit_of(tmp_path) == (None, None)
    for command in ("init -q", "-c user.name=a -c user.email=a@b commit -q --allow-empty -m first"):
        subprocess.run(["git", "-C", str(tmp_path), *command.split()], check=True)
    (tmp_path / "new.txt").touch()
    commit, changed = commit_of(tmp_path)
    assert re.fullmatch("[0-9a-f]{40}", commit) and changed is False, "an untracked file is no difference"
    subprocess.run(["git", "-C", str(tmp_path), "add", "new.txt"], check=True)
    assert commit_of(tmp_path) == (commit, True)


def test_every_job_left_log_and_benchmark(finished):
    folder, output = finished
    logs = {path.with_suffix("") for path in (folder / "logs/tiny").rglob("*.log")}
    assert len(logs) >= 30
    assert logs == {path.with_suffix("") for path in (folder / "logs/tiny").rglob("*.tsv")}


def test_second_run_has_nothing_to_do(finished):
    folder, _ = finished
    assert "Nothing to be done" in run(folder, overlay=FINISHED).stdout


@pytest.fixture
def expert(finished):
    """The model name of one of two experts."""
    tail = pd.read_csv(finished[0] / "results/tiny/buckets/final.csv").query("bucket == 'tail'")["class"]
    return f"m2-{tail.iloc[-1].replace(' ', '_')}"


def test_an_experts_schedule_concerns_that_expert_alone(finished, expert):
    """Its training, its prediction, and what is made from the ensemble: nothing else."""
    folder, _ = finished
    changed = {**FINISHED, "models": {**FINISHED["models"], expert: {"epochs": 3}}}
    done = run(folder, "-n", overlay=changed)
    counts = jobs(done.stdout)
    assert counts["train_model"] == 1 and counts["predict"] == 1
    assert counts["ensemble"] == 1 and counts["score_predictions"] == 1
    untouched = {"generate_toycity", "pack_images", "rebucket", "cut_tail_subset", "select_scales"}
    assert not untouched & set(counts)
    assert f"Train {expert}, seed 0" in done.stdout


@pytest.mark.parametrize(
    ("change", "reruns"),
    [
        ({"evaluation": {"bootstrap": 200}}, {"score_predictions", "make_table1"}),
        ({"models": {**FINISHED["models"], "unet": {"inference": {"flip": True}}}}, {"predict", "make_table1"}),
        ({"engine": {"checkpoint_seconds": 5}}, set()),
        ({"training": {"threads": 2}}, set()),
    ],
)
def test_a_change_reruns_what_depends_on_it(finished, change, reruns):
    """Nothing is trained again for what only scoring, predicting or the machine has to do with."""
    folder, _ = finished
    merged = {**FINISHED, **{key: {**FINISHED.get(key, {}), **value} for key, value in change.items()}}
    counts = jobs(run(folder, "-n", overlay=merged).stdout)
    assert not {"train_model", "cut_tail_subset", "pack_images"} & set(counts)
    assert reruns <= set(counts) if reruns else not counts


@pytest.mark.parametrize(
    ("change", "reruns"),
    [
        ({"tables": {"differences": [["m0", "m1"]]}}, {"make_differences", "record_index", "write_index"}),
        ({"models": {**FINISHED["models"], "m2": {"epochs": 1, "title": "another", "short": "word"}}}, set()),
        (
            {"models": {**FINISHED["models"], "m0": {"short": "M zero"}}},
            {"make_table1", "make_differences", "make_per_class", "make_claims", "draw_label_distribution",
             "draw_per_class_iou", "draw_training", "draw_mixing", "draw_qualitative", "draw_claims",
             "draw_claims_in_pictures", "draw_confusions", "draw_scale_attention", "draw_scales_by_class",
             "draw_bucket_moves", "record_index", "write_index"},
        ),
    ],
)  # fmt: skip
def test_names_and_pairs_concern_what_shows_them(finished, change, reruns):
    """What shows no methods stays, and nothing is computed again for a name."""
    folder, _ = finished
    counts = jobs(run(folder, "-n", overlay={**FINISHED, **change}).stdout)
    assert set(counts) - {"all"} == reruns


def test_a_corrupt_image_stops_with_its_name(finished, tmp_path):
    """Half a PNG among the raw images: one line that names the file, no manifest or packed array left half-written."""
    folder = copy_workflow(tmp_path)
    overlay = {
        **FINISHED,
        "dataset": {**FINISHED["dataset"], "name": "broken", "source": "minicity", "root": "raw", "splits": ""},
    }
    source = finished[0] / "results/tiny/raw"
    (folder / "raw").symlink_to(source)
    image = sorted((source / "leftImg8bit/train").rglob("*.png"))[0]
    whole = image.read_bytes()
    try:
        image.write_bytes(whole[: len(whole) // 2])
        done = run(folder, "results/broken/packed/train/images.npy", overlay=overlay, check=False)
    finally:
        image.write_bytes(whole)
    assert done.returncode != 0
    assert image.name in done.stdout
    assert "Traceback" not in done.stdout.split("error in rule")[1].split("\n")[0]
    assert not (folder / "results/broken/packed/train/images.npy").exists()


def test_missing_data_names_the_folder(tmp_path):
    folder = copy_workflow(tmp_path)
    overlay = {**TINY, "dataset": {"name": "none", "source": "camvid", "root": "data/nowhere"}}
    done = run(folder, "results/none/manifest.csv", overlay=overlay, check=False)
    assert done.returncode != 0
    assert "error in rule list_images: data/nowhere: no such folder; dataset.root must name" in done.stdout
