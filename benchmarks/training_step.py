"""What a training step costs: this project's sampler and step beside what one would otherwise write.

Four kinds of rows, on the same model, batch, crop and cores; rounds alternate, so that a change of the machine's load
meets all of them:

    <model>          this project's step, batches drawn and mixed where the data lie
    <model> <mode>   the same through torch.compile (--compile)
    plain loop       what one writes first: PIL decodes each image, torchvision transforms each sample, in the processes
                     of a DataLoader; float32; the loss is read after each step; it mixes nothing
    bf16 loop        on a GPU: eager, bfloat16 autocast, channels-last, ready batches that lie on the device

The share of a step that the data take is, on a CPU, the time in the sampler; on a GPU, where drawing overlaps with
computing, how much faster the same step is on ready batches. The matrix rate is that of the step's convolutions
and products (counted by torch), over the rate of a large product measured here. Launches are torch's calls that
compute or copy, which a GPU's host has to launch one by one: those of the step, and those of drawing and mixing.

    python benchmarks/training_step.py                                     ToyCity, on two cores a minute
    python benchmarks/training_step.py --models unet m0
    python benchmarks/training_step.py --overlay config/camvid.yaml --root data/camvid --steps 1 --rounds 3
    python benchmarks/training_step.py --overlay config/minicity.yaml --toycity 1024 2048 --images 8 \\
        --settings '{batch: 1}' --steps 1 --rounds 2
On a GPU, at the sizes of CamVid and MiniCity:
    python benchmarks/training_step.py --overlay config/camvid.yaml --toycity 512 1024 \\
        --settings '{crop: [384, 512]}' --compile true cuda_graphs
    python benchmarks/training_step.py --overlay config/minicity.yaml --toycity 1024 2048 --compile true cuda_graphs
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))

import numpy as np
import pandas as pd
import torch
import yaml
from PIL import Image
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode

import tailcutmix.models.torchvision_ops  # noqa: F401 (before torchvision)
from tailcutmix.dataset import manifest
from tailcutmix.dataset.normalisation import MEAN, STD
from tailcutmix.dataset.packing import PackedFiles, open_packed, pack
from tailcutmix.dataset.sources import list_images
from tailcutmix.labels import IGNORE, read_labels
from tailcutmix.mixing.material import Material
from tailcutmix.mixing.place import Place
from tailcutmix.mixing.sampler import Sampler
from tailcutmix.models.build import build_model
from tailcutmix.plan.plan import merged, read_plan
from tailcutmix.plan.settings.data import Dataset as DatasetSettings
from tailcutmix.plan.settings.keys import typed
from tailcutmix.plan.settings.recipe import Recipe, Training
from tailcutmix.plan.settings.tail import Regions
from tailcutmix.tail.label_statistics import count_labels
from tailcutmix.tail.subsets import Subset, read_boxes, write_subset
from tailcutmix.training.class_weights import ClassCounts
from tailcutmix.training.engine import compiled
from tailcutmix.training.losses import build_loss
from tailcutmix.training.optimisation import build_optimiser, training_step
from tailcutmix.training.targets import Targets
from toycity.generate import Settings, generate

from torchvision import tv_tensors  # isort: skip
from torchvision.transforms import v2  # isort: skip

ROOT = Path(__file__).resolve().parent.parent


def read_config(overlays: list[str], toycity: list[int] | None) -> dict:
    """The default configuration with overlays merged in; ``toycity`` puts generated images of this size in."""
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    default = config["dataset"]
    for path in overlays:
        config = merged(config, yaml.safe_load(Path(path).read_text()))
    if toycity:
        height, width = toycity
        config["dataset"] = merged(default, {"toycity": {"height": height, "width": width}})
    return config


def recipe_of(config: dict, name: str, over: dict) -> Recipe:
    """What defines a model's training, with the keys ``over`` laid over the model's own."""
    return read_plan(merged(config, {"models": {name: over}}), ROOT).recipe_of(name)


class Data:
    """``images`` training images of the configured data set, packed, with the five rarest classes as the tail."""

    def __init__(self, config: dict, root: str | None, images: int, folder: Path):
        dataset = typed(DatasetSettings, config["dataset"])
        self.labels = read_labels(ROOT / dataset.labels)
        if dataset.source == "toycity":
            root, toy = folder / "raw", dataset.toycity
            generate(root, Settings(images, 1, 0, toy.height, toy.width, toy.seed))
        listing = list_images(dataset.source, root or dataset.root)
        listing = listing[listing.split == "train"].iloc[:images]
        manifest.write_manifest(manifest.build(listing, 1), folder / "manifest.csv")
        self.rows = manifest.read_manifest(folder / "manifest.csv", "train")
        self.files = PackedFiles.under(folder / "packed")
        pack(folder / "manifest.csv", "train", self.labels, dataset.size, self.files)
        self.packed = open_packed(self.files, folder / "manifest.csv")
        pixels, _ = count_labels(self.packed.labels, self.labels.num_classes)
        self.tail = tuple(self.labels.classes[train_id] for train_id in np.argsort(pixels) if pixels[train_id])[:5]
        boxes = []
        for known in self.tail:
            out = Subset.under(folder / known.slug, [1, 2, 3])
            write_subset(self.rows, known, Regions(), out, workers=1)
            boxes.append(read_boxes(out.boxes))
        self.boxes = pd.concat(boxes, ignore_index=True)

    def sampler(self, recipe: Recipe, device: torch.device) -> Sampler:
        material = Material(self.labels.classes, self.tail, self.boxes)
        return Sampler(self.packed, recipe, material, Place(device), seed=0)


class PlainDataset(Dataset):
    """Decode, resize, crop, flip and jitter one sample with PIL and torchvision."""

    def __init__(self, data: Data, recipe: Recipe, length: int):
        self.rows, self.lookup, self.length = data.rows, data.labels.to_train_id, length
        augmentation, jitter = recipe.augmentation, recipe.augmentation.jitter
        self.size, self.scale = data.packed.images.shape[1:3], augmentation.scale
        fill = {tv_tensors.Image: 0, tv_tensors.Mask: IGNORE}
        self.transform = v2.Compose(
            [
                v2.RandomCrop(recipe.training.crop, pad_if_needed=True, fill=fill),
                v2.RandomHorizontalFlip(0.5 if augmentation.flip else 0.0),
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
        size = [round(side * factor) for side in self.size]
        image, mask = v2.functional.resize(image, size), v2.functional.resize(mask, size)
        image, mask = self.transform(image, mask)
        return image, mask[0]


def plain_optimiser(model, training: Training) -> torch.optim.Optimizer:
    options = {"lr": training.lr, "weight_decay": training.weight_decay}
    if training.optimizer == "sgd":
        return torch.optim.SGD(model.parameters(), **options, momentum=training.momentum)
    return torch.optim.AdamW(model.parameters(), **options)


def plain_loop(data: Data, recipe: Recipe, model, device, workers: int, total: int) -> Iterator[None]:
    """One plain step each time it is asked."""
    optimiser, batch = plain_optimiser(model, recipe.training), recipe.training.batch
    dataset = PlainDataset(data, recipe, total * batch)
    loader = DataLoader(
        dataset, batch, shuffle=True, num_workers=workers, drop_last=True, pin_memory=device.type == "cuda"
    )
    for images, labels in loader:
        optimiser.zero_grad()
        loss = F.cross_entropy(model(images.to(device)).logits, labels.to(device), ignore_index=IGNORE)
        loss.backward()
        optimiser.step()
        yield loss.item()


def bf16_loop(batches: list, training: Training, model, device) -> Iterator[None]:
    """One eager step in bfloat16, channels-last, on a batch that lies on the device, each time it is asked."""
    optimiser = plain_optimiser(model, training)
    while True:
        for batch in batches:
            optimiser.zero_grad()
            with torch.autocast(device.type, torch.bfloat16):
                loss = F.cross_entropy(model(batch.images).logits, batch.labels, ignore_index=IGNORE)
            loss.backward()
            yield optimiser.step()


def our_loop(next_batch: Callable, recipe: Recipe, model, network, drawing: list | None = None) -> Iterator[None]:
    """One step of this project each time it is asked; ``drawing`` collects the seconds spent in the sampler."""
    optimiser, step = build_optimiser(model, recipe.training), 0
    auxiliary = recipe.network.auxiliary_weight
    counts = ClassCounts(np.empty((0, 1, 1), np.uint8), 0)  # not asked for by cross-entropy without class weights
    loss_of = build_loss(recipe.training, counts, next(model.parameters()).device)
    while True:
        began = time.perf_counter()
        batch = next_batch(step)
        if drawing is not None:
            drawing.append(time.perf_counter() - began)
        targets = Targets(batch.labels, batch.labels_b, batch.lam)
        loss, _ = training_step(network, optimiser, batch.images, targets, recipe.training, loss_of, auxiliary)
        if step % 10 == 0 or batch.images.device.type == "cpu":
            loss.item()
        step += 1
        yield


class Launches(TorchDispatchMode):
    """Counts the calls that compute or copy; views and empty tensors cost a GPU nothing."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name, arguments = str(function), function._schema.arguments
        views = any(argument.alias_info and not argument.alias_info.is_write for argument in arguments)
        self.count += name.startswith("aten.") and not views and "empty" not in name and "detach" not in name
        return function(*args, **(kwargs or {}))


