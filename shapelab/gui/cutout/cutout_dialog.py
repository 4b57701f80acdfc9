"""The cut-out editor: tools, the picture, and beside it what the image encoder gets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QSize, Qt, Signal, Slot
from PySide6.QtGui import QAction, QActionGroup, QColor, QKeySequence, QPalette
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QToolBar,
    QVBoxLayout,
    QWidget,
)

from shapelab.core.errors import Cancelled, ShapelabError
from shapelab.core.inputs import rembg_cutout
from shapelab.core.inputs.cutout_edit import (
    MOST_STEPS,
    UNCHANGED,
    AsIs,
    CutoutEdit,
    GivenMask,
    Grow,
    Invert,
    Places,
    Step,
    straightening,
)
from shapelab.core.inputs.images import PICTURE_SUFFIXES, PreparedImage
from shapelab.core.inputs.picture_hints import mask_step
from shapelab.gui.base import theme
from shapelab.gui.base.labels import MARGIN, SPACING, heading, muted
from shapelab.gui.base.workers import LatestOnly, Task
from shapelab.gui.cutout.cutout_canvas import ZOOM_STEP, CutoutCanvas
from shapelab.gui.cutout.cutout_preview import (
    CutoutPreview,
    DepthPreviewMaker,
    PreviewMaker,
    PreviewRequest,
)
from shapelab.gui.cutout.cutout_tools import (
    BOX,
    BRUSHES,
    CROP,
    OBJECT,
    STRAIGHTEN,
    TOOLS,
    WITH_EDGES,
    crop_of,
    step_of,
)
from shapelab.gui.panels.shape_pictures import PicturePane, rgba_image

if TYPE_CHECKING:
    from shapelab.core.inputs.depth.depth_object import DepthObject
    from shapelab.core.model.spec import ModelSpec

SIZE = (1000, 640)
SIDE_WIDTH = 190  # px of the encoder's input
BRUSH_RANGE, BRUSH_AT_FIRST = (4, 150), 40  # thousandths of the picture's side
A_LITTLE = 1 / 256  # of the picture's side: what grow and shrink do
CAPTIONS = ("Colours", "Mask")
DEPTH_CAPTIONS = ("Near is bright", "What is taken")
#: A depth picture is seen through one lens, and no picture is made of it.
NOT_FOR_DEPTH = (CROP, STRAIGHTEN, "rotate-left", "rotate-right", "flip")


class CutoutDialog(QDialog):
    """Corrects the cut-out of one picture; ``chosen`` brings the picture once that is agreed to.

    Signals:
        chosen: PreparedImage, cut out as was drawn; of a depth picture its Shot.
    """

    chosen = Signal(object)

    def __init__(
        self,
        picture: PreparedImage,
        spec: ModelSpec,
        name: str,
        parent: QWidget | None = None,
        deep: DepthObject | None = None,
    ) -> None:
        """Args: spec: of the model that gets it; deep: of which the picture is made, if it is."""
        super().__init__(parent)
        self.setWindowTitle(f"Cut Out {name}")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._picture, self._first = picture, picture.edit
        self._edits, self._at = [picture.edit], 0  # what undo and redo go along
        self._preview: CutoutPreview | None = None
        self._asked: PreviewRequest | None = None
        self._reading: Task | None = None
        self._deep = deep
        maker = PreviewMaker(picture, spec) if deep is None else DepthPreviewMaker(deep)
        self._worker = LatestOnly(maker, self)
        self._worker.done.connect(self._show)
        self._worker.failed.connect(self._fail)
        self.canvas = CutoutCanvas(picture.original)
        self.canvas.drawn.connect(self._draw)
        self.canvas.view_changed.connect(self._show_zoom)
        self._actions: dict[str, QAction] = {}
        self._build()
        if deep is not None:
            self._leave_out_for_depth()
        wrong = picture.method in ("nothing", "grabcut")
        self._actions[BOX if wrong else OBJECT].trigger()
        self.resize(*SIZE)
        self._go_on()

    @property
    def edit(self) -> CutoutEdit:
        return self._edits[self._at]

    @property
    def busy(self) -> bool:
        """Whether the mask of the edit is on its way, or a mask is being read."""
        return self._worker.busy or self._reading is not None

    def action(self, name: str) -> QAction:
        """A tool or a command by its name."""
        return self._actions[name]

    # --- building --------------------------------------------------------------------------------

    def _build(self) -> None:
        left = QVBoxLayout()
        left.setSpacing(SPACING)
        left.addLayout(self._build_head())
        left.addWidget(self.canvas, 1)
        middle = QHBoxLayout()
        middle.setSpacing(SPACING)
        middle.addWidget(self._build_tools())
        middle.addLayout(left, 1)
        middle.addWidget(self._build_side())
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        column.setSpacing(MARGIN)
        column.addLayout(middle, 1)
        column.addLayout(self._build_foot())

    def _build_tools(self) -> QToolBar:
        bar = QToolBar()
        bar.setOrientation(Qt.Orientation.Vertical)
        bar.setIconSize(QSize(theme.ICON_SIZE, theme.ICON_SIZE))
        group = QActionGroup(self)
        for tool in TOOLS:
            action = self._add(tool.name, tool.title, tool.icon, tool.key, tool.hint)
            action.setCheckable(True)
            action.setData(tool)
            group.addAction(action)
            bar.addAction(action)
        group.triggered.connect(self._choose)
        bar.addSeparator()
        for name, title, icon, key, act in (
            ("invert", "Invert", "invert", "I", lambda: self._add_step(Invert())),
            ("grow", "Grow", "grow", "+", lambda: self._add_step(Grow(A_LITTLE))),
            ("shrink", "Shrink", "shrink", "-", lambda: self._add_step(Grow(-A_LITTLE))),
            ("rotate-left", "Rotate left", "rotate-left", "Ctrl+Left", lambda: self._turn(1)),
            ("rotate-right", "Rotate right", "rotate-right", "Ctrl+Right", lambda: self._turn(-1)),
            ("flip", "Flip", "flip", "F", lambda: self._go(self.edit.mirrored())),
        ):
            if name == "rotate-left":
                bar.addSeparator()
            bar.addAction(self._add(name, title, icon, key, act=act))
        return bar

    def _build_head(self) -> QHBoxLayout:
        self.brush = QSlider(Qt.Orientation.Horizontal)
        self.brush.setRange(*BRUSH_RANGE)
        self.brush.setFixedWidth(120)
        self.brush.setAccessibleName("Brush")
        self.brush.setToolTip("Width of the brush ([ and ])")
        self.brush.valueChanged.connect(lambda value: self.canvas.set_brush(value / 1000))
        self.brush.setValue(BRUSH_AT_FIRST)
        self._brush_label = QLabel("Brush")
        self.edges = QCheckBox("Find edges")
        self.edges.setChecked(True)
        self.edges.setToolTip(
            "What you draw goes on to the edges of what looks like it. Without, exactly what you "
            "draw counts."
        )
        self.hint = muted()
        bar = QToolBar()
        bar.setIconSize(QSize(theme.ICON_SIZE, theme.ICON_SIZE))
        for name, title, icon, key, act in (
            ("undo", "Undo", "undo", "Ctrl+Z", lambda: self._travel(-1)),
            ("redo", "Redo", "redo", "Ctrl+Shift+Z", lambda: self._travel(1)),
            ("zoom-out", "Zoom out", "zoom-out", "Ctrl+-", lambda: self._zoom(1 / ZOOM_STEP)),
            ("fit", "Whole picture", "fit", "Ctrl+0", self.canvas.fit),
            ("zoom-in", "Zoom in", "zoom-in", "Ctrl++", lambda: self._zoom(ZOOM_STEP)),
        ):
            if name == "zoom-out":
                bar.addSeparator()
            bar.addAction(self._add(name, title, icon, key, act=act))
        self._add("thinner", "Thinner brush", "", "[", act=lambda: self._widen(-8))
        self._add("wider", "Wider brush", "", "]", act=lambda: self._widen(8))
        row = QHBoxLayout()
        row.setSpacing(SPACING)
        row.addWidget(self.hint, 1)
        for widget in (self._brush_label, self.brush, self.edges, bar):
            row.addWidget(widget)
        return row

    def _build_side(self) -> QWidget:
        side = QWidget()
        side.setFixedWidth(SIDE_WIDTH)
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE_SMALL)
        column.addSpacing(SPACING)
        column.addWidget(heading("What the model gets"))
        column.addSpacing(SPACING)
        self.inputs = (PicturePane(), PicturePane())
        captions = CAPTIONS if self._deep is None else DEPTH_CAPTIONS
        for pane, words in zip(self.inputs, captions, strict=True):
            caption = muted(words)
            caption.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            column.addWidget(pane)
            column.addWidget(caption)
        self.problem = QLabel(wordWrap=True)
        self.problem.setTextFormat(Qt.TextFormat.PlainText)
        column.addSpacing(SPACING)
        column.addWidget(self.problem)
        column.addStretch(1)
        return side

    def _build_foot(self) -> QHBoxLayout:
        self.as_is, self.load_mask = QPushButton("Use as Is"), QPushButton("Load Mask…")
        self.by_rembg, self.start_over = QPushButton("Cut Out by rembg"), QPushButton("Start Over")
        self.cancel, self.make = QPushButton("Cancel"), QPushButton("Make Shape")
        self.as_is.setToolTip("Removes nothing but what is transparent in the file.")
        self.load_mask.setToolTip("Takes a picture that is white, or opaque, where the object is.")
        model = rembg_cutout.local_model() if rembg_cutout.is_installed() else None
        if model is None:
            self.by_rembg.hide()
        else:
            self.by_rembg.setToolTip(f"Takes the cut-out of its model {model.stem}; some seconds.")
        self.start_over.setToolTip("Back to the cut-out that was found; undo brings yours back.")
        self.as_is.clicked.connect(lambda: self._add_step(AsIs()))
        self.load_mask.clicked.connect(self._choose_mask)
        self.by_rembg.clicked.connect(self._ask_rembg)
        self.start_over.clicked.connect(lambda: self._go(UNCHANGED))
        self.cancel.clicked.connect(self.reject)
        self.make.clicked.connect(self._agree)
        row = QHBoxLayout()
        row.setSpacing(SPACING)
        for button in (self.as_is, self.load_mask, self.by_rembg, self.start_over):
            button.setAutoDefault(False)
            row.addWidget(button)
        row.addStretch(1)
        for button in (self.cancel, self.make):
            button.setAutoDefault(False)
            row.addWidget(button)
        self.make.setDefault(True)
        return row

    def _leave_out_for_depth(self) -> None:
        for name in NOT_FOR_DEPTH:
            self._actions[name].setVisible(False)
            self._actions[name].setEnabled(False)
        self.edges.setChecked(False)  # GrabCut knows colours, of which there are none
        self.by_rembg.hide()

    def _add(
        self,
        name: str,
        title: str,
        icon: str,
        key: str,
        hint: str = "",
        act: Callable[[], Any] | None = None,
    ) -> QAction:
        action = QAction(title, self)
        action.setShortcut(QKeySequence(key))
        shown = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        action.setToolTip(f"{title} ({shown}). {hint}".strip() if hint else f"{title} ({shown})")
        if icon:
            action.setIcon(theme.icon(icon))
        if act is not None:
            action.triggered.connect(lambda _checked=False: act())
        self._actions[name] = action
        self.addAction(action)
        return action

    # --- tools -----------------------------------------------------------------------------------

    @Slot(QAction)
    def _choose(self, action: QAction) -> None:
        tool = action.data()
        self.canvas.choose(tool.name)
        self.hint.setText(tool.hint)
        for widget in (self._brush_label, self.brush):
            widget.setVisible(tool.name in BRUSHES)
        self.edges.setVisible(tool.name in WITH_EDGES and self._deep is None)
        self.canvas.setFocus()

    def _widen(self, by: int) -> None:
        self.brush.setValue(self.brush.value() + by)

    def _zoom(self, factor: float) -> None:
        self.canvas.zoom_by(factor)

    @Slot()
    def _show_zoom(self) -> None:
        if "fit" in self._actions:
            for name in ("fit", "zoom-out"):
                self._actions[name].setEnabled(self.canvas.zoom > 1.0)

    @Slot(object)
    def _draw(self, places: Places) -> None:
        tool = self.canvas.tool
        if tool == CROP:
            crop = crop_of(places)
            self._go(replace(self.edit, crop=crop))
            return
        if tool == STRAIGHTEN:
            tilt = straightening(places)
            self._go(self.edit if tilt is None else replace(self.edit, tilt=tilt))
            return
        step = step_of(tool, places, self.canvas.brush, self.edges.isChecked())
        if step is None:
            self.canvas.forget_ghost()
        else:
            self._add_step(step)

    # --- the edit --------------------------------------------------------------------------------

    def _add_step(self, step: Step) -> None:
        if len(self.edit.steps) < MOST_STEPS:
            self._go(self.edit.with_step(step))
        else:  # more could not be opened again
            self.canvas.forget_ghost()
            self._say(f"A cut-out takes {MOST_STEPS} corrections; undo some, or start over.")

    def _turn(self, quarters: int) -> None:
        self._go(self.edit.turned(quarters))

    def _go(self, edit: CutoutEdit) -> None:
        if edit != self.edit:
            self._edits[self._at + 1 :] = [edit]
            self._at += 1
            self._go_on()
        else:
            self.canvas.forget_ghost()

    def _travel(self, steps: int) -> None:
        """Undo and redo."""
        if 0 <= self._at + steps < len(self._edits):
            self._at += steps
            self._go_on()

    def _go_on(self) -> None:
        """Shows the edit; its mask follows."""
        self.canvas.show_edit(self.edit)
        self._actions["undo"].setEnabled(self._at > 0)
        self._actions["redo"].setEnabled(self._at + 1 < len(self._edits))
        self.start_over.setEnabled(self.edit != UNCHANGED)
        self.make.setEnabled(False)
        base = self.palette().color(QPalette.ColorRole.Window)
        self._asked = PreviewRequest(self.edit, (base.red(), base.green(), base.blue()))
        self._worker.submit(self._asked)

    @Slot(object, object)
    def _show(self, request: PreviewRequest, preview: CutoutPreview) -> None:
        if request is not self._asked:
            return  # a newer one is on its way
        self._preview = preview
        self.canvas.show_mask(preview.veil, preview.lines)
        for k, pane in enumerate(self.inputs):
            if k < len(preview.inputs):
                pane.show_image(rgba_image(preview.inputs[k]))
            else:
                pane.show_word("")
        self._say(preview.problem)
        self.make.setEnabled(preview.found is not None and self.edit != self._first)

    @Slot(object, object)
    def _fail(self, request: PreviewRequest, error: Exception) -> None:
        if request is self._asked:
            self.canvas.forget_ghost()
            self._say(f"This could not be cut out ({error}); undo goes back.")

    def _say(self, text: str) -> None:
        palette = self.problem.palette()
        palette.setColor(QPalette.ColorRole.WindowText, QColor(theme.colors().danger))
        self.problem.setPalette(palette)
        self.problem.setText(text)

    # --- a mask from a file ----------------------------------------------------------------------

    @Slot()
    def _choose_mask(self) -> None:
        kinds = " ".join(f"*{suffix}" for suffix in PICTURE_SUFFIXES)
        name, _ = QFileDialog.getOpenFileName(self, "Load Mask", "", f"Pictures ({kinds})")
        if name:
            self.read_mask(Path(name))

    def read_mask(self, path: Path) -> None:
        """Takes a mask from a file as a step, once it is read."""
        picture = self._picture
        self._wait_for(lambda task: mask_step(path, picture, task.cancel_event))

    @Slot()
    def _ask_rembg(self) -> None:
        picture = self._picture
        self._wait_for(lambda task: rembg_cutout.rembg_mask(picture, task.cancel_event))

    def _wait_for(self, make: Callable[[Task], GivenMask]) -> None:
        """Takes a mask that is made on a thread of its own as a step."""
        if self._reading is not None:
            return
        for button in (self.load_mask, self.by_rembg):
            button.setEnabled(False)
        self._reading = Task(make, self)
        self._reading.done.connect(self._add_step)
        self._reading.failed.connect(self._say_unread)
        self._reading.finished.connect(self._mask_read)
        self._reading.start()

    @Slot(object)
    def _say_unread(self, error: Exception) -> None:
        if not isinstance(error, Cancelled):
            known = isinstance(error, ShapelabError)
            self._say(str(error) if known else f"The mask could not be read ({error}).")

    @Slot()
    def _mask_read(self) -> None:
        self._reading = None
        for button in (self.load_mask, self.by_rembg):
            button.setEnabled(True)

    # --- the end ---------------------------------------------------------------------------------

    @Slot()
    def _agree(self) -> None:
        if self._preview is not None and self._preview.found is not None:
            self.chosen.emit(self._preview.found)
            self.accept()

    def done(self, result: int) -> None:
        """Ends the threads, however the dialog is closed."""
        self.stop()
        super().done(result)

    def stop(self) -> None:
        self._worker.stop()
        if self._reading is not None:
            self._reading.stop()
            self._reading = None

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self._asked is not None:
            self._go_on()  # the veil has the window's colour
