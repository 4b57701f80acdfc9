"""Models are opened, chosen, left and come back to; saved shapes bring theirs."""

from __future__ import annotations

import gc
import json
import weakref

import numpy as np
import pytest
from PySide6.QtWidgets import QFileDialog, QMessageBox

from shapelab.core.mesh import formats, meshing
from shapelab.core.model import model_file
from shapelab.core.model.latent import LatentDensity
from shapelab.core.model.procedural import parameter_fit
from shapelab.core.paths import DEFAULT_MODEL, find_model, resources
from shapelab.gui.compare.compare_view import MANY
from shapelab.gui.compare.subjects import PHOTO
from shapelab.gui.document.current_document import MOST_DOCUMENTS
from shapelab.gui.main_window import MainWindow

pytestmark = pytest.mark.gl
WAIT_MS = 60_000


@pytest.fixture
def other(tmp_path):
    """The folder of a model like the shipped one but for the places of its classes."""
    parts = model_file.read(find_model(DEFAULT_MODEL) / "model.safetensors")
    density = parts.density
    moved = LatentDensity(density.classes, density.means + np.float32(0.01), density.factors)
    folder = tmp_path / "other"
    folder.mkdir()
    data = model_file.encode(parts.spec, parts.networks, moved, parts.directions, parts.flip)
    (folder / "model.safetensors").write_bytes(data)
    return folder


def settle(qtbot, window, name=""):
    """Waits until the model of this name is there and everything is at rest."""
    qtbot.waitUntil(lambda: not window.models.busy, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not window.document.busy, timeout=WAIT_MS)
    if name:
        assert window.document.model.name == name
        assert window.latent_panel.model.text() == f"{name} · 32³"


def test_undo_leads_back_to_the_model_before_and_redo_forward(qtbot, window, other):
    actions, first = window.actions_, window.document
    first.session.set_coefficient(0, 1.5)
    first.session.set_coefficient(1, 1.5)
    first.session.undo()
    window.open_paths([other / "model.safetensors"])  # as a drop does
    settle(qtbot, window, "other")
    second = window.document
    assert actions["undo"].text() == "&Undo open model other"
    assert not actions["redo"].isEnabled(), "a new model is a new change"
    second.session.set_seed(9)
    for text in ("seed 9", "open model other", "direction 1"):
        assert actions["undo"].text() == f"&Undo {text}"
        actions["undo"].trigger()
    assert window.document is first
    assert not first.session.state.coefficients.any()
    for _ in range(3):
        actions["redo"].trigger()
    assert window.document is second
    assert second.session.state.seed == 9
    assert not actions["redo"].isEnabled()
    actions["undo"].trigger()
    actions["undo"].trigger()
    settle(qtbot, window, DEFAULT_MODEL)
    first.session.randomise()
    assert not actions["redo"].isEnabled(), "what came after is forgotten"
    settle(qtbot, window)


def test_a_saved_shape_brings_its_model_or_asks_for_it(qtbot, window, other, tmp_path, monkeypatch):
    usual = tmp_path / "usual.shape.json"
    window.document.session.save(usual)
    window.open_paths([other])
    settle(qtbot, window, "other")
    saved, lost = tmp_path / "saved.shape.json", tmp_path / "lost.shape.json"
    window.document.session.set_seed(12)
    window.document.session.save(saved)
    state = window.document.session.state
    window.open_paths([usual])  # knows where that is
    settle(qtbot, window, DEFAULT_MODEL)
    first = window.document.session.model.first_seed("chair")
    assert window.document.session.state.origin == f"chair, seed {first}"
    window.open_paths([saved])  # was opened before
    settle(qtbot, window, "other")
    assert window.document.session.state == state
    lost.write_text(json.dumps(json.loads(saved.read_text()) | {"model": {"name": "gone"}}))
    asked = []

    def answer(_parent, _title, text):
        asked.append(text)
        return QMessageBox.StandardButton.Yes

    monkeypatch.setattr(QMessageBox, "question", answer)
    monkeypatch.setattr(
        QFileDialog, "getOpenFileName", lambda *_: (str(other / "model.safetensors"), "")
    )
    window.open_paths([lost, usual])
    settle(qtbot, window, DEFAULT_MODEL)  # the one that follows is opened all the same
    assert "lost.shape.json was saved with the model gone" in asked[0]
    assert "another model than gone" in window.toasts.visible[-1].text


def test_the_chooser_shows_cards_and_opens(qtbot, window, other):
    window.settings.remember_model(other)
    window.latent_panel.model.click()
    chooser = window.models.chooser
    rows = [chooser.list.item(row).text() for row in range(chooser.list.count())]
    assert rows[0] == f"{DEFAULT_MODEL}\n32³ cells · 10 classes · in use"
    assert rows[-1] == "other\n32³ cells · 10 classes · opened before"
    assert chooser.list.currentRow() == 0
    assert "night stand" in chooser.card.toPlainText()
    chooser.list.setCurrentRow(len(rows) - 1)
    assert str(other) in chooser.card.toPlainText()
    chooser.accept()
    settle(qtbot, window, "other")
    window.open_paths([other])
    assert "open already" in window.toasts.visible[-1].text


