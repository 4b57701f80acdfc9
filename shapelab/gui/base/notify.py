"""Tells the user what happened: toasts over the window, a log file, hooks for stray errors."""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from PySide6.QtCore import (
    QEvent,
    QMessageLogContext,
    QObject,
    QtMsgType,
    Signal,
    qInstallMessageHandler,
)
from PySide6.QtWidgets import QMessageBox, QWidget

from shapelab.core.errors import ShapelabError, clean
from shapelab.gui.base import theme
from shapelab.gui.base.toast import Toast

INFO_MS, ERROR_MS = 4_000, 12_000
MOST = 3  # toasts at once; the oldest goes
WIDTH = 440  # device-independent pixels
LOG_BYTES, LOG_FILES = 1_000_000, 3
log = logging.getLogger("shapelab")


def describe(error: BaseException) -> tuple[str, str]:
    """One sentence for the user and the traceback for "Details…"."""
    if isinstance(error, ShapelabError):
        text = str(error)
    elif isinstance(error, MemoryError):
        text = "There is not enough memory for this; please close other programs and try again."
    else:
        text = f"Something went wrong ({type(error).__name__}); your shape is still here."
    trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    return text, without_home(trace)


def without_home(text: str) -> str:
    """A text with ``~`` for the user's folder, whose name is often the user's own."""
    home = str(Path.home())
    return text.replace(home, "~") if len(home) > 1 else text


def describe_files(failures: Sequence[tuple[str, BaseException]]) -> tuple[str, str]:
    """One sentence on files (name, error) that could not be opened, and all of them in detail."""
    told = [(clean(name), *describe(error)) for name, error in failures]
    if len(told) == 1:
        name, text, details = told[0]
        return text if name in text else f"{name}: {text}", details
    names = ", ".join(name for name, _, _ in told)
    text = clean(f"{len(told)} files could not be opened: {names}.")
    listed = [words if words.startswith(name) else f"{name}: {words}" for name, words, _ in told]
    traces = [f"{name}: {trace}" for name, _, trace in told]
    return text, "\n".join([*listed, "", *traces])


def may_replace(parent: QWidget, path: Path) -> bool:
    """Whether a file may be written there: asks if one is there already."""
    if not path.exists():
        return True
    answer = QMessageBox.question(
        parent, "Replace the file?", f"{path.name} is there already. Replace it?"
    )
    return answer == QMessageBox.StandardButton.Yes


class Toasts(QObject):
    """Messages at the lower edge of `parent`; they never take the focus nor stop the work.

    `reported` may be emitted from any thread.
    """

    reported = Signal(str, str)  # text, details

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._parent = parent
        self._toasts: list[Toast] = []
        parent.installEventFilter(self)
        self.reported.connect(self.error)

    @property
    def visible(self) -> tuple[Toast, ...]:
        """The cards on screen, oldest first."""
        return tuple(self._toasts)

    def info(self, text: str) -> None:
        """A short note that goes by itself."""
        log.info(text)
        self._add(text, "", False, INFO_MS)

    def error(self, text: str, details: str = "") -> None:
        """One sentence that says what to do; `details` (a traceback) opens on demand."""
        log.error("%s%s", text, f"\n{details}" if details else "")
        self._add(text, details, True, ERROR_MS)

    def exception(self, error: BaseException) -> None:
        """An exception as its sentence, with the traceback behind "Details…"."""
        self.error(*describe(error))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._parent and event.type() == QEvent.Type.Resize:
            self._place()
        return False

    def _add(self, text: str, details: str, error: bool, ms: int) -> None:
        for toast in self._toasts:
            if toast.text == text and toast.is_error == error:
                toast.again()
                self._place()
                return
        toast = Toast(self._parent, text, details, error, ms)
        toast.gone.connect(self._forget)
        self._toasts.append(toast)
        for old in self._toasts[:-MOST]:
            old.dismiss()
        toast.show()
        self._place()

    def _forget(self, toast: Toast) -> None:
        self._toasts.remove(toast)
        self._place()

    def _place(self) -> None:
        area = self._parent.rect()
        width = min(WIDTH, area.width() - 2 * theme.SPACE_LARGE)
        bottom = area.height() - theme.SPACE_LARGE
        for toast in reversed(self._toasts):
            height = max(toast.heightForWidth(width), toast.minimumSizeHint().height())
            bottom -= height
            toast.setGeometry((area.width() - width) // 2, bottom, width, height)
            toast.raise_()
            bottom -= theme.SPACE


def catch_stray_errors(toasts: Toasts | None, log_file: Path) -> Callable[[], None]:
    """Send what nobody caught (any thread, destructors, Qt) to the log file and to `toasts`.

    Args:
        toasts: where errors are shown; None logs only.
        log_file: the rotating log; its folder is made. An unwritable place costs only the file.

    Returns:
        A function that puts everything back.
    """
    handler = _log_handler(log_file)
    log.setLevel(logging.INFO)
    log.addHandler(handler)
    old_sys, old_thread, old_unraisable = (
        sys.excepthook,
        threading.excepthook,
        sys.unraisablehook,
    )

    def show(error: BaseException) -> None:
        text, details = describe(error)
        try:
            if toasts is None:
                log.error("%s\n%s", text, details)
            else:
                toasts.reported.emit(text, details)
        except Exception:  # the window is gone already; a hook must never raise
            log.exception("%s\n%s", text, details)

    def on_sys(kind: Any, error: BaseException, trace: Any) -> None:
        if isinstance(error, Exception):
            show(error.with_traceback(trace))
        else:  # Ctrl+C and SystemExit mean what they say
            old_sys(kind, error, trace)

    def on_thread(args: threading.ExceptHookArgs) -> None:
        if isinstance(args.exc_value, Exception):
            show(args.exc_value)

    def on_unraisable(args: Any) -> None:  # in a destructor: nothing the user did or can mend
        log.error("%s %r", args.err_msg or "Ignored", args.object, exc_info=args.exc_value)

    sys.excepthook, threading.excepthook = on_sys, on_thread
    sys.unraisablehook = on_unraisable
    old_qt = qInstallMessageHandler(_log_qt_message)

    def restore() -> None:
        sys.excepthook, threading.excepthook = old_sys, old_thread
        sys.unraisablehook = old_unraisable
        qInstallMessageHandler(old_qt)
        log.removeHandler(handler)
        handler.close()

    return restore


def _log_handler(log_file: Path) -> logging.Handler:
    try:
        log_file.parent.mkdir(parents=True, exist_ok=True)
        handler: logging.Handler = RotatingFileHandler(
            log_file, maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8"
        )
    except OSError:
        handler = logging.StreamHandler()
    handler.setFormatter(_Shareable("%(asctime)s %(levelname)s %(threadName)s %(message)s"))
    return handler


class _Shareable(logging.Formatter):
    """Lines of a log that people send to others."""

    def format(self, record: logging.LogRecord) -> str:
        return without_home(super().format(record))


_QT_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


def _log_qt_message(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    log.log(
        _QT_LEVELS[kind], "Qt%s: %s", f" {context.category}" if context.category else "", message
    )
    if kind == QtMsgType.QtFatalMsg:  # Qt aborts next: the terminal is the last to hear
        sys.__stderr__.write(f"{message}\n") if sys.__stderr__ else None
