"""What state a training is in, by events, commands and a clock that the test turns."""

from __future__ import annotations

import pytest

from shapelab.core.runs.events import (
    Finished,
    Paused,
    Prepared,
    Resumed,
    Saved,
    Started,
    StepDone,
    Validated,
    Warned,
)
from shapelab.core.runs.run_state import RunState
from shapelab.core.runs.run_watch import STALL_FLOOR_S, RunWatch

S = RunState


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def states(watch, *events):
    told = []
    for event in events:
        watch.add(event)
        told.append(watch.state)
    return told


def test_states_follow_the_events(clock):
    watch = RunWatch(clock)
    assert watch.state is S.STARTING
    assert states(
        watch,
        Started(0, 10, "cpu", 1),
        StepDone(1, {}),
        Paused(1),
        Resumed(1),
        Prepared(1, 3, 9),
        StepDone(2, {}),
        Saved(2, "checkpoints/step-000000002"),
        Finished(2, RunState.STOPPED),
    ) == [S.TRAINING] * 2 + [S.PAUSED, S.TRAINING, S.PREPARING, S.TRAINING, S.TRAINING, S.STOPPED]
    assert (watch.step, watch.saved) == (2, 2)


def test_a_stop_that_was_asked_for_stays_until_the_end(clock):
    watch = RunWatch(clock)
    watch.add(Started(0, 10, "cpu", 1))
    watch.note_command("stop")
    assert states(watch, StepDone(1, {}), Saved(1, "x"), Finished(1, RunState.STOPPED)) == [
        S.STOPPING,
        S.STOPPING,
        S.STOPPED,
    ]


@pytest.mark.parametrize("answer", [Saved(5, "x"), Warned(5, "disk", "full")])
def test_a_save_lasts_until_it_is_answered_and_leads_back(clock, answer):
    watch = RunWatch(clock)
    watch.add(Started(0, 10, "cpu", 1))
    watch.note_command("save")
    assert states(watch, StepDone(5, {}), answer) == [S.SAVING, S.TRAINING]
    watch.add(Paused(5))
    watch.note_command("save")
    assert states(watch, answer, Resumed(5)) == [S.PAUSED, S.TRAINING]


def test_a_full_disk_is_a_state_that_lasts_until_a_save_and_is_no_stall(clock):
    watch = RunWatch(clock)
    full = Warned(5, "waiting", "Step 5 could not be saved.")
    assert states(watch, Started(0, 10, "cpu", 1), StepDone(5, {}), full) == [
        S.TRAINING,
        S.TRAINING,
        S.WAITING,
    ]
    assert watch.waits_for == full.message
    clock.now += 100 * STALL_FLOOR_S
    assert watch.check_stall() is None
    assert states(watch, Saved(5, "x")) == [S.TRAINING]
    watch.add(Paused(5))
    assert states(watch, full, Saved(5, "x")) == [S.WAITING, S.PAUSED]
    watch.add(full)
    watch.note_command("stop")
    assert watch.state is S.STOPPING


def test_a_new_process_starts_anew_after_an_old_end(clock):
    watch = RunWatch(clock)
    states(
        watch, Started(0, 4, "cpu", 1), Paused(2), Saved(3, "x"), Finished(4, RunState.COMPLETED)
    )
    assert watch.state.ended
    watch.begin()
    assert watch.state is S.STARTING
    assert watch.saved == 3
    assert states(watch, Warned(4, "data", "another store")) == [S.TRAINING]


def figures(watch, clock, count, seconds):
    for step in range(count):
        clock.now += seconds
        watch.add(StepDone(step, {}, time=clock.now))


def test_a_stall_is_ten_times_the_usual_silence_and_told_once(clock):
    watch = RunWatch(clock)
    figures(watch, clock, 9, 20.0)
    assert watch.pace == 20.0
    clock.now += 199.0
    assert watch.check_stall() is None
    clock.now += 1.0
    trouble = watch.check_stall()
    assert "for 200 s" in trouble.sentence
    assert "every 20 s" in trouble.sentence
    assert watch.state is S.STALLED
    clock.now += 500.0
    assert watch.check_stall() is None
    assert states(watch, StepDone(10, {})) == [S.TRAINING]


@pytest.mark.parametrize("jump", [-3600.0, 86_400.0])
def test_a_clock_that_jumps_makes_no_stall_and_hides_none(clock, jump):
    watch = RunWatch(clock)
    figures(watch, clock, 9, 20.0)
    watch.add(StepDone(10, {}, time=clock.now + jump))  # the wall clock alone
    for step in range(11, 14):
        clock.now += 20.0
        watch.add(StepDone(step, {}, time=clock.now + jump))
        assert watch.check_stall() is None
    assert watch.pace == pytest.approx(20.0)
    clock.now += 200.0
    assert watch.check_stall() is not None


def test_quick_steps_may_rest_for_the_floor(clock):
    watch = RunWatch(clock)
    figures(watch, clock, 9, 0.125)
    clock.now += STALL_FLOOR_S - 0.125
    assert watch.check_stall() is None
    clock.now += 0.125
    assert watch.check_stall() is not None


def test_what_lies_between_two_steps_does_not_count_as_the_usual_pace(clock):
    watch = RunWatch(clock)
    figures(watch, clock, 3, 1.0)
    for _ in range(5):
        clock.now += 50.0
        watch.add(Validated(3, {"iou": 0.5}, time=clock.now))
        figures(watch, clock, 2, 1.0)
    assert watch.pace == 1.0


def test_a_paused_and_an_ended_run_do_not_stall(clock):
    watch = RunWatch(clock)
    watch.add(Paused(3))
    clock.now += 1e6
    assert watch.check_stall() is None
    watch.add(Finished(3, RunState.STOPPED))
    clock.now += 1e6
    assert watch.check_stall() is None
    assert watch.state is S.STOPPED


def test_a_run_that_is_asked_to_stop_and_hangs_is_told_of(clock):
    watch = RunWatch(clock)
    watch.add(Started(0, 10, "cpu", 1))
    watch.note_command("stop")
    clock.now += STALL_FLOOR_S
    assert "resume from step 0" in watch.check_stall().sentence
    assert watch.check_stall() is None
    assert watch.state is S.STOPPING