def launches(function: Callable) -> int:
    with Launches() as counter:
        function()
    return counter.count


class Row:
    """A loop, and the seconds a step that its rounds took."""

    def __init__(self, name: str, loop, device: torch.device, warm_up: int | None = None, launches: str = ""):
        self.name, self.loop, self.device, self.launches = name, loop, device, launches
        self.warm_up = warm_up or (5 if device.type == "cuda" else 1)
        self.seconds: list[float] = []
        self.drawing: list[float] = []
        self.shares: list[float] = []

    def round(self, steps: int) -> None:
        for _ in range(self.warm_up):
            next(self.loop)
        self.drawing.clear()
        wait(self.device)
        if self.device.type == "cuda":  # steps overlap: only their sum has a meaning
            self.seconds.append(timed(lambda: [next(self.loop) for _ in range(steps)] and wait(self.device)) / steps)
            return
        seconds = [timed(lambda: next(self.loop)) for _ in range(steps)]
        self.seconds.append(statistics.median(seconds))
        if self.drawing:
            self.shares.append(statistics.median(d / s for d, s in zip(self.drawing, seconds, strict=True)))

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def build_rows(data: Data, config: dict, arguments, device: torch.device) -> tuple[list[Row], float]:
    """The rows to measure, and the floating-point operations of a step of the first model."""
    rows, first, models = [], None, {}
    for name in arguments.models:
        recipe = recipe_of(config, name, arguments.settings)
        shape = str([recipe.network, recipe.training.crop, recipe.training.batch])
        if shape not in models:
            torch.manual_seed(0)
            fresh = build_model(recipe.network, data.labels.num_classes).to(device).train()
            model = deepcopy(fresh).to(memory_format=torch.channels_last)
            models[shape] = model, {mode: compiled(model, mode) for mode in [False, *arguments.compile]}
        model, networks = models[shape]  # the same for all that look alike: compiling one takes minutes
        sampler = data.sampler(recipe, device)
        batches = [sampler.batch(step) for step in range(4 if device.type == "cuda" else 1)]
        if first is None:
            first = recipe, fresh, batches
        drawn = launches(lambda s=sampler: s._normalised(0))
        steps = our_loop(lambda step, b=batches: b[0], recipe, model, model)
        next(steps)  # the first makes the optimiser's state
        stepped = launches(steps.__next__)
        for mode, network in networks.items():
            title = f"{name} ({recipe.mixing.name})" + (f" {mode}" if mode else "")
            rows.append(Row(title, None, device, launches="" if mode else f"{stepped} + {drawn}"))
            rows[-1].loop = our_loop(sampler.batch, recipe, model, network, rows[-1].drawing)
            if device.type == "cuda":
                ready = our_loop(lambda step, b=batches: b[step % len(b)], recipe, model, network)
                rows.append(Row(f"{title}, ready batches", ready, device))
    recipe, model, batches = first
    with FlopCounterMode(display=False) as counter:
        F.cross_entropy(model(batches[0].images).logits, batches[0].labels, ignore_index=IGNORE).backward()
    if device.type == "cuda":
        baseline = deepcopy(model).to(memory_format=torch.channels_last)
        rows.append(Row("bf16 loop", bf16_loop(batches, recipe.training, baseline, device), device))
    if not arguments.no_plain:
        workers = arguments.threads
        # A GPU may empty the workers' queue (two batches each), which they fill while another row is measured.
        warm_up = 2 * workers + 1 if device.type == "cuda" else 1
        total = arguments.rounds * (arguments.steps + warm_up) + 2 * workers
        plain = plain_loop(data, recipe, model, device, workers, total)
        rows.append(Row("plain loop", plain, device, warm_up))
    return rows, counter.get_total_flops()


