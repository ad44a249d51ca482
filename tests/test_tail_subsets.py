"""Regions, boxes of the levels, and the subset on disk."""

import logging
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from tailcutmix.dataset.images import read_image, read_label, write_png
from tailcutmix.errors import UserError
from tailcutmix.labels import Label
from tailcutmix.plan.settings.tail import Regions
from tailcutmix.tail.regions import Region, find_regions
from tailcutmix.tail.subsets import (
    BOX_COLUMNS,
    Canvas,
    Subset,
    clip_box,
    image_boxes,
    level_box,
    read_boxes,
    scale_boxes,
    write_subset,
)

quick = settings(deadline=None, max_examples=30)
shapes = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=16)
masks = hnp.arrays(np.uint8, shapes, elements=st.sampled_from([3, 7]))
levels = st.integers(1, 4)
ratios, steps = st.floats(0.01, 0.99), st.floats(1.01, 2)


@quick
@given(masks, st.integers(0, 5))
def test_components_are_those_of_another_library(label, min_area):
    parts, count = ndimage.label(label == 7, structure=np.ones((3, 3)))
    expected = []
    for number, (rows, columns) in enumerate(ndimage.find_objects(parts), start=1):
        area = int((parts == number).sum())
        if area >= min_area:
            expected.append((columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start, area))
    regions, dropped = find_regions(label, 7, min_area=min_area)
    assert sorted(regions) == sorted(expected)
    assert dropped == count - len(expected)


@pytest.mark.parametrize(
    "rows, boxes",
    [
        (["#..", ".#.", "..#"], [(0, 0, 3, 3, 3)]),
        (["..#", ".#.", "#.."], [(0, 0, 3, 3, 3)]),
        (["##..", "..##"], [(0, 0, 4, 2, 4)]),
        (["#.#", "...", "#.."], [(0, 0, 1, 1, 1), (2, 0, 1, 1, 1), (0, 2, 1, 1, 1)]),
        ([".##", "...", "#.."], [(1, 0, 2, 1, 2), (0, 2, 1, 1, 1)]),
    ],
)
def test_pixels_that_touch_at_a_corner_are_one_region(rows, boxes):
    """Eight neighbours; regions from top to bottom, then from left to right."""
    label = np.array([[7 if pixel == "#" else 3 for pixel in row] for row in rows], np.uint8)
    assert find_regions(label, 7) == (boxes, 0)


@pytest.mark.parametrize("min_area, kept", [(0, 2), (1, 2), (3, 2), (4, 1), (6, 1), (7, 0)])
def test_a_region_as_large_as_the_bound_is_kept(min_area, kept):
    label = np.zeros((5, 8), np.uint8)
    label[0, :3], label[2:4, 4:7] = 7, 7  # 3 and 6 pixels
    regions, dropped = find_regions(label, 7, min_area=min_area)
    assert (len(regions), dropped) == (kept, 2 - kept)


@quick
@given(masks, st.sampled_from(["components", "image", "instances"]))
def test_boxes_are_tight_and_hold_every_pixel_of_the_class(label, source):
    ids = np.arange(label.size).reshape(label.shape) // 3
    regions, _ = find_regions(label, 7, source, instances=ids)
    covered = np.zeros(label.shape, bool)
    for x, y, w, h, area in regions:
        part = label[y : y + h, x : x + w] == 7
        assert part.shape == (h, w) and part.sum() >= area > 0
        assert part[0].any() and part[-1].any() and part[:, 0].any() and part[:, -1].any()
        covered[y : y + h, x : x + w] = True
    assert covered[label == 7].all()
    assert sum(region.area for region in regions) == (label == 7).sum()
    if source == "image":
        assert len(regions) == (label == 7).any()


@quick
@given(st.integers(0, 50), st.integers(0, 30), st.integers(1, 20), st.integers(1, 20), levels, ratios, steps)
def test_a_crop_of_every_level_holds_the_tight_box(x, y, w, h, level, r, s):
    width, height = x + w + 7, y + h + 3
    left, top, wide, high = box = level_box(x, y, w, h, level, r, s)
    assert (left + wide / 2, top + high / 2) == (x + Fraction(w, 2), y + Fraction(h, 2))
    if level == 1:
        assert box == (x, y, w, h)
    else:
        assert (wide / w, high / h) == pytest.approx([1 + 2 * (r + s * level)] * 2)
    cx, cy, cw, ch = clip_box(box, width, height)
    assert 0 <= cx <= x and 0 <= cy <= y and x + w <= cx + cw <= width and y + h <= cy + ch <= height
    assert cw <= wide + 2 and ch <= high + 2


