"""Mixings are modules of one shape, found by their name; a new one is one file."""

import inspect
import os
import pkgutil
import shutil
import subprocess
import sys
from importlib import import_module

import pytest
from conftest import ROOT

from tailcutmix.mixing import methods
from tailcutmix.plan.settings.keys import typed
from tailcutmix.plan.settings.recipe import MIXINGS
from tailcutmix.plan.settings.recipe import Mixing as MixingSettings

LIBRARY = ROOT / "scripts/tailcutmix"


def test_the_mixings_are_the_modules_of_the_folder():
    names = [module.name for module in pkgutil.iter_modules(methods.__path__)]
    assert MIXINGS == ("none", *sorted(name for name in names if not name.startswith("_")))
    assert len(MIXINGS) > 5 and typed(MixingSettings, {}).name in MIXINGS


@pytest.mark.parametrize("name", MIXINGS[1:])
def test_every_mixing_has_the_one_shape(name):
    mixing = import_module(f"tailcutmix.mixing.methods.{name}").Mixing
    assert mixing.__doc__ and mixing.__bases__ == (object,)
    for function in ("__init__", "__call__"):
        own, shape = (inspect.signature(getattr(kind, function)) for kind in (mixing, methods.Mixing))
        assert own.parameters == shape.parameters, function


def test_a_new_mixing_is_one_file(tmp_path):
    """A module put into the folder can be configured and drawn from; a helper of an underscore is no mixing."""
    shutil.copytree(LIBRARY, tmp_path / "tailcutmix", ignore=shutil.ignore_patterns("__pycache__"))
    folder = tmp_path / "tailcutmix/mixing/methods"
    (folder / "_black.py").write_text("GREY = 0.0\n")
    (folder / "black.py").write_text('''
from tailcutmix.mixing.methods._black import GREY
from tailcutmix.mixing.streams import CONTRAST, layout

class Mixing:
    """Black images."""

    def __init__(self, source, settings, material):
        self.probability = settings.probability

    def __call__(self, draws, batch):
        rows, _ = draws.mixed(CONTRAST, layout(mixed=1), self.probability)
        batch.images[batch.at(rows)] = GREY
        batch.counts.images_mixed = len(rows)
''')
    code = (
        "from mixing_fakes import sampler\n"
        "from tailcutmix.plan.settings.recipe import MIXINGS\n"
        "batch = sampler('black', probability=0.5).draw(0)\n"
        "black = (batch.images == 0).flatten(1).all(1)\n"
        "assert 'black' in MIXINGS and '_black' not in MIXINGS\n"
        "assert 0 < black.sum() == batch.counts.images_mixed < 6\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT / "tests")])}
    subprocess.run([sys.executable, "-c", code], env=environment, cwd=tmp_path, check=True)
