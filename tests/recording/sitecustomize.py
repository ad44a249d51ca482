"""Record which files of results, configuration, templates and environments each job opens, from the start of Python on.

It does so where this folder is on PYTHONPATH, and records where RECORD_READS names a folder. Every job gets two files
there: ``<rule>-<process>.json`` with its inputs and outputs as Snakemake declares them, and ``.log`` with one line for
each file that it, its threads or its child processes read, wrote or renamed, in the order of time.

Python announces its own ``open`` and ``os.open``, which pandas, NumPy, Pillow and zipfile use, memory maps included.
OpenCV and safetensors open files in C++ and Rust: ``cv2.imread`` and ``safetensors.safe_open`` are wrapped here. What
else opens files outside Python (``torch.load``, a shell command) is not seen, nor is a look at whether a file exists.
"""

import importlib.abc
import importlib.machinery
import json
import os
import sys

FOLDER = os.environ.get("RECORD_READS")
WATCHED = tuple(os.path.join(os.getcwd(), name, "") for name in ("results", "config", "workflow", "envs"))
JOB = "RECORD_READS_JOB"
"""Environment variable by which the child processes of a job know whose they are."""


def on_event(event: str, arguments: tuple) -> None:
    """Audit hook; it raises for the network alone, since it makes the call fail that it watches."""
    if event == "open":
        path, _, flags = arguments
        access, begins_empty = flags & os.O_ACCMODE, flags & (os.O_TRUNC | os.O_EXCL)
        if access == os.O_RDONLY or (access == os.O_RDWR and not begins_empty):
            note("read", path)
        if access != os.O_RDONLY:
            note("write", path)
    elif event == "os.rename":
        note("rename", *arguments[:2])
    elif event == "socket.getaddrinfo":
        refuse_network(arguments[0])
    elif event == "socket.connect" and isinstance(arguments[1], tuple):  # not a socket of this machine, which is a path
        refuse_network(arguments[1][0])


def refuse_network(host: object) -> None:
    """Refuse any other machine, and note it: the workflow needs no network."""
    name = host.decode() if isinstance(host, bytes) else str(host or "")
    if name not in ("", "localhost", "::1", "0.0.0.0", "::", os.uname().nodename) and not name.startswith("127."):
        append("network.log", name)
        raise OSError(f"no network: {name}")


def note(action: str, *paths: object) -> None:
    """Add a line about paths to the record of this process's job."""
    try:
        job = identify()
        names = [os.path.abspath(os.fsdecode(path)) for path in paths if isinstance(path, (str, bytes, os.PathLike))]
        if job and names and all(name.startswith(WATCHED) for name in names):
            append(f"{job}.log", json.dumps([action, *(os.path.relpath(name) for name in names)]))
    except Exception as error:
        append("failures.log", repr(error))


def identify() -> str | None:
    """The name of the job that this process belongs to; None for Snakemake itself."""
    if JOB not in os.environ:
        main = sys.modules.get("__main__")
        snakemake = getattr(main, "snakemake", None)  # what Snakemake puts before the first line of a script
        if type(snakemake).__name__ != "Snakemake":
            return None
        os.environ[JOB] = name = f"{snakemake.rule}-{os.getpid()}"
        declared = {
            "rule": snakemake.rule,
            "wildcards": dict(snakemake.wildcards.items()),
            "input": [str(path) for path in snakemake.input],
            "output": [str(path) for path in snakemake.output],
        }
        append(f"{name}.json", json.dumps(declared))
    return os.environ[JOB]


def append(name: str, line: str) -> None:
    descriptor = os.open(os.path.join(FOLDER, name), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, f"{line}\n".encode())  # in one piece, whichever process writes beside it
    finally:
        os.close(descriptor)


class Wrapper(importlib.abc.MetaPathFinder):
    """Finds a module as the other finders do, and wraps its function that reads the file of its first argument."""

    FUNCTIONS = {"cv2": "imread", "safetensors": "safe_open"}

    def find_spec(self, name, path=None, target=None):
        if name not in self.FUNCTIONS:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec and spec.loader:
            execute = spec.loader.exec_module

            def execute_and_wrap(module):
                execute(module)
                self.wrap(module, self.FUNCTIONS[name])

            spec.loader.exec_module = execute_and_wrap
        return spec

    @staticmethod
    def wrap(module, function: str) -> None:
        original = getattr(module, function)
        if hasattr(original, "wrapped"):  # cv2 imports itself a second time
            return

        def reading(path, *arguments, **options):
            note("read", path)
            return original(path, *arguments, **options)

        reading.wrapped = original
        setattr(module, function, reading)


if FOLDER:
    sys.meta_path.insert(0, Wrapper())
    sys.addaudithook(on_event)
