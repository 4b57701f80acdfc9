"""One panel of the plot: curves of one unit under a header that is their legend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetricsF
from PySide6.QtWidgets import QGraphicsTextItem

from shapelab.core import formatting
from shapelab.gui.base import theme
from shapelab.gui.plots.decimate import Array
from shapelab.gui.plots.plot_axis import StepAxis, ValueAxis
from shapelab.gui.plots.plotted_run import PlotOptions, Trace
from shapelab.gui.plots.scalar_groups import ScalarGroup
from shapelab.gui.plots.trace_items import PlotLine, TraceItems

AXIS_WIDTH = 50  # px; the same in all panels, so that their left edges are in line
HEADER = 22  # px
FONT_PX, SMALL_PX = 12, 11
DOTS_UP_TO = 60  # points that are few enough to show each
FAINT = 0.35  # strength of the raw curve behind its moving average
CALM = 4.0  # px up and down in a pixel column, at most, of a line that is drawn boldly
TAIL = 0.5  # of the range of the middle 96 %: what lies further out is an outlier


@dataclass(frozen=True)
class Marks:
    """Places on the x axis that all panels show."""

    checkpoints: Array
    troubles: Array  # skipped steps
    adjusted: Array  # settings were changed under way
    pointer: float | None = None  # under the mouse
    cursor: float | None = None


class PlotPanel(pg.PlotItem):  # type: ignore[misc]
    """Draws traces; made once for a group and kept, as making plots anew leaks memory.

    Signals:
        range_moved: the user dragged or zoomed the x axis to this range.
        cursor_dragged: x of the cursor, and how much of x one pixel is.
    """

    range_moved = Signal(float, float)
    cursor_dragged = Signal(float, float)

    def __init__(self, group: ScalarGroup) -> None:
        self.axis = StepAxis()
        super().__init__(axisItems={"bottom": self.axis, "left": ValueAxis()}, enableMenu=False)
        self.group = group
        self.hidden = 0  # points of the visible range that lie outside
        self._items: list[TraceItems] = []
        self._traces: list[Trace] = []
        self._labels: list[str] = []
        self._written: tuple[str, str, float] | None = None  # header, note and their room
        self._heights = (0.0, 1.0)  # lowest and highest y, as drawn
        self.hideButtons()
        self.setMenuEnabled(False)
        self.vb.setMouseEnabled(x=True, y=False)
        self.vb.disableAutoRange()
        self.layout.setRowFixedHeight(0, HEADER)
        self.layout.setContentsMargins(0, 0, 0, 0)
        self.getAxis("left").setWidth(AXIS_WIDTH)
        self._header, self._note = QGraphicsTextItem(self), QGraphicsTextItem(self)
        self._checkpoints = pg.ScatterPlotItem(symbol="t1", size=6, pen=None)
        self._troubles = pg.ScatterPlotItem(symbol="x", size=8, pen=None)
        self._adjusted = pg.PlotCurveItem(connect="pairs", skipFiniteCheck=True)
        self._target = pg.InfiniteLine(group.target or 0.0, angle=0)
        self._target.setVisible(group.target is not None)
        self.pointer = pg.InfiniteLine(angle=90)
        self.cursor = pg.InfiniteLine(angle=90, movable=True)
        marks = (self._target, self._adjusted, self._checkpoints, self._troubles)
        for item in (*marks, self.pointer, self.cursor):
            self.vb.addItem(item, ignoreBounds=True)
        self.pointer.hide()
        self.cursor.hide()
        self.cursor.setZValue(20)
        # Bound methods: a lambda that holds the panel keeps it until the interpreter ends, when
        # Qt is gone already, and crashes there.
        self.vb.sigRangeChangedManually.connect(self._tell_range)
        self.cursor.sigDragged.connect(self._tell_cursor)
        self.apply_theme()

    @property
    def header(self) -> str:
        """What the header and the note beside it say."""
        return f"{self._header.toPlainText()} {self._note.toPlainText()}".strip()

    def apply_theme(self) -> None:
        """Takes the colours of the scheme in use."""
        c = theme.colors()
        font = QFont(self.scene().font() if self.scene() else QFont())
        font.setPixelSize(SMALL_PX)
        for name in ("left", "bottom"):
            axis = self.getAxis(name)
            axis.setPen(c.border)
            axis.setTickPen(c.border)
            axis.setTextPen(c.muted)
            axis.setGrid(110)
            axis.setStyle(tickFont=font, tickTextOffset=4, tickLength=0, maxTickLevel=0)
        self.vb.setBackgroundColor(c.base)
        self.vb.setBorder(pg.mkPen(c.border))
        self._checkpoints.setBrush(pg.mkBrush(c.muted))
        self._troubles.setBrush(pg.mkBrush(c.danger))
        self._adjusted.setPen(pg.mkPen(c.accent, style=Qt.PenStyle.DotLine))
        self._target.setPen(pg.mkPen(c.muted, style=Qt.PenStyle.DashLine))
        self.pointer.setPen(pg.mkPen(c.muted))
        self.cursor.setPen(pg.mkPen(c.accent, width=2))
        self.cursor.setHoverPen(pg.mkPen(c.accent, width=3))

    def show_x_labels(self, on: bool) -> None:
        """Only the lowest panel of a column labels the shared axis."""
        self.axis.setStyle(showValues=on)
        self.axis.setHeight(20 if on else 4)

    # --- drawing --------------------------------------------------------------------------------

    def draw(
        self,
        traces: Sequence[Trace],
        labels: Sequence[str],
        options: PlotOptions,
        x_range: tuple[float, float],
        marks: Marks,
    ) -> None:
        """Shows traces in a range of x."""
        self._traces, self._labels = list(traces), list(labels)
        log = options.log and self.group.positive
        smoothing = options.smoothing if self.group.smooths else 0.0
        options = replace(options, log=log, smoothing=smoothing)
        for trace in traces:
            trace.prepare(options)
        if self.getAxis("left").logMode != log:
            self.getAxis("left").setLogMode(x=False, y=log)
        if self.axis.by_time != options.by_time:
            self.axis.by_time = options.by_time
            self.axis.picture = None
        while len(self._items) < len(traces):
            self._items.append(TraceItems(self.vb))
        low, high = self._heights = self._y_range(options, x_range)
        for items, trace in zip(self._items, traces, strict=False):
            self._draw_trace(items, trace, options, x_range)
        for items in self._items[len(traces) :]:
            items.hide()
        if [list(x_range), [low, high]] != self.vb.viewRange():  # else pyqtgraph lays all out anew
            self.vb.setRange(xRange=x_range, yRange=(low, high), padding=0, disableAutoRange=False)
        gaps = np.concatenate([marks.troubles, *(trace.gaps for trace in traces)])
        px = (high - low) / max(self.vb.height(), 1)
        _place(self._checkpoints, marks.checkpoints, np.full(len(marks.checkpoints), low + 4 * px))
        _place(self._troubles, gaps, np.full(len(gaps), low + 14 * px))
        ends = np.tile([low, high], len(marks.adjusted))
        _place(self._adjusted, np.repeat(marks.adjusted, 2), ends)
        self.point(marks.pointer, marks.cursor)

    def point(self, pointer: float | None, cursor: float | None) -> None:
        """Moves the lines under the mouse and at the cursor; the header follows the first."""
        for line, x in ((self.pointer, pointer), (self.cursor, cursor)):
            line.setVisible(x is not None)
            if x is not None and not line.moving:
                line.setValue(x)
        self._write_header(pointer if pointer is not None else cursor)

    def _tell_range(self) -> None:
        self.range_moved.emit(*self.vb.viewRange()[0])

    def _tell_cursor(self) -> None:
        self.cursor_dragged.emit(self.cursor.value(), self.vb.viewPixelSize()[0])

    def _y_range(self, options: PlotOptions, x_range: tuple[float, float]) -> tuple[float, float]:
        """Lowest and highest y, with room for the marks; counts what stays outside."""
        shown = []
        for trace in self._traces:
            x, y = trace.thin(x_range, self._columns)
            shown.append(y[(x_range[0] <= x) & (x <= x_range[1])])
        self.hidden = 0
        if not sum(map(len, shown)):
            return (0.0, 1.0)
        low = min(float(y.min()) for y in shown if len(y))
        high = max(float(y.max()) for y in shown if len(y))
        if options.clip_outliers:
            shown = [trace.y[trace.inside(*x_range)] for trace in self._traces]
            limits = [_usual(y, options.log) for y in shown if len(y)]
            low = max(low, min(limit[0] for limit in limits))
            high = min(high, max(limit[1] for limit in limits))
            self.hidden = sum(int(np.count_nonzero((y < low) | (y > high))) for y in shown)
        if self.group.target is not None:
            low, high = min(low, self.group.target), max(high, self.group.target)
        if options.log:
            low, high = np.log10(low), np.log10(high)
        room = (high - low) or abs(high) or 1.0
        return (low - 0.14 * room, high + 0.1 * room)

    def _draw_trace(
        self, items: TraceItems, trace: Trace, options: PlotOptions, x_range: tuple[float, float]
    ) -> None:
        bold, base = trace.color, QColor(theme.colors().base)
        faint = theme.blend(base, bold, FAINT)
        columns, (low, high) = self._columns, self._heights
        area = QRectF(x_range[0], low, x_range[1] - x_range[0], high - low)
        self._draw_line(items.bold, trace.thin_smooth(x_range, columns), options.log, bold, area)
        items.raw.setVisible(bool(options.smoothing))
        if options.smoothing:
            self._draw_line(items.raw, trace.thin(x_range, columns), options.log, faint, area)
        few = faint if options.smoothing else bold
        self._draw_dots(items.dots, trace, trace.inside(*x_range), options.log, few)
        items.best.setVisible(trace.best is not None)
        if trace.best is not None:
            items.best.setPen(pg.mkPen(base, width=2))
            at = trace.inside(trace.best, trace.best)
            self._draw_dots(items.best, trace, at, options.log, bold)

    @property
    def _columns(self) -> int:
        return max(int(self.vb.width()), 100)

    def _draw_line(
        self,
        item: PlotLine,
        line: tuple[Array, Array],
        log: bool,
        color: QColor,
        area: QRectF,
    ) -> None:
        x, y = line
        y = np.log10(y) if log else y
        # A smooth and bold line is slow to paint; where it goes up and down all the time, a thin
        # one fills the same pixels.
        ups_and_downs = np.abs(np.diff(y)).sum() * self.vb.height() / area.height()
        item.smooth = bool(ups_and_downs < CALM * self._columns)
        item.pen = pg.mkPen(color, width=1.5 if item.smooth else 1)
        item.set_line(x, y, area)
        item.show()

    def _draw_dots(
        self, item: pg.ScatterPlotItem, trace: Trace, which: slice, log: bool, color: QColor
    ) -> None:
        item.setVisible(0 < which.stop - which.start <= DOTS_UP_TO)
        if item.isVisible():
            y = trace.y[which]
            item.setData(trace.x[which], np.log10(y) if log else y, brush=color)

    # --- header ---------------------------------------------------------------------------------

    def resizeEvent(self, event: object) -> None:
        super().resizeEvent(event)
        if hasattr(self, "_header"):
            self._write_header(None)

    def _write_header(self, x: float | None) -> None:
        c = theme.colors()
        font = QFont()
        font.setPixelSize(FONT_PX)
        values = [trace.value_at(x) for trace in self._traces]
        texts = ["–" if value is None else formatting.number(value) for value in values]
        note = f"{self.hidden} outside" if self.hidden else ""
        bold = QFont(font)
        bold.setBold(True)
        width = QFontMetricsF(font).horizontalAdvance
        room = self.size().width() - AXIS_WIDTH
        room -= QFontMetricsF(bold).horizontalAdvance(self.group.title)
        labels = self._labels
        plain = "   ".join(f"● {a} {b}" for a, b in zip(labels, texts, strict=True))
        if width(f"   {plain}") > room:
            # Too narrow for both: values where the mouse asks for them.
            if x is None and any(labels):
                texts = [""] * len(labels)
            else:
                labels = [""] * len(labels)
        entries = [
            f'<span style="color:{trace.color.name()}">●</span> '
            f'<span style="color:{c.muted}">{escape(label)}</span> {text}'
            for trace, label, text in zip(self._traces, labels, texts, strict=True)
        ]
        gap = "&nbsp;&nbsp; "
        title = f'<b style="color:{c.text}">{escape(self.group.title)}</b>'
        html = f'<span style="color:{c.text}">{gap.join([title, *entries])}</span>'
        if (html, note, room) == self._written:
            return
        self._written = (html, note, room)
        for item, text in ((self._header, html), (self._note, escape(note))):
            item.setFont(font)
            item.document().setDocumentMargin(0)
            item.setHtml(f'<div style="white-space:nowrap">{text}</div>')
        self._note.setDefaultTextColor(QColor(c.muted))
        self._header.setPos(AXIS_WIDTH, 3)
        left = self.size().width() - self._note.boundingRect().width() - 4
        beside = left > AXIS_WIDTH + self._header.boundingRect().width() + 8
        self._note.setPos(left, 3 if beside else HEADER + 3)


def _place(item: pg.PlotCurveItem | pg.ScatterPlotItem, x: Array, y: Array) -> None:
    """Moves marks, unless they are there already, as most are from one drawing to the next."""
    before = item.getData()
    if before[0] is None or not (np.array_equal(before[0], x) and np.array_equal(before[1], y)):
        item.setData(x, y)
    item.setVisible(len(x) > 0)


def _usual(y: Array, log: bool) -> tuple[float, float]:
    """Where values usually lie: the middle 96 % and half of its width at either side."""
    sample = y[:: max(len(y) // 2000, 1)]
    low, high = np.quantile(np.log10(sample) if log else sample, [0.02, 0.98])
    tail = TAIL * (high - low)
    limits = (low - tail, high + tail)
    return (10 ** limits[0], 10 ** limits[1]) if log else limits
