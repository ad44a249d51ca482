"""Code dependence: the digest of a script changes with what its code means, and with nothing else."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

from tailcutmix.errors import UserError
from tailcutmix.plan.code import digest, imports

FILES = {
    "run.py": "import numpy\nfrom library.steps import first\n\nfirst.work()\n",
    "other.py": "import library.alone\n",
    "library/__init__.py": "",
    "library/steps/__init__.py": "LIMIT = 3\n",
    "library/steps/first.py": "from ..tools import add\nfrom . import second\n\n\ndef work(a=1):\n    add(a, 2)\n",
    "library/steps/second.py": "from library.steps import first\n",  # a cycle
    "library/tools.py": "def add(a, b):\n    import library.late\n\n    return a + b\n",
    "library/late.py": "VALUE = 1\n",
    "library/alone.py": "VALUE = 1\n",
}
"""A script and its library: imports of every form, one within a function, and a module that the script does not use."""

COVERED = ["__init__", "late", "steps/__init__", "steps/first", "steps/second", "tools"]


def write(folder: Path, files: dict[str, str]) -> Path:
    """Write the files; returns the script ``run.py``."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder / "run.py"


@pytest.fixture
def script(tmp_path) -> Path:
    return write(tmp_path, FILES)


def test_covers_what_is_imported_directly_or_not(script):
    library = [script.parent / f"library/{name}.py" for name in COVERED]
    assert imports(script) == sorted([script, *library])


@pytest.mark.parametrize("name", ["run.py", *(f"library/{name}.py" for name in COVERED)])
def test_a_change_in_any_covered_module_counts(script, name):
    before = digest(script)
    path = script.parent / name
    path.write_text(path.read_text() + "CHANGED = 1\n")
    assert digest(script) != before


def test_a_change_elsewhere_does_not_count(script):
    before = digest(script)
    write(
        script.parent, {"library/alone.py": "VALUE = 2\n", "other.py": "VALUE = 2\n", "library/new.py": "VALUE = 1\n"}
    )
    assert digest(script) == before


MODULE = '''
"""What it is."""
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from library import alone

LEVELS = (1, 2)
"""What these are."""


class Crop:
    """A crop."""

    size: int = 4

    def area(self, scale=1.0):
        if scale in {"half", "whole"}:
            pass
        return self.size * self.size * scale  # square


def nothing():
    """Do nothing."""
'''

SAME = '''# A comment.
import os
from typing import TYPE_CHECKING
LEVELS = (
    1,
    2,
)
class Crop:
    size: int = 0x4
    def area(
        self, scale=1.0
    ):
        """Another word."""
        if scale in {'half', "wh" "ole"}: pass
        return ((self.size * self.size) * scale)
def nothing(): pass
'''


def test_comments_docstrings_and_layout_do_not_count(script):
    write(script.parent, {"library/late.py": MODULE})
    before = digest(script)
    write(script.parent, {"library/late.py": SAME})
    assert digest(script) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("scale=1.0", "scale=1"),
        ("scale=1.0", "scale=True"),
        ("scale=1.0", "scale=-1.0"),
        ("scale=1.0", "*, scale=1.0"),
        ("scale=1.0", "scale"),
        ('{"half", "whole"}', '{"half", "hole"}'),
        ('{"half", "whole"}', '("half", "whole")'),
        ("LEVELS = (1, 2)", 'LEVELS = (1, "2")'),
        ("LEVELS = (1, 2)", "LEVELS = ((1, 2),)"),
        ("LEVELS = (1, 2)", "LEVELS = (1, 2), None"),
        ("    def area", "    @staticmethod\n    def area"),
        ("            pass\n", "            scale = 2\n"),
        ("* scale", "/ scale"),
        ("size: int = 4", "size: float = 4"),
        ("class Crop:", "class Crop(list):"),
        ("import os\n", "import os as system\n"),
        ("    from library import alone\n", "    VALUE = 1\nelse:\n    from library import alone\n"),
    ],
)
def test_any_change_of_meaning_counts(script, old, new):
    assert old in MODULE
    write(script.parent, {"library/late.py": MODULE})
    before = digest(script)
    write(script.parent, {"library/late.py": MODULE.replace(old, new, 1)})
    assert digest(script) != before


@pytest.mark.parametrize(
    "values", [("0.0", "-0.0"), ("1", "True", "1.0", "1j", "'1'", "b'1'"), ("None", "...", "()", "[]"), ("x", "'x'")]
)
def test_constants_that_python_finds_equal_differ(script, values):
    digests = set()
    for value in values:
        write(script.parent, {"library/late.py": f"VALUE = {value}\n"})
        digests.add(digest(script))
    assert len(digests) == len(values)


def test_modules_that_change_places_count(script):
    write(script.parent, {"library/late.py": "VALUE = 1\n", "library/steps/__init__.py": "VALUE = 2\n"})
    before = digest(script)
    write(script.parent, {"library/late.py": "VALUE = 2\n", "library/steps/__init__.py": "VALUE = 1\n"})
    assert digest(script) != before


def test_folder_time_stamps_and_hash_seed_do_not_count(script, tmp_path_factory):
    before = digest(script)
    clone = tmp_path_factory.mktemp("clone") / "scripts"
    shutil.copytree(script.parent, clone)
    for path in clone.rglob("*.py"):
        os.utime(path, (1, 1))
    assert digest(clone / "run.py") == before
    program = "import sys; from tailcutmix.plan.code import digest; print(digest(sys.argv[1]))"
    for seed in ("0", "1", "2"):
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "scripts"), "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", program, str(clone / "run.py")]
        assert subprocess.check_output(command, env=environment, text=True).strip() == before


