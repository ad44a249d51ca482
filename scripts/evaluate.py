"""Score label images against their ground truth: the Cityscapes pixel-level scores and the challenge's accuracy.

    python scripts/evaluate.py --predictions DIR --ground-truth DIR

Predictions are single-channel PNGs of label ids, found by name as the official evaluator finds them. A table is
printed, and the scores are written as JSON with the per-image statistics (.npz) beside it. See docs/scores.md.
"""

import argparse
import math
import os
import sys
from pathlib import Path

from tailcutmix.errors import UserError
from tailcutmix.metrics.collect import average_instance_sizes
from tailcutmix.metrics.evaluate import evaluate, write_scores
from tailcutmix.metrics.names import find_labels, read_names
from tailcutmix.metrics.pairs import INSTANCE_SUFFIX, list_png, pairs_from_folders
from tailcutmix.metrics.table import format_scores


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--predictions", required=True, help="folder (searched with its subfolders) or .zip")
    parser.add_argument("--ground-truth", required=True, help="folder (searched with its subfolders) or .zip")
    parser.add_argument("--labels", default="cityscapes", help="label table: a name in config/labels, or a CSV file")
    parser.add_argument("--names", help="score only these images: a file list, or test.csv of MiniCity with its ids")
    parser.add_argument("--train-ground-truth", help="compute average instance sizes from this folder or .zip")
    parser.add_argument("--size-factor", type=float, default=1.0, help="full width / width of the files (default 1)")
    parser.add_argument("--bootstrap", type=int, default=1000, help="replicates of the bootstrap; 0 for none")
    parser.add_argument("--seed", type=int, default=0, help="seed of the bootstrap")
    processes = min(4, os.cpu_count() or 1)
    parser.add_argument("--processes", type=int, default=processes, help=f"that read and count (default {processes})")
    parser.add_argument("--json", default="scores.json", help="where to write the scores (default scores.json)")
    options = parser.parse_args(arguments)
    if options.processes < 1 or options.bootstrap < 0 or not 0 < options.size_factor < math.inf:
        parser.error("--processes and --size-factor must be positive, --bootstrap 0 or more")
    if options.seed < 0:
        parser.error("--seed must be 0 or more")
    if Path(options.json).suffix != ".json" or Path(options.json).is_dir():
        parser.error(f"--json must name a file that ends in .json, not {options.json}")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = parse(arguments)
    try:
        labels = find_labels(options.labels)
        names = read_names(options.names) if options.names else None
        pairs = pairs_from_folders(options.predictions, options.ground_truth, names)
        sizes = None
        if options.train_ground_truth:
            truths = list_png(options.train_ground_truth)
            files = [path for path, name in truths.items() if name.endswith(INSTANCE_SUFFIX)]
            if not files:
                raise UserError(f"{options.train_ground_truth}: no instance image (*{INSTANCE_SUFFIX}) in it")
            sizes = average_instance_sizes(dict.fromkeys(files, ""), labels)
        scores, statistics = evaluate(
            pairs,
            labels,
            average_sizes=sizes,
            size_factor=options.size_factor,
            processes=options.processes,
            replicates=options.bootstrap,
            seed=options.seed,
            identity={"dataset": Path(options.labels).stem, "model": Path(options.predictions).name},
        )
        write_scores(scores, statistics, options.json)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {options.json}: cannot be written ({error.strerror}); name another place", file=sys.stderr)
        return 1
    print(format_scores(scores))
    if scores["iou_class"] is None:
        print("\nno pixel of any class in the ground truth: all is void, so there is nothing to score")
    if any(row.has_instances for row in labels.rows) and not pairs[0].instance:
        print(f"\nno instance images (*{INSTANCE_SUFFIX}) beside the ground truth: iIoU is n/a")
    print(f"\nwritten: {options.json}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
