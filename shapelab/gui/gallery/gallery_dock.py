"""The gallery's dock below the viewport: the strip of cards, and what is done with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QImage, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import (
    QDockWidget,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QMenu,
    QScrollArea,
    QToolButton,
    QWidget,
)

from shapelab.core import formatting
from shapelab.core.errors import ShapelabError
from shapelab.core.session.gallery import Gallery, KeptShape
from shapelab.core.session.session import Session
from shapelab.gui.base import theme
from shapelab.gui.base.labels import ElidedLabel, heading
from shapelab.gui.base.notify import Toasts
from shapelab.gui.base.settings import WindowSettings
from shapelab.gui.document.current_document import CurrentDocument
from shapelab.gui.document.document import Document, ShapeSource
from shapelab.gui.gallery.contact_sheet import SheetWriter
from shapelab.gui.gallery.gallery_strip import EDGE, ROW, TOP, GalleryStrip
from shapelab.gui.panels.thumbnails import Portrait, Thumbnails

if TYPE_CHECKING:
    from shapelab.gui.gallery.batch_dialog import BatchDialog

BOTTOM = Qt.DockWidgetArea.BottomDockWidgetArea
BAR = 14  # px, that a scroll bar may take
ROOMY, COUNTED, LEAST = 430, 300, 226  # px: with words, with the count, and with neither


class GalleryDock(QDockWidget):
    """Shows the gallery of the document that is shown, and gives its commands.

    Signals:
        kept: a shape has been kept by the user.
        compare_wanted: the shapes that shall be seen side by side.
    """

    kept = Signal()
    compare_wanted = Signal(tuple)

    def __init__(
        self,
        window: QMainWindow,
        current: CurrentDocument,
        thumbnails: Thumbnails,
        toasts: Toasts,
        settings: WindowSettings,
    ) -> None:
        super().__init__("Gallery", window)
        self.setObjectName("gallery")
        self.setAllowedAreas(BOTTOM | Qt.DockWidgetArea.TopDockWidgetArea)
        self._current, self._thumbnails, self._toasts = current, thumbnails, toasts
        self._settings = settings
        self._session: Session | None = None
        self._disconnect: list[Callable[[], None]] = []
        self._portraits: dict[str, tuple[KeptShape, Portrait]] = {}
        self.batch: BatchDialog | None = None
        self.sheet = SheetWriter(self, toasts, settings)
        self.strip = GalleryStrip(self._picture)
        self.scroll_area = QScrollArea(widgetResizable=True)
        self.scroll_area.setFrameShape(QFrame.Shape.NoFrame)
        self.scroll_area.setWidget(self.strip)
        self.scroll_area.setMinimumHeight(TOP + ROW + BAR)
        self.scroll_area.viewport().installEventFilter(self)
        self.setWidget(self.scroll_area)
        self.setTitleBarWidget(self._build_title())
        self._connect_strip()
        thumbnails.drawn.connect(lambda _key: self.strip.update())
        current.changed.connect(self._follow_document)
        window.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea)
        window.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)
        window.addDockWidget(BOTTOM, self)
        self.hide()
        self._show_count()

    # --- building ------------------------------------------------------------------------------

    def _build_title(self) -> QWidget:
        self.count = ElidedLabel()
        self.count.setProperty("muted", True)
        self.keep_button = _button("keep", "Keep", "Keep the shape that you see (K)", self.keep)
        self.morph_button = _button("morph", "", "Morph through these shapes", self.morph)
        self.sheet_button = _button("sheet", "", "Save a contact sheet", self.save_sheet)
        self.export_button = _button("export", "Export…", "Write a mesh of each", self.export)
        close = _button("close", "", "Close the gallery (Ctrl+G)", self.close)
        used = self.keep_button, self.morph_button, self.sheet_button, self.export_button
        return GalleryTitle(self.count, (*used, close))

    def _connect_strip(self) -> None:
        strip = self.strip
        strip.show_requested.connect(self.show_kept)
        strip.moved.connect(lambda ids, place: self._do("move_kept", ids, place))
        strip.renamed.connect(lambda shape_id, name: self._do("rename_kept", shape_id, name))
        strip.starred.connect(lambda ids, star: self._do("star_kept", ids, star))
        strip.deleted.connect(self.delete)
        strip.menu_requested.connect(self._open_menu)
        strip.chosen_changed.connect(self._show_count)
        strip.reached.connect(self._bring_into_sight)

    # --- what it shows -------------------------------------------------------------------------

    @property
    def gallery(self) -> Gallery:
        """What is shown."""
        return Gallery() if self._session is None else self._session.gallery

    @property
    def meant(self) -> tuple[KeptShape, ...]:
        """The shapes that a button means: those chosen, if they are several, else all."""
        chosen = self.gallery.chosen(self.strip.chosen)
        return chosen if len(chosen) > 1 else self.gallery.shapes

    @Slot(object)
    def _follow_document(self, document: Document) -> None:
        for disconnect in self._disconnect:
            disconnect()
        session = self._session = document.session
        self._disconnect = [
            session.gallery_changed.connect(self._show_gallery),
            session.shape_changed.connect(lambda _state: self._show_current()),
            session.surface_changed.connect(lambda _options: self._show_current()),
        ]
        self._show_gallery(session.gallery)

    def _show_gallery(self, gallery: Gallery) -> None:
        self._portraits = {
            shape.id: known
            for shape in gallery
            if (known := self._portraits.get(shape.id)) and known[0] is shape
        }
        self.strip.show_gallery(gallery)
        self._show_current()
        self._show_count()

    def _show_current(self) -> None:
        session = self._session
        if session is None:
            return
        shown = (
            shape.id
            for shape in session.gallery
            if shape.state == session.state and shape.model.digest == session.model.digest
        )
        self.strip.show_current(next(shown, ""))

    @Slot()
    def _show_count(self) -> None:
        total, chosen = len(self.gallery), len(self.strip.chosen)
        words = formatting.counted(total, "shape") if total else ""
        self.count.setText(f"{words}, {chosen} chosen" if chosen > 1 else words)
        several = chosen > 1
        self.export_button.setText(f"Export {chosen}…" if several else "Export All…")
        models = {shape.model.digest for shape in self.meant}
        self.morph_button.setEnabled(len(self.meant) > 1 and len(models) == 1)
        for button in (self.sheet_button, self.export_button):
            button.setEnabled(total > 0)
        self.keep_button.setEnabled(self._session is not None)

    def _picture(self, shape: KeptShape) -> QImage:
        known = self._portraits.get(shape.id)
        if known is None or known[0] is not shape:
            known = shape, Portrait(shape.state, shape.surface, shape.model.digest)
            self._portraits[shape.id] = known
        return self._thumbnails.picture(known[1])

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.scroll_area.viewport():
            if event.type() == QEvent.Type.Resize:
                self.strip.fit(self.scroll_area.viewport().size())
            elif (
                isinstance(event, QWheelEvent)
                and not self.scroll_area.verticalScrollBar().maximum()
            ):
                bar, turn = self.scroll_area.horizontalScrollBar(), event.angleDelta()
                bar.setValue(bar.value() - (turn.y() or turn.x()))  # one row: sideways
                return True
        return super().eventFilter(watched, event)

    def sizeHint(self) -> QSize:
        return QSize(640, 180)

    @Slot(QRectF)
    def _bring_into_sight(self, part: QRectF) -> None:
        middle = part.center().toPoint()
        half = QSize(round(part.width() / 2), round(part.height() / 2))
        self.scroll_area.ensureVisible(middle.x(), middle.y(), half.width(), half.height())

    # --- commands ------------------------------------------------------------------------------

    def _do(self, command: str, *arguments: object) -> None:
        """A command of the session; what it refuses is told."""
        if self._session is not None:
            try:
                getattr(self._session, command)(*arguments)
            except ShapelabError as error:
                self._toasts.exception(error)

    @Slot()
    def keep(self) -> None:
        """Keeps the shown shape; one that is there already is pointed out."""
        document = self._current.require()
        if document.guest is not None:
            self._toasts.info("This shape comes from outside the model, so it cannot be kept.")
            return
        try:
            shape = document.session.keep()
        except ShapelabError as error:
            self._toasts.exception(error)
            return
        self.strip.choose([shape.id])
        self.kept.emit()

    @Slot(str)
    def show_kept(self, shape_id: str) -> None:
        """Goes to a kept shape; one of another model opens that first."""
        shape, document = self.gallery.find(shape_id), self._current.require()
        if shape is None:
            return
        if shape.model.digest == document.model.digest:
            document.show_guest(None)  # else it would stay before an equal shape
            self._do("show_kept", shape_id)
        else:
            self._current.open([ShapeSource(shape.name, kept=shape)])

    @Slot(list)
    def delete(self, ids: list[str]) -> None:
        """Deletes shapes, and says how they come back."""
        gone = self.gallery.chosen(ids)
        self._do("delete_kept", ids)
        words = f"“{gone[0].name}”" if len(gone) == 1 else formatting.counted(len(gone), "shape")
        self._toasts.info(f"Deleted {words}. Undo brings back what was deleted.")

    @Slot()
    def morph(self) -> None:
        """Lays a morph through the shapes that are meant."""
        self._morph_through(self.meant)

    def _morph_through(self, shapes: tuple[KeptShape, ...]) -> None:
        session = self._session
        if session is None:
            return
        if any(shape.model.digest != session.model.digest for shape in shapes):
            self._toasts.error("A morph goes through shapes of the shown model alone.")
            return
        self._do("morph_through", [shape.state for shape in shapes])

    @Slot()
    def save_sheet(self) -> None:
        """Asks for a name and draws the contact sheet."""
        self.sheet.save(self.meant, self._current.model_of)

    @Slot()
    def export(self) -> None:
        """Asks how and writes a mesh of each shape that is meant."""
        self._export(self.meant)

    def _export(self, shapes: tuple[KeptShape, ...]) -> None:
        from shapelab.gui.gallery.batch_dialog import BatchDialog

        if self.batch is not None:
            self.batch.stop()
            self.batch.deleteLater()
        self.batch = BatchDialog(shapes, self._current.model_of, self._settings, self.window())
        self.batch.open()

    @Slot(QPoint)
    def _open_menu(self, place: QPoint) -> None:
        chosen = self.gallery.chosen(self.strip.chosen)
        if not chosen:
            return
        ids, first = [shape.id for shape in chosen], chosen[0]
        starred = all(shape.star for shape in chosen)
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if len(chosen) == 1:
            menu.addAction("&Show", lambda: self.show_kept(first.id))
            menu.addAction("&Rename\tF2", lambda: self.strip.edit_name(first.id))
        star = "Remove S&tar" if starred else "S&tar"
        menu.addAction(star, lambda: self._do("star_kept", ids, not starred))
        menu.addSeparator()
        words = "Com&pare Them" if len(chosen) > 1 else "Com&pare with the Shown Shape"
        menu.addAction(words, lambda: self.compare_wanted.emit(chosen))
        if len(chosen) > 1:
            menu.addAction("&Morph through Them", lambda: self._morph_through(chosen))
            menu.addAction(
                "&Contact Sheet…", lambda: self.sheet.save(chosen, self._current.model_of)
            )
        menu.addAction("&Export…", lambda: self._export(chosen))
        menu.addSeparator()
        menu.addAction("&Delete\tDel", lambda: self.delete(ids))
        menu.popup(place)

    def stop(self) -> None:
        """Ends the threads of what was started here."""
        self.sheet.stop()
        if self.batch is not None:
            self.batch.stop()


class GalleryTitle(QWidget):
    """A row that must not keep the window wide: beside a wide dock there is room for icons only."""

    def __init__(self, count: QLabel, buttons: Sequence[QToolButton]) -> None:
        super().__init__()
        self._count, self._buttons = count, buttons
        row = QHBoxLayout(self)
        row.setContentsMargins(EDGE, theme.SPACE_SMALL, theme.SPACE, theme.SPACE_SMALL)
        row.setSpacing(theme.SPACE_SMALL)
        row.addWidget(heading("Gallery"))
        row.addSpacing(theme.SPACE_SMALL)
        row.addWidget(count, 1)
        row.addStretch()
        for button in buttons:
            row.addWidget(button)
        self._fit()

    def minimumSizeHint(self) -> QSize:
        return QSize(LEAST, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        self._count.setVisible(self.width() >= COUNTED)
        words, icons = (
            Qt.ToolButtonStyle.ToolButtonTextBesideIcon,
            Qt.ToolButtonStyle.ToolButtonIconOnly,
        )
        for button in self._buttons:
            spelt = self.width() >= ROOMY and bool(button.text())
            button.setToolButtonStyle(words if spelt else icons)


def _button(icon: str, text: str, tip: str, act: Callable[[], object]) -> QToolButton:
    button = QToolButton()
    button.setIcon(theme.icon(icon))
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.setAutoRaise(True)
    button.setText(text)
    button.clicked.connect(lambda: act())
    return button
