"""History: a tree of all that was shown, where undo and redo follow one line of it."""

from __future__ import annotations

import copy
import itertools
import math
import time
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeGuard, TypeVar

from shapelab.core.errors import InputError
from shapelab.core.session.command import MAX_TEXT, Command, damaged, plain_text

T = TypeVar("T")

FORMAT = "shapelab-history"
VERSION = 1
MOST_STEPS = 1_000_000  # that are read from a file
LATEST = 1e11  # seconds since 1970 that a file may claim: some three thousand years


@dataclass(frozen=True, slots=True, eq=False)
class Step(Generic[T]):
    """A value, the command that led to it, and what a person says of it."""

    number: int  # of its history, in the order of making; none is given twice
    parent: int | None  # number of the step before; None for the first
    value: T
    command: Command
    made: float  # seconds since 1970
    name: str = ""
    starred: bool = False

    @property
    def text(self) -> str:
        """Words for the change, for menus; empty for the first step."""
        return self.command.text


#: By number: a step, the one before and the one that redo leads to, and all that as plain data.
KnownSteps = dict[int, tuple[Step[T], Step[T] | None, int | None, dict[str, Any]]]


class History(Generic[T]):
    """Steps in a tree with one current step. Unlimited: a shape is a few kilobytes.

    A change after ``undo`` begins a branch; the steps that were taken back stay in theirs. Each
    step remembers where ``redo`` leads from it: to the child that was visited last. From the first
    step to the current one and on along ``redo`` runs the current line.
    """

    def __init__(
        self, first: T, command: Command | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._clock = clock
        begin = Step(0, None, first, command or Command("", "start"), clock())
        self._steps: dict[int, Step[T]] = {0: begin}
        self._children: dict[int, tuple[int, ...]] = {}
        self._redo: dict[int, int] = {}
        self._current = 0
        self._newest = 0
        self._open: Hashable | None = None
        self._redo_before: int | None = None  # where redo led from the parent of the open step

    # --- reading -----------------------------------------------------------------------------

    @property
    def current(self) -> T:
        """The value that is shown."""
        return self._steps[self._current].value

    @property
    def step(self) -> Step[T]:
        """The current step."""
        return self._steps[self._current]

    @property
    def newest(self) -> int:
        """The highest number that was given; each new step has a higher one."""
        return self._newest

    def __len__(self) -> int:
        return len(self._steps)

    def __iter__(self) -> Iterator[Step[T]]:
        """All steps, in the order of making."""
        return iter(self._steps.values())

    def __contains__(self, number: object) -> bool:
        return number in self._steps

    def __getitem__(self, number: int) -> Step[T]:
        """The step of a number. Raises KeyError if there is none."""
        return self._steps[number]

    def children(self, number: int) -> tuple[int, ...]:
        """Numbers of the steps that follow one, in the order of making."""
        return self._children.get(number, ())

    def behind(self) -> list[int]:
        """Numbers from the first step to the current one."""
        line, at = [], self._steps[self._current].number
        while True:
            line.append(at)
            parent = self._steps[at].parent
            if parent is None:
                return line[::-1]
            at = parent

    def ahead(self) -> list[int]:
        """Numbers of the steps that ``redo`` would go along, the next one first."""
        line, at = [], self._redo.get(self._current)
        while at is not None:
            line.append(at)
            at = self._redo.get(at)
        return line

    def redo_from(self, number: int) -> int | None:
        """Number of the step that ``redo`` leads to from one; None where the line ends."""
        return self._redo.get(number)

    @property
    def undo_text(self) -> str:
        """Words for the step that ``undo`` takes back; empty when there is none."""
        return self.step.text

    @property
    def redo_text(self) -> str:
        """Words for the step that ``redo`` repeats; empty when there is none."""
        following = self._redo.get(self._current)
        return "" if following is None else self._steps[following].text

    # --- changing ----------------------------------------------------------------------------

    def push(self, value: T, command: Command, control: Hashable | None = None) -> Step[T]:
        """Records a change; changes of the same control join into one step until ``close``."""
        if control is not None and control == self._open:
            joined = replace(self.step, value=value, command=command, made=self._clock())
            self._steps[self._current] = joined
            return joined
        self._newest += 1
        step = Step(self._newest, self._current, value, command, self._clock())
        self._steps[step.number] = step
        self._children[self._current] = (*self.children(self._current), step.number)
        self._redo_before = self._redo.get(self._current)
        self._redo[self._current] = step.number
        self._current = step.number
        self._open = control
        return step

    def close(self) -> int | None:
        """Ends a joined change; the number of its step if it led nowhere and was dropped."""
        was_open, self._open = self._open is not None, None
        step = self.step
        if not was_open or step.parent is None or self._steps[step.parent].value != step.value:
            return None
        if step.name or step.starred:  # somebody wants to keep it
            return None
        del self._steps[step.number]
        siblings = [each for each in self.children(step.parent) if each != step.number]
        self._children[step.parent] = tuple(siblings)
        self._current = step.parent
        self._lead(step.parent, self._redo_before)
        return step.number

    def undo(self) -> bool:
        """Goes one step back, if there is one."""
        self.close()
        parent = self.step.parent
        if parent is None:
            return False
        self._current = parent
        return True

    def redo(self) -> bool:
        """Goes one step forward on the current line, if there is one."""
        self._open = None
        following = self._redo.get(self._current)
        if following is None:
            return False
        self._current = following
        return True

    def go(self, number: int) -> bool:
        """Makes any step the current one, and the way to it the current line.

        Returns:
            Whether it was another one.

        Raises:
            KeyError: there is no such step.
        """
        self.close()
        if number not in self._steps:
            raise KeyError(number)
        moved, self._current = number != self._current, number
        line = self.behind()
        for before, after in itertools.pairwise(line):
            self._redo[before] = after
        return moved

    def forget_redo(self) -> None:
        """Ends the current line here; what ``redo`` would repeat stays as a branch."""
        self._redo.pop(self._current, None)

    def annotate(
        self, number: int, name: str | None = None, starred: bool | None = None
    ) -> Step[T]:
        """Names or stars a step; None leaves it as it is.

        Raises:
            InputError: the name is too long.
            KeyError: there is no such step.
        """
        step = self._steps[number]
        name = step.name if name is None else " ".join(name.split())
        if len(name) > MAX_TEXT:
            raise InputError(f"A name has at most {MAX_TEXT} letters.")
        starred = step.starred if starred is None else starred
        self._steps[number] = replace(step, name=name, starred=starred)
        return self._steps[number]

    def map(self, change: Callable[[T], T]) -> None:
        """Changes every value in place; the tree, its words and the current step stay."""
        for number, step in self._steps.items():
            self._steps[number] = replace(step, value=change(step.value))

    def _lead(self, number: int, following: int | None) -> None:
        if following is None:
            self._redo.pop(number, None)
        else:
            self._redo[number] = following

    # --- plain data --------------------------------------------------------------------------

    def copy(self) -> History[T]:
        """The same steps, for a thread to read while this one goes on; takes a moment."""
        other = copy.copy(self)
        other._steps, other._redo = dict(self._steps), dict(self._redo)
        other._children = dict(self._children)
        return other

    def same_steps(self, other: History[T]) -> bool:
        """Whether another one is a copy of this one, or this one's, in which nothing changed."""
        return self._current == other._current and self._steps == other._steps  # by identity

    def to_plain(
        self, encode: Callable[[T, T | None], Any], known: KnownSteps[T] | None = None
    ) -> dict[str, Any]:
        """Everything as plain data for JSON.

        Args:
            encode: makes plain data of a value; it is also given the value of the step before,
                None for the first, so that it may write down only what differs.
            known: what the last call left there; a step that has not changed since is the same
                object again.
        """
        known = {} if known is None else known
        for number in known.keys() - self._steps.keys():
            del known[number]
        return {
            "format": FORMAT,
            "version": VERSION,
            "current": self._current,
            "newest": self._newest,
            "steps": [self._step_once(number, encode, known) for number in self._steps],
        }

    def _step_once(
        self, number: int, encode: Callable[[T, T | None], Any], known: KnownSteps[T]
    ) -> dict[str, Any]:
        step, redo = self._steps[number], self._redo.get(number)
        parent = None if step.parent is None else self._steps[step.parent]
        last = known.get(number)
        if last is None or last[0] is not step or last[1] is not parent or last[2] != redo:
            last = step, parent, redo, self.step_to_plain(number, encode)
            known[number] = last
        return last[3]

    def step_to_plain(self, number: int, encode: Callable[[T, T | None], Any]) -> dict[str, Any]:
        """One step as ``to_plain`` writes it, for a journal. Raises KeyError if there is none."""
        step = self._steps[number]
        before = None if step.parent is None else self._steps[step.parent].value
        plain: dict[str, Any] = {
            "number": number,
            "parent": step.parent,
            "redo": self._redo.get(number),
            "command": step.command.to_plain(),
            "made": round(step.made, 3),
            "value": encode(step.value, before),
        }
        if step.name:
            plain["name"] = step.name
        if step.starred:
            plain["starred"] = True
        return plain

    @classmethod
    def from_plain(cls, data: Any, decode: Callable[[Any, T | None], T]) -> History[T]:
        """The inverse of ``to_plain``: the same tree, numbers, words, names, stars and place.

        Args:
            data: what ``to_plain`` gave, after JSON; from anywhere, so nothing in it is believed.
            decode: the inverse of ``encode``; raises InputError for what is odd.

        Raises:
            InputError: something is missing or odd, or a newer ShapeLab wrote it.
        """
        _check_head(data)
        plain = data.get("steps")
        if not isinstance(plain, list) or not 0 < len(plain) <= MOST_STEPS:
            raise damaged("it has no steps")
        first = plain[0] if isinstance(plain[0], dict) else {}
        if first.get("parent") is not None:
            raise damaged("its first step follows another one")
        history: History[T] | None = None
        for entry in plain:
            step = cls._read_step(entry, history, decode)
            if history is None:
                history = cls(step.value)
                history._steps = {}
                history._newest = -1
            elif step.parent is None:
                raise damaged("it begins twice")
            if step.number <= history._newest:
                raise damaged("its steps are out of order")
            history._newest = step.number
            history._steps[step.number] = step
            if step.parent is not None:
                history._children[step.parent] = (*history.children(step.parent), step.number)
        assert history is not None  # there is a step
        for entry in plain:
            number, redo = entry["number"], entry.get("redo")
            if redo is not None:
                if not _is_whole(redo) or redo not in history.children(number):
                    raise damaged("a line of it leads nowhere")
                history._redo[number] = redo
        current, newest = data.get("current"), data.get("newest")
        if not _is_whole(current) or current not in history:
            raise damaged("its current step is missing")
        if not _is_whole(newest) or newest < history._newest:
            raise damaged("its newest step is missing")
        history._current, history._newest = current, newest
        line = history.behind()
        if any(history._redo.get(a) != b for a, b in itertools.pairwise(line)):
            raise damaged("its current line is broken")
        return history

    @classmethod
    def _read_step(
        cls, entry: Any, history: History[T] | None, decode: Callable[[Any, T | None], T]
    ) -> Step[T]:
        if not isinstance(entry, dict) or not _is_whole(entry.get("number")):
            raise damaged("a step has no number")
        parent, made = entry.get("parent"), entry.get("made")
        before: T | None = None
        if parent is not None:
            if not _is_whole(parent) or history is None or parent not in history:
                raise damaged("a step follows one that is missing")
            before = history[parent].value
        if isinstance(made, bool) or not isinstance(made, int | float):
            raise damaged("a step has no time")
        if not math.isfinite(made) or not 0 <= made <= LATEST:
            raise damaged("a step has an impossible time")
        starred = entry.get("starred", False)
        if not isinstance(starred, bool):
            raise damaged("a star is odd")
        return Step(
            entry["number"],
            parent,
            decode(entry.get("value"), before),
            Command.from_plain(entry.get("command")),
            float(made),
            plain_text(entry.get("name", "")),
            starred,
        )


def _check_head(data: Any) -> None:
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise damaged("it is none")
    version = data.get("version")
    if not _is_whole(version) or version < 1:
        raise damaged("it has no version")
    if version > VERSION:
        raise InputError(
            f"The history was saved by a newer ShapeLab (version {version}; this one reads up to "
            f"{VERSION}); please update ShapeLab."
        )


def _is_whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53
