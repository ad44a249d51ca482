"""Tables: right numbers under right headings, published and computed rows apart, clear errors."""

import json
import math
import shutil
import statistics as stdlib
import subprocess
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paper_results import (
    BUCKET_OF,
    CLASSES,
    LEVEL,
    METHODS,
    Rows,
    method,
    metrics,
    scored,
    statistics,
    write_claims,
    write_classes,
    write_image_statistics,
    write_metrics,
)

from tailcutmix.errors import UserError
from tailcutmix.paper.classes import read_classes
from tailcutmix.paper.material import Material, Method
from tailcutmix.paper.published import REPORT_TABLE1, SCORES
from tailcutmix.paper.scores import read_metrics, summarise
from tailcutmix.paper.tables import ablation, claims, differences, per_class, table1
from tailcutmix.prediction.ensemble import CLAIMS

COLUMNS = ["method", "IoU class", "iIoU class", "IoU category", "iIoU category", "accuracy"]


def all_metrics(seeds=(0, 1, 2), **changed) -> list[dict]:
    return [metrics(model, seed, **changed) for model in LEVEL for seed in seeds]


def with_statistics(folder, skills: dict[str, float], buckets, seeds=(0, 1)) -> Material:
    """Material with scores and statistics of the images for each model, whose skill is the part of pixels it gets."""
    runs = [(model, seed) for model in skills for seed in seeds]
    statistics = tuple(write_image_statistics(folder, model, seed, skills[model]) for model, seed in runs)
    return scored(folder, [metrics(*run) for run in runs], image_statistics=statistics, buckets=buckets)


def test_published_rows_and_own_rows_stand_under_their_own_headings(tmp_path):
    entries = [*all_metrics(), metrics("m0", 0, split="test"), metrics("m0", 1, split="test")]
    table1.make(scored(tmp_path, entries), tmp_path / "table1")
    rows = Rows((tmp_path / "table1.html").read_text()).rows
    assert rows[0] == COLUMNS
    groups, order = {}, []
    for row in rows[1:]:
        if len(row) == 1:
            groups[row[0]] = []
            order.append(row[0])
        else:
            groups[order[-1]].append(row)
    published, on_test, on_val = order
    assert "MiniCity test" in published and "published" in published
    assert on_val == "This run: toycity val, 24 images, 3 seeds"
    assert on_test == "This run: toycity test, 24 images, 2 seeds"
    assert groups[published] == [
        ["Baseline", "0.39", "0.19", "0.73", "0.52", "0.78"],
        ["multi-level tail cutmix", "0.66", "0.45", "0.88", "0.74", "0.83"],
    ]
    assert [row[0] for row in groups[on_val]] == [known.title for known in METHODS]
    assert [row[0] for row in groups[on_test]] == [method("m0").title]


@pytest.mark.parametrize("suffix", ["md", "html", "tex"])
def test_every_number_stands_in_its_column(tmp_path, suffix):
    entry = metrics("m1")
    table1.make(scored(tmp_path, [entry]), tmp_path / "table1")
    text = (tmp_path / f"table1.{suffix}").read_text()
    line = next(line for line in text.splitlines() if "M1" in line and line.lstrip()[0] in "|<{")
    places = [line.index(f"{entry[score]:.3f}") for score in SCORES]
    assert places == sorted(places)
    for score in SCORES:
        low, high = entry["interval"][score]
        interval = f"[{low:.3f}, {high:.3f}]"
        assert (interval.replace("0.", ".") if suffix == "tex" else interval) in line


def test_csv_is_tidy_and_says_whose_numbers_they_are(tmp_path):
    table1.make(scored(tmp_path, all_metrics()), tmp_path / "table1")
    frame = pd.read_csv(tmp_path / "table1.csv")
    published = frame[frame["source"] != "this run"]
    assert list(published["method"]) == [name for name, _ in REPORT_TABLE1]
    assert set(published["dataset"]) == {"MiniCity"} and set(published["split"]) == {"test"}
    assert published.filter(regex="_(std|low|high)$").isna().all(axis=None)
    own = frame[frame["source"] == "this run"].set_index("model")
    for model in LEVEL:
        values = [metrics(model, seed)["iiou_class"] for seed in (0, 1, 2)]
        assert own.at[model, "iiou_class"] == pytest.approx(stdlib.mean(values), abs=1e-5)
        assert own.at[model, "iiou_class_std"] == pytest.approx(stdlib.stdev(values), rel=1e-4)
        assert own.at[model, "seeds"] == 3
    assert own["accuracy_evaluated"].notna().all()


