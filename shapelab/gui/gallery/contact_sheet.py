"""The contact sheet: one picture with all kept shapes and their names."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QBuffer, QIODevice, QObject, QRect, Qt, Slot
from PySide6.QtGui import QColor, QFont, QFontMetrics, QImage, QPainter
from PySide6.QtWidgets import QFileDialog, QProgressDialog, QWidget

from shapelab.core.atomic import atomic_write
from shapelab.core.session.gallery import KeptShape
from shapelab.core.session.shape_file import check_fits
from shapelab.gui.base import theme
from shapelab.gui.base.labels import readable
from shapelab.gui.base.notify import Toasts, may_replace
from shapelab.gui.base.settings import WindowSettings
from shapelab.gui.base.workers import Task
from shapelab.gui.panels.shape_pictures import draw_shapes, rgba_image
from shapelab.gui.panels.thumbnails import COLOUR

if TYPE_CHECKING:
    from shapelab.core.model.shape_model import ShapeModel

LARGE, SMALL, MANY = 256, 128, 60  # px along a picture; from how many shapes on it is the small one
EDGE, GAP, LINE = 32, 16, 20  # px: around the sheet, between cells, height of a line of text
WIDER = 1.4  # of a sheet than high
ANSWER_MS = 400  # until the progress is shown

Picture = NDArray[np.uint8]  # (side, side, 4) RGBA


def draw_sheet(shapes: Sequence[KeptShape], pictures: Sequence[Picture | None]) -> QImage:
    """The sheet: pictures in rows, below each its name and its class; for any thread.

    Args:
        shapes: at least one.
        pictures: one a shape, all of one size; None where its model is not there.
    """
    side = next((len(each) for each in pictures if each is not None), SMALL)
    columns = min(max(math.ceil(math.sqrt(WIDER * len(shapes))), 1), len(shapes))
    rows = math.ceil(len(shapes) / columns)
    across, down = side + GAP, side + 2 * LINE + GAP
    sheet = QImage(
        2 * EDGE + columns * across - GAP, 2 * EDGE + rows * down - GAP, QImage.Format.Format_RGB32
    )
    sheet.fill(QColor(theme.LIGHT.base))
    painter = QPainter(sheet)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for place, (shape, picture) in enumerate(zip(shapes, pictures, strict=True)):
        row, column = divmod(place, columns)
        corner = QRect(EDGE + column * across, EDGE + row * down, side, side)
        if picture is not None:
            painter.drawImage(corner, rgba_image(picture))
        else:
            painter.setPen(QColor(theme.LIGHT.muted))
            words = f"needs the model\n{shape.model.name}"
            painter.drawText(corner, Qt.AlignmentFlag.AlignCenter, words)
        below = QRect(corner.left(), corner.bottom() + 1, side, LINE)
        name = f"★ {shape.name}" if shape.star else shape.name
        _line(painter, below, name, theme.LIGHT.text, 14)
        kind = readable(shape.state.class_name)
        _line(painter, below.translated(0, LINE), kind, theme.LIGHT.muted, 12)
    painter.end()
    return sheet


def _line(painter: QPainter, place: QRect, text: str, colour: str, height: int) -> None:
    font = QFont(painter.font())
    font.setPixelSize(height)
    painter.setFont(font)
    painter.setPen(QColor(colour))
    words = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, place.width())
    painter.drawText(place, Qt.AlignmentFlag.AlignCenter, words)


def _write(
    path: Path, shapes: Sequence[KeptShape], models: dict[str, ShapeModel], task: Task
) -> Path:
    """Draws and writes a sheet on a task's thread; reports how many pictures are drawn."""
    side = LARGE if len(shapes) < MANY else SMALL
    pictures: list[Picture | None] = []
    for shape in shapes:
        if task.cancel_event.is_set():
            return path  # of which nobody hears
        model = models.get(shape.model.digest)
        if model is None:
            pictures.append(None)
        else:
            check_fits(shape.state, model)
            pictures += draw_shapes(model, [shape.state], shape.surface, side, COLOUR)
        task.report(len(pictures))
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    draw_sheet(shapes, pictures).save(buffer, "PNG")  # type: ignore[call-overload]
    atomic_write(path, bytes(buffer.data().data()))
    return path


class SheetWriter(QObject):
    """Asks for a name, then draws with progress that can be cancelled."""

    def __init__(self, widget: QWidget, toasts: Toasts, settings: WindowSettings) -> None:
        super().__init__(widget)
        self._widget, self._toasts, self._settings = widget, toasts, settings
        self._task: Task | None = None
        self._progress: QProgressDialog | None = None

    @property
    def busy(self) -> bool:
        """Whether a sheet is being drawn."""
        return self._task is not None

    def save(
        self, shapes: Sequence[KeptShape], model_of: Callable[[str], ShapeModel | None]
    ) -> None:
        """Writes a contact sheet of these shapes to where the user wants it."""
        path = self._ask() if shapes and self._task is None else None
        if path is None:
            return
        loaded = {shape.model.digest: model_of(shape.model.digest) for shape in shapes}
        models = {digest: model for digest, model in loaded.items() if model is not None}
        self._progress = QProgressDialog(
            "Drawing the contact sheet…", "Cancel", 0, len(shapes), self._widget.window()
        )
        self._progress.setMinimumDuration(ANSWER_MS)
        self._task = Task(lambda task: _write(path, tuple(shapes), models, task), self)
        self._task.progress.connect(self._progress.setValue)
        self._progress.canceled.connect(self._task.cancel)
        self._task.done.connect(lambda written: self._toasts.info(f"Saved {written.name}."))
        self._task.failed.connect(self._toasts.exception)
        self._task.finished.connect(self._finish)
        self._task.start()

    def stop(self) -> None:
        """Ends the thread; no sheet comes afterwards."""
        if self._task is not None:
            self._task.stop()
            self._finish()

    def _ask(self) -> Path | None:
        folder = self._settings.text("folders/pictures", str(Path.home()))
        name, _ = QFileDialog.getSaveFileName(
            self._widget.window(),
            "Save Contact Sheet",
            str(Path(folder, "contact-sheet.png")),
            "PNG picture (*.png)",
        )
        if not name:
            return None
        self._settings.set_text("folders/pictures", str(Path(name).parent))
        path = Path(name)
        if path.suffix.lower() == ".png":
            return path  # of which the dialog has asked
        path = path.with_name(path.name + ".png")
        return path if may_replace(self._widget, path) else None

    @Slot()
    def _finish(self) -> None:
        self._task = None
        progress, self._progress = self._progress, None
        if progress is not None:
            progress.canceled.disconnect()  # closing it would cancel
            progress.close()
            progress.deleteLater()