@settings(deadline=None, max_examples=300)
@given(
    st.integers(0, 2000), st.integers(0, 1000), st.integers(1, 400), st.integers(1, 400), st.integers(2, 5),
    st.integers(1, 99), st.integers(101, 200),
)  # fmt: skip
def test_edges_are_those_of_exact_arithmetic(x, y, w, h, level, hundredths_r, hundredths_s):
    """In hundredths of a pixel all is whole: x1 = 100x - (100r + 100s*t) * w, and an edge touches floor and ceiling."""
    ratio = hundredths_r + hundredths_s * level
    left, top, right, bottom = x * 100 - ratio * w, y * 100 - ratio * h, (x + w) * 100, (y + h) * 100
    right, bottom = right + ratio * w, bottom + ratio * h
    width, height = x + 3 * w, y + 3 * h
    (row,) = image_boxes("a", [Region(x, y, w, h, 1)], [level], hundredths_r / 100, hundredths_s / 100, width, height)
    assert (row.x, row.y) == (max(0, left // 100), max(0, top // 100))
    assert (row.x + row.w, row.y + row.h) == (min(width, -(-right // 100)), min(height, -(-bottom // 100)))
    assert row.clipped == (left < 0 or top < 0 or right > width * 100 or bottom > height * 100)


def test_an_edge_on_the_border_of_two_pixels_stays_there():
    """117 - 3.8 * 15 = 60, and 57 - 3.8 * 15 = 0, for r + 3s = 3.8; in floating point both come out lower."""
    on_pixel, on_border = image_boxes("a", [Region(117, 479, 15, 108, 1), Region(57, 479, 15, 108, 1)], [3], 0.5, 1.1,
                                      2048, 1024)  # fmt: skip
    assert (on_pixel.x, on_pixel.w) == (60, 129) and (on_border.x, on_border.clipped) == (0, 0)


@pytest.mark.parametrize("width, height, clipped", [(38, 38, 0), (37, 38, 1), (38, 37, 1)])
@pytest.mark.parametrize("x, y, beyond", [(17, 17, 0), (16, 17, 1), (17, 16, 1)])
def test_a_box_that_ends_on_the_border_of_the_image_is_not_clipped(width, height, clipped, x, y, beyond):
    """Level 2 of a box of 5x5 reaches (.4 + 1.5 * 2) * 5 = 17 pixels farther on each side."""
    (row,) = image_boxes("a", [Region(x, y, 5, 5, 25)], [2], 0.4, 1.5, width + x - 16, height + y - 16)
    assert row.clipped == max(clipped, beyond)


def test_ratios_outside_the_report_are_refused():
    for level, r, s in ((0, 0.5, 1.1), (2, 1.0, 1.1), (2, 0.5, 1.0)):
        with pytest.raises(UserError, match="0 < r < 1 and s > 1"):
            level_box(0, 0, 1, 1, level, r, s)


@quick
@given(masks, st.integers(1, 40), st.integers(1, 40))
def test_boxes_carried_to_another_size_cover_the_same_part_of_the_image(label, width, height):
    full_height, full_width = label.shape
    regions, _ = find_regions(label, 7)
    rows = image_boxes("a", regions, [1, 2], 0.5, 1.1, full_width, full_height)
    boxes = pd.DataFrame(rows, columns=list(BOX_COLUMNS))
    scaled = scale_boxes(boxes, width, height)
    for before, after in zip(boxes.itertuples(), scaled.itertuples(), strict=True):
        assert after.w >= 1 and after.h >= 1 and after.x + after.w <= width and after.y + after.h <= height
        assert after.x <= before.x * width / full_width + 1e-5
        assert after.x + after.w >= (before.x + before.w) * width / full_width - 1e-5
        assert after.w < before.w * width / full_width + 2
    assert scale_boxes(boxes, full_width, full_height).values.tolist() == boxes.values.tolist()


BUS = Label(28, "bus", 15)
CANVAS = Canvas(64, 64)


@pytest.fixture
def manifest(tmp_path) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    rows = []
    for n in range(3):
        label = np.zeros((30, 44), np.uint8)
        if n < 2:
            label[4:9, 5:12], label[20, 40], label[28:, :3] = 28, 28, 28
        paths = {"image": tmp_path / f"{n}.png", "label": tmp_path / f"{n}_label.png"}
        write_png(paths["image"], rng.integers(0, 256, (30, 44, 3), np.uint8))
        write_png(paths["label"], label)
        rows.append({"image_id": f"00{n}", "instance": "", **{key: str(path) for key, path in paths.items()}})
    return pd.DataFrame(rows)


def test_the_crops_on_disk_are_the_boxes_of_the_images(manifest, tmp_path, caplog):
    out = tmp_path / "subsets" / "bus"
    with caplog.at_level(logging.INFO):
        counts = write_subset(manifest, BUS, Regions(min_area=2), Subset.under(out, [1, 2, 3]), CANVAS)
    assert counts["kept"].tolist() == [4, 4, 4] and counts["dropped"].tolist() == [2, 2, 2]
    assert counts["clipped"].tolist() == [0, 4, 4]
    boxes = read_boxes(out / "boxes.csv")
    paths = manifest.set_index("image_id")
    for row in boxes.itertuples():
        crop, label = (out / f"level{row.level}" / f"{row.image_id}_{row.region}{end}.png" for end in ("", "_label"))
        there = np.s_[row.y : row.y + row.h, row.x : row.x + row.w]
        assert np.array_equal(read_image(crop), read_image(paths.image[row.image_id])[there])
        assert np.array_equal(read_label(label), read_label(paths.label[row.image_id])[there])
    assert len(list(out.glob("level*/*.png"))) == 2 * len(boxes)
    regions = pd.read_csv(out / "regions.csv", dtype={"image_id": str})
    columns = ["image_id", "region", "x", "y", "w", "h"]
    assert regions[columns].values.tolist() == boxes[boxes.level == 1][columns].values.tolist()
    assert "4 regions in 2 images, 2 dropped" in caplog.text


def test_a_second_run_leaves_no_crop_of_the_first(manifest, tmp_path, caplog):
    out = tmp_path / "bus"
    write_subset(manifest, BUS, Regions(), Subset.under(out, [1]), CANVAS)
    with caplog.at_level(logging.WARNING):
        write_subset(manifest, BUS, Regions(min_area=1000), Subset.under(out, [1]), CANVAS)
    assert not list(out.glob("level1/*")) and read_boxes(out / "boxes.csv").empty
    assert "no region is left (6 dropped" in caplog.text


@pytest.mark.parametrize("packed", [None, (15, 22)])
def test_boxes_that_cover_too_much_of_the_training_crop_are_left_out(manifest, tmp_path, packed):
    height, width = (20, 20) if packed is None else (10, 10)  # the same part of the image
    rows, subset = manifest.iloc[:1], Subset.under(tmp_path / "bus", [1, 2, 3])
    every = write_subset(rows, BUS, Regions(min_area=2), subset, Canvas(height, width, packed))
    boxes = read_boxes(subset.boxes)
    share = np.minimum(boxes.h / 20, 1) * np.minimum(boxes.w / 20, 1)
    assert every["covering"].tolist() == [(share[boxes.level == level] > 0.9).sum() for level in (1, 2, 3)]
    assert every["covering"].sum() and not every["too_large"].any()
    most = share.median()
    some = write_subset(rows, BUS, Regions(min_area=2, max_canvas_share=most), subset, Canvas(height, width, packed))
    assert read_boxes(subset.boxes).equals(boxes[share <= most].reset_index(drop=True))
    assert (some["kept"] + some["too_large"]).equals(every["kept"])
    assert sum(len(list(folder.glob("*_label.png"))) for folder in subset.levels.values()) == (share <= most).sum()


def test_instances_are_needed_where_they_are_asked_for(manifest, tmp_path):
    with pytest.raises(UserError, match="no instance ids"):
        write_subset(manifest, BUS, Regions(source="instances"), Subset.under(tmp_path / "bus", [1]), CANVAS)
    (tmp_path / "boxes.csv").write_text("image_id,x\na,1\n")
    with pytest.raises(UserError, match="column region is missing"):
        read_boxes(tmp_path / "boxes.csv")
