"""Colours, spacing and icons of the window, light or dark after the system."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from PySide6.QtCore import QByteArray, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QAction, QColor, QIcon, QIconEngine, QPainter, QPalette, QPixmap
from PySide6.QtWidgets import QAbstractButton, QApplication, QStyleFactory

from shapelab.core import paths

SPACE_SMALL, SPACE, SPACE_LARGE = 4, 8, 16  # device-independent pixels
ICON_SIZE = 20  # side of a tool button's icon, device-independent pixels
RADIUS = 6
SYSTEM = "system"
CHOICES = {SYSTEM: None, "light": False, "dark": True}  # whether it is dark; None as the system is


@dataclass(frozen=True)
class Colors:
    """One colour scheme; #rrggbb texts (and one opacity)."""

    window: str
    base: str
    raised: str  # buttons, toasts, cards
    border: str
    text: str
    muted: str  # secondary text: at least 4.5:1 on window
    disabled: str  # at least 3:1, and fainter than what is muted
    accent: str
    on_accent: str
    danger: str
    success: str
    view_top: str  # the viewport's gradient
    view_bottom: str
    view_middle: str  # faces of the wireframe
    shadow_opacity: float
    grid: str
    shape: str
    loose: str  # parts beside the largest: far from `shape` for every eye
    scan: str  # what a file holds itself, beside the shape made of it
    edge: str  # lines of the wireframe
    axis_x: str
    axis_y: str
    axis_z: str


LIGHT = Colors(
    window="#f4f5f7",
    base="#ffffff",
    raised="#ffffff",
    border="#d3d7de",
    text="#1d222b",
    muted="#5a6373",
    disabled="#838b98",
    accent="#2468a8",
    on_accent="#ffffff",
    danger="#b3362c",
    success="#23764a",
    view_top="#f7f8fa",
    view_bottom="#d9dee6",
    view_middle="#eceff3",
    shadow_opacity=0.42,
    grid="#8b95a5",
    shape="#dcc5aa",
    loose="#6f9ad1",
    scan="#8fb3a8",
    edge="#6b5642",
    axis_x="#c4453a",
    axis_y="#3b8a4c",
    axis_z="#2f6fc0",
)

DARK = Colors(
    window="#1e2127",
    base="#17191e",
    raised="#2a2e36",
    border="#3a404b",
    text="#e4e7ec",
    muted="#9aa4b2",
    disabled="#757e8c",
    accent="#5b9fdc",
    on_accent="#0e1620",
    danger="#f0877c",
    success="#6cc893",
    view_top="#343a45",
    view_bottom="#191c21",
    view_middle="#262b33",
    shadow_opacity=0.6,
    grid="#78828f",
    shape="#d0b597",
    loose="#6a9bdb",
    scan="#82aa9d",
    edge="#d8bfa6",
    axis_x="#ef7d72",
    axis_y="#77c788",
    axis_z="#74aef0",
)


def is_dark() -> bool:
    """Whether the palette in use is a dark one."""
    return QApplication.palette().color(QPalette.ColorRole.Window).lightness() < 128


def colors() -> Colors:
    """The scheme in use; ask again after a `PaletteChange` event."""
    return DARK if is_dark() else LIGHT


def blend(a: QColor, b: QColor, share: float) -> QColor:
    """The colour ``share`` of the way from a to b (opaque)."""
    start, end = (a.redF(), a.greenF(), a.blueF()), (b.redF(), b.greenF(), b.blueF())
    red, green, blue = ((1 - share) * x + share * y for x, y in zip(start, end, strict=True))
    return QColor.fromRgbF(red, green, blue)


