from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from shapelab.core.errors import ExportError, MeshError
from shapelab.core.mesh import formats
from shapelab.core.mesh.meshing import LooseParts, PartedSurface, SurfaceOptions, parted_surface
from shapelab.core.mesh.print_check import PrintReport, check
from shapelab.core.mesh.tri_mesh import TriMesh
from shapelab.gui.base.settings import WindowSettings
from shapelab.gui.export import export_dialog
from shapelab.gui.export.export_dialog import ExportDialog
from shapelab.gui.export.export_form import FORMATS
from shapelab.gui.export.part_preparation import (
    PartRequest,
    prepare,
    verdict,
)

LEFT = Qt.MouseButton.LeftButton
CRUMBS = 2


def field() -> np.ndarray:
    """A box of 20 x 10 x 16 voxels and two loose crumbs."""
    values = np.zeros((32, 32, 32), np.float32)
    values[6:26, 11:21, 8:24] = 1
    values[1:4, 1:4, 1:4] = 1
    values[28:31, 1:4, 1:4] = 1
    return values


def provider(options: SurfaceOptions) -> PartedSurface:
    return parted_surface(field(), options)


def torn(options: SurfaceOptions) -> PartedSurface:
    """The same with a hole."""
    whole = provider(options)
    return replace(whole, mesh=TriMesh(whole.mesh.vertices, whole.mesh.faces[:-7]))


def opened(qtbot, session, mesh_provider=provider, parent=None) -> ExportDialog:
    dialog = ExportDialog(session, mesh_provider, parent)
    if parent is None:
        qtbot.addWidget(dialog, before_close_func=lambda d: d.stop())
    with qtbot.waitExposed(dialog):
        dialog.show()
    settle(qtbot, dialog)
    return dialog


def settle(qtbot, dialog):
    qtbot.waitUntil(lambda: not dialog.checking and not dialog.saving)


def choose(monkeypatch, path):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path or ""), ""))


@pytest.fixture
def dialog(qtbot, session, threads_end):
    dialog = opened(qtbot, session)
    yield dialog
    dialog.stop()
    threads_end()


def test_the_verdict_of_a_good_part(dialog):
    assert dialog.verdict.good is True
    text = dialog.verdict.text()
    assert text.startswith(f"Closed, one part, {dialog.form.dimensions.text()}, ")
    assert text.endswith(" cm³; walls not measured. 2 loose parts left out, 2 % of the shape.")
    assert dialog.save.isEnabled()
    assert not dialog.anyway.isVisible()
    width, depth, height = (
        float(side) for side in dialog.form.dimensions.text().removesuffix(" mm").split(" × ")
    )
    assert width == 80.0
    assert depth == pytest.approx(40, rel=0.06)
    assert height == pytest.approx(64, rel=0.06)


def test_the_dimensions_follow_the_size_at_once(qtbot, dialog):
    dialog.form.size_mm.setValue(160)
    assert dialog.checking
    assert not dialog.save.isEnabled()
    assert dialog.form.dimensions.text().startswith("160.0 × ")
    settle(qtbot, dialog)
    assert dialog.form.dimensions.text().startswith("160.0 × ")
    assert dialog.save.isEnabled()


def test_size_keeps_to_its_bounds(qtbot, dialog):
    spin = dialog.form.size_mm
    for typed, kept in (("2", 5.0), ("99999", 1000.0)):
        spin.setValue(80)
        spin.lineEdit().selectAll()
        qtbot.keyClicks(spin, typed)
        qtbot.keyClick(spin, Qt.Key.Key_Tab)
        assert 5.0 <= spin.value() <= 1000.0
        spin.setValue(float(typed))
        assert spin.value() == kept


def test_surface_choices_go_to_the_session_so_that_the_viewport_shows_them(qtbot, dialog, session):
    dialog.form.surface.resolution.setCurrentIndex(1)
    dialog.form.surface.resolution.activated.emit(1)
    assert session.surface.resolution == 2
    qtbot.keyClick(dialog.form.surface.smoothing.slider, Qt.Key.Key_Home)
    assert session.surface.smoothing == 0
    qtbot.mouseDClick(dialog.form.surface.smoothing.readout, LEFT)
    assert session.surface.smoothing == SurfaceOptions().smoothing
    qtbot.mouseClick(dialog.form.surface.largest, LEFT)
    assert session.surface.largest_part is False
    settle(qtbot, dialog)
    assert "3 parts" in dialog.verdict.text()
    assert "left out" not in dialog.verdict.text()


