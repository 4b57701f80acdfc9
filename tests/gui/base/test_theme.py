"""The theme: both schemes readable, every icon drawn, a change reaches what is on screen."""

import re

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QAction, QColor, QIcon
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QMainWindow,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from shapelab.core import paths
from shapelab.gui.base import theme

ICONS = sorted(path.stem for path in (paths.resources() / "icons").glob("*.svg"))


@pytest.fixture(autouse=True)
def own_look(qapp):
    yield
    theme.apply(qapp, dark=False)
    qapp.setStyleSheet("")


def luminance(color):
    def linear(part):
        return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4

    c = QColor(color)
    red, green, blue = (linear(part) for part in (c.redF(), c.greenF(), c.blueF()))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, two):
    high, low = sorted((luminance(one), luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("c", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
def test_text_is_readable(c):
    for background in (c.window, c.base, c.raised):
        assert contrast(c.text, background) >= 7.0
        assert contrast(c.muted, background) >= 4.5
        assert contrast(c.danger, background) >= 4.5
        assert contrast(c.success, background) >= 4.5
        assert 3.0 <= contrast(c.disabled, background) < contrast(c.muted, background) - 0.5
    assert contrast(c.on_accent, c.accent) >= 4.5
    assert contrast(c.muted, c.view_top) >= 4.5  # the hint
    assert contrast(c.accent, c.window) >= 3.0


def test_apply_switches_palette_and_colors(qapp):
    theme.apply(qapp, dark=True)
    assert theme.is_dark()
    assert theme.colors() is theme.DARK
    theme.apply(qapp, dark=False)
    assert not theme.is_dark()
    assert theme.colors() is theme.LIGHT
    qapp.setStyleSheet("")  # a style sheet wraps the style
    assert qapp.style().name().lower() == "fusion"


def test_system_scheme_is_followed_only_when_asked(qapp):
    theme.apply(qapp, dark=True)
    theme._follow_system(qapp.styleHints().colorScheme())
    assert theme.is_dark()  # forced: the system has no say
    theme.apply(qapp)
    dark_system = qapp.styleHints().colorScheme().name == "Dark"
    assert theme.is_dark() == dark_system


@pytest.mark.parametrize("name", ICONS)
def test_icon_is_drawn_in_the_text_colour(qapp, name):
    theme.apply(qapp, dark=True)
    image = theme.icon(name).pixmap(QSize(24, 24), 1.0).toImage()
    drawn = [
        image.pixelColor(x, y)
        for x in range(image.width())
        for y in range(image.height())
        if image.pixelColor(x, y).alpha() > 200
    ]
    assert len(drawn) > 12
    assert all(color.lightness() > 150 for color in drawn)


@pytest.mark.parametrize("name", ICONS)
def test_icon_files_are_plain_strokes(name):
    svg = (paths.resources() / "icons" / f"{name}.svg").read_text(encoding="utf-8")
    assert 'viewBox="0 0 24 24"' in svg
    assert 'stroke="currentColor" stroke-width="1.75"' in svg
    assert not re.search(r"#[0-9a-fA-F]{3}|<script|href", svg)


def test_unknown_icon(qapp):
    with pytest.raises(KeyError, match="unicorn"):
        theme.icon("unicorn")


def test_icons_on_screen_change_with_the_scheme(qtbot, qapp):
    theme.apply(qapp, dark=False)
    window = QMainWindow()
    qtbot.addWidget(window)
    action = QAction(theme.icon("undo"), "Undo", window)
    button = QPushButton(theme.icon("play"), "", window)
    foreign = QPushButton(QIcon(), "", window)

    def ink(owner):
        image = owner.icon().pixmap(QSize(24, 24), 1.0).toImage()
        return max(
            (image.pixelColor(x, y) for x in range(24) for y in range(24)),
            key=lambda color: color.alpha(),
        ).lightness()

    assert ink(action) < 100
    theme.apply(qapp, dark=True)
    assert ink(action) > 150
    assert ink(button) > 150
    assert foreign.icon().isNull()


def form():
    """One of each that the style sheet draws, some of them disabled."""
    window = QWidget()
    column = QVBoxLayout(window)
    for kind in (QPushButton, QCheckBox, QLabel, QLineEdit):
        for enabled in (True, False):
            widget = kind("Words")
            widget.setEnabled(enabled)
            column.addWidget(widget)
    muted, checked, box, number = QLabel("Muted"), QCheckBox("On"), QComboBox(), QSpinBox()
    muted.setProperty("muted", True)
    checked.setChecked(True)
    box.addItem("One")
    for widget in (muted, checked, box, number):
        column.addWidget(widget)
    return window


def test_what_was_there_before_a_switch_looks_as_what_is_made_after_it(qtbot, qapp):
    theme.apply(qapp, dark=False)
    before = form()
    qtbot.addWidget(before)
    light = before.grab().toImage()
    theme.apply(qapp, dark=True)
    dark = before.grab().toImage()
    qapp.setStyleSheet("")
    theme.apply(qapp, dark=True)  # as a start does it
    after = form()
    qtbot.addWidget(after)
    assert after.grab().toImage() == dark
    assert dark != light
    theme.apply(qapp, dark=False)
    assert before.grab().toImage() == light


def test_blend_ends_at_both_colours(qapp):
    from PySide6.QtGui import QColor

    black, white = QColor("#000000"), QColor("#ffffff")
    assert theme.blend(black, white, 0) == black
    assert theme.blend(black, white, 1) == white
    assert 126 <= theme.blend(black, white, 0.5).red() <= 128
