"""Each loss, and each weighting of the classes, against the equations of its paper, pixel by pixel."""

import math
import pkgutil
from dataclasses import replace
from inspect import signature
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from tailcutmix.plan.settings.recipe import LOSSES, Training
from tailcutmix.training import losses
from tailcutmix.training.class_weights import ClassCounts, bounded, class_weights, effective_number, inverse_frequency
from tailcutmix.training.losses import build_loss
from tailcutmix.training.losses.lovasz import lovasz_softmax
from tailcutmix.training.targets import Targets

quick = settings(deadline=None, max_examples=30)

CPU = torch.device("cpu")
LABELS = np.repeat(np.array([0, 1, 2, 255], np.uint8), [60, 25, 5, 10]).reshape(2, 5, 10)
COUNTS = ClassCounts(LABELS, num_classes=4)
"""Of two images; class 3 does not occur."""

WEIGHTED = ("cross_entropy", "focal", "logit_adjustment")
"""Losses that take class weights."""

WEIGHTS = ("inverse_frequency", "effective_number", "bounded")


def example(seed: int, ignored: float = 0.3) -> tuple[torch.Tensor, torch.Tensor]:
    """(2, 4, 5, 6) logits and (2, 5, 6) labels of the classes that occur, a share of them ignored."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(2, 4, 5, 6, generator=generator)
    labels = torch.randint(0, 3, (2, 5, 6), generator=generator)
    labels[torch.rand(labels.shape, generator=generator) < ignored] = 255
    return logits, labels


def mean_loss(name: str, logits, targets: Targets, **keys) -> float:
    loss = build_loss(Training(loss=name, **keys), COUNTS, CPU)
    return float(loss(logits, targets) / loss.weight(targets))


def pixels(logits: torch.Tensor, labels: torch.Tensor) -> list[tuple[int, np.ndarray, int]]:
    """(image, probabilities, label) of every pixel that is not ignored, in float64."""
    p = logits.double().softmax(1).numpy()
    return [
        (image, p[image, :, y, x], int(labels[image, y, x]))
        for image, y, x in np.ndindex(*labels.shape)
        if labels[image, y, x] != 255
    ]


def weighted_mean(terms: list[tuple[float, float]]) -> float:
    """Of (weight, value)."""
    return sum(weight * value for weight, value in terms) / sum(weight for weight, _ in terms)


def reference_cross_entropy(logits, labels, weight):
    return weighted_mean([(weight[y], -math.log(p[y])) for _, p, y in pixels(logits, labels)])


def reference_focal(logits, labels, weight, gamma=2.0):
    return weighted_mean([(weight[y], -((1 - p[y]) ** gamma) * math.log(p[y])) for _, p, y in pixels(logits, labels)])


def reference_logit_adjustment(logits, labels, weight, tau=1.0):
    """-log of e^(f_y) pi_y^tau over the sum of e^(f_c) pi_c^tau."""
    prior = [60 / 90, 25 / 90, 5 / 90, 1.0]  # the last does not occur, and is left as it is
    terms = []
    for _, p, y in pixels(logits, labels):  # p is e^f but for a factor that cancels
        adjusted = [p[c] * prior[c] ** tau for c in range(4)]
        terms.append((weight[y], -math.log(adjusted[y] / sum(adjusted))))
    return weighted_mean(terms)


def reference_ohem(logits, labels, weight, share=0.25):
    kept = []
    for image in range(len(labels)):
        values = sorted(-math.log(p[y]) for number, p, y in pixels(logits, labels) if number == image)
        kept += values[len(values) - math.ceil(share * len(values)) :]
    return sum(kept) / len(kept)


def reference_lovasz(logits, labels, weight):
    """Cross-entropy plus, per image, the mean over its classes of the Lovász extension of |M| / |{y = c} or M|."""
    terms = []
    for image in range(len(labels)):
        of_image = [(p, y) for number, p, y in pixels(logits, labels) if number == image]
        extensions = []
        for c in {y for _, y in of_image}:
            errors = [1 - p[c] if y == c else p[c] for p, y in of_image]
            wrong, before, extension = set(), 0.0, 0.0
            truth = {i for i, (_, y) in enumerate(of_image) if y == c}
            for i in sorted(range(len(errors)), key=lambda i: -errors[i]):
                wrong.add(i)
                now = len(wrong) / len(truth | wrong)
                extension += errors[i] * (now - before)
                before = now
            extensions.append(extension)
        terms.append((len(of_image), sum(extensions) / len(extensions)))
    return reference_cross_entropy(logits, labels, np.ones(4)) + weighted_mean(terms)


REFERENCES = {
    "cross_entropy": reference_cross_entropy,
    "focal": reference_focal,
    "logit_adjustment": reference_logit_adjustment,
    "lovasz": reference_lovasz,
    "ohem": reference_ohem,
}


def test_every_loss_is_a_module_of_the_one_shape():
    names = [module.name for module in pkgutil.iter_modules(losses.__path__)]
    assert set(REFERENCES) == set(LOSSES) == {name for name in names if not name.startswith("_")}
    for name in LOSSES:
        kind = type(build_loss(Training(loss=name), COUNTS, CPU))
        assert kind.__doc__ and kind.__bases__ == (object,)
        for function in ("__init__", "__call__", "weight"):
            own, shape = (signature(getattr(each, function)) for each in (kind, losses.Loss))
            assert own == shape, f"{name}.{function}"


@pytest.mark.parametrize(("name", "weights"), [*product(LOSSES, ["none"]), *product(WEIGHTED, WEIGHTS)])
@pytest.mark.parametrize("seed", range(3))
def test_a_loss_is_the_equation_of_its_paper(name, weights, seed):
    logits, labels = example(seed)
    of_class = class_weights(Training(class_weights=weights), COUNTS)
    expected = REFERENCES[name](logits, labels, np.ones(4) if of_class is None else of_class.double().numpy())
    assert mean_loss(name, logits, Targets(labels), class_weights=weights) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("name", "keys", "reference"),
    [
        ("focal", {"focal_gamma": 0.5}, lambda *of: reference_focal(*of, gamma=0.5)),
        ("focal", {"focal_gamma": 0.0}, reference_cross_entropy),
        ("logit_adjustment", {"logit_adjustment": 2.5}, lambda *of: reference_logit_adjustment(*of, tau=2.5)),
        ("logit_adjustment", {"logit_adjustment": 0.0}, reference_cross_entropy),
        ("ohem", {"ohem_share": 0.1}, lambda *of: reference_ohem(*of, share=0.1)),
        ("ohem", {"ohem_share": 1.0}, reference_cross_entropy),
    ],
)
def test_the_setting_of_a_loss_is_that_of_its_equation(name, keys, reference):
    logits, labels = example(7)
    expected = reference(logits, labels, np.ones(4))
    assert mean_loss(name, logits, Targets(labels), **keys) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("name", "weights"), [*product(LOSSES, ["none"]), *product(WEIGHTED, WEIGHTS)])
def test_mixup_of_each_image_is_the_mean_of_both_losses(name, weights):
    loss = build_loss(Training(loss=name, class_weights=weights), COUNTS, CPU)
    (logits, first), (_, second), lam = example(1), example(2), torch.tensor([0.8, 0.3])
    top = bottom = 0.0
    for n, share in enumerate(lam.tolist()):
        for labels, part in ((first, share), (second, 1 - share)):
            alone = Targets(labels[n : n + 1])
            top += part * float(loss(logits[n : n + 1], alone))
            bottom += part * float(loss.weight(alone))
    mixed = Targets(first, second, lam)
    assert float(loss(logits, mixed)) == pytest.approx(top, rel=1e-5)
    assert float(loss.weight(mixed)) == pytest.approx(bottom, rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_finite_where_the_network_is_sure_and_where_nothing_is_labelled(name, dtype):
    """Computed in float32 whatever the logits are; right, wrong and unlabelled images alike."""
    labels = torch.zeros(3, 2, 3, dtype=torch.int64)
    labels[2] = 255
    logits = torch.zeros(3, 4, 2, 3, dtype=dtype)
    logits[0, 0], logits[1, 1] = 200, 200
    logits.requires_grad_()
    loss = build_loss(Training(loss=name, focal_gamma=0.5), COUNTS, CPU)(logits, Targets(labels))
    loss.backward()
    assert loss.dtype == torch.float32 and loss.isfinite()
    assert logits.grad.isfinite().all() and logits.grad[1].any() and not logits.grad[2].any()


@quick
@given(st.integers(0, 999))
def test_where_the_network_is_sure_the_lovasz_extension_is_one_minus_the_iou(seed):
    generator = torch.Generator().manual_seed(seed)
    labels, predicted = torch.randint(0, 4, (2, 30), generator=generator)
    expected = []
    for c in labels.unique():
        union = ((labels == c) | (predicted == c)).sum()
        expected.append(1 - ((labels == c) & (predicted == c)).sum() / union)
    got = lovasz_softmax(F.one_hot(predicted, 4).T.float(), labels)
    assert float(got) == pytest.approx(float(torch.stack(expected).mean()), abs=1e-6)


def test_adjusted_scores_that_are_level_are_right_about_labels_as_frequent_as_the_priors():
    """So what is learned is f = log p(x | c) + constant, in which the classes' frequencies do not stand."""
    logits = torch.zeros(1, 4, 1, 90)
    logits[:, 3] = -50
    logits.requires_grad_()
    labels = torch.arange(3).repeat_interleave(COUNTS.pixels[:3])[None, None]
    build_loss(Training(loss="logit_adjustment"), COUNTS, CPU)(logits, Targets(labels)).backward()
    assert logits.grad.sum((0, 2, 3)).abs().max() < 1e-4


