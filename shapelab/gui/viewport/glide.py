"""A height that follows another, down at once and up softly: the floor never cuts the shape."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

STEP_MS, EASE, CLOSE = 16, 0.25, 0.02  # CLOSE in voxels


class Glide(QObject):
    """Follows a goal; rises only while `start()` is in force, so that a slider's frames stay cheap.

    `moved` tells every new value, in voxels.
    """

    moved = Signal(float)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.value = self.goal = 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(STEP_MS)
        self._timer.timeout.connect(self._step)

    def jump(self, goal: float) -> None:
        """Be there."""
        self.goal = goal
        self._set(goal)

    def follow(self, goal: float) -> None:
        """A new goal: sinks to it at once, rises a step."""
        self.goal = goal
        self._set(min(goal, self.value + max(0.0, goal - self.value) * EASE))

    def start(self) -> bool:
        """Go all the way by a timer; False if it is there already."""
        if self.value != self.goal:
            self._timer.start()
        return self._timer.isActive()

    def stop(self) -> None:
        """Stay where it is."""
        self._timer.stop()

    def _step(self) -> None:
        near = self.goal - self.value < CLOSE
        self._set(self.goal if near else self.value + (self.goal - self.value) * EASE)

    def _set(self, value: float) -> None:
        self.value = value
        if value == self.goal:
            self._timer.stop()
        self.moved.emit(value)