def test_undo_of_a_surface_choice_reaches_the_dialog(qtbot, dialog, session):
    qtbot.mouseClick(dialog.form.surface.largest, LEFT)
    session.undo()
    assert dialog.form.surface.largest.isChecked()
    settle(qtbot, dialog)
    assert "one part," in dialog.verdict.text()


def test_fewer_triangles(qtbot, dialog):
    before = dialog.form.triangles.text()
    assert "of" not in before
    for _ in range(4):
        qtbot.keyClick(dialog.form.keep.slider, Qt.Key.Key_Left)
    settle(qtbot, dialog)
    assert dialog.form.share == pytest.approx(0.8)
    assert " of " in dialog.form.triangles.text()
    qtbot.mouseDClick(dialog.form.keep.readout, LEFT)
    settle(qtbot, dialog)
    assert dialog.form.share == 1.0
    assert dialog.form.triangles.text() == before


def test_the_newest_request_wins(qtbot, session):
    sizes, go = [], threading.Event()

    def slow(options):
        assert go.wait(10)
        sizes.append(options.smoothing)
        return provider(options)

    dialog = ExportDialog(session, slow)
    qtbot.addWidget(dialog, before_close_func=lambda d: d.stop())
    dialog.show()
    for smoothing in range(20, 41):
        session.surface = replace(session.surface, smoothing=smoothing)
    go.set()
    settle(qtbot, dialog)
    computed = [smoothing for smoothing in sizes if smoothing]  # 0: the count of loose parts
    assert computed[-1] == 40
    assert len(computed) <= 2
    dialog.stop()


@pytest.mark.parametrize("suffix", [suffix for _, suffix in FORMATS])
def test_the_saved_file_holds_the_shown_shape(qtbot, monkeypatch, tmp_path, dialog, suffix):
    dialog.form.format.setCurrentIndex(dialog.form.format.findData(suffix))
    choose(monkeypatch, tmp_path / "тест ü")
    qtbot.mouseClick(dialog.save, LEFT)
    settle(qtbot, dialog)
    path = tmp_path / f"тест ü{suffix}"
    part = formats.decode(path.read_bytes(), suffix)
    assert check(part).ok
    assert part.extents.max() == pytest.approx(80.0, rel=1e-4)
    assert part.vertices[:, 2].min() == pytest.approx(0, abs=1e-4)
    assert dialog.verdict.text().startswith(f"Saved {path.name}. Closed, one part, ")
    assert dialog.folder == tmp_path


def test_a_typed_ending_chooses_the_format(qtbot, monkeypatch, tmp_path, dialog):
    choose(monkeypatch, tmp_path / "part.OBJ")
    qtbot.mouseClick(dialog.save, LEFT)
    settle(qtbot, dialog)
    assert (tmp_path / "part.OBJ").read_bytes()[:200].count(b"\n") > 0
    assert [p.name for p in tmp_path.iterdir()] == ["part.OBJ"]


def test_no_file_chosen_writes_nothing(qtbot, monkeypatch, tmp_path, dialog):
    choose(monkeypatch, None)
    qtbot.mouseClick(dialog.save, LEFT)
    assert not dialog.saving
    assert dialog.save.isEnabled()
    assert list(tmp_path.iterdir()) == []


def test_an_ending_that_is_added_does_not_silently_replace(qtbot, monkeypatch, tmp_path, dialog):
    (tmp_path / "part.stl").write_bytes(b"precious")
    choose(monkeypatch, tmp_path / "part")
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.No)
    qtbot.mouseClick(dialog.save, LEFT)
    assert not dialog.saving
    assert (tmp_path / "part.stl").read_bytes() == b"precious"


def test_an_unchecked_file_does_not_silently_replace(qtbot, monkeypatch, tmp_path, session):
    (tmp_path / "part-UNCHECKED.stl").write_bytes(b"precious")
    dialog = opened(qtbot, session, torn)
    choose(monkeypatch, tmp_path / "part.stl")
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.No)
    qtbot.mouseClick(dialog.anyway, LEFT)
    assert not dialog.saving
    assert (tmp_path / "part-UNCHECKED.stl").read_bytes() == b"precious"


