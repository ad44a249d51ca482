"""The mean teacher against its papers' equations, and the pairs of unlabelled crops that it teaches on."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mixing_fakes import RECIPE, packed
from safetensors.torch import load_file
from training_fakes import FakePairs, FakeSampler, TinyNet, run_of

from tailcutmix.dataset.normalisation import MEAN, STD
from tailcutmix.mixing.place import Place
from tailcutmix.mixing.source import Source
from tailcutmix.mixing.unlabelled import UnlabelledSampler, half_boxes
from tailcutmix.mixing.windows import box_mask
from tailcutmix.plan.settings.recipe import Augmentation, Recipe, Training
from tailcutmix.plan.settings.unlabelled import SemiSupervised
from tailcutmix.training.distributed import Process
from tailcutmix.training.engine import train
from tailcutmix.training.mean_teacher import MeanTeacher, rampup

CPU = Process(torch.device("cpu"))
SEMI = {"unlabelled": ["val"], "consistency_confidence": 0.4}


def teacher_of(student, parts: int = 1, **semi) -> MeanTeacher:
    recipe = Recipe(training=Training(accumulate=parts), semi=SemiSupervised(**{"unlabelled": ("val",), **semi}))
    return MeanTeacher(student, FakePairs(), recipe, CPU, total=10)


def different(network: TinyNet) -> TinyNet:
    """A network whose weights are others, so that student and teacher do not agree by birth."""
    other = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return other


@pytest.mark.parametrize("kept", ["teacher", "student"])
def test_the_teacher_is_the_exponential_mean_of_the_student(tmp_path, monkeypatch, kept):
    """Recomputed by hand over a training; BatchNorm's statistics too, which its own forward passes move as well."""
    students, decay = [], 0.8
    follow = MeanTeacher.follow

    def watched(self, student):
        before = {name: value.clone() for name, value in self.network.state_dict().items()}
        follow(self, student)
        students.append({name: value.clone() for name, value in student.state_dict().items()})
        for name, value in self.network.state_dict().items():
            if value.is_floating_point():
                expected = decay * before[name].double() + (1 - decay) * students[-1][name].double()
                torch.testing.assert_close(value.double(), expected, rtol=1e-6, atol=1e-7)

    monkeypatch.setattr(MeanTeacher, "follow", watched)
    torch.manual_seed(0)
    network = TinyNet()
    begun = {name: value.detach().double() for name, value in copy.deepcopy(network).named_parameters()}
    run = run_of(tmp_path, 5, **SEMI, teacher_decay=decay, final_weights=kept)
    train(network, FakeSampler(), replace(run, pairs=FakePairs()))
    saved = load_file(tmp_path / "model.safetensors")
    assert len(students) == 5
    for name, mean in begun.items():
        assert not torch.equal(students[0][name], students[-1][name])
        for student in students:
            mean = decay * mean + (1 - decay) * student[name].double()
        expected = mean if kept == "teacher" else students[-1][name].double()
        torch.testing.assert_close(saved[name].double(), expected, rtol=1e-5, atol=1e-7)


def test_masked_targets_are_the_mixed_teachers_outputs():
    """And what the student sees is mixed by the same mask, of crops that the teacher sees whole."""
    teacher, pairs = teacher_of(TinyNet(dropout=0.0)), FakePairs()(3)
    plain = copy.deepcopy(teacher.network)
    first, second = (plain(crops).logits.softmax(1) for crops in (pairs.first, pairs.second))
    targets = teacher.targets(pairs.first, pairs.second, pairs.mask)
    assert 0 < pairs.mask.float().mean() < 1
    for mask, mixed, one, two in zip(pairs.mask, targets, first, second, strict=True):
        torch.testing.assert_close(mixed[:, mask], two[:, mask])
        torch.testing.assert_close(mixed[:, ~mask], one[:, ~mask])
    seen = []
    student = different(teacher.network)
    student.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    teacher.teach(student.requires_grad_(True), 3)
    assert torch.equal(seen[0], torch.where(pairs.mask[:, None], pairs.second, pairs.first))