def test_missing_scores_are_said_and_explained(tmp_path):
    material = scored(tmp_path, [metrics("m0", instances=False)])
    table1.make(material, tmp_path / "table1")
    for suffix in ("md", "html", "tex"):
        text = (tmp_path / f"table1.{suffix}").read_text()
        assert "n/a" in text and "nan" not in text.lower() and "None" not in text
        assert "±" not in text.replace("mean ±", "") and "0. ±" not in text
    assert "needs instance labels" in table1.render_terminal(table1.table1(material))


def test_notes_fit_the_data_set(tmp_path):
    def notes(dataset, split):
        entry = metrics("m0", dataset=dataset, split=split)
        return table1.render_terminal(table1.table1(scored(tmp_path, [entry])))

    assert "another data set" in notes("toycity", "val")
    assert "another data set" not in notes("minicity", "val") and "not the hidden test set" in notes("minicity", "val")
    assert "not the hidden test set" not in notes("minicity", "test")


def test_terminal_table_fits_and_is_the_same_from_the_file(tmp_path):
    material = scored(tmp_path, all_metrics())
    long = Method("unet", "a method with a name so long that it has to be broken over some lines", "long")
    material = replace(material, methods=(long, *material.methods[1:]))
    table1.make(material, tmp_path / "table1")
    text = table1.render_terminal(table1.table1(material))
    assert max(map(len, text.splitlines())) <= 100 and "a method with a name" in text
    assert text == table1.render_terminal(pd.read_csv(tmp_path / "table1.csv"))
    for model in LEVEL:
        values = [metrics(model, seed)["accuracy"] for seed in (0, 1, 2)]
        assert f"{stdlib.mean(values):.3f}" in text


def test_methods_name_and_order_the_rows(tmp_path):
    titles = {"ensemble": "MR", "m1": "first", "m0": "second", "unet": "third"}
    methods = tuple(Method(name, title, name) for name, title in titles.items())
    frame = table1.table1(scored(tmp_path, all_metrics((0,)), methods=methods))
    assert list(frame["method"][2:]) == ["MR", "first", "second", "third"]


def test_wrong_input_is_named(tmp_path):
    def frame(*files):
        return table1.table1(Material(methods=METHODS, scores=files))

    file = write_metrics(tmp_path, metrics("m0"))
    path = file.path
    with pytest.raises(UserError, match="m0 seed 0 val were given twice"):
        frame(file, file)
    with pytest.raises(UserError, match="absent.json"):
        frame(replace(file, path=tmp_path / "absent.json"))
    with pytest.raises(UserError, match=r"val\.json: the scores of m0 seed 0, not of m0 seed 1"):
        frame(replace(file, seed=1))
    content = json.loads(path.read_text())
    del content["accuracy"]
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"val\.json: key 'accuracy'"):
        frame(file)
    path.write_text(path.read_text()[:-20])
    with pytest.raises(UserError, match=r"val\.json: not a readable"):
        read_metrics(path)
    with pytest.raises(UserError, match="one model at least"):
        frame()


@pytest.mark.parametrize("table", [ablation, per_class, differences])
def test_scores_of_different_tests_are_never_compared(tmp_path, table):
    with pytest.raises(UserError, match=r"toycity test \(24 images\), toycity val \(24 images\)"):
        table.make(scored(tmp_path, [metrics("m0"), metrics("m1", split="test")]), tmp_path / "table")
    with pytest.raises(UserError, match="one data set and split"):
        table.make(scored(tmp_path, [metrics("m0"), metrics("m1", images=23)]), tmp_path / "table")


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 0.1), st.floats(0, 0.1)), min_size=1, max_size=5))
def test_summary_lies_within_its_interval_whatever_the_order(seeds):
    values = [value for value, _, _ in seeds]
    intervals = [(value - below, value + above) for value, below, above in seeds]
    summary = summarise(values, intervals)
    assert summary["low"] - 1e-9 <= summary["value"] <= summary["high"] + 1e-9
    assert math.isnan(summary["std"]) == (len(seeds) == 1)
    turned = summarise(values[::-1], intervals[::-1])
    assert all(turned[key] == pytest.approx(summary[key], nan_ok=True) for key in summary)
    with_gap = summarise([*values, None], [*intervals, None])
    assert all(with_gap[key] == pytest.approx(summary[key], nan_ok=True) for key in summary)


