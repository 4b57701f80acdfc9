"""The training doctor's findings: what the numbers say, and what usually helps."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Slot
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from shapelab.core.runs.advice.doctor import ENOUGH, Finding
from shapelab.gui.base import theme
from shapelab.gui.base.labels import muted

MARK = 18  # px, diameter of the mark
MOST = 2  # findings at once, the worst; more would leave the curves no room
AMBER_LIGHT, AMBER_DARK = "#9a5b00", "#f0b35e"  # 4.5:1 on the card


class DoctorBox(QWidget):
    """A card for each of the worst findings and a button for the others; else one quiet line."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._findings: tuple[Finding, ...] = ()
        self.cards: list[FindingCard] = []
        self._good, self.state = _Mark("good"), muted()
        row = QHBoxLayout()
        row.setSpacing(theme.SPACE)
        row.addWidget(self._good, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.state, 1)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(theme.SPACE)
        self._column.addLayout(row)
        self.more = QPushButton(flat=True)
        self.more.setCheckable(True)
        self.more.toggled.connect(self._fill_cards)
        self._column.addWidget(self.more, 0, Qt.AlignmentFlag.AlignLeft)
        self._fill_cards()
        self.show_findings([], ready=False)

    def show_findings(self, findings: Sequence[Finding], ready: bool) -> None:
        """Shows what `shapelab.core.runs.advice.doctor` found.

        Args:
            findings: from `diagnose`; as often as one likes, the same ones change nothing.
            ready: from `ready`: whether no finding means that all is well.
        """
        if tuple(findings) != self._findings:
            self._findings = tuple(findings)
            self._fill_cards()
        well = ready and not findings
        self._good.setVisible(well)
        self.state.setVisible(not findings)
        self.state.setText(
            "Nothing to worry about."
            if well
            else f"The doctor has an opinion after {ENOUGH} logged lines."
        )

    @Slot()
    def _fill_cards(self) -> None:
        others = len(self._findings) - MOST
        self.more.setVisible(others > 0)
        self.more.setText("Show the worst only" if self.more.isChecked() else f"{others} more…")
        shown = self._findings if self.more.isChecked() else self._findings[:MOST]
        while len(self.cards) > len(shown):
            card = self.cards.pop()
            self._column.removeWidget(card)
            card.hide()
            card.deleteLater()
        while len(self.cards) < len(shown):
            self.cards.append(FindingCard())
            self._column.insertWidget(len(self.cards), self.cards[-1])  # above the button
        for card, finding in zip(self.cards, shown, strict=True):
            card.show_finding(finding)


class FindingCard(QWidget):
    """One finding in a box tinted after its severity."""

    def __init__(self) -> None:
        super().__init__()
        self._mark = _Mark("hint")
        self.sentence = QLabel(wordWrap=True)
        self.advice = muted()
        for label in (self.sentence, self.advice):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self.sentence)
        words.addWidget(self.advice)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, theme.SPACE, 12, theme.SPACE)
        row.setSpacing(10)
        row.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)

    def show_finding(self, finding: Finding) -> None:
        """Puts a finding into the box."""
        self._mark.kind = finding.severity
        self._mark.setAccessibleName(finding.severity)
        self.sentence.setText(finding.sentence)
        self.advice.setText(f"What helps: {finding.advice}")
        self.setToolTip(f"Seen at step {finding.step}")
        self._mark.update()
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        window, tone = self.palette().window().color(), _tone(self._mark.kind)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(theme.blend(window, tone, 0.35))
        painter.setBrush(theme.blend(window, tone, 0.08))
        room = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(room, theme.RADIUS, theme.RADIUS)


class _Mark(QWidget):
    """A disc: a tick, an exclamation mark, or an i for a hint."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.setFixedSize(QSize(MARK, MARK))

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_tone(self.kind))
        painter.drawEllipse(self.rect())
        ink = self.palette().base().color()
        painter.setPen(QPen(ink, 2, c=Qt.PenCapStyle.RoundCap, j=Qt.PenJoinStyle.RoundJoin))
        if self.kind == "good":
            painter.drawPolyline([QPointF(5, 9.5), QPointF(8, 12.5), QPointF(13, 6)])
        elif self.kind == "hint":
            painter.drawPoint(QPointF(9, 4.9))
            painter.drawLine(QPointF(9, 8.5), QPointF(9, 13.3))
        else:
            painter.drawLine(QPointF(9, 4.5), QPointF(9, 9.5))
            painter.drawPoint(QPointF(9, 13.3))


def _tone(kind: str) -> QColor:
    c = theme.colors()
    amber = AMBER_DARK if theme.is_dark() else AMBER_LIGHT
    tones = {"good": c.success, "hint": c.accent, "warning": amber, "problem": c.danger}
    return QColor(tones[kind])
