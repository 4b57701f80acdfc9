"""The export dialog: size, format and surface of the file, a live verdict, and a verified save."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QCoreApplication, QEvent, QObject, QStandardPaths
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from shapelab.core.errors import NotPrintableError, ShapelabError
from shapelab.core.mesh import formats
from shapelab.core.mesh.meshing import LooseParts, SurfaceOptions
from shapelab.core.mesh.print_check import PrintReport
from shapelab.core.mesh.tri_mesh import TriMesh
from shapelab.core.session.recipe import sidecar, write_sidecar
from shapelab.core.session.session import Session
from shapelab.gui.base.labels import SPACING
from shapelab.gui.base.notify import may_replace
from shapelab.gui.base.settings import WindowSettings
from shapelab.gui.base.workers import LatestOnly, Task
from shapelab.gui.export.export_form import FORMATS, ExportForm
from shapelab.gui.export.part_preparation import (
    MeshProvider,
    PartRequest,
    PreparedPart,
    prepare,
    verdict,
)
from shapelab.gui.export.verdict_box import VerdictBox

WIDTH = 440


class ExportDialog(QDialog):
    """Makes a file of the shape that the viewport shows; stays open beside it."""

    def __init__(
        self,
        session: Session,
        mesh_provider: MeshProvider,
        parent: QWidget | None = None,
        settings: WindowSettings | None = None,
        recipe_for: Callable[[TriMesh], str] = lambda _mesh: "",
    ) -> None:
        """Makes the dialog.

        Args:
            session: whose shape is exported.
            mesh_provider: thread-safe; gives the shown shape's surface for some options.
            parent: the window.
            settings: remember size, format, triangles and folder; without them nothing does.
            recipe_for: how the shown shape was made, for a file with this mesh.
        """
        super().__init__(parent)
        self.setWindowTitle("Export")
        self._session, self._settings = session, settings
        self._provider, self._recipe_for = mesh_provider, recipe_for
        self._worker: LatestOnly | None = None
        self._saving: Task | None = None
        self._asked: PartRequest | None = None
        self._answered: PartRequest | None = None
        self._prepared: PreparedPart | None = None
        #: Where the file dialog opens; follows the last file saved.
        self.folder = Path(
            QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
            or Path.home()
        )
        self._disconnect: list[Callable[[], None]] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(SPACING)
        self.form = ExportForm()
        column.addWidget(self.form)
        column.addSpacing(SPACING)
        self.verdict = VerdictBox()
        column.addWidget(self.verdict)
        column.addStretch(1)
        column.addSpacing(SPACING)
        column.addLayout(self._build_buttons())
        self.setMinimumWidth(WIDTH)
        if settings is not None:
            self.form.restore(settings)
            self.folder = Path(settings.text("folders/export", str(self.folder)))
        self._connect_widgets()
        if parent is not None:
            parent.window().installEventFilter(self)
        app = QCoreApplication.instance()
        if app is not None:
            app.aboutToQuit.connect(self.stop)

    @property
    def checking(self) -> bool:
        """Whether the verdict on the present settings is still being worked out."""
        return self._asked is not self._answered

    @property
    def saving(self) -> bool:
        return self._saving is not None

    def stop(self) -> None:
        """Ends the threads and waits for them; showing the dialog again starts anew."""
        self._asked = self._answered = None
        worker, self._worker = self._worker, None
        saving, self._saving = self._saving, None
        for thread in (worker, saving):
            if thread is not None:
                thread.stop()
                thread.deleteLater()

    def reject(self) -> None:
        if not self.saving:
            super().reject()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._disconnect:
            self._disconnect = [
                self._session.surface_changed.connect(self._show_options),
                self._session.shape_changed.connect(lambda _state: self._prepare()),
            ]
        self._show_options(self._session.surface)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        if event.spontaneous():  # minimised, not closed
            return
        if self._settings is not None:
            self.form.keep_settings(self._settings)
            self._settings.set_text("folders/export", str(self.folder))
        for disconnect in self._disconnect:
            disconnect()
        self._disconnect = []
        if not self.checking:  # else the thread ends as soon as it has its result
            self.stop()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Hide and not event.spontaneous():
            self.hide()
            self.stop()  # the program may be about to end: wait
        return super().eventFilter(watched, event)

    def ask_path(self, suffix: str) -> Path | None:
        """Lets the user choose a file; None if they think better of it."""
        proposal = self.folder / (_file_name(self._session.state.origin) + suffix)
        kinds = {ending: f"{text.partition(' – ')[0]} (*{ending})" for text, ending in FORMATS}
        mine = kinds.pop(suffix)
        chosen, _ = QFileDialog.getSaveFileName(
            self, "Save shape", str(proposal), ";;".join([mine, *kinds.values()]), mine
        )
        if not chosen:
            return None
        path = Path(chosen)
        if path.suffix.lower() not in formats.WRITERS:
            path = path.with_name(path.name + suffix)
            if not may_replace(self, path):
                return None
        self.folder = path.parent
        return path

    # --- building ------------------------------------------------------------------------------

    def _build_buttons(self) -> QHBoxLayout:
        self.anyway = QPushButton("Save anyway (not printable)")
        self.anyway.hide()
        self.anyway.setToolTip("Writes the file with -UNCHECKED in its name.")
        self.anyway.setAutoDefault(False)
        self.cancel = QPushButton("Close")
        self.cancel.setAutoDefault(False)
        self.save = QPushButton("Save…")
        self.save.setEnabled(False)
        self.save.setDefault(True)
        row = QHBoxLayout()
        row.setSpacing(SPACING)
        row.addWidget(self.anyway)
        row.addStretch(1)
        row.addWidget(self.cancel)
        row.addWidget(self.save)
        return row

    def _connect_widgets(self) -> None:
        self.form.part_changed.connect(self._prepare)
        self.form.surface.chosen.connect(self._change_surface)
        self.form.surface.edit_finished.connect(self._session.finish_edit)
        self.cancel.clicked.connect(self.reject)
        self.save.clicked.connect(lambda: self._save(unchecked=False))
        self.anyway.clicked.connect(lambda: self._save(unchecked=True))

    # --- the verdict ---------------------------------------------------------------------------

    def _change_surface(self, options: SurfaceOptions) -> None:
        self._session.surface = options

    def _show_options(self, options: SurfaceOptions) -> None:
        self.form.surface.show_options(options)
        self._prepare()

    def _prepare(self) -> None:
        if not self.isVisible():
            return
        if self._worker is None:
            self._worker = LatestOnly(partial(prepare, self._provider), self)
            self._worker.done.connect(self._show_part)
            self._worker.failed.connect(self._show_failure)
        size = self.form.size_mm.value()
        self._asked = PartRequest(self._session.surface, size, self.form.share)
        self._worker.submit(self._asked)
        self.verdict.show_checking("Checking the part…")
        self._enable()

    def _show_part(self, request: PartRequest, prepared: PreparedPart) -> None:
        if request is not self._asked:
            return
        self._answered, self._prepared = request, prepared
        self.form.show_part(prepared)
        report = prepared.report
        self.verdict.show_verdict(verdict(report, prepared.dropped), good=report.ok)
        self._settle()

    def _show_failure(self, request: PartRequest, error: Exception) -> None:
        if request is not self._asked:
            return
        self._answered, self._prepared = request, None
        self.form.show_part(None)
        self.verdict.show_verdict(_sentence(error), good=False)
        self._settle()

    def _settle(self) -> None:
        if not self.isVisible():
            self.stop()
        self._enable()

    def _enable(self) -> None:
        there = self._prepared is not None and not self.checking and not self.saving
        good = self._prepared is not None and self._prepared.report.ok
        self.save.setEnabled(there and good)
        self.anyway.setVisible(there and not good)
        self.cancel.setEnabled(not self.saving)
        self.form.setEnabled(not self.saving)

    # --- saving --------------------------------------------------------------------------------

    def _save(self, unchecked: bool) -> None:
        prepared = self._prepared
        if prepared is None or self.checking or self.saving:
            return
        path = self.ask_path(self.form.suffix)
        if path is None:
            return
        written = formats.unchecked_name(path) if unchecked else path
        if unchecked and not may_replace(self, written):
            return
        recipe = self._recipe_for(prepared.mesh) if self.form.recipe.isChecked() else ""
        beside = bool(recipe) and path.suffix.lower() not in formats.WITH_RECIPE
        if beside and not may_replace(self, sidecar(written)):
            return
        self.verdict.show_checking(f"Writing {path.name} and reading it back…")
        work = partial(_write, path, prepared.mesh, unchecked, recipe)
        self._saving = Task(work, self)
        self._saving.done.connect(partial(self._finish_saving, prepared.dropped))
        self._saving.failed.connect(self._fail_saving)
        self._enable()
        self._saving.start()

    def _finish_saving(self, dropped: LooseParts, report: PrintReport) -> None:
        self._saving = None
        name = report.path.name if report.path else "the file"
        self.verdict.show_verdict(f"Saved {name}. {verdict(report, dropped)}", good=report.ok)
        self._enable()

    def _fail_saving(self, error: Exception) -> None:
        self._saving = None
        self.verdict.show_verdict(_sentence(error), good=False)
        self._enable()
        # A full disk or a missing folder is no reason to lower the bar; a file that reads back
        # wrongly is one to offer the way out.
        self.anyway.setVisible(isinstance(error, NotPrintableError))


def _file_name(origin: str) -> str:
    """'chair-seed-7' of 'chair, seed 7': a name that every file system takes."""
    stem = re.sub(r"\.[A-Za-z]\w{1,4}$", "", origin)  # of a picture or mesh
    return re.sub(r"[^\w.-]+", "-", stem)[:60].strip("-.") or "shape"


def _write(path: Path, mesh: TriMesh, unchecked: bool, recipe: str, _task: Any) -> PrintReport:
    report = formats.write(path, mesh, unchecked, force=True, recipe=recipe)  # dialogs have asked
    if recipe and path.suffix.lower() not in formats.WITH_RECIPE:
        write_sidecar(report.path or path, recipe, force=True)
    return report


def _sentence(error: Exception) -> str:
    if isinstance(error, ShapelabError):
        return str(error)
    return f"Something went wrong ({type(error).__name__}: {error}); try other settings."
