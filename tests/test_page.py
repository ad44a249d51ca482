"""The page of a run: complete, of one file, and no text of the data breaks out of its place."""

import hashlib
import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from chromium import installed, started
from conftest import ROOT

from tailcutmix.dataset.images import write_png
from tailcutmix.metrics.statistics import write_statistics
from tailcutmix.paper.page import browser, captions, data, pictures
from tailcutmix.paper.page.build import body_of, build, duration
from tailcutmix.paper.page.inputs import TEMPLATE
from tailcutmix.plan.settings.keys import plain
from tailcutmix.plan.settings.tail import Regions

VOID = {"meta", "link", "img", "br", "input", "hr", "col"}
HOSTILE = "<script>alert(1)</script>\"'&amp;</style>"
"""A title as nobody should give it."""


class Page(HTMLParser):
    """What the tests look at in a page."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.open: list[str] = []
        self.unbalanced: list[str] = []
        self.words: list[str] = []
        self.rows: list[list[int]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "table":
            self.rows.append([])
        if tag == "tr":
            self.rows[-1].append(0)
        if tag in ("td", "th"):
            self.rows[-1][-1] += int(dict(attributes).get("colspan", 1))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, text):
        if not self.open or self.open[-1] not in ("script", "style"):
            self.words.append(text)

    def all(self, tag) -> list[dict]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def check_structure(page: Page) -> None:
    """What holds of every page, whatever run it is of."""
    assert page.unbalanced == [] and page.open == []
    assert all(image.get("alt") or not image["alt"] and "R0lGOD" in image["src"] for image in page.all("img"))
    assert all(image["src"].startswith("data:image/") for image in page.all("img"))
    loaded = [(tag, a) for tag, a in page.tags if tag in ("link", "script", "iframe", "source", "object", "embed")]
    assert [a.get("src") or a.get("href") for _, a in loaded if a.get("src") or a.get("href")] == ["data:,"]
    headings = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert headings[0] == 1 and headings.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(headings, headings[1:], strict=False)), headings
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert {a["href"][1:] for a in page.all("a")} <= set(ids), "a link to nowhere"
    assert all(len(set(rows)) == 1 and len(rows) > 1 for rows in page.rows), "a table with ragged rows"
    assert page.all("html")[0]["lang"] == "en" and page.all("title")


# Of a finished run


@pytest.fixture(scope="module")
def made(finished) -> Path:
    return finished[0] / "results/tiny"


@pytest.mark.parametrize("name", ["index", "ablation"])
def test_the_page_of_a_run_is_whole(made, name):
    text = (made / f"{name}.html").read_text()
    page = Page(text)
    check_structure(page)
    assert "url(" not in text and "@import" not in text and "fetch(" not in text
    wanted = {"method", "results", "classes", "experts", "images", "training", "objects", "made"}
    ids = {a["id"] for _, a in page.tags if "id" in a}
    assert wanted <= ids and ("ablation" in ids) == (name == "ablation")
    figures = {path.stem for path in (made / "figures").glob("*.png")}
    shown = {a["id"].removeprefix("figure-") for a in page.all("figure")}
    assert shown == (figures if name == "ablation" else figures - {"ablation"})
    for table in ("Table 1.", "Scores of each class", "What each expert added"):
        assert table in page.text
    assert len(text) < 6e6


def test_every_scored_image_is_in_the_browser_with_every_method(made):
    page = Page((made / "index.html").read_text())
    entries = [a for a in page.all("li") if "data-image" in a]
    manifest = pd.read_csv(made / "manifest.csv", dtype=str).query("split == 'test'")
    assert [a["data-image"] for a in entries] == manifest["image_id"].tolist()
    titles = [image["alt"] for image in page.all("img") if image["alt"].startswith("Prediction of")]
    assert len(titles) == 4 * len(entries)
    text = (made / "index.html").read_text()
    scores = json.loads(re.search(r'id="scores">(.*?)</script>', text)[1])
    assert set(scores) == set(manifest["image_id"]) and set(scores[entries[0]["data-image"]]) == {
        "unet", "m0", "m1", "ensemble",
    }  # fmt: skip


def test_the_record_of_a_run_says_what_it_was_made_by(made):
    record = yaml.safe_load((made / "run.yaml").read_text())
    assert record["seeds"] == [0] and record["data"]["images"] == {"train": 10, "val": 4, "test": 4}
    assert re.fullmatch("[0-9a-f]{64}", record["data"]["sha256"])
    assert all(record["libraries"].values()), "a library without version"
    assert record["resolved"]["models"]["m0"]["recipe"]["training"]["poly_power"], "defaults are filled in"
    assert record["jobs"]["train_model"]["wall_seconds"] > 0
    assert "results/tiny/tables/table1.csv" in record["results"]
    page = Page((made / "index.html").read_text()).text
    for said in (record["data"]["sha256"], record["recorded"], record["machine"]["system"], "poly_power"):
        assert said in page


# Of data alone, and of a run with titles and names that are markup


RUN = {
    "recorded": "2020-01-01 00:00 UTC", "commit": None, "uncommitted_changes": None, "python": "3.11",
    "libraries": {"numpy": "2"}, "seeds": [0],
    "machine": {"system": "Linux", "processor": "", "cpus": 1, "memory_gb": 1.0, "gpus": []},
    "data": {"manifest": "manifest.csv", "sha256": "0" * 64, "images": {"train": 3, "test": 2}},
    "jobs": {"list_images": {"jobs": 1, "wall_seconds": 1.0, "cpu_seconds": 1.0, "memory_mb": 50.0}},
    "configuration": {"title": HOSTILE}, "resolved": {},
}  # fmt: skip


def files_of_a_run(folder: Path, tail: bool = True) -> dict:
    """Images with a head and a tail class, and what the page of data reads."""
    random = np.random.default_rng(0)
    rows = []
    for number in range(5):
        image_id, split = f"image{number}", "train" if number < 3 else "test"
        label = np.zeros((40, 60), np.uint8)
        label[10:16, 20 : 26 + number] = 1
        write_png(folder / f"{image_id}.png", random.integers(0, 255, (40, 60, 3)).astype(np.uint8))
        write_png(folder / f"{image_id}_label.png", label)
        paths = [str(folder / f"{image_id}.png"), str(folder / f"{image_id}_label.png"), ""]
        sums = [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in paths[:2]]
        rows.append([image_id, split, *paths, 60, 40, *sums, ""])
    columns = ["image_id", "split", "image", "label", "instance", "width", "height", "image_sha256", "label_sha256"]
    pd.DataFrame(rows, columns=[*columns, "instance_sha256"]).to_csv(folder / "manifest.csv", index=False)
    (folder / "labels.csv").write_text("id,name,train_id\n0,road,0\n1,bus,1\n")
    classes = pd.DataFrame({"split": "train", "class": ["road", "bus"], "pixels": [9, 1], "share": [0.9, 0.1]})
    classes.assign(images=3).to_csv(folder / "statistics.csv", index=False)
    buckets = pd.DataFrame({"class": ["road", "bus"], "share": [0.9, 0.1], "bucket": ["head", "tail"]})
    buckets["bucket"] = buckets["bucket"] if tail else "head"
    buckets.to_csv(folder / "buckets.csv", index=False)
    (folder / "run.yaml").write_text(yaml.safe_dump(RUN))
    return {
        "template": [str(ROOT / path) for path in TEMPLATE.values()], "record": str(folder / "run.yaml"),
        "labels": str(folder / "labels.csv"), "manifest": str(folder / "manifest.csv"), "raw": [],
        "statistics": str(folder / "statistics.csv"), "buckets": str(folder / "buckets.csv"),
    }  # fmt: skip


def params_of_a_run(**changed) -> dict:
    params = {"page": "data", "dataset": "own", "split": "test", "seeds": [0], "methods": [], "reference": "m0"}
    return params | {"readings": [], "regions": plain(Regions()), "moves": False, "artefacts": []} | changed


@pytest.mark.parametrize("tail", [True, False])
def test_a_run_that_stopped_at_the_buckets_has_a_page(tmp_path, tail):
    page = Page(build(files_of_a_run(tmp_path, tail), params_of_a_run()))
    check_structure(page)
    ids = {a["id"] for _, a in page.tags if "id" in a}
    assert {"classes", "objects", "made"} <= ids and not {"method", "results", "images"} & ids
    assert ("No class is in the tail" in page.text) != tail
    alts = [image["alt"] for image in page.all("img")]
    assert [f"bus at level {level}" in alts for level in (1, 2, 3)] == [tail] * 3
    assert ("3 regions in 3 images, median 42 pixels" in page.text) == tail


def test_titles_that_are_markup_stay_text(tmp_path):
    inputs = files_of_a_run(tmp_path)
    counts = {name: np.ones((2, 2)) for name in ("class_tp", "class_fn", "class_fp")}
    write_image_scores(tmp_path / "scores.npz", counts)
    for image_id in ("image3", "image4"):
        write_png(tmp_path / f"predictions/{image_id}.png", np.zeros((40, 60), np.uint8))
    inputs |= {"predictions": [str(tmp_path / "predictions")], "image_statistics": [str(tmp_path / "scores.npz")]}
    params = params_of_a_run(dataset=HOSTILE, methods=[["m0", HOSTILE, HOSTILE]], readings=[HOSTILE])
    text = build(inputs, params)
    check_structure(Page(text))
    assert HOSTILE not in text
    assert len(Page(text).all("script")) == 2, "the page's own, and its scores"
    assert Page(text).text.count("<script>alert(1)") >= 5, "it is shown as it is"


def write_image_scores(path, counts):
    from tailcutmix.metrics.statistics import PER_CATEGORY, PER_CLASS, PER_IMAGE, Statistics

    names = ("image3", "image4")
    whole = {name: np.ones((2, 2)) for name in PER_CLASS} | {name: np.ones((2, 1)) for name in PER_CATEGORY}
    whole |= {name: np.ones(2) for name in PER_IMAGE} | counts
    flags = np.array([False, False])
    write_statistics(
        Statistics(names, ("road", "bus"), ("all",), flags, flags[:1], np.zeros((2, 2), np.int64), whole), path
    )
    return Statistics(names, ("road", "bus"), ("all",), flags, flags[:1], np.zeros((2, 2), np.int64), whole)


# Its parts


def test_scores_of_an_image_are_over_the_classes_that_it_holds(tmp_path):
    counts = {
        "class_tp": np.array([[6.0, 0], [3, 1]]), "class_fn": np.array([[2.0, 0], [0, 1]]),
        "class_fp": np.array([[0.0, 5], [1, 0]]), "correct_evaluated": np.array([6.0, 4]),
        "pixels_evaluated": np.array([8.0, 5]),
    }  # fmt: skip
    scores = browser.image_scores(write_image_scores(tmp_path / "s.npz", counts), ["bus"])
    assert scores["image3"] == {"tail": None, "iou": 0.75, "accuracy": 0.75}
    assert scores["image4"] == {"tail": 0.5, "iou": 0.625, "accuracy": 0.8}


def test_a_large_set_is_shown_by_its_extremes_gains_and_losses_alike():
    gains = {f"i{n}": float(n - 50) for n in range(100)}
    assert browser.choose(gains, 4) == ["i0", "i1", "i98", "i99"]
    assert browser.choose(gains, 3) == ["i0", "i98", "i99"]
    assert browser.choose(gains, 100) == list(gains)


def test_sizes_of_regions_are_counted_by_powers_of_four():
    assert data.histogram([1, 3, 4, 17, 64]) == [
        ("1 to 3", 2, 100.0), ("4 to 15", 1, 50.0), ("16 to 63", 1, 50.0), ("64 to 255", 1, 50.0),
    ]  # fmt: skip
    assert data.histogram([]) == []


def test_captions_are_marked_up_and_escaped():
    assert captions.marked_up("**Fig. 1.** level *t*,\n``a < b``") == (
        "<strong>Fig. 1.</strong> level <em>t</em>, <code>a &lt; b</code>"
    )


@pytest.mark.parametrize("path", sorted((ROOT / "workflow/report").glob("*.rst")), ids=lambda path: path.stem)
def test_every_caption_leaves_no_markup_behind(path):
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    text = captions.read_caption(path, config)
    assert text and not re.search(r"\*|`|\{\{|::|^\.\. ", text)


def test_pictures_keep_their_values_and_the_smaller_file_is_taken(tmp_path):
    values = np.repeat(np.array([[0, 3, 255]], np.uint8), 9, axis=1)
    assert pictures.labels_in_colour(values, np.zeros((256, 3), np.uint8), 9).width == 9
    drawing = np.full((300, 400, 3), 255, np.uint8)
    drawing[100:110] = 0
    photo = np.random.default_rng(0).integers(0, 255, (300, 400, 3)).astype(np.uint8)
    for name, array, kind in (("drawing", drawing, "png"), ("photo", photo, "jpeg")):
        write_png(tmp_path / f"{name}.png", array)
        picture = pictures.figure(tmp_path / f"{name}.png", width=200)
        assert picture.uri.startswith(f"data:image/{kind};base64,") and (picture.width, picture.height) == (200, 150)


def test_the_body_of_a_table_is_what_stands_between_its_tags():
    assert body_of("<html><body><table></table></body></html>") == "<table></table>"
    assert [duration(s) for s in (3, 100, 7200)] == ["3 s", "2 min", "2.0 h"]


# In a browser


@pytest.fixture(scope="module")
def tab():
    path = installed()
    if path is None:
        assert not os.environ.get("REQUIRE_CHROMIUM"), "REQUIRE_CHROMIUM is set, but there is no Chromium"
        pytest.skip("no Chromium here: apt-get install chromium-headless-shell")
    with started(path) as tab:
        yield tab


CONTRAST = """(() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgb = (colour) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return Array.from(canvas.getImageData(0, 0, 1, 1).data); };
  const light = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const ground = (node) => { for (; node; node = node.parentElement) {
    const colour = rgb(getComputedStyle(node).backgroundColor); if (colour[3] === 255) return colour; } };
  const poor = new Set();
  for (const node of document.querySelectorAll("body *")) {
    const text = Array.from(node.childNodes).some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!text || !node.checkVisibility() || ["SCRIPT", "STYLE", "OPTION"].includes(node.tagName)) continue;
    const pair = [light(rgb(getComputedStyle(node).color)), light(ground(node))].sort((a, b) => b - a);
    if ((pair[0] + .05) / (pair[1] + .05) < 4.5) {
      poor.add([node.tagName, node.className, node.textContent.slice(0, 30)].join(" "));
    }
  }
  return Array.from(poor);
})()"""


@pytest.mark.parametrize(("width", "dark"), [(1400, False), (1400, True), (390, False), (390, True)])
@pytest.mark.parametrize("name", ["index", "ablation"])
def test_a_browser_shows_the_page_without_complaint(made, tab, name, width, dark):
    tab.open(made / f"{name}.html", width, dark=dark)
    assert tab.complaints() == []
    assert tab.requests() == [(made / f"{name}.html").resolve().as_uri()]
    broken = "Array.from(document.images).filter((i) => !i.complete || !i.naturalWidth).map((i) => i.alt)"
    assert tab.ask(broken) == []
    assert tab.ask("document.documentElement.scrollWidth") <= width
    assert tab.ask(CONTRAST) == []


def test_images_are_sorted_and_opened_by_hand(made, tab):
    tab.open(made / "index.html", 1400)
    order = "Array.from(document.querySelectorAll('#image-list > li:not([hidden])')).map((e) => e.dataset.image)"
    choose = "(() => {{ const s = document.forms.controls.elements.{}; s.value = '{}'; " \
             "s.dispatchEvent(new Event('change', {{bubbles: true}})); }})()"  # fmt: skip
    tab.ask(choose.format("measure", "iou"))
    gains = tab.ask(order)
    tab.ask(choose.format("order", "loss"))
    assert tab.ask(order) == gains[::-1]
    tab.ask(choose.format("order", "name"))
    assert tab.ask(order) == sorted(gains)
    tab.ask("document.querySelector('#image-list button.zoom').click()")
    assert tab.ask("document.querySelector('dialog').open && document.querySelector('dialog img').naturalWidth > 1")
    tab.ask("document.querySelector('dialog button').click()")
    assert tab.ask("document.querySelector('dialog').open") is False
