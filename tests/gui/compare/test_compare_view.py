"""Comparing in the real window: what the panes show, one camera for all, distances in mm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from shapelab.core.inputs.images import PreparedImage
from shapelab.core.inputs.reconstruct import Reconstruction
from shapelab.core.mesh.meshing import surface
from shapelab.core.mesh.signed_distance import signed_distances
from shapelab.core.model.camera import Camera
from shapelab.core.model.silhouette_fit import Fit, Hypothesis
from shapelab.core.project.originals import Original
from shapelab.gui.base.measured_colours import SAME
from shapelab.gui.base.workers import WorkerThread
from shapelab.gui.compare.compare_view import FEW, MANY
from shapelab.gui.compare.subjects import KEPT, NOW, PHOTO, SOURCE, STEP
from shapelab.gui.document.document import Guest
from shapelab.gui.viewport.viewport import Viewport
from tests.gui.in_sight import hidden_from_sight
from tests.shapes import chair
from tests.small_models import small_model

pytestmark = pytest.mark.gl
LEFT = Qt.MouseButton.LeftButton


def settle(qtbot, window):
    qtbot.waitUntil(lambda: not (window.document.busy or window.compare.busy))


def keys(view):
    return [pane.subject.key for pane in view.panes[: view.count]]


def test_two_shapes_and_how_far_they_differ(qtbot, window):
    session, view = window.document.session, window.compare
    first = session.state
    kept = session.keep()
    session.set_seed(5)
    settle(qtbot, window)
    QTest.keyClick(window.viewport, Qt.Key.Key_C)
    settle(qtbot, window)
    assert view.isVisible()
    assert window.actions_["compare"].isChecked()
    assert keys(view) == [NOW, KEPT + kept.id]
    a, b = (pane.shown for pane in view.panes)
    np.testing.assert_array_equal(a.mesh.vertices, window.viewport.mesh.vertices)
    expected = surface(session.model.decode(first.latent(session.model)), session.surface)
    np.testing.assert_array_equal(b.mesh.vertices, expected.vertices)
    np.testing.assert_allclose(b.distances, signed_distances(b.mesh.vertices, a.mesh))
    mm = 80 / a.mesh.extents.max()
    mean = f"mean {b.figures.mean * mm:.2g} mm from A"
    assert view.panes[1].told.text().endswith(mean)
    assert view.legend.ticks[0].startswith("−")
    painted = view.panes[1].viewport._paint
    assert len(np.unique(painted, axis=0)) > 100

    # a slider moves the first pane, and what is said of both
    session.set_coefficient(0, 2.0)
    settle(qtbot, window)
    moved = view.panes[0].shown
    np.testing.assert_array_equal(moved.mesh.vertices, window.viewport.mesh.vertices)
    assert moved.figures != a.figures

    # without colours there are none, and no legend
    view.colours.click()
    settle(qtbot, window)
    assert view.panes[1].viewport._paint is None
    assert view.legend.ticks == ()
    view.overlay.setChecked(True)
    settle(qtbot, window)
    assert view.panes[1].viewport._ghost is view.panes[0].shown.mesh
    assert view.panes[0].viewport._ghost is view.panes[1].shown.mesh

    # go on from the other shape
    qtbot.mouseClick(view.panes[1].go, LEFT)
    assert session.state == first
    settle(qtbot, window)
    QTest.keyClick(view, Qt.Key.Key_Escape)
    assert not view.isVisible()
    assert not window.actions_["compare"].isChecked()


def test_four_look_from_one_side(qtbot, window):
    session, view = window.document.session, window.compare
    for seed in (3, 4, 5):
        session.set_seed(seed)
    settle(qtbot, window)
    window.actions_["compare"].trigger()
    view.choose_count(MANY)
    settle(qtbot, window)
    newest = session.history.newest
    assert keys(view) == [NOW, *(f"{STEP}{number}" for number in range(newest - 1, -1, -1))][:MANY]
    turned = view.panes[2].viewport
    QTest.keyClick(turned, Qt.Key.Key_Right)
    everyone = [window.viewport, *(pane.viewport for pane in view.panes)]

    def looks():  # each from as far away as its own size needs
        return {replace(each.orbit, distance=1.0) for each in everyone}

    assert len(looks()) == 1
    window.actions_["view_top"].trigger()
    assert len(looks()) == 1
    turned._zoom(1.5)  # by hand: then all as far away
    assert len({each.orbit for each in everyone}) == 1
    assert turned.orbit.elevation == 90
    view.choose_count(FEW)
    settle(qtbot, window)
    assert [pane.isVisible() for pane in view.panes] == [True, True, False, False]


def test_views_are_built_and_drawn_one_after_the_other(qtbot, window):
    view, heard = window.compare, []

    def hear(place):
        heard.append(f"built {place}")
        canvas = view.panes[place].viewport._view
        canvas.painted.connect(lambda: heard.append(f"drawn {place}"))

    add = view._add_pane

    def add_heard():
        add()
        place = len(view.panes) - 1
        view.panes[place].viewport.ready.connect(lambda: hear(place))

    view._add_pane = add_heard
    window.actions_["compare"].trigger()
    view.choose_count(MANY)
    settle(qtbot, window)
    qtbot.waitUntil(lambda: "drawn 3" in heard)
    first = list(dict.fromkeys(heard))
    assert first == [f"{what} {place}" for place in range(MANY) for what in ("built", "drawn")]


def test_a_view_that_is_hidden_before_its_first_frame_holds_up_no_other(qtbot, window):
    first = Viewport(window)
    second = Viewport(window, after=first)
    first.show()
    second.show()
    first._begun = True  # painted, but not built
    second._begin()
    assert second._importing is None
    first.hide()
    qtbot.waitUntil(lambda: second.is_ready)
    for view in (first, second):
        view.shutdown()


@pytest.mark.parametrize("width", [264, 420, 900])
def test_nothing_is_cut_at_any_width(qtbot, window, width):
    view = window.compare
    view.toggle()
    settle(qtbot, window)
    view.resize(width, 500)

    def nothing_is_hidden():
        assert hidden_from_sight(window) == []

    qtbot.waitUntil(nothing_is_hidden)


def test_the_menus_of_gallery_and_history_lead_there(qtbot, window):
    session, view = window.document.session, window.compare
    kept = [session.keep(f"number {seed}") for seed in (1, 2, 3) if not session.set_seed(seed)]
    window.gallery.compare_wanted.emit(tuple(kept))
    settle(qtbot, window)
    assert view.count == MANY
    assert keys(view)[:3] == [KEPT + shape.id for shape in kept]
    history = window.history.panel.list
    index = history.model().index(history.model().rowCount() - 1)
    menu = history.menu(index)
    (act,) = [each for each in menu.actions() if each.text().startswith("Compare")]
    act.trigger()
    settle(qtbot, window)
    assert view.count == FEW
    assert keys(view) == [NOW, f"{STEP}{history.steps.step(index).number}"]
    session.delete_kept([shape.id for shape in kept])  # what is gone is shown no more
    settle(qtbot, window)
    assert not any(key.startswith(KEPT) for key in view.panes[0].box._listed)


def original(model, latent, prepared=None, voxels=None):
    front = Camera(-np.pi / 2, 0.0, 2.5, 0.0, (0.0, 0.0, 0.5))
    fit = Fit((Hypothesis(latent, (front,), 0.9, 1.0),), 0.5) if prepared else None
    kind = "picture" if prepared else "mesh"
    return Original(
        Reconstruction(
            latent, model.decode(latent), kind, prepared, voxels, "chair", "read", fit=fit
        ),
        "chair.png" if prepared else "chair.stl",
    )


def test_what_a_shape_was_made_from(qtbot, window):
    document, view = window.document, window.compare
    model = document.model
    latents = [model.sample("chair", seed, 1, 0.8)[0] for seed in (7, 8)]
    pixels = np.full((64, 64, 4), 255, np.uint8)
    photo = PreparedImage(pixels, pixels, "alpha")
    document._keep(original(model, latents[0], voxels=chair(32) > 0.5))
    document._keep(original(model, latents[1], prepared=photo))

    document.session.show(latents[0], "mesh chair.stl", "chair")
    settle(qtbot, window)
    window.actions_["compare"].trigger()
    settle(qtbot, window)
    assert keys(view) == [NOW, SOURCE]
    extents = view.panes[1].shown.mesh.extents
    np.testing.assert_allclose(extents, [0.5, 0.5, 0.75], atol=0.04)

    document.session.show(latents[1], "picture chair.png", "chair")
    settle(qtbot, window)
    assert keys(view)[0] == NOW
    assert SOURCE not in view.panes[0].box._listed
    view.choose(1, PHOTO)
    settle(qtbot, window)
    pane = view.panes[1]
    qtbot.waitUntil(lambda: not pane.photo.busy)
    assert pane.photo.isVisible()
    assert not pane.photo.pane.outline.isEmpty()
    assert pane.photo.slider.isVisible()
    assert view.panes[0].shown.distances is None  # a photo has no surface
    assert view.legend.ticks == ()

    document.show_guest(Guest(chair(32), "a guest"))
    settle(qtbot, window)
    assert PHOTO not in view.panes[0].box._listed
    assert keys(view)[0] == NOW


def test_a_shape_beside_itself_is_grey(qtbot, window):
    view = window.compare
    window.actions_["compare"].trigger()
    settle(qtbot, window)
    view.choose(1, NOW)
    settle(qtbot, window)
    assert {tuple(row) for row in view.panes[0].viewport._paint} == {SAME}
    # closing the window while it compares leaves nothing behind
    window.document.session.set_seed(11)
    window.close()
    assert not view.isVisible()
    qtbot.waitUntil(lambda: not WorkerThread.live)


def test_a_choice_that_comes_after_its_document_is_passed_over(qtbot, window, tmp_path):
    """A popup of a pane may outlive the model that its entries are of."""
    view = window.compare
    view.toggle()
    settle(qtbot, window)
    view.hide()
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "model.safetensors").write_bytes(small_model())
    window.models.open(tmp_path / "small")
    qtbot.waitUntil(lambda: window.document.model.name == "small")
    view.choose(1, NOW)
    settle(qtbot, window)
    view.toggle()
    settle(qtbot, window)
    assert keys(view)[0] == NOW
    assert view.panes[0].shown is not None
