"""Batches made one step ahead are those of their step, and an error is raised where its batch is asked for."""

import threading

import pytest

from tailcutmix.mixing.prefetch import Ahead


def test_each_call_gives_the_batch_of_its_step_in_any_order():
    ahead = Ahead(lambda step: step**2)
    assert [ahead(step) for step in (0, 1, 2, 7, 8, 3, 3)] == [0, 1, 4, 49, 64, 9, 9]


def test_the_next_batch_is_made_without_being_asked_for():
    made = {step: threading.Event() for step in range(3)}
    ahead = Ahead(lambda step: made[step].set())
    ahead(0)
    assert made[1].wait(10)
    assert not made[2].is_set()


def test_an_error_belongs_to_its_step():
    def make(step):
        if step == 1:
            raise OSError("disk")
        return step

    ahead = Ahead(make)
    assert ahead(0) == 0
    with pytest.raises(OSError, match="disk"):
        ahead(1)
    assert ahead(2) == 2
