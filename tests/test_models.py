"""The networks: published sizes, shapes, learning, and errors that a user can mend."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from tailcutmix.errors import UserError
from tailcutmix.models.attention import FUSIONS
from tailcutmix.models.build import build_model, load_model
from tailcutmix.models.resizing import resize
from tailcutmix.plan.settings.recipe import Network

SMALL = Network(width=4, head_channels=8)
UNET = Network(architecture="unet", width=64, attention="none", training_scales=(1.0,))
SCRIPTS = Path(__file__).parents[1] / "scripts"


def small_model(classes=5, **settings):
    if settings.get("attention") == "none":
        settings["training_scales"] = (1.0,)
    torch.manual_seed(0)
    return build_model(replace(SMALL, **settings), classes)


def millions(module):
    return round(sum(parameter.numel() for parameter in module.parameters()) / 1e6, 2)


@pytest.mark.parametrize(
    ("width", "trunk", "whole"),
    [("w18_small", 1.48, 3.77), (18, 9.56, 11.99), (32, 29.31, 32.70), (48, 65.33, 69.83)],
)
def test_hrnet_has_the_published_number_of_parameters(width, trunk, whole):
    with torch.device("meta"):
        model = build_model(Network(width=width), 19)
    assert millions(model.trunk) == pytest.approx(trunk, abs=0.006)
    assert millions(model) == pytest.approx(whole, abs=0.006)


def test_unet_has_the_published_number_of_parameters():
    with torch.device("meta"):
        assert millions(build_model(UNET, 19)) == 13.40


@pytest.mark.parametrize("network", [
    SMALL, replace(SMALL, attention="explicit"), replace(SMALL, attention="none", training_scales=(1.0,)),
    replace(UNET, width=4)])  # fmt: skip
@pytest.mark.parametrize("size", [(64, 64), (33, 71)])
def test_logits_have_the_size_of_the_input(network, size):
    model = build_model(network, 3).train()
    assert model(torch.randn(2, 3, *size)).logits.shape == (2, 3, *size)
    model.eval()
    for scales in ([1.0], [0.5, 1.0, 2.0]):
        logits = model.predict(torch.randn(1, 3, *size), scales)
        assert logits.shape == (1, 3, *size)
        assert logits.isfinite().all()


def test_training_is_one_graph_for_the_compiler():
    """A break in it would leave CUDA graphs in pieces; the traced graph computes what the network does."""
    model, x = small_model().double().train(), torch.randn(2, 3, 128, 64).double()
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True, dynamic=False)
    gradients = []
    for network in (model, compiled):
        model.zero_grad()
        network(x).logits.square().mean().backward()
        gradients.append([parameter.grad.clone() for parameter in model.parameters()])
    for eager, traced in zip(*gradients, strict=True):
        torch.testing.assert_close(traced, eager, rtol=1e-4, atol=1e-6)


def test_odd_sizes_are_padded_with_zeros_and_cropped_back():
    model = small_model().eval()
    x = torch.randn(1, 3, 50, 70)
    padded = F.pad(x, (0, 58, 0, 14))
    torch.testing.assert_close(model.predict(x, [0.5, 1.0]), model.predict(padded, [0.5, 1.0])[..., :50, :70])


@pytest.mark.parametrize("attention", ["hierarchical", "explicit"])
def test_training_and_prediction_agree_at_the_training_scales(attention):
    model = small_model(attention=attention).eval()
    x = torch.randn(1, 3, 64, 128)
    torch.testing.assert_close(model(x).logits, model.predict(x, [0.5, 1.0]))


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_network_whose_attention_is_fixed_predicts_from_one_scale(value):
    model = small_model().eval()
    x = torch.randn(1, 3, 64, 64)
    low, _ = model.predict_scale(x, 0.5)
    high, _ = model.predict_scale(x, 1.0)
    model.attention_head[-1].weight.data.zero_()
    model.attention_head[-1] = Biased(model.attention_head[-1], 1e4 if value else -1e4)
    expected = resize(resize(low, (32, 32)) if value else high, (64, 64))  # each at its own size first
    torch.testing.assert_close(model(x).logits, expected)
    torch.testing.assert_close(model.predict(x, [0.5, 1.0]), expected)


class Biased(torch.nn.Module):
    def __init__(self, layer, bias):
        super().__init__()
        self.layer, self.bias = layer, bias

    def forward(self, x):
        return self.layer(x) + self.bias


@pytest.mark.parametrize("attention", ["hierarchical", "explicit", "none"])
def test_every_weight_learns(attention):
    model = small_model(attention=attention).train()
    labels = torch.randint(0, 5, (2, 64, 64))
    F.cross_entropy(model(torch.randn(2, 3, 64, 64)).logits, labels).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_scales_that_only_prediction_uses_leave_no_untrained_statistics():
    """Scale 1.0 has attention as soon as 2.0 is added: its features must be in that head's BatchNorm."""
    model = small_model().train()
    model(torch.randn(2, 3, 64, 64))
    assert model.attention_head[1].num_batches_tracked == len(model.training_scales)


def test_auxiliary_logits_are_those_of_each_scale():
    model = small_model(auxiliary_weight=0.05).eval()
    x = torch.randn(1, 3, 50, 64)
    low, high = model(x).auxiliary
    torch.testing.assert_close(high, model.predict(x, [1.0]))
    padded = model.pad(x, [0.5, 1.0])
    expected = F.interpolate(model.predict_scale(padded, 0.5)[0], size=padded.shape[-2:], mode="bilinear")
    torch.testing.assert_close(low, expected[..., :50, :])
    assert small_model().eval()(x).auxiliary == []


