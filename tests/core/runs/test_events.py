"""Events as lines and back, and the reader of a file that grows."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from shapelab.core.runs.events import (
    EVENT_TYPES,
    Adjusted,
    Event,
    EventReader,
    Failed,
    Finished,
    Paused,
    Prepared,
    Previewed,
    Resumed,
    Saved,
    Scored,
    Started,
    StepDone,
    Validated,
    Warned,
    from_line,
    to_line,
)
from shapelab.core.runs.run_state import RunState

EVENTS: list[Event] = [
    Started(0, 100, "cpu", 1),
    StepDone(20, {"critic": -3.5, "kl": 1e-12}),
    Validated(20, {"iou": 0.7}),
    Prepared(20, 40, 8000),
    Previewed(20, "previews/step-000000020.png"),
    Scored(0, "midpoints", 32, 640),
    Saved(20, "checkpoints/step-000000020", best=True),
    Warned(21, "skipped", 'Step 21 was skipped: a "quoted" reason,\nin two lines – and 😀.'),
    Adjusted(21, "delta 100 → 300"),
    Paused(22),
    Resumed(22),
    Finished(100, RunState.COMPLETED),
    Failed(0, "There is no store in “chairs”."),
]


def append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def test_there_is_an_example_of_every_type() -> None:
    assert {type(event) for event in EVENTS} == set(EVENT_TYPES.values())


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_goes_to_one_line_and_back(event: Event) -> None:
    line = to_line(event)
    assert "\n" not in line
    back = from_line(line)
    assert back == event
    assert type(back) is type(event)
    assert back.time == event.time  # which equality leaves out


def test_numbers_that_are_not_finite_are_null_in_the_line_and_nan_again() -> None:
    line = to_line(StepDone(1, {"a": math.nan, "b": math.inf, "c": -math.inf, "d": 2.0}))
    assert json.loads(line)["metrics"] == {"a": None, "b": None, "c": None, "d": 2.0}
    back = from_line(line)
    assert isinstance(back, StepDone)
    assert all(math.isnan(back.metrics[name]) for name in "abc")
    assert back.metrics["d"] == 2.0


@pytest.mark.parametrize(
    "line",
    [
        "",
        "half a li",
        "[1, 2]",
        '"step"',
        "{}",
        '{"event": "exploded", "step": 1}',
        '{"event": ["step"], "step": 1}',
        '{"event": "paused"}',
        '{"event": "paused", "step": 1, "colour": "red"}',
        '{"event": "finished", "step": 1}',
        '{"event": "finished", "step": 1, "reason": "tired"}',
        '{"event": "step", "step": 1, "metrics": {"a": "much"}}',
        '{"event": "step", "step": 1, "metrics": {"a": [1]}}',
        f'{{"event": "step", "step": 1, "metrics": {{"a": 1{"0" * 400}}}}}',
        '{"event": "step", "step": 1, "metrics": [1]}',
        '{"event": "step", "step": 1, "metrics": null}',
        '{"event": "paused", "step": "one"}',
        '{"event": "paused", "step": 1, "time": null}',
        '{"event": "saved", "step": 1, "path": 2}',
    ],
)
def test_a_line_that_is_no_event_is_a_value_error(line: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_line(line)


def test_reader_gives_each_event_once_as_the_file_grows(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    reader = EventReader(path)
    assert reader.read() == []  # not there yet
    append(path, to_line(EVENTS[0]) + "\n")
    assert reader.read() == EVENTS[:1]
    assert reader.read() == []
    append(path, "".join(to_line(event) + "\n" for event in EVENTS[1:]))
    assert reader.read() == EVENTS[1:]


def test_a_half_written_line_waits_until_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    reader = EventReader(path)
    line = to_line(EVENTS[5])
    append(path, to_line(EVENTS[0]) + "\n" + line[:25])
    assert reader.read() == EVENTS[:1]
    append(path, line[25:])
    assert reader.read() == []
    append(path, "\n")
    assert reader.read() == [EVENTS[5]]


def test_damaged_lines_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    append(path, f'{to_line(EVENTS[0])}\n{{"event": "ste\n\n{to_line(EVENTS[1])}\n')
    with path.open("ab") as file:
        file.write(b"\xff\xfe\x00\n" + to_line(EVENTS[2]).encode() + b"\n")
    assert EventReader(path).read() == EVENTS[:3]


def test_a_folder_in_the_files_place_is_no_history(tmp_path: Path) -> None:
    assert EventReader(tmp_path).read() == []
