"""The window: viewport in the middle, panels in docks; it starts empty and fills itself."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QGuiApplication,
    QPaintEvent,
)
from PySide6.QtWidgets import QApplication, QDockWidget, QMainWindow, QToolBar, QWidget

from shapelab.core.errors import ShapelabError
from shapelab.core.paths import START_MODEL, log_folder
from shapelab.gui.base import notify
from shapelab.gui.base.settings import LayoutKeeper, WindowSettings
from shapelab.gui.base.workers import Task
from shapelab.gui.cutout.picture_link import PictureLink
from shapelab.gui.document import dropped_files
from shapelab.gui.document.current_document import CurrentDocument
from shapelab.gui.document.document import Document
from shapelab.gui.document.shape_maker import Guest, ShownShape
from shapelab.gui.gallery.gallery_dock import GalleryDock
from shapelab.gui.panels.history_panel import HistoryDock
from shapelab.gui.panels.image_panel import ImagePanel
from shapelab.gui.panels.latent_panel import LatentPanel
from shapelab.gui.panels.morph_panel import MorphPanel
from shapelab.gui.panels.thumbnails import Thumbnails
from shapelab.gui.project.project_loading import Beginning
from shapelab.gui.project.window_project import WindowProject
from shapelab.gui.training.training_dock import TrainingDock
from shapelab.gui.training.training_link import TrainingLink
from shapelab.gui.viewport.viewport import Viewport
from shapelab.gui.window.actions import NOT_MOVED, Actions, ClassMenu, TypeAhead
from shapelab.gui.window.certainty_link import CertaintyLink
from shapelab.gui.window.commands import Commands
from shapelab.gui.window.model_opener import ModelOpener
from shapelab.gui.window.overlays import DropInvitation
from shapelab.gui.window.parts_link import PartsLink
from shapelab.gui.window.scan_link import ScanLink
from shapelab.gui.window.status_bar import StatusBar
from shapelab.gui.window.stroke_link import StrokeLink

if TYPE_CHECKING:
    from shapelab.gui.compare.compare_view import CompareView

log = logging.getLogger("shapelab")

SIZE = (1440, 900)  # device-independent pixels, where the screen allows it
LEFT, RIGHT = 320, 320
TITLE = 36  # px of a window's title, which the size is without
EMPTY = (
    "There is nothing solid here.\nMove the sliders nearer to zero, lower the truncation, or undo."
)


class MainWindow(QMainWindow):
    """Shows one document; there is none until the model is loaded."""

    settled = Signal(bool)  # once: the first shape is there, or it cannot be

    def __init__(
        self,
        model_name: str | Path = START_MODEL,
        settings: WindowSettings | None = None,
        project: Path | None = None,
        at_start: bool = False,
    ) -> None:
        """A window with a model, or a project that was named.

        Args:
            model_name: name or path of the model.
            settings: those of the user unless others are given.
            project: the file of a project to begin with.
            at_start: of the app: the last session comes back if that is wanted, else it welcomes.
        """
        super().__init__()
        self.setObjectName("shapelab")
        self.setAcceptDrops(True)
        self.current = CurrentDocument(self)
        self.current.changed.connect(self._show_document)
        self.current.history_changed.connect(self._show_history)
        self.settings = settings or WindowSettings()
        self._model_name, self._project_file, self._at_start = model_name, project, at_start
        self._disconnect: list[Callable[[], object]] = []  # from the shown document and its session
        self._started = self._settled = self._closed = False
        self._loader: Task | None = None
        self.viewport = Viewport()
        self.viewport.clear("Starting…")
        self._view_drawn = threading.Event()
        self.viewport.drawn.connect(self._view_drawn.set)
        self.setCentralWidget(self.viewport)
        self.toasts = notify.Toasts(self.viewport)
        self._invitation = DropInvitation(self.viewport)
        self._stop_catching = notify.catch_stray_errors(self.toasts, log_folder() / "shapelab.log")
        self.latent_panel, self.image_panel, self.morph_panel = (
            LatentPanel(),
            ImagePanel(),
            MorphPanel(),
        )
        self.docks = self._build_docks()
        self.thumbnails = Thumbnails(self.current.model_of, self._busy, self)
        self.history = HistoryDock(self, self.docks[2], self.thumbnails)
        self.gallery = GalleryDock(self, self.current, self.thumbnails, self.toasts, self.settings)
        self.training = TrainingDock(self, self.settings, RIGHT)
        self.settled.connect(self.training.allow)
        self.status_bar = StatusBar()
        self.setStatusBar(self.status_bar)
        self.status_bar.show_text("Starting…")
        self.actions_ = Actions(self)
        self.commands = Commands(
            self, self.actions_, self.viewport, self.current, self.toasts, self.settings
        )
        self.scans = ScanLink(self.viewport, self.image_panel, self.current, self.actions_)
        self.models = ModelOpener(self, self.current, self.toasts, self.settings)
        self.models.loading.connect(self._show_loading)
        self.actions_["model"].triggered.connect(self.models.choose)
        self.class_menu = ClassMenu(self)
        self.latent_panel.model_requested.connect(self.models.choose)
        self.latent_panel.random_requested.connect(self.actions_["randomise"].trigger)
        whole = self.actions_["whole"]
        self.latent_panel.whole.setChecked(whole.isChecked())
        self.latent_panel.whole.toggled.connect(whole.setChecked)
        whole.toggled.connect(self.latent_panel.whole.setChecked)
        self.training_link = TrainingLink(
            self, self.training, self.actions_["training"], self.current, self.toasts
        )
        self.actions_["evaluate"].triggered.connect(self.training_link.evaluate_model)
        self.training_link.model_made.connect(self.models.open)
        self.project = WindowProject(
            self,
            self.actions_,
            self.commands,
            self.current,
            self.viewport,
            self.morph_panel,
            self.models,
            self.toasts,
            self.settings,
        )
        self.project.files.working.connect(self._show_loading)
        self.training_link.exploring.connect(self.project.name_run)
        self._compare: CompareView | None = None
        self._connect_gallery()
        self._connect_compare()
        self._build_bars()
        self.history.connect_action(self.actions_["history"])
        self.history.panel.failed.connect(self.toasts.exception)
        self.morph_panel.failed.connect(self.toasts.exception)
        for name, card in zip(("pin_a", "pin_b"), self.morph_panel.cards, strict=True):
            self.actions_[name].triggered.connect(card.pin.click)
        self.image_panel.picture_requested.connect(self.commands.open_files)
        self.image_panel.paste_requested.connect(self.commands.paste)
        self.image_panel.cancel_requested.connect(self._cancel_reading)
        self.pictures = PictureLink(
            self, self.image_panel, self.current, self.actions_["correct"], self.docks[1]
        )
        for source in (self.latent_panel.class_requested, self.class_menu.chosen):
            source.connect(self.pictures.choose_class)
        reset = self.actions_["reset"]
        self.latent_panel.moved_changed.connect(lambda moved: reset.allow(moved, NOT_MOVED))
        self.parts = PartsLink(self.viewport, self.current, self.actions_["mend"], self.toasts)
        switch, act = self.image_panel.doubt.certainty, self.actions_["certainty"]
        self.certainty = CertaintyLink(self.viewport, switch, self.current, act, self.settings)
        more, less = self.actions_["more"], self.actions_["less"]
        self.strokes = StrokeLink(self.viewport, self.current, more, less, self.toasts)
        self.strokes.before_wanted.connect(lambda number: self.compare.compare_step(number))
        self._place()
        self._layout = LayoutKeeper(
            self, self.findChildren(QDockWidget), self.actions_.all(), self._keep_layout
        )

    # --- building ------------------------------------------------------------------------------

    def _build_docks(self) -> tuple[QDockWidget, ...]:
        left, right = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
        docks = []
        for title, panel, area in (
            ("Shape", self.latent_panel, left),
            ("Picture", self.image_panel, right),
            ("Morph", self.morph_panel, right),
        ):
            dock = QDockWidget(title, self)
            dock.setObjectName(title.lower())
            dock.setWidget(panel)
            self.addDockWidget(area, dock)
            docks.append(dock)
        self.setDockOptions(
            QMainWindow.DockOption.AnimatedDocks | QMainWindow.DockOption.AllowTabbedDocks
        )
        self.resizeDocks(docks[:2], [LEFT, RIGHT], Qt.Orientation.Horizontal)
        self.resizeDocks(docks[1:], [530, 330], Qt.Orientation.Vertical)
        return tuple(docks)

    def _connect_gallery(self) -> None:
        toggle = self.actions_["gallery"]
        toggle.toggled.connect(self.gallery.setVisible)
        # A minimised window's dock is hidden too, but not closed.
        self.gallery.visibilityChanged.connect(
            lambda _visible: toggle.setChecked(not self.gallery.isHidden())
        )
        self.actions_["keep"].triggered.connect(self.gallery.keep)
        self.gallery.kept.connect(self.gallery.show)

    def _connect_compare(self) -> None:
        self.actions_["compare"].triggered.connect(lambda: self.compare.toggle())
        self.gallery.compare_wanted.connect(lambda shapes: self.compare.compare_kept(shapes))
        self.history.panel.list.compare_wanted.connect(
            lambda number: self.compare.compare_step(number)
        )

    @property
    def compare(self) -> CompareView:
        """Shapes side by side; made when it is first asked for."""
        if self._compare is None:
            from shapelab.gui.compare.compare_view import CompareView

            compare = CompareView(self.viewport, self.current, self.thumbnails, self.settings)
            compare.opened.connect(self.actions_["compare"].setChecked)
            compare.failed.connect(self.toasts.exception)
            compare.kept_wanted.connect(self.gallery.show_kept)
            compare.set_grid(self.actions_["grid"].isChecked())
            self.actions_["grid"].toggled.connect(compare.set_grid)
            self._compare = compare
        return self._compare

    def _build_bars(self) -> None:
        docks = [dock.toggleViewAction() for dock in self.docks]
        self.actions_.fill_menus(self.menuBar(), docks, self.commands.recent.menu, self.class_menu)
        keys = TypeAhead(self)
        for watched in (self, *self.findChildren(QDockWidget)):
            watched.installEventFilter(keys)
        bar = QToolBar("Tools")
        bar.setObjectName("tools")
        bar.setMovable(False)
        bar.toggleViewAction().setVisible(False)
        self.addToolBar(bar)
        self.actions_.fill_toolbar(bar)
        self.actions_.enable(model=False, surface=False)
        self._show_history()

    def _place(self) -> None:
        if self.settings.restore(self):
            return
        free = QGuiApplication.primaryScreen().availableSize()
        self.resize(min(SIZE[0], free.width()), min(SIZE[1], free.height() - TITLE))

    # --- starting ------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._started:
            self._started = True
            QTimer.singleShot(0, self._load)  # everything slow waits for the first paint

    def _load(self) -> None:
        if self._closed:
            return
        load = self.project.loader(
            self._model_name, self._project_file, self._at_start, self._view_drawn
        )
        self._loader = Task(load, self)
        self._loader.progress.connect(self._show_progress)
        self._loader.done.connect(self._begin)
        self._loader.failed.connect(self._fail_to_load)
        self._loader.start()

    @Slot(object)
    def _show_progress(self, text: str) -> None:
        self.status_bar.show_text(text)
        if self.viewport.mesh is None:
            self.viewport.clear(text)

    @Slot(object)
    def _begin(self, beginning: Beginning) -> None:
        self._loader = None
        self.project.begin(beginning, self._at_start)

    def _busy(self) -> bool:
        """Whether the user waits for a shape; what is drawn beside it can wait."""
        return self.document is not None and self.document.moving

    @property
    def document(self) -> Document | None:
        """What is shown; None until the model is loaded."""
        return self.current.document

    @Slot(object)
    def _show_document(self, document: Document) -> None:
        for disconnect in self._disconnect:
            disconnect()
        session = document.session
        wires = (
            document.surface_ready.connect(self._show_shape),
            document.surface_failed.connect(self._show_nothing),
            document.reading.connect(self._show_reading),
            document.original_changed.connect(self.pictures.show_original),
            document.object_missing.connect(self.pictures.show_missing),
            document.failed.connect(self.toasts.exception),
            document.whole_already.connect(self.parts.say_whole),
            document.opened.connect(self.commands.recent.remember),
            document.unread.connect(self._show_unread),
            document.several_opened.connect(self._show_opened),
            document.model_needed.connect(self.models.find),
            document.sight_needed.connect(self.models.find_seeing),
            document.guest_changed.connect(self._show_guest),
            document.original_changed.connect(self.scans.update_scan),
            document.original_changed.connect(self.certainty.follow_original),
            document.guest_changed.connect(self.scans.update_scan),
        )
        self._disconnect = [
            *(partial(QObject.disconnect, wire) for wire in wires),
            session.shape_changed.connect(self.status_bar.show_state),
        ]
        for panel in (self.latent_panel, self.morph_panel, self.class_menu, self.history.panel):
            panel.set_session(session)
        self.pictures.show_original(document.original)
        model = document.model
        self.image_panel.hint.ask_for(model.sees_pictures)
        self.image_panel.busy(False)  # what the document before was reading is given up
        self._show_guest(document.guest)
        self.actions_.enable(model=True, surface=False)

    @Slot(object)
    def _fail_to_load(self, error: Exception) -> None:
        self._loader = None
        self.status_bar.show_text("No model")
        self.viewport.clear("No model could be loaded.")
        self.toasts.exception(error)
        self._settle(False)

    def _settle(self, shown: bool) -> None:
        if not self._settled:
            self._settled = True
            self.settled.emit(shown)

    # --- showing -------------------------------------------------------------------------------

    @Slot(object)
    def _show_shape(self, shown: ShownShape) -> None:
        self.viewport.show_mesh(shown.blocks or shown.mesh)
        self.status_bar.show_shape(shown)
        self.latent_panel.surface.show_found(shown.surface.level)
        self.latent_panel.surface.level.show_counts(shown.histogram)
        self.image_panel.show_agreement(shown.agreement)
        self.pictures.follow(shown)
        self.parts.show(shown)
        self.certainty.follow(shown)
        self.scans.follow(shown)
        self.strokes.follow(shown)
        self.actions_.enable(model=True, surface=True, latent=shown.request.guest is None)
        self._settle(True)

    @Slot(object)
    def _show_nothing(self, error: Exception) -> None:
        if isinstance(error, ShapelabError):
            self.viewport.clear(EMPTY)
        else:
            self.viewport.clear()
            self.toasts.exception(error)
        self.status_bar.show_shape(None)
        self.image_panel.show_agreement(None)
        self.parts.clear()
        self.certainty.follow(None)
        self.strokes.follow(None)
        self.actions_.enable(model=True, surface=False)
        self._settle(True)

    @Slot(object)
    def _show_guest(self, guest: Guest | None) -> None:
        if guest is not None:
            self.status_bar.show_text(guest.origin[:1].upper() + guest.origin[1:])
        elif self.document is not None:
            self.status_bar.show_state(self.document.session.state)

    @Slot(str)
    def _show_reading(self, name: str) -> None:
        self.image_panel.busy(bool(name), f"Reading {name}…")
        if name:
            self.docks[1].show()
            self.docks[1].raise_()
            self.status_bar.show_text(f"Reading {name}…")
        elif self.document is not None:
            state = self.document.session.state
            self.status_bar.show_state(state)
            for view in (self.latent_panel, self.class_menu):
                view.show_state(state)  # where another class was asked for and none came of it

    @Slot(str)
    def _show_loading(self, text: str) -> None:
        if text:
            self.status_bar.show_text(text)
        elif self.document is not None:
            self.status_bar.show_state(self.document.session.state)

    def _show_history(self) -> None:
        for name, text in (("undo", self.current.undo_text), ("redo", self.current.redo_text)):
            self.actions_[name].allow(bool(text), f"There is nothing to {name}.")
            self.actions_[name].setText(f"&{name.capitalize()} {text}".rstrip())

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Goes on with Tab; docks behind others count as visible for Qt, but nobody sees them."""
        first = None
        moved = super().focusNextPrevChild(forward)
        while moved and (widget := QApplication.focusWidget()) is not first:
            first = first or widget
            if not _is_behind(widget):
                break
            moved = super().focusNextPrevChild(forward)
        return moved

    # --- opening -------------------------------------------------------------------------------

    def open_paths(self, paths: Iterable[Path]) -> None:
        """Opens pictures, meshes, voxel files and saved shapes one after the other."""
        self.current.open(dropped_files.from_paths(list(paths)))

    @Slot(list)
    def _show_unread(self, unread: list[tuple[str, Exception]]) -> None:
        self.toasts.error(*notify.describe_files(unread))

    @Slot(int, int)
    def _show_opened(self, opened: int, together: int) -> None:
        """What came together lies in the gallery side by side."""
        if opened:
            self.gallery.show()
            whole = "All" if opened == together else f"{opened} of"
            self.toasts.info(f"{whole} {together} files are in the gallery.")

    @Slot()
    def _cancel_reading(self) -> None:
        if self.document is not None:
            self.document.cancel()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dropped_files.acceptable(event.mimeData()):
            event.acceptProposedAction()
            self._invitation.show()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._invitation.hide()
        super().dragLeaveEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:
        self._invitation.hide()
        sources = dropped_files.sources(event.mimeData())
        if sources:
            event.acceptProposedAction()
            self.current.open(sources)

    @Slot()
    def _keep_layout(self) -> None:
        self.commands.keep_view()
        self.settings.keep(self)

    # --- closing -------------------------------------------------------------------------------

    def closeEvent(self, event: QCloseEvent) -> None:
        """Threads first, then the interactor, then the window: any other order can crash."""
        if not self._closed and not (self.project.may_close() and self.training_link.may_close()):
            event.ignore()
            return
        self._closed = True
        self._layout.stop()
        self.hide()  # loading torch cannot be interrupted; nobody should watch the wait
        self.morph_panel.shutdown()
        self.history.panel.stop()
        parts = (self.training, self.training_link, self.commands, self.pictures, self.certainty)
        for part in (*parts, self.strokes, self.thumbnails, self.gallery):
            part.stop()
        if self._compare is not None:
            self._compare.stop()
        if self._loader is not None:
            self._loader.stop()
            self._loader = None
        self.models.stop()
        self.project.stop()
        self.current.stop()
        self.viewport.shutdown()
        self._keep_layout()
        self._stop_catching()
        super().closeEvent(event)


def _is_behind(widget: QWidget | None) -> bool:
    """Whether a widget is in a dock that another one covers as a tab."""
    while widget is not None and not isinstance(widget, QDockWidget):
        widget = widget.parentWidget()
    return widget is not None and widget.visibleRegion().isEmpty()