def apply(app: QApplication, dark: bool | None = None) -> None:
    """Give the application ShapeLab's look.

    Args:
        app: the application.
        dark: True or False to force a scheme; None follows the system, now and when it changes.
    """
    hints = app.styleHints()
    if app.property("shapelab_theme") is None:
        app.setStyle(QStyleFactory.create("Fusion"))
        hints.colorSchemeChanged.connect(_follow_system)
    app.setProperty("shapelab_theme", SYSTEM if dark is None else "fixed")
    if dark is None:
        dark = hints.colorScheme() == Qt.ColorScheme.Dark
    scheme = DARK if dark else LIGHT
    app.setPalette(_palette(scheme))
    kind = "dark" if dark else "light"
    for window in app.topLevelWidgets():
        window.setProperty("scheme", kind)
    if app.styleSheet():
        _colour_again(app)
    else:
        app.setStyleSheet(_style_sheet(kind))
    _refresh_icons(app)


def _colour_again(app: QApplication) -> None:
    """Has the style sheet look up its colours in the new palette.

    A sheet that is set anew costs four times as much on the GUI thread: Qt then polishes every
    widget once for each that holds it, and lays all out again; both schemes measure the same.
    """
    for widget in app.allWidgets():
        style = widget.style()
        style.unpolish(widget)
        style.polish(widget)
    for window in app.topLevelWidgets():
        window.update()


def choose(choice: str) -> None:
    """Give the running application one of ``CHOICES``."""
    app = QApplication.instance()
    if isinstance(app, QApplication):
        apply(app, CHOICES[choice])


def icon(name: str) -> QIcon:
    """The icon `resources/icons/<name>.svg` in the palette's colours.

    Icons that sit on actions and buttons are replaced by themselves when the scheme changes.

    Raises:
        ShapelabError: if the resources folder is missing; KeyError: if there is no such icon.
    """
    return _icon(name, is_dark())


def _follow_system(_scheme: Qt.ColorScheme) -> None:
    app = QApplication.instance()
    if isinstance(app, QApplication) and app.property("shapelab_theme") == SYSTEM:
        apply(app)


def _palette(c: Colors) -> QPalette:
    role = QPalette.ColorRole
    palette = QPalette(QColor(c.raised), QColor(c.window))
    for which, value in {
        role.Window: c.window,
        role.WindowText: c.text,
        role.Base: c.base,
        role.AlternateBase: c.window,
        role.Text: c.text,
        role.Button: c.raised,
        role.ButtonText: c.text,
        role.BrightText: c.danger,
        role.PlaceholderText: c.muted,
        role.ToolTipBase: c.raised,
        role.ToolTipText: c.text,
        role.Highlight: c.accent,
        role.HighlightedText: c.on_accent,
        role.Link: c.accent,
        role.LinkVisited: c.accent,
        role.Accent: c.accent,
        role.Mid: c.border,
        role.Midlight: c.border,
        role.Shadow: c.disabled,  # for the style sheet: Fusion casts no shadows
    }.items():
        palette.setColor(which, QColor(value))
    group = QPalette.ColorGroup.Disabled
    for which in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
        palette.setColor(group, which, QColor(c.disabled))
    palette.setColor(group, role.Highlight, QColor(c.border))
    return palette


