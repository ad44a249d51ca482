"""Predict a folder of images of any size with a trained method: a finished run's, or a bundle's.

    python scripts/predict_images.py --run results/toycity --images FOLDER --out FOLDER
    python scripts/predict_images.py --bundle city.zip --images FOLDER --out FOLDER --confidence

Written below OUT, one PNG for each image: labels/ (label ids), colours/, overlays/, and confidence/ on request. See
docs/photos.md.
"""

import argparse
import logging
import os
import sys
from contextlib import ExitStack
from pathlib import Path

import torch

from tailcutmix.errors import UserError
from tailcutmix.prediction.bundle import open_bundle
from tailcutmix.prediction.photos import predict_folder
from tailcutmix.prediction.trained import open_run, trained_of


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--run", help="folder of a finished run, results/<name>")
    what.add_argument("--bundle", help="a bundle, folder or .zip")
    parser.add_argument("--config", nargs="*", default=[], help="the overlays that the run had over config/config.yaml")
    parser.add_argument("--model", help="a model, an expert or an ensemble of the run (default: last row of Table 1)")
    parser.add_argument("--seed", type=int, help="of the run's networks (default: the first)")
    parser.add_argument("--images", required=True, help="folder, searched with its subfolders")
    parser.add_argument("--out", required=True, help="folder to write to")
    parser.add_argument("--confidence", action="store_true", help="also write the probability of each label, 0..255")
    size = "what the network gets: trained (default: as many pixels as it was trained on), own, or HEIGHT WIDTH"
    parser.add_argument("--size", nargs="+", default=["trained"], help=size)
    parser.add_argument("--device", default="auto", help="auto (a GPU where there is one), cpu, cuda, cuda:1")
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    parser.add_argument("--threads", type=int, default=threads, help=f"of the CPU (default {threads})")
    options = parser.parse_args(arguments)
    if options.size in (["trained"], ["own"]):
        options.size = options.size[0]
    elif len(options.size) == 2 and all(side.isdigit() and int(side) > 0 for side in options.size):
        options.size = tuple(map(int, options.size))
    else:
        parser.error("--size is trained, own, or a height and a width")
    if options.threads < 1:
        parser.error("--threads must be 1 or more")
    if options.bundle and (options.config or options.model or options.seed is not None):
        parser.error("--config, --model and --seed choose out of a run; a bundle holds one method")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = parse(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    torch.set_num_threads(options.threads)
    device = options.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        if device.startswith("cuda") and not torch.cuda.is_available():
            raise UserError(f"--device {device}: CUDA shows no GPU on this machine")
        with ExitStack() as held:
            if options.bundle:
                trained = held.enter_context(open_bundle(options.bundle))
            else:
                trained = trained_of(open_run(options.run, options.config), options.model, options.seed)
            count = predict_folder(
                trained, options.images, options.out, device=device, size=options.size, confidence=options.confidence
            )
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{count} images predicted by {trained.title}: {Path(options.out)}/")
    return 0


if __name__ == "__main__":
    sys.exit(main())
