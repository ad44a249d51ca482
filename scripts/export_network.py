"""Write one trained network of a run as a file that torch runs by itself, for images of one size.

    python scripts/export_network.py --run results/toycity --model m1 --out m1.pt2

See docs/photos.md.
"""

import argparse
import sys

import numpy as np

from tailcutmix.dataset.images import read_image
from tailcutmix.dataset.manifest import read_manifest
from tailcutmix.errors import UserError
from tailcutmix.prediction.export import export
from tailcutmix.prediction.trained import Run, open_run, trained_of

COMPARED = 4
"""Images of the scored split by which the file is compared with the network."""


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True, help="folder of a finished run, results/<name>")
    parser.add_argument("--config", nargs="*", default=[], help="the overlays that the run had over config/config.yaml")
    parser.add_argument("--model", required=True, help="a model or an expert of the run")
    parser.add_argument("--seed", type=int, help="of the run's networks (default: the first)")
    parser.add_argument("--out", required=True, help="file to write, .pt2")
    return parser.parse_args(arguments)


def images_of(run: Run, size: tuple[int, int]) -> np.ndarray:
    """(N, height, width, 3) uint8 RGB of the scored split."""
    listed = read_manifest(run.root / run.plan.files.manifest, run.plan.split)["image"][:COMPARED]
    images = [read_image(run.root / path) for path in listed]
    fitting = [image for image in images if image.shape[:2] == size]
    if not fitting:
        raise UserError(
            f"no image of {run.plan.split} is {size[1]}x{size[0]}, the size that the network was trained on"
        )
    return np.stack(fitting)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = parse(arguments)
    try:
        run = open_run(options.run, options.config)
        trained = trained_of(run, options.model, options.seed)
        share = export(trained, trained.size, options.out, images_of(run, trained.size))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    height, width = trained.size
    print(f"{trained.title}, images of {width}x{height}: {options.out}; labels equal at {share:.4%} of the pixels")
    return 0


if __name__ == "__main__":
    sys.exit(main())
