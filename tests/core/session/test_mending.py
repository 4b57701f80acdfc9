"""Mending: the whole shape most like a broken one, as one step that leaves the rest alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from shapelab.core.errors import InputError
from shapelab.core.session.mending import NOT_FOUND, mended
from shapelab.core.session.session import Session
from shapelab.core.session.shape_state import ShapeState, seeded_state
from tests.core.session.tiny_model import Breakable


def parts(occupancy: Any) -> int:
    return int(ndimage.label(occupancy > 0.5)[1])


def broken_state(model: Any) -> ShapeState:
    """The first table from seed 2000 on that is in several pieces."""
    for seed in range(2000, 2100):
        state = seeded_state(model, "table", seed)
        if parts(model.decode(state.latent(model))) > 1:
            return state
    raise AssertionError("all tables are whole")


def test_a_broken_shape_of_the_shipped_model_becomes_a_whole_one_like_it(model: Any) -> None:
    state = broken_state(model)
    whole = mended(model, state)
    before, after = (model.decode(each.latent(model)) > 0.5 for each in (state, whole))
    assert parts(after) == 1
    assert (before & after).sum() / (before | after).sum() > 0.5
    # It is still the shape of its seed: only the offsets are others.
    assert replace(whole, offsets=state.offsets) == state
    assert mended(model, whole) is whole


def test_what_is_whole_stays_as_it_is() -> None:
    model: Any = Breakable()
    state = replace(seeded_state(model, "chair", 3), base=np.zeros(16, np.float32))
    assert mended(model, state) is state


def test_mending_is_one_step_that_undo_and_resetting_take_back() -> None:
    model: Any = Breakable()
    session = Session(model, seed=0)
    session.set_coefficient(2, 1.5)
    session.finish_edit()
    session.set_raw(3, 6.0)
    session.finish_edit()
    broken, steps = session.state, len(session.history)
    assert parts(model.decode(session.latent)) == 2
    session.mend()
    assert parts(model.decode(session.latent)) == 1
    assert session.undo_text == "mend"
    assert len(session.history) == steps + 1
    assert session.state.coefficients[2] == 1.5
    session.mend()  # nothing is left to do
    assert len(session.history) == steps + 1
    session.undo()
    assert session.state == broken
    session.redo()
    session.reset_all()
    assert not session.state.offsets.any()


def test_without_a_whole_shape_nearby_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    model: Any = Breakable()
    session = Session(model, seed=0)
    session.set_raw(3, 6.0)
    session.finish_edit()
    broken = session.state
    monkeypatch.setattr(model, "encode_voxels", lambda _grid: broken.latent(model))
    with pytest.raises(InputError) as told:
        session.mend()
    assert str(told.value) == NOT_FOUND
    assert session.state == broken


def test_a_shape_that_was_left_meanwhile_is_not_mended() -> None:
    model: Any = Breakable()
    session = Session(model, seed=0)
    session.set_raw(3, 6.0)
    broken = session.mending()
    found = broken.best()
    session.set_seed(5)
    shown = session.state
    session.accept_mended(broken, found)
    assert session.state == shown
