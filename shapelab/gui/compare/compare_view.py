"""Two or four shapes over the viewport, seen by one camera; colours tell how far they differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QHideEvent, QImage, QKeyEvent, QMouseEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from shapelab.core.session.session import Session
from shapelab.gui.base import theme
from shapelab.gui.base.labels import heading
from shapelab.gui.base.measured_colours import DISTANCES, Legend, fitting_end
from shapelab.gui.base.overlay import Overlay
from shapelab.gui.base.settings import SIZE_MAX, SIZE_MIN, SIZE_MM, WindowSettings
from shapelab.gui.base.workers import LatestOnly
from shapelab.gui.compare.compare_pane import ComparePane, shape_colour
from shapelab.gui.compare.comparison import Comparer, Request, Shown
from shapelab.gui.compare.subjects import KEPT, NOW, STEP, Subject, first_choice, now, subjects
from shapelab.gui.document.current_document import CurrentDocument
from shapelab.gui.document.document import Document
from shapelab.gui.panels.photo_overlay import ViewRequest
from shapelab.gui.panels.thumbnails import Thumbnails
from shapelab.gui.viewport.viewport import Viewport

if TYPE_CHECKING:
    from shapelab.core.session.gallery import KeptShape

FEW, MANY = 2, 4  # panes
ROOMY, NARROW = 500, 480  # px, widths with room for the title, and with none for one row of choices
SAY_BUSY_MS = 300  # what takes longer is told


class CompareView(Overlay):
    """Covers the viewport, whose camera all panes share; follows the document while it is open.

    Signals:
        opened: whether it is open, each time that this changes.
        kept_wanted: the id of a kept shape that the document shall show.
        failed: the exception of a comparison that cannot be made.
    """

    opened = Signal(bool)
    kept_wanted = Signal(str)
    failed = Signal(object)
    _open_now = False  # Qt hides a widget before it has been made

    def __init__(
        self,
        viewport: Viewport,
        current: CurrentDocument,
        thumbnails: Thumbnails,
        settings: WindowSettings,
    ) -> None:
        super().__init__(viewport)
        self._main, self._current, self._thumbnails = viewport, current, thumbnails
        self._settings = settings
        self.panes: list[ComparePane] = []
        self._grid_shown = True
        self._chosen: list[str] = []  # keys of what the panes show
        self._listed: dict[str, Subject] = {}
        self._asked: Request | None = None
        self._answer: Sequence[Shown] = ()
        self._worker: LatestOnly | None = None
        self._disconnect: list[Callable[[], object]] = []
        self._aiming = self._stopped = False
        self.setAutoFillBackground(True)
        self.setAccessibleName("Comparison")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._places = QGridLayout()
        self._places.setSpacing(theme.SPACE)
        column = self._column = QVBoxLayout(self)
        column.setContentsMargins(*(theme.SPACE,) * 4)
        column.setSpacing(theme.SPACE_SMALL)
        self._head = self._build_head()
        column.addLayout(self._head)
        column.addLayout(self._places, 1)
        column.addLayout(self._build_foot())
        self._is_narrow = False
        self._patience = QTimer(self, singleShot=True, interval=SAY_BUSY_MS)
        self._patience.timeout.connect(lambda: self.working.setText("Measuring…"))
        self._relist = QTimer(self, singleShot=True, interval=0)  # many changes, one list
        self._relist.timeout.connect(self._list)
        self._unshown: list[Callable[[], None]] = []  # what shows the answer, pane by pane
        self._turns = QTimer(self, singleShot=True, interval=0)  # as a first frame takes long
        self._turns.timeout.connect(self._show_next)
        viewport.camera_changed.connect(lambda: self._aim(viewport))
        current.changed.connect(self._follow_document)
        thumbnails.drawn.connect(self._show_pictures)

    # --- building ------------------------------------------------------------------------------

    def _build_head(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(theme.SPACE)
        self._title = heading("Compare")
        row.addWidget(self._title)
        self._counts = QButtonGroup(self)
        for count, words in ((FEW, "Two"), (MANY, "Four")):
            button = QPushButton(f"{count}")
            button.setCheckable(True)
            button.setToolTip(f"{words} shapes side by side")
            button.setAccessibleName(f"{words} shapes")
            self._counts.addButton(button, count)
            row.addWidget(button)
        self._counts.button(FEW).setChecked(True)
        self._counts.idToggled.connect(self._follow_count)
        self.colours, self.overlay = QCheckBox("&Differences"), QCheckBox("O&verlay")
        self.colours.setToolTip(
            "A is measured from B, the others from A: red stands outside, blue lies inside."
        )
        self.overlay.setToolTip("Lay over each shape what it is measured from, to see through.")
        self.colours.setChecked(True)
        self.colours.toggled.connect(self._ask)
        self.overlay.toggled.connect(self._show)
        self._choices = QWidget()
        choices = QHBoxLayout(self._choices)
        choices.setContentsMargins(0, 0, 0, 0)
        choices.addWidget(self.colours)
        choices.addWidget(self.overlay)
        row.addWidget(self._choices)
        row.addStretch(1)
        self.close_button = QPushButton("Close")
        self.close_button.setToolTip("Back to the shape (Esc)")
        self.close_button.clicked.connect(self.hide)
        row.addWidget(self.close_button)
        return row

    def _build_foot(self) -> QHBoxLayout:
        self.legend, self.working, self.scale = Legend(DISTANCES), QLabel(), QLabel()
        for label in (self.working, self.scale):
            label.setProperty("muted", True)
        row = QHBoxLayout()
        row.setSpacing(theme.SPACE)
        row.addWidget(self.working)
        row.addStretch(1)
        row.addWidget(self.scale)
        row.addWidget(self.legend)
        return row

    # --- what it is asked ----------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether surfaces or distances are on their way."""
        waits = self._relist.isActive() or self._turns.isActive()
        return self.isVisible() and (waits or (self._worker is not None and self._worker.busy))

    def choose_count(self, count: int) -> None:
        """Shows ``FEW`` or ``MANY`` shapes."""
        self._counts.button(count).setChecked(True)

    def choose(self, place: int, key: str) -> None:
        """Shows something else in a pane; KeyError where there is no such thing.

        Nothing happens while the panes still list what is of the document before.
        """
        if place >= len(self._chosen):
            return
        self._chosen[place] = key
        self.panes[place].list_subjects(self._listed, key)
        self._ask()

    @property
    def count(self) -> int:
        """How many panes there are."""
        return self._counts.checkedId()

    @Slot()
    def toggle(self) -> None:
        """Opens with what suits the shown shape, or closes."""
        if self.isVisible():
            self.hide()
        else:
            self._open([])

    def compare_kept(self, shapes: Sequence[KeptShape]) -> None:
        """Compares kept shapes; one alone, with the shown one."""
        keys = [KEPT + shape.id for shape in shapes[:MANY]]
        self._open(keys if len(keys) > 1 else [NOW, *keys])

    def compare_step(self, number: int) -> None:
        """Compares the shown shape with a step of the history."""
        self._open([NOW, f"{STEP}{number}"])

    def _open(self, keys: list[str]) -> None:
        if self._current.document is None or self._stopped:
            return
        self._chosen = keys
        if keys:
            self.choose_count(FEW if len(keys) <= FEW else MANY)
        if self.isVisible():
            self._list()
        self.show()
        self.setFocus(Qt.FocusReason.PopupFocusReason)

    def set_grid(self, visible: bool) -> None:
        """Shows the floor of every pane, or hides it."""
        self._grid_shown = visible
        for pane in self.panes:
            pane.viewport.set_grid(visible)

    def stop(self) -> None:
        """Ends the threads and frees the views; it does not open again."""
        self._stopped = True
        self.hide()
        self._patience.stop()
        self._relist.stop()
        self._turns.stop()
        if self._worker is not None:
            self._worker.stop()
        for pane in self.panes:
            pane.stop()

    # --- following -----------------------------------------------------------------------------

    @Slot(object)
    def _follow_document(self, _document: Document) -> None:
        """What was chosen is of the document before."""
        self._chosen = []
        if self.isVisible():
            self._connect()
            self._list()

    def _connect(self) -> None:
        self._let_go()
        document = self._current.document
        if document is None:
            return
        session: Session = document.session
        wires = [document.surface_ready.connect(self._follow_surface)]
        wires += [
            signal.connect(self._follow_list)
            for signal in (
                document.surface_failed,
                document.original_changed,
                document.guest_changed,
            )
        ]
        self._disconnect = [
            *(partial(QObject.disconnect, wire) for wire in wires),
            session.gallery_changed.connect(self._follow_list),
            session.history_changed.connect(self._follow_list),
        ]

    def _let_go(self) -> None:
        for disconnect in self._disconnect:
            disconnect()
        self._disconnect = []

    def _forget(self) -> None:
        """What is listed and shown holds models, which may be left before it opens again."""
        self._turns.stop()
        self._listed, self._asked, self._answer, self._unshown = {}, None, (), []
        for pane in self.panes:
            pane.let_go()

    def _follow_surface(self, _shown: object) -> None:
        """The shown shape has moved, perhaps with a slider: only what shows it changes."""
        if NOW in self._chosen and NOW in self._listed:
            self._listed[NOW] = now(self._current.require())
            self._ask()

    def _follow_list(self, *_change: object) -> None:
        self._relist.start()

    # --- showing -------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._open_now:
            self._open_now = True
            self._connect()
            self._list()
            self.opened.emit(True)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        if self._open_now and self.isHidden():  # not with a minimised window
            self._open_now = False
            self._let_go()
            self._relist.stop()
            self._give_up()
            self._forget()
            self.opened.emit(False)

    def _lay_out_head(self) -> None:
        """Where it is narrow, choices get a row of their own, and less room around."""
        self.scale.setVisible(not self._is_narrow)
        margin = theme.SPACE_SMALL // 2 if self._is_narrow else theme.SPACE
        self._column.setContentsMargins(*(margin,) * 4)
        self._head.setSpacing(margin)
        if self._is_narrow:
            self._column.insertWidget(1, self._choices, 0, Qt.AlignmentFlag.AlignLeft)
        else:
            self._head.insertWidget(1 + len(self._counts.buttons()), self._choices)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._title.setVisible(self.width() > ROOMY)
        if (self.width() < NARROW) != self._is_narrow:
            self._is_narrow = not self._is_narrow
            self._lay_out_head()
        if self.panes:
            self._lay_out()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange and self.isVisible():
            self._show()
        super().changeEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.hide()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        event.accept()  # the view below must not turn

    def _list(self) -> None:
        """Offers what there is, and compares what is chosen."""
        document = self._current.document
        if document is None or not self.isVisible():
            return
        listed = self._listed = subjects(document, self._current.model_of)
        kept = [key for key in self._chosen if key in listed]
        more = (key for key in first_choice(listed, document, MANY) if key not in kept)
        while len(kept) < self.count:
            kept.append(next(more, NOW))
        self._chosen = kept
        self._lay_out()
        for pane, key in zip(self.panes, kept, strict=False):
            pane.list_subjects(listed, key)
        self._ask()

    @Slot(int, bool)
    def _follow_count(self, _count: int, checked: bool) -> None:
        if checked:
            self._list()

    def _lay_out(self) -> None:
        while len(self.panes) < self.count:
            self._add_pane()
        # In a tall view two lie on top of each other.
        columns = 1 if self.count == FEW and self.width() < self.height() else FEW
        for place, pane in enumerate(self.panes):
            self._places.addWidget(pane, place // columns, place % columns)
            pane.setVisible(place < self.count)
            # One set of axes tells of all; in a small pane it would cover the shape.
            pane.viewport.set_axes(place == 0 and self.count == FEW)

    def _add_pane(self) -> None:
        place = len(self.panes)
        before = self.panes[-1].viewport if self.panes else None
        pane = ComparePane(place, self._picture, before)
        pane.picked.connect(partial(self.choose, place))
        pane.wanted.connect(self._go)
        pane.viewport.set_grid(self._grid_shown)
        pane.viewport.camera_changed.connect(partial(self._aim, pane.viewport))
        pane.viewport.look(self._main.orbit, self._main.fitted)
        self.panes.append(pane)

    def _picture(self, subject: Subject) -> QImage:
        return self._thumbnails.picture(subject.portrait) if subject.portrait else QImage()

    @Slot()
    def _show_pictures(self, *_key: object) -> None:
        if self.isVisible():
            for pane, key in zip(self.panes, self._chosen, strict=False):
                pane.box.show_pictures("" if pane.box.view().isVisible() else key)

    def _go(self, key: str) -> None:
        if key.startswith(KEPT):
            self.kept_wanted.emit(key.removeprefix(KEPT))
        elif key.startswith(STEP):
            self._current.session.go_to_step(int(key.removeprefix(STEP)))

    def _aim(self, moved: Viewport) -> None:
        """All look from where one looks."""
        if self._aiming or not self.isVisible():
            return
        self._aiming = True
        try:
            for view in (self._main, *(pane.viewport for pane in self.panes)):
                if view is not moved:
                    view.look(moved.orbit, moved.fitted)
        finally:
            self._aiming = False

    # --- comparing -----------------------------------------------------------------------------

    @Slot()
    def _ask(self) -> None:
        if not self.isVisible() or self._stopped:
            return
        if self._worker is None:
            comparer = Comparer()
            self._worker = LatestOnly(comparer.compare, self)
            self._worker.done.connect(self._take)
            self._worker.failed.connect(self._fail)
        if len(self._chosen) < self.count:
            return  # until what there is has been listed
        chosen = tuple(self._listed[key] for key in self._chosen[: self.count])
        self._asked = Request(chosen, self.colours.isChecked())
        self._worker.submit(self._asked)
        if not self._patience.isActive():
            self._patience.start()

    def _give_up(self) -> None:
        if self._asked is not None:
            self._asked.over.set()
        self._patience.stop()
        self.working.clear()

    @Slot(object, object)
    def _take(self, request: Request, answer: Sequence[Shown]) -> None:
        if len(answer) != self.count or not self.isVisible():
            return
        if request is self._asked:
            self._patience.stop()
            self.working.clear()
        self._answer = answer
        self._show()

    @Slot(object, object)
    def _fail(self, request: Request, error: Exception) -> None:
        if request is self._asked:
            self._patience.stop()
            self.working.clear()
        self.failed.emit(error)

    @Slot()
    def _show(self) -> None:
        answer = self._answer
        if len(answer) != self.count:
            return
        mm = self._mm_a_side(answer)
        measured = [each.distances * mm for each in answer if each.distances is not None]
        end = fitting_end(measured) if measured else 0.0
        self.legend.show_end(end)
        size = self._size()
        self.scale.setText(f"A printed {size:g} mm long:" if end else "")
        self._unshown = []
        for pane, shown in zip(self.panes, answer, strict=False):
            ghost = self._ghost(answer, shown) if self.overlay.isChecked() else None
            self._unshown.append(partial(pane.show_shape, shown, mm, end, ghost))
        self._unshown.append(self._show_photos)
        self._turns.start()

    @Slot()
    def _show_next(self) -> None:
        """One pane a turn of the window."""
        self._unshown.pop(0)()
        if self._unshown:
            self._turns.start()

    def _ghost(self, answer: Sequence[Shown], shown: Shown) -> Shown | None:
        """What a shape is held against: the first one, of which the second is."""
        other = answer[0] if shown is not answer[0] else answer[1]
        return other if other.mesh is not None else None

    def _show_photos(self) -> None:
        first = self.panes[0].subject
        for pane in self.panes[: self.count]:
            original = pane.subject.photo if pane.subject else None
            hypothesis = original.result.hypothesis if original else None
            if hypothesis is None or first is None or first.occupancy is None:
                continue
            camera = hypothesis.cameras[0]
            pane.show_photo(ViewRequest(first.occupancy, first.options, camera, shape_colour()))

    def _size(self) -> float:
        return self._settings.number("export/size_mm", SIZE_MM, SIZE_MIN, SIZE_MAX)

    def _mm_a_side(self, answer: Sequence[Shown]) -> float:
        """Millimetres of a side of the grid, for the first shape at the size of the last export."""
        mesh = next((each.mesh for each in answer if each.mesh is not None), None)
        longest = 0.0 if mesh is None else float(mesh.extents.max())
        return self._size() / longest if longest else 1.0
