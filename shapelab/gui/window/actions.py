"""Every menu entry and tool button of the window, declared once, with shortcut and words."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QObject, QSize, Qt
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QSizePolicy, QToolBar, QToolButton, QWidget

from shapelab.gui.base import theme
from shapelab.gui.viewport.orbit import BLOCKS, SMOOTH, WIREFRAME

#: name, text, shortcuts, icon, tip
Row = tuple[str, str, tuple[str, ...], str, str]

FILE: tuple[Row, ...] = (
    ("open", "&Open…", ("Ctrl+O",), "open", "Open a picture, mesh, voxel or shape file"),
    ("model", "Open &Model…", ("Ctrl+Shift+O",), "", "Choose the model that makes the shapes"),
    (
        "evaluate",
        "E&valuate Model…",
        (),
        "",
        "Score the shown model on shapes that it has not seen",
    ),
    ("paste", "&Paste", ("Ctrl+V",), "paste", "Make a shape of the picture on the clipboard"),
    (
        "save",
        "&Save Shape…",
        ("Ctrl+S",),
        "save",
        "Save the shape, to open it again later",
    ),
    ("export", "&Export…", ("Ctrl+E",), "export", "Write a mesh for printing or modelling"),
    ("screenshot", "Save &Picture…", ("Ctrl+P",), "camera", "Save what the viewport shows"),
    (
        "cutout",
        "Save Picture without &Background…",
        ("Ctrl+Shift+P",),
        "",
        "Save the shape alone, on transparent ground",
    ),
    ("copy", "&Copy Picture", ("Ctrl+C",), "copy", "Copy what the viewport shows"),
    ("quit", "&Quit", ("Ctrl+Q",), "", "Close ShapeLab"),
)
WHOLE: Row = (
    "whole",
    "Prefer &Whole Shapes",
    (),
    "",
    "Randomise draws a few shapes and shows the best one in a single piece",
)
EDIT: tuple[Row, ...] = (
    ("undo", "&Undo", ("Ctrl+Z",), "undo", "Take back the last change of the shape"),
    ("redo", "&Redo", ("Ctrl+Shift+Z", "Ctrl+Y"), "redo", "Do it again"),
    ("randomise", "&Randomise", ("R",), "dice", "A new shape of the same class"),
    WHOLE,
    ("variations", "&Variations", ("N",), "variations", "Show neighbours of the shape to go to"),
    ("reset", "Reset &All", ("Ctrl+Backspace",), "reset", "Bring every slider back to zero"),
)
VIEWS: tuple[Row, ...] = (
    ("iso", "&Corner", ("0",), "view-iso", "Look from the front corner"),
    ("front", "&Front", ("1",), "view-front", "Look from the front"),
    ("back", "&Back", ("Ctrl+1",), "", "Look from behind"),
    ("right", "&Right", ("3",), "view-right", "Look from the right"),
    ("left", "&Left", ("Ctrl+3",), "", "Look from the left"),
    ("top", "&Top", ("7",), "view-top", "Look from above"),
)
STYLES: tuple[Row, ...] = (
    (SMOOTH, "&Smooth", ("S",), "smooth", "Shaded surface"),
    (WIREFRAME, "&Wireframe", ("W",), "wireframe", "Edges of the triangles"),
    (BLOCKS, "&Voxels", ("V",), "blocks", "The grid's cells as cubes"),
)
SWITCHES: tuple[Row, ...] = (
    ("orthographic", "&Orthographic", ("5",), "orthographic", "Parallel lines stay parallel"),
    ("grid", "&Floor Grid", ("G",), "grid", "Show the floor"),
    ("axes", "&Axes", ("A",), "axes", "Show the orientation"),
)
TRAINING: Row = ("training", "&Training", ("Ctrl+T",), "training", "Train models of your own")
HELP: tuple[Row, ...] = (
    ("shortcuts", "&Keyboard Shortcuts", ("H",), "help", "Show all shortcuts"),
    ("logs", "Open &Log Folder", (), "", "Where ShapeLab writes what went wrong"),
    ("about", "&About ShapeLab", (), "info", "Version, and the model with its data and licence"),
)
#: What cannot be used before the model is there, and what needs a surface on screen.
NEEDS_MODEL = ("save", "randomise", "variations", "reset", "evaluate")
NEEDS_SURFACE = ("export", "screenshot", "cutout", "copy")


class Actions(QObject):
    """Holds the window's QActions by name: ``actions["undo"]``; menus and the toolbar show them."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._by_name: dict[str, QAction] = {}
        for row in (*FILE, *EDIT):
            self._add("", row)
        self.styles = self._group("style_", STYLES, checkable=True)
        self.views = self._group("view_", VIEWS, checkable=False)
        self._add("", ("fit", "F&rame the Shape", ("F",), "fit", "Back to the first camera"))
        for row in SWITCHES:
            self._add("", row).setCheckable(True)
        self["whole"].setCheckable(True)
        self._add("", TRAINING).setCheckable(True)
        for row in HELP:
            self._add("", row)
        self["quit"].setMenuRole(QAction.MenuRole.QuitRole)
        self["about"].setMenuRole(QAction.MenuRole.AboutRole)

    def __getitem__(self, name: str) -> QAction:
        return self._by_name[name]

    def all(self) -> Iterable[QAction]:
        """Every action, in the order of declaration."""
        return self._by_name.values()

    def enable(self, model: bool, surface: bool) -> None:
        """Enables what can be used with or without a model, and a surface on screen."""
        for names, there in ((NEEDS_MODEL, model), (NEEDS_SURFACE, surface)):
            for name in names:
                self[name].setEnabled(there)

    def fill_menus(self, bar: QMenuBar, docks: Iterable[QAction]) -> None:
        """Builds File, Edit, View and Help."""
        file = bar.addMenu("&File")
        self._list(file, ("open", "paste", None, "model", "evaluate", None, "save", "export", None))
        self._list(file, ("screenshot", "cutout", "copy", None, "quit"))
        edit = bar.addMenu("&Edit")
        self._list(edit, ("undo", "redo", None, "randomise", "whole", "variations", "reset"))
        view = bar.addMenu("&View")
        view.addActions(self.styles.actions())
        view.addSeparator()
        view.addMenu(self._views_menu(view))
        self._list(view, ("fit", None, "orthographic", "grid", "axes", None))
        view.addActions(list(docks))
        self._list(view, ("training",))
        self._list(bar.addMenu("&Help"), ("shortcuts", "logs", None, "about"))

    def fill_toolbar(self, bar: QToolBar) -> None:
        """Puts the everyday actions in one slim row; Export stands apart at the right."""
        bar.setIconSize(QSize(theme.ICON_SIZE, theme.ICON_SIZE))
        self._list(bar, ("open", "paste", None, "undo", "redo", None))
        self._list(bar, ("randomise", "variations", "reset", None))
        self._list(bar, ("style_smooth", "style_wireframe", "style_blocks", None))
        self._list(bar, ("fit", "screenshot", None, "training"))
        spring = QWidget(bar)
        spring.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        bar.addWidget(spring)
        self._list(bar, ("save", "export"))
        button = bar.widgetForAction(self["export"])
        if isinstance(button, QToolButton):
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)

    def _views_menu(self, view: QMenu) -> QMenu:
        menu = QMenu("&Look From", view)
        menu.addActions(self.views.actions())
        return menu

    def _list(self, place: QMenu | QToolBar, names: Iterable[str | None]) -> None:
        for name in names:
            if name is None:
                place.addSeparator()
            else:
                place.addAction(self[name])

    def _group(self, prefix: str, rows: Iterable[Row], checkable: bool) -> QActionGroup:
        group = QActionGroup(self)
        group.setExclusive(checkable)
        for row in rows:
            action = self._add(prefix, row)
            action.setCheckable(checkable)
            action.setData(row[0])
            group.addAction(action)
        return group

    def _add(self, prefix: str, row: Row) -> QAction:
        name, text, keys, icon, tip = row
        action = QAction(text, self)
        action.setObjectName(prefix + name)
        action.setShortcuts([QKeySequence(key) for key in keys])
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        hint = f"{tip} ({action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)})"
        action.setToolTip(hint if keys else tip)
        action.setStatusTip("")  # the status bar is for the shape
        self._by_name[prefix + name] = action
        action.setIconVisibleInMenu(False)  # check marks and words say it there
        if icon:
            action.setIcon(theme.icon(icon))
        self._window.addAction(action)
        return action
