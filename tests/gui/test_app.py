"""The start of the window: screen check, OpenGL format, order of imports."""

from __future__ import annotations

import importlib
import linecache
import os
import socket
import subprocess
import sys

import pytest
from PySide6.QtGui import QSurfaceFormat

from shapelab.core.paths import resources
from shapelab.gui import app

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="X11 is Linux's")


@LINUX
@pytest.mark.parametrize(
    "environment",
    [{}, {"DISPLAY": ""}, {"DISPLAY": "nonsense"}, {"DISPLAY": ":987"}, {"DISPLAY": "127.0.0.1:9"}],
)
def test_without_a_screen_one_sentence_names_both_ways_out(environment):
    problem = app.screen_problem(environment)
    assert "xvfb-run -a shapelab" in problem
    assert "shapelab sample" in problem
    packages = (resources() / "apt.txt").read_text("utf-8").split()
    assert len(packages) > 10
    assert all(f" {name} " in problem for name in packages)
    assert "\n" not in problem


@LINUX
@pytest.mark.parametrize(
    "environment",
    [{"QT_QPA_PLATFORM": "offscreen"}, {"QT_QPA_PLATFORM": "vnc:size=800x600"}],
)
def test_a_platform_that_needs_no_screen_is_respected(environment):
    assert app.screen_problem(environment) == ""


@LINUX
def test_wayland_is_a_screen():
    assert app.screen_problem({"WAYLAND_DISPLAY": "wayland-0"}) == ""


@LINUX
def test_a_display_over_tcp_is_asked(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setattr(app, "_missing_library", lambda: "")
        assert app.screen_problem({"DISPLAY": f"127.0.0.1:{port - 6000}.0"}) == ""


@LINUX
def test_a_missing_system_library_is_named(monkeypatch, tmp_path):
    folder = tmp_path / "Qt" / "plugins" / "platforms"
    folder.mkdir(parents=True)
    (folder / "libqxcb.so").write_bytes(b"not a library")

    class Spec:
        submodule_search_locations = (str(tmp_path),)

    monkeypatch.setattr(app.importlib.util, "find_spec", lambda _name: Spec)
    sentence = app._missing_library()
    assert "libqxcb.so" in sentence
    assert "apt-get install" in sentence


@LINUX
def test_the_command_says_it_and_returns_1(tmp_path):
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    }
    done = subprocess.run(
        [sys.executable, "-m", "shapelab"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.strip() == app.screen_problem({})
    assert done.stdout == ""


def test_the_default_format_is_what_the_interactor_asks_for(qapp):
    from pyvistaqt import rwi

    assert QSurfaceFormat.defaultFormat() == rwi._default_format()


def test_the_application_exists_once(qapp):
    assert app.application() is qapp
    assert os.environ["QT_API"] == "pyside6"


UNTIL_PAINTED = """
import sys
from shapelab.gui import app as start
app = start.application()
from shapelab.gui.main_window import MainWindow
class Window(MainWindow):
    def _load(self):
        print(*sorted(sys.modules))
        app.quit()
window = Window()
window.show()
app.exec()
window.close()
"""
#: What a window takes most of its time to import; none of it may be there when it is painted.
SLOW = {
    "torch",
    "vtkmodules",
    "pyvista",
    "pyvistaqt",
    "pyqtgraph",
    "scipy",
    "trimesh",
    "skimage",
    "cv2",
    "pydantic",
    "PIL",
    "asyncio",
    "shapelab.core.inputs.reconstruct",
    "shapelab.core.mesh.formats",
    "shapelab.gui.viewport.scene",
    "shapelab.gui.cutout.cutout_dialog",
    "shapelab.gui.gallery.batch_dialog",
}
MOST_MODULES = 460  # 441 when this was written; each takes about a thousandth of a second


@pytest.mark.gl
def test_the_window_is_painted_before_anything_slow_is_imported(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", UNTIL_PAINTED],
        env=dict(os.environ, XDG_DATA_HOME=str(tmp_path), XDG_STATE_HOME=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    modules = done.stdout.split()
    assert set(modules) & SLOW == set()
    assert "shapelab.gui.main_window" in modules
    assert len(modules) <= MOST_MODULES


def test_what_is_imported_after_qt_is_not_read_as_text(qapp, tmp_path, monkeypatch):
    file = tmp_path / "a_module_of_this_test.py"
    file.write_text("VALUE = 7\n")
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module(file.stem)
    import a_module_of_this_test as again

    assert again is module
    assert module.VALUE == 7
    assert str(file) not in linecache.cache
