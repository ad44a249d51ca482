"""Pack a trained method of a finished run into one folder or zip, which predict_images.py runs from alone.

    python scripts/make_bundle.py --run results/toycity --out city.zip

See docs/photos.md.
"""

import argparse
import platform
import sys

from tailcutmix.errors import UserError
from tailcutmix.paper.provenance import commit_of, library_versions
from tailcutmix.plan.plan import SPLITS
from tailcutmix.prediction.bundle import Origin, write_bundle
from tailcutmix.prediction.trained import Run, open_run, trained_of


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True, help="folder of a finished run, results/<name>")
    parser.add_argument("--config", nargs="*", default=[], help="the overlays that the run had over config/config.yaml")
    parser.add_argument("--model", help="a model, an expert or an ensemble of the run (default: last row of Table 1)")
    parser.add_argument("--seed", type=int, help="of the run's networks (default: the first)")
    parser.add_argument("--out", required=True, help="a folder to make, or a name that ends in .zip")
    return parser.parse_args(arguments)


def origin_of(run: Run, name: str, seed: int) -> Origin:
    """How the method was made, and its scores on the splits where it has any."""
    files = run.plan.files
    scores = {split: run.root / files.scores(name, seed, split) for split in SPLITS}
    commit, changed = commit_of(run.root)
    of_code = {"commit": commit, "uncommitted_changes": changed, "python": platform.python_version()}
    return Origin(
        config=run.config,
        labels=run.root / run.plan.dataset.labels,
        seed=seed,
        scores={split: path for split, path in scores.items() if path.is_file()},
        versions=of_code | {"libraries": library_versions({})},
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = parse(arguments)
    try:
        run = open_run(options.run, options.config)
        trained = trained_of(run, options.model, options.seed)
        seed = run.plan.seeds[0] if options.seed is None else options.seed
        write_bundle(trained, origin_of(run, trained.name, seed), options.out)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{trained.title}, seed {seed}: {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
