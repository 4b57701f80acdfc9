"""Hands of chance on the real window: clicks, keys, drags, drops, sizes, themes and models.

``xvfb-run -a -s "-screen 0 1440x960x24" python -m tests.gui.monkey --seed 7 --events 20000`` plays
alone, ``--minutes 20`` for as long as that; it prints what it found and how the memory went, and
its exit code is 1 if it found anything. Equal seeds make the same choices among what is on screen.
What a play leaves behind is seen by putting everything away, once all has been opened and at its
end: between them a window that holds ten shapes takes more than one that holds none, as it should.
"""

from __future__ import annotations

import argparse
import faulthandler
import gc
import logging
import os
import random
import sys
import tempfile
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import numpy as np
import psutil
import shiboken6
from PIL import Image
from PySide6.QtCore import QEventLoop, QMimeData, QPoint, QPointF, Qt, QThread, QTimer, QUrl
from PySide6.QtGui import QDesktopServices, QDragEnterEvent, QDropEvent, QWheelEvent, QWindow
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QFileDialog,
    QMainWindow,
    QMessageBox,
    QWidget,
)

from shapelab.core.mesh.formats import encode
from shapelab.core.mesh.meshing import SurfaceOptions, surface
from shapelab.core.paths import resources
from shapelab.gui.base.memory import give_back
from shapelab.gui.base.workers import LatestOnly
from shapelab.gui.process.closing import ClosingChoice
from shapelab.gui.training import training_link
from tests.shapes import chair
from tests.small_models import small_model

SMALLEST, LARGEST = (1024, 700), (1440, 940)  # of the window, px
SETTLE_EVERY, PATIENCE_S = 250, 180.0  # events, and until what was begun must have ended
WARM_UP = 0.25  # of a play: then everything has been opened once
DEEPEST = 3  # event loops in one another: then what is open is closed
REMEMBERED = 25  # events that a report tells
LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
PLAIN, SHIFT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier
CONTROL = Qt.KeyboardModifier.ControlModifier
COPY = Qt.DropAction.CopyAction
LETTERS = [Qt.Key(number) for number in range(Qt.Key.Key_A.value, Qt.Key.Key_Z.value + 1)]
CHORDS = [key for key in LETTERS if key != Qt.Key.Key_Q]  # which would end the play
DIGITS = [Qt.Key(number) for number in range(Qt.Key.Key_0.value, Qt.Key.Key_9.value + 1)]
MOVES = [
    *(Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home),
    *(Qt.Key.Key_End, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown, Qt.Key.Key_Tab, Qt.Key.Key_Backtab),
    *(Qt.Key.Key_Return, Qt.Key.Key_Space, Qt.Key.Key_Escape, Qt.Key.Key_Delete, Qt.Key.Key_F2),
    *(Qt.Key.Key_Plus, Qt.Key.Key_Minus, Qt.Key.Key_Backspace, Qt.Key.Key_F1, Qt.Key.Key_Menu),
]


@dataclass
class Report:
    """What a play came to.

    Attributes:
        events: how many were sent.
        trouble: each error that nobody meant, with the events before it.
        memory: (event, MiB) of the process, each time that everything had settled.
        put_away: MiB with a new project and nothing open, after the warm-up and at the end.
        longest: the slowest events, ms and words.
    """

    events: int = 0
    trouble: list[str] = field(default_factory=list)
    memory: list[tuple[int, float]] = field(default_factory=list)
    put_away: list[float] = field(default_factory=list)
    longest: list[tuple[float, str]] = field(default_factory=list)

    def __str__(self) -> str:
        memory = ", ".join(f"{event}: {mib:.0f}" for event, mib in self.memory)
        slow = "\n".join(f"  {ms:6.0f} ms  {words}" for ms, words in self.longest)
        trouble = "\n\n".join(self.trouble) or "no trouble"
        empty = f"MiB when all is put away: {self.put_away[0]:.0f}, then {self.growth:+.0f}"
        return f"{self.events} events; MiB at {memory}\n{empty}\nslowest:\n{slow}\n{trouble}"

    @property
    def growth(self) -> float:
        """MiB that the play left behind after its warm-up."""
        return self.put_away[-1] - self.put_away[0]


