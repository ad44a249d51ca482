"""The comparison of two checkouts' results: any byte counts, times and figures do not."""

import zipfile

import pytest
from compare_results import KINDS, OVERLAY, main

RESULTS = {
    "raw/a.png": "image",
    "manifest.csv": "a",
    "stats/labels.csv": "a",
    "buckets/final.csv": "a",
    "subsets/bus/level1/a.png": "a",
    "packed/train/images.npy": "a",
    "models/m0/seed0/model.safetensors": "weights",
    "models/m0/seed0/history.csv": "step,loss,seconds,images_per_second\n1,0.5,{time},{time}\n",
    "scales/m1/seed0.csv": "a",
    "predictions/m0/seed0/test/a.png": "a",
    "metrics/m0/seed0/test.json": "a",
    "ensemble/seed0/test_claims.csv": "a",
    "tables/table1.csv": "a",
    "figures/mixing.png": "a",
    "figures/mixing.pdf": "{time}",
}


@pytest.fixture
def sides(tmp_path, monkeypatch):
    """The results of two finished runs that differ in their times alone; running a checkout gives the new one."""
    folders = []
    for time, side in enumerate(("old", "new")):
        results = tmp_path / side / "results" / OVERLAY["dataset"]["name"]
        for name, text in RESULTS.items():
            (results / name).parent.mkdir(parents=True, exist_ok=True)
            (results / name).write_text(text.replace("{time}", str(time)))
        (results / "submission").mkdir()
        with zipfile.ZipFile(results / "submission/test.zip", "w") as archive:
            archive.writestr(zipfile.ZipInfo("a.png", (2020 + time, 1, 1, 0, 0, 0)), "a")
        folders.append(results)
    monkeypatch.setattr("compare_results.run_side", lambda folder, *_, **__: folders[folder.name == "new"])
    return folders


def compare(capsys, *options: str) -> tuple[int, str]:
    return main(["old", "new", *options]), capsys.readouterr().out


def test_equal_results_are_equal_whenever_they_were_made(sides, capsys):
    code, output = compare(capsys)
    assert code == 0 and output.endswith("no result differs\n")
    assert all(kind in output for kind in KINDS)


@pytest.mark.parametrize("name", [name for name in RESULTS if not name.startswith("figures")])
def test_a_changed_file_fails_and_is_named(sides, capsys, name):
    path = sides[1] / name
    path.write_text(path.read_text().replace("0.5", "0.25") if name.endswith("history.csv") else "changed")
    code, output = compare(capsys)
    assert code == 1 and f"1 differ: {name}\n" in output


@pytest.mark.parametrize("side", [0, 1])
def test_a_missing_file_fails(sides, capsys, side):
    (sides[side] / "scales/m1/seed0.csv").unlink()
    code, output = compare(capsys)
    assert code == 1 and f"scales/m1/seed0.csv (not in {('old', 'new')[side]})" in output


def test_a_kind_that_neither_side_has_fails(sides, capsys):
    for results in sides:
        (results / "scales/m1/seed0.csv").unlink()
    code, output = compare(capsys)
    assert code == 1 and output.endswith("results differ: scales\n")


def test_another_member_of_the_submission_fails(sides, capsys):
    with zipfile.ZipFile(sides[1] / "submission/test.zip", "a") as archive:
        archive.writestr("b.png", "b")
    assert compare(capsys)[0] == 1


def test_figures_fail_only_where_they_are_asked_for(sides, capsys):
    (sides[1] / "figures/mixing.png").write_text("changed")
    code, output = compare(capsys)
    assert code == 0 and "figures/mixing.png" in output
    assert compare(capsys, "--figures")[0] == 1
