"""Starts the window: screen check, environment, QApplication; slow things after the paint."""

from __future__ import annotations

import builtins
import ctypes
import importlib
import importlib.util
import os
import signal
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from shapelab.core.paths import START_MODEL, resources
from shapelab.core.project.project_file import is_project

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

#: Qt platforms that the user may choose and that need neither X nor Wayland.
SCREENLESS = ("offscreen", "minimal", "vnc", "eglfs", "linuxfb")
X_TIMEOUT_S = 2.0


def run(files: Sequence[Path] = (), model: str | Path = START_MODEL) -> int:
    """Opens the window with a model, then the files one after the other; returns the exit code."""
    problem = screen_problem(os.environ)
    if problem:
        sys.stderr.write(problem + "\n")
        return 1
    app = application()
    from shapelab.gui.window.model_loading import no_collection

    with no_collection():
        from shapelab.gui.base.memory import MemoryKeeper
        from shapelab.gui.main_window import MainWindow

    projects = [path for path in files if is_project(path)]
    named = bool(files) or model != START_MODEL
    window = MainWindow(model, project=next(iter(projects), None), at_start=not named)
    MemoryKeeper(window)
    window.show()
    window.open_paths(path for path in files if path not in projects)
    if projects[1:]:
        window.current.passed_over.emit([path.name for path in projects[1:]])
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl+C in the terminal ends Qt's loop too
    return app.exec()


def screen_problem(environment: Mapping[str, str]) -> str:
    """One sentence when no window can be opened here, else nothing."""
    if not sys.platform.startswith("linux"):
        return ""
    if environment.get("QT_QPA_PLATFORM", "").split(":")[0] in SCREENLESS:
        return ""
    if environment.get("WAYLAND_DISPLAY"):
        return ""
    display = environment.get("DISPLAY", "")
    if not display or not _answers(display):
        return _no_screen()
    return _missing_library()


def application() -> QApplication:
    """The one QApplication, with environment, OpenGL format and look set before any window."""
    os.environ["QT_API"] = "pyside6"  # qtpy, used by pyvistaqt, would prefer PyQt5 if it is there
    if sys.platform == "win32":
        # After Qt, torch's DLLs cannot be loaded there (pytorch/pytorch#166628).
        importlib.import_module("shapelab.core.model.shape_model")
    from PySide6.QtWidgets import QApplication

    from shapelab.gui.base import memory, theme
    from shapelab.gui.viewport.opengl import set_surface_format

    import_without_reading()
    memory.limit()
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    set_surface_format()  # before the first window: later, Wayland leaves the viewport black
    app = QApplication(sys.argv[:1])
    app.setApplicationName("shapelab")
    app.setApplicationDisplayName("ShapeLab")
    app.setDesktopFileName("shapelab")
    theme.apply(app)
    return app


def import_without_reading() -> None:
    """Lets Python import as ever, where PySide reads the source of all that is imported after it.

    It looks for its own name in it, for features (``from __feature__ import …``) that nothing here
    uses, and Python keeps what was read: half the time of ``import torch``, and 40 MB.
    """
    builtins.__import__ = getattr(builtins, "__orig_import__", builtins.__import__)


def _no_screen() -> str:
    return (
        f"ShapeLab found no screen: either run `{_apt_line()} && xvfb-run -a shapelab`, or use the "
        "commands that need none: `shapelab sample`, `shapelab reconstruct`, "
        "`shapelab interpolate`, `shapelab info`, `shapelab train`."
    )


def _apt_line() -> str:
    """Installs all that a window needs on a Debian or Ubuntu without a desktop."""
    packages = (resources() / "apt.txt").read_text("utf-8").split()
    return f"sudo apt-get install -y {' '.join(packages)}"


def _answers(display: str) -> bool:
    """Whether an X server listens at ``[host]:number[.screen]``; Qt would abort where none does."""
    host, _, rest = display.rpartition(":")
    number = rest.split(".")[0]
    if not number.isdigit():
        return False
    if host in ("", "unix"):
        path = f"/tmp/.X11-unix/X{number}"
        addresses: list[str | tuple[str, int]] = [path, "\0" + path]
        family = socket.AF_UNIX
    else:
        addresses = [(host, 6000 + int(number))]
        family = socket.AF_INET
    return any(_connects(family, address) for address in addresses)


def _connects(family: socket.AddressFamily, address: str | tuple[str, int]) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as link:
        link.settimeout(X_TIMEOUT_S)
        try:
            link.connect(address)
        except OSError:
            return False
    return True


def _missing_library() -> str:
    """A sentence naming the system library without which Qt's X11 plugin cannot be loaded."""
    spec = importlib.util.find_spec("PySide6")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        plugin = Path(folder, "Qt", "plugins", "platforms", "libqxcb.so")
        if not plugin.is_file():
            continue
        try:
            ctypes.CDLL(str(plugin))
        except OSError as error:
            return (
                f"ShapeLab's window needs a system library that is missing ({error}); on Debian or "
                f"Ubuntu run `{_apt_line()}`."
            )
    return ""
