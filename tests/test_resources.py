"""What jobs ask a scheduler for, held against the networks themselves; test_slurm.py sees it arrive."""

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from tailcutmix import resources
from tailcutmix.models.build import build_model

HRNET = {"architecture": "hrnet", "attention": "hierarchical", "training_scales": [0.5, 1.0]}
UNET = {"architecture": "unet", "attention": "none", "head_channels": 0}
NETWORKS = [HRNET | {"width": w, "head_channels": h} for w, h in [(8, 32), (16, 64), (18, 256), (48, 256)]]
NETWORKS += [UNET | {"width": width} for width in (16, 64)]
PAPER = NETWORKS[3] | {
    "crop": [512, 1024], "batch": 8, "epochs": 175, "expand": 1, "gpus": 1, "threads": 8,
    "inference": {"scales": [0.5, 1.0, 2.0], "flip": True, "batch": 1, "gpus": 1, "threads": 4},
}  # fmt: skip
MINICITY = (200, 1024, 2048)


@pytest.mark.parametrize("settings", NETWORKS, ids=lambda s: f"{s['architecture']}-{s['width']}")
def test_bounds_lie_above_the_network_and_not_far(settings):
    """Against torch's FLOP counter and the tensors that the backward pass keeps, on the meta device."""
    saved = {}

    def keep(tensor):
        saved[id(tensor)] = tensor  # holds it, so that no other tensor gets its id
        return tensor

    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        model = build_model(settings, 19).train()
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            model(torch.empty(2, 3, 128, 256))
    for parameter in model.parameters():
        saved.pop(id(parameter), None)
    pixels = 2 * 128 * 256
    assert 0.9 < resources.multiplications(settings) / (counter.get_total_flops() / 2 / pixels) < 2.5
    kept = sum(tensor.numel() * tensor.element_size() for tensor in saved.values()) / pixels
    assert 0.9 < resources.activations(settings) / kept < 2.6


def test_packed_shape_reads_the_header_alone(tmp_path):
    np.save(tmp_path / "images.npy", np.zeros((3, 5, 7, 3), np.uint8))
    assert resources.packed_shape(tmp_path / "images.npy") == (3, 5, 7)
    with pytest.raises(FileNotFoundError):
        resources.packed_shape(tmp_path / "absent.npy")


def test_larger_work_asks_for_more():
    """Ten times the images, a larger batch on a CPU, half the GPUs' speed: never less than before."""
    minutes, memory = resources.training_minutes, resources.training_memory
    assert minutes(PAPER, MINICITY) > 60
    assert minutes(PAPER, (18000, 1024, 2048)) == resources.LONGEST_MINUTES
    assert minutes(PAPER | {"gpus": 2}, MINICITY) < minutes(PAPER, MINICITY)
    assert memory(PAPER, (2000, 1024, 2048)) > memory(PAPER, MINICITY) + 10000
    on_cpu = PAPER | {"gpus": 0}
    assert memory(on_cpu | {"batch": 16}, MINICITY) > 1.8 * memory(on_cpu, MINICITY)
    assert memory(on_cpu | {"accumulate": 4}, MINICITY) < memory(on_cpu, MINICITY) / 2
    flipped = PAPER | {"inference": PAPER["inference"] | {"flip": False}}
    assert resources.inference_minutes(PAPER, MINICITY) > resources.inference_minutes(flipped, MINICITY)
    assert resources.inference_memory(PAPER, MINICITY) < 10000
