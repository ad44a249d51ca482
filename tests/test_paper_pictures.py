"""Pictures: which images, regions and windows are shown, what is marked there, and Fig. 2's samples."""

from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from paper_results import CLASSES, method
from paper_scene import RECIPE, TAIL, label_table

from tailcutmix.dataset.images import read_image, read_label
from tailcutmix.dataset.normalisation import STD, normalise
from tailcutmix.dataset.packing import PackedFiles, open_packed
from tailcutmix.errors import UserError
from tailcutmix.labels import read_labels
from tailcutmix.mixing.material import Material as MixingMaterial
from tailcutmix.mixing.place import Place
from tailcutmix.mixing.sampler import Sampler
from tailcutmix.paper.crops import choose_of_subset, crops_of, looks, outline, subsets_of
from tailcutmix.paper.figures import claims_in_pictures, confusions, fig2_cutmix, qualitative
from tailcutmix.paper.figures.qualitative import changed_pixels
from tailcutmix.paper.pictures import best_window, choose_rows, short_id
from tailcutmix.plan.settings.recipe import Mixing as MixingSettings
from tailcutmix.tail.subsets import read_boxes

CPU = Place(torch.device("cpu"))


def figure_of(module, material, monkeypatch):
    """The figure that a module would save."""
    kept = []
    monkeypatch.setattr(module, "save", lambda figure, stem: kept.append(figure))
    module.make(material, Path("unused"))
    return kept[0]


def test_predictions_are_chosen_by_what_changes_from_the_reference_to_the_last_row(whole, monkeypatch):
    """The first row is not compared: three times the same folder, the reference's, would change nothing."""
    pairs = []
    monkeypatch.setattr(
        qualitative,
        "changed_pixels",
        lambda truth, first, second, count: (
            pairs.append((first != second).any()) or np.zeros(count, int),
            np.ones(count, bool),
        ),
    )
    m0, ensemble = whole.predictions
    unet = replace(m0, method=method("unet"))
    figure_of(qualitative, replace(whole, predictions=(unet, m0, ensemble)), monkeypatch)
    assert any(pairs)
    pairs.clear()
    as_reference = replace(whole, reference=method("ensemble"), predictions=(m0, ensemble))
    figure_of(qualitative, as_reference, monkeypatch)
    assert not any(pairs)
    pairs.clear()
    figure = figure_of(qualitative, replace(whole, reference=method("other")), monkeypatch)
    assert any(pairs)
    assert [axes.get_title() for axes in figure.axes[:4]] == ["image", "truth", "M0", "ensemble"]


@pytest.fixture
def expert_of_bus(whole):
    """Sampler, mixings by title and class of Fig. 2, for the class bus."""
    labels = read_labels(whole.labels)
    packed = open_packed(PackedFiles(whole.images, whole.truth, whole.index), whole.manifest)
    unmixed = replace(RECIPE, mixing=MixingSettings())
    sampler = Sampler(packed, unmixed, MixingMaterial(labels.classes), CPU, seed=0)
    known, boxes = labels.class_of("bus"), whole.boxes[TAIL.index("bus")].path
    mixings = fig2_cutmix.mixings_of(known, boxes, RECIPE.mixing, sampler, labels)
    return packed, sampler, mixings, known, boxes


def test_fig2_shows_the_samples_that_an_expert_is_trained_on(whole, expert_of_bus):
    """Its panels are those of a sampler that is made as training makes it, before normalisation."""
    packed, sampler, mixings, known, boxes = expert_of_bus
    assert list(mixings) == ["level-0 cutmix", "level-1 cutmix", "level-3 cutmix"], "level 2 is none of the expert's"
    drawn = list(islice(fig2_cutmix.samples(sampler, mixings), 6))
    wanted = [("none", ()), ("level0", ()), ("levels", (1,)), ("levels", (3,))]
    material = MixingMaterial(read_labels(whole.labels).classes, (known,), read_boxes(boxes))
    for place, (name, levels) in enumerate(wanted):
        settings = MixingSettings(name=name, levels=levels, cyc_draws=RECIPE.mixing.cyc_draws)
        training = Sampler(packed, replace(RECIPE, mixing=settings), material, CPU, seed=0)
        for number, panels in enumerate(drawn):
            step, k = divmod(number, RECIPE.training.batch)
            batch, unnormalised = training.batch(step), training.draw(step)
            shown = torch.from_numpy(panels[place].image).permute(2, 0, 1) / 255
            rounding = 0.51 / 255 / min(STD)
            torch.testing.assert_close(normalise(shown[None])[0], batch.images[k], rtol=0, atol=rounding)
            assert np.array_equal(panels[place].label, batch.labels[k].numpy())
            if name != "none":
                assert np.array_equal(panels[place].pasted, unnormalised.pasted[k].numpy())