def _style_sheet(kind: str) -> str:
    """Only what Fusion draws heavier than the window should look, in the palette's colours.

    Args:
        kind: light or dark: that of the arrows in windows that `apply` has not marked.
    """
    base, text, border, disabled = (f"palette({r})" for r in ("base", "text", "mid", "shadow"))
    window, raised, accent = (f"palette({r})" for r in ("window", "button", "highlight"))
    on_accent, muted = "palette(highlighted-text)", "palette(placeholder-text)"
    marked = (_arrows(each, f'QWidget[scheme="{each}"] ') for each in ("light", "dark"))
    return f"""
    QComboBox, QAbstractSpinBox, QLineEdit, QPlainTextEdit {{ background: {base}; color: {text};
        border: 1px solid {border}; border-radius: {RADIUS}px; padding: 4px {SPACE}px;
        selection-background-color: {accent}; selection-color: {on_accent}; }}
    QLineEdit[inline="true"] {{ padding: 0 {SPACE_SMALL}px; }}
    QComboBox:hover, QComboBox:focus, QAbstractSpinBox:focus, QLineEdit:focus,
    QPlainTextEdit:focus {{
        border-color: {accent}; }}
    QComboBox:disabled, QAbstractSpinBox:disabled, QLineEdit:disabled,
    QPlainTextEdit:disabled {{
        color: {disabled}; background: {window}; }}
    QComboBox::drop-down {{ border: none; width: 22px; }}
    QComboBox::down-arrow {{ width: 12px; height: 12px; }}
    QAbstractSpinBox {{ padding: 2px 0; qproperty-alignment: 'AlignRight | AlignVCenter'; }}
    QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{ subcontrol-origin: border;
        border: none; width: 20px; }}
    QAbstractSpinBox::up-button {{ subcontrol-position: top right; top: 2px; }}
    QAbstractSpinBox::down-button {{ subcontrol-position: bottom right; bottom: 2px; }}
    QAbstractSpinBox::up-arrow, QAbstractSpinBox::down-arrow {{ width: 10px; height: 10px; }}
    QComboBox QAbstractItemView {{ background: {raised}; border: 1px solid {border};
        padding: 4px; }}
    QToolBar {{ border: none; spacing: {SPACE_SMALL}px; padding: {SPACE_SMALL}px {SPACE}px; }}
    QToolBar::separator {{ width: 1px; margin: 6px {SPACE_SMALL}px; background: {border}; }}
    QToolButton {{ border: 1px solid transparent; border-radius: {RADIUS}px; padding: 4px; }}
    QToolButton:hover {{ background: {border}; }}
    QToolButton:pressed, QToolButton:checked {{ background: {base}; border-color: {accent}; }}
    QToolButton:focus {{ border-color: {accent}; }}
    QPushButton {{ background: {raised}; border: 1px solid {border};
        border-radius: {RADIUS}px; padding: 5px 12px; }}
    QPushButton:hover, QPushButton:focus {{ border-color: {accent}; }}
    QPushButton:pressed, QPushButton:checked {{ background: {border}; }}
    QPushButton:checked {{ border-color: {accent}; color: {accent}; background: {base}; }}
    QPushButton:disabled {{ color: {disabled}; background: {window}; }}
    QPushButton:default {{ background: {accent}; color: {on_accent};
        border-color: {accent}; }}
    QPushButton:default:disabled {{ background: {border}; color: {disabled};
        border-color: {border}; }}
    QDockWidget {{ font-weight: 600; }}
    QDockWidget::title {{ padding: {SPACE}px; padding-left: 12px; text-align: left; }}
    QMainWindow::separator {{ background: {border}; width: 1px; height: 1px; }}
    QSlider::groove:horizontal {{ height: 4px; border-radius: 2px; background: {border}; }}
    QSlider::sub-page:horizontal {{ border-radius: 2px; background: {border}; }}
    QSlider::handle:horizontal {{ width: 14px; height: 14px; margin: -5px 0; border-radius: 7px;
        background: {accent}; }}
    QSlider::handle:horizontal:focus {{ background: {text}; }}
    QSlider::handle:horizontal:disabled {{ background: {disabled}; }}
    QCheckBox::indicator {{ width: 14px; height: 14px; border: 1px solid {muted};
        border-radius: 4px; background: {base}; }}
    QCheckBox::indicator:hover, QCheckBox::indicator:focus {{ border-color: {accent}; }}
    QCheckBox::indicator:checked {{ background: {accent}; border-color: {accent}; }}
    QCheckBox::indicator:disabled {{ border-color: {border}; background: {window}; }}
    QProgressBar {{ border: none; border-radius: 3px; background: {border}; }}
    QProgressBar::chunk {{ border-radius: 3px; background: {accent}; }}
    QTableWidget {{ border: 1px solid {border}; border-radius: {RADIUS}px; }}
    QTableWidget::item {{ padding: 0 {SPACE}px; }}
    QTableWidget QHeaderView {{ background: transparent; }}
    QTableWidget QHeaderView::section {{ background: transparent; color: {muted};
        border: none; border-bottom: 1px solid {border}; padding: 6px {SPACE}px; }}
    QScrollBar {{ background: transparent; }}
    QScrollBar:vertical {{ width: 10px; }}
    QScrollBar:horizontal {{ height: 10px; }}
    QScrollBar::handle {{ background: {disabled}; border-radius: 3px; margin: 2px; }}
    QScrollBar::handle:vertical {{ min-height: 32px; }}
    QScrollBar::handle:horizontal {{ min-width: 32px; }}
    QScrollBar::handle:hover {{ background: {muted}; }}
    QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
    QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
    QDialogButtonBox {{ dialogbuttonbox-buttons-have-icons: 0; }}
    QToolTip {{ color: {text}; background: {raised}; border: 1px solid {border};
        padding: 4px 6px; }}
    QLabel[muted="true"] {{ color: {muted}; }}
    {_arrows(kind)} {"".join(marked)}
    """


