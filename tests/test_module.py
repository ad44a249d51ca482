"""The workflow as a module of another one: its rules, scripts and own files are found."""

import shutil

import pytest
from workflow_runs import TINY, copy_workflow, run

SNAKEFILE = """
configfile: "config/config.yaml"

module paper:
    snakefile: "{snakefile}"
    config: config

use rule * from paper as paper_*
"""


@pytest.fixture(scope="module")
def outer(tmp_path_factory):
    """Another workflow, with a copy of the configuration and nothing else, beside a clone."""
    clone, folder = tmp_path_factory.mktemp("clone"), tmp_path_factory.mktemp("outer")
    copy_workflow(clone)
    shutil.copytree(clone / "config", folder / "config")
    (folder / "Snakefile").write_text(SNAKEFILE.format(snakefile=clone / "Snakefile"))
    return folder


def test_rules_run_under_other_names(outer):
    """The page of the data takes scripts, the library, the drawing, and files of the workflow itself."""
    done = run(outer, "paper_data", overlay=TINY)
    assert "paper_count_labels" in done.stdout
    assert (outer / "results/tiny/data.html").stat().st_size > 10_000
    assert not list(outer.glob("scripts")) and not list(outer.glob("workflow"))


def test_the_whole_is_planned(outer):
    planned = run(outer, "-n", "paper_all", "paper_ablation", overlay=TINY).stdout
    assert all(
        f"paper_{rule} " in planned for rule in ("train_model", "ensemble", "make_table1", "draw_fig1_level_crops")
    )


def test_rules_without_their_library_say_so(outer, tmp_path):
    """As where a module is fetched file by file."""
    clone = copy_workflow(tmp_path)
    shutil.rmtree(clone / "scripts")
    done = run(clone, "-n", check=False)
    assert done.returncode and "clone the repository" in done.stdout and "Traceback" not in done.stdout