def test_fig2_outlines_all_that_differs_from_the_unmixed_crop(expert_of_bus):
    _, sampler, mixings, _, _ = expert_of_bus
    for base, *mixed in islice(fig2_cutmix.samples(sampler, mixings), 8):
        assert not base.pasted.any()
        for panel in mixed:
            assert panel.pasted.any()
            changed = (panel.image != base.image).any(2) | (panel.label != base.label)
            assert not (changed & ~panel.pasted).any()


def test_fig2_prefers_what_is_seen_in_the_middle_of_the_crop():
    known = label_table(CLASSES).class_of("bus")

    def value(pasted, of_class):
        image, label, mask = np.zeros((40, 40, 3), np.uint8), np.zeros((40, 40), np.uint8), np.zeros((40, 40), bool)
        label[of_class], mask[pasted] = known.train_id, True
        return fig2_cutmix.clarity(fig2_cutmix.Panel("", image, label, mask), known)

    middle, corner, large = np.s_[15:25, 15:25], np.s_[:10, :10], np.s_[2:38, 2:38]
    assert value(middle, middle) > value(corner, corner) > 0
    assert value(middle, middle) > value(middle, np.s_[18:22, 18:22]) > value(middle, corner) == 0
    assert value(large, middle) == pytest.approx(-0.81)


def test_crops_are_read_with_their_place_in_the_image(scene, whole):
    subset = subsets_of(whole)[TAIL[0]]
    region = choose_of_subset(subset, scene.labels.class_of(TAIL[0]).id)
    tight, _, wide = crops_of(subset, region)
    x, y, w, h = tight.box
    left, top, *_ = wide.box
    assert (wide.image[y - top : y - top + h, x - left : x - left + w] == tight.image).all()
    whole = read_image(scene.folder / "raw" / f"{region[0]}_image.png")
    assert (whole[y : y + h, x : x + w] == tight.image).all()


