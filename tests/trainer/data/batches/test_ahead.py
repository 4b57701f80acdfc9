"""Batches made ahead are those that were asked for, whoever made them."""

from __future__ import annotations

import threading

import pytest

from shapelab.core.errors import DataError
from trainer.data.batches.ahead import Ahead


@pytest.fixture
def ahead():
    made = Ahead()
    yield made
    made.close()


def noted():
    calls = []

    def make(step, attempt=0):
        calls.append((step, attempt, threading.current_thread() is threading.main_thread()))
        if step == 9:
            raise DataError("damaged")
        return step, attempt

    return make, calls


def test_the_next_batch_is_made_once_and_in_a_thread(ahead):
    make, calls = noted()
    for step in range(3):
        assert ahead.take((make, (step,)), (make, (step + 1,))) == (step, 0)
    assert ahead.take((make, (3,)), None) == (3, 0)
    assert calls == [(0, 0, True), (1, 0, False), (2, 0, False), (3, 0, False)]


def test_another_one_than_was_foreseen_is_made_anew(ahead):
    make, calls = noted()
    ahead.take((make, (0,)), (make, (1,)))
    assert ahead.take((make, (1, 7)), None) == (1, 7)  # the run went back: other noise
    assert calls[-1] == (1, 7, True)
    assert ahead.take((make, (1,)), None) == (1, 0)  # what was foreseen once is not kept


def test_what_making_raises_is_raised_where_it_is_taken(ahead):
    make, _ = noted()
    assert ahead.take((make, (8,)), (make, (9,))) == (8, 0)
    with pytest.raises(DataError, match="damaged"):
        ahead.take((make, (9,)), None)
    assert ahead.take((make, (10,)), None) == (10, 0)


def test_closing_leaves_no_thread():
    before = threading.active_count()
    ahead, (make, _) = Ahead(), noted()
    ahead.take((make, (0,)), (make, (1,)))
    assert threading.active_count() == before + 1
    ahead.close()
    assert threading.active_count() == before