def test_rare_classes_weigh_more_and_absent_ones_nothing():
    weights = inverse_frequency(torch.tensor([90, 10, 0]))
    assert weights[1] / weights[0] == pytest.approx(9.0)
    assert weights[2] == 0
    assert weights[:2].mean() == pytest.approx(1.0)


@quick
@given(st.lists(st.integers(1, 300), min_size=2, max_size=6), st.floats(0, 0.999))
def test_the_effective_number_is_the_sum_of_the_powers_of_beta(samples, beta):
    numbers = [sum(beta**k for k in range(n)) for n in samples]  # (1 - beta^n) / (1 - beta)
    expected = [len(samples) / (n * sum(1 / m for m in numbers)) for n in numbers]
    got = effective_number(torch.tensor([*samples, 0]), beta)
    np.testing.assert_allclose(got[:-1].numpy(), expected, rtol=1e-4)
    assert got[-1] == 0, "a class without samples"


def test_beta_goes_from_no_weights_to_inverse_frequency():
    samples = torch.tensor([100, 10, 1])
    assert effective_number(samples, 0.0).tolist() == pytest.approx([1, 1, 1])
    ratio = effective_number(samples, 1 - 1e-9)
    assert float(ratio[2] / ratio[0]) == pytest.approx(100, rel=1e-3)


