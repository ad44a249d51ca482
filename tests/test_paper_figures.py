"""Figures: the same bytes on every run, data at the edge of what they can show, the arithmetic of curves and bars."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from paper_results import (
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
from paper_scene import TAIL, make_scene

from tailcutmix.dataset.images import read_image
from tailcutmix.paper import style
from tailcutmix.paper.artefacts import ARTEFACTS
from tailcutmix.paper.figures import bucket_moves, claims, mixing, scales_by_class, training
from tailcutmix.paper.figures.training import smoothed
from tailcutmix.paper.material import Material, Method, MethodFile

FIGURES = [artefact for artefact in ARTEFACTS if artefact.kind == "figure"]


@pytest.fixture(scope="module", autouse=True)
def coarse():
    """Few pixels: the tests look at what is drawn, not at how finely."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(style.SETTINGS, "savefig.dpi", 40)
        yield


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
        compared=(MethodFile(whole.predictions[0].path, method("m1"), 0),),
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
    ("classes", "tail", "size", "seeds"),
    [
        (("road", "pedestrian crossing"), ("pedestrian crossing",), (30, 60), (0, 1, 2)),
        (("road", "building"), (), (36, 48), (0,)),
        (tuple(f"class {place}" for place in range(11)), ("class 7", "class 9", "class 10"), (360, 480), (0, 1, 2)),
    ],
)
def test_pictures_can_be_drawn_of_other_sets(tmp_path, coarse, classes, tail, size, seeds):
    """Two classes, no tail, three seeds, CamVid's size and number of classes."""
    material = make_scene(tmp_path, classes, tail, size, seeds).pictures
    for artefact in FIGURES:
        if not {"scores", "histories", "claims", "ablation"} & set(artefact.inputs):
            draw(artefact.name, of_artefact(artefact, material), tmp_path / "figures" / artefact.name)
            assert (tmp_path / "figures" / f"{artefact.name}.png").stat().st_size > 500, artefact.name


def test_weights_of_scales_are_means_over_pixels():
    objects = pd.DataFrame({"pixels": [1, 3, 8], "weight_0.5": [1.0, 0.2, 0.5], "weight_1": [0.0, 0.8, 0.5]})
    found = scales_by_class.mean_weights(objects, pd.Series(["a", "a", "b"]))
    assert found.loc["a"].tolist() == pytest.approx([0.4, 0.6]) and found.loc["b"].tolist() == [0.5, 0.5]


def test_bins_of_sizes_hold_enough_objects_and_do_not_overlap():
    pixels = pd.Series(np.random.default_rng(0).lognormal(5, 2, 500).astype(int) + 1)
    bins = scales_by_class.size_bins(pixels)
    counts = bins.value_counts()
    assert 3 <= len(counts) <= scales_by_class.BINS + 1 and counts.sum() == 500
    assert counts.drop(bins.max()).min() >= 500 / scales_by_class.BINS
    bounds = pixels.groupby(bins).agg(["min", "max"])
    assert (bounds["min"].to_numpy()[1:] > bounds["max"].to_numpy()[:-1]).all()


def test_bands_of_buckets_meet_between_the_classes():
    shares = pd.Series([0.5, 0.3, 0.1, 0.04, 0.01])
    found = bucket_moves.cuts(shares, pd.Series(["head", "head", "middle", "tail", "tail"]))
    assert list(found) == ["head", "middle", "tail"]
    assert found["middle"] == pytest.approx((np.sqrt(0.1 * 0.04), np.sqrt(0.3 * 0.1)))
    assert found["head"][0] == found["middle"][1] and found["middle"][0] == found["tail"][1]
    assert list(bucket_moves.cuts(shares, pd.Series(["head"] * 5))) == ["head"]


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
