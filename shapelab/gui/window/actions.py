"""Every menu entry and tool button of the window, declared once, with shortcut and words."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QElapsedTimer, QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QComboBox,
    QMenu,
    QMenuBar,
    QSizePolicy,
    QToolBar,
    QToolButton,
    QWidget,
)

from shapelab.core.session.session import Session
from shapelab.core.session.shape_state import ShapeState
from shapelab.gui.base import theme
from shapelab.gui.base.action import Action
from shapelab.gui.base.labels import readable
from shapelab.gui.viewport.orbit import BLOCKS, SMOOTH, WIREFRAME

#: name, text, shortcuts, icon, tip
Row = tuple[str, str, tuple[str, ...], str, str]

FILE: tuple[Row, ...] = (
    ("new", "&New Project", ("Ctrl+N",), "", "Begin a new project"),
    ("open", "&Open…", ("Ctrl+O",), "open", "Open a picture, mesh, voxel or shape file"),
    ("model", "Open &Model…", ("Ctrl+Shift+O",), "", "Choose the model that makes the shapes"),
    (
        "evaluate",
        "Eva&luate Model…",
        (),
        "",
        "Score the shown model on shapes that it has not seen",
    ),
    ("paste", "&Paste", ("Ctrl+V",), "paste", "Make a shape of the picture on the clipboard"),
    (
        "save_project",
        "&Save Project",
        ("Ctrl+S",),
        "save",
        "Save all shapes, steps and pictures in one file",
    ),
    ("save_project_as", "Save Project &As…", ("Ctrl+Shift+S",), "", "Save it under another name"),
    ("revert", "Re&vert to Saved…", (), "", "Go back to the project as it was saved"),
    (
        "come_back",
        "&Reopen Session at Start",
        (),
        "",
        "Go on at the next start where this window was closed",
    ),
    ("save", "Save S&hape…", ("Ctrl+Shift+E",), "", "Save the shape alone, to open it again later"),
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
    ("mend", "&Mend", ("M",), "", "Go to the whole shape most like this one"),
    ("variations", "&Variations", ("N",), "variations", "Show neighbours of the shape to go to"),
    (
        "compare",
        "C&ompare",
        ("C",),
        "compare",
        "Two or four shapes side by side, with their differences in mm",
    ),
    ("keep", "&Keep Shape", ("K",), "keep", "Keep the shape that you see in the gallery"),
    ("reset", "Reset &All", ("Ctrl+Backspace",), "reset", "Bring every slider back to zero"),
    ("pin_a", "Pin as &A", (), "pin", "Make the shown shape the start of the morph"),
    ("pin_b", "Pin as &B", (), "pin", "Make the shown shape the end of the morph"),
    (
        "copy_python",
        "Copy as &Python",
        ("Ctrl+Shift+C",),
        "",
        "Copy what led to this shape as a program",
    ),
    (
        "copy_command",
        "Copy as &Command",
        (),
        "",
        "Copy the line that makes this shape in a terminal",
    ),
    (
        "correct",
        "&Cut Out…",
        ("Ctrl+U",),
        "scissors",
        "Say what in the picture is the object",
    ),
)
BRUSHES: tuple[Row, ...] = (
    ("more", "More H&ere", ("B",), "brush-object", "Draw on the shape where it shall reach out"),
    (
        "less",
        "L&ess Here",
        ("D",),
        "brush-background",
        "Draw on the shape where it shall draw back",
    ),
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
SCAN: Row = (
    "scan",
    "Scan &or Shape",
    ("O",),
    "eye",
    "From a mesh, voxel file or point cloud itself to the shape made of it, and back",
)
CERTAINTY: Row = (
    "certainty",
    "Cer&tainty",
    ("Y",),
    "",
    "Colour a picture's shape by how sure the model is of it",
)
THEMES: tuple[Row, ...] = (
    (theme.SYSTEM, "As the &System", (), "", "Light or dark as the desktop is"),
    ("light", "&Light", (), "", "Dark text on light ground"),
    ("dark", "&Dark", (), "", "Light text on dark ground"),
)
HISTORY: Row = (
    "history",
    "&History",
    ("Ctrl+Shift+H",),
    "history",
    "Every step, in branches: go back to one, name it, star it",
)
TRAINING: Row = ("training", "&Training", ("Ctrl+T",), "training", "Train models of your own")
GALLERY: Row = ("gallery", "&Gallery", ("Ctrl+G",), "", "Show the shapes that were kept")
HELP: tuple[Row, ...] = (
    ("help", "ShapeLab &Help", ("F1",), "help", "How to use ShapeLab, with a search"),
    ("palette", "&Find a Command…", ("Ctrl+K",), "", "Any command by a few letters of its name"),
    ("shortcuts", "&Keyboard Shortcuts", ("H",), "", "Show all shortcuts"),
    ("logs", "Open &Log Folder", (), "", "Where ShapeLab writes what went wrong"),
    ("about", "&About ShapeLab", (), "info", "Version, and the model with its data and licence"),
)
#: What cannot be used before the model is there, and what needs a surface on screen.
NEEDS_MODEL = (
    *("new", "save_project", "save_project_as"),
    *("save", "keep", "randomise", "mend", "variations", "compare"),
    *("evaluate", "pin_a", "pin_b"),
    *("copy_python", "copy_command"),
)
NEEDS_SURFACE = ("export", "screenshot", "cutout", "copy")
NEEDS_LATENT = ("save", "keep", "mend")
#: Why an action is off.
NO_MODEL = "No model is loaded yet."
NO_SURFACE = "There is no shape to be seen."
FROM_OUTSIDE = "This shape comes from outside the model."
NOT_MOVED = "No slider has been moved."


class Actions(QObject):
    """Holds the window's actions by name: ``actions["undo"]``; menus and the toolbar show them.

    Signals:
        refused: why an action is off whose keys have been pressed.
    """

    refused = Signal(str)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._by_name: dict[str, Action] = {}
        for row in (*FILE, *EDIT):
            self._add("", row)
        self.styles = self._group("style_", STYLES, checkable=True)
        self.views = self._group("view_", VIEWS, checkable=False)
        self.themes = self._group("theme_", THEMES, checkable=True)
        self._add("", ("fit", "F&rame the Shape", ("F",), "fit", "Back to the first camera"))
        self._add("", SCAN)
        for row in SWITCHES:
            self._add("", row).setCheckable(True)
        self._add("", CERTAINTY)
        for name in ("certainty", "whole", "come_back"):
            self[name].setCheckable(True)
        for row in BRUSHES:
            self._add("", row).setCheckable(True)
        for row in (HISTORY, GALLERY, TRAINING):
            self._add("", row).setCheckable(True)
        self["compare"].setCheckable(True)
        self["reset"].allow(False, NOT_MOVED)
        for row in HELP:
            self._add("", row)
        self["quit"].setMenuRole(QAction.MenuRole.QuitRole)
        self["about"].setMenuRole(QAction.MenuRole.AboutRole)

    def __getitem__(self, name: str) -> Action:
        return self._by_name[name]

    def all(self) -> Iterable[Action]:
        """Every action, in the order of declaration."""
        return self._by_name.values()

    def enable(self, model: bool, surface: bool, latent: bool = True) -> None:
        """Enables what can be used.

        Args:
            model: whether one is loaded.
            surface: whether one is on screen.
            latent: whether what is shown comes from the model.
        """
        for names, there, reason in (
            (NEEDS_MODEL, model, NO_MODEL),
            (NEEDS_SURFACE, surface, NO_SURFACE),
        ):
            for name in names:
                self[name].allow(there, reason)
        if model:
            for name in NEEDS_LATENT:
                self[name].allow(latent, FROM_OUTSIDE)

    def fill_menus(
        self, bar: QMenuBar, docks: Iterable[QAction], recent: QMenu, classes: QMenu
    ) -> None:
        """Builds File, Edit, View and Help, with the menus that others fill."""
        file, edit, view, helps = (
            _add_menu(bar, title) for title in ("&File", "&Edit", "&View", "&Help")
        )
        self._list(file, ("new", "open", "paste"))
        file.addMenu(recent)
        self._list(file, (None, "save_project", "save_project_as", "revert", None))
        self._list(file, ("model", "evaluate", None, "save", "export", None))
        self._list(file, ("screenshot", "cutout", "copy", None, "come_back", "quit"))
        self._list(
            edit, ("undo", "redo", None, "randomise", "whole", "mend", "variations", "reset", None)
        )
        edit.addMenu(classes)
        self._list(edit, ("keep", "pin_a", "pin_b", None, "correct", "more", "less"))
        edit.addSeparator()
        self._list(edit, ("copy_python", "copy_command"))
        view.addActions(self.styles.actions())
        view.addSeparator()
        view.addMenu(_menu_of("&Look From", view, self.views))
        self._list(view, ("fit", "scan", "certainty", None, "orthographic", "grid", "axes", None))
        view.addActions(list(docks))
        self._list(view, ("compare", "history", "gallery", "training", None))
        view.addMenu(_menu_of("A&ppearance", view, self.themes))
        self._list(helps, ("help", "palette", "shortcuts", None, "logs", "about"))

    def fill_toolbar(self, bar: QToolBar) -> None:
        """Puts the everyday actions in one slim row; Export stands apart at the right."""
        bar.setIconSize(QSize(theme.ICON_SIZE, theme.ICON_SIZE))
        self._list(bar, ("open", "paste", None, "undo", "redo", "history", None))
        self._list(bar, ("randomise", "variations", "compare", "reset", "keep", None))
        self._list(bar, ("more", "less", None))
        self._list(bar, ("style_smooth", "style_wireframe", "style_blocks", None))
        self._list(bar, ("fit", "screenshot", None, "training"))
        spring = QWidget(bar)
        spring.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        bar.addWidget(spring)
        self._list(bar, ("save_project", "export"))
        button = bar.widgetForAction(self["export"])
        if isinstance(button, QToolButton):
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)

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

    def _add(self, prefix: str, row: Row) -> Action:
        name, text, keys, icon, tip = row
        action = Action(text, self._window, tip, keys)
        action.refused.connect(self.refused)
        action.setObjectName(prefix + name)
        action.setStatusTip("")  # the status bar is for the shape
        self._by_name[prefix + name] = action
        action.setIconVisibleInMenu(False)  # check marks and words say it there
        if icon:
            action.setIcon(theme.icon(icon))
        self._window.addAction(action)
        return action


class ClassMenu(QMenu):
    """The classes of the model in use, the shown shape's one checked.

    Signals:
        chosen: the class that is wanted.
    """

    chosen = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__("C&lass", parent)
        self._group = QActionGroup(self)
        self._group.triggered.connect(lambda action: self.chosen.emit(action.data()))
        self._disconnect: Callable[[], None] = lambda: None
        self.setEnabled(False)

    def set_session(self, session: Session) -> None:
        """Offers the classes of another session's model."""
        self._disconnect()
        for action in self._group.actions():
            self._group.removeAction(action)
            self.removeAction(action)
            action.deleteLater()
        for name in session.model.classes:
            action = self.addAction(readable(name))
            action.setData(name)
            action.setCheckable(True)
            action.setToolTip("A shape of this class; a picture is taken for one of it")
            self._group.addAction(action)
        self.setEnabled(True)
        self._disconnect = session.shape_changed.connect(self.show_state)
        self.show_state(session.state)

    def show_state(self, state: ShapeState) -> None:
        """Checks the class of a shape."""
        for action in self._group.actions():
            if action.data() == state.class_name and not action.isChecked():
                action.setChecked(True)