def test_bounded_weights_fall_from_three_to_one_with_the_share_of_images():
    assert bounded(torch.tensor([0, 5, 10]), total=10).tolist() == [3, 2, 1]


def test_classes_are_counted_once_and_only_where_a_loss_asks():
    class Unread:
        def __len__(self):
            return 2

        def __iter__(self):
            raise AssertionError("the labels were read")

    for name in ("cross_entropy", "focal", "ohem", "lovasz"):
        build_loss(Training(loss=name), ClassCounts(Unread(), 4), CPU)
    with pytest.raises(AssertionError, match="were read"):
        build_loss(Training(loss="logit_adjustment"), ClassCounts(Unread(), 4), CPU)
    assert COUNTS.pixels.tolist() == [60, 25, 5, 0] and COUNTS.images.tolist() == [2, 1, 1, 0]


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_does_not_depend_on_how_the_batch_is_split(name):
    """As over the processes of a job: sums of parts over the sum of their weights."""
    loss = build_loss(replace(Training(), loss=name), COUNTS, CPU)
    logits, labels = (torch.cat(pair) for pair in zip(*(example(seed) for seed in range(3)), strict=True))
    labels[0] = 255
    targets = Targets(labels)
    parts = list(zip(logits.split([1, 3, 2]), (Targets(y) for y in labels.split([1, 3, 2])), strict=True))
    whole = float(loss(logits, targets) / loss.weight(targets))
    split = sum(float(loss(x, y)) for x, y in parts) / sum(float(loss.weight(y)) for _, y in parts)
    assert split == pytest.approx(whole, rel=1e-5)
