"""Muon: updates are orthogonal, shapes are stepped alike together, and a stopped run goes on to the bit."""

import pytest
import torch
from torch import nn
from training_fakes import TinyNet

from tailcutmix.models.build import build_model
from tailcutmix.plan.settings.recipe import Network
from tailcutmix.training.checkpoint import pack_optimiser, unpack_optimiser
from tailcutmix.training.muon import QUINTIC, Muon, matrices_and_others, orthogonalised

SMALL = Network(width=4, head_channels=8, stages=3, blocks=1, detail=8, fusion_grid="network")


def one_by_one(matrix):
    """The public iteration on one matrix, with the matrix itself in the loop."""
    x = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    x = x / (x.norm() + 1e-7)
    a, b, c = QUINTIC
    for _ in range(5):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if matrix.shape[0] > matrix.shape[1] else x


@pytest.mark.parametrize("shape", [(3, 16, 72), (2, 72, 16), (1, 8, 8), (4, 1, 9)])
def test_matrices_of_one_shape_become_orthogonal_together(shape):
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    found = orthogonalised(matrices)
    values = torch.linalg.svdvals(found)
    assert 0.6 < values.min() and values.max() < 1.3, "singular values are about one"
    left, _, right = torch.linalg.svd(matrices, full_matrices=False)
    assert torch.allclose((left.mT @ found @ right.mT).diagonal(dim1=-2, dim2=-1), values.flip(-1), atol=0.7)
    for matrix, result in zip(matrices, found, strict=True):
        torch.testing.assert_close(result, one_by_one(matrix), atol=1e-5, rtol=1e-4)


def test_first_and_last_layers_and_batchnorm_are_left_to_adamw():
    model = build_model(SMALL, 5)
    matrices, others = matrices_and_others(model)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    left = {names[id(parameter)] for parameter in others if parameter.ndim == 4}
    assert left == {
        "trunk.trunk.conv1.weight",
        "semantic_head.6.weight",
        "attention_head.6.weight",
        "detail.logits.weight",
    }
    assert {names[id(p)] for p in (*matrices, *others)} == set(names.values())
    assert len(matrices) + len(others) == len(names)


def gradients(model, seed):
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)


def test_a_step_is_momentum_made_orthogonal():
    conv = nn.Conv2d(6, 12, 3, bias=False)
    before = conv.weight.detach().clone()
    optimiser = Muon([conv.weight], [], lr=0.1, momentum=0.9)
    gradients(conv, 1)
    gradient = conv.weight.grad.clone()
    optimiser.step()
    running = 0.1 * gradient
    ahead = torch.lerp(gradient, running, 0.9).reshape(12, -1)
    expected = before - 0.1 * one_by_one(ahead).view_as(before)
    torch.testing.assert_close(conv.weight.detach(), expected, atol=1e-5, rtol=1e-4)


def test_what_is_left_is_stepped_as_adamw_does():
    torch.manual_seed(0)
    one, two = TinyNet(dropout=0.0), TinyNet(dropout=0.0)
    two.load_state_dict(one.state_dict())
    ours = Muon([], one.parameters(), lr=1.0, adamw_lr=0.01, weight_decay=0.1)
    theirs = torch.optim.AdamW(two.parameters(), lr=0.01, betas=(0.9, 0.99), weight_decay=0.1, fused=True)
    for seed in range(3):
        for model, optimiser in ((one, ours), (two, theirs)):
            gradients(model, seed)
            optimiser.step()
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def test_its_state_survives_a_checkpoint_to_the_bit():
    torch.manual_seed(0)
    model = build_model(SMALL, 5).to(memory_format=torch.channels_last)
    optimiser = Muon(*matrices_and_others(model), lr=0.1)
    for seed in range(2):
        gradients(model, seed)
        optimiser.step()
    other = build_model(SMALL, 5).to(memory_format=torch.channels_last)
    other.load_state_dict(model.state_dict())
    resumed = Muon(*matrices_and_others(other), lr=0.1)
    tensors, values = pack_optimiser(optimiser)
    unpack_optimiser(resumed, {name: tensor.clone() for name, tensor in tensors.items()}, values)
    for one, its in ((model, optimiser), (other, resumed)):
        gradients(one, 9)
        its.step()
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))
