"""Runs side by side: what differs, the best scores, and where values lie on an axis."""

from __future__ import annotations

import pytest

from shapelab.core.runs.advice.comparison import Axis, Comparison, axis_of, compare
from shapelab.core.runs.events import StepDone, Validated, to_line
from shapelab.core.runs.overrides import load
from shapelab.core.runs.run_folder import RunFolder


def make(folder, *settings, scores=()):
    run = RunFolder(folder)
    run.create(load("small", ("a",), 32, settings), folder.parent / "store")
    events = [Validated(step, metrics) for step, metrics in scores]
    events += [StepDone(90, {"kl": 1.0})]
    run.events.write_text("".join(to_line(event) + "\n" for event in events))
    return folder


def test_only_what_differs_is_compared_and_the_best_scores_count(tmp_path):
    falling = [(10, {"iou": 0.5}), (20, {"iou": 0.4})]
    runs = [
        make(tmp_path / "a", "delta=100", "threads=1", scores=falling),
        make(tmp_path / "b", "delta=300", "model.latent_size=64", "betas=[0.7, 0.99]"),
        make(tmp_path / "c", "delta=300", scores=[(10, {"iou": 0.6, "picture_iou": 0.3})]),
    ]
    found = compare([*runs, tmp_path / "gone"])
    assert found.settings == ("delta", "betas", "model.latent_size")
    column = found.settings.index
    assert [run.values[column("delta")] for run in found.runs] == [100, 300, 300]
    assert found.runs[1].values[column("betas")] == "0.7, 0.99"
    assert found.scores == ("iou", "picture_iou")
    assert [run.scores for run in found.runs] == [(0.5, None), (None, None), (0.6, 0.3)]
    assert [run.step for run in found.runs] == [90, 90, 90]


def test_runs_that_are_alike_or_none_have_nothing_to_compare(tmp_path):
    runs = [make(tmp_path / name) for name in "ab"]
    assert compare(runs).settings == ()
    assert compare([]) == Comparison((), (), ())


@pytest.mark.parametrize(
    ("values", "places", "labels"),
    [
        ([1, 3, 5], [0, 0.5, 1], ["1", "3", "5"]),
        ([1, 10, 100], [0, 0.5, 1], ["1", "10", "100"]),  # by the logarithm
        ([0.0, 10, 100], [0, 0.1, 1], ["0", "10", "100"]),
        ([5, None, 5], [0, None, 0], ["5"]),
        (["r3", "wasserstein", "r3"], [0, 1, 0], ["r3", "wasserstein"]),
        ([True, False], [1, 0], ["False", "True"]),
        ([None], [None], []),
    ],
)
def test_values_lie_where_they_belong(values, places, labels):
    found = axis_of(values)
    assert found.places == pytest.approx(places)
    assert [text for _, text in found.labels] == labels


def test_an_axis_of_many_numbers_names_its_ends_alone():
    found = axis_of([k / 10 for k in range(1, 13)])
    assert isinstance(found, Axis)
    assert found.labels == ((0.0, "0.1"), (1.0, "1.2"))
