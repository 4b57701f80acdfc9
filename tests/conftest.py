"""What all tests share: model, fresh user folders, screen check, guard against lost threads."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

# Before torch and Qt are imported by anyone: see shapelab/__init__.py and shapelab/gui/app.py.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # the cores are busy with a test each
os.environ["QT_API"] = "pyside6"

import pytest

from tests import network_guard

if TYPE_CHECKING:
    from shapelab.core.model.shape_model import ShapeModel
    from shapelab.core.session.session import Session

NO_SCREEN = "no Xvfb: window test skipped"
LAST_ACT_MS = 5000  # a thread that has delivered its result may not have been scheduled since
MOST_WORKERS = 4  # each loads torch, Qt and VTK
GRACE_S = 5.0  # a thread that was told to stop may still be finishing its last step


def has_screen() -> bool:
    """Whether OpenGL windows can be opened: Linux needs an X server (pytest-xvfb starts one)."""
    if os.environ.get("QT_QPA_PLATFORM", "") in ("offscreen", "minimal"):
        return False
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Workers for ``-n auto``: one a core, four at most; none for files that are named."""
    if all(".py" in argument for argument in config.args):
        return 0
    return min(MOST_WORKERS, os.cpu_count() or 1)


@pytest.fixture(autouse=True)
def nothing_over_the_network() -> Iterator[None]:
    """Fails a test in which a connection was tried, also where the refusal was swallowed."""
    del network_guard.connections[:]
    yield
    assert not network_guard.connections


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    sys.addaudithook(network_guard.refuse)
    distributes = config.getoption("dist", "no") != "no" and not hasattr(config, "workerinput")
    if not distributes and not has_screen():  # each worker has an X server of its own
        # All tests with widgets are skipped then; should Qt be asked for xcb all the same, it would
        # abort the interpreter.
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if has_screen():
        return
    for item in items:
        widgets = "qapp" in getattr(item, "fixturenames", ())
        if widgets or item.get_closest_marker("gl"):
            item.add_marker(pytest.mark.skip(reason=NO_SCREEN))


@pytest.fixture(autouse=True)
def user_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings, saved models and logs of every test go to a fresh folder, on all three systems."""
    home = tmp_path_factory.mktemp("home")
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "APPDATA", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(home / name.lower()))
    if sys.platform == "darwin":
        monkeypatch.setenv("HOME", str(home))
    if sys.platform == "win32":
        monkeypatch.setenv("WIN_PD_OVERRIDE_LOCAL_APPDATA", str(home / "localappdata"))
        monkeypatch.setenv("WIN_PD_OVERRIDE_APPDATA", str(home / "appdata"))
    return home


@pytest.fixture(scope="session")
def model() -> ShapeModel:
    """The shipped model; loaded once."""
    from shapelab.core.model.shape_model import load_model

    return load_model("modelnet10")


@pytest.fixture
def session(model: ShapeModel) -> Session:
    """A fresh session on the shipped model."""
    from shapelab.core.session.session import Session

    return Session(model, seed=0)


@pytest.fixture(scope="session")
def qapp() -> Any:
    """The application as ``shapelab`` makes it: OpenGL format and theme included."""
    from shapelab.gui import app

    return app.application()


@pytest.fixture
def window(qtbot: Any) -> Iterator[Any]:
    """The real window, shown, with the shipped model and its first shape."""
    from shapelab.gui.main_window import MainWindow

    window = MainWindow("modelnet10")
    qtbot.addWidget(window)
    with qtbot.waitSignal(window.settled, timeout=60_000) as settled:
        window.show()
    assert settled.args == [True]
    window.activateWindow()  # without a window manager nobody else does, and shortcuts need it
    qtbot.waitUntil(window.isActiveWindow, timeout=60_000)
    yield window
    window.close()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder ``../shared/data`` beside the checkout; a fresh clone has none."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("../shared/data is not beside this checkout")
    return folder


@pytest.fixture(autouse=True)
def no_thread_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fails a test that leaves a thread running; stops QThreads, as a live one aborts Python."""
    from PySide6.QtCore import QThread

    started: list[QThread] = []
    original = QThread.start

    def start(thread: QThread, *args: Any) -> None:
        started.append(thread)
        original(thread, *args)

    monkeypatch.setattr(QThread, "start", start)
    before = set(threading.enumerate())
    yield
    left = [_describe(thread) for thread in started if _still_runs(thread)]
    for thread in set(threading.enumerate()) - before:
        if isinstance(thread, threading._DummyThread):
            continue  # Python's view of a QThread, which is looked at above
        thread.join(GRACE_S)
        if thread.is_alive():
            left.append(f"threading.Thread {thread.name!r}")
    assert not left, f"still running after the test: {', '.join(left)}"


def _still_runs(thread: Any) -> bool:
    """Whether the test left this QThread running; afterwards it is not, come what may."""
    import shiboken6

    if not shiboken6.isValid(thread) or thread.wait(LAST_ACT_MS):
        return False
    thread.requestInterruption()
    thread.quit()
    if not thread.wait(int(GRACE_S * 1000)):
        thread.terminate()
        thread.wait()
    return True


def _describe(thread: Any) -> str:
    return f"{type(thread).__name__} {thread.objectName()!r}"
