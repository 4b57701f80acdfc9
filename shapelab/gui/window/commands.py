"""What the menu entries do: files, clipboard, history, view, appearance and help."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QStandardPaths, QUrl, Slot
from PySide6.QtGui import QAction, QDesktopServices, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QFileDialog, QMainWindow, QWidget

from shapelab.core.errors import ShapelabError
from shapelab.core.paths import log_folder
from shapelab.core.session.script import command_line, python_script
from shapelab.core.session.shape_file import SHAPE_SUFFIX
from shapelab.gui.base import theme
from shapelab.gui.base.notify import Toasts, may_replace
from shapelab.gui.base.settings import WindowSettings
from shapelab.gui.base.workers import Task
from shapelab.gui.document import dropped_files
from shapelab.gui.document.current_document import CurrentDocument
from shapelab.gui.document.document import Document
from shapelab.gui.viewport.orbit import BLOCKS, SMOOTH, STYLES
from shapelab.gui.viewport.viewport import Viewport
from shapelab.gui.window.about import AboutDialog
from shapelab.gui.window.actions import Actions
from shapelab.gui.window.command_palette import CommandPalette
from shapelab.gui.window.overlays import ShortcutSheet
from shapelab.gui.window.recent_files import RecentFiles
from shapelab.gui.window.variations import VariationsGrid

if TYPE_CHECKING:
    from shapelab.gui.export.export_dialog import ExportDialog
    from shapelab.gui.window.help_page import HelpPage

EDGE = 16  # between a dialog and the window's edges, device-independent pixels
#: Of the view, which has no actions for them.
MOUSE = (("Turn", "Drag"), ("Move", "Shift+Drag"), ("Zoom", "Wheel"))
VIEW_KEYS = (
    ("Turn the focused view", "Arrows"),
    ("Move the focused view", "Shift+Arrows"),
    ("Zoom the focused view", "Plus or minus"),
)


class Commands(QObject):
    """Connects the window's actions; the view's options live in the actions' check marks."""

    def __init__(
        self,
        window: QMainWindow,
        actions: Actions,
        viewport: Viewport,
        current: CurrentDocument,
        toasts: Toasts,
        settings: WindowSettings,
    ) -> None:
        super().__init__(window)
        self._window, self._actions, self._viewport = window, actions, viewport
        self._current, self._toasts, self._settings = current, toasts, settings
        self.export_dialog: ExportDialog | None = None
        self._saving: list[Task] = []  # of pictures
        self.help_page: HelpPage | None = None
        self.palette = CommandPalette(window, settings)
        self.recent = RecentFiles(window, settings)
        self.recent.chosen.connect(self._open_again)
        self.shortcuts = ShortcutSheet(window, self._keys())
        self.variations = VariationsGrid(viewport)
        for name, act in {
            "open": self.open_files,
            "paste": self.paste,
            "save": self.save_shape,
            "export": self.export,
            "screenshot": self.save_picture,
            "cutout": self.save_cutout,
            "copy": self.copy_picture,
            "quit": window.close,
            "undo": lambda: current.undo(),
            "redo": lambda: current.redo(),
            "randomise": lambda: current.require().randomise(actions["whole"].isChecked()),
            "mend": lambda: current.require().mend(),
            "variations": self.variations.show_more,
            "reset": lambda: current.session.reset_all(),
            "help": self.show_help,
            "palette": self.palette.toggle,
            "copy_python": self.copy_python,
            "copy_command": self.copy_command,
            "shortcuts": self.shortcuts.toggle,
            "logs": self.open_logs,
            "about": self.about,
        }.items():
            actions[name].triggered.connect(act)
        actions.refused.connect(toasts.info)
        current.changed.connect(self._follow_document)
        self._restore_view()
        self._connect_view()

    def _connect_view(self) -> None:
        actions, viewport = self._actions, self._viewport
        for name, apply in (
            ("orthographic", viewport.set_orthographic),
            ("grid", viewport.set_grid),
            ("axes", viewport.set_axes),
        ):
            actions[name].toggled.connect(apply)
            apply(actions[name].isChecked())
        actions.views.triggered.connect(lambda action: viewport.set_view(action.data()))
        actions.styles.triggered.connect(self._choose_style)
        actions["fit"].triggered.connect(viewport.reset_camera)
        actions.themes.triggered.connect(self._choose_theme)
        self._choose_style()

    @Slot()
    def _choose_style(self) -> None:
        """Draws the shape in the checked style; cubes are asked of the document."""
        checked = self._actions.styles.checkedAction()
        style = checked.data() if checked else SMOOTH
        self._viewport.set_style(style)
        if self._current.document is not None:
            self._current.document.show_blocks(style == BLOCKS)

    # --- files ---------------------------------------------------------------------------------

    @Slot()
    def open_files(self) -> None:
        """Asks for files and opens them."""
        folder = self._folder("open")
        names, _ = QFileDialog.getOpenFileNames(
            self._window, "Open", folder, dropped_files.filters()
        )
        if names:
            self._remember("open", names[0])
            self._current.open(dropped_files.from_paths([Path(name) for name in names]))

    @Slot(Path)
    def _open_again(self, path: Path) -> None:
        self._current.open(dropped_files.from_paths([path]))

    @Slot()
    def paste(self) -> None:
        """Opens the picture or the files on the clipboard."""
        found = dropped_files.sources(QGuiApplication.clipboard().mimeData())
        if found:
            self._current.open(found)
        else:
            self._toasts.info("There is no picture or file on the clipboard to paste.")

    @Slot()
    def save_shape(self) -> None:
        """Asks for a name and writes the latent."""
        path = self._ask("save", "Save Shape", f"Saved shape (*{SHAPE_SUFFIX})", SHAPE_SUFFIX)
        if path is None:
            return
        try:
            self._current.session.save(path, force=True)  # the dialog has asked
        except (ShapelabError, OSError) as error:
            self._toasts.exception(error)
        else:
            self.recent.remember(path)
            self._toasts.info(f"Saved {path.name}.")

    @Slot()
    def export(self) -> None:
        """Opens the export dialog beside the window; it stays usable meanwhile."""
        from shapelab.gui.export.export_dialog import ExportDialog

        if self.export_dialog is None:
            document = self._current.require()
            self.export_dialog = ExportDialog(
                document.session,
                document.surface_for,
                self._window,
                self._settings,
                document.recipe_for,
            )
        if self._actions["style_blocks"].isChecked():
            self._actions["style_smooth"].trigger()  # the file gets the surface: so show it
        self._place_beside(self.export_dialog)
        self.export_dialog.show()
        self.export_dialog.raise_()
        self.export_dialog.activateWindow()

    def _place_beside(self, dialog: QWidget) -> None:
        """Over the right panels, so that the shape stays in sight."""
        if dialog.isVisible():
            return
        dialog.adjustSize()
        view = self._viewport.rect()
        corner = self._viewport.mapToGlobal(view.topRight())
        right = self._window.mapToGlobal(self._window.rect().topRight()).x()
        screens = QGuiApplication.primaryScreen().availableVirtualGeometry()
        lowest = screens.bottom() - dialog.height() - EDGE  # all of it can be seen
        dialog.move(right - dialog.width() - EDGE, max(0, min(corner.y() + EDGE, lowest)))

    @Slot()
    def save_picture(self) -> None:
        self._save_picture(transparent=False)

    @Slot()
    def save_cutout(self) -> None:
        self._save_picture(transparent=True)

    @Slot()
    def copy_picture(self) -> None:
        """Puts what the viewport shows on the clipboard."""
        QGuiApplication.clipboard().setImage(self._viewport.screenshot())
        self._toasts.info("The picture is on the clipboard.")

    @Slot()
    def copy_python(self) -> None:
        """Puts the way to the shown shape on the clipboard, as a program."""
        QGuiApplication.clipboard().setText(python_script(self._current.session))
        self._toasts.info("The way to this shape is on the clipboard, as Python.")

    @Slot()
    def copy_command(self) -> None:
        """Puts the line on the clipboard that makes the shown shape in a terminal."""
        line, file = command_line(self._current.session)
        QGuiApplication.clipboard().setText(line)
        if file:
            self._toasts.info(
                f"The command is on the clipboard. It reads the shape from {file}: save it under "
                "that name first."
            )
        else:
            self._toasts.info("The command that makes this shape is on the clipboard.")

    def _save_picture(self, transparent: bool) -> None:
        ending = "-transparent.png" if transparent else ".png"
        path = self._ask("pictures", "Save Picture", "PNG picture (*.png)", ".png", ending)
        if path is None:
            return
        try:
            image = self._viewport.screenshot(transparent)
        except ShapelabError as error:
            self._toasts.exception(error)
            return
        from shapelab.gui.viewport.view_canvas import save_picture  # brings VTK

        # Packing the pixels takes half a second, so it goes on a thread.
        task = Task(lambda _task: save_picture(image, path), self)
        task.done.connect(lambda _nothing: self._toasts.info(f"Saved {path.name}."))
        task.failed.connect(self._toasts.exception)
        task.finished.connect(lambda: self._saving.remove(task))
        self._saving.append(task)
        task.start()

    def _ask(
        self, kind: str, title: str, name_filter: str, suffix: str, ending: str = ""
    ) -> Path | None:
        """A file name with the right suffix, or None when the user thought better of it.

        ``ending`` is that of the proposal, where it is more than the suffix.
        """
        state = self._current.session.state
        seed = "" if state.seed is None else f"-{state.seed}"
        proposal = str(Path(self._folder(kind), f"{state.class_name}{seed}{ending or suffix}"))
        name, _ = QFileDialog.getSaveFileName(self._window, title, proposal, name_filter)
        if not name:
            return None
        self._remember(kind, name)
        if name.lower().endswith(suffix):
            return Path(name)  # of which the dialog has asked
        path = Path(name + suffix)
        return path if may_replace(self._window, path) else None

    def _folder(self, kind: str) -> str:
        documents = QStandardPaths.StandardLocation.DocumentsLocation
        home = QStandardPaths.writableLocation(documents) or str(Path.home())
        return self._settings.text(f"folders/{kind}", home)

    def _remember(self, kind: str, name: str) -> None:
        self._settings.set_text(f"folders/{kind}", str(Path(name).parent))

    # --- view ----------------------------------------------------------------------------------

    def _restore_view(self) -> None:
        settings, actions = self._settings, self._actions
        style = settings.text("view/style", SMOOTH, STYLES)
        actions[f"style_{style}"].setChecked(True)
        for name, default in (("orthographic", False), ("grid", True), ("axes", True)):
            actions[name].setChecked(settings.flag(f"view/{name}", default))
        actions["whole"].setChecked(settings.flag("edit/whole", True))
        look = settings.text("view/theme", theme.SYSTEM, tuple(theme.CHOICES))
        actions[f"theme_{look}"].setChecked(True)
        if look != theme.SYSTEM:  # which it has from its start
            theme.choose(look)

    @Slot(QAction)
    def _choose_theme(self, action: QAction) -> None:
        self._settings.set_text("view/theme", action.data())
        theme.choose(action.data())

    def keep_view(self) -> None:
        """Remembers the options of the menus for the next start."""
        settings, checked = self._settings, self._actions.styles.checkedAction()
        settings.set_text("view/style", checked.data() if checked else SMOOTH)
        for name in ("orthographic", "grid", "axes"):
            settings.set_flag(f"view/{name}", self._actions[name].isChecked())
        settings.set_flag("edit/whole", self._actions["whole"].isChecked())

    # --- help ----------------------------------------------------------------------------------

    @Slot()
    def open_logs(self) -> None:
        """Shows the folder of log files in the system's file manager."""
        folder = log_folder()
        folder.mkdir(parents=True, exist_ok=True)
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
            self._toasts.info(f"The log files are in {folder}.")

    @Slot()
    def show_help(self) -> None:
        """Opens the Help page; it keeps its place."""
        from shapelab.gui.window.help_page import HelpPage

        if self.help_page is None:
            try:
                self.help_page = HelpPage(self._window)
            except ShapelabError as error:
                self._toasts.exception(error)
                return
        self.help_page.show()
        self.help_page.raise_()
        self.help_page.activateWindow()

    @Slot()
    def about(self) -> None:
        """Opens the About dialog."""
        document = self._current.document
        AboutDialog(document.model if document else None, self._window).show()

    def _keys(self) -> list[tuple[str, str]]:
        native = QKeySequence.SequenceFormat.NativeText
        views = self._actions.views.actions()
        listed: list[QAction] = [a for a in self._actions.all() if not a.shortcut().isEmpty()]
        keys = []
        for action in listed:
            name = action.text().replace("&", "").rstrip("…")
            text = f"Look from the {name.lower()}" if action in views else name
            keys.append((text, action.shortcut().toString(native)))
        return [*keys, *MOUSE, *VIEW_KEYS]

    # --- inside --------------------------------------------------------------------------------

    def stop(self) -> None:
        """Ends the threads of the export dialog and the variations; pictures are written first."""
        while self._saving:
            self._saving.pop().stop()
        self.variations.stop()
        if self.export_dialog is not None:
            self.export_dialog.stop()

    @Slot(object)
    def _follow_document(self, document: Document) -> None:
        """The export dialog belongs to the document before; the style holds for the new one."""
        if self.export_dialog is not None:
            self.export_dialog.close()
            self.export_dialog.stop()
            self.export_dialog.deleteLater()
            self.export_dialog = None
        self.variations.set_session(document.session)
        self._choose_style()
