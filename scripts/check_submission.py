"""Check a challenge submission before it is handed in; every fault is one line, and the exit code is then 1.

python scripts/check_submission.py results/minicity/submission/test.zip --names config/splits/minicity/test.csv
"""

import argparse
import sys

from tailcutmix.errors import UserError
from tailcutmix.metrics.names import expected_files, find_labels
from tailcutmix.metrics.submission import check_submission


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("submission", help="the zip archive, or the folder it is made from")
    parser.add_argument("--names", required=True, help="manifest.csv, the folder of test images, or a file list")
    parser.add_argument("--split", default="test", help="split of the manifest (default test)")
    parser.add_argument("--labels", default="cityscapes", help="label table: a name in config/labels, or a CSV file")
    parser.add_argument(
        "--size", type=int, nargs=2, metavar=("WIDTH", "HEIGHT"), default=(2048, 1024), help="where a list says none"
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = parse(arguments)
    try:
        expected = expected_files(options.names, options.split)
        faults = check_submission(options.submission, expected, find_labels(options.labels), options.size[::-1])
    except UserError as error:
        faults = [str(error)]
        expected = {}
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    if not faults:
        print(f"{options.submission}: {len(expected)} files, ready to hand in")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
