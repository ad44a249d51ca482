"""A conda channel in a folder, made of the Python packages installed here: for tests where none can be reached.

Each installed distribution becomes one conda package under the name that conda-forge gives it, with its own
requirements; ``python`` is a relocatable copy of the interpreter. Nothing is downloaded.

    python tests/conda/channel.py FOLDER NAME...
"""

import asyncio
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

CONDA_NAMES = {"torch": "pytorch", "opencv-python-headless": "py-opencv", "matplotlib": "matplotlib-base"}
"""Where conda-forge's name is not that of the wheel."""
VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
SITE = f"lib/python{VERSION}/site-packages"


def conda_name(name: str) -> str:
    name = re.sub(r"[-_.]+", "-", name).lower()
    return CONDA_NAMES.get(name, name)


def closure(names: list[str]) -> dict[str, Distribution]:
    """The installed distributions of these names and of all that they require, by conda's names."""
    found: dict[str, Distribution] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if conda_name(name) in found:
            continue
        try:
            found[conda_name(name)] = installed = distribution(name)
        except PackageNotFoundError:
            raise SystemExit(f"{name} is not installed here: pip install -r envs/requirements-dev.txt") from None
        waiting += [requirement.name for requirement in requirements(installed)]
    return found


def requirements(installed: Distribution) -> list[Requirement]:
    """What it requires on this machine, without its extras."""
    every = [Requirement(line) for line in installed.requires or []]
    return [one for one in every if not one.marker or one.marker.evaluate({"extra": ""})]


def build_channel(folder: Path, names: list[str]) -> None:
    """Fill ``folder`` with packages of ``names``, of what they require, and of Python, and index them."""
    from rattler.index import index_fs

    (folder / "noarch").mkdir(parents=True, exist_ok=True)
    _pack_python(folder)
    for name, installed in closure(names).items():
        specs = [f"python {VERSION}.*"]
        for one in requirements(installed):
            specs.append(f"{conda_name(one.name)} {','.join(sorted(map(str, one.specifier)))}".strip())
        with tempfile.TemporaryDirectory() as stage:
            _copy(installed, Path(stage) / SITE)
            _pack(name, installed.version.split("+")[0], specs, Path(stage), folder)
    asyncio.run(index_fs(folder, write_zst=False, write_shards=False))


def _copy(installed: Distribution, target: Path) -> None:
    root = Path(installed.locate_file(""))
    for file in installed.files or []:
        inside = not file.is_absolute() and ".." not in file.parts and "__pycache__" not in file.parts
        if inside and (root / file).is_file():
            (target / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / file, target / file)


def _pack_python(folder: Path) -> None:
    base = Path(sys.base_prefix)
    with tempfile.TemporaryDirectory() as stage:
        binaries, libraries = Path(stage) / "bin", Path(stage) / "lib"
        binaries.mkdir()
        libraries.mkdir()
        executable = shutil.copy(os.path.realpath(sys._base_executable), binaries / f"python{VERSION}")
        for library in (base / "lib").glob(f"libpython{VERSION}.so*"):
            if not library.is_symlink():
                shutil.copy(library, libraries)
        subprocess.run([_tool("patchelf"), "--set-rpath", "$ORIGIN/../lib", executable], check=True)
        for name in ("python3", "python"):
            (binaries / name).symlink_to(f"python{VERSION}")
        unneeded = (
            "site-packages",
            "dist-packages",
            "test",
            "tests",
            "idlelib",
            "ensurepip",
            "lib2to3",
            "__pycache__",
            "*.a",
            "config-*",
        )
        standard = Path(sysconfig.get_path("stdlib", vars={"installed_base": str(base), "base": str(base)}))
        shutil.copytree(
            standard, libraries / f"python{VERSION}", symlinks=True, ignore=shutil.ignore_patterns(*unneeded)
        )
        (Path(stage) / SITE).mkdir()
        (Path(stage) / SITE / "README.txt").write_text("packages go here\n")
        debian = libraries / f"python{VERSION}/dist-packages"  # where Debian's interpreter looks instead
        debian.mkdir()
        (debian / "site-packages.pth").write_text("../site-packages\n")
        _pack("python", ".".join(map(str, sys.version_info[:3])), [], Path(stage), folder)


def _pack(name: str, version: str, depends: list[str], stage: Path, folder: Path) -> None:
    from rattler_build import assemble_package

    (folder / "linux-64").mkdir(parents=True, exist_ok=True)
    made = assemble_package(
        name=name, version=version, target_platform="linux-64", build_string="0", output_dir=folder, files_dir=stage,
        depends=depends, compression_level=1,
    )  # fmt: skip
    if Path(made.path).parent != folder / "linux-64":
        shutil.move(made.path, folder / "linux-64")


def _tool(name: str) -> str:
    """A program that came with a Python package: beside the interpreter, whether or not the environment is active."""
    return shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}") or name


if __name__ == "__main__":
    build_channel(Path(sys.argv[1]), sys.argv[2:])
    os._exit(0)  # rattler's threads now and then abort an interpreter that ends in good order
