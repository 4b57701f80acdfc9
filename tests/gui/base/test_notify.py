"""Toasts and hooks: every stray error becomes one sentence on screen and a traceback in the log."""

import sys
import threading

import pytest
from PySide6.QtCore import Qt, qWarning
from PySide6.QtWidgets import QApplication, QDialog, QPlainTextEdit, QWidget

from shapelab.core.errors import InputError
from shapelab.gui.base import notify
from shapelab.gui.base.notify import Toasts


@pytest.fixture
def window(qtbot):
    widget = QWidget()
    qtbot.addWidget(widget)
    widget.resize(640, 480)
    widget.show()
    qtbot.waitExposed(widget)
    return widget


@pytest.fixture
def toasts(window):
    return Toasts(window)


@pytest.fixture
def log_file(tmp_path, toasts):
    path = tmp_path / "logs" / "shapelab.log"
    restore = notify.catch_stray_errors(toasts, path)
    yield path
    restore()


def raised(error):
    try:
        raise error
    except type(error) as caught:
        return caught


def test_info_shows_inside_the_window_and_goes_by_itself(qtbot, window, toasts):
    toasts.info("Saved chair.stl.")
    (toast,) = toasts.visible
    assert toast.label.text() == "Saved chair.stl."
    assert window.rect().contains(toast.geometry())
    assert not toast.details_button.isVisible()
    toast._timer.start(0)
    qtbot.waitUntil(lambda: toasts.visible == ())


def test_error_opens_its_details_without_blocking(qtbot, window, toasts):
    toasts.exception(raised(ValueError("secret cause")))
    (toast,) = toasts.visible
    assert "ValueError" in toast.label.text()
    assert "secret cause" not in toast.label.text()
    qtbot.mouseClick(toast.details_button, Qt.MouseButton.LeftButton)
    (dialog,) = [w for w in QApplication.topLevelWidgets() if isinstance(w, QDialog)]
    assert not dialog.isModal()
    shown = dialog.findChild(QPlainTextEdit).toPlainText()
    assert "Traceback" in shown
    assert "secret cause" in shown
    dialog.close()


def test_our_own_errors_are_shown_word_for_word(toasts):
    toasts.exception(raised(InputError("chair.xyz is not a picture; please choose a PNG.")))
    assert toasts.visible[0].label.text() == "chair.xyz is not a picture; please choose a PNG."


def test_the_same_message_is_counted_not_stacked(toasts):
    for _ in range(50):
        toasts.error("The disk is full; please make room.")
    (toast,) = toasts.visible
    assert toast.label.text() == "The disk is full; please make room.  ×50"


def test_only_the_newest_three_stay_and_do_not_overlap(window, toasts):
    for number in range(5):
        toasts.info(f"Message {number}")
    assert [toast.text for toast in toasts.visible] == ["Message 2", "Message 3", "Message 4"]
    boxes = [toast.geometry() for toast in toasts.visible]
    assert boxes[0].bottom() < boxes[1].top()
    assert boxes[1].bottom() < boxes[2].top()
    assert window.rect().contains(boxes[0])


def test_toasts_follow_the_window_when_it_is_resized(window, toasts):
    toasts.error("A long sentence that has to be wrapped when the window is narrow. " * 3)
    window.resize(300, 400)
    QApplication.sendPostedEvents()
    assert window.rect().contains(toasts.visible[0].geometry())


def test_close_button(qtbot, toasts):
    toasts.info("x")
    qtbot.mouseClick(toasts.visible[0].close_button, Qt.MouseButton.LeftButton)
    assert toasts.visible == ()


def test_markup_in_a_message_stays_text(toasts):
    toasts.error("<img src=x> is not a file name; please choose another.")
    assert toasts.visible[0].label.textFormat() == Qt.TextFormat.PlainText


def test_uncaught_error_reaches_toast_and_log(toasts, log_file):
    error = raised(ZeroDivisionError("by zero"))
    sys.excepthook(type(error), error, error.__traceback__)
    assert "ZeroDivisionError" in toasts.visible[0].text
    assert "Traceback" in toasts.visible[0].details
    assert "by zero" in log_file.read_text(encoding="utf-8")


def test_error_in_a_thread_reaches_the_toast_in_the_gui_thread(qtbot, toasts, log_file):
    thread = threading.Thread(target=lambda: 1 // 0)
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: len(toasts.visible) == 1)
    assert "ZeroDivisionError" in toasts.visible[0].text


def test_unraisable_is_logged_without_a_toast(toasts, log_file):
    class Args:
        err_msg, object, exc_value = "Exception ignored in", "thing", raised(OSError("gone"))

    sys.unraisablehook(Args)
    assert toasts.visible == ()
    assert "gone" in log_file.read_text(encoding="utf-8")


def test_keyboard_interrupt_keeps_its_meaning(toasts, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "excepthook", lambda *args: seen.append(args))
    restore = notify.catch_stray_errors(toasts, tmp_path / "a.log")
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    restore()
    assert len(seen) == 1
    assert toasts.visible == ()


def test_qt_messages_go_to_the_log(log_file):
    qWarning("a warning from Qt")
    assert "a warning from Qt" in log_file.read_text(encoding="utf-8")


def test_hooks_survive_a_deleted_window(qtbot, tmp_path):
    widget = QWidget()
    toasts = Toasts(widget)
    path = tmp_path / "a.log"
    restore = notify.catch_stray_errors(toasts, path)
    widget.deleteLater()
    qtbot.waitSignal(widget.destroyed).wait()
    error = raised(ValueError("late"))
    sys.excepthook(ValueError, error, error.__traceback__)
    restore()
    assert "late" in path.read_text(encoding="utf-8")


def test_restore_puts_every_hook_back(toasts, tmp_path):
    before = sys.excepthook, threading.excepthook, sys.unraisablehook, list(notify.log.handlers)
    notify.catch_stray_errors(toasts, tmp_path / "a.log")()
    after = sys.excepthook, threading.excepthook, sys.unraisablehook, list(notify.log.handlers)
    assert after == before


def test_unwritable_log_place_costs_only_the_file(toasts, tmp_path):
    (tmp_path / "file").write_text("")
    restore = notify.catch_stray_errors(toasts, tmp_path / "file" / "a.log")
    toasts.error("Still shown.")
    restore()
    assert toasts.visible[0].text == "Still shown."


def test_what_people_send_to_others_does_not_name_their_folder(monkeypatch, toasts, log_file):
    home = log_file.parents[1] / "jane.doe"
    monkeypatch.setenv("USERPROFILE" if sys.platform == "win32" else "HOME", str(home))
    error = FileNotFoundError(2, "No such file", str(home / "chairs" / "a.stl"))
    toasts.exception(error)
    notify.log.warning("cannot read %s", home / "chairs")
    shown = toasts.visible[-1].details + log_file.read_text(encoding="utf-8")
    assert "jane.doe" not in shown
    assert shown.count("~") >= 2
