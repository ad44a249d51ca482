"""Label statistics and buckets."""

import logging
import math
from tempfile import NamedTemporaryFile

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailcutmix.errors import UserError
from tailcutmix.labels import Label, LabelTable
from tailcutmix.plan.settings.tail import Buckets
from tailcutmix.tail.bucket_table import ABSENT, read_tail
from tailcutmix.tail.buckets import final_buckets, initial_buckets
from tailcutmix.tail.label_statistics import count_labels, label_statistics

quick = settings(deadline=None, max_examples=30)


def stats(shares) -> pd.DataFrame:
    names = [f"class {n}" for n in range(len(shares))]
    return pd.DataFrame({"split": "train", "class": names, "share": np.asarray(shares) / max(sum(shares), 1)})


def tail_classes(buckets: pd.DataFrame) -> list[str]:
    """The names of the tail as they come back from a file."""
    labels = LabelTable(tuple(Label(n, str(name), n) for n, name in enumerate(buckets["class"])))
    with NamedTemporaryFile(suffix=".csv") as file:
        buckets.to_csv(file.name, index=False)
        return [known.name for known in read_tail(file.name, labels)]


shares = st.lists(st.integers(0, 1000), min_size=2, max_size=20).filter(any)
ious = st.one_of(st.none(), st.just(math.nan), st.floats(0, 1))


def test_pixels_and_images_are_counted_by_class(caplog):
    labels = np.array([[[0, 0], [1, 255]], [[0, 2], [255, 255]]], np.uint8)
    pixels, images = count_labels(labels, 4)
    assert pixels.tolist() == [3, 1, 1, 0]
    assert images.tolist() == [2, 1, 1, 0]
    with caplog.at_level(logging.INFO):
        table = label_statistics({"train": labels, "test": np.full((1, 2, 2), 255, np.uint8)}, ["a", "b", "c", "d"])
    assert table["share"].tolist() == [0.6, 0.2, 0.2, 0, 0, 0, 0, 0]
    assert "train: classes that never occur: d" in caplog.text
    assert "test: no labelled pixel" in caplog.text


def test_buckets_of_nineteen_classes_are_six_six_seven():
    table = initial_buckets(stats(range(19, 0, -1)), [6, 6])
    assert table["bucket"].value_counts().to_dict() == {"head": 6, "middle": 6, "tail": 7}
    assert initial_buckets(stats(range(19, 0, -1))).equals(table)
    assert tail_classes(table) == [f"class {n}" for n in range(12, 19)]  # rarest last


@quick
@given(shares)
def test_tertiles_leave_neither_head_nor_tail_empty_and_follow_the_shares(counts):
    table = initial_buckets(stats(counts))
    rank = table["bucket"].map({"head": 0, "middle": 1, "tail": 2, ABSENT: 3})
    assert rank.is_monotonic_increasing and table["share"].is_monotonic_decreasing
    assert (table["bucket"] == ABSENT).sum() == counts.count(0)
    if len(counts) - counts.count(0) >= 2:
        assert {"head", "tail"} <= set(table["bucket"])


@quick
@given(shares, st.data())
def test_moves_never_touch_the_head_and_each_has_its_reason(counts, data):
    initial = initial_buckets(stats(counts), data.draw(st.tuples(st.integers(0, 6), st.integers(0, 6))))
    iou = {name: data.draw(ious) for name in initial["class"]}
    margin = data.draw(st.floats(0, 0.2))
    final = final_buckets(initial, iou, Buckets(margin=margin))
    scored = [value for value in iou.values() if value is not None and not math.isnan(value)]
    mean = sum(scored) / len(scored) if scored else math.nan
    for before, after in zip(initial.itertuples(), final.itertuples(), strict=True):
        assert after.reason
        if before.bucket == after.bucket:
            assert after.moved_from == ""
            continue
        assert {before.bucket, after.bucket} == {"middle", "tail"}
        assert after.moved_from == before.bucket
        assert after.val_iou < mean - margin if after.bucket == "tail" else after.val_iou >= mean + margin
    for name, value in iou.items():
        if value is None or math.isnan(value):
            assert (final.loc[final["class"] == name, "moved_from"] == "").all()


@pytest.mark.parametrize(
    "classes, sizes", [(2, (1, 0, 1)), (3, (1, 1, 1)), (4, (1, 1, 2)), (5, (1, 2, 2)), (6, (2, 2, 2)), (19, (6, 6, 7))]
)
def test_tertiles_of_few_and_of_many_classes(classes, sizes):
    table = initial_buckets(stats(range(classes, 0, -1)))
    assert [(table["bucket"] == bucket).sum() for bucket in ("head", "middle", "tail")] == list(sizes)
    cut = initial_buckets(stats(range(classes, 0, -1)), sizes[:2])
    assert cut.equals(table), "the same by cuts"


JUST = 1e-9