def choose(window, name):
    window.latent_panel.model.click()
    chooser = window.models.chooser
    names = [chooser.list.item(row).text().split("\n")[0] for row in range(chooser.list.count())]
    chooser.list.setCurrentRow(names.index(name))
    chooser.accept()


def test_a_model_that_is_chosen_makes_its_own_of_the_picture(qtbot, window, monkeypatch):
    monkeypatch.setattr(parameter_fit, "STAGES", ((18, 1),))
    monkeypatch.setattr(parameter_fit, "FIRST", 2)
    photo = resources() / "examples" / "chair.png"
    window.open_paths([photo])
    settle(qtbot, window, DEFAULT_MODEL)
    before = window.document.original.result
    choose(window, "procedural")
    qtbot.waitUntil(lambda: window.document.model.name == "procedural", timeout=WAIT_MS)
    settle(qtbot, window)
    result = window.document.original.result
    assert result.prepared is before.prepared
    assert result.latent.shape == (window.document.model.latent_size,)
    assert window.document.session.state.origin == "picture chair.png"
    assert window.document.session.state.class_name == result.class_name
    window.actions_["undo"].trigger()
    window.actions_["undo"].trigger()
    settle(qtbot, window, DEFAULT_MODEL)
    assert window.document.original.result is before


def test_a_picture_is_read_by_a_model_that_sees(qtbot, window, tmp_path, caplog):
    caplog.set_level("INFO")
    photo = resources() / "examples" / "chair.png"
    parts = model_file.read(find_model(DEFAULT_MODEL) / "model.safetensors")
    folder = tmp_path / "unseeing"
    folder.mkdir()
    kept = {k: v for k, v in parts.networks.items() if k != model_file.PICTURES}
    data = model_file.encode(parts.spec, kept, parts.density, parts.directions, parts.flip)
    (folder / "model.safetensors").write_bytes(data)
    window.open_paths([folder])
    settle(qtbot, window, "unseeing")
    window.latent_panel.model.click()
    chooser = window.models.chooser
    rows = [chooser.list.item(row).text() for row in range(chooser.list.count())]
    assert "unseeing\n32³ cells · 10 classes · no pictures · in use" in rows
    chooser.reject()
    assert "mesh" in window.image_panel.hint.title.text()
    window.open_paths([photo])
    qtbot.waitUntil(lambda: window.document.model.name == DEFAULT_MODEL, timeout=WAIT_MS)
    settle(qtbot, window, DEFAULT_MODEL)
    assert window.document.original is not None
    assert window.document.original.result.source_kind == "picture"
    assert f"{DEFAULT_MODEL} reads {photo.name}" in caplog.text  # toasts come and go
    assert "picture" in window.image_panel.hint.title.text()
    window.actions_["undo"].trigger()  # the shape from the picture
    window.actions_["undo"].trigger()  # the model that saw it
    settle(qtbot, window, "unseeing")
    window.actions_["redo"].trigger()
    window.actions_["redo"].trigger()
    settle(qtbot, window, DEFAULT_MODEL)
    assert window.document.original is not None
    choose(window, "unseeing")  # by a person: no other model is looked for
    settle(qtbot, window, "unseeing")
    qtbot.waitUntil(lambda: "was trained without pictures" in caplog.text, timeout=WAIT_MS)
    assert window.document.model.name == "unseeing"


def test_a_model_of_the_same_shapes_with_other_eyes_opens(qtbot, window, tmp_path):
    parts = model_file.read(find_model(DEFAULT_MODEL) / "model.safetensors")
    for name, left in (("seeing", ""), ("unseeing", model_file.PICTURES)):
        kept = {k: v for k, v in parts.networks.items() if k != left}
        data = model_file.encode(parts.spec, kept, parts.density, parts.directions, parts.flip)
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_bytes(data)
    window.open_paths([tmp_path / "unseeing"])
    settle(qtbot, window, "unseeing")
    window.open_paths([tmp_path / "seeing"])
    settle(qtbot, window, "seeing")
    unseeing, seeing = (document.model for document in window.current.documents[0][-2:])
    assert (unseeing.sees_pictures, seeing.sees_pictures) == (False, True)
    assert unseeing.digest == seeing.digest


