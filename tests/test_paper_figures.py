"""Figures: the arithmetic behind them, the same bytes on every run, and data at the edge of what they can show."""

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from itertools import islice
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from paper_results import (
    BUCKET_OF,
    CLASSES,
    LEVEL,
    METHODS,
    expert,
    method,
    metrics,
    of_artefact,
    scored,
    write_claims,
    write_classes,
    write_history,
    write_image_statistics,
)

from tailcutmix.dataset.images import read_image, write_png
from tailcutmix.dataset.manifest import MANIFEST_COLUMNS, write_manifest
from tailcutmix.dataset.normalisation import STD, normalise
from tailcutmix.dataset.packing import PackedFiles, open_packed, pack
from tailcutmix.errors import UserError
from tailcutmix.labels import Label, LabelTable, read_labels, slug
from tailcutmix.mixing.material import Material as MixingMaterial
from tailcutmix.mixing.place import Place
from tailcutmix.mixing.sampler import Sampler
from tailcutmix.paper import style
from tailcutmix.paper.artefacts import ARTEFACTS
from tailcutmix.paper.crops import choose_region, crops_of, outline, subsets_of
from tailcutmix.paper.figures import claims, fig2_cutmix, mixing, qualitative, training
from tailcutmix.paper.figures.qualitative import best_window, changed_pixels, choose_rows
from tailcutmix.paper.figures.training import smoothed
from tailcutmix.paper.material import ClassFile, Material, Method, MethodFile
from tailcutmix.plan.settings.keys import plain
from tailcutmix.plan.settings.recipe import Augmentation, Recipe, Training
from tailcutmix.plan.settings.recipe import Mixing as MixingSettings
from tailcutmix.plan.settings.tail import Regions
from tailcutmix.tail.subsets import BOX_COLUMNS, Canvas, Subset, read_boxes, write_subset

TAIL = [name for name in CLASSES if BUCKET_OF[name] == "tail"]
SIZE = (40, 64)
CPU = Place(torch.device("cpu"))
RECIPE = Recipe(
    augmentation=Augmentation(scale=(0.5, 1.5)),
    mixing=MixingSettings(name="levels", levels=(1, 3), probability=0.5, level_weights={3: 1}),
    training=Training(crop=(32, 48), batch=4),
)
FIGURES = [artefact for artefact in ARTEFACTS if artefact.kind == "figure"]


