"""The shapes of a run's preview side by side: the same latents at every step, to be clicked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from shapelab.core.errors import RunError
from shapelab.core.runs.previews import (
    TILE,
    Grids,
    picture_bytes,
    preview_path,
    read_preview,
    tile_corner,
)
from shapelab.gui.base import theme
from shapelab.gui.base.notify import describe
from shapelab.gui.base.workers import LatestOnly

SMALLEST, LARGEST, GAP = 48, TILE, 4  # side of a shape's card and the space between, px
KEPT = 60  # previews in memory: a scrub to and fro reads nothing twice
PREPARED = "prepared"
#: Rows of a preview, in words; others are shown as they are called.
ROWS = {
    "samples": "Drawn at random",
    "from pictures": "From pictures",
    "from voxels": "Rebuilt",
    "held out": "Originals",
    PREPARED: "Prepared",  # by a preparation, not by a run
}


@dataclass(frozen=True, eq=False)
class Preview:
    """A preview as it was read: picture and shapes."""

    step: int
    picture: QImage
    rows: dict[str, Grids]

    def tile(self, row: str, column: int) -> QImage:
        """The picture of one shape."""
        longest = max(len(grids) for grids in self.rows.values())
        place = list(self.rows).index(row)
        corner = tile_corner(self.picture.width(), longest, place, column)
        return self.picture.copy(QRect(QPoint(*corner), QSize(TILE, TILE)))


def _read(request: tuple[Path, int]) -> Preview:
    """Runs on the worker's thread."""
    folder, step = request
    path = preview_path(folder, step)
    rows, picture = read_preview(path), QImage.fromData(picture_bytes(path))
    if picture.isNull():
        raise RunError(f"{path} is damaged; look at another preview.")
    return Preview(step, picture, rows)


