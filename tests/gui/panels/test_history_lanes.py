"""Beside the rows of a history the current line is straight, and no two branches cross."""

from __future__ import annotations

import random

import pytest

from shapelab.core.session.command import Command
from shapelab.core.session.history import History
from shapelab.gui.panels.history_lanes import MOST_LANES, Lanes, Strand


def push(history: History[int]) -> None:
    history.push(0, Command("x", "go_to"))


def forked() -> History[int]:
    """0 - 1 - 2 - 3, then 4 - 5 after 1, then 6 after 0; at 6."""
    history = History(0)
    for _ in range(3):
        push(history)
    history.go(1)
    push(history)
    push(history)
    history.go(0)
    push(history)
    return history


def test_the_current_line_is_lane_0_and_branches_lie_beside_it() -> None:
    history = forked()
    lanes = Lanes.of(history)
    assert (lanes.numbers, lanes.line, lanes.end, lanes.ends) == (list(range(7)), {0, 6}, 6, 3)
    assert [lanes.lane(number) for number in lanes.numbers] == [0, 1, 2, 2, 1, 1, 0]
    assert lanes.count == 3
    assert lanes.passing(0) == [Strand(0, 1, 5, 1)]
    history.go(3)
    lanes = Lanes.of(history)
    assert lanes.line == {0, 1, 2, 3}
    assert [lanes.lane(number) for number in lanes.numbers] == [0, 0, 0, 0, 1, 1, 2]


def test_a_branch_follows_where_redo_would_lead() -> None:
    history = forked()  # the branch through 1 was left at 4 - 5
    lanes = Lanes.of(history)
    assert lanes.lane(1) == 1
    history.go(2)
    history.go(6)
    again = Lanes.of(history)
    assert [again.lane(number) for number in (1, 2, 3)] == [1, 1, 1]
    assert again.lane(4) == 2


def test_a_lane_is_used_again_after_a_branch_has_ended() -> None:
    history = History(0)
    for _ in range(5):
        push(history)
        history.undo()
        push(history)
    lanes = Lanes.of(history)
    assert lanes.count == 2


def test_a_step_at_the_end_needs_no_new_layout() -> None:
    history = forked()
    lanes = Lanes.of(history)
    push(history)
    lanes.append(history.step.number)
    assert lanes == Lanes.of(history)


@pytest.mark.parametrize("seed", range(5))
def test_strands_of_a_lane_never_overlap_and_hold_all_their_steps(seed: int) -> None:
    rng = random.Random(seed)
    history = History(0)
    for count in range(60):
        push(history)
        if rng.random() < 0.1:
            history.go(rng.randint(max(0, count - 10), count))
    lanes = Lanes.of(history)
    shown: dict[tuple[int, int], Strand] = {}
    for row, number in enumerate(lanes.numbers):
        for strand in lanes.passing(row):
            assert 0 < strand.lane < MOST_LANES
            if strand.lane < MOST_LANES - 1:
                assert shown.setdefault((strand.lane, row), strand) == strand
        if lanes.lane(number):
            assert any(s.lane == lanes.lane(number) for s in lanes.passing(row))
        else:
            assert number in lanes.line
