"""envs/*.yaml: the versions of the pins, every import of every script, and environments really made and used.

No conda channel is needed: one is made of the installed packages (tests/conda). That cannot show that conda-forge has
these builds. Environments with torch are made only where CONDA_TORCH is set: minutes and gigabytes.
"""

import ast
import os
import re
import subprocess
import sys
import venv
from importlib.metadata import distribution, version
from pathlib import Path

import pytest
import yaml
from conda.channel import CONDA_NAMES, closure
from conda.conda import put_on_path
from conftest import ROOT
from workflow_runs import TINY, copy_workflow

from tailcutmix.paper.artefacts import ARTEFACTS
from tailcutmix.plan.code import imports
from tailcutmix.plan.settings.recipe import ARCHITECTURES, LOSSES, MIXINGS, SAMPLINGS

IMPORTED_AS = {
    "cv2": "py-opencv", "PIL": "pillow", "torch": "pytorch", "matplotlib": "matplotlib-base", "yaml": "pyyaml"
}  # fmt: skip
"""Packages of conda-forge that are imported under another name."""
USED_BY_ANOTHER = {"python", "torchvision", "tensorboard", "nvidia-ml-py"}
"""In an environment though no script imports it: timm and torch do (tensorboard's events, a GPU's utilisation)."""
WHEELS = {conda: wheel for wheel, conda in CONDA_NAMES.items()}
ENVIRONMENTS = {path.stem: path for path in sorted((ROOT / "envs").glob("*.yaml"))}
SCRIPTS = ROOT / "scripts"


def specs(environment: str) -> dict[str, str]:
    """Package -> version, of an environment file; every package has one."""
    lines = yaml.safe_load(ENVIRONMENTS[environment].read_text())["dependencies"]
    return {name.strip(): number.strip() for name, number in (line.split("=", 1) for line in lines)}


def jobs_of_rules() -> list[tuple[str, tuple[str, ...], str]]:
    """(script, modules that it imports by name, environment) of every rule, and of every table and figure."""
    found = []
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        for rule in re.split(r"\n(?:rule|checkpoint|    rule) ", path.read_text())[1:]:
            environment = re.search(r'conda:\s+"\.\./\.\./envs/(\w+)\.yaml"', rule)[1]
            found.append((re.search(r'script:\s+"\.\./\.\./scripts/(\w+\.py)"', rule)[1], (), environment))
    networks = tuple(f"tailcutmix.models.architectures.{name}" for name in ARCHITECTURES)
    mixings = tuple(f"tailcutmix.mixing.methods.{name}" for name in MIXINGS if name != "none")
    others = tuple(f"tailcutmix.mixing.sampling.{name}" for name in SAMPLINGS if name != "images")
    others += tuple(f"tailcutmix.training.losses.{name}" for name in LOSSES)
    found += [("train_model.py", networks + mixings + others, "torch"), ("predict.py", networks, "torch")]
    found += [("make_artefact.py", (artefact.module,), artefact.environment) for artefact in ARTEFACTS]
    return [*found, *((script, (), "images") for script in ("show_plan.py", "record_run.py", "write_page.py"))]


def imported(script: str, modules: tuple[str, ...]) -> set[str]:
    """Packages that a script imports, itself or through our own modules, also inside functions."""
    names = set()
    for path in imports(SCRIPTS / script, *modules):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add(node.module.split(".")[0])
    return names - sys.stdlib_module_names - {"tailcutmix", "toycity", "_typeshed"}  # the last for type checkers alone


