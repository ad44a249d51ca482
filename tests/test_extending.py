"""docs/extending.md: its four examples, taken from the page, put into a copy of the workflow and run."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import mixing_fakes
import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from conftest import ROOT
from workflow_runs import TINY, copy_workflow, jobs, run

from tailcutmix.dataset.images import write_png
from tailcutmix.mixing.material import Material
from tailcutmix.mixing.streams import CONTRAST, Draws, choice
from tailcutmix.plan.code import digest

PAGE = (ROOT / "docs/extending.md").read_text()
SECTIONS = {text.split("\n")[0]: text for text in PAGE.split("\n## ")[1:]}
BLOCK = re.compile(r"^`([^`\n]+)`(?:, at the end of `(\w+)`)?:\n\n```\w+\n(.*?)^```$", re.M | re.S)
"""Path, name, text: a file of its own; or, with a name, entries that are added to what it is assigned in that file."""

ENTRIES = re.compile(r"^\w+ = [({]\n    # \.\.\.\n(.*)[)}]\n$", re.S)

COMMANDS = re.compile(r"^```sh\n(.*?)^```$", re.M | re.S)

OVERLAY = {
    **TINY,
    "dataset": {},
    "models": {"m1": {"expand": 1, "threads": 1, "epochs": 2}},
    "buckets": {"model": "encoder_decoder"},
    "tables": {"table1": ["encoder_decoder", "cowmix"]},
}
"""Over the configurations of the page: small networks, trained for a few steps, and the two new ones in one table."""


def files_of(folder: Path) -> dict[Path, bytes]:
    """Every file of a copy by its path there; not what Python keeps beside the sources."""
    paths = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder): path.read_bytes() for path in paths}


def extend(folder: Path, section: str) -> None:
    """Do what a section of the page says: its files, its additions, and its commands but for those that train."""
    for path, name, text in BLOCK.findall(section):
        if name:
            (entries,) = ENTRIES.findall(text)
            add_at_the_end(folder / path, name, entries)
        else:
            assert not (folder / path).exists(), path
            (folder / path).write_text(text)
    environment = os.environ | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
    for command in "".join(COMMANDS.findall(section)).splitlines():
        if not command.startswith("snakemake"):
            subprocess.run(["bash", "-c", command], cwd=folder, env=environment, check=True)


def add_at_the_end(path: Path, name: str, added: str) -> None:
    """Add entries to the tuple or mapping that a module assigns to a name over several lines."""
    head, assigned, rest = re.split(rf"^({name}\b.* = [({{]\n)", path.read_text(), flags=re.M)
    entries, closing, tail = re.split(r"^([)}]\n)", rest, maxsplit=1, flags=re.M)
    path.write_text("".join([head, assigned, entries, added, closing, tail]))


def digests(folder: Path) -> dict[tuple[str, ...], str]:
    """The digests of the rules' scripts, alone and with each module that they import by name."""
    rules = "".join(path.read_text() for path in (folder / "workflow/rules").glob("*.smk"))
    scripts = {name: folder / "scripts" / name for name in re.findall(r'code_of\("(\w+\.py)"', rules)}
    assert len(scripts) > 10
    found = {(name,): digest(path) for name, path in scripts.items()}
    by_name = {"train_model.py": ("mixing/methods", "mixing/sampling", "models/architectures", "training/losses"),
                "predict.py": ("models/architectures",),
               "make_artefact.py": ("paper/figures", "paper/tables")}  # fmt: skip
    for script, packages in by_name.items():
        for package in packages:
            for path in (folder / "scripts/tailcutmix" / package).glob("[a-z]*.py"):
                module = f"tailcutmix.{package}.{path.stem}".replace("/", ".")
                found[script, module] = digest(scripts[script], module)
    return found


