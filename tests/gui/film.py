"""Twenty screenshots of an hour's work: pictures, a repair, variations, a kill, and a plate.

``xvfb-run -a -s "-screen 0 1920x1080x24" python -m tests.gui.film OUT --theme dark`` writes
``01-welcome.png`` and so on into OUT, to be looked at; ``--size 1920 1080`` is that of the window.
The first half is killed, as by a crash; the second one begins with what the window offers then.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

PATIENCE_S = 1200
STILL_S = 0.6  # until the picture of a view at rest is drawn
KILLED = -signal.SIGKILL if hasattr(signal, "SIGKILL") else 1
PICTURES = ("chair.png", "sofa.png", "bed.png", "night_stand.png")


class Film:
    """A window and its screenshots."""

    def __init__(self, out: Path, size: tuple[int, int], theme: str, first: int) -> None:
        from shapelab.gui import app as start

        self.app = start.application()
        from shapelab.gui.main_window import MainWindow

        self.out, self.number = out, first
        self.window = MainWindow(at_start=True)
        self.window.resize(*size)
        self.window.actions_[f"theme_{theme}"].trigger()
        self.window.show()
        self.until(lambda: self.window.document is not None and self.window.document.shown)
        self.until(lambda: self.window.viewport.is_ready)

    @property
    def session(self) -> Any:
        return self.window.document.session

    def until(self, condition: Callable[[], object]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"nothing came after picture {self.number}")
            self.app.processEvents()
            time.sleep(0.005)

    def rest(self) -> None:
        """Until everything has come."""
        window = self.window
        works = (window.document, window.project.files, window.commands.variations, window.compare)
        self.until(lambda: not any(work.busy for work in works))
        self.until(lambda: not window.thumbnails.busy)

    def shoot(self, name: str, *others: Any) -> None:
        """The window, with dialogs where they lie over it."""
        end = time.monotonic() + STILL_S
        self.until(lambda: time.monotonic() > end)
        picture = self.window.grab()
        if others:
            from PySide6.QtGui import QPainter

            painter = QPainter(picture)
            for other in others:
                corner = other.mapToGlobal(other.rect().topLeft())
                painter.drawPixmap(self.window.mapFromGlobal(corner), other.grab())
            painter.end()
        self.number += 1
        picture.save(str(self.out / f"{self.number:02}-{name}.png"))
        print(f"{self.number:02} {name}", flush=True)

    def trigger(self, name: str) -> None:
        self.window.actions_[name].trigger()
        self.rest()


def before_the_kill(film: Film, folder: Path) -> None:
    from PIL import Image, ImageOps
    from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
    from PySide6.QtGui import QDragEnterEvent, QDropEvent
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QApplication, QFileDialog

    from shapelab.core.paths import resources

    window = film.window
    film.shoot("welcome")
    files = [resources() / "examples" / name for name in PICTURES]
    fifth = folder / "armchair.png"
    ImageOps.mirror(Image.open(files[0])).save(fifth)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in (*files, fifth)])
    copy, left, plain = (
        Qt.DropAction.CopyAction,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    middle = QPointF(window.viewport.rect().center())
    enter = QDragEnterEvent(middle.toPoint(), copy, data, left, plain)
    QApplication.sendEvent(window, enter)
    film.shoot("hover")
    QApplication.sendEvent(window, QDropEvent(middle, copy, data, left, plain))
    film.shoot("reading")
    film.rest()
    film.shoot("five-pictures")

    film.trigger("correct")
    dialog = window.pictures.dialog
    film.until(lambda: not dialog.busy)
    dialog.action("object").trigger()
    canvas = dialog.canvas
    place = canvas.rect().center()
    QTest.mousePress(canvas, left, pos=place)
    QTest.mouseMove(canvas, place + place / 8)
    QTest.mouseRelease(canvas, left, pos=place + place / 8)
    film.until(lambda: not dialog.busy)
    film.shoot("repair", dialog)
    dialog.make.click()
    film.rest()
    film.shoot("repaired")

    film.trigger("variations")
    film.until(lambda: not window.commands.variations._worker.busy)
    film.shoot("variations")
    window.commands.variations.go_to(2)
    film.rest()
    window.commands.variations.hide()
    film.session.set_coefficient(0, 1.2)
    film.session.finish_edit()
    film.rest()
    film.shoot("slider")
    film.trigger("keep")
    film.shoot("kept")
    film.session.go_to_step(film.session.history.step.number - 2)
    film.session.set_coefficient(1, -1.4)
    film.session.name_step(film.session.history.step.number, "wider seat")
    film.session.star_step(film.session.history.step.number, True)
    film.trigger("history")
    film.shoot("history")
    film.trigger("compare")
    film.until(lambda: all(pane.viewport.is_ready for pane in window.compare.panes))
    film.shoot("compare-two")
    window.compare.choose_count(4)
    film.rest()
    film.until(lambda: all(pane.viewport.is_ready for pane in window.compare.panes))
    film.shoot("compare-four")
    window.compare.hide()
    film.trigger("pin_a")
    film.session.show_kept(film.session.gallery.shapes[1].id)
    film.trigger("pin_b")
    film.session.set_morph(0.5)
    film.rest()
    window.docks[2].raise_()
    film.shoot("morph")
    with mock.patch.object(
        QFileDialog, "getSaveFileName", return_value=(str(folder / "seats.shapelab"), "")
    ):
        film.trigger("save_project")
    film.shoot("saved")
    film.session.set_coefficient(2, 0.8)
    film.session.finish_edit()
    autosave = window.project.keeper.autosave
    film.until(lambda: time.monotonic() and not autosave.busy)
    end = time.monotonic() + 2
    film.until(lambda: time.monotonic() > end and not autosave.busy)
    os.kill(os.getpid(), signal.SIGKILL)


def after_the_kill(film: Film, folder: Path) -> None:
    from PySide6.QtWidgets import QFileDialog, QPushButton

    window = film.window
    film.rest()
    film.shoot("after-the-kill")
    offers = [
        button
        for button in window.findChildren(QPushButton)
        if button.isVisible() and button.text().replace("&", "").startswith("Restore")
    ]
    for button in offers[:1]:
        button.click()
    film.until(lambda: len(film.session.gallery) > 0)
    film.rest()
    film.shoot("reopened")
    window.actions_["palette"].trigger()
    film.shoot("palette")
    window.commands.palette.hide()
    window.gallery.export()
    batch = window.gallery.batch
    batch.plate.setChecked(True)
    film.shoot("plate", batch)
    with mock.patch.object(
        QFileDialog, "getSaveFileName", return_value=(str(folder / "plate.3mf"), "")
    ):
        batch.save.click()
    film.until(lambda: not batch.writing)
    film.shoot("plate-written", batch)
    batch.reject()
    window.actions_["help"].trigger()
    film.shoot("help", window.commands.help_page)
    window.commands.help_page.close()
    window.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    parser.add_argument("--size", type=int, nargs=2, default=(1280, 720))
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--first", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.home is not None:
        film = Film(options.out, tuple(options.size), options.theme, options.first)
        (after_the_kill if options.first else before_the_kill)(film, options.home)
        return 0
    with tempfile.TemporaryDirectory() as home:
        kinds = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")
        environment = dict(os.environ, **dict.fromkeys(kinds, home))
        for wanted in (KILLED, 0):
            first = len(list(options.out.glob("[0-9][0-9]-*.png"))) if wanted == 0 else 0
            command = [sys.executable, "-X", "faulthandler", "-m", "tests.gui.film", *sys.argv[1:]]
            command += ["--home", home, "--first", str(first)]
            ended = subprocess.run(command, env=environment, check=False).returncode
            if ended != wanted:
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
