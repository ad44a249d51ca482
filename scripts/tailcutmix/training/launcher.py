"""Several training processes under torch's own launcher: started, told to stop, and waited for."""

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import tailcutmix
from tailcutmix.devices import Lease
from tailcutmix.errors import UserError

log = logging.getLogger(__name__)


def launch(module: str, job: Mapping[str, Any], processes: int, threads: int, lease: Lease) -> None:
    """Run ``python -m module job.json`` in ``processes`` processes under torch's launcher and wait for them.

    SIGTERM and SIGINT go on to the processes, and when they have ended this one exits with 128 + the signal's number.
    The launcher inherits the locks of the lease, so it outlives a killed parent as long as its processes do.

    Args:
        module: what they run.
        job: plain values, as JSON holds them.
        processes: how many.
        threads: CPU threads of all of them together.
        lease: the GPUs that they see.

    Raises:
        UserError: one of the processes raised it.
        RuntimeError: they ended otherwise than well.
    """
    with tempfile.TemporaryDirectory(prefix="tailcutmix-") as name:
        folder = Path(name)
        description = folder / "job.json"
        description.write_text(json.dumps(job))
        library = str(Path(tailcutmix.__file__).parents[1])
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(filter(None, [library, os.environ.get("PYTHONPATH")])),
            "CUDA_VISIBLE_DEVICES": lease.visible,
            "OMP_NUM_THREADS": str(max(1, threads // processes)),
        }
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        command += [f"--log-dir={folder}/launcher", "--shutdown-timeout=600", "-m", module, str(description)]
        # In a session of its own a terminal's Ctrl-C reaches this process alone, which passes it on once.
        launcher = subprocess.Popen(
            command, env=environment, pass_fds=lease.locks, start_new_session=True, preexec_fn=_end_with_parent
        )
        with _passing_on_signals(launcher, folder) as received:
            code = launcher.wait()
        if code == 0:
            return
        if received:
            raise SystemExit(128 + received[0])
        for told in sorted(folder.glob("rank*.error")):
            raise UserError(told.read_text())
        raise RuntimeError(f"the {processes} training processes ended with code {code}; their log says why")


@contextmanager
def _passing_on_signals(launcher: subprocess.Popen[bytes], folder: Path) -> Iterator[list[int]]:
    """A list of the signals received, each of them passed on to the processes, or to the launcher before they are."""
    received: list[int] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        received.append(number)
        workers = [int(path.read_text()) for path in folder.glob("rank*.pid")]
        for pid in workers or [launcher.pid]:
            try:
                os.kill(pid, signal.SIGTERM)
            except ProcessLookupError:
                pass

    previous = {number: signal.signal(number, pass_on) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def reporting(description: Path) -> Iterator[None]:
    """In a launched process: tell the launching one this process's id, and its UserError where one ends it."""
    name = f"rank{os.environ['RANK']}"
    temporary = description.with_name(f"{name}.new")
    temporary.write_text(str(os.getpid()))
    temporary.rename(description.with_name(f"{name}.pid"))
    try:
        yield
    except UserError as error:
        description.with_name(f"{name}.error").write_text(str(error))
        log.error("%s", error)
        raise SystemExit(1) from None
    except Exception:
        log.exception("process %s failed", os.environ["RANK"])
        raise


def _end_with_parent() -> None:
    """Ask Linux for SIGTERM when the parent dies, so that a killed job leaves no training behind."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