def test_a_region_stands_for_its_class_where_it_is_large_lit_full_and_grows():
    random, areas = np.random.default_rng(0), np.array([0.01, 0.1, 0.3])
    image, mask = random.integers(40, 200, (20, 20, 3)).astype(np.uint8), np.ones((20, 20), bool)
    best = looks(image, mask, areas)
    sliver = np.zeros((20, 20), bool)
    sliver[:, :3] = True
    worse = [
        looks(image // 8, mask, areas),
        looks(image // 8 + 225, mask, areas),
        looks(np.full_like(image, 120), mask, areas),
        looks(image, sliver, areas),
        looks(image[:4], mask[:4], areas),
        looks(image, mask, areas / 100),
        looks(image, mask, np.array([0.01, 0.3, 0.3])),
    ]
    assert 0.5 < best <= 1 and max(worse) < 0.7 * best
    assert looks(image, ~mask, areas) == 0


@given(st.integers(0, 1000))
def test_changed_pixels_by_hand(seed):
    random = np.random.default_rng(seed)
    truth, first, second = random.integers(0, 4, (3, 3, 5)).astype(np.uint8)
    truth[truth == 3] = 255
    first[first == 3] = second[second == 3] = 0
    change, present = changed_pixels(truth, first, second, 3)
    by_hand, there = [0, 0, 0], [False] * 3
    for t, a, b in zip(truth.ravel(), first.ravel(), second.ravel(), strict=True):
        for c in range(3):
            there[c] |= bool(t != 255 and c in (t, a, b))
            by_hand[c] += int(t != 255 and b == t != a and c in (t, a)) - int(t != 255 and a == t != b and c in (t, b))
    assert change.tolist() == by_hand and present.tolist() == there
    assert (changed_pixels(truth, second, first, 3)[0] == -change).all()


def test_rows_are_gains_and_losses_of_classes_that_are_there():
    change = np.array([[0, 90, 80, 0], [0, -95, 0, 0], [0, 85, -3, 2], [99, 0, 0, -1]])
    there = change != 0
    assert choose_rows(change, there, [1, 2, 3], 4) == [(0, 1), (2, 2), (3, 3), (1, 1)]
    assert choose_rows(change, there, [3], 2) == [(2, 3), (3, 3)]
    assert choose_rows(np.abs(change), there, [1, 2], 9) == [(1, 1), (0, 2), (2, 1)], "no loss: gains alone"
    assert choose_rows(change, np.zeros_like(there), [1, 2], 9) == []
    assert choose_rows(change * 0, there, [3], 9) == [(2, 3), (3, 3)], "nothing changed: where the class is"


def test_confusions_count_every_pixel_of_the_split(whole, scene):
    counted = confusions.count_confusions(whole)
    truth = np.concatenate([scene.labels.to_train_id[read_label(p)].ravel() for p in truths(scene)])
    for total in counted.values():
        assert total.sum(1).tolist() == np.bincount(truth[truth != 255], minlength=scene.labels.num_classes).tolist()
    pole = scene.labels.class_of(TAIL[0]).train_id
    assert 0 < counted["m0"][pole, pole] < counted["ensemble"][pole, pole] < counted["m0"][pole].sum()


def truths(scene) -> list[Path]:
    return sorted((scene.folder / "raw").glob("*_label.png"))[4:]


def test_claims_in_pictures_are_what_an_expert_changed():
    base, laid = np.array([[0, 1, 0, 0, 2]]), np.array([[1, 1, 1, 1, 1]])
    right, wrong = claims_in_pictures.added(np.array([[1, 1, 0, 255, 1]]), base, laid, 1)
    assert right.tolist() == [[True, False, False, False, True]]
    assert wrong.tolist() == [[False, False, True, False, False]]


def test_long_ids_keep_their_ends():
    assert short_id("1234") == "1234"
    assert short_id("frankfurt_000001_041517_leftImg8bit", 21) == "frankfurt_…eftImg8bit"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=4, max_size=4))
def test_outlines_enclose_the_mask(rows):
    mask = np.array(rows)
    lines = outline(mask)
    assert bool(lines) == mask.any()
    if lines:
        points, (ys, xs) = np.vstack(lines), np.nonzero(mask)
        for axis, places in ((0, xs), (1, ys)):
            assert abs(points[:, axis].min() - (places.min() - 1 / 3)) < 1e-6
            assert abs(points[:, axis].max() - (places.max() + 1 / 3)) < 1e-6


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 9), st.integers(2, 9), st.integers(0, 999))
def test_the_window_holds_as_much_as_any(height, width, seed):
    mask = np.random.default_rng(seed).random((height, width)) < 0.2
    rows, columns = best_window(mask)
    h, w = rows.stop - rows.start, columns.stop - columns.start
    assert (h, w) == (max(1, round(height / 2)), max(1, round(width / 2)))
    assert rows.stop <= height and columns.stop <= width
    every = [mask[y : y + h, x : x + w].sum() for y in range(height - h + 1) for x in range(width - w + 1)]
    assert mask[rows, columns].sum() == max(every)


def test_predictions_of_a_split_without_labels_cannot_be_shown(scene, whole, tmp_path):
    manifest = pd.read_csv(scene.folder / "manifest.csv", dtype=str, keep_default_na=False)
    manifest.assign(label="").to_csv(tmp_path / "manifest.csv", index=False)
    with pytest.raises(UserError, match="split 'val' has no labels"):
        qualitative.make(replace(whole, manifest=tmp_path / "manifest.csv"), tmp_path / "q")


@pytest.mark.parametrize("kind", ["label", "image"])
def test_examples_of_changed_files_are_not_shown(whole, tmp_path, kind):
    manifest = pd.read_csv(whole.manifest, dtype=str, keep_default_na=False)
    manifest.assign(**{f"{kind}_sha256": "0" * 64}).to_csv(tmp_path / "manifest.csv", index=False)
    material = replace(whole, manifest=tmp_path / "manifest.csv")
    with pytest.raises(UserError, match="changed after the images were listed"):
        qualitative.make(material, tmp_path / "q")
