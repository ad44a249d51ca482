"""What the tests share: the library on the path, and the real images where they are at hand."""

import os
import sys
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small tensors, and several processes at a time: more threads only wait

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

import method_page  # noqa: E402


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A finished run of a tiny ToyCity, recorded while it ran (see recorded_reads.py): its folder, what it printed."""
    from recorded_reads import recording
    from workflow_runs import FINISHED, copy_workflow, run

    folder = copy_workflow(tmp_path_factory.mktemp("tiny"))
    targets = ("all", "data", "ablation", "results/tiny/ablation.html", "submission", "publish")
    done = run(folder, *targets, overlay=FINISHED, environment=recording(folder / "record"))
    return folder, done.stdout


@pytest.fixture(scope="session")
def scene(tmp_path_factory):
    """Made-up images, truth and predictions for pictures: see paper_scene.py."""
    from paper_scene import make_scene

    return make_scene(tmp_path_factory.mktemp("scene"))


@pytest.fixture(scope="session")
def whole(scene):
    """The material of the scene for any artefact."""
    from paper_scene import make_whole

    return make_whole(scene)


@pytest.fixture(scope="session")
def camvid_root() -> Path:
    """The folder of CamVid: ``CAMVID_ROOT``, else ``data/camvid``, else where the maintainers keep it."""
    for place in (os.environ.get("CAMVID_ROOT"), ROOT / "data/camvid", ROOT.parent / "shared/data/camvid"):
        if place and (Path(place) / "train").is_dir():
            return Path(place)
    pytest.skip("CamVid is not here: put it under data/camvid or name its folder in CAMVID_ROOT")


LOOK_AT_THE_FINISHED_RUN = (
    "test_declared_inputs",
    "test_page",
    "test_photos",
    "test_reruns",
    "test_restart",
    "test_workflow",
)
SCOPES = dict.fromkeys(LOOK_AT_THE_FINISHED_RUN, "finished") | dict.fromkeys(("test_slurm", "test_one_node"), "slurm")
"""Files whose tests share one process: the finished run is made once, and a machine has one Slurm."""


def scope_of(name: str) -> str:
    """Which tests stay in one process, by the name of their file: its own, but for those of SCOPES."""
    return SCOPES.get(name, name)


def pytest_collection_modifyitems(items):
    """What takes longest comes first, so that no process is left alone with it at the end."""
    for item in items:
        if "finished" in item.fixturenames and not hasattr(item.module, "finished"):
            assert item.path.stem in LOOK_AT_THE_FINISHED_RUN, f"{item.path}: name it in conftest.py"
    longest = ("finished", "slurm", "test_edge_cases", "test_training_processes", "test_training_resume", "test_models")
    places = {scope: place for place, scope in enumerate(longest)}
    items.sort(key=lambda item: places.get(scope_of(item.path.stem), len(longest)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """The order of collection, scope by scope."""
    from xdist.scheduler import LoadScopeScheduling

    class ByScope(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return scope_of(Path(nodeid.partition("::")[0]).stem)

    return ByScope(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem):
    """Tests that docs/method.md cites are watched: do they enter the functions that they are cited for?"""
    if pyfuncitem.originalname not in method_page.CITED:
        return (yield)
    with method_page.watched(pyfuncitem.originalname):
        return (yield)


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_testnodedown(node):
    """What the tests of another process have entered."""
    for test, names in getattr(node, "workeroutput", {}).get("reached", {}).items():
        method_page.REACHED.setdefault(test, set()).update(names)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    """A row of docs/method.md whose tests have all run, and do not hold its claim, fails the session."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["reached"] = {test: list(names) for test, names in method_page.REACHED.items()}
    elif exitstatus == pytest.ExitCode.OK and method_page.complaints():
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter):
    for line in method_page.complaints():
        terminalreporter.write_line(f"docs/method.md: {line}", red=True)