def test_every_rule_script_has_an_environment():
    assert len(jobs_of_rules()) > 20
    assert {environment for _, _, environment in jobs_of_rules()} == set(ENVIRONMENTS)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_versions_are_those_of_the_pins(environment):
    """conda and pip install the same, and the tests ran on it."""
    pins = dict(re.findall(r"^([\w-]+)(?:\[.*\])?==(\S+)", (ROOT / "envs/requirements.txt").read_text(), re.M))
    for name, number in specs(environment).items():
        if name == "python":
            assert number == "3.11"
            continue
        wheel = WHEELS.get(name, name)
        pinned = ".".join(pins[wheel].split(".")[:3])  # opencv's fourth number counts builds of the wheel
        assert number == pinned, f"{name} in envs/{environment}.yaml"
        assert version(wheel).split("+")[0] == pins[wheel]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_environment_holds_what_its_scripts_import(environment):
    wanted = set()
    for script, modules, where in jobs_of_rules():
        if where == environment:
            wanted |= {IMPORTED_AS.get(name, name) for name in imported(script, modules)}
    assert wanted - set(specs(environment)) == set(), "imported, but not in the environment"
    assert set(specs(environment)) - wanted - USED_BY_ANOTHER == set(), "in the environment, but not imported"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A channel with what the environments name, the command conda, and a Python with Snakemake and nothing else."""
    pytest.importorskip("rattler_build", reason="pip install -r envs/requirements-dev.txt")
    folder = tmp_path_factory.mktemp("conda")
    chosen = ["images", "torch"] if os.environ.get("CONDA_TORCH") else ["images"]
    names = {WHEELS.get(name, name) for environment in chosen for name in specs(environment)} - {"python"}
    build = [sys.executable, ROOT / "tests/conda/channel.py", folder / "channels/conda-forge", *sorted(names)]
    subprocess.run(build, check=True)
    path = put_on_path(folder / "root")
    # Snakemake appends the packages of its own Python to a script's, where a missing one would be found silently.
    venv.create(folder / "snakemake", with_pip=False, symlinks=True)
    site = next((folder / "snakemake/lib").glob("python*/site-packages"))
    for installed in closure(["snakemake", "snakemake-interface-executor-plugins", "setuptools"]).values():
        for top in {file.parts[0] for file in installed.files if ".." not in file.parts}:
            if not (site / top).exists():
                (site / top).symlink_to(Path(distribution("snakemake").locate_file("")) / top)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("VIRTUAL_ENV", "PYTHON"))}
    return {
        "folder": folder,
        "environment": environment | {
            "PATH": f"{path}:{folder}/snakemake/bin:{environment['PATH']}", "CONDA_STAND_IN_ROOT": str(folder / "root"),
            "CONDA_CHANNEL_ALIAS": f"file://{folder}/channels", "CONDA_PKGS_DIRS": str(folder / "packages"),
        },
    }  # fmt: skip


@pytest.fixture(scope="module")
def flow(lab, tmp_path_factory):
    """What ``snakemake --use-conda`` made of the rules without torch."""
    folder = copy_workflow(tmp_path_factory.mktemp("flow"))
    overlay = TINY | {"buckets": {"tail": ["bus"]}}
    targets = ["results/tiny/buckets/initial.csv", "results/tiny/subsets/bus/boxes.csv",
               "results/tiny/figures/label_distribution.png", "results/tiny/figures/fig1_level_crops.png"]  # fmt: skip
    if os.environ.get("CONDA_TORCH"):
        targets = []  # to Table 1
    (folder / "overlay.yaml").write_text(yaml.safe_dump(overlay))
    command = ["-m", "snakemake", "--cores", "2", "--use-conda", *targets, "--configfile", "overlay.yaml"]
    done = subprocess.run(
        [lab["folder"] / "snakemake/bin/python", *command],
        cwd=folder, env=lab["environment"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:]
    return folder


def prefixes(flow: Path) -> dict[str, Path]:
    """Environments that Snakemake made, by the name of their file."""
    contents = {path.read_text(): name for name, path in ENVIRONMENTS.items()}
    return {contents[path.read_text()]: path.with_suffix("") for path in (flow / ".snakemake/conda").glob("*.yaml")}


def try_imports(python: Path, script: str, modules: tuple[str, ...] = ()) -> subprocess.CompletedProcess:
    """Import every module of ours behind a rule script, with that Python alone."""
    ours = [path for path in imports(SCRIPTS / script, *modules) if path.name not in ("__init__.py", script)]
    names = [".".join(path.relative_to(SCRIPTS).with_suffix("").parts) for path in ours]
    program = f"import sys, importlib; sys.path.insert(0, {str(SCRIPTS)!r}); sys.dont_write_bytecode = True\n"
    program += "\n".join(f"importlib.import_module({name!r})" for name in names)
    return subprocess.run([python, "-I", "-c", program], text=True, capture_output=True)


def test_rules_run_in_environments_made_from_our_files(lab, flow):
    """The Python that ran Snakemake has none of their packages, so the rules ran in the environments."""
    assert "images" in prefixes(flow)
    assert (flow / "results/tiny/figures/label_distribution.png").stat().st_size > 1000
    done = try_imports(lab["folder"] / "snakemake/bin/python", "count_labels.py")
    assert "No module named" in done.stderr


def test_every_script_imports_in_its_environment_alone(flow):
    made = prefixes(flow)
    tried = [job for job in jobs_of_rules() if job[2] in made]
    assert len(tried) > 20
    for script, modules, environment in tried:
        done = try_imports(made[environment] / "bin/python", script, modules)
        assert done.returncode == 0, f"{script} {modules}: {done.stderr[-2000:]}"


def test_a_package_missing_from_an_environment_is_noticed(lab, tmp_path):
    """Fault caused: without OpenCV in the file, the environment is made, and the imports fail in it."""
    lines = ENVIRONMENTS["images"].read_text().splitlines()
    (tmp_path / "images.yaml").write_text("\n".join(line for line in lines if "py-opencv" not in line))
    command = ["conda", "env", "create", "--file", tmp_path / "images.yaml", "--prefix", tmp_path / "made"]
    subprocess.run(command, env=lab["environment"], check=True, capture_output=True)
    done = try_imports(tmp_path / "made/bin/python", "count_labels.py")
    assert done.returncode != 0 and "No module named 'cv2'" in done.stderr