def test_the_recipe_beside_an_unchecked_file_does_not_silently_replace(
    qtbot, monkeypatch, tmp_path, session
):
    beside = tmp_path / "part-UNCHECKED.stl.shape.json"
    beside.write_bytes(b"precious")
    dialog = ExportDialog(session, torn, recipe_for=lambda _mesh: "{}")
    qtbot.addWidget(dialog, before_close_func=lambda d: d.stop())
    dialog.show()
    settle(qtbot, dialog)
    dialog.form.recipe.click()
    choose(monkeypatch, tmp_path / "part.stl")
    asked = []

    def refuse(_parent, _title, text):
        asked.append(text)
        return QMessageBox.StandardButton.No

    monkeypatch.setattr(QMessageBox, "question", refuse)
    qtbot.mouseClick(dialog.anyway, LEFT)
    settle(qtbot, dialog)
    assert asked == ["part-UNCHECKED.stl.shape.json is there already. Replace it?"]
    assert [path.name for path in tmp_path.iterdir()] == [beside.name]
    assert beside.read_bytes() == b"precious"


def test_the_proposed_name_is_safe_on_every_system(qtbot, monkeypatch, dialog, session):
    proposals = []

    def remember(_parent, _title, proposal, kinds, first):
        proposals.append(proposal)
        assert kinds.startswith(first)
        return "", ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", remember)
    session.show(session.latent, 'picture a/b:c*"<x>.png', "chair")
    settle(qtbot, dialog)
    assert dialog.ask_path(".stl") is None
    assert proposals[0].rpartition("/")[2].rpartition("\\")[2] == "picture-a-b-c-x.stl"


def test_a_missing_folder_is_told_and_offers_no_unchecked_file(
    qtbot, monkeypatch, tmp_path, dialog
):
    choose(monkeypatch, tmp_path / "gone" / "part.stl")
    qtbot.mouseClick(dialog.save, LEFT)
    settle(qtbot, dialog)
    assert dialog.verdict.good is False
    assert "does not exist" in dialog.verdict.text()
    assert not dialog.anyway.isVisible()
    assert dialog.save.isEnabled()


def test_a_torn_part_is_refused_with_reasons_and_can_be_saved_unchecked(
    qtbot, monkeypatch, tmp_path, session
):
    dialog = opened(qtbot, session, torn)
    assert dialog.verdict.good is False
    assert "holes" in dialog.verdict.text()
    assert not dialog.save.isEnabled()
    assert dialog.anyway.isVisible()
    choose(monkeypatch, tmp_path / "part.stl")
    qtbot.mouseClick(dialog.anyway, LEFT)
    settle(qtbot, dialog)
    assert [path.name for path in tmp_path.iterdir()] == ["part-UNCHECKED.stl"]
    assert "part-UNCHECKED.stl" in dialog.verdict.text()
    assert dialog.verdict.good is False
    dialog.stop()


def test_bytes_that_read_back_wrongly_are_not_written_unless_asked_for(
    qtbot, monkeypatch, tmp_path, dialog
):
    honest = formats.WRITERS[".stl"]
    monkeypatch.setitem(
        formats.WRITERS, ".stl", lambda mesh: honest(TriMesh(mesh.vertices, mesh.faces[:-3]))
    )
    choose(monkeypatch, tmp_path / "part.stl")
    qtbot.mouseClick(dialog.save, LEFT)
    settle(qtbot, dialog)
    assert "was not written" in dialog.verdict.text()
    assert list(tmp_path.iterdir()) == []
    assert dialog.anyway.isVisible()
    qtbot.mouseClick(dialog.anyway, LEFT)
    settle(qtbot, dialog)
    assert [path.name for path in tmp_path.iterdir()] == ["part-UNCHECKED.stl"]


def test_an_empty_shape_is_told_in_its_own_words(qtbot, session):
    def empty(_options):
        raise MeshError("The shape is empty: choose another one.")

    dialog = opened(qtbot, session, empty)
    assert dialog.verdict.text() == "The shape is empty: choose another one."
    assert dialog.form.dimensions.text() == "–"
    assert not dialog.save.isEnabled()
    assert not dialog.anyway.isVisible()
    dialog.stop()


def test_a_defect_of_the_program_is_a_sentence_too(qtbot, session):
    def broken(_options):
        raise ZeroDivisionError("oops")

    dialog = opened(qtbot, session, broken)
    assert "ZeroDivisionError: oops" in dialog.verdict.text()
    assert not dialog.save.isEnabled()
    dialog.stop()


def test_while_saving_nothing_can_be_changed_or_closed(qtbot, monkeypatch, tmp_path, dialog):
    go = threading.Event()

    def slow_write(*_args, **_named):
        assert go.wait(10)
        raise ExportError("The disk is full; free some space.")

    monkeypatch.setattr(export_dialog.formats, "write", slow_write)
    choose(monkeypatch, tmp_path / "part.stl")
    qtbot.mouseClick(dialog.save, LEFT)
    assert dialog.saving
    assert not dialog.form.size_mm.isEnabled()
    assert not dialog.cancel.isEnabled()
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert dialog.isVisible()
    go.set()
    settle(qtbot, dialog)
    assert dialog.verdict.text() == "The disk is full; free some space."
    assert dialog.form.size_mm.isEnabled()


