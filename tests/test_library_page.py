"""docs/library.md and the README's section on one's own training loop: their examples, taken from the page and run."""

import re

import numpy as np
import pytest
import torch
from conftest import ROOT
from torch.utils.data import DataLoader, Dataset

from tailcutmix import index
from tailcutmix.dataset.images import write_png
from tailcutmix.models import torchvision_ops  # noqa: F401 (before torchvision)

PAGE = (ROOT / "docs/library.md").read_text()
SECTIONS = {text.split("\n")[0]: text for text in PAGE.split("\n## ")[1:]}
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)
COMMAND = re.compile(r"^python -m tailcutmix\.index (.*)$", re.M)


def draw_labels(images: int = 4, height: int = 64, width: int = 96) -> np.ndarray:
    """(N, H, W): road under sky, a car in each image, a sign in every second one, a border of void."""
    rng = np.random.default_rng(0)
    labels = np.zeros((images, height, width), np.uint8)
    labels[:, :24] = 1
    for n, label in enumerate(labels):
        x = int(rng.integers(8, 50))
        label[20:40, x : x + 24] = 2
        if n % 2 == 0:
            label[10:22, x + 28 : x + 36] = 3
        label[:, :2] = 255
    return labels


class Streets(Dataset):
    """Images of noise over the classes' colours, with their labels, as a user's own data set gives them."""

    def __init__(self, labels: np.ndarray):
        self.labels = labels
        noise = np.random.default_rng(1).integers(0, 60, (*labels.shape, 3))
        self.images = (noise + 60 * (labels[..., None] % 4)).astype(np.uint8)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, n):
        return torch.from_numpy(self.images[n]).permute(2, 0, 1) / 255, torch.from_numpy(self.labels[n]).long()


@pytest.fixture(scope="module")
def dataset():
    return Streets(draw_labels())


@pytest.fixture(scope="module")
def folder(dataset, tmp_path_factory):
    """The data set as two folders, and its index by the command of the page."""
    place = tmp_path_factory.mktemp("library")
    for n in range(len(dataset)):
        write_png(place / f"images/{n}.png", dataset.images[n])
        write_png(place / f"labels/{n}.png", dataset.labels[n])
    (command,) = COMMAND.findall(PAGE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        assert index.main(command.split()) == 0
    return place


def run(title: str, text: str, names: dict) -> dict:
    """Run the examples of a section, one after the other; returns their names."""
    examples = PYTHON.findall(text)
    assert examples, title
    for example in examples:
        exec(compile(example, f"docs/library.md: {title}", "exec"), names)
    return names


def test_a_network_of_torchvision_is_trained_on_mixed_batches(dataset, folder, monkeypatch):
    monkeypatch.chdir(folder)
    given = {"dataset": dataset, "loader": DataLoader(dataset, 2)}
    names = run("a training loop", SECTIONS["Tail cutmix in a training loop"], given)
    assert torch.isfinite(names["loss"])
    images, masks = names["images"], names["masks"]
    assert (names["again"][1] != masks).any() and names["again"][0].shape == images.shape


def test_the_readme_trains_too(dataset, folder, monkeypatch):
    monkeypatch.chdir(folder)
    section = (ROOT / "README.md").read_text().split("\n## In your own training loop\n")[1].split("\n## ")[0]
    (command,) = COMMAND.findall(section)
    assert index.main(command.partition("#")[0].split()) == 0
    plain = torch.stack([mask for _, mask in dataset])
    seen = []
    run("README", section, {"loader": DataLoader(dataset, 2), "train": lambda images, masks: seen.append(masks)})
    mixed = torch.cat(seen)
    assert mixed.shape == plain.shape and (mixed != plain).flatten(1).any(1).all(), "every sample is mixed"


@pytest.mark.parametrize("title", ["Buckets", "Regions and levels", "Scores", "The ensemble"])
def test_examples_on_arrays_do_as_they_say(title, dataset):
    labels, rng = dataset.labels, np.random.default_rng(2)
    predictions = np.where(rng.random(labels.shape) < 0.1, rng.integers(0, 4, labels.shape), labels % 4)
    m1, *experts = predictions.astype(np.uint8)[:3]
    given = {"labels": labels, "predictions": predictions.astype(np.uint8), "m1": m1}
    run(title, SECTIONS[title], given | dict(zip(("expert_of_2", "expert_of_3"), experts, strict=True)))


def test_every_section_is_run():
    assert set(SECTIONS) == {
        "Tail cutmix in a training loop",
        "Buckets",
        "Regions and levels",
        "Scores",
        "The ensemble",
    }
