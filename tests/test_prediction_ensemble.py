"""The ensemble against its equation, pixel by pixel."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tailcutmix.dataset.images import read_label, write_png
from tailcutmix.errors import UserError
from tailcutmix.files import write_csv
from tailcutmix.labels import Label, LabelTable
from tailcutmix.prediction.ensemble import CLAIMS, ensemble, ensemble_order, ensemble_split

IDS = st.sampled_from([0, 7, 11, 26])
MAPS = arrays(np.uint8, (4, 5), elements=IDS)
EXPERTS = st.permutations([7, 11, 26]).flatmap(lambda order: st.fixed_dictionaries({j: MAPS for j in order}))


def reference(mr1, experts, truth):
    """MR = Mr1 * (1 - M2j) + M2rj * M2j one pixel after another, and the claims by their definitions."""
    mr = np.zeros_like(mr1)
    claims = {j: dict.fromkeys(CLAIMS, 0) for j in experts}
    order = list(experts)
    for y in range(mr1.shape[0]):
        for x in range(mr1.shape[1]):
            value = int(mr1[y, x])
            for place, j in enumerate(order):
                m2j = int(experts[j][y, x] == j)
                value = value * (1 - m2j) + int(experts[j][y, x]) * m2j
                if m2j and mr1[y, x] != j:
                    claims[j]["pixels_added"] += 1
                    claims[j]["true_positives_added"] += int(truth[y, x] == j)
                    claims[j]["false_positives_added"] += int(truth[y, x] not in (j, 255))
                if m2j and any(experts[k][y, x] == k for k in order[place + 1 :]):
                    claims[j]["overlap_with_later"] += 1
            mr[y, x] = value
    return mr, claims


@given(mr1=MAPS, experts=EXPERTS, truth=arrays(np.uint8, (4, 5), elements=st.sampled_from([7, 11, 26, 255])))
def test_ensemble_follows_its_equation(mr1, experts, truth):
    mr, claims = ensemble(mr1, experts, truth)
    expected, expected_claims = reference(mr1, experts, truth)
    np.testing.assert_array_equal(mr, expected)
    assert claims == expected_claims and list(claims) == list(experts)


def test_the_later_expert_stands_where_two_claim():
    mr1 = np.zeros((1, 1), np.uint8)
    first, second = np.full((1, 1), 11, np.uint8), np.full((1, 1), 26, np.uint8)
    assert ensemble(mr1, {11: first, 26: second})[0] == 26
    assert ensemble(mr1, {26: second, 11: first})[0] == 11
    assert mr1 == 0


@given(mr1=MAPS, experts=EXPERTS)
def test_experts_only_add_their_own_class(mr1, experts):
    mr, claims = ensemble(mr1, experts)
    changed = mr != mr1
    assert np.isin(mr[changed], list(experts)).all()
    for j in experts:
        assert (mr[(mr1 == j) & ~changed] == j).all()
        assert set(claims[j]) == {"pixels_added", "overlap_with_later"}


ROWS = ((0, "void", 255), (7, "road", 0), (11, "traffic light", 1), (26, "car", 2))
TABLE = LabelTable(tuple(Label(*row) for row in ROWS))
CAR = TABLE.class_of("car")


@pytest.fixture
def folders(tmp_path):
    """Predictions of M1 and two experts on three images, and their labels (0 is void)."""
    random = np.random.default_rng(0)
    maps = {name: random.choice([7, 11, 26], (3, 12, 9)).astype(np.uint8) for name in ("m1", "light", "car")}
    maps["truth"] = random.choice([0, 7, 11, 26], (3, 12, 9)).astype(np.uint8)
    for name, images in maps.items():
        for number, image in enumerate(images):
            write_png(tmp_path / name / f"i{number}.png", image)
    labels = [str(tmp_path / "truth" / f"i{number}.png") for number in range(3)]
    manifest = pd.DataFrame({"image_id": ["i0", "i1", "i2"], "label": labels})
    return tmp_path, maps, manifest


def test_ensemble_of_a_split(folders):
    root, maps, manifest = folders
    experts = {TABLE.class_of("traffic light"): root / "light", CAR: root / "car"}
    claims = ensemble_split(root / "m1", experts, manifest, TABLE, root / "mr")
    total = {11: dict.fromkeys(CLAIMS, 0), 26: dict.fromkeys(CLAIMS, 0)}
    for number in range(3):
        truth = np.where(maps["truth"][number] == 0, 255, maps["truth"][number])
        predictions = {11: maps["light"][number], 26: maps["car"][number]}
        expected, counts = reference(maps["m1"][number], predictions, truth)
        np.testing.assert_array_equal(read_label(root / "mr" / f"i{number}.png"), expected)
        for j in total:
            for key in CLAIMS:
                total[j][key] += counts[j][key]
    assert list(claims["class"]) == ["traffic light", "car"]
    assert claims[list(CLAIMS)].to_dict("records") == [total[11], total[26]]
    assert not (root / "mr.tmp").exists()


def test_claims_of_a_split_without_labels_are_empty(folders):
    root, _, manifest = folders
    claims = ensemble_split(root / "m1", {CAR: root / "car"}, manifest.assign(label=""), TABLE, root / "mr")
    assert claims.true_positives_added.isna().all() and claims.false_positives_added.isna().all()
    assert (claims.pixels_added > 0).all()
    write_csv(claims, root / "claims.csv")
    header, row = (root / "claims.csv").read_text().splitlines()
    assert header == "class,pixels_added,true_positives_added,false_positives_added,overlap_with_later"
    assert row.split(",")[2:4] == ["", ""]


def test_without_experts_the_ensemble_is_m1(folders, caplog):
    root, maps, manifest = folders
    claims = ensemble_split(root / "m1", {}, manifest, TABLE, root / "mr")
    assert "there are no experts" in caplog.text
    np.testing.assert_array_equal(read_label(root / "mr/i1.png"), maps["m1"][1])
    assert claims.empty and list(claims.columns) == ["class", *CLAIMS]


def test_predictions_that_do_not_fit_are_named(folders):
    root, _, manifest = folders
    write_png(root / "car" / "i1.png", np.zeros((3, 3), np.uint8))
    with pytest.raises(UserError, match="car/i1.png"):
        ensemble_split(root / "m1", {CAR: root / "car"}, manifest, TABLE, root / "mr")
    (root / "car" / "i1.png").unlink()
    with pytest.raises(UserError, match="car/i1.png"):
        ensemble_split(root / "m1", {CAR: root / "car"}, manifest, TABLE, root / "mr")
    assert not (root / "mr").exists() and not (root / "mr.tmp").exists()


@given(st.permutations(["bus", "train", "traffic light", "rider"]), st.data())
def test_the_order_is_the_configured_one_and_otherwise_the_tail_s(tail, data):
    """Rarest last by default; an order that names some classes lays these last, by name or slug, and drops none."""
    tail = [Label(place, name, place) for place, name in enumerate(tail)]
    assert ensemble_order(tail) == tail
    named = data.draw(st.lists(st.sampled_from(tail), unique=True))
    found = ensemble_order(tail, [known.slug for known in named] + ["sky"])
    assert found[len(tail) - len(named) :] == named
    assert found[: len(tail) - len(named)] == [known for known in tail if known not in named]