def test_the_sliders_of_the_procedural_model_are_parameters_by_name(qtbot, window):
    rows, title = window.latent_panel.directions, window.latent_panel.directions_title
    assert (title.text(), rows[0].label.text()) == ("Principal directions", "Direction 1")
    window.open_paths([resources() / "examples" / "armchair.shape.json"])  # brings its model
    qtbot.waitUntil(lambda: window.document.model.name == "procedural", timeout=WAIT_MS)
    settle(qtbot, window)
    assert window.latent_panel.model.text() == "procedural · 128³"
    assert title.text() == "Parameters"
    window.document.session.set_class("chair")
    settle(qtbot, window)
    directions = window.document.model.directions
    names = [directions.name("chair", index).capitalize() for index in range(len(rows))]
    assert [row.label.text() for row in rows] == names
    place = names.index("Seat width")
    assert rows[place].slider.accessibleName() == "Seat width"
    meaning = directions.meaning("chair", place)
    assert meaning
    assert rows[place].toolTip().startswith(meaning.capitalize())
    triangles = len(window.document.shown.mesh.faces)
    rows[place].slider.setValue(150)
    settle(qtbot, window)
    assert window.actions_["undo"].text() == "&Undo seat width"
    assert len(window.document.shown.mesh.faces) != triangles
    # At rest the surface is that of all cells, after drafts of fewer.
    assert window.document.shown.surface.mesh is window.viewport.mesh
    assert not window.document.asked.draft
    window.open_paths([resources() / "examples" / "table.ply"])
    qtbot.waitUntil(lambda: window.document.original is not None, timeout=WAIT_MS)
    settle(qtbot, window)
    assert window.document.model.name == "procedural"  # it finds the parameters of meshes, too
    assert window.document.session.state.class_name in ("desk", "table")
    choose(window, DEFAULT_MODEL)
    qtbot.waitUntil(lambda: window.document.model.name == DEFAULT_MODEL, timeout=WAIT_MS)
    settle(qtbot, window, DEFAULT_MODEL)
    assert rows[0].label.text() == "Direction 1"


def test_a_model_that_was_left_long_ago_goes_from_memory(qtbot, window, other):
    """Each goes with its networks, some tens of megabytes."""
    first = weakref.ref(window.document.model)
    shipped = find_model(DEFAULT_MODEL)
    for folder in (other, shipped) * (MOST_DOCUMENTS // 2):
        window.open_paths([folder / "model.safetensors"])
        settle(qtbot, window)
    documents, _shown = window.current.documents
    assert len(documents) == MOST_DOCUMENTS
    assert first() not in [document.model for document in documents]

    def gone():
        gc.collect()
        return first() is None

    qtbot.waitUntil(gone, timeout=WAIT_MS)


def test_a_model_goes_from_memory_whatever_was_done_with_it(qtbot, window, other, tmp_path):
    """Each tool that it was used with lets it go, though it may be opened again."""
    compare = window.compare
    window.open_paths([resources() / "examples" / "chair.png"])
    settle(qtbot, window)
    window.document.session.keep()
    window.document.session.pin_a()
    window.actions_["history"].trigger()
    compare.choose_count(MANY)
    compare.toggle()
    qtbot.waitUntil(lambda: not (window.document.busy or compare.busy or window.thumbnails.busy))
    compare.choose(1, PHOTO)
    qtbot.waitUntil(lambda: not (compare.busy or compare.panes[1].photo.busy))
    compare.hide()
    window.gallery.export()
    window.gallery.batch.reject()
    window.actions_["export"].trigger()
    window.commands.export_dialog.reject()
    window.commands.variations.show_more()
    qtbot.waitUntil(lambda: not window.commands.variations.busy)
    first = weakref.ref(window.document.model)
    window.open_paths([other / "model.safetensors"])
    settle(qtbot, window, "other")
    window.project.files._begin()  # undo leads no farther back

    def gone():
        gc.collect()
        return first() is None

    qtbot.waitUntil(gone, timeout=WAIT_MS)


def test_the_window_begins_with_sharp_furniture_that_can_be_moved_drawn_on_and_exported(
    qtbot, tmp_path
):
    window = MainWindow()
    qtbot.addWidget(window)
    with qtbot.waitSignal(window.settled, timeout=WAIT_MS) as settled:
        window.show()
    assert settled.args == [True]
    assert window.latent_panel.model.text() == "procedural · 128³"
    qtbot.waitUntil(lambda: not window.document.busy, timeout=WAIT_MS)
    document, first = window.document, window.document.shown.mesh
    distance = document.model.distance(document.session.latent)
    assert np.abs(distance(first.vertices)).mean() < 0.05 / 128
    drawn = window.viewport._scene.mapper.GetInput()
    assert drawn.GetNumberOfPoints() == len(first.shading.owners) > len(first.vertices)
    document.session.set_coefficient(0, 2.0)
    qtbot.waitUntil(
        lambda: not document.busy and document.shown.mesh.shading is not None, timeout=WAIT_MS
    )
    assert document.shown.mesh is not first
    assert window.actions_["more"].isEnabled()
    part = meshing.finish(document.surface_for(document.session.surface).mesh, 80)
    assert formats.write(tmp_path / "chair.stl", part).ok
    window.close()
