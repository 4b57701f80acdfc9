"""Where the branches of a history run beside its rows; knows no Qt."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field
from typing import Any

from shapelab.core.session.history import History

MOST_LANES = 6  # more would leave no room for words; further branches share the last one
SHARED = 50  # strands of the shared lane that are looked at above a row


@dataclass(frozen=True, slots=True)
class Strand:
    """A piece of a branch: a lane from one row down to another.

    The rows are those of its first and last step; ``fork`` is the row that it comes from.
    """

    fork: int
    first: int
    last: int
    lane: int


@dataclass
class Lanes:
    """The current line is lane 0; each other branch has a lane of its own while it lasts.

    Attributes:
        numbers: of the steps, row by row, in the order of making.
        line: the numbers of the current line.
        end: the number of its last step.
        ends: how many branches there are, the current line counted.
        count: how many lanes there are.
    """

    numbers: list[int]
    line: set[int]
    end: int
    ends: int
    count: int = 1
    _lane: dict[int, int] = field(default_factory=dict)  # of each step off the current line
    _strands: list[list[tuple[int, Strand]]] = field(default_factory=list)  # of a lane, by fork

    @classmethod
    def of(cls, history: History[Any]) -> Lanes:
        """Lays out a history."""
        numbers = [step.number for step in history]
        line = [*history.behind(), *history.ahead()]
        ends = sum(not history.children(number) for number in numbers)
        lanes = cls(numbers, set(line), line[-1], ends)
        lanes._strands = [[] for _ in range(MOST_LANES)]
        for step in history:
            if step.number not in lanes.line and step.number not in lanes._lane:
                lanes._add_strand(history, step.number)
        return lanes

    def row(self, number: int) -> int:
        """The row of a step that is there."""
        return bisect_left(self.numbers, number)

    def append(self, number: int) -> None:
        """A step has come at the end of the current line."""
        self.numbers.append(number)
        self.line.add(number)
        self.end = number

    def lane(self, number: int) -> int:
        """The lane of a step."""
        return self._lane.get(number, 0)

    def passing(self, row: int) -> list[Strand]:
        """The strands that touch a row: they begin, end, fork or go by there."""
        found = []
        for lane, strands in enumerate(self._strands[1:], 1):
            at = bisect_left(strands, row + 1, key=lambda entry: entry[0])
            near = strands[max(at - (SHARED if lane == MOST_LANES - 1 else 1), 0) : at]
            found += [strand for _, strand in near if strand.fork <= row <= strand.last]
        return found

    @property
    def last_of_line(self) -> int:
        """The row of the last step of the current line."""
        return self.row(self.end)

    def _add_strand(self, history: History[Any], first: int) -> None:
        """Follows a branch from its first step along where redo would lead."""
        steps = [first]
        while True:
            children = history.children(steps[-1])
            following = history.redo_from(steps[-1])
            if following is None and children:
                following = children[-1]
            if following is None:
                break
            steps.append(following)
        parent = history[first].parent
        fork = self.row(first if parent is None else parent)
        rows = fork, self.row(first), self.row(steps[-1])
        lane = next((i for i in range(1, MOST_LANES - 1) if self._is_free(i, fork, rows[2])), 0)
        lane = lane or MOST_LANES - 1
        insort(self._strands[lane], (fork, Strand(*rows, lane)), key=lambda entry: entry[0])
        self.count = max(self.count, lane + 1)
        for number in steps:
            self._lane[number] = lane

    def _is_free(self, lane: int, fork: int, last: int) -> bool:
        strands = self._strands[lane]
        at = bisect_left(strands, fork, key=lambda entry: entry[0])
        before = at == 0 or strands[at - 1][1].last < fork
        return before and (at == len(strands) or strands[at][0] > last)
