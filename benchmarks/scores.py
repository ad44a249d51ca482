"""How long scoring takes beside merely decoding the files, and beside the reference evaluator.

    python benchmarks/scores.py [--images 6] [--rounds 3] [--repeat 8]

Files are 2048x1024, street-like, ordinary (20 instances an image) and crowded (150), written by Pillow as Cityscapes'
are. Within a round, decoding, scoring and the reference follow one another on the same files, so that a busy machine
slows all of them alike; the median of the rounds' ratios is printed.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from streets import predicted, street

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))

from tailcutmix.metrics.collect import collect  # noqa: E402
from tailcutmix.metrics.groups import groups_of  # noqa: E402
from tailcutmix.metrics.names import find_labels  # noqa: E402
from tailcutmix.metrics.pairs import Pair  # noqa: E402

SCENES = {"ordinary": 20, "crowded": 150}


def write_scenes(folder: Path, images: int) -> dict[str, list[Pair]]:
    """Write the files of both kinds of scene."""
    rng = np.random.default_rng(0)
    scenes = {}
    for kind, things in SCENES.items():
        scenes[kind] = []
        for index in range(images):
            label, instance = street(rng, 1024, 2048, things)
            name = f"{kind}_{index:06d}_000019"
            files = [f"{folder}/{name}_{part}.png" for part in ("gtFine_labelIds", "gtFine_instanceIds", "pred")]
            for file, image in zip(files, (label, instance, predicted(rng, label)), strict=True):
                Image.fromarray(image).save(file)
            scenes[kind].append(Pair(name, *files))
    return scenes


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def decode(pairs: list[Pair]) -> None:
    """The floor: every file through OpenCV, as scoring must read it."""
    for pair in pairs:
        for path in (pair.label, pair.instance, pair.prediction):
            cv2.imread(path, cv2.IMREAD_UNCHANGED)


def reference_evaluator() -> Callable[[list[Pair]], object]:
    """The evaluator of cityscapesScripts, with the NumPy name that it misses."""
    if not hasattr(np, "in1d"):
        np.in1d = np.isin
    from cityscapesscripts.evaluation import evalPixelLevelSemanticLabeling as reference

    reference.args.quiet, reference.args.JSONOutput = True, False
    return lambda pairs: reference.evaluateImgLists(
        [pair.prediction for pair in pairs], [pair.label for pair in pairs], reference.args
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=6, help="images of each kind")
    parser.add_argument("--rounds", type=int, default=5, help="rounds; the median ratio is printed")
    parser.add_argument("--repeat", type=int, default=16, help="times the images are repeated to compare processes")
    options = parser.parse_args()
    groups = groups_of(find_labels("cityscapes"))
    reference = reference_evaluator()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        for kind, pairs in write_scenes(Path(folder), options.images).items():
            ratios: dict[str, list[float]] = {"decoding": [], "reference": [], "processes": []}
            times = []
            for _ in range(options.rounds):
                floor = seconds(lambda pairs=pairs: decode(pairs))
                ours = seconds(lambda pairs=pairs: collect(pairs, groups))
                theirs = seconds(lambda pairs=pairs: reference(pairs))
                many = pairs * options.repeat
                one = seconds(lambda many=many: collect(many, groups, processes=1))
                two = seconds(lambda many=many: collect(many, groups, processes=2))
                times.append(1000 * ours / len(pairs))
                for name, value in zip(ratios, (ours / floor, theirs / ours, one / two), strict=True):
                    ratios[name].append(value)
            middle = {name: statistics.median(values) for name, values in ratios.items()}
            print(
                f"{kind:<9} {statistics.median(times):5.1f} ms an image; {middle['decoding']:.2f} x decoding; "
                f"reference takes {middle['reference']:.1f} x ours; two processes {middle['processes']:.2f} x one",
                flush=True,
            )


if __name__ == "__main__":
    main()