def test_markdown_rows_have_one_cell_a_column(tmp_path):
    table1.make(scored(tmp_path, all_metrics()), tmp_path / "table1")
    lines = [line for line in (tmp_path / "table1.md").read_text().splitlines() if line.startswith("|")]
    assert {line.count("|") for line in lines} == {len(COLUMNS) + 1}


def test_per_class_table_follows_the_buckets(tmp_path):
    stats, _, final = write_classes(tmp_path)
    material = scored(tmp_path, all_metrics(), buckets=final, statistics=stats)
    frame = per_class.per_class(material)
    per_class.make(material, tmp_path / "per_class")
    assert len(frame) == len(CLASSES) * len(LEVEL)
    rows = Rows((tmp_path / "per_class.html").read_text()).rows
    assert rows[0][4:8] == ["IoU U-Net", "IoU M0", "IoU M1", "IoU ensemble"]
    headings = [row[0] for row in rows if len(row) == 1]
    assert headings == ["head bucket", "middle bucket", "tail bucket"]
    names = [row[0] for row in rows[1:] if len(row) > 1]
    place = {"head": 0, "middle": 1, "tail": 2}
    expected = sorted(CLASSES, key=lambda name: (place[BUCKET_OF[name]], CLASSES.index(name)))
    assert [name.partition(" (from")[0] for name in names] == expected
    assert "pole (from middle)" in names and "bicycle (from tail)" in names
    row = frame[(frame["class"] == "bus") & (frame["model"] == "m1")].iloc[0]
    assert row["iou"] == pytest.approx(np.mean([metrics("m1", k)["per_class"]["bus"]["iou"] for k in (0, 1, 2)]))
    assert math.isnan(frame[frame["class"] == "road"]["iiou"].iloc[0])


def test_methods_with_one_short_name_keep_columns_of_their_own(tmp_path):
    stats, _, final = write_classes(tmp_path)
    material = scored(tmp_path, all_metrics((0,)), buckets=final, statistics=stats)
    methods = (*material.methods[:2], replace(material.methods[2], short="M0"), material.methods[3])
    per_class.make(replace(material, methods=methods), tmp_path / "per_class")
    header = Rows((tmp_path / "per_class.html").read_text()).rows[0]
    assert header[4:8] == [f"IoU {known.title}" for known in methods]


def test_class_files_that_do_not_fit_together_are_named(tmp_path):
    stats, initial, final = write_classes(tmp_path)
    assert (read_classes(stats, initial)["moved_from"] == "").all()
    pd.read_csv(stats).query("`class` != 'bus'").to_csv(stats, index=False)
    with pytest.raises(UserError, match=r"labels\.csv and .* do not list 'bus' once"):
        read_classes(stats, final)
    final.write_text("class,share\nroad,1\n")
    with pytest.raises(UserError, match=r"final\.csv: column bucket"):
        read_classes(stats, final)


def test_bucket_scores_of_the_ablation_are_bootstrapped_from_the_statistics(tmp_path):
    _, _, final = write_classes(tmp_path)
    images = write_image_statistics(tmp_path, "m1")
    material = scored(tmp_path, [metrics("m1")], image_statistics=(images,), buckets=final)
    row = ablation.ablation(material).iloc[0]
    counts = statistics(0).counts
    tail = [CLASSES.index(name) for name in CLASSES if BUCKET_OF[name] == "tail"]

    def tail_iou(rows):
        tp, fn, fp = (counts[f"class_{kind}"][rows][:, tail].sum(0) for kind in ("tp", "fn", "fp"))
        return np.mean(tp / (tp + fn + fp))

    random = np.random.default_rng(5)
    drawn = [tail_iou(random.integers(0, 24, 24)) for _ in range(2000)]
    assert row["iou_tail"] == pytest.approx(tail_iou(np.arange(24)))
    assert [row["iou_tail_low"], row["iou_tail_high"]] == pytest.approx(np.percentile(drawn, [2.5, 97.5]), abs=0.003)
    images.path.unlink()
    with pytest.raises(UserError, match=r"m1/seed0/images\.npz"):
        ablation.ablation(material)


