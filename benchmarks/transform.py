"""What tail cutmix as a transform costs beside a plain loader: the ratio of their times per batch.

    python benchmarks/transform.py [--images 32] [--height 512] [--width 1024] [--workers 2] [--rounds 5]

The plain loader decodes a PNG and its label with Pillow, cuts a random crop of half their size, mirrors every second
one, and collates; with the transform, the same and `TailCutMix` in the collate function. Both run in worker processes,
one after the other within a round, so that a busy machine slows both; the median of the rounds' ratios is printed.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from streets import street
from torch.utils.data import DataLoader, Dataset, default_collate

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))

from tailcutmix.index import list_pairs, make_index  # noqa: E402
from tailcutmix.plan.settings.recipe import Mixing  # noqa: E402
from tailcutmix.plan.settings.tail import Buckets, Regions  # noqa: E402
from tailcutmix.transform import TailCutMix  # noqa: E402

BATCH = 8
CLASSES = 34


def write_images(folder: Path, images: int, height: int, width: int) -> None:
    """Street-like labels with their ids as train ids, and images of noise over them, as PNG."""
    rng = np.random.default_rng(0)
    for name in ("images", "labels"):
        (folder / name).mkdir()
    for number in range(images):
        label, _ = street(rng, height, width, 20)
        colour = np.stack([label * factor % 200 for factor in (7, 31, 53)], -1) + rng.integers(
            0, 24, (height, width, 3)
        )
        Image.fromarray(colour.astype(np.uint8)).save(folder / f"images/{number}.png", compress_level=1)
        Image.fromarray(label).save(folder / f"labels/{number}.png")


class Crops(Dataset):
    """A plain data set: decode, crop, mirror."""

    def __init__(self, folder: Path, passes: int):
        self.images = sorted((folder / "images").iterdir()) * passes
        self.labels = sorted((folder / "labels").iterdir()) * passes

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, n: int) -> tuple[torch.Tensor, torch.Tensor]:
        image, label = (np.array(Image.open(path)) for path in (self.images[n], self.labels[n]))
        height, width = label.shape
        y, x = int(torch.randint(height // 2, ())), int(torch.randint(width // 2, ()))
        part = np.s_[y : y + height // 2, x : x + width // 2]
        pixels = torch.from_numpy(image[part]).permute(2, 0, 1).float().div_(255)
        target = torch.from_numpy(label[part].astype(np.int64))
        return (pixels.flip(-1), target.flip(-1)) if torch.rand(()) < 0.5 else (pixels, target)


class Mixed:
    """Collates, then mixes."""

    def __init__(self, transform: TailCutMix):
        self.transform = transform

    def __call__(self, samples: list) -> tuple[torch.Tensor, torch.Tensor]:
        return self.transform(*default_collate(samples))


def single_thread(worker: int) -> None:
    """One thread per worker, as loaders have it."""
    torch.set_num_threads(1)


def seconds(dataset: Dataset, workers: int, collate) -> float:
    """Wall-clock time of one epoch, the workers' start set aside."""
    loader = DataLoader(dataset, BATCH, num_workers=workers, collate_fn=collate, worker_init_fn=single_thread)
    batches = iter(loader)
    next(batches)
    start = time.perf_counter()
    for _ in batches:
        pass
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (
        ("images", 32),
        ("height", 512),
        ("width", 1024),
        ("workers", 2),
        ("rounds", 5),
        ("passes", 4),
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_images(folder, options.images, options.height, options.width)
        index = make_index(
            list_pairs(folder / "labels", folder / "images"),
            folder / "index",
            buckets=Buckets(cuts=(6, 6)),
            regions=Regions(min_area=64),
        )
        print(f"{len(index.packed)} images with a class of the tail: {', '.join(row.name for row in index.tail)}")
        dataset = Crops(folder, options.passes)
        for mixing in ("level0", "levels"):
            collate = Mixed(TailCutMix(folder / "index", Mixing(name=mixing)))
            ratios = []
            for _ in range(options.rounds):
                plain = seconds(dataset, options.workers, default_collate)
                ratios.append(seconds(dataset, options.workers, collate) / plain)
            milliseconds = 1000 * plain / (len(dataset) // BATCH - 1)
            print(f"{mixing}: {statistics.median(ratios):.2f} times the plain loader's {milliseconds:.0f} ms per batch "
                  f"of {BATCH} (rounds {min(ratios):.2f} to {max(ratios):.2f})")  # fmt: skip


if __name__ == "__main__":
    main()
