"""In the view's corner: which of a file's own content and the shape made of it are shown."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtWidgets import QFrame, QToolButton, QVBoxLayout, QWidget

from shapelab.gui.base import theme

WIDEST = 260  # px of a name
SHAPE = "As the model sees it"
TIP = "Show or hide it (O goes from one to the other)"


class LayersBox(QFrame):
    """Two lines with an eye each; at least one of them is open.

    Signals:
        chosen: whether the shape is shown, and whether the file's own content is.
    """

    chosen = Signal(bool, bool)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.scan, self.shape = QToolButton(), QToolButton()
        self.shape.setText(SHAPE)
        column = QVBoxLayout(self)
        column.setContentsMargins(2, 2, 2, 2)
        column.setSpacing(0)
        for button in (self.scan, self.shape):
            button.setCheckable(True)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setCursor(Qt.CursorShape.PointingHandCursor)
            button.setAutoRaise(True)
            column.addWidget(button)
        self.scan.clicked.connect(self._choose_by_scan)
        self.shape.clicked.connect(self._choose_by_shape)
        self._colour()
        self.hide()

    def offer(self, name: str, detail: str) -> None:
        """Offers the content of a file of this name; without one there is nothing to choose."""
        text = self.scan.fontMetrics().elidedText(name, Qt.TextElideMode.ElideMiddle, WIDEST)
        self.scan.setText(text)
        self.scan.setAccessibleName(f"Show {name} itself")
        self.scan.setToolTip(f"{name}: {detail}\n{TIP}")
        self.shape.setAccessibleName("Show the shape as the model sees it")
        self.shape.setToolTip(f"The shape that the model makes of it\n{TIP}")
        self.setVisible(bool(name))
        self.place()

    def show_layers(self, shape: bool, scan: bool) -> None:
        """Opens and closes the eyes."""
        for button, shown in ((self.shape, shape), (self.scan, scan)):
            button.setChecked(shown)
            button.setIcon(theme.icon("eye" if shown else "eye-closed"))

    def place(self) -> None:
        """Sit in the upper left corner of the parent."""
        self.adjustSize()
        self.move(theme.SPACE, theme.SPACE)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange:
            self._colour()
        super().changeEvent(event)

    def _choose_by_scan(self, shown: bool) -> None:
        self.chosen.emit(self.shape.isChecked() or not shown, shown)

    def _choose_by_shape(self, shown: bool) -> None:
        self.chosen.emit(shown, self.scan.isChecked() or not shown)

    def _colour(self) -> None:
        c = theme.colors()
        sheet = (
            f"LayersBox {{ background: {c.raised}; border: 1px solid {c.border};"
            f" border-radius: {theme.RADIUS}px; }}"
            f" QToolButton {{ color: {c.muted}; border: none; padding: 3px 8px 3px 4px; }}"
            f" QToolButton:checked {{ color: {c.text}; background: transparent; }}"
            f" QToolButton:hover, QToolButton:focus {{ color: {c.accent}; }}"
        )
        if sheet != self.styleSheet():  # setting it sends another PaletteChange
            self.setStyleSheet(sheet)
