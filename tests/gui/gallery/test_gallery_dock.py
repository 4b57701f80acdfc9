"""The cards of the gallery by mouse and keys: shown, dragged, named, starred, deleted, written."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QLabel, QMainWindow, QMessageBox

from shapelab.core.session.shape_file import ModelStamp
from shapelab.gui.base.notify import Toasts
from shapelab.gui.base.settings import WindowSettings
from shapelab.gui.document.current_document import CurrentDocument
from shapelab.gui.gallery import contact_sheet
from shapelab.gui.gallery.gallery_dock import GalleryDock
from shapelab.gui.panels.thumbnails import Thumbnails
from shapelab.gui.window.model_opener import ModelOpener
from tests.core.session.tiny_model import Model

WAIT_MS = 60_000
LEFT, PLAIN = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def settle(qtbot, window):
    qtbot.waitUntil(lambda: not (window.document.busy or window.thumbnails.busy), timeout=WAIT_MS)


class SmallWindow(QMainWindow):
    """The gallery on a tiny model, without a viewport and the other panels."""

    def __init__(self, folder):
        super().__init__()
        self.resize(900, 600)
        view = QLabel("no view")
        self.setCentralWidget(view)
        self.toasts, settings = Toasts(view), WindowSettings(folder / "window.ini")
        self.current = CurrentDocument(self)
        self.thumbnails = Thumbnails(self.current.model_of, lambda: False, self)
        self.gallery = GalleryDock(self, self.current, self.thumbnails, self.toasts, settings)
        self.models = ModelOpener(self, self.current, self.toasts, settings)
        self.current.changed.connect(
            lambda document: document.model_needed.connect(self.models.find)
        )
        self.current.open_model(Model())
        self.gallery.show()

    @property
    def document(self):
        return self.current.document

    def closeEvent(self, event):
        self.thumbnails.stop()
        self.gallery.stop()
        self.models.stop()
        self.current.stop()
        super().closeEvent(event)


@pytest.fixture
def window(qtbot, user_folders, threads_end):
    window = SmallWindow(user_folders)
    qtbot.addWidget(window)
    window.show()
    qtbot.waitExposed(window)
    yield window
    window.close()
    threads_end()


@pytest.fixture
def kept(qtbot, window):
    """The ids of four kept chairs, in order; the first is the shape of seed 11."""
    session = window.document.session
    for seed in (11, 12, 13, 14):
        session.set_seed(seed)
        window.gallery.keep()
    window.gallery.strip.choose([])
    settle(qtbot, window)
    return [shape.id for shape in session.gallery]


def names(window):
    return [shape.name for shape in window.document.session.gallery]


def middle(window, place):
    return window.gallery.strip.card_rect(place).center().toPoint()


def click(window, place, modifiers=PLAIN):
    QTest.mouseClick(window.gallery.strip, LEFT, modifiers, middle(window, place))


def drag(window, start, end):
    """Takes a card with the mouse, moves it in steps and lets it go."""
    strip = window.gallery.strip
    QTest.mousePress(strip, LEFT, PLAIN, start)
    for share in (0.1, 0.5, 1.0):
        QTest.mouseMove(strip, start + (end - start) * share)
    assert strip.dragging
    QTest.mouseRelease(strip, LEFT, PLAIN, end)


def gap(window, place):
    """A point between the card at a place and the one before it."""
    card = window.gallery.strip.card_rect(place)
    return QPoint(round(card.left() - 4), round(card.center().y()))


def test_a_click_shows_a_kept_shape_in_one_step(qtbot, window, kept):
    session = window.document.session
    session.surface = replace(session.surface, smoothing=2)
    session.finish_edit()
    before = session.state, session.surface
    click(window, 0)
    assert session.state.seed == 11
    assert session.surface == session.gallery.find(kept[0]).surface
    assert window.document.session.undo_text == "show Chair, seed 11"
    assert window.gallery.strip._shown == kept[0]
    window.document.session.undo()
    assert (session.state, session.surface) == before
    settle(qtbot, window)


def test_cards_are_dragged_to_another_place(qtbot, window, kept):
    a, b, c, d = names(window)
    drag(window, middle(window, 3), gap(window, 1))
    assert names(window) == [a, d, b, c]
    click(window, 0)
    click(window, 2, CTRL)
    drag(window, middle(window, 0), gap(window, 4))  # both chosen ones, together
    assert names(window) == [d, c, a, b]
    assert window.document.session.undo_text == "move 2 shapes"
    window.document.session.undo()
    assert names(window) == [a, d, b, c]
    strip = window.gallery.strip
    QTest.mousePress(strip, LEFT, PLAIN, middle(window, 0))
    QTest.mouseMove(strip, middle(window, 2))
    assert strip.dragging
    QTest.keyClick(strip, Qt.Key.Key_Escape)
    QTest.mouseRelease(strip, LEFT, PLAIN, middle(window, 2))
    assert names(window) == [a, d, b, c]
    settle(qtbot, window)


def test_cards_are_chosen_by_mouse_and_keys(qtbot, window, kept):
    strip, count = window.gallery.strip, window.gallery.count
    click(window, 1)
    click(window, 3, SHIFT)
    assert strip.chosen == tuple(kept[1:])
    assert count.text() == "4 shapes, 3 chosen"
    assert window.gallery.export_button.text() == "Export 3…"
    click(window, 2, CTRL)
    assert strip.chosen == (kept[1], kept[3])
    QTest.mouseClick(strip, LEFT, PLAIN, QPoint(strip.width() - 2, strip.height() - 2))
    assert strip.chosen == ()
    click(window, 0)
    strip.setFocus()
    QTest.keyClick(strip, Qt.Key.Key_Right)
    assert strip.chosen == (kept[1],)
    QTest.keyClick(strip, Qt.Key.Key_End, SHIFT)
    assert strip.chosen == tuple(kept[1:])
    QTest.keyClick(strip, Qt.Key.Key_A, CTRL)
    assert len(strip.chosen) == 4
    QTest.keyClick(strip, Qt.Key.Key_Home)
    QTest.keyClick(strip, Qt.Key.Key_Return)
    assert window.document.session.state.seed == 11
    settle(qtbot, window)


def test_a_card_is_renamed_in_its_place(qtbot, window, kept):
    strip, session = window.gallery.strip, window.document.session
    place = strip.name_rect(1).center().toPoint()
    QTest.mouseDClick(strip, LEFT, PLAIN, place)
    assert strip.editor.isVisible()
    QTest.keyClicks(strip.editor, "With K and R")  # letters that are shortcuts elsewhere
    QTest.keyClick(strip.editor, Qt.Key.Key_Return)
    assert names(window)[1] == "With K and R"
    assert strip.editor.isHidden()
    assert len(session.gallery) == 4
    strip.setFocus()
    QTest.keyClick(strip, Qt.Key.Key_F2)
    QTest.keyClicks(strip.editor, "no")
    QTest.keyClick(strip.editor, Qt.Key.Key_Escape)
    strip.edit_name(kept[1])
    strip.editor.clear()
    QTest.keyClick(strip.editor, Qt.Key.Key_Return)  # an empty name leaves the old one
    assert names(window)[1] == "With K and R"
    window.document.session.undo()
    assert names(window)[1] == "Chair, seed 12"
    settle(qtbot, window)


def test_the_star_of_a_card_is_given_and_taken(qtbot, window, kept):
    strip, session = window.gallery.strip, window.document.session
    seed = session.state.seed
    for starred in (True, False):
        QTest.mouseClick(strip, LEFT, PLAIN, strip.star_rect(2).center().toPoint())
        assert [shape.star for shape in session.gallery] == [False, False, starred, False]
    assert session.state.seed == seed  # a star shows nothing
    assert session.undo_text == "unstar Chair, seed 13"
    settle(qtbot, window)


def test_deleting_is_said_and_undone(qtbot, window, kept):
    strip, before = window.gallery.strip, names(window)
    click(window, 0)
    click(window, 2, CTRL)
    strip.setFocus()
    QTest.keyClick(strip, Qt.Key.Key_Delete)
    assert names(window) == [before[1], before[3]]
    assert strip.chosen == ()
    assert "2 shapes" in window.toasts.visible[-1].text
    window.document.session.undo()
    assert names(window) == before
    settle(qtbot, window)


def test_a_morph_leads_through_the_cards(qtbot, window, kept):
    session = window.document.session
    window.gallery.morph_button.click()
    states = [shape.state for shape in session.gallery]
    assert session.morph.keys == tuple(states)
    session.set_morph(1 / 3)
    assert session.state == states[1]
    click(window, 0)
    click(window, 3, CTRL)
    window.gallery.morph_button.click()
    assert session.morph.keys == (states[0], states[3])
    settle(qtbot, window)


def test_many_cards_are_scrolled_and_a_high_gallery_has_rows(qtbot, window, kept):
    session, dock = window.document.session, window.gallery
    shapes = [
        replace(session.gallery.shapes[0], id=f"{number:012x}", name=f"copy {number}")
        for number in range(40)
    ]
    session.keep_all(shapes)
    bar = dock.scroll_area.horizontalScrollBar()
    assert bar.maximum() > 0
    dock.strip.setFocus()
    QTest.keyClick(dock.strip, Qt.Key.Key_End)
    assert bar.value() == bar.maximum()
    window.resizeDocks([dock], [420], Qt.Orientation.Vertical)
    qtbot.waitUntil(lambda: dock.scroll_area.viewport().height() > 300)
    assert dock.strip.card_rect(43).top() > dock.strip.card_rect(0).bottom()
    assert dock.strip.card_rect(43).right() <= dock.scroll_area.viewport().width()
    QTest.keyClick(dock.strip, Qt.Key.Key_Home)
    QTest.keyClick(dock.strip, Qt.Key.Key_Down)
    (below,) = dock.strip.chosen
    place = [shape.id for shape in session.gallery].index(below)
    assert dock.strip.card_rect(place).left() == dock.strip.card_rect(0).left()
    settle(qtbot, window)


def test_a_card_of_a_model_that_is_not_there_says_which(qtbot, window, kept, monkeypatch):
    session = window.document.session
    strange = replace(
        session.gallery.shapes[0], id="f" * 12, model=ModelStamp("elsewhere", "0" * 64)
    )
    session.keep_all([strange])
    settle(qtbot, window)
    assert window.gallery._picture(strange).isNull()
    asked = []

    def question(_parent, _title, text):
        asked.append(text)
        return QMessageBox.StandardButton.No

    monkeypatch.setattr(QMessageBox, "question", question)
    click(window, 4)
    assert "the model elsewhere" in asked[0]
    assert not window.gallery.morph_button.isEnabled()  # of all: they are of two models
    settle(qtbot, window)


# --- files of them ------------------------------------------------------------------------------


def export(window, monkeypatch, answer):
    """The dialog for the shapes that are meant; asked where to, the answer is this."""
    window.gallery.export_button.click()
    dialog = window.gallery.batch
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_a: str(answer))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_a: (str(answer), ""))
    return dialog


def test_each_kept_shape_becomes_a_file(qtbot, window, kept, monkeypatch, tmp_path):
    dialog = export(window, monkeypatch, tmp_path)
    dialog.format.setCurrentIndex(dialog.format.findData(".ply"))
    dialog.size_mm.setValue(50)
    QTest.mouseClick(dialog.save, LEFT)
    qtbot.waitUntil(lambda: not dialog.writing)
    assert dialog.verdict.good, dialog.verdict.text()
    files = sorted(tmp_path.iterdir())
    assert [path.name for path in files] == [f"{k}-Chair-seed-{k + 10}.ply" for k in (1, 2, 3, 4)]
    for path in files:
        mesh = trimesh.load(path)
        assert mesh.is_watertight
        assert mesh.extents.max() == pytest.approx(50, abs=0.01)
        assert b"shapelab-recipe" in path.read_bytes()
    old = [path.read_bytes() for path in files]
    answers = [QMessageBox.StandardButton.No]
    monkeypatch.setattr(QMessageBox, "question", lambda *_a: answers[0])
    dialog.size_mm.setValue(60)
    QTest.mouseClick(dialog.save, LEFT)  # asks before it replaces, and the answer is no
    assert not dialog.writing
    assert [path.read_bytes() for path in files] == old
    dialog.close()


def test_all_kept_shapes_lie_on_one_plate(qtbot, window, kept, monkeypatch, tmp_path):
    click(window, 1)
    click(window, 3, SHIFT)
    dialog = export(window, monkeypatch, tmp_path / "all")
    dialog.plate.setChecked(True)
    QTest.mouseClick(dialog.save, LEFT)
    qtbot.waitUntil(lambda: not dialog.writing)
    assert dialog.verdict.good, dialog.verdict.text()
    scene = trimesh.load_scene(tmp_path / "all.3mf")
    assert set(scene.geometry) == set(names(window)[1:])
    assert all(body.is_watertight for body in scene.geometry.values())
    assert max(body.extents.max() for body in scene.geometry.values()) == pytest.approx(
        80, abs=0.01
    )
    dialog.close()


def test_shapes_that_cannot_be_exported_are_named_and_the_others_are_written(
    qtbot, window, kept, monkeypatch, tmp_path
):
    session = window.document.session
    first = session.gallery.shapes[0]
    odd = replace(first.state, class_name="spoon")
    session.keep_all(
        [
            replace(first, id="e" * 12, name="odd", state=odd),
            replace(first, id="f" * 12, name="strange", model=ModelStamp("elsewhere", "0")),
        ]
    )
    dialog = export(window, monkeypatch, tmp_path)
    assert not dialog.recipe.isChecked()  # beside an STL it is a choice
    dialog.recipe.click()
    QTest.mouseClick(dialog.save, LEFT)
    qtbot.waitUntil(lambda: not dialog.writing)
    assert not dialog.verdict.good
    said = dialog.verdict.text()
    assert said.startswith("4 of 6 shapes")
    assert "odd: " in said
    assert "strange: It needs the model elsewhere" in said
    assert len(list(tmp_path.glob("*.stl"))) == 4
    assert len(list(tmp_path.glob("*.stl.shape.json"))) == 4  # the recipes of formats without room
    dialog.close()


def test_a_contact_sheet_shows_all(qtbot, window, kept, monkeypatch, tmp_path):
    monkeypatch.setattr(contact_sheet, "LARGE", 64)
    path = tmp_path / "sheet.png"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_a: (str(path), ""))
    window.gallery.sheet_button.click()
    qtbot.waitUntil(lambda: not window.gallery.sheet.busy)
    sheet = np.asarray(Image.open(path).convert("RGB")).astype(int)
    ground = sheet[0, 0]
    ink = (np.abs(sheet - ground).sum(2) > 60).any(0)  # columns with something in them
    runs = np.flatnonzero(np.diff(np.concatenate([[0], ink.astype(int), [0]])) == 1)
    assert len(runs) >= 3  # four shapes lie in three columns
    assert sheet.shape[1] >= sheet.shape[0]
    assert "sheet.png" in window.toasts.visible[-1].text


def test_the_gallery_goes_on_with_another_model(qtbot, window, kept):
    before = window.document.session.gallery
    window.current.open_model(Model(name="other", digest="1" * 64))
    settle(qtbot, window)
    assert window.document.session.gallery == before
    window.gallery.keep()
    assert len(names(window)) == 5
    shapes = window.document.session.gallery.shapes  # both models are there
    qtbot.waitUntil(lambda: not any(window.gallery._picture(each).isNull() for each in shapes))
