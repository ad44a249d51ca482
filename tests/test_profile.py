"""The default profile lies where Snakemake finds it, and is in force."""

import shutil

import pytest
from conftest import ROOT
from workflow_runs import copy_workflow, run

STAND_IN = """
rule all:
    input: expand("{n}.txt", n=range(4))

rule on_a_gpu:
    output: "{n}.txt"
    resources: gpu=1
    shell: "date +%s.%N > {output}; sleep 0.4; date +%s.%N >> {output}"
"""


def at_once(folder) -> int:
    """The largest number of stand-in jobs that ran at the same time."""
    times = [tuple(map(float, path.read_text().split())) for path in folder.glob("*.txt")]
    assert len(times) == 4
    return max(sum(start <= begun < end for start, end in times) for begun, _ in times)


@pytest.mark.parametrize(("arguments", "jobs"), [((), 1), (("--resources", "gpu=4"), 4)])
def test_one_gpu_is_handed_out_unless_more_are_named(tmp_path, arguments, jobs):
    """Four jobs that ask for a GPU each, on four cores, beside the profile of this project."""
    shutil.copytree(ROOT / "profiles", tmp_path / "profiles")
    (tmp_path / "Snakefile").write_text(STAND_IN)
    run(tmp_path, "--cores", "4", *arguments)
    assert at_once(tmp_path) == jobs


def test_the_workflow_itself_reads_it(tmp_path):
    folder = copy_workflow(tmp_path)
    text = run(folder, "-n").stdout
    assert "Using workflow specific profile profiles/default" in text


def test_settings_of_the_profile_are_in_force_from_another_folder_too(tmp_path):
    """Snakemake looks beside the Snakefile, wherever it is started."""
    (tmp_path / "clone").mkdir()
    (tmp_path / "elsewhere").mkdir()
    folder = copy_workflow(tmp_path / "clone")
    shutil.copytree(folder / "config", tmp_path / "elsewhere/config")
    done = run(tmp_path / "elsewhere", "-n", "--snakefile", str(folder / "Snakefile"))
    assert "Using workflow specific profile" in done.stdout


def test_a_machine_without_slurm_is_named_at_once(tmp_path):
    """Snakemake's executor would look for the missing commands without end."""
    folder, commands = copy_workflow(tmp_path), tmp_path / "commands"
    commands.mkdir()
    for name in ("sh", "bash", "env", "which", "git", "uname"):
        (commands / name).symlink_to(shutil.which(name) or "/bin/sh")
    arguments = ("--workflow-profile", "profiles/slurm", "results/toycity/manifest.csv")
    done = run(folder, *arguments, environment={"PATH": str(commands)}, check=False)
    assert done.returncode and "no sbatch, squeue, scancel on the path" in done.stdout
    assert not (folder / "results/toycity").exists()
