"""Strokes give a shape more here and less there, and leave the rest; nothing else is changed."""

from __future__ import annotations

import numpy as np
import pytest

from shapelab.core.errors import Cancelled, InputError
from shapelab.core.inputs.reconstruct import iou
from shapelab.core.session.refining import ShapeStroke
from shapelab.core.session.script import python_script


def top_of(solid):
    """Points on the two uppermost layers of a grid, in sides of it."""
    high = np.argwhere(solid)[:, 2].max()
    places = np.argwhere(solid & (np.arange(len(solid)) >= high - 1))
    return tuple(tuple(point) for point in ((places + 0.5) / len(solid) - 0.5).tolist())


@pytest.fixture(scope="module")
def chair(model):
    from shapelab.core.session.session import Session

    session = Session(model, seed=7)
    return session, model.decode(session.latent) > 0.5


def test_a_shape_draws_back_where_it_shall_and_stays_elsewhere(model, chair):
    session, before = chair
    stroke = ShapeStroke(False, top_of(before))
    brushed = stroke.cells(32)
    session.refine([stroke])
    after = model.decode(session.latent) > 0.5
    assert after[brushed].mean() < 0.3 * before[brushed].mean()
    assert iou(after & ~brushed, before & ~brushed) > 0.75
    assert session.undo_text == "reshape"
    assert session.state.seed == 7
    same: dict = {}
    exec(python_script(session), same)  # the program goes the same way
    assert np.array_equal(same["session"].latent, session.latent)
    session.undo()
    assert not session.state.offsets.any()


def test_a_shape_reaches_out_where_it_shall(model, chair):
    session, before = chair
    stroke = ShapeStroke(True, top_of(before))
    free = stroke.cells(32) & ~before
    found = session.refining([stroke]).best()
    after = model.decode(found.latent(model)) > 0.5
    assert before[free].mean() == 0
    assert after[free].mean() > 0.3


def test_it_ends_when_it_is_told_and_passes_on_what_it_tries(model, chair):
    session, before = chair
    tried = []

    def moved(latent):
        tried.append(latent.copy())
        if len(tried) == 3:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        session.refining([ShapeStroke(False, top_of(before))]).best(moved)
    assert np.allclose(tried[0], session.latent, atol=1e-6)
    assert not np.array_equal(tried[1], tried[2])


def test_strokes_in_the_air_are_refused(chair):
    session, _ = chair
    with pytest.raises(InputError, match="beside the shape"):
        session.refine([ShapeStroke(True, ((3.0, 0.0, 0.0),))])


def test_another_shape_meanwhile_is_not_overwritten(chair):
    session, before = chair
    wanted = session.refining([ShapeStroke(False, top_of(before))])
    session.set_seed(8)
    state = session.state
    session.accept_refined(wanted, wanted.state)
    assert session.state is state
    session.undo()


def test_parameters_follow_strokes_too():
    from shapelab.core.model.shape_model import load_model
    from shapelab.core.session.session import Session

    model = load_model("procedural")
    session = Session(model, seed=7)
    before = model.decode(session.latent) > 0.5
    top = top_of(before)
    lower, higher = (
        model.decode(session.refining([ShapeStroke(more, top)]).best().latent(model)) > 0.5
        for more in (False, True)
    )
    brushed = ShapeStroke(False, top).cells(len(before))
    assert lower[brushed].mean() < 0.5 * before[brushed].mean()
    assert higher[brushed & ~before].mean() > 0.1
    tried = []
    session.refining([ShapeStroke(False, top)]).best(tried.append)
    session.refine([ShapeStroke(False, top)])
    assert len(tried) > 10
    assert session.state.class_name == model.density.nearest_class(session.latent) == "chair"
    session.undo()
    assert not session.state.offsets.any()
