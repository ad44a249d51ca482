"""What the place of the fusion over scales costs, and what it changes: `training.fusion_grid` scale, image and network.

    python benchmarks/fusion.py                                        # random outputs of HRNet, images of 1024x2048
    python benchmarks/fusion.py --run results/toycity --model m0       # a trained network on its test images

The network runs once per image; its outputs are then fused at each place in turn. Per place: seconds per image
(median), the memory that fusing takes beside the network's outputs (Linux), and, with a run, IoU class and the share of
pixels that get another class than with `scale`.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))

from tailcutmix.confusion import confusion_matrix, iou  # noqa: E402
from tailcutmix.dataset.normalisation import normalise  # noqa: E402
from tailcutmix.models.build import load_model  # noqa: E402
from tailcutmix.models.multiscale import MultiScaleNet  # noqa: E402
from tailcutmix.prediction.trained import open_run, trained_of  # noqa: E402

PLACES = ("scale", "image", "network")
MEMORY = Path("/proc/self/status")
Images = Iterator[tuple[torch.Tensor, np.ndarray | None]]


def resident(which: str) -> int:
    """MB of this process: VmRSS now, VmHWM at most since :func:`forget_peak`."""
    line = next(line for line in MEMORY.read_text().splitlines() if line.startswith(which))
    return int(line.split()[1]) // 1024


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


class RandomOutputs(MultiScaleNet):
    """Logits and attention at stride 4, without a network behind them: the fusion costs the same."""

    def predict_scale(self, x: torch.Tensor, scale: float, attention: bool = True) -> tuple[torch.Tensor, torch.Tensor]:
        height, width = (round(side * scale) // 4 for side in x.shape[-2:])
        return torch.randn(1, 19, height, width), torch.rand(1, 1, height, width)


def at_random() -> tuple[MultiScaleNet, tuple[float, ...], Images]:
    """Outputs of the paper profile's sizes, five times."""
    torch.manual_seed(0)
    images = ((torch.zeros(1, 3, 1024, 2048), None) for _ in range(5))
    return RandomOutputs(32, "hierarchical", (0.5, 1.0)), (0.5, 1.0, 2.0), images


def of_run(results: str, name: str) -> tuple[MultiScaleNet, tuple[float, ...], Images]:
    """A trained network, the scales that it predicts with, and normalised test images with their train ids."""
    run = open_run(results)
    part = trained_of(run, name).base
    packed = Path(results) / "packed" / "test"
    images, truth = (np.load(packed / f"{kind}.npy", mmap_mode="r") for kind in ("images", "labels"))

    def read() -> Images:
        for image, ids in zip(images, truth, strict=True):
            x = torch.from_numpy(image.copy()).permute(2, 0, 1)[None]
            yield normalise(x.float().div_(255.0)), ids

    model = load_model(part.network, run.plan.labels.num_classes, part.weights, "cpu").eval()
    return model, part.inference.scales, read()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", help="results of a finished run")
    parser.add_argument("--model", default="m0")
    arguments = parser.parse_args()
    model, scales, images = of_run(arguments.run, arguments.model) if arguments.run else at_random()

    seconds: dict[str, list[float]] = {place: [] for place in PLACES}
    memory = dict.fromkeys(PLACES, 0)
    confusion: dict[str, np.ndarray] = {}
    changed, pixels = dict.fromkeys(PLACES, 0), 0
    for x, truth in images:
        labels = {}
        with torch.inference_mode():
            padded = model.pad(x, scales)
            outputs = {s: model.predict_scale(padded, s, model.needs_attention(s, scales)) for s in scales}
            for place in PLACES:
                model.fusion_grid = place
                forget_peak()
                before, started = resident("VmRSS"), time.perf_counter()
                logits = model.fuse(outputs, padded.shape[-2:])
                seconds[place].append(time.perf_counter() - started)
                memory[place] = max(memory[place], resident("VmHWM") - before)
                labels[place] = logits[0, :, : x.shape[-2], : x.shape[-1]].argmax(0).numpy()
                classes = logits.shape[1]
                del logits
        for place in PLACES:
            changed[place] += int((labels[place] != labels["scale"]).sum())
            if truth is not None:
                known = truth < classes
                matrix = confusion_matrix(truth[known], labels[place][known], (classes, classes))
                confusion[place] = confusion.get(place, 0) + matrix
        pixels += labels["scale"].size
    for place in PLACES:
        line = f"{place:8s} {statistics.median(seconds[place]):7.3f} s per image {memory[place]:6d} MB"
        if place in confusion:
            hits = confusion[place].diagonal()
            scores = iou(hits, confusion[place].sum(1) - hits, confusion[place].sum(0) - hits)
            line += f"   IoU class {np.nanmean(scores):.4f}   {changed[place] / pixels:.2%} of the pixels changed"
        print(line)


if __name__ == "__main__":
    main()
