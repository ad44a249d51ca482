"""What runs on a GPU alone. Without one, torch's fake tensors still tell on which device each tensor would lie."""

import numpy as np
import pytest
import torch
from mixing_fakes import CLASSES, RARE, SETTINGS, boxes, packed
from torch._subclasses.fake_tensor import FakeTensorMode
from training_fakes import hrnet

from tailcutmix.mixing import level0
from tailcutmix.mixing.sampler import MIXINGS, Sampler
from tailcutmix.prediction.inference import Predictor

cuda_build = pytest.mark.skipif(not torch.backends.cuda.is_built(), reason="needs a torch that is built for CUDA")
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def sampler(device, **settings):
    data = packed(images=9)
    return Sampler(data, SETTINGS | settings, CLASSES, device, (RARE,), boxes(data))


@cuda_build
@pytest.mark.parametrize("host", [False, True], ids=["data on the GPU", "data on the host"])
@pytest.mark.parametrize("mixing", MIXINGS)
def test_a_batch_lies_on_the_gpu_and_only_cyc_waits_for_it(mixing, host, monkeypatch):
    """Fake tensors have no values: whatever asks the device for one fails, as does an operation on two devices."""
    drawn, looks = sampler("cpu", mixing=mixing, probability=0.7), []

    def look(tensor):
        looks.append(tensor)
        return np.arange(len(tensor)) % 2 == 0  # half of the samples hold their class

    monkeypatch.setattr(torch.Tensor, "numpy", look)
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: tensor)
    monkeypatch.setattr(level0, "random_pixels", lambda labels, index, b, u: np.zeros((len(index), 2), np.int64))
    with FakeTensorMode() as mode:
        drawn.device = torch.device("cuda:0")
        drawn.grey = mode.from_tensor(drawn.grey).to(drawn.device)
        for name in ("images", "labels"):
            data = mode.from_tensor(getattr(drawn, name))
            setattr(drawn, name, data if host else data.to(drawn.device))
        batch = drawn._build(3)
    for tensor in (batch.images, batch.labels, batch.labels_b, batch.lam, batch.counts["pixels_added"]):
        assert tensor is None or tensor.device == drawn.device
    assert batch.images.shape == (6, 3, 24, 32)
    assert (0 < len(looks) <= SETTINGS["cyc_draws"]) if mixing == "level0" else not looks


@needs_gpu
@pytest.mark.parametrize("gigabytes", [1.0, 0.0], ids=["data on the GPU", "data on the host"])
@pytest.mark.parametrize("mixing", MIXINGS)
def test_batches_are_the_same_on_any_device(mixing, gigabytes):
    settings = {"mixing": mixing, "probability": 0.7, "data_device_gb": gigabytes}
    ours, theirs = sampler("cuda", **settings), sampler("cpu", **settings)
    for step in (0, 1, 2, 7, 1):
        batch, expected = ours.batch(step), theirs.batch(step)
        torch.testing.assert_close(batch.images.cpu(), expected.images, rtol=0, atol=1e-4)
        assert torch.equal(batch.labels.cpu(), expected.labels)
        assert torch.equal(batch.counts["pixels_added"].cpu(), expected.counts["pixels_added"])
        assert batch.image_ids == expected.image_ids


@needs_gpu
def test_predictions_in_bf16_are_nearly_those_in_float32():
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 96, 3), np.uint8)
    ours, theirs = (
        Predictor(hrnet(torch.float32), [0.5, 1.0, 2.0], flip=True, device=device).labels(images)
        for device in ("cuda", "cpu")
    )
    assert (ours == theirs).mean() > 0.95
