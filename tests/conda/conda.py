"""A stand-in for the command ``conda``: the sub-commands that Snakemake calls, on py-rattler's solver and installer.

It makes real environments: the file is read, solved against the channels, and the packages are linked into the prefix.
A channel's name is looked up under CONDA_CHANNEL_ALIAS, as conda does. Tests put it on the PATH by :func:`put_on_path`.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

ACTIVATE = """# source activate PREFIX
[ -d "$1/conda-meta" ] || { echo "no environment at $1" >&2; exit 1; }
export CONDA_PREFIX=$1 CONDA_DEFAULT_ENV=$1 PATH=$1/bin:$PATH
"""


def put_on_path(root: Path) -> str:
    """Make ROOT/bin/conda and ROOT/bin/activate, run by this interpreter; returns the folder for the PATH."""
    (root / "bin").mkdir(parents=True)
    (root / "bin/conda").write_text(f'#!/bin/sh\nexec "{sys.executable}" "{__file__}" "$@"\n')
    (root / "bin/conda").chmod(0o755)
    (root / "bin/activate").write_text(ACTIVATE)
    return str(root / "bin")


def create(file: str, prefix: str) -> None:
    """``conda env create --file FILE --prefix PREFIX``."""
    import rattler
    import yaml

    environment = yaml.safe_load(Path(file).read_text())
    channels = [name for name in environment["channels"] if name != "nodefaults"]
    alias, cache = os.environ["CONDA_CHANNEL_ALIAS"], Path(os.environ["CONDA_PKGS_DIRS"])

    async def solve_and_install() -> None:
        records = await rattler.solve(
            sources=[rattler.Channel(f"{alias}/{name}") for name in channels],
            specs=[rattler.MatchSpec(spec, strict=False) for spec in environment["dependencies"]],
            gateway=rattler.Gateway(cache_dir=cache / "index"),
            platforms=[rattler.Subdir.current(), rattler.Subdir("noarch")],
            virtual_packages=rattler.VirtualPackage.detect(),
        )
        await rattler.install(records, target_prefix=prefix, cache_dir=cache, show_progress=False)

    try:
        asyncio.run(solve_and_install())
    except Exception as error:
        sys.exit(f"{type(error).__name__}: {error}")
    (Path(prefix) / "conda-meta/history").touch()
    os._exit(0)  # rattler's threads now and then abort an interpreter that ends in good order


def main(arguments: list[str]) -> None:
    options = dict(zip(arguments, arguments[1:] + [""], strict=True))
    prefix = options.get("--prefix") or options.get("-p")
    match [word for word in arguments if not word.startswith("-")]:
        case []:
            print("conda 24.7.1")  # the oldest that Snakemake takes
        case ["info", *_]:
            root = os.environ.get("CONDA_STAND_IN_ROOT", "")
            print(json.dumps({"conda_prefix": root, "root_prefix": root, "platform": "linux-64"}))
        case ["config", *_]:
            print(json.dumps({"get": {"channel_priority": "strict"}}))
        case ["env", "create", *_]:
            create(options.get("--file") or options["-f"], prefix)
        case ["clean", *_]:
            pass
        case ["list", *_] | ["env", "export", *_]:
            print("\n".join(path.stem for path in sorted(Path(prefix).glob("conda-meta/*.json"))))
        case other:
            sys.exit(f"the stand-in for conda does not know {' '.join(other)}")


if __name__ == "__main__":
    main(sys.argv[1:])