def draw_crossing(root: Path) -> None:
    """A road with a car, which every image holds, and a person, which every third does; noise over all."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 6), ("val", 3), ("test", 3)):
        for number in range(count):
            label = np.zeros((64, 128), np.uint8)
            label[32:] = 1
            x = int(rng.integers(0, 80))
            label[28:44, x : x + 30] = 2
            if number % 3 == 0:
                label[30:50, x + 36 : x + 42] = 3
            image = rng.integers(0, 60, (64, 128, 3)) + 60 * label[..., None]
            write_png(root / f"images/{split}/{split}{number}.png", image.astype(np.uint8))
            write_png(root / f"labels/{split}/{split}{number}.png", label)


@dataclass(frozen=True)
class Extended:
    """A copy of the workflow with all four examples.

    Attributes:
        folder: the copy.
        touched: heading -> the files that were there and were changed.
        before, after: the digests of all code that rules run.
    """

    folder: Path
    touched: dict[str, set[str]]
    before: dict[tuple[str, ...], str]
    after: dict[tuple[str, ...], str]


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    folder = copy_workflow(tmp_path_factory.mktemp("extended"))
    shutil.copytree(ROOT / "tests", folder / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    before, touched = digests(folder), {}
    for title, section in SECTIONS.items():
        old = files_of(folder)
        extend(folder, section)
        new = files_of(folder)
        own = {path for path, name, _ in BLOCK.findall(section) if not name}
        assert {str(path) for path in new.keys() ^ old.keys()} == own, title
        touched[title] = {str(path) for path in old if new[path] != old[path]}
    return Extended(folder, touched, before, digests(folder))


def test_each_example_touches_at_most_two_files_beside_its_own(extended):
    schema = "workflow/schemas/config.schema.yaml"
    assert extended.touched == {
        "A mixing": {schema},
        "A figure": {"scripts/tailcutmix/paper/artefacts.py"},
        "A backbone": {schema, "scripts/tailcutmix/plan/architectures.py"},
        "A label set": set(),
    }
    assert max(map(len, extended.touched.values())) <= 2


def test_what_is_there_is_not_run_again(extended):
    """The code of no job changes: neither that of a script nor that of a module which it imports by name."""
    assert {key: extended.after[key] for key in extended.before} == extended.before
    assert len(extended.after) == len(extended.before) + 4


@pytest.mark.parametrize("command", re.findall(r"^snakemake (.*)$", PAGE, re.M))
def test_every_command_of_the_page_is_understood(extended, command):
    """Each configuration by itself; the new figure is among the targets of all."""
    assert jobs(run(extended.folder, "-n", *command.split()).stdout)["draw_class_images"] == 1


def test_the_extended_workflow_passes_its_own_tests(extended):
    """Those that look at every mixing, architecture and artefact; the estimates of the new network are among them."""
    tests = ["test_layout.py", "test_mixing_methods.py::test_every_mixing_has_the_one_shape",
             "test_plan_cost.py::test_every_architecture_has_its_traits",
             "test_plan_cost.py::test_traits_are_those_of_the_network[encoder_decoder-16]",
             "test_plan.py::test_schema_file_and_tables_of_the_readme_are_those_of_the_types",
             "test_paper_artefacts.py::test_every_artefact_has_its_module_and_its_caption",
             "test_paper_artefacts.py::test_every_module_and_every_caption_is_listed"]  # fmt: skip
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(f"tests/{name}" for name in tests)]
    environment = os.environ | {"PYTHONPATH": ""}
    done = subprocess.run(command, cwd=extended.folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def test_cowmix_pastes_half_of_each_crop_and_nothing_else(extended):
    """Image and label at the same place, in blots: most pixels are pasted or not as their neighbour is."""
    path = extended.folder / "scripts/tailcutmix/mixing/methods/cowmix.py"
    spec = importlib.util.spec_from_file_location("cowmix", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sampler = mixing_fakes.sampler()
    base, source = sampler.draw(0), sampler.source
    sampler.mixing = module.Mixing(source, mixing_fakes.RECIPE.mixing, Material(mixing_fakes.LABELS))
    mixed = sampler.draw(0)
    pasted, samples = mixed.pasted, len(mixed.labels)
    u = Draws(seed=0, step=0, batch=samples, share=slice(samples)).uniforms(CONTRAST, module.NUMBERS)
    windows = source.draw(u["aug"], choice(u["image"], len(source.image_ids)))
    assert torch.equal(mixed.labels, torch.where(pasted, source.cut_labels(windows), base.labels))
    assert torch.equal(mixed.images, torch.where(pasted[:, None], source.cut_images(windows), base.images))
    assert ((pasted.float().mean((1, 2)) - 0.5).abs() < 0.01).all()
    assert (pasted[:, :, 1:] == pasted[:, :, :-1]).float().mean() > 0.8


@pytest.fixture(scope="module")
def results(extended):
    """The three classes from their raw images to Table 1, with the new network, the new mixing and the new figure."""
    draw_crossing(extended.folder / "data/crossing")
    overlays = re.findall(r"^snakemake .*--configfile (\S+)", PAGE, re.M)
    assert len(overlays) == 3
    names = ("tables/table1.csv", "figures/class_images.png", "buckets/final.csv")
    targets = [f"results/crossing/{name}" for name in names]
    (extended.folder / "overlay.yaml").write_text(yaml.safe_dump(OVERLAY))
    run(extended.folder, *targets, "--configfile", *overlays, "overlay.yaml")
    return extended.folder / "results/crossing"


def test_table_1_has_the_new_network_and_the_new_mixing(results):
    table = pd.read_csv(results / "tables/table1.csv").query("dataset == 'crossing'")
    assert table["method"].tolist() == ["Encoder-decoder", "CowMix"]
    assert table["iou_class"].between(0, 1).all()


def test_the_new_mixing_was_mixed_in_and_the_new_network_trained(results):
    history = pd.read_csv(results / "models/cowmix/seed0/history.csv")
    added = history.filter(like="pixels_pasted:").sum()
    assert history["images_mixed"].sum() > 0 and added["pixels_pasted:road"] > 0
    assert list(added.index) == ["pixels_pasted:road", "pixels_pasted:car", "pixels_pasted:person"]
    alone = pd.read_csv(results / "models/encoder_decoder/seed0/history.csv")
    assert alone["images_mixed"].sum() == 0 and len(alone) >= 3


def test_the_new_figure_is_drawn(results):
    for suffix in ("png", "pdf"):
        assert (results / f"figures/class_images.{suffix}").stat().st_size > 1000


def test_the_buckets_hold_the_three_classes(results):
    buckets = pd.read_csv(results / "buckets/final.csv")
    assert sorted(buckets["class"]) == ["car", "person", "road"]
    initial = pd.read_csv(results / "buckets/initial.csv").set_index("class")["bucket"]
    assert initial.to_dict() == {"road": "head", "car": "middle", "person": "tail"}
