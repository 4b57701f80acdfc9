"""Actions that say why they are off."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence, QShortcut


class Action(QAction):
    """An entry of a menu that is off for a reason: its tip says it, and so do its keys.

    Qt ignores the keys of what is off. Here they are shortcuts of their own as long as it is.

    Signals:
        refused: the reason; somebody has pressed the keys in vain.
    """

    refused = Signal(str)

    def __init__(self, text: str, parent: QObject, tip: str, keys: Sequence[str] = ()) -> None:
        """Args: tip: what it does. keys: its shortcuts, valid in the window of the parent."""
        super().__init__(text, parent)
        self._place, self._tip, self._reason = parent, tip, ""
        self._vain: list[QShortcut] = []
        self.setShortcuts([QKeySequence(key) for key in keys])
        self.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        self._show_tip()

    @property
    def reason(self) -> str:
        """A sentence on why it is off; empty while it is on."""
        return self._reason

    def explain(self, tip: str) -> None:
        """Says what it does from now on."""
        self._tip = tip
        self._show_tip()

    def allow(self, allowed: bool, reason: str) -> None:
        """Turns it on, or off for a reason: a sentence for people."""
        self._reason = "" if allowed else reason
        self.setEnabled(allowed)
        if not allowed and not self._vain:
            self._vain = [self._refuse_at(key) for key in self.shortcuts()]
        for shortcut in self._vain:
            shortcut.setEnabled(not allowed)  # never both: Qt would find the keys ambiguous
        self._show_tip()

    def _refuse_at(self, key: QKeySequence) -> QShortcut:
        shortcut = QShortcut(key, self._place)
        shortcut.setAutoRepeat(False)
        shortcut.activated.connect(lambda: self.refused.emit(self._reason))
        return shortcut

    def _show_tip(self) -> None:
        keys = self.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        words = f"{self._tip} ({keys})" if keys else self._tip
        self.setToolTip(f"{words}\n{self._reason}" if self._reason else words)