@pytest.mark.parametrize(
    "iou, middle, tail",
    [
        (0.25 - JUST, "tail", "tail"),
        (0.25, "middle", "tail"),
        (0.75 - JUST, "middle", "tail"),
        (0.75, "middle", "middle"),
    ],
)
def test_an_iou_on_a_border_is_not_poor_and_is_good(iou, middle, tail):
    """Poor is below .5 - .25, good from .5 + .25 on; numbers that floating point has exactly."""
    initial = pd.DataFrame({"class": ["m", "t"], "share": [0.6, 0.4], "bucket": ["middle", "tail"]})
    settings = Buckets(poor=0.5, good=0.5, margin=0.25)
    assert list(final_buckets(initial, {"m": iou, "t": iou}, settings)["bucket"]) == [middle, tail]
    mean = final_buckets(initial, {"m": 0.5, "t": 0.5})
    assert list(mean["bucket"]) == ["middle", "middle"], "both lie on the mean: one is not poor, the other good"


def test_the_published_example_moves_as_expected():
    """Of the one public per-class table of MiniCity: wall joins the tail, sign, light and bicycle leave it."""
    initial = pd.DataFrame({
        "class": ["road", "wall", "pole", "traffic sign", "bicycle", "traffic light", "train"],
        "share": [0.4, 0.05, 0.04, 0.03, 0.02, 0.01, 0.001],
        "bucket": ["head", "middle", "middle", "tail", "tail", "tail", "tail"],
    })  # fmt: skip
    iou = {"road": 0.97, "wall": 0.12, "pole": 0.6, "traffic sign": 0.63, "bicycle": 0.64, "traffic light": 0.56,
           "train": 0.03}  # fmt: skip
    final = final_buckets(initial, iou)
    assert tail_classes(final) == ["wall", "train"]
    assert final.set_index("class").loc["wall", "moved_from"] == "middle"
    assert tail_classes(final_buckets(initial, iou, Buckets(rebucket=False))) == tail_classes(initial)
    assert "traffic light" in tail_classes(final_buckets(initial, iou, Buckets(good=0.6)))


def test_a_fixed_list_is_the_tail_whatever_the_scores(caplog):
    table = stats([50, 30, 10, 5, 5, 0])
    initial = initial_buckets(table, None, ["class 1", "class_4", "class 5"])
    final = final_buckets(initial, dict.fromkeys(table["class"], 0.9), Buckets(tail=("class 1", "class_4", "class 5")))
    assert tail_classes(initial) == tail_classes(final) == ["class 1", "class 4"]
    assert set(final["reason"]) == {"fixed by config", "no train pixel: nothing to cut"}
    with pytest.raises(UserError, match="buckets.tail names 'lorry'"):
        initial_buckets(table, None, ["lorry"])


def test_two_classes_an_empty_tail_and_no_scores_run_through(caplog):
    with caplog.at_level(logging.INFO):
        assert list(initial_buckets(stats([9, 1]))["bucket"]) == ["head", "tail"]
        empty = final_buckets(initial_buckets(stats([9, 1]), [1, 1]), {})
    assert tail_classes(empty) == []
    assert "the tail is empty" in caplog.text and "no IoU on val for any class" in caplog.text
    with pytest.raises(UserError, match="no class has a labelled train pixel"):
        initial_buckets(stats([0, 0]))


HEADER = "class,share,bucket,val_iou,moved_from,reason\n"


def test_the_tail_is_read_rarest_last_with_its_labels(tmp_path):
    labels = LabelTable((Label(7, "road", 0), Label(19, "traffic light", 1), Label(31, "None", 2)))
    path = tmp_path / "final.csv"
    path.write_text(HEADER + "None,1e-05,tail,,,poor\nroad,0.9,head,,,\ntraffic light,0.002,tail,0.1,middle,poor\n")
    assert read_tail(path, labels) == (labels.rows[1], labels.rows[2])
    path.write_text(HEADER + "road,0.9,head,,,\ntraffic light,0.002,middle,,,\nNone,0,absent,,,\n")
    assert read_tail(path, labels) == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "no such table of buckets"),
        ("", "table of buckets"),
        ("class,share\nroad,0.9\n", "column bucket is missing"),
        (HEADER + "road,0.9,he", "cut short"),
        (HEADER + "road,0.9,head,,,\n", "each class of the label table once; delete"),
        (HEADER + "road,,tail,,,\ncar,0.1,head,,,\n", "row of road"),
        (HEADER + "road,0.9,head,,,\nlorry,0.1,tail,,,\n", "each class of the label table once"),
    ],
)
def test_a_missing_or_damaged_table_of_buckets_is_named(text, words, tmp_path):
    path = tmp_path / "final.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=rf"final.csv: .*{words}"):
        read_tail(path, LabelTable((Label(7, "road", 0), Label(26, "car", 1))))
