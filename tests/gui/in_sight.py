"""What of a window nobody can see or read: below an edge, over a neighbour's, or cut off."""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QApplication,
    QCheckBox,
    QComboBox,
    QGridLayout,
    QLabel,
    QMainWindow,
    QPushButton,
    QRadioButton,
    QStackedLayout,
    QStyle,
    QStyleOptionComboBox,
    QToolButton,
    QWidget,
)


def hidden_from_sight(top: QWidget) -> list[str]:
    """Words about each visible widget of a window that lies outside of what holds it, or is cut."""
    QApplication.sendPostedEvents()  # what has been told to lie elsewhere does so now
    found = []
    for widget in top.findChildren(QWidget):
        seen = widget.isVisible() and not widget.visibleRegion().isEmpty()
        if not seen or widget.window() is not top or _is_seam(widget):
            continue
        holder = _holder(widget, top)
        place = QRect(widget.mapTo(holder, QPoint()), widget.size())
        if not holder.rect().contains(place):
            found.append(f"{_words(widget)} at {place.getRect()} in {holder.rect().getRect()}")
        elif holder is widget and _is_wider(widget):
            found.append(f"{_words(widget)} goes on at the side, where nothing scrolls")
        found += _overlapping(widget)
        if _cut(widget):
            found.append(f"{_words(widget)} needs {widget.sizeHint()}, has {widget.size()}")
    return found


def _is_seam(widget: QWidget) -> bool:
    """Whether it is Qt's own handle between two docks, a pixel or two too long."""
    return (
        type(widget) is QWidget
        and isinstance(widget.parent(), QMainWindow)
        and (not widget.children())
    )


def _is_wider(page: QWidget) -> bool:
    """Whether a page is wider than its scroll area that has no bar for it."""
    area = page.parentWidget().parentWidget()
    assert isinstance(area, QAbstractScrollArea)
    off = area.horizontalScrollBarPolicy() == Qt.ScrollBarPolicy.ScrollBarAlwaysOff
    return off and page.width() > area.viewport().width()


def _holder(widget: QWidget, top: QWidget) -> QWidget:
    """The window, or what a scroll area moves: that can be longer than what is seen of it."""
    at = widget
    while at is not top and at.parentWidget() is not None:
        area = at.parentWidget().parentWidget()
        if isinstance(area, QAbstractScrollArea) and area.viewport() is at.parentWidget():
            return at
        at = at.parentWidget()
    return top


def _cut(widget: QWidget) -> bool:
    """Whether its words have less room than they need."""
    if isinstance(widget, (QPushButton, QToolButton, QCheckBox, QRadioButton)):
        wanted = bool(widget.text()) and not _is_icon_only(widget)
    elif isinstance(widget, QComboBox):
        return _cut_entry(widget)
    else:
        wanted = isinstance(widget, QLabel) and bool(widget.text()) and not widget.wordWrap()
    need = widget.sizeHint()
    return wanted and (widget.width() < need.width() or widget.height() < need.height())


def _cut_entry(box: QComboBox) -> bool:
    """Whether the chosen entry is cut; one that is meant to adjust to its list, not to its room."""
    if box.sizeAdjustPolicy() == QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon:
        return False
    option = QStyleOptionComboBox()
    box.initStyleOption(option)
    kind, field = QStyle.ComplexControl.CC_ComboBox, QStyle.SubControl.SC_ComboBoxEditField
    room = box.style().subControlRect(kind, option, field, box).width()
    return room < box.fontMetrics().horizontalAdvance(box.currentText())


def _overlapping(holder: QWidget) -> list[str]:
    """Words about neighbours in a layout that lie over each other, for want of room."""
    layout = holder.layout()
    if layout is None or isinstance(layout, (QStackedLayout, QGridLayout)):
        return []
    items = [layout.itemAt(place) for place in range(layout.count())]
    shown = [item for item in items if item is not None and not item.isEmpty()]
    return [
        f"{_words(holder)}: its parts at {a.geometry().getRect()} and {b.geometry().getRect()}"
        for a, b in pairwise(shown)
        if a.geometry().intersects(b.geometry())
    ]


def _is_icon_only(widget: QWidget) -> bool:
    icon_only = Qt.ToolButtonStyle.ToolButtonIconOnly
    return isinstance(widget, QToolButton) and widget.toolButtonStyle() == icon_only


def _words(widget: QWidget) -> str:
    text = widget.text() if isinstance(widget, (QAbstractButton, QLabel)) else ""
    parents = []
    at = widget.parentWidget()
    while at is not None and len(parents) < 3:
        parents.append(at.objectName() or type(at).__name__)
        at = at.parentWidget()
    return f"{type(widget).__name__} {text or widget.accessibleName()!r} of {' < '.join(parents)}"