@pytest.mark.parametrize(
    ("statement", "covered"),
    [
        ("import library.steps.second", "library/steps/second.py"),
        ("import library.tools as tools", "library/tools.py"),
        ("from library import tools", "library/tools.py"),
        ("from library.steps import LIMIT", "library/steps/__init__.py"),
        ("from library.steps import *", "library/steps/second.py"),
        ("try:\n    from library import late\nexcept ImportError:\n    late = None", "library/late.py"),
        ("import plain.part", "plain/part.py"),  # a package without __init__
        ("from plain import part", "plain/part.py"),
        ("import other", "other.py"),
    ],
)
def test_every_form_of_import_is_found(script, statement, covered):
    write(script.parent, {"run.py": f"{statement}\n", "plain/part.py": "VALUE = 1\n"})
    assert script.parent / covered in imports(script)


def test_modules_imported_by_name_are_covered_when_named(script):
    alone = script.parent / "library/alone.py"
    assert alone not in imports(script)
    assert alone in imports(script, "library.alone")
    before = digest(script, "library.alone")
    alone.write_text("VALUE = 2\n")
    assert digest(script, "library.alone") != before != digest(script)


def test_imports_for_type_checkers_alone_are_left_out(script):
    write(script.parent, {"library/late.py": MODULE})
    assert script.parent / "library/alone.py" not in imports(script)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"library/late.py": "VALUE = (\n"}, "late.py: syntax error in line 1"),
        ({"library/late.py": "\nimport library.gone\n"}, "late.py, line 2: imports library.gone, but there is no"),
        ({"library/late.py": "import library.tools.gone\n"}, "there is no library.tools.gone"),
        ({"library/late.py": "from ...gone import x\n"}, "late.py, line 1: imports ...gone, above its package"),
        ({"run.py": "from . import library\n"}, "run.py, line 1: imports ., above its package"),
        ({"run.py": "from plain import gone\n", "plain/part.py": ""}, "there is no plain.gone"),
    ],
)
def test_mistakes_are_named(script, files, words):
    write(script.parent, files)
    with pytest.raises(UserError) as error:
        digest(script)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_script_and_missing_named_module_are_named(script):
    with pytest.raises(UserError, match=r"gone\.py: No such file"):
        digest(script.parent / "gone.py")
    with pytest.raises(UserError, match=r"run\.py: there is no module library\.gone in"):
        digest(script, "library.gone")


@pytest.mark.parametrize("path", sorted((ROOT / "scripts").glob("*.py")), ids=lambda path: path.stem)
def test_every_script_has_a_digest(path):
    assert len(digest(path)) == 16
    assert path in imports(path)


def test_training_covers_what_it_runs_and_no_figures():
    paths = imports(ROOT / "scripts/train_model.py", "tailcutmix.models.architectures.hrnet")
    covered = {path.relative_to(ROOT / "scripts").as_posix() for path in paths}
    hrnet = {f"tailcutmix/models/{name}.py" for name in ("architectures/hrnet", "scale_attention", "torchvision_ops")}
    assert {"tailcutmix/tail/label_statistics.py", "tailcutmix/labels.py"} | hrnet <= covered
    assert "tailcutmix/models/architectures/unet.py" not in covered, "one architecture reruns nothing of another"
    assert not [path for path in covered if path.startswith(("tailcutmix/paper", "tailcutmix/metrics"))]


def test_needs_no_scientific_library():
    """It runs whenever Snakemake starts, and must not wait for imports."""
    program = "import sys, tailcutmix.plan.code; print({'numpy', 'pandas', 'torch', 'cv2'} & set(sys.modules))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "scripts")}
    assert subprocess.check_output([sys.executable, "-c", program], env=environment, text=True).strip() == "set()"


def test_covers_every_module_that_python_loads():
    """Compared with Python itself: the library's modules that importing the training loads are all covered."""
    program = (
        "import sys, tailcutmix.training.job\n"
        "print(*[m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == 'tailcutmix'], sep='\\n')"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "scripts")}
    loaded = subprocess.check_output([sys.executable, "-c", program], env=environment, text=True).split("\n")
    loaded = {Path(path) for path in loaded if path}
    assert len(loaded) > 20
    assert loaded <= set(imports(ROOT / "scripts/train_model.py"))


def test_what_an_earlier_start_remembered_gives_the_same_digests(tmp_path):
    """Recalled, forgotten or damaged: the digests are those of the sources."""
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'scripts')!r})\n"
        "from pathlib import Path\n"
        "from tailcutmix.plan import code\n"
        "code.recall(Path('code.json')); known = len(code._summaries)\n"
        f"print(known, code.digest(Path({str(ROOT / 'scripts/train_model.py')!r})))\n"
        "code.remember(Path('code.json'))\n"
    )

    def start():
        done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, text=True, capture_output=True)
        known, found = done.stdout.split()
        return int(known), found

    first, second = start(), start()
    assert first[0] == 0 and second[0] > 30 and first[1] == second[1]
    (tmp_path / "code.json").write_text((tmp_path / "code.json").read_text()[:-40])
    assert start() == first, "a damaged file counts for nothing"
    assert [path.name for path in tmp_path.iterdir()] == ["code.json"]