class TypeAhead(QObject):
    """Gives letters to the list that has the focus where they begin an entry, not to shortcuts.

    Installed on the window and its docks, which hear of a key before a shortcut takes it.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._since_letter = QElapsedTimer()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() != QEvent.Type.ShortcutOverride or not isinstance(event, QKeyEvent):
            return False
        letter, chords = event.text().lower(), event.modifiers() & ~_TYPED_WITH
        if not letter.strip() or not letter.isprintable() or chords != _NO_MODIFIER:
            return False
        names = _entries(QApplication.focusWidget())
        pause = QApplication.keyboardInputInterval()
        goes_on = self._since_letter.isValid() and self._since_letter.elapsed() < pause
        if not names or not (goes_on or any(name.startswith(letter) for name in names)):
            return False
        self._since_letter.start()
        event.accept()
        return True


_NO_MODIFIER = Qt.KeyboardModifier.NoModifier
_TYPED_WITH = Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier


def _entries(widget: QWidget | None) -> list[str]:
    """What a list shows, in small letters; nothing of what is no list."""
    if isinstance(widget, QComboBox) and not widget.isEditable():
        return [widget.itemText(row).lower() for row in range(widget.count())]
    if isinstance(widget, QAbstractItemView) and widget.model() is not None:
        model, root = widget.model(), widget.rootIndex()
        rows = range(model.rowCount(root))
        return [str(model.index(row, 0, root).data() or "").lower() for row in rows]
    return []


def _add_menu(bar: QMenuBar, title: str) -> QMenu:
    menu = bar.addMenu(title)
    menu.setToolTipsVisible(True)  # they say why an entry is off
    return menu


def _menu_of(title: str, parent: QMenu, group: QActionGroup) -> QMenu:
    menu = QMenu(title, parent)
    menu.addActions(group.actions())
    return menu
