"""The list of tables and figures: each has its module, its caption and its rule, and a new one needs no more."""

import re
import subprocess
import sys
from dataclasses import fields
from importlib import import_module

import pytest
from conftest import ROOT
from workflow_runs import TINY, copy_workflow, jobs, run

from tailcutmix.paper.artefacts import ARTEFACTS, FORMATS, Artefact
from tailcutmix.paper.material import ClassFile, Material, Method, MethodFile, gather

PAPER = ROOT / "scripts/tailcutmix/paper"

MODULE = '''
"""Images that hold each class, as bars."""

from pathlib import Path

from tailcutmix.files import read_table
from tailcutmix.paper.material import Material
from tailcutmix.paper.style import new_figure, save, styled


@styled
def make(material: Material, stem: Path) -> None:
    """One bar per class: the number of train images that hold it."""
    counts = read_table(material.statistics, ("split", "class", "images")).query("split == 'train'")
    figure = new_figure(8, 4)
    figure.subplots().barh(counts["class"], counts["images"])
    save(figure, stem)
'''
ENTRY = """
    Artefact("class_images", "figure", "Images of each class", "Figures", inputs=("statistics",)),
"""
"""A new figure: its module, its caption, and this entry of the list."""


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """A copy of the workflow with one more figure."""
    folder = copy_workflow(tmp_path_factory.mktemp("extended"))
    (folder / "scripts/tailcutmix/paper/figures/class_images.py").write_text(MODULE.lstrip())
    (folder / "workflow/report/class_images.rst").write_text("Images that hold each class.\n")
    artefacts = folder / "scripts/tailcutmix/paper/artefacts.py"
    text = artefacts.read_text()
    assert text.count("ARTEFACTS = (\n") == 1
    artefacts.write_text(text.replace("ARTEFACTS = (\n", "ARTEFACTS = (" + ENTRY))
    return folder


def test_every_artefact_has_its_module_and_its_caption():
    for artefact in ARTEFACTS:
        assert callable(import_module(artefact.module).make), artefact
        assert (ROOT / f"workflow/report/{artefact.name}.rst").read_text().strip(), artefact


def test_every_module_and_every_caption_is_listed():
    captions = {path.stem for path in (ROOT / "workflow/report").glob("*.rst")} - {"workflow"}
    assert captions == {artefact.name for artefact in ARTEFACTS}
    for kind in FORMATS:
        modules = {path.stem for path in (PAPER / f"{kind}s").glob("*.py")} - {"__init__"}
        assert modules == {artefact.name for artefact in ARTEFACTS if artefact.kind == kind}


def test_entries_name_what_material_holds():
    known = {field.name for field in fields(Material)}
    settings = {"reference", "pairs", "split", "moves", "recipe", "readings", "idle"}
    for artefact in ARTEFACTS:
        assert set(artefact.inputs) <= known - settings - {"methods"}, artefact
        assert set(artefact.settings) <= settings, artefact
    assert len({artefact.rule for artefact in ARTEFACTS}) == len(ARTEFACTS)


def test_the_list_imports_nothing_heavy():
    """Snakemake reads it at every start."""
    code = "import sys, tailcutmix.paper.artefacts; print(sorted({'numpy', 'pandas', 'matplotlib'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT / "scripts", capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_every_artefact_has_its_rule(extended):
    listed = run(extended, "--list-rules").stdout.split()
    made = sorted(rule for rule in listed if re.match("make_|draw_", rule))
    assert made == sorted(["draw_class_images", *(artefact.rule for artefact in ARTEFACTS)])


def test_a_rule_asks_for_the_files_of_its_entry_alone(extended):
    overlay = TINY | {"buckets": {"tail": ["bus"]}, "seeds": [0, 1]}
    files = ["figures/training.png", "figures/fig1_level_crops.png", "tables/differences.csv"]
    text = run(extended, "-n", *(f"results/tiny/{file}" for file in files), overlay=overlay).stdout
    waits = dict(re.findall(r"^Job \d+: Write the \w+: (.*)\nReason: .*updated by another job: (.*)$", text, re.M))
    inputs = {title: set(found.replace("results/tiny/", "").split(", ")) for title, found in waits.items()}
    networks = ("unet", "m0", "m1", "m2-bus")
    assert inputs["Training losses"] == {f"models/{name}/seed{k}/history.csv" for name in networks for k in (0, 1)}
    assert inputs["Fig. 1, crops at three levels"] == {
        *(f"subsets/bus/level{level}" for level in (1, 2, 3)),
        "subsets/bus/boxes.csv",
        "buckets/final.csv",
        "manifest.csv",
        "raw",
    }
    methods = ("unet", "m0", "m1", "ensemble")
    scored = {f"metrics/{name}/seed{k}/test.{end}" for name in methods for k in (0, 1) for end in ("json", "npz")}
    assert inputs["Differences between methods"] == scored | {"buckets/final.csv"}


def test_a_table_of_claims_is_made_where_there_is_an_ensemble(extended):
    overlay = TINY | {"buckets": {"tail": ["bus"]}, "tables": {"table1": ["unet", "m0"]}}
    counts = jobs(run(extended, "-n", overlay=overlay).stdout)
    assert "make_claims" not in counts and counts["make_table1"] == 1


def test_a_new_figure_is_one_module_one_caption_and_one_entry(extended):
    """It is drawn by default, not for the ablation; what it shows is looked at where docs/extending.md is run."""
    counts = jobs(run(extended, "-n", overlay=TINY).stdout)
    of_ablation = jobs(run(extended, "-n", "results/toycity/tables/ablation.csv").stdout)
    assert counts["draw_class_images"] == 1 and "draw_class_images" not in of_ablation


def test_material_is_gathered_from_inputs_and_params():
    inputs = {"scores": ["a.json", "b.json"], "levels": ["bus/level2"], "boxes": [], "buckets": "final.csv"}
    holds = {
        "a.json": {"method": "m0", "seed": 0},
        "b.json": {"method": "m2-bus", "seed": 1},
        "bus/level2": {"class_name": "bus", "level": 2},
        "train/level2": {"class_name": "train", "level": 2},
    }
    methods = {"m0": ["M0, plain", "M0", None], "m2-bus": ["M2 expert bus", "bus", "bus"]}
    params = {"module": "any", "holds": holds, "methods": methods, "rows": ["m0"], "reference": "m0"}
    found = gather(inputs, params | {"pairs": [["m0", "m1"]], "split": "val"})
    m0, m2 = Method("m0", "M0, plain", "M0"), Method("m2-bus", "M2 expert bus", "bus", expert_of="bus")
    assert found.methods == (m0,) and found.reference == m0 and found.split == "val"
    assert [(str(file.path), file.method, file.seed) for file in found.scores] == [("a.json", m0, 0), ("b.json", m2, 1)]
    assert all(isinstance(file, MethodFile) for file in found.scores)
    (level,) = found.levels
    assert isinstance(level, ClassFile) and (str(level.path), level.class_name, level.level) == ("bus/level2", "bus", 2)
    assert found.boxes == () and found.pairs == (("m0", "m1"),) and str(found.buckets) == "final.csv"
    assert "not an input" in str(found.manifest)


def test_an_artefact_names_its_module_and_its_rule():
    figure = Artefact("mixing", "figure", "What was mixed in", "Training", inputs=())
    assert (figure.module, figure.rule, figure.shown) == ("tailcutmix.paper.figures.mixing", "draw_mixing", "png")
    table = Artefact("table1", "table", "Table 1", "Tables", inputs=())
    assert (table.module, table.rule, table.shown) == ("tailcutmix.paper.tables.table1", "make_table1", "html")
