"""The graph, without running it: rules and job counts of each configuration, and mistakes that must stop it."""

import subprocess
import sys

import pytest
import yaml
from workflow_runs import copy_workflow, jobs, run

PAPER = {
    "make_table1": 1, "make_differences": 1, "make_per_class": 1, "make_claims": 1, "draw_fig1_level_crops": 1,
    "draw_fig2_cutmix": 1, "draw_label_distribution": 1, "draw_training": 1, "draw_mixing": 1, "draw_per_class_iou": 1,
    "draw_qualitative": 1, "draw_claims": 1, "draw_claims_in_pictures": 1, "draw_confusions": 1,
    "weigh_scales": 1, "draw_scale_attention": 1, "draw_scales_by_class": 1, "record_index": 1, "write_index": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return copy_workflow(tmp_path_factory.mktemp("graph"))


def expected(tail: int, splits: int = 3, seeds: int = 1, m0_val: bool = True) -> dict[str, int]:
    """Job counts of the main job with ``tail`` tail classes, all known beforehand, scored on the test split."""
    return {
        "all": 1, "list_images": 1, "pack_images": splits, "count_labels": 1, "fill_buckets": 1, "rebucket": 1,
        "cut_tail_subset": tail,
        "train_model": (3 + tail) * seeds,  # U-Net, M0, M1, and an expert a tail class
        "select_scales": seeds,
        "predict": (3 + tail) * seeds, "ensemble": seeds, "score_predictions": 4 * seeds,
        **PAPER,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("overlay", "counts"),
    [
        ({"buckets": {"tail": ["bus", "train"]}}, expected(2) | {"generate_toycity": 1}),
        ({"buckets": {"tail": ["bus", "train"]}, "seeds": [0, 1, 2]}, expected(2, seeds=3) | {"generate_toycity": 1}),
        ({"buckets": {"tail": ["traffic light"]}}, expected(1) | {"generate_toycity": 1}),
    ],
)
def test_job_counts_with_a_fixed_tail(folder, overlay, counts):
    assert jobs(run(folder, "-n", overlay=overlay).stdout) == counts


def test_empty_tail_has_no_experts(folder):
    """An empty tail leaves M1 alone; the whole still runs to Table 1."""
    counts = jobs(run(folder, "-n", overlay={"buckets": {"tail": []}, "tables": {"allow_idle": True}}).stdout)
    assert counts["train_model"] == 3
    assert "cut_tail_subset" not in counts


@pytest.mark.parametrize("name", ["minicity", "minicity_short", "camvid", "camvid_smoke"])
def test_dry_run_of_each_configuration(folder, name):
    """Before the checkpoint ran, a dry run reaches it: M0 is trained and scored on val, nothing behind is known."""
    counts = jobs(run(folder, "-n", configfile=f"config/{name}.yaml").stdout)
    assert "generate_toycity" not in counts
    assert counts["rebucket"] == 1 and counts["list_images"] == 1
    assert counts["score_predictions"] >= 1
    assert "cut_tail_subset" not in counts, "regions depend on what the checkpoint finds"


def test_the_plan_is_printed_each_time_it_is_asked_for(folder):
    """Without the images it takes MiniCity's numbers from the official lists."""
    for _ in range(2):
        text = run(folder, "plan", configfile="config/minicity.yaml").stdout
        assert "200 train, 100 val, 200 test" in text and "10 trainings" in text


def test_default_dry_run_reaches_the_checkpoint(folder):
    counts = jobs(run(folder, "-n").stdout)
    assert counts["generate_toycity"] == 1 and counts["rebucket"] == 1
    assert counts["train_model"] == 3, "U-Net, M0 and M1"


def test_ablation_target(folder):
    counts = jobs(run(folder, "-n", "ablation", overlay={"buckets": {"tail": ["bus"]}}).stdout)
    assert counts["make_ablation"] == counts["draw_ablation"] == counts["write_ablation"] == 1


def test_the_rivals_are_planned_and_trained_as_arms_of_the_ablation(folder):
    """One training per row that has weights of its own; copy-paste waits for the tail, as M1 does."""
    (folder / "tail.yaml").write_text("buckets: {tail: [bus]}\n")
    overlays = ("--configfile", "config/rivals.yaml", "tail.yaml")
    text = run(folder, "-n", "ablation", *overlays).stdout
    rows = yaml.safe_load((folder / "config/rivals.yaml").read_text())["tables"]["ablation"]
    counts = jobs(text)
    assert counts["train_model"] == len(rows) - 1, "m1_all_scales has M1's weights, the ensemble those of one expert"
    assert counts["score_predictions"] == len(rows) and counts["make_ablation"] == 1
    assert "write_ablation" not in counts, "its page shows Table 1, whose U-Net is no rival"
    described = run(folder, "plan", "--quiet", "all", *overlays).stdout
    for name, words in {"classmix": "classmix", "rare_classes": "sampled by rare_classes", "focal": "loss focal",
                        "bounded_weights": "weights bounded", "mean_teacher": "unlabelled train,val",
                        "distilled": "unlabelled val labels from ensemble"}.items():  # fmt: skip
        (line,) = [line for line in described.splitlines() if line.startswith(f"{name} ")]
        assert words in line


def test_submission_target(folder):
    counts = jobs(run(folder, "-n", "submission", overlay={"buckets": {"tail": ["bus"]}}).stdout)
    assert counts["pack_submission"] == 1 and counts["ensemble"] == 1
    assert "score_predictions" not in counts, "a fixed tail needs no scores to make a submission"


def test_wrong_key_stops_with_its_name(folder):
    done = run(folder, "-n", overlay={"training": {"bach": 3}}, check=False)
    assert done.returncode != 0
    assert "training has no key 'bach'; did you mean 'batch'?" in done.stdout


def test_lint_is_clean(folder):
    """Snakemake's own linter has nothing to say."""
    done = run(folder, "--lint", check=False)
    assert done.returncode == 0, done.stdout


def test_every_rule_has_log_benchmark_environment_and_message():
    """Checked on the parsed workflow, so a new rule cannot forget them."""
    program = (
        "from snakemake.api import *; from snakemake.settings.types import *; from pathlib import Path\n"
        "with SnakemakeApi(OutputSettings(verbose=False)) as api:\n"
        "    flow = api.workflow(resource_settings=ResourceSettings(cores=1), snakefile=Path('Snakefile'))._workflow\n"
        "    for rule in flow.rules:\n"
        "        measured = rule.benchmark or not rule.output\n"
        "        targets = rule.output == [] and not rule.script\n"
        "        print(rule.name, targets or all([rule.log, measured, rule.conda_env, rule.message]))\n"
    )
    from conftest import ROOT

    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, text=True, capture_output=True)
    lines = dict(line.split() for line in done.stdout.splitlines() if line.endswith(("True", "False")))
    assert len(lines) > 20, done.stdout + done.stderr
    assert [rule for rule, complete in lines.items() if complete == "False"] == []
