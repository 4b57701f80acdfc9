"""Strokes of the mouse on the shape reshape it, in the real window."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt

from shapelab.core.paths import resources

pytestmark = pytest.mark.gl
LEFT = Qt.MouseButton.LeftButton


def settle(qtbot, window):
    busy = (window.document, window.image_panel.overlay, window.image_panel.doubt, window.strokes)
    qtbot.waitUntil(lambda: not any(each.busy for each in busy))


def pixel_of(view, point):
    """Where the camera sees a point."""
    right, up, back = view.orbit.axes
    away = np.asarray(point) - view.orbit.position
    scale = view.height() / 2 * view.orbit.eye_distance / view.orbit.half_height / -(away @ back)
    return QPoint(
        round(view.width() / 2 + scale * (away @ right)),
        round(view.height() / 2 - scale * (away @ up)),
    )


def draw_on_top(qtbot, window):
    """A stroke along the shape's upper edge; the picked points."""
    view = window.viewport
    seen = []
    view.brushed.connect(seen.append)
    window.actions_["view_top"].trigger()
    vertices = view.mesh.vertices
    top = vertices[vertices[:, 2] > vertices[:, 2].max() - 0.02]
    middle = top.mean(0)
    aside = np.array([0.12, 0, 0])
    ends = [middle - aside, middle, middle + aside]
    first, *more = [pixel_of(view, end) for end in ends]
    qtbot.mousePress(view._view, LEFT, pos=first)
    for place in more:
        qtbot.mouseMove(view._view, place)
    painted = view._paint
    qtbot.mouseRelease(view._view, LEFT, pos=more[-1])
    view.brushed.disconnect(seen.append)
    return seen, painted


def has_moved(window):
    """Whether the fit has come any way from the shape that it began with."""
    newest = window.strokes._newest
    return newest is not None and np.abs(newest - window.document.session.latent).max() > 0.01


def test_a_stroke_reshapes_in_one_step_and_may_be_stopped(qtbot, window):
    session, view, orbit = window.document.session, window.viewport, window.viewport.orbit
    less, more = window.actions_["less"], window.actions_["more"]
    window.open_paths([resources() / "examples" / "chair.png"])
    settle(qtbot, window)
    state, high = session.state, view.mesh.vertices[:, 2].max()
    more.trigger()
    less.trigger()
    assert not more.isChecked()
    assert view.reshaping.text() == "Draw on the shape"
    points, painted = draw_on_top(qtbot, window)
    assert view.orbit != orbit  # by the action alone: a brush does not turn
    assert np.ptp([point[0] for point in points]) > 0.1
    assert max(abs(point[2] - high) for point in points) < 0.05
    assert len({tuple(row) for row in painted}) == 2
    assert "stop" in view.reshaping.text()
    settle(qtbot, window)
    assert session.undo_text == "reshape"
    assert session.state.base.tobytes() == state.base.tobytes()  # it stays the picture's
    assert window.document.original.name == "chair.png"
    assert view.mesh.vertices[:, 2].max() < high - 0.02
    assert view.reshaping.text() == "Reshaped · before and after"
    qtbot.mouseClick(view.reshaping, LEFT)
    assert window.compare.isVisible()
    before = window.compare.panes[1]
    qtbot.waitUntil(lambda: before.viewport.mesh is not None)
    assert before.viewport.mesh.vertices[:, 2].max() == pytest.approx(high, abs=0.005)
    window.compare.hide()
    session.undo()
    settle(qtbot, window)
    assert session.state == state
    assert view.reshaping.text() == "Draw on the shape"

    draw_on_top(qtbot, window)
    qtbot.waitUntil(lambda: has_moved(window))
    qtbot.mouseClick(view.reshaping, LEFT)
    settle(qtbot, window)
    assert session.undo_text == "reshape"  # as far as it had come
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert not less.isChecked()
    assert not view.reshaping.isVisible()


def test_who_moves_the_shape_meanwhile_keeps_what_was_moved(qtbot, window):
    session = window.document.session
    window.actions_["less"].trigger()
    draw_on_top(qtbot, window)
    qtbot.waitUntil(lambda: window.strokes._newest is not None)
    session.set_coefficient(0, 1.0)
    session.finish_edit()
    state = session.state
    settle(qtbot, window)
    assert session.state is state
    assert np.array_equal(window.document.shown.request.latent, session.latent)
    draw_on_top(qtbot, window)
    window.close()  # while it works
