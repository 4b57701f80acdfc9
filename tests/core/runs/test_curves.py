import math

import numpy as np
import pytest

from shapelab.core.runs.curves import Curve, MovingAverage, RunCurves
from shapelab.core.runs.events import (
    Paused,
    Prepared,
    Resumed,
    Saved,
    Started,
    StepDone,
    Validated,
    Warned,
)


def step(number, time, **metrics):
    return StepDone(number, metrics, time=time)


KILLED = [
    Started(0, 100, "cpu", 1, time=1000.0),
    step(10, 1010.0, kl=5.0, critic=1.0),
    Saved(10, "checkpoints/step-10", time=1010.0),
    step(20, 1020.0, kl=4.0, critic=math.nan),
    Validated(20, {"iou": 0.5, "picture_iou": 0.2}, time=1022.0),
    Saved(20, "checkpoints/step-20", time=1023.0),
    Warned(25, "skipped", "Step 26 was skipped.", time=1025.0),
    step(30, 1030.0, kl=3.0),
    Saved(30, "checkpoints/step-30", time=1031.0),
    # Killed, and resumed next day from the checkpoint before the last.
    Started(20, 100, "cpu", 1, time=90_000.0),
    step(30, 90_010.0, kl=2.0),
    Validated(40, {"iou": 0.6, "picture_iou": 0.1}, time=90_020.0),
]


def curves_of(events):
    run = RunCurves()
    run.append(events)
    return run


def test_steps_that_were_taken_back_are_left_out():
    run = curves_of(
        [
            StepDone(20, {"a": 1.0, "b": 5.0}),
            StepDone(40, {"a": 9.0, "late": 1.0}),
            Started(20, 100, "cpu", 1),
            StepDone(30, {"a": 2.0}),
            Validated(30, {"iou": 0.5}),
        ]
    )
    found = {
        name: (curve.steps.tolist(), curve.values.tolist()) for name, curve in run.curves.items()
    }
    assert found == {
        "a": ([20, 30], [1.0, 2.0]),
        "b": ([20], [5.0]),
        "late": ([], []),
        "iou": ([30], [0.5]),
    }


def test_numbers_of_a_run_that_was_killed_and_resumed():
    run = curves_of(KILLED)
    assert run.curves["kl"].values.tolist() == [5.0, 4.0, 2.0]
    assert math.isnan(run.curves["critic"].values[-1])


MANY = [step(i, 2.0 * i, kl=1.0 / i, critic=float(i)) for i in range(1, 300)]
AGAIN = [step(300, 601.0, kl=2.0), step(300, 602.0, kl=3.0), step(301, 603.0, kl=4.0)]


@pytest.mark.parametrize("events", [KILLED, MANY, MANY + AGAIN, MANY + KILLED])
def test_events_may_come_one_by_one(events):
    whole, parts = curves_of(events[:100]), RunCurves()
    whole.append(events[100:])
    for event in events:
        parts.append([event])
    for name, curve in whole.curves.items():
        np.testing.assert_array_equal(parts.curves[name].steps, curve.steps)
        np.testing.assert_array_equal(parts.curves[name].seconds, curve.seconds)
        np.testing.assert_array_equal(parts.curves[name].values, curve.values)
    assert parts.step == whole.step == events[-1].step


def test_a_resumed_run_takes_back_checkpoints_but_keeps_warnings():
    run = curves_of(KILLED)
    assert run.checkpoints == [10, 20]
    assert [warning.step for warning in run.warnings] == [25]


def test_time_between_two_processes_and_in_a_pause_does_not_count():
    run = curves_of(KILLED)
    assert run.curves["kl"].seconds.tolist() == [10.0, 20.0, 41.0]
    run.append([Paused(40, time=90_020.0), Resumed(40, time=99_000.0), step(50, 99_005.0, kl=1.0)])
    assert run.curves["kl"].seconds[-1] == 56.0
    run.append([step(60, 50.0, kl=1.0)])  # the clock was set back
    assert run.curves["kl"].seconds[-1] == 56.0


def test_time_in_which_data_are_made_does_not_count():
    made = [Prepared(0, done, 2, time=100.0 + 20 * done) for done in range(3)]
    run = curves_of([*made, Started(0, 100, "cpu", 1, time=145.0), step(5, 148.0, kl=1.0)])
    assert run.curves["kl"].seconds.tolist() == [3.0]


def test_steps_and_seconds_translate_both_ways():
    run = curves_of(KILLED)
    assert run.seconds_at(15) == 16.0  # between 10 s and 22 s, when step 20 was scored
    assert run.step_at(16.0) == 15.0
    assert RunCurves().seconds_at(5) == 0.0


def test_the_best_validation_is_the_first_with_the_highest_score():
    run = curves_of(KILLED)
    assert run.best.step == 20  # 0.7 and 0.7
    run.append([Validated(50, {"iou": math.nan, "picture_iou": 0.9}, time=90_030.0)])
    assert run.best.step == 20
    run.append([Validated(60, {"iou": 0.8, "picture_iou": 0.3}, time=90_040.0)])
    assert run.best.step == 60
    assert RunCurves().best is None
    without_pictures = curves_of([Validated(n, {"iou": n / 100}) for n in (10, 30, 20)])
    assert without_pictures.best.step == 20  # step 30 was taken back


def test_a_curve_grows_past_its_first_room_and_counts_its_edits():
    curve = Curve()
    for number in range(1000):
        curve.add(number, 0.5 * number, number**2)
    assert curve.edits == 0
    assert curve.steps.tolist() == list(range(1000))
    assert curve.values[-1] == 999**2
    curve.add(999, 500.0, -1.0)
    assert (len(curve), curve.values[-1]) == (1000, -1.0)
    curve.drop_after(99)
    assert (len(curve), curve.values[-1]) == (100, 99**2)
    assert curve.edits == 2


@pytest.mark.parametrize("length", [0, 1, 63, 64, 65, 1000])
@pytest.mark.parametrize("factor", [0.0, 0.5, 0.99])
def test_moving_average_is_the_recursion_of_its_definition(length, factor):
    values = np.random.default_rng(0).normal(size=length)
    mean, expected = 0.0, []
    for k, value in enumerate(values):
        mean = factor * mean + (1 - factor) * value
        expected.append(mean / (1 - factor ** (k + 1)))
    average = MovingAverage(factor)
    np.testing.assert_allclose(average.extend(values), expected, atol=1e-12)
    average = MovingAverage(factor)
    parts = [average.extend(part) for part in np.array_split(values, [1, 10, 10, 70])]
    np.testing.assert_allclose(np.concatenate(parts), expected, atol=1e-12)