def matrix_rate(device: torch.device) -> float:
    """Floating-point operations a second of a large product: bfloat16 on a GPU, float32 on a CPU."""
    size, dtype = (8192, torch.bfloat16) if device.type == "cuda" else (2048, torch.float32)
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))

    def products() -> None:
        for _ in range(5):
            torch.mm(a, b)
        wait(device)

    products()
    return 5 * 2 * size**3 / statistics.median(timed(products) for _ in range(5))


def timed(function: Callable) -> float:
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
    parser.add_argument("--toycity", nargs=2, type=int, metavar=("H", "W"), help="generated images of this size")
    parser.add_argument("--settings", type=yaml.safe_load, default={}, help="YAML over every model's settings")
    parser.add_argument("--models", nargs="*", default=["m0", "m1", "m2"], help="the first is also the plain loop's")
    parser.add_argument("--compile", nargs="*", default=[], choices=["true", "cuda_graphs"])
    parser.add_argument("--images", type=int, default=32, help="training images used")
    parser.add_argument("--steps", type=int, default=10, help="steps a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="CPU threads and workers")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--no-plain", action="store_true", help="without the plain loop")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device = torch.device(arguments.device)
    if device.type == "cuda":  # as a training job sets it
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")
    config = read_config(arguments.overlay, arguments.toycity)
    with tempfile.TemporaryDirectory() as folder:
        data = Data(config, arguments.root, arguments.images, Path(folder))
        rows, operations = build_rows(data, config, arguments, device)
        for _ in range(arguments.rounds):
            for row in rows:
                row.round(arguments.steps)
        for row in rows:
            row.loop.close()
    recipe = recipe_of(config, arguments.models[0], arguments.settings)
    report(rows, operations, matrix_rate(device), recipe, config["dataset"]["name"], arguments)


