"""What no file manager sends, and no file manager can be trusted not to send, dropped by hand."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QImage
from PySide6.QtWidgets import QApplication

pytestmark = pytest.mark.gl
COPY, LEFT = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
PLAIN = Qt.KeyboardModifier.NoModifier


def dropped(window: Any, data: QMimeData) -> bool:
    """Whether the window takes a drop, which Qt then delivers."""
    middle = QPointF(window.viewport.rect().center())
    enter = QDragEnterEvent(middle.toPoint(), COPY, data, LEFT, PLAIN)
    enter.ignore()
    QApplication.sendEvent(window, enter)
    if enter.isAccepted():
        QApplication.sendEvent(window, QDropEvent(middle, COPY, data, LEFT, PLAIN))
    return enter.isAccepted()


def fifo(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.png")
    return folder / "pipe.png"


def listening(folder: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "s.stl"))
    return folder / "s.stl"


def loop(folder: Path) -> Path:
    (folder / "a.npy").symlink_to(folder / "b.npy")
    (folder / "b.npy").symlink_to(folder / "a.npy")
    return folder / "a.npy"


def dangling(folder: Path) -> Path:
    (folder / "gone.shapelab").symlink_to(folder / "nowhere")
    return folder / "gone.shapelab"


def marked_up(folder: Path) -> Path:
    path = folder / "<b>bold<b>&amp;\n\x1b[31m.ply"
    path.write_bytes(b"ply\n")
    return path


def unspeakable(folder: Path) -> Path:
    os.close(os.open(os.fsencode(folder) + b"/\xff\xfe.glb", os.O_CREAT))
    return folder / os.fsdecode(b"\xff\xfe.glb")


def no_suffix(folder: Path) -> Path:
    (folder / "nothing").touch()
    return folder / "nothing"


MADE = (fifo, listening, loop, dangling, marked_up, unspeakable, no_suffix)


@pytest.mark.parametrize("make", MADE, ids=lambda make: make.__name__)
def test_odd_files_are_named_in_one_sentence(
    qtbot: Any, window: Any, tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    data, before = QMimeData(), window.document.session.state
    data.setUrls([QUrl.fromLocalFile(str(make(tmp_path)))])
    assert dropped(window, data)
    qtbot.waitUntil(lambda: bool(window.toasts.visible))
    qtbot.waitUntil(lambda: not window.document.busy)
    [toast] = window.toasts.visible
    assert toast.is_error
    assert toast.text.endswith(".")
    assert not set(toast.text) & {"\n", "\x1b"}
    assert toast.text.count(".ply: ") < 2
    assert window.document.session.state == before


@pytest.mark.parametrize(
    "path", ["/", "/dev/zero", "/proc/self/mem", "/proc/self", "//host/share/chair.stl", "x" * 5000]
)
def test_places_that_are_no_files_are_told(qtbot: Any, window: Any, path: str) -> None:
    data, before = QMimeData(), window.document.session.state
    data.setUrls([QUrl.fromLocalFile(path)])
    if dropped(window, data):
        qtbot.waitUntil(lambda: bool(window.toasts.visible) or window.training.isVisible())
        qtbot.waitUntil(lambda: not window.document.busy)
        assert all(toast.is_error for toast in window.toasts.visible)
    assert window.document.session.state == before


def odd_data() -> dict[str, QMimeData]:
    """What a drag may hold beside paths, each of a type that nobody asked for."""
    made = {name: QMimeData() for name in ("bool", "null", "list", "addresses", "text", "folder")}
    made["bool"].setImageData(True)
    made["null"].setImageData(QImage())
    made["list"].setUrls([QUrl(), QUrl("file:"), QUrl("qrc:/a.png"), QUrl("https://x.org/a.png")])
    made["addresses"].setData("text/uri-list", b"\xff\x00file://\r\n#\r\nfalse\r\n")
    made["text"].setText("/etc/passwd")
    made["folder"].setData("application/x-shapelab", b"\x00")
    return made


@pytest.mark.parametrize("kind", odd_data())
def test_odd_types_open_nothing(qtbot: Any, window: Any, kind: str) -> None:
    before = window.document.session.state
    dropped(window, odd_data()[kind])
    qtbot.waitUntil(lambda: not window.document.busy)
    assert window.document.session.state == before
    assert all(toast.is_error for toast in window.toasts.visible)
    assert not window._invitation.isVisible()