def test_ablation_and_differences_take_the_same_bucket_scores(tmp_path):
    _, _, final = write_classes(tmp_path)
    material = with_statistics(tmp_path, {"m0": 0.7, "m1": 0.8}, final)
    arms = ablation.ablation(material).set_index("model")
    gain = differences.differences(material).iloc[0]
    for bucket in ("head", "middle", "tail"):
        assert gain[f"iou_{bucket}"] == pytest.approx(arms.at["m1", f"iou_{bucket}"] - arms.at["m0", f"iou_{bucket}"])
        assert arms.at["m0", f"iou_{bucket}_low"] < arms.at["m0", f"iou_{bucket}"] < arms.at["m0", f"iou_{bucket}_high"]


def test_an_empty_bucket_has_no_score(tmp_path):
    _, _, final = write_classes(tmp_path)
    frame = pd.read_csv(final)
    frame.assign(bucket=frame["bucket"].replace("tail", "middle")).to_csv(final, index=False)
    row = ablation.ablation(with_statistics(tmp_path, {"m1": 0.7}, final)).iloc[0]
    assert math.isnan(row["iou_tail"]) and math.isnan(row["iou_tail_low"]) and row["iou_middle"] > 0


def test_ablation_keeps_the_given_order(tmp_path):
    titles = {"mixup": "MixUp", "m0": "M0", "cutmix": "CutMix"}
    _, _, final = write_classes(tmp_path)
    material = with_statistics(tmp_path, dict.fromkeys(("m0", "cutmix", "mixup"), 0.7), final)
    methods = tuple(Method(name, title, title) for name, title in titles.items())
    ablation.make(replace(material, methods=methods), tmp_path / "ablation")
    rows = Rows((tmp_path / "ablation.html").read_text()).rows
    assert [row[0] for row in rows[1:]] == ["MixUp", "M0", "CutMix"]
    assert rows[0][2:] == [*COLUMNS[1:], "IoU head", "IoU middle", "IoU tail"]


def test_differences_are_paired(tmp_path):
    _, _, final = write_classes(tmp_path)
    material = with_statistics(tmp_path, {"m0": 0.7, "m1": 0.7, "ensemble": 0.8}, final)
    frame = differences.differences(material).set_index(["first", "second"])
    differences.make(material, tmp_path / "differences")
    assert list(frame.index) == [("m0", "m1"), ("m1", "ensemble"), ("m0", "ensemble")]
    same = frame.loc[("m0", "m1")]
    assert same["iou_class"] == same["iou_class_low"] == same["iou_class_high"] == 0

    def iou(seed, skill):
        tp, fn, fp = (statistics(seed, skill=skill).counts[f"class_{kind}"].sum(0) for kind in ("tp", "fn", "fp"))
        return np.mean(tp / (tp + fn + fp))

    gain = frame.loc[("m0", "ensemble")]
    assert gain["iou_class"] == pytest.approx(np.mean([iou(k, 0.8) - iou(k, 0.7) for k in (0, 1)]))
    assert gain["iou_class_low"] < gain["iou_class"] < gain["iou_class_high"] and gain["iou_class_above_zero"] == 1
    page = (tmp_path / "differences.html").read_text()
    assert f"+{gain['iou_class']:.3f}*" in page and "+0.000*" not in page


def test_table1_and_the_terminal_show_the_buckets(tmp_path):
    _, _, final = write_classes(tmp_path)
    material = with_statistics(tmp_path, {"m0": 0.7, "m1": 0.8}, final)
    table1.make(material, tmp_path / "table1")
    frame = pd.read_csv(tmp_path / "table1.csv")
    arms = ablation.ablation(material).set_index("model")
    text = table1.render_terminal(frame)
    assert max(map(len, text.splitlines())) <= 100 and "tail" in text.splitlines()[1]
    for _, row in frame.dropna(subset="model").iterrows():
        for bucket in ("head", "middle", "tail"):
            value = arms.at[row["model"], f"iou_{bucket}"]
            assert row[f"iou_{bucket}"] == pytest.approx(value, abs=1e-5) and f"{value:.3f}" in text
    published = next(row for row in Rows((tmp_path / "table1.html").read_text()).rows if row[0] == "Baseline")
    assert published[-3:] == ["–"] * 3


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_latex_compiles_within_the_page(tmp_path):
    stats, _, final = write_classes(tmp_path)
    skills = dict.fromkeys(LEVEL, 0.7) | {"ensemble": 0.8}
    material = replace(with_statistics(tmp_path, skills, final), statistics=stats, reference=method("m0"))
    for module in (table1, differences, per_class, ablation):
        module.make(material, tmp_path / module.__name__.rpartition(".")[2])
    inputs = "".join(f"\\input{{{path.stem}}}" for path in tmp_path.glob("*.tex"))
    preamble = r"\documentclass{article}\usepackage{booktabs,graphicx,textcomp}\begin{document}"
    (tmp_path / "page.tex").write_text(f"{preamble}{inputs}\\end{{document}}")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and "Overfull" not in done.stdout, done.stdout[-2000:]