@pytest.mark.parametrize("counts", ["share", "pixels"])
@pytest.mark.parametrize("parts", [1, 2, 3])
def test_the_consistency_loss_is_that_of_the_paper(counts, parts):
    """The squared difference of probabilities, weighted by how sure the teacher is; however the batch is cut."""
    teacher = teacher_of(
        TinyNet(dropout=0.0, normalise=False), parts, consistency_counts=counts, consistency_confidence=0.4,
        consistency_weight=3.0, consistency_rampup=0.5,
    )  # fmt: skip
    student, pairs = different(teacher.network).requires_grad_(True), FakePairs()(2)
    expected = copy.deepcopy(student)
    loss = teacher.teach(student, 2)

    wanted = teacher.targets(pairs.first, pairs.second, pairs.mask)
    sure = (wanted.amax(1) >= 0.4).float()
    assert 0.1 < sure.mean() < 0.9
    mixed = pairs.first * ~pairs.mask[:, None] + pairs.second * pairs.mask[:, None]
    distance = (expected(mixed).logits.softmax(1) - wanted).square().sum(1)
    assert not pairs.inside.all()
    by_hand = (distance * pairs.inside * (sure.mean() if counts == "share" else sure)).mean()
    by_hand = 3.0 * np.exp(-5 * (1 - 2 / 5) ** 2) * by_hand
    by_hand.backward()
    torch.testing.assert_close(loss, by_hand.detach())
    for ours, theirs in zip(student.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)
    assert all(parameter.grad is None for parameter in teacher.network.parameters())


def test_a_teacher_that_is_never_sure_teaches_nothing():
    teacher = teacher_of(TinyNet(), consistency_confidence=1.0)
    student = different(teacher.network).requires_grad_(True)
    assert teacher.teach(student, 0) == 0
    assert all(parameter.grad.count_nonzero() == 0 for parameter in student.parameters())


def test_the_ramp_rises_to_one():
    assert [rampup(step, 0) for step in (0, 9)] == [1.0, 1.0]
    rising = [rampup(step, 8) for step in range(12)]
    assert rising[0] == pytest.approx(np.exp(-5)) and rising[8:] == [1.0] * 4
    assert rising == sorted(rising)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 999), st.tuples(st.integers(8, 200), st.integers(8, 200)))
def test_a_rectangle_is_half_of_the_crop_and_lies_within_it(seed, size):
    rng = np.random.default_rng(seed)
    boxes = half_boxes(rng.random(20), rng.random((20, 2)), size)
    assert (boxes[:, :2] >= 0).all() and (boxes[:, 2:] <= size).all()
    lengths = boxes[:, 2:] - boxes[:, :2]
    assert (lengths >= np.array(size) / 2 - 0.5).all(), "neither side is shorter than half of the crop's"
    area = box_mask(boxes, size, torch.device("cpu")).float().mean((1, 2)).numpy()
    assert np.abs(area - 0.5).max() <= 0.75 * (size[0] + size[1]) / (size[0] * size[1])  # sides are whole pixels


def sources(*counts: int, augmentation: Augmentation = RECIPE.augmentation) -> list[Source]:
    """Splits of so many images, each of a colour of its own."""
    colours = iter(np.arange(1, 1 + sum(counts), dtype=np.uint8) * 20)
    parts = [replace_images(packed(images=count), [next(colours) for _ in range(count)]) for count in counts]
    return [Source(part, RECIPE.training.crop, augmentation, Place(torch.device("cpu"))) for part in parts]


def replace_images(part, colours):
    part.images = np.broadcast_to(np.array(colours)[:, None, None, None], part.images.shape).copy()
    return part


def test_pairs_are_the_same_however_many_processes_share_them():
    whole = UnlabelledSampler(sources(5, 3), 6, Place(torch.device("cpu")), seed=4).draw(7)
    parts = [UnlabelledSampler(sources(5, 3), 6, Place(torch.device("cpu"), rank, 2), 4).draw(7) for rank in (0, 1)]
    for one, *two in zip(whole.tensors(), *(part.tensors() for part in parts), strict=True):
        assert torch.equal(one, torch.cat(two))


def test_the_images_of_every_split_are_drawn_evenly_and_pixels_beyond_them_do_not_count():
    halved = Augmentation(scale=(0.5, 0.5), flip=False, jitter=0.0)
    pools = sources(3, 1, augmentation=halved)
    pairs = UnlabelledSampler(pools, 2000, Place(torch.device("cpu")), seed=0).draw(0)
    (height, width), (h, w) = pools[0].size, RECIPE.training.crop
    colours = [crops[:, 0, h // 2, w // 2] * STD[0] + MEAN[0] for crops in (pairs.first, pairs.second)]
    drawn = [np.rint(colour.numpy() * 255 / 20).astype(int) for colour in colours]
    for images in drawn:
        assert np.bincount(images, minlength=5)[1:] == pytest.approx([500] * 4, abs=80)
    assert np.bincount(4 * (drawn[0] - 1) + drawn[1] - 1) == pytest.approx([125] * 16, abs=45), "independently"
    shown = min(height, 2 * h) * min(width, 2 * w) / (4 * h * w)
    assert shown < 1, "the crops are larger than the images"
    assert pairs.inside.float().mean() == pytest.approx(shown, abs=0.02)
