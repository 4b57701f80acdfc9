"""The history: a tree that loses nothing, a line that undo and redo follow, and its plain form."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from shapelab.core.errors import InputError
from shapelab.core.session.command import Command
from shapelab.core.session.history import MAX_TEXT, History


def change(text: str) -> Command:
    return Command(text, "go_to")


def push(history: History[int], value: int, control: object = None) -> int:
    return history.push(value, change(str(value)), control).number


def encode(value: int, before: int | None) -> int:
    return value if before is None else value - before


def decode(plain: Any, before: int | None) -> int:
    if not isinstance(plain, int):
        raise InputError("odd")
    return plain if before is None else plain + before


def tree() -> History[int]:
    r"""0 - 1 - 2 - 3, and 4 after 1, 5 and 6 after 4; at 4, whence redo leads to 6.

    A step has the number of its value.
    """
    history = History(0, clock=iter(range(100)).__next__)
    for value in (1, 2, 3):
        push(history, value)
    history.go(1)
    push(history, 4)
    push(history, 5)
    history.undo()
    push(history, 6)
    history.undo()
    return history


def told(history: History[int]) -> list[tuple[Any, ...]]:
    return [
        (s.number, s.parent, s.value, s.command, s.made, s.name, s.starred) for s in history
    ] + [(history.step.number, history.newest, history.behind(), history.ahead())]


def test_a_change_after_undo_is_a_branch_and_nothing_is_lost() -> None:
    history = tree()
    assert [step.value for step in history] == list(range(7))
    assert [step.parent for step in history] == [None, 0, 1, 2, 1, 4, 4]
    assert (history.children(1), history.children(4), history.children(6)) == ((2, 4), (5, 6), ())
    assert (history.behind(), history.ahead()) == ([0, 1, 4], [6])
    assert (history.undo_text, history.redo_text) == ("4", "6")
    assert len(history) == 7


def test_undo_and_redo_follow_the_line_that_was_visited_last() -> None:
    history = tree()
    assert history.go(3)
    assert not history.go(3)
    assert history.behind() == [0, 1, 2, 3]
    for value in (2, 1, 0):
        assert history.undo()
        assert history.current == value
    assert not history.undo()
    assert history.ahead() == [1, 2, 3]
    for value in (1, 2, 3):
        assert history.redo()
        assert history.current == value
    assert not history.redo()
    history.go(4)  # where redo leads from a step is the step's own
    assert history.redo()
    assert history.current == 6
    history.go(0)
    assert history.ahead() == [1, 4, 6]
    with pytest.raises(KeyError):
        history.go(7)


def test_without_a_control_changes_never_join() -> None:
    history = History(0)
    push(history, 1)
    push(history, 2)
    assert history.undo()
    assert history.current == 1
    assert (history.undo_text, history.redo_text) == ("1", "2")


def test_a_drag_is_one_step_and_one_that_leads_nowhere_brings_back_what_redo_was() -> None:
    history = History(0)
    push(history, 1)
    history.undo()
    for value in (5, 6, 0):
        assert push(history, value, "slider") == 2
    assert history.redo_text == ""
    assert history.close() == 2
    assert history.close() is None
    assert (history.current, history.redo_text, len(history)) == (0, "1", 2)
    assert push(history, 7, "slider") == 3, "a number is never given twice"
    push(history, 8, "slider")
    history.close()
    push(history, 9, "slider")
    assert [step.value for step in history] == [0, 1, 8, 9]


def test_a_drag_that_leads_nowhere_stays_where_it_was_starred_meanwhile() -> None:
    history = History(0)
    number = push(history, 0, "slider")
    history.annotate(number, starred=True)
    assert history.close() is None
    assert number in history


def test_to_forget_redo_ends_the_line_and_keeps_the_branch() -> None:
    history = tree()
    history.forget_redo()
    assert history.redo_text == ""
    assert 6 in history
    assert history.children(4) == (5, 6)


def test_names_and_stars_stay_with_their_step() -> None:
    history = tree()
    history.annotate(5, name="  the\n good one ")
    history.annotate(5, starred=True)
    assert (history[5].name, history[5].starred, history[5].value) == ("the good one", True, 5)
    history.annotate(5, name="")
    assert (history[5].name, history[5].starred) == ("", True)
    with pytest.raises(InputError, match="at most"):
        history.annotate(5, name="x" * (MAX_TEXT + 1))
    with pytest.raises(KeyError):
        history.annotate(99, starred=True)


def test_map_changes_the_values_alone() -> None:
    history = tree()
    history.annotate(2, name="kept")
    history.map(lambda value: 10 * value)
    assert [step.value for step in history] == [10 * value for value in range(7)]
    assert (history.behind(), history[2].name, history.current) == ([0, 1, 4], "kept", 40)


def test_plain_and_back_is_the_identity() -> None:
    history = tree()
    history.annotate(2, name="N\u00e4me", starred=True)
    plain = json.loads(json.dumps(history.to_plain(encode)))
    assert plain["steps"][3]["value"] == 1, "only what differs from the step before"
    again = History.from_plain(plain, decode)
    assert told(again) == told(history)
    assert again.to_plain(encode) == plain
    assert plain["steps"][4] == history.step_to_plain(4, encode)
    for each in (history, again):  # and it goes on in the same way
        each.redo()
        assert push(each, 7) == 7
        each.go(2)
    assert told(again)[-1] == told(history)[-1]


def test_a_number_that_was_dropped_is_not_given_again_after_reading() -> None:
    history = History(0)
    push(history, 0, "slider")
    history.close()
    again = History.from_plain(history.to_plain(encode), decode)
    assert push(again, 1) == 2


def test_this_layout_must_be_written_and_read_for_ever() -> None:
    golden = (
        '{"format": "shapelab-history", "version": 1, "current": 1, "newest": 2, "steps": '
        '[{"number": 0, "parent": null, "redo": 1, "command": ["", "start"], "made": 0, '
        '"value": 3}, '
        '{"number": 1, "parent": 0, "redo": null, "command": ["seed 7", "set_seed", 7], '
        '"made": 1, "value": 1, "name": "mine", "starred": true}, '
        '{"number": 2, "parent": 0, "redo": null, "command": ["pin A", "pin_a"], "made": 2, '
        '"value": 2}]}'
    )
    history = History(3, clock=iter(range(9)).__next__)
    history.push(4, Command("seed 7", "set_seed", (7,)))
    history.undo()
    history.push(5, Command("pin A", "pin_a"))
    history.go(1)
    history.annotate(1, "mine", True)
    assert json.dumps(history.to_plain(encode)) == golden
    assert told(History.from_plain(json.loads(golden), decode)) == told(history)


def at(place: int, **changes: Any) -> Callable[[dict[str, Any]], object]:
    return lambda plain: plain["steps"][place].update(changes)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda plain: plain.update(format="other"), "it is none"),
        (lambda plain: plain.update(version="1"), "no version"),
        (lambda plain: plain.update(version=2), "newer ShapeLab"),
        (lambda plain: plain.update(steps=[]), "no steps"),
        (lambda plain: plain.update(steps={}), "no steps"),
        (lambda plain: plain.update(current=99), "current step"),
        (lambda plain: plain.update(current=[]), "current step"),
        (lambda plain: plain.update(newest=3), "newest step"),
        (lambda plain: plain["steps"].reverse(), "follows"),
        (lambda plain: plain["steps"].append(None), "no number"),
        (lambda plain: plain["steps"].append(plain["steps"][1]), "out of order"),
        (lambda plain: plain["steps"].pop(1), "follows one that is missing"),
        (at(0, redo=None), "current line"),
        (at(1, parent=None), "begins twice"),
        (at(1, parent=True), "follows one that is missing"),
        (at(1, redo=5), "leads nowhere"),
        (at(1, redo=True), "leads nowhere"),
        (at(2, number=2.0), "no number"),
        (at(2, made="now"), "no time"),
        (at(2, made=float("nan")), "impossible time"),
        (at(2, made=-1), "impossible time"),
        (at(2, name=7), "a text"),
        (at(2, name="x" * 1000), "a text"),
        (at(2, starred="yes"), "star"),
        (at(2, value="x"), "odd"),
        (at(2, command="go_to"), "command"),
        (at(2, command=["x", "quit"]), "no command"),
        (at(2, command=["x", {}]), "no command"),
        (at(2, command=["x", "set_seed"]), "no command"),
        (at(2, command=["x", "set_seed", True]), "argument 1 of set_seed"),
        (at(2, command=["x", "set_coefficient", 1, float("inf")]), "argument 2"),
        (at(2, command=["x", "set_class", None]), "argument 1"),
    ],
)
def test_odd_histories_get_one_sentence(
    spoil: Callable[[dict[str, Any]], object], said: str
) -> None:
    plain = copy.deepcopy(tree().to_plain(encode))
    spoil(plain)
    with pytest.raises(InputError, match=said) as caught:
        History.from_plain(plain, decode)
    if said != "odd":
        assert str(caught.value).endswith(".")


@pytest.mark.parametrize("data", [None, [], "x", 3, {}])
def test_what_is_no_history_is_refused(data: Any) -> None:
    with pytest.raises(InputError, match="it is none"):
        History.from_plain(data, decode)


def test_words_of_a_file_are_shown_on_one_line_without_hidden_letters() -> None:
    plain = tree().to_plain(encode)
    plain["steps"][1]["name"] = "two\nlines \u202e turned"
    assert History.from_plain(plain, decode)[1].name == "two lines \N{REPLACEMENT CHARACTER} turned"
