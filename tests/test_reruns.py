"""What runs again: whatever a changed line concerns, and nothing else."""

import modulefinder
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager

import pytest
from conftest import ROOT
from workflow_runs import FINISHED, jobs, run

from tailcutmix.plan import code

SCRIPTS = ROOT / "scripts"


def again(folder, *arguments, overlay=FINISHED) -> set[str]:
    """The rules that would run."""
    return set(jobs(run(folder, "-n", *arguments, overlay=overlay).stdout)) - {"all"}


@contextmanager
def changed(path, old, new):
    """A file with one piece of it changed, and put back."""
    before = path.read_text()
    assert old in before, f"{path} no longer holds what this test changes"
    path.write_text(before.replace(old, new, 1))
    try:
        yield
    finally:
        path.write_text(before)


def test_new_time_stamps_rerun_nothing(finished):
    folder, _ = finished
    for path in (folder / "scripts").rglob("*.py"):
        os.utime(path)
    assert again(folder) == set()


def test_another_clone_reruns_nothing(finished, tmp_path):
    """Results moved into a clone that lies elsewhere, with files of another day."""
    folder, _ = finished
    other = shutil.copytree(folder, tmp_path / "other", symlinks=True)
    for path in (other / "scripts").rglob("*.py"):
        os.utime(path)
    assert again(other) == set()


def test_comments_docstrings_layout_and_meanings_rerun_nothing(finished):
    folder, _ = finished
    library = folder / "scripts/tailcutmix"
    with (
        changed(library / "labels.py", "IGNORE = 255\n", "# a comment\nIGNORE = (\n    255\n)\n"),
        changed(library / "mixing/augment.py", '"""', '"""Other words. '),
        changed(library / "plan/settings/recipe.py", "images in a step", "pictures in a step"),
    ):
        assert again(folder) == set()


@pytest.mark.parametrize(
    ("module", "old", "new", "first", "stay"),
    [
        # what M0's IoU is taken from moves classes, and with them all that is made from the tail
        ("metrics/groups.py", "np.nan if row", "np.inf if row", {"score_predictions", "rebucket", "train_model"},
         {"generate_toycity", "pack_images", "count_labels"}),
        ("tail/label_statistics.py", "minlength=256", "minlength=257", {"count_labels", "train_model"},
         {"pack_images"}),
        ("mixing/methods/cutout.py", "class Mixing:", "class Mixing:\n    other = 1\n", set(), {"train_model"}),
        ("mixing/methods/level0.py", "class Mixing:", "class Mixing:\n    other = 1\n", {"train_model"},
         {"pack_images", "rebucket", "count_labels"}),
        ("paper/figures/training.py", "ncols=1", "ncols=2", {"draw_training"},
         {"draw_qualitative", "make_table1", "train_model", "score_predictions"}),
        ("paper/style.py", "2.0", "2.5", {"draw_training", "draw_per_class_iou"},
         {"make_table1", "train_model", "predict", "pack_images"}),
    ],
)  # fmt: skip
def test_a_change_reruns_what_imports_it(finished, module, old, new, first, stay):
    """Directly or not; rules that do not import it stay."""
    folder, _ = finished
    path = folder / "scripts/tailcutmix" / module
    if old not in path.read_text():
        old, new = "\n\n\n", "\n\nADDED = 1\n\n\n"
    with changed(path, old, new):
        found = again(folder)
    assert first <= found
    assert not stay & found


def test_the_drawing_of_toycity_concerns_no_other_source(finished):
    """A changed colour draws ToyCity anew, and reruns nothing of a set that was drawn before."""
    folder, _ = finished
    drawn = folder / "results/tiny/raw"
    dataset = {**FINISHED["dataset"], "name": "mini", "source": "minicity", "root": str(drawn), "splits": ""}
    overlay = {**FINISHED, "dataset": dataset}
    target = "results/mini/packed/train/images.npy"
    run(folder, target, overlay=overlay)
    with changed(folder / "scripts/toycity/scene.py", "\n\n\n", "\n\nADDED = 1\n\n\n"):
        assert "generate_toycity" in again(folder)
        assert again(folder, target, overlay=overlay) == set()


def modules_found(script) -> set:
    """The files that a script imports, by the standard library's own finder."""
    finder = modulefinder.ModuleFinder([str(SCRIPTS)])
    finder.run_script(str(script))
    return {path for path in (module.__file__ for module in finder.modules.values()) if path}


@pytest.mark.parametrize("script", sorted(path.name for path in SCRIPTS.glob("*.py")))
def test_the_digest_covers_what_python_would_import(script):
    covered = {str(path) for path in code.imports(SCRIPTS / script)}
    found = modules_found(SCRIPTS / script)
    assert found <= covered, "an import is not covered"
    for_types = covered - found  # the finder does not read `from package import module` of lazy imports alike
    assert all(path.startswith(str(SCRIPTS)) for path in for_types)


def test_every_rule_with_a_script_has_its_digest():
    """A rule's parameter ``code`` is there, and is the digest of its own script and of what that imports by name."""
    program = (
        "from snakemake.api import *; from snakemake.settings.types import *; from pathlib import Path\n"
        "with SnakemakeApi(OutputSettings(verbose=False)) as api:\n"
        "    flow = api.workflow(resource_settings=ResourceSettings(cores=1), snakefile=Path('Snakefile'))._workflow\n"
        "    for rule in flow.rules:\n"
        "        if rule.script and rule.output:\n"
        "            params = dict(rule.params.items())\n"
        "            print('RULE', rule.name, Path(rule.script).name, params.get('code'), params.get('module'))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, text=True, capture_output=True)
    rules = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("RULE ")]
    assert len(rules) > 20, done.stdout + done.stderr
    for name, script, found, *module in rules:
        assert found != "None", f"{name} has no digest of its code"
        if not found.startswith("<function"):  # that of a training is by its mixing: see the reruns above
            modules = [] if module == ["None"] else module
            assert found == code.digest(SCRIPTS / script, *modules), name


def test_the_engine_and_resources_retrain_nothing(finished):
    folder, _ = finished
    assert again(folder, overlay={**FINISHED, "engine": {"log_every_seconds": 3, "history_every": 2}}) == set()
    threads = {**FINISHED, "models": {**FINISHED["models"], "m1": {**FINISHED["models"]["m1"], "threads": 2}}}
    assert again(folder, overlay=threads) == set()
