"""What a training step costs: this project's sampler and step against a plain loop, and what drawing and mixing take.

The plain loop is what one writes first: PIL opens and decodes each image, torchvision transforms each sample,
DataLoader workers do so in processes, the step is float32 with the loss read after each. Model, batch, crop,
augmentation ranges and cores are the same; the plain loop mixes nothing. Rounds alternate, so that a change of the
machine's load meets both.

    python benchmarks/training_step.py                                    ToyCity, about a minute on two cores
    python benchmarks/training_step.py --overlay config/camvid.yaml --root data/camvid --steps 4
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))

import numpy as np
import pandas as pd
import torch
import yaml
from PIL import Image
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

import tailcutmix.models.torchvision_ops  # noqa: F401 (before torchvision)
from tailcutmix.configuration import model_settings
from tailcutmix.dataset import manifest
from tailcutmix.dataset.normalisation import MEAN, STD
from tailcutmix.dataset.packing import open_packed, pack
from tailcutmix.dataset.sources import list_images
from tailcutmix.dataset.toycity import generate
from tailcutmix.labels import IGNORE, read_labels
from tailcutmix.mixing.sampler import Sampler
from tailcutmix.models.build import build_model
from tailcutmix.tail.levels import read_boxes, write_subset
from tailcutmix.tail.statistics import count_labels
from tailcutmix.training.engine import DEFAULTS
from tailcutmix.training.loss import Targets
from tailcutmix.training.optimisation import build_optimiser, training_step

from torchvision import tv_tensors  # isort: skip
from torchvision.transforms import v2  # isort: skip

ROOT = Path(__file__).resolve().parent.parent


def read_config(overlays: list[str]) -> dict:
    """The default configuration with overlays merged in, as Snakemake does it."""

    def merge(under, over):
        if isinstance(under, dict) and isinstance(over, dict):
            return under | {key: merge(under.get(key), value) for key, value in over.items()}
        return over

    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    for path in overlays:
        config = merge(config, yaml.safe_load(Path(path).read_text()))
    return config


class Data:
    """``images`` training images of the configured data set, packed, with the five rarest classes as the tail."""

    def __init__(self, config: dict, root: str | None, images: int, folder: Path):
        dataset = config["dataset"]
        self.labels = read_labels(ROOT / dataset["labels"])
        if dataset["source"] == "toycity":
            root = folder / "raw"
            toy = dataset["toycity"]
            generate(root, images, 1, 0, toy["height"], toy["width"], toy["seed"])
        listing = list_images(dataset["source"], root or dataset["root"])
        listing = listing[listing.split == "train"].iloc[:images]
        manifest.write_manifest(manifest.build(listing, 1), folder / "manifest.csv")
        self.rows = manifest.read_manifest(folder / "manifest.csv", "train")
        pack(folder / "manifest.csv", "train", self.labels, dataset["size"], folder / "packed")
        self.packed = open_packed(folder / "packed")
        pixels, _ = count_labels(self.packed.labels, self.labels.num_classes)
        self.tail = [int(b) for b in np.argsort(pixels) if pixels[b]][:5]
        boxes = []
        for b in self.tail:
            write_subset(self.rows, int(self.labels.to_label_id[b]), folder / str(b), workers=1)
            boxes.append(read_boxes(folder / str(b) / "boxes.csv"))
        self.boxes = pd.concat(boxes, ignore_index=True)


class PlainDataset(Dataset):
    """Decode, resize, crop, flip and jitter one sample with PIL and torchvision."""

    def __init__(self, data: Data, settings: dict, length: int):
        self.rows, self.lookup, self.length = data.rows, data.labels.to_train_id, length
        augmentation, jitter = settings["augmentation"], settings["augmentation"]["jitter"]
        self.scale = augmentation["scale"]
        fill = {tv_tensors.Image: 0, tv_tensors.Mask: IGNORE}
        self.transform = v2.Compose(
            [
                v2.RandomCrop(settings["crop"], pad_if_needed=True, fill=fill),
                v2.RandomHorizontalFlip(0.5 if augmentation["flip"] else 0.0),
                v2.ColorJitter(jitter, jitter, jitter),
                v2.ToDtype({tv_tensors.Image: torch.float32, tv_tensors.Mask: torch.int64}, scale=True),
                v2.Normalize(MEAN, STD),
            ]
        )

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, number: int):
        row = self.rows.iloc[number % len(self.rows)]
        image = tv_tensors.Image(v2.functional.pil_to_tensor(Image.open(row.image).convert("RGB")))
        mask = tv_tensors.Mask(torch.from_numpy(self.lookup[np.asarray(Image.open(row.label))])[None])
        factor = float(torch.empty(1).uniform_(*self.scale))
        size = [round(side * factor) for side in image.shape[-2:]]
        image, mask = v2.functional.resize(image, size), v2.functional.resize(mask, size)
        image, mask = self.transform(image, mask)
        return image, mask[0]


def plain_rounds(data: Data, settings: dict, model, device, steps: int, workers: int, total: int):
    """Yields the median seconds of a plain step over ``steps`` steps, again and again."""
    options = {"lr": settings["lr"], "weight_decay": settings["weight_decay"]}
    sgd = settings["optimizer"] == "sgd"
    kind = torch.optim.SGD if sgd else torch.optim.AdamW
    optimiser = kind(model.parameters(), **options, **({"momentum": settings["momentum"]} if sgd else {}))
    dataset = PlainDataset(data, settings, total * settings["batch"])
    loader = DataLoader(
        dataset, settings["batch"], shuffle=True, num_workers=workers, drop_last=True, pin_memory=device.type == "cuda"
    )
    batches = iter(loader)

    def step():
        images, labels = (part.to(device) for part in next(batches))
        optimiser.zero_grad()
        loss = F.cross_entropy(model(images).logits, labels, ignore_index=IGNORE)
        loss.backward()
        optimiser.step()
        loss.item()

    while True:
        # The workers fill their queue (two batches each) while another loop is measured: empty it first.
        for _ in range(2 * workers + 1):
            step()
        yield statistics.median(timed(step) for _ in range(steps))


def our_rounds(data: Data, settings: dict, model, device, steps: int):
    """Yields (median seconds of a step, of it drawing and mixing)."""
    optimiser = build_optimiser(model, settings)
    boxes = data.boxes if settings["mixing"] == "levels" else None
    sampler = Sampler(data.packed, settings, data.labels.num_classes, device, data.tail, boxes)
    number = 0
    while True:
        whole, drawing = [], []
        for _ in range(steps + 1):
            began = time.perf_counter()
            batch = sampler.batch(number)
            wait(device)
            drawn = time.perf_counter()
            targets = Targets(batch.labels, batch.labels_b, batch.lam)
            loss, _ = training_step(model, optimiser, batch.images, targets, settings)
            loss.item()
            whole.append(time.perf_counter() - began)
            drawing.append(drawn - began)
            number += 1
        yield statistics.median(whole[1:]), statistics.median(drawing[1:])


def timed(function) -> float:
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--overlay", nargs="*", default=[], help="configurations merged over config/config.yaml")
    parser.add_argument("--root", help="where the images lie, instead of dataset.root")
    parser.add_argument("--models", nargs="*", default=["m0", "m1", "m2"], help="models whose step is measured")
    parser.add_argument("--images", type=int, default=32, help="training images used")
    parser.add_argument("--steps", type=int, default=10, help="steps a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="CPU threads and workers")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--no-plain", action="store_true", help="only what drawing and mixing take")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device, steps = torch.device(arguments.device), arguments.steps
    config = read_config(arguments.overlay)
    with tempfile.TemporaryDirectory() as folder:
        data = Data(config, arguments.root, arguments.images, Path(folder))
        loops = {}
        for name in arguments.models:
            settings = DEFAULTS | config["mixing"] | model_settings(config, name)
            settings |= {"levels": config["regions"]["levels"]} if settings["mixing"] == "levels" else {}
            torch.manual_seed(0)
            model = build_model(settings, data.labels.num_classes).to(device).train()
            ours = model.to(memory_format=torch.channels_last)
            loops[f"{name} ({settings['mixing']})"] = our_rounds(data, settings, ours, device, steps)
        if not arguments.no_plain:
            settings = DEFAULTS | model_settings(config, arguments.models[0])
            torch.manual_seed(0)
            model = build_model(settings, data.labels.num_classes).to(device).train()
            total = arguments.rounds * (steps + 2 * arguments.threads + 1) + 2 * arguments.threads
            loops["plain loop"] = plain_rounds(data, settings, model, device, steps, arguments.threads, total)
        rounds = {name: [] for name in loops}
        for _ in range(arguments.rounds):
            for name, loop in loops.items():
                rounds[name].append(next(loop))
        for loop in loops.values():
            loop.close()

    batch = settings["batch"]
    name, crop = config["dataset"]["name"], settings["crop"]
    print(f"{name}, {device.type}, {arguments.threads} threads, batch {batch}, crop {crop}")
    print(f"{'loop':<22}{'step ms':>9}{'drawing ms':>12}{'share':>8}{'images/s':>10}")
    medians = {}
    for name, values in rounds.items():
        if name == "plain loop":
            medians[name] = statistics.median(values)
            print(f"{name:<22}{1000 * medians[name]:9.1f}{'':>20}{batch / medians[name]:10.2f}")
            continue
        medians[name] = statistics.median(whole for whole, _ in values)
        drawing = statistics.median(drawing for _, drawing in values)
        share = statistics.median(drawing / whole for whole, drawing in values)
        line = f"{name:<22}{1000 * medians[name]:9.1f}{1000 * drawing:12.2f}{share:8.1%}{batch / medians[name]:10.2f}"
        print(line)
    if "plain loop" in medians:
        first = next(iter(medians))
        print(f"{first} does {medians['plain loop'] / medians[first]:.2f} times the images/s of the plain loop")


if __name__ == "__main__":
    main()
