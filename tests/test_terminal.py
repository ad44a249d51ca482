"""What ``make`` shows of a run: one line per job, and why it failed last."""

import os
import re
import subprocess
import sys

import pytest
from conftest import ROOT

STAND_IN = """
rule all:
    input: "b.txt"

rule first:
    output: "a.txt"
    message: "Make the first file"
    shell: "echo > {output}"

rule second:
    input: "a.txt"
    output: "b.txt"
    log: "logs/second.log"
    message: "Make the second file"
    shell: "echo 'why it failed' > {log}; test -e allowed && echo > {output}"
"""


def lines(folder, *arguments) -> tuple[int, str]:
    """Exit status and output of a run of the stand-in with the logger of ``make``."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "workflow/terminal")}
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--logger", "lines", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300
    )
    return done.returncode, done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("terminal")
    (folder / "Snakefile").write_text(STAND_IN)
    return folder


def test_a_failed_job_is_said_last_with_its_own_words_and_its_log(folder):
    status, text = lines(folder)
    assert status != 0
    assert re.search(r"\d\d:\d\d:\d\d +1 of 3  Make the first file", text)
    assert text.rstrip().splitlines()[-3:] == [
        "FAILED: Make the second file", "  why it failed", "  log: logs/second.log",
    ]  # fmt: skip
    assert "Reason" not in text and len(text.splitlines()) < 12, text


def test_a_run_is_one_line_a_job(folder):
    (folder / "allowed").touch()
    status, text = lines(folder)
    assert status == 0
    assert [line[:2] for line in text.splitlines()[1:]] == [line[:2] for line in re.findall(r"\d\d:\d\d:.*", text)]
    assert len(text.splitlines()) == 2, text  # what runs, and its one job
    assert "Nothing to be done" in lines(folder)[1]


def test_a_dry_run_is_snakemakes_own(folder):
    assert "Job stats:" in lines(folder, "-n", "--forceall")[1]