def report(rows: list[Row], operations: float, rate: float, recipe: Recipe, name: str, arguments) -> None:
    crop, batch = "x".join(map(str, recipe.training.crop)), recipe.training.batch
    network = f"{recipe.network.architecture} {recipe.network.width}"
    print(f"{name}, {arguments.device}, {arguments.threads} threads; {network}, "
          f"crop {crop}, batch {batch}: {operations / 1e9:.1f} GFLOP a step")  # fmt: skip
    print(f"a large product here: {rate / 1e12:.3g} TFLOP/s")
    print(f"{'':<34}{'step ms':>10}{'images/s':>10}{'data':>8}{'matrix rate':>13}{'launches':>14}")
    first = rows[0].name.split()[0]
    medians = {row.name: row.median for row in rows}
    for row in rows:
        share = statistics.median(row.shares) if row.shares else None
        if f"{row.name}, ready batches" in medians:
            share = 1 - medians[f"{row.name}, ready batches"] / row.median
        data = f"{share:8.1%}" if share is not None else " " * 8
        same = row.name.split()[0] in (first, "plain", "bf16")
        used = f"{operations / row.median / rate:13.0%}" if same else " " * 13
        times = f"{1000 * row.median:10.1f}{batch / row.median:10.2f}"
        print(f"{row.name:<34}{times}{data}{used}{row.launches:>14}")
    for other in ("plain loop", "bf16 loop"):
        for row in rows:
            if other in medians and row.name.split()[0] == first and "ready" not in row.name:
                print(f"{row.name} does {medians[other] / row.median:.2f} times the images/s of the {other}")


if __name__ == "__main__":
    main()
