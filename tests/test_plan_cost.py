"""What jobs ask a scheduler for, compared with the networks themselves; test_slurm.py sees it arrive."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from tailcutmix.models.build import build_model
from tailcutmix.plan import cost
from tailcutmix.plan.architectures import TRAITS, traits_of
from tailcutmix.plan.models import Model
from tailcutmix.plan.settings.jobs import Inference, Resources
from tailcutmix.plan.settings.recipe import ARCHITECTURES, Network, Recipe, Training
from tailcutmix.plan.settings.unlabelled import SemiSupervised

NETWORKS = [Network(width=width, head_channels=channels) for width, channels in [(8, 32), (18, 256), (48, 256)]]
NETWORKS += [Network("unet", 64, attention="none", training_scales=(1.0,))]
for name, traits in TRAITS.items():
    scales = {} if traits.attention else {"attention": "none", "training_scales": (1.0,)}
    NETWORKS.append(Network(name, 16, head_channels=64, **scales))
PAPER = Model(
    name="m0",
    title="M0",
    short="M0",
    recipe=Recipe(NETWORKS[2], training=Training(crop=(512, 1024), batch=8, epochs=175)),
    inference=Inference((0.5, 1.0, 2.0), flip=True),
    training_job=Resources(gpus=1, threads=8),
    inference_job=Resources(gpus=1, threads=4),
)
MINICITY = (200, 1024, 2048)


def with_training(**changes) -> Model:
    return replace(PAPER, recipe=replace(PAPER.recipe, training=replace(PAPER.recipe.training, **changes)))


def test_every_architecture_has_its_traits():
    assert sorted(TRAITS) == sorted(ARCHITECTURES)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda n: f"{n.architecture}-{n.width}")
def test_traits_are_those_of_the_network(network):
    """Costs lie above the network's and not far.

    Against torch's FLOP counter and the tensors that the backward pass keeps, on the meta device.
    """
    saved = {}

    def keep(tensor):
        saved[id(tensor)] = tensor  # holds it, so that no other tensor gets its id
        return tensor

    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        model = build_model(network, 19).train()
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            model(torch.empty(2, 3, 128, 256))
    for parameter in model.parameters():
        saved.pop(id(parameter), None)
    pixels = 2 * 128 * 256
    traits = traits_of(network)
    assert traits.multiple == model.multiple
    assert 0.9 < traits.multiplications(network) / (counter.get_total_flops() / 2 / pixels) < 2.5
    kept = sum(tensor.numel() * tensor.element_size() for tensor in saved.values()) / pixels
    assert 0.9 < traits.activations(network) / kept < 2.6


def test_packed_shape_reads_the_header_alone(tmp_path):
    np.save(tmp_path / "images.npy", np.zeros((3, 5, 7, 3), np.uint8))
    assert cost.packed_shape(tmp_path / "images.npy") == (3, 5, 7)
    with pytest.raises(FileNotFoundError):
        cost.packed_shape(tmp_path / "absent.npy")


def test_larger_work_asks_for_more():
    """Ten times the images, a larger batch on a CPU, half the GPUs' speed: never less than before."""
    minutes, memory = cost.training_minutes, cost.training_memory
    assert minutes(PAPER, MINICITY) > 60
    assert minutes(PAPER, (18000, 1024, 2048)) == cost.LONGEST_MINUTES
    assert minutes(replace(PAPER, training_job=Resources(gpus=2)), MINICITY) < minutes(PAPER, MINICITY)
    assert memory(PAPER, (2000, 1024, 2048)) > memory(PAPER, MINICITY) + 10000
    on_cpu = Resources(gpus=0)
    here = memory(replace(PAPER, training_job=on_cpu), MINICITY)
    assert memory(replace(with_training(batch=16), training_job=on_cpu), MINICITY) > 1.8 * here
    assert memory(replace(with_training(accumulate=4), training_job=on_cpu), MINICITY) < here / 2
    unflipped = replace(PAPER, inference=replace(PAPER.inference, flip=False))
    assert cost.inference_minutes(PAPER, MINICITY) > cost.inference_minutes(unflipped, MINICITY)
    assert cost.inference_memory(PAPER, MINICITY) < 10000


def test_a_teacher_takes_time_and_predicted_labels_memory():
    """Two forward passes, and the student's forward and backward once more; labels and images copied, not mapped."""
    taught = replace(PAPER, recipe=replace(PAPER.recipe, semi=SemiSupervised(("val",))))
    assert cost.training_operations(taught, 200) == pytest.approx(cost.training_operations(PAPER, 200) * 8 / 3)
    labelled = replace(PAPER, labels_from="m1")
    assert cost.training_operations(labelled, 200) == cost.training_operations(PAPER, 200)
    more = cost.training_memory(labelled, MINICITY) - cost.training_memory(PAPER, MINICITY)
    assert more == pytest.approx(200 * 1024 * 2048 * 4 / 2**20, abs=1)


def test_a_training_longer_than_a_job_is_counted_whole():
    """A scheduler is asked for a day at most; the plan says how long the training takes in all."""
    long = with_training(epochs=17500)
    assert cost.training_minutes(long, MINICITY) == cost.LONGEST_MINUTES < cost.uninterrupted_minutes(long, 200)
    assert cost.uninterrupted_minutes(PAPER, 200) == cost.training_minutes(PAPER, MINICITY)


def test_memory_of_a_gpu_follows_the_batch_the_precision_and_where_the_images_lie():
    memory = cost.gpu_memory
    here = memory(PAPER, MINICITY, 40.0)
    assert memory(PAPER, MINICITY, 1.0) == pytest.approx(here - 200 * 1024 * 2048 * 4 / 2**20, abs=1)
    kept = 8 * 512 * 1024 * cost.activations(PAPER) / 2**20
    assert memory(with_training(bf16=False), MINICITY, 40.0) == pytest.approx(here + kept / 2, abs=1)
    halved = pytest.approx(here - kept / 4, abs=1)
    assert memory(with_training(accumulate=2), MINICITY, 40.0) == halved
    assert memory(replace(PAPER, training_job=Resources(gpus=2)), MINICITY, 40.0) == halved


def test_what_the_configuration_says_goes_before_any_estimate():
    job = Resources(gpus=1, mem_mb=777, runtime=33)
    said = replace(PAPER, training_job=job, inference_job=job)
    assert (cost.training_memory(said, MINICITY), cost.training_minutes(said, MINICITY)) == (777, 33)
    assert (cost.inference_memory(said, MINICITY), cost.inference_minutes(said, MINICITY)) == (777, 33)


def test_steps_are_those_of_the_loop():
    """ceil(epochs * ceil(e * N) / batch)."""
    assert cost.training_steps(with_training(epochs=2.5, expand=3, batch=5), 15) == 23
    assert cost.training_steps(with_training(epochs=0.1, expand=0.5, batch=8), 3) == 1
