"""One message card over the window: text, details, close button."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QEnterEvent, QFontDatabase, QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from shapelab.gui.base import theme


class Toast(QFrame):
    """One message card: text, for errors a Details button, and a close button."""

    gone = Signal(object)  # itself, when it left the screen

    def __init__(self, parent: QWidget, text: str, details: str, error: bool, ms: int) -> None:
        super().__init__(parent)
        self.text, self.details, self.is_error = text, details, error
        self._count = 1
        self._dismissed = False
        self.setObjectName("toast")
        self.setAccessibleName(text)
        self._mark = QFrame(self)
        self._mark.setFixedWidth(3)
        self.label = QLabel(text, self)
        self.label.setWordWrap(True)
        self.label.setTextFormat(Qt.TextFormat.PlainText)
        self.details_button = QPushButton("Details…", self)
        self.details_button.setVisible(bool(details))
        self.details_button.clicked.connect(self.show_details)
        self.close_button = QToolButton(self)
        self.close_button.setIcon(theme.icon("close"))
        self.close_button.setToolTip("Close this message")
        self.close_button.setAccessibleName("Close this message")
        self.close_button.clicked.connect(self.dismiss)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.SPACE, theme.SPACE, theme.SPACE, theme.SPACE)
        row.setSpacing(theme.SPACE)
        row.addWidget(self._mark)
        row.addWidget(self.label, 1)
        row.addWidget(self.details_button, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignVCenter)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(ms)
        self._timer.timeout.connect(self.dismiss)
        self._timer.start()
        self._colour()

    def again(self) -> None:
        """The same message came once more: count instead of stacking cards."""
        self._count += 1
        self.label.setText(f"{self.text}  ×{self._count}")
        self._timer.start()

    def dismiss(self) -> None:
        """Leave the screen; harmless a second time."""
        self._timer.stop()
        if not self._dismissed:
            self._dismissed = True
            self.hide()
            self.gone.emit(self)
            self.deleteLater()

    def show_details(self) -> None:
        """Open the details in a window of their own; the application goes on."""
        self._timer.stop()
        dialog = QDialog(self.window())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle("Details")
        heading = QLabel(self.text)
        heading.setWordWrap(True)
        text = QPlainTextEdit(self.details)
        text.setReadOnly(True)
        text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        copy = buttons.addButton("Copy", QDialogButtonBox.ButtonRole.ActionRole)
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(text.toPlainText()))
        buttons.rejected.connect(dialog.close)
        column = QVBoxLayout(dialog)
        column.addWidget(heading)
        column.addWidget(text, 1)
        column.addWidget(buttons)
        dialog.resize(720, 420)
        dialog.show()

    def enterEvent(self, event: QEnterEvent) -> None:
        self._timer.stop()  # who reads or aims at a button needs the time
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        if not self._dismissed:
            self._timer.start()
        super().leaveEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange:
            self._colour()
        super().changeEvent(event)

    def _colour(self) -> None:
        c = theme.colors()
        mark = c.danger if self.is_error else c.accent
        sheet = (
            f"#toast {{ background: {c.raised}; border: 1px solid {c.border};"
            f" border-radius: {theme.RADIUS}px; }}"
        )
        if sheet != self.styleSheet():  # setting it sends another PaletteChange
            self.setStyleSheet(sheet)
            self._mark.setStyleSheet(f"background: {mark}; border-radius: 1px;")
