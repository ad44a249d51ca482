"""What a person sees of long work: log lines, or a bar on a terminal."""

import logging

import pytest

from tailcutmix.progress import Progress


def lines(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records]


@pytest.fixture(autouse=True)
def info(caplog):
    caplog.set_level(logging.INFO)


def test_log_lines_come_after_the_time_asked_for_and_at_the_end(caplog):
    assert list(Progress("pack val", 4).over("abcd")) == ["a", "b", "c", "d"]
    (last,) = lines(caplog)
    assert last.startswith("pack val: image 4 of 4, ") and last.endswith("images/s, in 0:00:00")
    caplog.clear()
    list(Progress("pack val", 4, every=0).over("abcd"))
    assert [line.partition(",")[0] for line in lines(caplog)] == [
        f"pack val: image {done} of 4" for done in (1, 2, 3, 4)
    ]
    assert all("left" in line for line in lines(caplog)[:3])


def test_work_that_goes_on_shows_speed_and_time_of_what_is_new(caplog, monkeypatch):
    clock = iter([100.0, 110.0, 120.0])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    progress = Progress("", 60, unit="step", images=8, done=30, every=0)
    progress.show(40, "loss 0.5")
    progress.show(50, "loss 0.4")
    assert lines(caplog) == [
        "step 40 of 60, loss 0.5, 8.0 images/s, 0:00:20 left",
        "step 50 of 60, loss 0.4, 8.0 images/s, 0:00:10 left",
    ]


def test_a_terminal_gets_a_bar_and_one_line(caplog, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with pytest.raises(ValueError), Progress("predict val", 3, every=0) as progress:
        progress.add(1)
        raise ValueError
    assert "predict val" in capsys.readouterr().err and lines(caplog) == []
    list(Progress("predict val", 3, every=0).over("abc"))
    assert "3/3" in capsys.readouterr().err and len(lines(caplog)) == 1


def test_other_processes_show_nothing(caplog, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    list(Progress("train", 3, every=0, shown=False).over("abc"))
    assert lines(caplog) == [] and capsys.readouterr().err == ""