def test_closed_it_follows_nothing_and_opened_again_it_catches_up(qtbot, dialog, session):
    qtbot.mouseClick(dialog.cancel, LEFT)
    assert not dialog.isVisible()
    session.surface = replace(session.surface, resolution=2, largest_part=False)
    assert not dialog.checking
    dialog.show()
    settle(qtbot, dialog)
    assert dialog.form.surface.resolution.currentData() == 2
    assert "3 parts" in dialog.verdict.text()


def test_a_new_shape_is_checked_anew(qtbot, dialog, session):
    session.set_seed(3)
    assert dialog.checking
    settle(qtbot, dialog)
    assert dialog.save.isEnabled()


def test_it_closes_with_its_window_and_leaves_no_thread(qtbot, session):
    window = QWidget()
    qtbot.addWidget(window)
    window.show()
    dialog = opened(qtbot, session, parent=window)
    dialog.form.size_mm.setValue(100)
    window.close()
    assert not dialog.isVisible()
    assert not dialog.checking


def test_prepare_counts_what_is_dropped_only_if_it_is_dropped():
    whole = prepare(provider, PartRequest(SurfaceOptions(largest_part=False), 50.0, 1.0))
    assert (whole.dropped.count, whole.report.parts) == (0, 1 + CRUMBS)
    largest = prepare(provider, PartRequest(SurfaceOptions(), 50.0, 1.0))
    assert (largest.dropped.count, largest.report.parts) == (CRUMBS, 1)
    assert largest.report.ok
    assert largest.mesh.extents.max() == pytest.approx(50.0, rel=1e-4)


def test_prepare_gives_a_torn_part_its_size_all_the_same():
    prepared = prepare(torn, PartRequest(SurfaceOptions(), 50.0, 1.0))
    assert not prepared.report.ok
    assert prepared.mesh.extents.max() == pytest.approx(50.0, rel=1e-4)
    assert prepared.mesh.vertices[:, 2].min() == pytest.approx(0, abs=1e-4)


def test_words():
    report = PrintReport(True, True, True, 12_345.0, (10.0, 20.04, 80.0), 1, 100, ())
    said = "Closed, one part, 10.0 × 20.0 × 80.0 mm, 12.3 cm³; walls not measured."
    assert verdict(report, LooseParts()) == said
    assert verdict(replace(report, parts=3), LooseParts()) == said.replace("one part", "3 parts")
    lost = verdict(report, LooseParts(1, 0.374))
    assert lost == f"{said} 1 loose part left out, 37 % of the shape."
    bad = replace(report, problems=("It has holes.", "It is flat."))
    assert verdict(bad, LooseParts(1, 0.4)) == "Not printable yet. It has holes. It is flat."


def test_what_was_chosen_is_remembered_and_nonsense_is_not(qtbot, session, tmp_path):
    settings = WindowSettings(tmp_path / "window.ini")

    def made() -> ExportDialog:
        dialog = ExportDialog(session, provider, None, settings)
        qtbot.addWidget(dialog, before_close_func=lambda d: d.stop())
        with qtbot.waitExposed(dialog):
            dialog.show()
        settle(qtbot, dialog)
        return dialog

    first = made()
    assert (first.form.size_mm.value(), first.form.suffix, first.form.share) == (80, ".stl", 1)
    first.form.size_mm.setValue(123.5)
    first.form.format.setCurrentIndex(1)
    first.form.keep.readout.typed.emit(40)
    assert first.form.recipe.isChecked()
    first.form.recipe.click()
    first.folder = tmp_path
    settle(qtbot, first)
    first.close()
    again = made()
    assert (again.form.size_mm.value(), again.form.suffix, again.form.share) == (123.5, ".3mf", 0.4)
    assert again.folder == tmp_path
    assert not again.form.recipe.isChecked()  # in a file that holds it; beside an STL it never was
    again.form.format.setCurrentIndex(0)
    assert not again.form.recipe.isChecked()
    again.form.recipe.click()
    again.close()
    for name in ("size_mm", "triangles", "format"):
        settings.set_text(f"export/{name}", "-1e9")
    third = made()
    assert (third.form.size_mm.value(), third.form.suffix, third.form.share) == (80, ".stl", 1)
    assert third.form.recipe.isChecked()