class Monkey:
    """Plays with a window.

    Args:
        window: a settled one.
        seed: of its choices.
        files: what it drops, opens and says of files, see ``toys``.
        outbox: a folder for what it saves.
        tell: hears of each event before it and after it; the last word of a play that crashed.
    """

    def __init__(
        self,
        window: QMainWindow,
        seed: int,
        files: list[Path],
        outbox: Path,
        tell: Callable[[str], object] = lambda _words: None,
    ) -> None:
        self.window, self.files, self.outbox, self._tell = window, files, outbox, tell
        self.rng = random.Random(seed)
        self.report = Report()
        self._seed = seed
        self._past: deque[str] = deque(maxlen=REMEMBERED)
        self._acting: list[int] = []  # the level of the event loop in which each action began
        self._loop = QEventLoop()
        self._most, self._until, self._settled = 0, float("inf"), 0
        self._kinds: list[tuple[Callable[[], str], int]] = [
            (self._click, 40),
            (self._key, 22),
            (self._drag, 10),
            (self._wheel, 5),
            (self._command, 14),
            (self._drop, 3),
            (self._resize, 2),
            (self._theme, 1),
            (self._model, 1),
            (self._rest, 4),
        ]

    def play(self, events: int, seconds: float = float("inf")) -> Report:
        """Sends so many events, or for so long; then everything must come to rest."""
        begin = time.monotonic()
        self.window.actions_["quit"].setEnabled(False)
        with _answers(self), self._listening():
            for share in (WARM_UP, 1):
                self._most, self._until = round(share * events), begin + share * seconds
                QTimer.singleShot(0, self._step)
                self._loop.exec()
                self._settle()
                self._put_away()
        return self.report

    # --- turn by turn --------------------------------------------------------------------------

    def _step(self) -> None:
        level = QThread.currentThread().loopLevel()
        if self._acting and level <= self._acting[-1]:  # Qt looks for events amid a click
            QTimer.singleShot(1, self._step)
            return
        over = self.report.events >= self._most or time.monotonic() > self._until
        if over and level == 1:
            self._loop.quit()
            return
        QTimer.singleShot(self.rng.choice((0, 0, 0, 5, 20)), self._step)  # also in a dialog's loop
        self._acting.append(level)
        try:
            if over or level > DEEPEST:
                self._close_what_is_open()
            else:
                self._act()
        finally:
            self._acting.pop()
        if level == 1 and self.report.events - self._settled >= SETTLE_EVERY:
            self._settled = self.report.events
            self._settle()

    def _act(self) -> None:
        kinds, weights = zip(*self._kinds, strict=True)
        start = time.perf_counter()
        self.report.events += 1
        number = self.report.events
        act = self.rng.choices(kinds, weights)[0]
        self._tell(f"{number} {act.__name__.strip('_')}…")
        try:
            words = act()
        except Exception:  # noqa: BLE001  what it is looking for
            words = "an error"
            self._note(traceback.format_exc())
        self._past.append(f"{number} {words}")
        self._tell(f"{number} {words}")
        ms = 1e3 * (time.perf_counter() - start)
        self.report.longest = sorted([*self.report.longest, (ms, words)], reverse=True)[:8]

    def _close_what_is_open(self) -> None:
        popup, modal = QApplication.activePopupWidget(), QApplication.activeModalWidget()
        if popup is not None:
            popup.close()
        elif isinstance(modal, QDialog):
            modal.reject()

    def _settle(self) -> None:
        """Everything that was begun must end by itself, and leave the memory as it was."""
        end = time.monotonic() + PATIENCE_S
        QTest.qWait(1)  # unlike `processEvents` it deletes what is to be deleted later
        while (waiting := self._busy()) and time.monotonic() < end:
            QTest.qWait(20)
        if waiting:
            told = f"still busy after {PATIENCE_S:.0f} s: {', '.join(waiting)}"
            self._note("\n".join([told, *_what_threads_do()]))
        if not self.report.memory or self.report.memory[-1][0] != self.report.events:
            self.report.memory.append((self.report.events, _mib()))

    def _put_away(self) -> None:
        """Leaves a new project of the shipped model in a window of one size, and nothing else."""
        self.window.models.open(resources() / "models" / "modelnet10")
        self._settle()
        self.window.compare.hide()
        discard = QMessageBox.StandardButton.Discard
        with mock.patch.object(QMessageBox, "question", return_value=discard):
            self.window.actions_["new"].trigger()
        self.window.resize(*LARGEST)
        self._settle()
        QTest.qWait(500)  # until its frames are drawn, into buffers of its size
        give_back()  # as the app does now and then
        self.report.put_away.append(_mib())

    def _busy(self) -> list[str]:
        window = self.window
        works = {
            "document": window.document,
            "models": window.models,
            "project": window.project.files,
            "thumbnails": window.thumbnails,
            "variations": window.commands.variations,
            "comparison": window._compare,
        }
        busy = [name for name, work in works.items() if work is not None and work.busy]
        drawing = [each for each in window.findChildren(LatestOnly) if each.busy]
        return [*busy, *(f"{type(each.parent()).__name__}'s thread" for each in drawing)]

    # --- what it does --------------------------------------------------------------------------

    def _click(self) -> str:
        widget = self._widget()
        if widget is None:
            return "nothing to click"
        place, button = self._place(widget), LEFT if self.rng.random() < 0.92 else RIGHT
        held = self.rng.choice((PLAIN, PLAIN, PLAIN, PLAIN, SHIFT, CONTROL))
        words, twice = f"click {_name(widget)}", self.rng.random() < 0.08
        handle, place = _in_window(widget, place)
        QTest.mouseMove(handle, place)
        for _ in range(2 if twice else 1):
            for act in (QTest.mousePress, QTest.mouseRelease):
                if shiboken6.isValid(handle):  # a press may put its window away
                    act(handle, button, held, place)
        return f"{words} {'twice ' if twice else ''}{'right' if button == RIGHT else ''}"

    def _key(self) -> str:
        kind = self.rng.random()
        held = PLAIN
        if kind < 0.45:
            key = self.rng.choice(MOVES)
        elif kind < 0.7:
            key = self.rng.choice(LETTERS)
        elif kind < 0.8:
            key = self.rng.choice(DIGITS)
        else:
            key = self.rng.choice(CHORDS)
            held = self.rng.choice((CONTROL, CONTROL, CONTROL | SHIFT))
        target = QApplication.activePopupWidget() or QApplication.focusWidget() or self.window
        words = f"key {held.value:x}+{key.name} to {_name(target)}"
        handle = target.window().windowHandle()
        for act in (QTest.keyPress, QTest.keyRelease):
            if handle is not None and shiboken6.isValid(handle):
                act(handle, key, held)
        return words

    def _drag(self) -> str:
        widget = self._widget()
        if widget is None:
            return "nothing to drag"
        words = f"drag {_name(widget)}"
        handle, place = _in_window(widget, self._place(widget))
        held = self.rng.choice((PLAIN, PLAIN, SHIFT))
        far = self.rng.choice((20, 60, 300))
        QTest.mousePress(handle, LEFT, held, place)
        for _ in range(self.rng.randint(1, 6)):
            place += QPoint(self.rng.randint(-far, far), self.rng.randint(-far, far))
            if not shiboken6.isValid(handle):  # a press may put its window away
                return words
            place.setX(min(max(place.x(), 0), handle.width() - 1))
            place.setY(min(max(place.y(), 0), handle.height() - 1))
            QTest.mouseMove(handle, place)
        if shiboken6.isValid(handle):
            QTest.mouseRelease(handle, LEFT, held, place)
        return words

    def _wheel(self) -> str:
        widget = self._widget()
        if widget is None:
            return "nothing to roll"
        words, place = f"wheel on {_name(widget)}", QPointF(self._place(widget))
        turn = QPoint(0, self.rng.choice((-360, -120, 120, 360)))
        phase = Qt.ScrollPhase.NoScrollPhase
        above = QPointF(widget.mapToGlobal(place.toPoint()))
        buttons = Qt.MouseButton.NoButton
        event = QWheelEvent(place, above, QPoint(), turn, buttons, PLAIN, phase, False)
        QApplication.sendEvent(widget, event)
        return words

    def _command(self) -> str:
        if QApplication.activeModalWidget() or QApplication.activePopupWidget():
            return self._key()
        useful = [action for action in self.window.actions_.all() if action.isEnabled()]
        action = self.rng.choice(useful)
        words = f"command {action.objectName()}"
        action.trigger()
        return words

    def _drop(self) -> str:
        if QApplication.activeModalWidget():
            return "no drop on a dialog"
        files = self.rng.sample(self.files, self.rng.choice((1, 1, 1, 2, 3)))
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path)) for path in files])
        middle = QPointF(self.window.rect().center())
        enter = QDragEnterEvent(middle.toPoint(), COPY, data, LEFT, PLAIN)
        QApplication.sendEvent(self.window, enter)
        QApplication.sendEvent(self.window, QDropEvent(middle, COPY, data, LEFT, PLAIN))
        return f"drop {', '.join(path.name for path in files)}"

    def _resize(self) -> str:
        width, height = (
            self.rng.randint(low, high) for low, high in zip(SMALLEST, LARGEST, strict=True)
        )
        self.window.resize(width, height)
        return f"resize to {width} × {height}"

    def _theme(self) -> str:
        action = self.rng.choice(self.window.actions_.themes.actions())
        action.trigger()
        return f"theme {action.data()}"

    def _model(self) -> str:
        if QApplication.activeModalWidget():
            return "no model in a dialog"
        shipped = sorted((resources() / "models").iterdir())
        folder = self.rng.choice([*shipped, self.files[0]])
        self.window.models.open(folder)
        return f"model {folder.name}"

    def _rest(self) -> str:
        QTest.qWait(self.rng.choice((1, 50, 300)))
        return "rest"

    # --- what it sees --------------------------------------------------------------------------

    def _widget(self) -> QWidget | None:
        """Something on screen that a hand could reach now."""
        top = QApplication.activePopupWidget() or QApplication.activeModalWidget()
        if top is None:
            open_now = [each for each in QApplication.topLevelWidgets() if _is_open(each)]
            others = [each for each in open_now if each is not self.window]
            at_window = not others or self.rng.random() < 0.7
            top = self.window if at_window else self.rng.choice(others)
        if not _is_open(top):
            return None
        seen = [each for each in top.findChildren(QWidget) if _is_in_sight(each, top)]
        return self.rng.choice([top, *seen])

    def _place(self, widget: QWidget) -> QPoint:
        area = widget.visibleRegion().boundingRect() or widget.rect()
        x = self.rng.randint(area.left(), max(area.left(), area.right()))
        return QPoint(x, self.rng.randint(area.top(), max(area.top(), area.bottom())))

    # --- what it hears -------------------------------------------------------------------------

    @contextmanager
    def _listening(self) -> Iterator[None]:
        """Hears of every error that nobody caught, and of what the window calls a mishap."""
        monkey = self

        class Ear(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                text = record.getMessage()
                stray = "Something went wrong" in text or record.exc_info or text.startswith("Qt")
                if record.levelno >= logging.WARNING and stray:
                    trace = logging.Formatter().formatException(record.exc_info or (None,) * 3)
                    monkey._note(f"{text}\n{trace if record.exc_info else ''}")

        ear, log = Ear(), logging.getLogger("shapelab")
        log.addHandler(ear)
        try:
            yield
        finally:
            log.removeHandler(ear)

    def _note(self, text: str) -> None:
        past = "\n".join(f"  {line}" for line in self._past)
        self.report.trouble.append(f"{text}\nseed {self._seed}, after\n{past}")

    # --- what it answers -----------------------------------------------------------------------

    def file_to_open(self) -> str:
        """A file dialog's answer."""
        return "" if self.rng.random() < 0.4 else str(self.rng.choice(self.files))

    def file_to_save(self, proposal: str) -> str:
        """A file dialog's answer: some name of the proposed kind, often used before."""
        if self.rng.random() < 0.4:
            return ""
        suffixes = "".join(Path(proposal).suffixes[-2:])
        return str(self.outbox / f"{self.rng.choice('abc')}{suffixes}")


def _mib() -> float:
    """Memory of the process."""
    gc.collect()
    return float(psutil.Process().memory_info().rss / 2**20)


def _what_threads_do() -> list[str]:
    """Where the threads of the window are, which tells what hangs from what is slow."""
    stacks = [traceback.extract_stack(frame) for frame in sys._current_frames().values()]
    at_work = [stack for stack in stacks if any(each.name == "run" for each in stack)]
    return [" > ".join(f"{each.name}:{each.lineno}" for each in stack[-6:]) for stack in at_work]


@contextmanager
def _answers(monkey: Monkey) -> Iterator[None]:
    """Dialogs of the system answer by themselves: no hand of ours could."""
    rng, buttons = monkey.rng, QMessageBox.StandardButton

    def question(_parent, _title, _text, offered=buttons.Yes | buttons.No, *_more):
        return rng.choice([each for each in buttons if each.value and each.value & offered.value])

    def save(_parent=None, _title="", proposal="", *_more):
        name = monkey.file_to_save(proposal)
        return name, ""

    replaced = {
        (QFileDialog, "getOpenFileName"): lambda *_a, **_k: (monkey.file_to_open(), ""),
        (QFileDialog, "getOpenFileNames"): lambda *_a, **_k: (
            [name] if (name := monkey.file_to_open()) else [],
            "",
        ),
        (QFileDialog, "getSaveFileName"): save,
        (QFileDialog, "getExistingDirectory"): lambda *_a, **_k: (
            "" if rng.random() < 0.5 else str(monkey.outbox)
        ),
        (QMessageBox, "question"): question,
        (QDesktopServices, "openUrl"): lambda _url: True,
    }
    with ExitStack() as stack:
        for (owner, name), answer in replaced.items():
            stack.enter_context(mock.patch.object(owner, name, answer))
        yield


def close(window: QMainWindow) -> None:
    """Closes a window after a play: what is unsaved goes, a training that was begun stops."""
    discard = QMessageBox.StandardButton.Discard
    asked = mock.patch.object(training_link, "ask_on_closing", return_value=ClosingChoice.STOP)
    with mock.patch.object(QMessageBox, "question", return_value=discard), asked:
        window.close()
        end = time.monotonic() + PATIENCE_S
        while window.isVisible() and time.monotonic() < end:  # the training saves first
            QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
    if window.isVisible():
        raise AssertionError("the window does not close")


def _is_open(widget: QWidget) -> bool:
    return widget.isVisible() and widget.windowHandle() is not None and not widget.size().isEmpty()


def _is_in_sight(widget: QWidget, top: QWidget) -> bool:
    return (
        widget.isVisible()
        and widget.window() is top
        and widget.isEnabled()
        and not widget.visibleRegion().isEmpty()
    )


def _in_window(widget: QWidget, place: QPoint) -> tuple[QWindow, QPoint]:
    top = widget.window()
    return top.windowHandle(), widget.mapTo(top, place)


def _name(widget: QWidget) -> str:
    """What a report calls a widget: its kind and its words."""
    words = getattr(widget, "text", "")  # a method of Qt's, or a label of ours
    for _ in range(2):
        words = words() if callable(words) else getattr(words, "text", words)
    words = words if isinstance(words, str) else ""
    told = words or widget.accessibleName() or widget.objectName() or widget.toolTip()
    return f"{type(widget).__name__} {told[:40]!r}"


def toys(folder: Path) -> list[Path]:
    """Files of every kind that the window opens, some of them broken; the first is a model."""
    folder.mkdir(parents=True, exist_ok=True)
    model = folder / "small"
    model.mkdir()
    (model / "model.safetensors").write_bytes(small_model())
    mesh = surface(chair(24), SurfaceOptions())
    for suffix in (".stl", ".ply", ".obj"):
        (folder / f"chair{suffix}").write_bytes(encode(mesh, suffix))
    np.save(folder / "grid.npy", chair(24) > 0.5)
    pixels = np.zeros((120, 120, 4), np.uint8)
    pixels[20:110, 40:80] = (120, 80, 50, 255)
    Image.fromarray(pixels).save(folder / "cut.png")
    Image.new("RGB", (90, 60), "white").save(folder / "blank.jpg")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n no picture")
    (folder / "broken.stl").write_bytes(b"solid nothing\n")
    (folder / "broken.shapelab").write_bytes(b"PK\x03\x04 no project")
    (folder / "broken.shape.json").write_text("{}")
    (folder / "letter.txt").write_text("Dear Sir")
    examples = [resources() / "examples" / name for name in ("chair.png", "sofa.png", "table.ply")]
    made = sorted(path for path in folder.iterdir() if path != model)
    return [model, *made, *(path for path in examples if path.exists())]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--events", type=int, default=10**9)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--tell", action="store_true", help="print every event as it comes")
    options = parser.parse_args()
    faulthandler.enable()

    def tell(words: str) -> None:
        if options.tell:
            print(words, flush=True)

    with tempfile.TemporaryDirectory() as home:
        for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
            os.environ[name] = home
        from shapelab.gui import app as start

        app = start.application()
        from shapelab.gui.main_window import MainWindow

        window = MainWindow()
        window.show()
        while window.document is None or window.document.shown is None:
            app.processEvents()
        outbox = Path(home, "out")
        outbox.mkdir()
        monkey = Monkey(window, options.seed, toys(Path(home, "toys")), outbox, tell)
        report = monkey.play(options.events, 60 * options.minutes)
        close(window)
    print(report)
    return 1 if report.trouble else 0


if __name__ == "__main__":
    sys.exit(main())
