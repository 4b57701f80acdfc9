"""Live curves of training runs: losses, scores and what else they log, over a shared x axis.

Imports pyqtgraph, which takes a while: import this module when the plots are first shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html import escape
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEvent, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QShowEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QStackedLayout, QVBoxLayout, QWidget

from shapelab.core import formatting
from shapelab.core.atomic import atomic_write
from shapelab.core.errors import ExportError
from shapelab.core.runs.curves import RunCurves, csv_of
from shapelab.core.runs.events import Event
from shapelab.gui.base import theme
from shapelab.gui.base.labels import MARGIN, muted
from shapelab.gui.base.notify import may_replace
from shapelab.gui.plots import plot_export
from shapelab.gui.plots.plot_grid import PlotGrid
from shapelab.gui.plots.plot_panel import Marks, PlotPanel
from shapelab.gui.plots.plot_toolbar import PlotToolbar
from shapelab.gui.plots.plotted_run import PlotOptions, PlottedRun, Trace
from shapelab.gui.plots.scalar_groups import ScalarGroup, groups_of, one_each, series

REDRAW_MS = 200  # at most five redraws a second, however fast events come
SNAP_PX = 8  # a click so near to a checkpoint means the checkpoint
#: What the mouse does, told while it is over the curves.
WHEEL = "wheel: zoom, drag: move"
WHEEL_SCROLLS = "Ctrl+wheel: zoom, drag: move"
ZOOMED = "double click: all steps"
FILES = "Picture (*.png);;Drawing (*.svg);;Numbers (*.csv)"


class LossPlot(QWidget):
    """Shows runs by key. The run added first lends its checkpoints and its clock to the axis.

    Signals:
        cursor_moved: the user chose this step of the first run; `set_cursor` does not emit it.
    """

    cursor_moved = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._runs: dict[str, PlottedRun] = {}
        self._panels: dict[str, PlotPanel] = {}  # by title; kept for good
        self.cursor_step: int | None = None  # chosen, of the first run
        self._pointer: float | None = None
        self._range: tuple[float, float] | None = None  # of x, when the user chose it
        # Else: the range that follows the run, held until the newest step leaves it at the right;
        # what it was made for, and the newest x then.
        self._followed, self._held_end = (0.0, 1.0), 0.0
        self._held: tuple[object, ...] = ()
        self._stale = True
        self.bar = PlotToolbar()
        self.names = QLabel(textFormat=Qt.TextFormat.RichText, wordWrap=True)
        self.where = QLabel()
        self.where.setProperty("muted", True)
        self.grid = PlotGrid()
        self.empty = muted()
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._timer = QTimer(self, singleShot=True, interval=REDRAW_MS)
        self._timer.timeout.connect(self._redraw_if_seen)
        self._lay_out()
        self._connect()
        self.redraw()

    def sizeHint(self) -> QSize:
        return QSize(420, 720)

    # --- runs -----------------------------------------------------------------------------------

    def add_run(self, key: str, name: str) -> None:
        """A run to show, without numbers yet, or one that begins again and keeps its place."""
        self._runs[key] = PlottedRun(name)
        self._range = None
        self._changed()

    def append(self, key: str, events: Sequence[Event]) -> None:
        """Events of a run that came since the last call. Raises KeyError for an unknown run."""
        self._runs[key].curves.append(events)
        self._changed()

    def remove_run(self, key: str) -> None:
        """Takes a run away; an unknown key is no error."""
        self._runs.pop(key, None)
        self._changed()

    def curves(self, key: str) -> RunCurves:
        """The numbers of a run, as the doctor wants them."""
        return self._runs[key].curves

    # --- cursor ---------------------------------------------------------------------------------

    def set_cursor(self, step: int | None) -> None:
        """Moves the cursor to a step, or takes it away."""
        if step != self.cursor_step:
            self.cursor_step = step
            self._point()

    # --- files ----------------------------------------------------------------------------------

    def save(self, path: Path) -> None:
        """Writes the plots as .png or .svg, or every number as .csv.

        Raises:
            ExportError: another suffix, or the disk refuses.
        """
        kind = path.suffix.lower()
        if kind == ".csv":
            named: dict[str, RunCurves] = {}
            for key, run in self._runs.items():
                named[run.name if run.name not in named else f"{run.name} ({key})"] = run.curves
            atomic_write(path, csv_of(named))
        elif kind in (".png", ".svg"):
            self.redraw()
            draw = plot_export.png if kind == ".png" else plot_export.svg
            background = QColor(theme.colors().window)
            atomic_write(path, draw(self.grid.scene(), self.grid.area(), background))
        else:
            raise ExportError(f"Plots are saved as .png, .svg or .csv, not as '{path.suffix}'.")

    def _ask_and_save(self) -> None:
        name, kind = QFileDialog.getSaveFileName(self, "Save plots", "curves.png", FILES)
        if name:
            path = Path(name)
            suffix = kind.partition("*")[2].rstrip(")")
            whole = path if path.suffix else path.with_name(path.name + suffix)
            if whole == path or may_replace(self, whole):
                self.save(whole)

    # --- drawing --------------------------------------------------------------------------------

    def redraw(self) -> None:
        """Draws what there is, now."""
        self._stale = False
        options = self.bar.options
        groups = self._groups()
        self._show_empty(bool(groups))
        if not groups:
            return
        panels = [self._panel(group) for group in groups]
        self.grid.arrange(panels)
        x_range, marks = self._x_range(options), self._marks(options)
        for panel, group in zip(panels, groups, strict=True):
            traces, labels = self._traces(group, options)
            panel.draw(traces, labels, options, x_range, marks)
            marks = replace(marks, checkpoints=np.zeros(0), troubles=np.zeros(0))  # once, on top
        self.bar.fit.setEnabled(self._range is not None)
        self._show_where()

    def _changed(self) -> None:
        self._stale = True
        if self.isVisible() and not self._timer.isActive():
            self._timer.start()

    def _redraw_if_seen(self) -> None:
        if self._stale and self.isVisible():
            self.redraw()

    def _groups(self) -> list[ScalarGroup]:
        names = dict.fromkeys(name for run in self._runs.values() for name in run.curves.curves)
        groups = groups_of(names)
        self.bar.offer(groups)
        chosen = self.bar.chosen()
        groups = [group for group in groups if group.title in chosen]
        return one_each(groups) if self._comparing else groups

    @property
    def _comparing(self) -> bool:
        return len(self._runs) > 1

    def _panel(self, group: ScalarGroup) -> PlotPanel:
        if group.title not in self._panels:
            panel = self._panels[group.title] = PlotPanel(group)
            panel.range_moved.connect(self._user_moved)
            panel.cursor_dragged.connect(self._clicked)
        return self._panels[group.title]

    def _traces(self, group: ScalarGroup, options: PlotOptions) -> tuple[list[Trace], list[str]]:
        traces, labels = [], []
        for place, run in enumerate(self._runs.values()):
            for nth, (metric, label) in enumerate(group.labels.items()):
                color = series(place if self._comparing else nth)
                trace = run.trace(metric, color, options.by_time)
                if trace is not None:
                    traces.append(trace)
                    labels.append("" if self._comparing else label)
        return traces, labels

    def _x_range(self, options: PlotOptions) -> tuple[float, float]:
        if self._range is not None:
            return self._range
        first, end = 0.0, 0.0
        for run in self._runs.values():
            newest = run.curves.step
            begin = 0 if options.last is None else max(newest - options.last, 0)
            if run.x(newest, options.by_time) >= end:
                first, end = (run.x(step, options.by_time) for step in (begin, newest))
        held = (options.by_time, options.last, *self._runs)
        if held != self._held or not self._held_end <= end <= self._followed[1]:
            room = (end - first) or 1.0
            self._held, self._held_end = held, end
            self._followed = (first - 0.01 * room, first + 1.03 * room)
        return self._followed

    @property
    def _first(self) -> PlottedRun:
        return next(iter(self._runs.values()))

    def _marks(self, options: PlotOptions) -> Marks:
        by_time = options.by_time
        return Marks(
            checkpoints=self._first.checkpoints(by_time),
            troubles=self._first.troubles(by_time),
            adjusted=self._first.adjusted(by_time),
            pointer=self._pointer,
            cursor=None if self.cursor_step is None else self._first.x(self.cursor_step, by_time),
        )

    def _show_empty(self, some: bool) -> None:
        self._stack.setCurrentIndex(1 if some else 0)
        waiting = [run.name for run in self._runs.values()]
        if any(run.curves.curves for run in self._runs.values()):
            text = "No curves are chosen. Choose some under “Curves”."
        elif waiting:
            text = f"Waiting for the first numbers of {' and '.join(waiting)}…"
        else:
            text = "No run is shown. Start one or choose one, and its curves appear here."
        self.empty.setText(text)
        self.names.setText(
            " &nbsp; ".join(
                (f'<span style="color:{series(place).name()}">●</span> ' * self._comparing)
                + escape(run.name)
                for place, run in enumerate(self._runs.values())
            )
        )
        self.names.setVisible(some)
        self.where.setVisible(some)
        self.grid.setBackground(theme.colors().window)
        self.bar.setEnabled(any(run.curves.curves for run in self._runs.values()))

    # --- what the user does ---------------------------------------------------------------------

    def _user_moved(self, low: float, high: float) -> None:
        self._range = (low, high)
        self.redraw()

    def _fit(self) -> None:
        self._range = None
        self.redraw()

    def _options_changed(self, options: PlotOptions) -> None:
        self._range = None
        self._pointer = None
        self.redraw()

    def _hover(self, x: float | None) -> None:
        self._pointer = x
        self._point()

    def _clicked(self, x: float, px: float) -> None:
        """A click at x, where a pixel is so wide."""
        by_time = self.bar.options.by_time
        saved = self._first.checkpoints(by_time)
        near = saved[np.abs(saved - x) <= SNAP_PX * px]
        if len(near):
            x = float(near[np.argmin(np.abs(near - x))])
        step = round(self._first.step_at(x, by_time))
        if step != self.cursor_step:
            self.set_cursor(step)
            self.cursor_moved.emit(step)

    def _point(self) -> None:
        if not self._runs:
            return
        marks = self._marks(self.bar.options)
        for panel in self.grid.panels:
            panel.point(marks.pointer, marks.cursor)
        self._show_where()

    def _show_where(self) -> None:
        run = self._first
        step: float = run.curves.step
        if self._pointer is not None:
            step = run.step_at(self._pointer, self.bar.options.by_time)
        elif self.cursor_step is not None:
            step = self.cursor_step
        words = [f"step {formatting.count(step)}"]
        if seconds := run.curves.seconds_at(step):
            words.append(formatting.duration(seconds))
        if self._pointer is not None and (change := self._change_at(self._pointer)):
            words.append(change)
        elif self._pointer is not None:
            words.append(ZOOMED if self._range else WHEEL_SCROLLS if self.grid.scrolls else WHEEL)
        self.where.setText(" · ".join(words))

    def _change_at(self, x: float) -> str:
        """What was changed under way at a place, in words."""
        options = self.bar.options
        low, high = self._x_range(options)
        px = (high - low) / max(self.grid.width(), 1)
        return self._first.change_near(x, SNAP_PX * px, options.by_time)

    # --- building -------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        column.setSpacing(theme.SPACE)
        column.addWidget(self.bar)
        row = QHBoxLayout()
        row.addWidget(self.names, 1)
        row.addWidget(self.where, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(row)
        self._stack = QStackedLayout()
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self.grid.scrolled())
        column.addLayout(self._stack, 1)

    def _connect(self) -> None:
        self.bar.options_changed.connect(self._options_changed)
        self.bar.groups_changed.connect(self.redraw)
        self.bar.fit_requested.connect(self._fit)
        self.bar.export_requested.connect(self._ask_and_save)
        self.grid.hovered.connect(self._hover)
        self.grid.clicked.connect(self._clicked)
        self.grid.double_clicked.connect(self._fit)
        self.grid.resized.connect(self._changed)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._redraw_if_seen()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_stack"):
            for panel in self._panels.values():
                panel.apply_theme()
            self._changed()
