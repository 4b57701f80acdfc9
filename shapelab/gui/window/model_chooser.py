"""The model chooser: the models that are there, each with its card."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from shapelab.core.model.model_summary import ModelSummary
from shapelab.gui.base import theme
from shapelab.gui.window.about import card_html

SIZE, LIST_WIDTH, ROW = (840, 560), 310, 48  # px


class ModelChooser(QDialog):
    """Lists models; does not open them itself.

    Signals:
        chosen: the folder of the model to open.
        file_requested: a model from somewhere else.
    """

    chosen = Signal(Path)
    file_requested = Signal()

    def __init__(self, models: Sequence[ModelSummary], in_use: str, parent: QWidget) -> None:
        """Args: in_use: the checksum of the model in use, empty while there is none."""
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Open Model")
        self.models = tuple(models)
        self.list = QListWidget()
        self.list.setAccessibleName("Models")
        self.list.setFixedWidth(LIST_WIDTH)
        self.card = QTextBrowser()
        self.card.document().setDocumentMargin(12)
        self.card.setOpenExternalLinks(True)
        for model in self.models:
            self.list.addItem(_item(model, in_use))
        columns = QHBoxLayout()
        columns.setSpacing(theme.SPACE)
        columns.addWidget(self.list)
        columns.addWidget(self.card, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(*(theme.SPACE_LARGE,) * 4)
        column.setSpacing(theme.SPACE_LARGE)
        column.addLayout(columns, 1)
        column.addWidget(self._build_buttons())
        self.list.currentRowChanged.connect(self._show_card)
        self.list.itemActivated.connect(self.accept)
        checksums = [model.checksum for model in self.models]
        self.list.setCurrentRow(checksums.index(in_use) if in_use in checksums else 0)
        self.resize(*SIZE)

    def _build_buttons(self) -> QDialogButtonBox:
        buttons = QDialogButtonBox()
        self.file = QPushButton("Open File…")
        self.file.setToolTip("Choose a model.safetensors from somewhere else.")
        buttons.addButton(self.file, QDialogButtonBox.ButtonRole.ResetRole)
        cancel = buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        self.open_button = buttons.addButton(QDialogButtonBox.StandardButton.Open)
        for button in (cancel, self.open_button):
            button.setIcon(QIcon())
        self.open_button.setEnabled(bool(self.models))
        self.file.clicked.connect(self._ask_for_file)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        return buttons

    @Slot(int)
    def _show_card(self, row: int) -> None:
        model = self.models[row]
        self.card.setHtml(card_html(model) + f"<p>{escape(str(model.folder))}</p>")

    @Slot()
    def _ask_for_file(self) -> None:
        self.file_requested.emit()
        self.reject()

    def accept(self) -> None:
        self.chosen.emit(self.models[self.list.currentRow()].folder)
        super().accept()


def _item(model: ModelSummary, in_use: str) -> QListWidgetItem:
    classes = "1 class" if len(model.classes) == 1 else f"{len(model.classes)} classes"
    kind = "in use" if model.checksum == in_use else model.origin
    blind = "" if model.sees_pictures else " · no pictures"
    about = f"{model.spec.resolution}³ cells · {classes}{blind} · {kind}"
    item = QListWidgetItem(f"{model.name}\n{about}")
    item.setSizeHint(QSize(LIST_WIDTH - 8, ROW))
    return item