def test_per_class_gains_are_those_of_the_last_row_over_the_reference(tmp_path):
    stats, _, final = write_classes(tmp_path)
    material = with_statistics(tmp_path, {"m0": 0.7, "m1": 0.9, "ensemble": 0.8}, final)
    material = replace(material, statistics=stats, reference=method("m0"))
    per_class.make(material, tmp_path / "t")
    frame = pd.read_csv(tmp_path / "t.csv").set_index(["class", "model"])

    def iou(seed, skill):
        tp, fn, fp = (statistics(seed, skill=skill).counts[f"class_{kind}"].sum(0) for kind in ("tp", "fn", "fp"))
        return (tp / (tp + fn + fp))[CLASSES.index("bus")]

    row = frame.loc[("bus", "ensemble")]
    assert row["gain"] == pytest.approx(np.mean([iou(k, 0.8) - iou(k, 0.7) for k in (0, 1)]), abs=1e-5)
    assert row["gain_low"] < row["gain"] < row["gain_high"]
    assert frame.xs("m1", level="model")["gain"].isna().all()
    assert per_class.gains(replace(material, reference=method("ensemble"))) is None


def test_differences_need_statistics_of_the_same_images(tmp_path):
    _, _, final = write_classes(tmp_path)
    material = with_statistics(tmp_path, {"m0": 0.7, "m1": 0.7}, final)
    with pytest.raises(UserError, match="not an input of this artefact: no such statistics file"):
        differences.differences(replace(material, image_statistics=material.image_statistics[:2]))
    material.image_statistics[-1].path.unlink()
    with pytest.raises(UserError, match=r"m1/seed1/images\.npz"):
        differences.differences(material)
    with pytest.raises(UserError, match=r"tables\.differences names no pair of the methods that were scored: m0, m1"):
        differences.differences(replace(material, pairs=(("unet", "m0"),)))


def test_claims_are_means_over_seeds_in_the_order_of_the_ensemble(tmp_path):
    files = (
        write_claims(tmp_path, "ensemble", 0, [("bus", 1000, 600, 200, 50), ("train", 10, 0, 0, 0)]),
        write_claims(tmp_path, "ensemble", 1, [("bus", 3000, 1400, 1000, 150), ("train", 20, 4, 12, 0)]),
        write_claims(tmp_path, "other", 0, [("train", 5, 5, 0, 0)]),
    )
    frame = claims.claims(files)
    assert frame[["ensemble", "class"]].to_numpy().tolist() == [
        ["ensemble", "bus"],
        ["ensemble", "train"],
        ["other", "train"],
    ]
    assert frame.loc[0, ["seeds", *CLAIMS]].tolist() == [2, 2000, 1000, 600, 100]
    assert frame["precision"].tolist() == [0.625, 0.25, 1.0]
    claims.make(Material(claims=files, split="val"), tmp_path / "claims")
    page = (tmp_path / "claims.md").read_text()
    assert "**all levels**" in page and "2 000" in page and "0.625" in page


def test_claims_without_labels_or_experts_are_said_to_be_missing(tmp_path):
    unknown = write_claims(tmp_path, "ensemble", 0, [("bus", 1000, None, None, 50)])
    claims.make(Material(claims=(unknown,)), tmp_path / "unknown")
    (row,) = [line for line in (tmp_path / "unknown.md").read_text().splitlines() if line.startswith("| bus")]
    assert row.count("n/a") == 3
    for files in ((), (write_claims(tmp_path, "alone", 0, []),)):
        claims.make(Material(claims=files), tmp_path / "none")
        assert pd.read_csv(tmp_path / "none.csv").empty
        assert "no experts" in (tmp_path / "none.html").read_text()
