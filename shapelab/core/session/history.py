"""History: undo and redo over immutable values, where one slider drag is one step."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Step(Generic[T]):
    """A value and the words for the change that led to it."""

    value: T
    text: str


class History(Generic[T]):
    """A line of values with a current position. Unlimited: a shape is a few kilobytes."""

    def __init__(self, first: T) -> None:
        self._steps = [Step(first, "")]
        self._position = 0
        self._open: Hashable | None = None

    @property
    def current(self) -> T:
        return self._steps[self._position].value

    def push(self, value: T, text: str, control: Hashable | None = None) -> None:
        """Records a change; changes of the same control join into one step until ``close``."""
        joins = control is not None and control == self._open
        del self._steps[self._position + (0 if joins else 1) :]
        self._steps.append(Step(value, text))
        self._position = len(self._steps) - 1
        self._open = control

    @property
    def position(self) -> int:
        """How many steps lie behind the current value."""
        return self._position

    def forget_redo(self) -> None:
        """Drops the steps that ``redo`` would repeat."""
        del self._steps[self._position + 1 :]

    def map(self, change: Callable[[T], T]) -> None:
        """Changes every value, past and future, in place; position and words stay."""
        self._steps = [Step(change(step.value), step.text) for step in self._steps]

    def close(self) -> bool:
        """Ends a joined change; True if it led back to its start, so that the step was dropped."""
        was_open, self._open = self._open is not None, None
        if was_open and self._position and self._steps[self._position - 1].value == self.current:
            del self._steps[self._position :]
            self._position -= 1
            return True
        return False

    def undo(self) -> bool:
        """Goes one step back, if there is one."""
        self.close()
        if not self._position:
            return False
        self._position -= 1
        return True

    def redo(self) -> bool:
        """Goes one step forward, if there is one."""
        self._open = None
        if self._position + 1 >= len(self._steps):
            return False
        self._position += 1
        return True

    @property
    def undo_text(self) -> str:
        """Words for the step that ``undo`` takes back; empty when there is none."""
        return self._steps[self._position].text if self._position else ""

    @property
    def redo_text(self) -> str:
        """Words for the step that ``redo`` repeats; empty when there is none."""
        following = self._position + 1
        return self._steps[following].text if following < len(self._steps) else ""