@pytest.fixture(scope="module", autouse=True)
def coarse():
    """Few pixels: the tests look at what is drawn, not at how finely."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(style.SETTINGS, "savefig.dpi", 40)
        yield


@pytest.fixture(scope="module")
def labels() -> LabelTable:
    """Label id 3 * c for class c, and void under id 1."""
    count = len(CLASSES)
    colours = np.random.default_rng(0).integers(30, 255, (count + 1, 3)).astype(np.uint8)
    colours = [tuple(map(int, colour)) for colour in colours]
    classes = [Label(3 * c, name, c, "any", colour=colours[c]) for c, name in enumerate(CLASSES)]
    return LabelTable((*classes, Label(1, "void", 255, "any", colour=colours[count])))


def write_labels(labels: LabelTable, path: Path) -> Path:
    rows = [
        (row.id, row.name, row.train_id, row.category, 0, "#{:02x}{:02x}{:02x}".format(*row.colour), "")
        for row in labels.rows
    ]
    columns = ["id", "name", "train_id", "category", "has_instances", "colour", "average_instance_size"]
    pd.DataFrame(rows, columns=columns).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def scene(tmp_path_factory, labels) -> Path:
    """A manifest of four train and four val images, train packed, its tail subsets, and predictions of val by two."""
    folder, random, rows = tmp_path_factory.mktemp("scene"), np.random.default_rng(3), []
    write_classes(folder)
    write_labels(labels, folder / "labels.csv")
    for place in range(8):
        split, name = ("train", "val")[place // 4], f"{place:020d}"
        label = np.zeros(SIZE, np.uint8)
        label[20:] = 3
        for index, b in enumerate(TAIL[: 1 + place % 4]):
            label[5 + place : 12 + place, 4 + 12 * index : 10 + 12 * index] = labels.ids[CLASSES.index(b)]
        label[:2] = 1
        image = (labels.class_colours[labels.to_train_id[label]] // 2 + random.integers(0, 60, (*SIZE, 3))).astype(
            np.uint8
        )
        files = {kind: folder / "raw" / f"{name}_{kind}.png" for kind in ("image", "label")}
        write_png(files["image"], image)
        write_png(files["label"], label)
        row = dict.fromkeys(MANIFEST_COLUMNS, "") | {key: str(path) for key, path in files.items()}
        row |= {f"{key}_sha256": hashlib.sha256(path.read_bytes()).hexdigest() for key, path in files.items()}
        rows.append(row | {"image_id": name, "split": split, "width": SIZE[1], "height": SIZE[0]})
        if split == "val":
            write_png(folder / "predictions/ensemble" / f"{name}.png", label)
            write_png(folder / "predictions/m0" / f"{name}.png", np.where(label > 3, 0, label).astype(np.uint8))
    manifest = pd.DataFrame(rows)
    write_manifest(manifest, folder / "manifest.csv")
    pack(folder / "manifest.csv", "train", labels, None, PackedFiles.under(folder / "packed"))
    for b in TAIL:
        known, train = labels.class_of(b), manifest[manifest["split"] == "train"]
        write_subset(
            train, known, Regions(), Subset.under(folder / "subsets" / known.slug, [1, 2, 3]), Canvas(64, 64), 1
        )
    return folder


@pytest.fixture(scope="module")
def whole(scene) -> Material:
    """Everything that any artefact may ask for."""
    stats, initial, final = (scene / part for part in ("stats/labels.csv", "buckets/initial.csv", "buckets/final.csv"))
    runs = [(model, seed) for model in LEVEL for seed in (0, 1)]
    histories = [write_history(scene, method(model), seed, 60) for model in ("unet", "m0") for seed in (0, 1)]
    histories += [write_history(scene, method("m1"), 0, 60, tuple(TAIL))]
    histories += [write_history(scene, expert(name), 0, 30, (name,)) for name in TAIL]
    packed = PackedFiles.under(scene / "packed")
    material = scored(
        scene,
        [metrics(*run) for run in runs],
        image_statistics=tuple(write_image_statistics(scene, *run) for run in runs),
        reference=method("m0"),
        split="val",
        histories=tuple(histories),
        claims=(write_claims(scene, "ensemble", 0, [(name, 90, 50, 30, 5) for name in TAIL]),),
        predictions=tuple(MethodFile(scene / "predictions" / model, method(model), 0) for model in ("m0", "ensemble")),
        boxes=tuple(ClassFile(scene / "subsets" / slug(name) / "boxes.csv", name) for name in TAIL),
        levels=tuple(
            ClassFile(scene / "subsets" / slug(name) / f"level{level}", name, level)
            for name in TAIL
            for level in (1, 2, 3)
        ),
        buckets=final,
        initial_buckets=initial,
        statistics=stats,
        manifest=scene / "manifest.csv",
        labels=scene / "labels.csv",
        images=packed.images,
        truth=packed.truth,
        index=packed.index,
        recipe=plain(RECIPE),
        ablation=scene / "tables/ablation.csv",
    )
    import_module("tailcutmix.paper.tables.ablation").make(material, scene / "tables/ablation")
    return material


def draw(name: str, material: Material, stem: Path) -> None:
    import_module(f"tailcutmix.paper.figures.{name}").make(material, stem)


@pytest.fixture(scope="module")
def drawn(whole, tmp_path_factory, coarse) -> Path:
    """A folder with every figure, each drawn from what its entry lists and no more."""
    out = tmp_path_factory.mktemp("drawn")
    for artefact in FIGURES:
        draw(artefact.name, of_artefact(artefact, whole), out / artefact.name)
    return out


def test_every_figure_is_there_as_png_and_pdf(drawn):
    names = {path.name for path in drawn.iterdir()}
    assert names == {f"{artefact.name}{suffix}" for artefact in FIGURES for suffix in (".png", ".pdf")}
    for path in drawn.glob("*.png"):
        image = read_image(path)
        assert min(image.shape[:2]) > 50 and image.std() > 5, path.name


def test_every_table_is_made_of_what_its_entry_lists(whole, tmp_path):
    tables = [artefact for artefact in ARTEFACTS if artefact.kind == "table"]
    for artefact in tables:
        import_module(artefact.module).make(of_artefact(artefact, whole), tmp_path / "tables" / artefact.name)
    assert len(list((tmp_path / "tables").iterdir())) == 4 * len(tables)


def test_a_second_run_writes_the_same_bytes_whatever_the_caller_s_style(drawn, whole, tmp_path):
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        for name in ("fig2_cutmix", "label_distribution"):
            draw(name, whole, tmp_path / name)
        assert matplotlib.rcParams["font.size"] == 30
    again = sorted(tmp_path.iterdir())
    assert len(again) == 4
    for path in again:
        assert path.read_bytes() == (drawn / path.name).read_bytes(), path.name


def test_a_figure_that_fails_leaves_the_old_one(tmp_path, monkeypatch):
    (tmp_path / "f.png").write_bytes(b"old")

    def fail(self, path, **kwargs):
        Path(path).write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", fail)
    with pytest.raises(OSError, match="disk full"):
        style.save(style.new_figure(1, 1), tmp_path / "f")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("f.png", b"old")]


def test_edges_of_the_data_can_be_drawn(whole, tmp_path):
    stats, initial, final = write_classes(tmp_path)
    frame = pd.read_csv(final).assign(bucket="head", moved_from="")
    frame.loc[frame["class"] == "train", ["share", "bucket"]] = [0.0, "absent"]
    frame.to_csv(final, index=False)
    entry = metrics("m0", instances=False)
    entry["per_class"]["train"] |= {"iou": None, "iou_interval": None}
    one = Method("m0", "M0", "M0", expert_of="bus")
    material = scored(
        tmp_path,
        [entry],
        image_statistics=(write_image_statistics(tmp_path, "m0"),),
        histories=(write_history(tmp_path, one, 0, 10),),
        predictions=(MethodFile(whole.predictions[0].path, method("m1"), 0),),
        split="val",
        buckets=final,
        initial_buckets=initial,
        statistics=stats,
        manifest=whole.manifest,
        labels=whole.labels,
        images=whole.images,
        truth=whole.truth,
        index=whole.index,
        recipe=whole.recipe,
        ablation=tmp_path / "ablation.csv",
    )
    import_module("tailcutmix.paper.tables.ablation").make(material, tmp_path / "ablation")
    for artefact in FIGURES:
        draw(artefact.name, material, tmp_path / "figures" / artefact.name)
    assert len(list((tmp_path / "figures").glob("*.png"))) == len(FIGURES)


@pytest.mark.parametrize(
    ("rows", "ensembles"),
    [([("bus", 9, None, None, 0)], 1), ([("bus", 0, 0, 0, 0)], 1), ([], 1), ([("a", 5, 3, 2, 0)], 2)],
)
def test_claims_can_be_drawn_without_labels_without_experts_and_for_several_seeds(tmp_path, rows, ensembles):
    names = [f"ensemble{number}" for number in range(ensembles)]
    files = tuple(write_claims(tmp_path, name, seed, rows) for name in names for seed in range(3))
    draw("claims", Material(claims=files, split="test"), tmp_path / "claims")
    assert (tmp_path / "claims.png").stat().st_size > 1000


def test_claims_are_right_to_the_right_and_wrong_to_the_left(tmp_path, monkeypatch):
    rows = [("bus", 1000, 600, 200, 50), ("train", 10, 1, 3, 0)]
    material = Material(claims=(write_claims(tmp_path, "ensemble", 0, rows),), split="test")
    (axes,) = figure_of(claims, material, monkeypatch).axes
    assert [patch.get_width() for patch in axes.patches] == [600, 1, -200, -3]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["bus (75%)", "train (25%)"]


@pytest.mark.parametrize("rates", [(1.0, 1.0), (1.0, 0.5)])
def test_learning_rates_that_are_all_the_same_are_one_line(tmp_path, monkeypatch, rates):
    files = [write_history(tmp_path, method(name), 0, 60) for name in ("m0", "m1")]
    for file, factor in zip(files, rates, strict=True):
        frame = pd.read_csv(file.path)
        frame.assign(lr=frame["lr"] * factor).to_csv(file.path, index=False)
    below = figure_of(training, Material(histories=tuple(files), methods=METHODS), monkeypatch).axes[1]
    assert len(below.lines) == len(set(rates))


def figure_of(module, material, monkeypatch):
    """The figure that a module would save."""
    kept = []
    monkeypatch.setattr(module, "save", lambda figure, stem: kept.append(figure))
    module.make(material, Path("unused"))
    return kept[0]


def test_rows_of_table1_look_the_same_in_every_figure():
    assert style.row_styles(METHODS) == {
        "unet": {"color": "#8C8C8C", "marker": "s"},
        "m0": {"color": "#56B4E9", "marker": "o"},
        "m1": {"color": "#E69F00", "marker": "^"},
        "ensemble": {"color": "#1A1A1A", "marker": "D"},
    }
    many = style.row_styles([method(f"row{place}") for place in range(30)])
    assert len({tuple(look.values()) for look in many.values()}) == 30
    assert many["row0"] == style.row_styles(METHODS)["unet"] == style.row_styles(METHODS[:1])["unet"]
    assert style.row_styles([]) == {}


def test_training_draws_rows_in_their_colours_and_experts_under_their_classes(whole, monkeypatch):
    figure = figure_of(training, whole, monkeypatch)
    above = figure.axes[:2]
    labels = [[text.get_text() for text in axes.get_legend().get_texts()] for axes in above]
    assert labels == [[known.title for known in METHODS[:3]], TAIL]
    colours = {line.get_label(): line.get_color() for line in above[0].lines}
    assert [colours[known.title] for known in METHODS[:3]] == ["#8C8C8C", "#56B4E9", "#E69F00"]


def test_experts_of_two_templates_are_told_apart(tmp_path, monkeypatch):
    networks = [expert("bus"), expert("bus", "m2_level1")]
    histories = tuple(write_history(tmp_path, network, 0, 30, ("bus",)) for network in networks)
    figure = figure_of(training, Material(histories=histories), monkeypatch)
    names = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert names == ["M2 expert bus", "M2_LEVEL1 expert bus"]


def test_an_experts_own_class_is_framed(whole, monkeypatch):
    matrix = figure_of(mixing, whole, monkeypatch).axes[0]
    frames = [patch for patch in matrix.patches if not patch.get_fill()]
    assert len(frames) == len(TAIL)
    rows = [label.get_text() for label in matrix.get_yticklabels()]
    columns = [label.get_text().replace("\n", " ") for label in matrix.get_xticklabels()]
    framed = {(rows[round(frame.get_y() + 0.4)], columns[round(frame.get_x() + 0.5)]) for frame in frames}
    assert framed == {(f"added in M2 expert {name}", name) for name in TAIL}


def test_predictions_are_chosen_by_what_changes_from_the_reference_to_the_last_row(whole, monkeypatch):
    """The first row is not compared: three times the same folder, the reference's, would change nothing."""
    pairs = []
    monkeypatch.setattr(
        qualitative,
        "changed_pixels",
        lambda truth, first, second, count: pairs.append((first != second).any()) or np.zeros(count, int),
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


def test_only_what_says_so_needs_torch():
    paper = Path(style.__file__).parent
    files = [path.relative_to(paper).with_suffix("") for path in paper.rglob("*.py") if path.stem != "__init__"]
    with_torch = {artefact.module for artefact in ARTEFACTS if artefact.environment == "torch"}
    assert with_torch == {"tailcutmix.paper.figures.fig2_cutmix"}
    modules = sorted({".".join(("tailcutmix.paper", *path.parts)) for path in files} - with_torch)
    code = f"import sys, {', '.join(modules)}; print('torch' in sys.modules)"
    environment = os.environ | {"PYTHONPATH": str(Path(style.__file__).parents[2])}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


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


def test_fig2_prefers_what_is_seen_in_the_middle_of_the_crop(labels):
    known = labels.class_of("bus")

    def value(pasted, of_class):
        image, label, mask = np.zeros((40, 40, 3), np.uint8), np.zeros((40, 40), np.uint8), np.zeros((40, 40), bool)
        label[of_class], mask[pasted] = known.train_id, True
        return fig2_cutmix.clarity(fig2_cutmix.Panel("", image, label, mask), known)

    middle, corner, large = np.s_[15:25, 15:25], np.s_[:10, :10], np.s_[2:38, 2:38]
    assert value(middle, middle) > value(corner, corner) > 0
    assert value(middle, middle) > value(middle, np.s_[18:22, 18:22]) > value(middle, corner) == 0
    assert value(large, middle) == pytest.approx(-0.81)


def test_the_chosen_region_is_large_but_not_the_whole_image():
    def rows(region, tight, widest):
        boxes = ((1, tight), (3, widest))
        return [("i", region, level, 0, 0, *box, 0, 100, 100) for level, box in boxes]

    small, good, long, vast = (
        rows(0, (5, 5), (40, 40)),
        rows(1, (9, 9), (70, 70)),
        rows(2, (40, 4), (90, 60)),
        rows(3, (60, 60), (100, 100)),
    )
    boxes = pd.DataFrame([*vast, *long, *good, *small], columns=list(BOX_COLUMNS))
    assert choose_region(boxes) == ("i", 1)
    assert choose_region(boxes.iloc[::-1]) == ("i", 1)
    assert choose_region(pd.DataFrame(vast, columns=list(BOX_COLUMNS))) == ("i", 3)
    assert choose_region(boxes.iloc[:0]) is None


def test_crops_are_read_with_their_place_in_the_image(scene, whole):
    subset = subsets_of(whole)[TAIL[0]]
    region = choose_region(pd.read_csv(subset.boxes, dtype={"image_id": str}))
    tight, _, wide = crops_of(subset, region)
    x, y, w, h = tight.box
    left, top, *_ = wide.box
    assert (wide.image[y - top : y - top + h, x - left : x - left + w] == tight.image).all()
    whole = read_image(scene / "raw" / f"{region[0]}_image.png")
    assert (whole[y : y + h, x : x + w] == tight.image).all()


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


@given(st.integers(0, 1000))
def test_changed_pixels_by_hand(seed):
    random = np.random.default_rng(seed)
    truth, first, second = random.integers(0, 4, (3, 3, 5)).astype(np.uint8)
    truth[truth == 3] = 255
    counts = changed_pixels(truth, first, second, 3)
    by_hand = [0, 0, 0]
    for t, a, b in zip(truth.ravel(), first.ravel(), second.ravel(), strict=True):
        for c in range(3):
            by_hand[c] += t != 255 and a != b and c in (t, a, b)
    assert counts.tolist() == by_hand
    assert (changed_pixels(truth, second, first, 3) == counts).all()


def test_rows_show_each_image_once_and_new_classes_first():
    changes = np.array([[0, 90, 80, 0], [0, 95, 0, 0], [0, 85, 3, 2], [99, 0, 0, 1]])
    assert choose_rows(changes, [1, 2, 3], 4) == [(1, 1), (0, 2), (2, 3), (3, 3)]
    assert choose_rows(changes, [3], 2) == [(2, 3), (3, 3)]
    assert [image for image, _ in choose_rows(np.zeros((3, 4), int), [1, 2], 9)] == [0, 1, 2]


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
    manifest = pd.read_csv(scene / "manifest.csv", dtype=str, keep_default_na=False)
    manifest.assign(label="").to_csv(tmp_path / "manifest.csv", index=False)
    with pytest.raises(UserError, match="split 'val' has no labels"):
        draw("qualitative", replace(whole, manifest=tmp_path / "manifest.csv"), tmp_path / "q")


@pytest.mark.parametrize("kind", ["label", "image"])
def test_examples_of_changed_files_are_not_shown(scene, whole, tmp_path, kind):
    manifest = pd.read_csv(scene / "manifest.csv", dtype=str, keep_default_na=False)
    manifest.assign(**{f"{kind}_sha256": "0" * 64}).to_csv(tmp_path / "manifest.csv", index=False)
    with pytest.raises(UserError, match="changed after the images were listed"):
        draw("qualitative", replace(whole, manifest=tmp_path / "manifest.csv"), tmp_path / "q")


def test_mixing_counts_are_sums_over_training_and_means_over_seeds(tmp_path):
    m0, m1 = method("m0"), method("m1")
    files = [write_history(tmp_path, m1, seed, 60 * (1 + seed), ("bus", "traffic light")) for seed in (0, 1)]
    row = mixing.mixing_counts([write_history(tmp_path, m0, 0, 60), *files]).set_index("model").loc["m1"]
    histories = [pd.read_csv(file.path) for file in files]
    for name in ("images_mixed", "cyc_draws", "pixels_pasted:traffic_light"):
        assert row[name] == np.mean([history[name].sum() for history in histories]) > 0
    assert row["pixels_pasted:road"] == 0


def test_smoothing_keeps_constants_and_the_mean_of_a_line():
    assert smoothed(np.full(7, 3.0), 3) == pytest.approx(3.0)
    line = np.arange(9.0)
    assert smoothed(line, 3)[1:-1] == pytest.approx(line[1:-1])
    assert (smoothed(line, 1) == line).all()