class PreviewsStrip(QWidget):
    """Cards in as many columns as fit, of one row of the preview.

    Signals:
        clicked: (grid (R, R, R) bool, words about it) of the shape that was clicked.
    """

    clicked = Signal(object, str)
    rows_changed = Signal(list)  # names of the rows that there are

    def __init__(self) -> None:
        super().__init__()
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Previews")
        self.row = "samples"
        self.shown: Preview | None = None
        self.empty_text = ""
        self._folder: Path | None = None
        self._step: int | None = None
        self._tiles: list[QImage] = []
        self._solid: list[bool] = []
        self._kept: dict[tuple[Path, int], Preview] = {}
        self._hovered = self._focused = -1
        self._reader = LatestOnly(_read, self)
        self._reader.done.connect(self._add_preview)
        self._reader.failed.connect(self._fail)

    # --- what others use -------------------------------------------------------------------

    def show_step(self, folder: Path, step: int) -> None:
        """Shows the preview of a step, at once where it is known, else as soon as it is read."""
        self._folder, self._step = folder, step
        known = self._kept.get((folder, step))
        if known is not None:
            self._show(known)
        else:
            self._reader.submit((folder, step))

    def clear(self, text: str = "") -> None:
        """Shows nothing, and why."""
        self._step, self.shown, self._tiles, self._solid = None, None, [], []
        self.empty_text = text
        self.update()

    def set_row(self, name: str) -> None:
        """Shows another row of the preview."""
        if name != self.row:
            self.row = name
            self._cut_tiles()

    def stop(self) -> None:
        """Ends the reading."""
        self._reader.stop()

    # --- reading ---------------------------------------------------------------------------

    @Slot(object, object)
    def _add_preview(self, request: tuple[Path, int], preview: Preview) -> None:
        self._kept[request] = preview
        while len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]
        if request == (self._folder, self._step):
            self._show(preview)

    @Slot(object, object)
    def _fail(self, request: tuple[Path, int], error: Exception) -> None:
        if request == (self._folder, self._step):
            self.clear(describe(error)[0])

    def _show(self, preview: Preview) -> None:
        before = list(self.shown.rows) if self.shown else []
        self.shown = preview
        if list(preview.rows) != before:
            self.rows_changed.emit(list(preview.rows))
        self._cut_tiles()

    def _cut_tiles(self) -> None:
        preview = self.shown
        self._tiles, self._solid = [], []
        if preview is not None and self.row in preview.rows:
            grids = preview.rows[self.row]
            self._tiles = [preview.tile(self.row, i) for i in range(len(grids))]
            self._solid = [bool(grid.any()) for grid in grids]
        self.update()

    # --- mouse and keys --------------------------------------------------------------------

    def rects(self) -> list[QRect]:
        """Where the cards lie."""
        count = len(self._tiles)
        if not count:
            return []
        side, columns = self._fit(count)
        columns = -(-count // -(-count // columns))  # the same number in each line
        spare = (self.width() - columns * side) / max(columns - 1, 1)
        pitch = side + min(max(spare, GAP), 4 * GAP)
        return [
            QRect(round(i % columns * pitch), (i // columns) * (side + GAP), side, side)
            for i in range(count)
        ]

    def _fit(self, count: int) -> tuple[int, int]:
        """The largest side, and its columns, with which all cards fit; else the smallest."""
        for side in range(LARGEST, SMALLEST, -1):
            columns = max((self.width() + GAP) // (side + GAP), 1)
            lines = -(-count // columns)
            if lines * (side + GAP) - GAP <= self.height():
                return side, columns
        return SMALLEST, max((self.width() + GAP) // (SMALLEST + GAP), 1)

    def _under(self, place: QPoint) -> int:
        return next((i for i, rect in enumerate(self.rects()) if rect.contains(place)), -1)

    def _open(self, index: int) -> None:
        preview = self.shown
        if preview is not None and 0 <= index < len(self._tiles) and self._solid[index]:
            words = f"preview of step {preview.step}: {ROWS.get(self.row, self.row).lower()}"
            if self.row == PREPARED:
                words = "prepared shape"
            self.clicked.emit(preview.rows[self.row][index], f"{words} {index + 1}")

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        hovered = self._under(event.position().toPoint())
        if hovered != self._hovered:
            self._hovered = hovered
            shape = (
                Qt.CursorShape.PointingHandCursor if hovered >= 0 else Qt.CursorShape.ArrowCursor
            )
            self.setCursor(shape)
            self.update()

    def leaveEvent(self, _event: Any) -> None:
        self._hovered = -1
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._focused = self._under(event.position().toPoint())
            self._open(self._focused)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, last = event.key(), len(self._tiles) - 1
        ways = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        if key in ways and last >= 0:
            self._focused = min(max(self._focused + ways[Qt.Key(key)], 0), last)
            self.update()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._open(self._focused)
        else:
            super().keyPressEvent(event)

    def event(self, event: Any) -> bool:
        if isinstance(event, QHelpEvent) and self._under(event.pos()) >= 0:
            solid = self._solid[self._under(event.pos())]
            text = "Show this shape in the viewport" if solid else "Nothing of it is solid yet"
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)

    # --- painting --------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        return QSize(340, 140)

    def minimumSizeHint(self) -> QSize:
        return QSize(2 * SMALLEST, SMALLEST)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        palette = self.palette()
        if not self._tiles:
            painter.setPen(palette.placeholderText().color())
            wrap = Qt.TextFlag.TextWordWrap | Qt.TextFlag.TextWrapAnywhere  # paths are long
            flags = Qt.AlignmentFlag.AlignCenter | wrap
            room = self.rect().adjusted(theme.SPACE, 0, -theme.SPACE, 0)
            painter.drawText(QRectF(room), self.empty_text, flags)
            return
        quiet = theme.blend(palette.window().color(), palette.windowText().color(), 0.16)
        for i, (rect, tile) in enumerate(zip(self.rects(), self._tiles, strict=True)):
            frame = QPainterPath()
            frame.addRoundedRect(QRectF(rect).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
            painter.save()
            painter.setClipPath(frame)
            painter.drawImage(rect, tile)
            if not self._solid[i]:
                painter.setPen(QColor(theme.LIGHT.muted))  # the picture's ground is light
                painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, "empty")
            painter.restore()
            marked = i == self._hovered or (self.hasFocus() and i == self._focused)
            pen = QPen(palette.highlight().color(), 2) if marked else QPen(quiet, 1)
            painter.setPen(pen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPath(frame)