def overfit(model, size, steps):
    """Loss after some steps on two images of noise with labels of 4 x 4 random blocks."""
    torch.manual_seed(1)
    x = torch.randn(2, 3, size, size)
    labels = F.interpolate(torch.randint(0, 5, (2, 1, 4, 4)).float(), size=(size, size))[:, 0].long()
    optimizer = torch.optim.SGD(model.train().parameters(), 0.1, momentum=0.9)
    for _ in range(steps):
        loss = F.cross_entropy(model(x).logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return float(loss.detach())


@pytest.mark.parametrize("attention", ["hierarchical", "explicit", "none"])
def test_hrnet_overfits_two_images(attention):
    assert overfit(small_model(attention=attention, head_channels=16), size=64, steps=200) < 0.05


def test_unet_overfits_two_images():
    torch.manual_seed(0)
    assert overfit(build_model(replace(UNET, width=16), 5), size=64, steps=60) < 0.05


def test_weights_travel_through_a_file(tmp_path):
    model = small_model().eval()
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    again = load_model(SMALL, 5, tmp_path / "model.safetensors")
    x = torch.randn(1, 3, 64, 64)
    torch.testing.assert_close(again.predict(x, [0.5, 1.0]), model.predict(x, [0.5, 1.0]), rtol=0, atol=0)
    with pytest.raises(UserError, match="weights of another model"):
        load_model(SMALL, 6, tmp_path / "model.safetensors")
    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "model.safetensors").read_bytes()[:100])
    with pytest.raises(UserError, match="cut.safetensors"):
        load_model(SMALL, 5, tmp_path / "cut.safetensors")
    with pytest.raises(UserError, match="no such weights"):
        load_model(SMALL, 5, tmp_path / "absent.safetensors")


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (Network(architecture="vgg"), "architecture"),
        (replace(SMALL, width=3), "width 3"),
        (replace(SMALL, width="w19"), "w19"),
        (replace(SMALL, attention="soft"), "attention"),
        (replace(SMALL, training_scales=(0.5, 2.0)), "1.0"),
        (replace(SMALL, training_scales=(1.0,)), "two scales"),
        (replace(UNET, width="w18_small"), "width"),
    ],
)
def test_settings_that_no_network_fits_are_named(network, words):
    with pytest.raises(UserError, match=words):
        build_model(network, 5)


def test_scales_need_a_small_denominator():
    with pytest.raises(UserError, match="0.3"):
        small_model().eval().predict(torch.randn(1, 3, 32, 32), [0.3, 1.0])


def test_a_unet_needs_no_timm_and_matched_builds_of_torchvision_stay_untouched():
    """With torchvision's ops already there, the cure for mismatched builds must not declare them again."""
    script = (
        "import sys\n"
        "from torch import library\n"
        "from tailcutmix.models.build import build_model\n"
        "from tailcutmix.plan.settings.recipe import Network\n"
        "build_model(Network(architecture='unet', width=64), 3)\n"
        "assert 'timm' not in sys.modules and 'torchvision' not in sys.modules\n"
        "ops = library.Library('torchvision', 'DEF')\n"
        "ops.define('nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')\n"
        "from tailcutmix.models import torchvision_ops\n"
        "assert torchvision_ops._library is None\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, env={"PYTHONPATH": str(SCRIPTS), "PATH": ""})


WITH_DETAIL = Network(width=8, head_channels=32, stages=3, blocks=1, detail=16, fusion_grid="network")


def test_the_small_network_has_three_branches_and_logits_at_stride_two():
    model = build_model(WITH_DETAIL, 19).eval()
    assert sum(parameter.numel() for parameter in model.parameters()) == 131_760
    x = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    logits, attention = model.predict_scale(x, 1.0)
    assert logits.shape == (1, 19, 32, 48) and attention.shape == (1, 1, 32, 48)
    assert model(x).logits.shape == (1, 19, 64, 96)
    features, stem = model.trunk.with_stem(x)
    assert features.shape == (1, 8 + 16 + 32, 16, 24) and stem.shape == (1, 16, 32, 48)


def test_fusing_on_the_networks_grid_is_the_fusion_brought_to_the_size_of_the_image():
    model = build_model(WITH_DETAIL, 5).eval()
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    outputs = {scale: model.predict_scale(x, scale) for scale in (0.5, 1.0)}
    on_grid = FUSIONS["hierarchical"](outputs, (32, 32))
    torch.testing.assert_close(model.fuse(outputs, (64, 64)), resize(on_grid, (64, 64)))


def test_scales_are_fused_each_at_its_own_size_unless_told_otherwise():
    model = build_model(Network(width=4, head_channels=8, stages=3, blocks=1), 5).eval()
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    outputs = {scale: model.predict_scale(x, scale) for scale in (0.5, 1.0, 2.0)}
    sized = {scale: tuple(resize(part, [round(64 * scale)] * 2) for part in out) for scale, out in outputs.items()}
    torch.testing.assert_close(model.fuse(outputs, (64, 64)), FUSIONS["hierarchical"](sized, (64, 64)))
    torch.testing.assert_close(model.predict(x, (0.5, 1.0, 2.0)), model.fuse(outputs, (64, 64)))


def test_what_makes_a_small_network_smaller_is_refused_where_it_does_not_apply():
    with pytest.raises(UserError, match="of width 4 to 17"):
        build_model(Network(width=18, stages=3), 5)
