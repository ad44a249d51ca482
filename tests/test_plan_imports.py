"""Snakemake's own process: what it imports of the library needs no more than Snakemake itself has."""

import re
import subprocess
import sys

from conftest import ROOT

HEAVY = ("numpy", "pandas", "cv2", "torch", "matplotlib", "PIL", "tqdm", "safetensors")


def test_the_plan_needs_none_of_the_environments_packages():
    """With --use-conda Snakemake may run where nothing but Snakemake is installed."""
    lines = re.findall(r"^from tailcutmix\S* import .*$", (ROOT / "workflow/rules/common.smk").read_text(), re.M)
    assert len(lines) > 5
    program = "\n".join([
        "import sys",
        f"for name in {HEAVY!r}: sys.modules[name] = None",  # importing one of them now raises ImportError
        f"sys.path.insert(0, {str(ROOT / 'scripts')!r})",
        *lines,
        "import yaml",
        "config = yaml.safe_load(open('config/config.yaml'))",
        "plan = read_plan(config)",
        "for artefact in ARTEFACTS: paper.artefact_params(plan, artefact)",
        "print(code.digest(__import__('pathlib').Path('scripts/train_model.py')))",
    ])  # fmt: skip
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