def _arrows(kind: str, within: str = "") -> str:
    """The rules of what is drawn from files, for light or dark, in the windows of a selector."""
    folder = (paths.resources() / "icons" / "fields").as_posix()
    return "".join(
        f'{within}{part} {{ image: url("{folder}/{name}-{kind}.svg"); }}\n'
        for part, name in (
            ("QComboBox::down-arrow", "down"),
            ("QAbstractSpinBox::up-arrow", "up"),
            ("QAbstractSpinBox::down-arrow", "down"),
            ("QCheckBox::indicator:checked", "check"),
        )
    )


_names: dict[int, str] = {}  # QIcon.cacheKey() is kept by copies: tells which icon a button shows


class _SvgEngine(QIconEngine):
    """Draws an icon when it is asked for: drawing all sizes of all icons costs 0.1 s at start."""

    def __init__(self, svg: str, scheme: Colors) -> None:
        super().__init__()
        self._svg, self._scheme = svg, scheme

    def pixmap(self, size: QSize, mode: QIcon.Mode, _state: QIcon.State) -> QPixmap:
        return _pixmap(self._svg, self._color(mode), size.width(), size.height())

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, _state: QIcon.State) -> None:
        _draw(self._svg, self._color(mode), painter, QRectF(rect))

    def clone(self) -> QIconEngine:
        return _SvgEngine(self._svg, self._scheme)

    def _color(self, mode: QIcon.Mode) -> str:
        c = self._scheme
        special = {QIcon.Mode.Disabled: c.disabled, QIcon.Mode.Selected: c.on_accent}
        return special.get(mode, c.text)


@cache
def _icon(name: str, dark: bool) -> QIcon:
    path = paths.resources() / "icons" / f"{name}.svg"
    if not path.is_file():
        raise KeyError(f"resources/icons has no {name}.svg")
    result = QIcon(_SvgEngine(path.read_text(encoding="utf-8"), DARK if dark else LIGHT))
    _names[result.cacheKey()] = name
    return result


@cache
def _pixmap(svg: str, color: str, width: int, height: int) -> QPixmap:
    pixmap = QPixmap(QSize(width, height))
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    _draw(svg, color, painter, QRectF(0, 0, width, height))
    painter.end()
    return pixmap


def _draw(svg: str, color: str, painter: QPainter, place: QRectF) -> None:
    from PySide6.QtSvg import QSvgRenderer  # 10 ms that an import need not wait for

    side = min(place.width(), place.height())
    square = QRectF(0, 0, side, side)
    square.moveCenter(place.center())
    renderer = QSvgRenderer(QByteArray(svg.replace("currentColor", color).encode()))
    renderer.render(painter, square)


def _refresh_icons(app: QApplication) -> None:
    for window in app.topLevelWidgets():
        owners: list[QAction | QAbstractButton] = [
            *window.findChildren(QAction),
            *window.findChildren(QAbstractButton),
        ]
        for owner in owners:
            name = _names.get(owner.icon().cacheKey())
            if name is not None:
                owner.setIcon(icon(name))
