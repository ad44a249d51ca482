"""What the tests share: the library on the path, and the real images where they are at hand."""

import os
import sys
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small tensors, and several processes at a time: more threads only wait

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A finished run of a tiny ToyCity, recorded while it ran (see recorded_reads.py): its folder, what it printed."""
    from recorded_reads import recording
    from workflow_runs import FINISHED, copy_workflow, run

    folder = copy_workflow(tmp_path_factory.mktemp("tiny"))
    done = run(
        folder, "all", "ablation", "submission", "publish", overlay=FINISHED, environment=recording(folder / "record")
    )
    return folder, done.stdout


@pytest.fixture(scope="session")
def camvid_root() -> Path:
    """The folder of CamVid: ``CAMVID_ROOT``, else ``data/camvid``, else where the maintainers keep it."""
    for place in (os.environ.get("CAMVID_ROOT"), ROOT / "data/camvid", ROOT.parent / "shared/data/camvid"):
        if place and (Path(place) / "train").is_dir():
            return Path(place)
    pytest.skip("CamVid is not here: put it under data/camvid or name its folder in CAMVID_ROOT")
