"""What runs on a GPU alone. Without one, torch's fake tensors still tell on which device each tensor would lie."""

import numpy as np
import pytest
import torch
from mixing_fakes import RECIPE, packed
from mixing_fakes import sampler as make
from torch._subclasses.fake_tensor import FakeTensorMode
from training_fakes import hrnet

from tailcutmix.mixing.methods import level0
from tailcutmix.mixing.place import Place
from tailcutmix.plan.settings.recipe import MIXINGS
from tailcutmix.prediction.inference import Predictor

cuda_build = pytest.mark.skipif(not torch.backends.cuda.is_built(), reason="needs a torch that is built for CUDA")
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def sampler(mixing, device, gigabytes=1.0):
    place = Place(torch.device(device), data_device_gb=gigabytes)
    return make(mixing, packed(images=9), place=place, probability=0.7)


@cuda_build
@pytest.mark.parametrize("host", [False, True], ids=["data on the GPU", "data on the host"])
@pytest.mark.parametrize("mixing", MIXINGS)
def test_a_batch_lies_on_the_gpu_and_only_cyc_waits_for_it(mixing, host, monkeypatch):
    """Fake tensors have no values: whatever asks the device for one fails, as does an operation on two devices."""
    drawn, looks = sampler(mixing, "cpu"), []

    def look(tensor):
        looks.append(tensor)
        return np.arange(len(tensor)) % 2 == 0  # half of the samples hold their class

    monkeypatch.setattr(torch.Tensor, "numpy", look)
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: tensor)
    monkeypatch.setattr(level0, "random_pixels", lambda labels, index, *_: np.zeros((len(index), 2), np.int64))
    with FakeTensorMode() as mode:
        source = drawn.source
        source.device = torch.device("cuda:0")
        source.grey = mode.from_tensor(source.grey).to(source.device)
        for name in ("images", "labels"):
            data = mode.from_tensor(getattr(source, name))
            setattr(source, name, data if host else data.to(source.device))
        batch = drawn._normalised(3)
    assert len(batch.tensors()) > 2 and all(tensor.device == source.device for tensor in batch.tensors())
    assert batch.images.shape == (6, 3, 24, 32)
    assert (0 < len(looks) <= RECIPE.mixing.cyc_draws) if mixing == "level0" else not looks


@needs_gpu
@pytest.mark.parametrize("gigabytes", [1.0, 0.0], ids=["data on the GPU", "data on the host"])
@pytest.mark.parametrize("mixing", MIXINGS)
def test_batches_are_the_same_on_any_device(mixing, gigabytes):
    ours, theirs = sampler(mixing, "cuda", gigabytes), sampler(mixing, "cpu")
    for step in (0, 1, 2, 7, 1):
        batch, expected = ours.batch(step), theirs.batch(step)
        torch.testing.assert_close(batch.images.cpu(), expected.images, rtol=0, atol=1e-4)
        assert torch.equal(batch.labels.cpu(), expected.labels)
        assert torch.equal(batch.counts.pixels_pasted.cpu(), expected.counts.pixels_pasted)
        assert batch.image_ids == expected.image_ids


@needs_gpu
def test_predictions_in_bf16_are_nearly_those_in_float32():
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 96, 3), np.uint8)
    ours, theirs = (
        Predictor(hrnet(torch.float32), [0.5, 1.0, 2.0], flip=True, device=device).labels(images)
        for device in ("cuda", "cpu")
    )
    assert (ours == theirs).mean() > 0.95
