"""Drafts: what is asked for in a drag is quick, what stays is the surface that a file gets."""

from __future__ import annotations

import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from shapelab.core.mesh import meshing
from shapelab.core.mesh.meshing import AUTOMATIC
from shapelab.core.model.shape_model import load_model
from shapelab.gui.document import document as module
from shapelab.gui.document.document import Document
from shapelab.gui.document.shape_maker import Guest, ShapeMaker, ShapeRequest

NEVER_S, ALWAYS_S = -1.0, 1e9  # how soon a request has to follow another one to be of a drag


@pytest.fixture(scope="module")
def model():
    model = load_model()
    meshing.surface(model.decode(model.sample("chair")[0]))  # nobody shall wait for imports
    return model


@pytest.fixture
def document(qtbot, qapp, model):
    document = Document(model)
    document.refresh()
    qtbot.waitUntil(lambda: document.shown is not None and not document.busy)
    yield document
    document.stop()


@pytest.fixture
def shown(document):
    """Every surface from now on."""
    found = []
    document.surface_ready.connect(found.append)
    return found


def settle(qtbot, document):
    qtbot.waitUntil(lambda: not document.busy)


def test_a_drag_ends_with_the_surface_of_its_last_latent(qtbot, monkeypatch, document, shown):
    monkeypatch.setattr(module, "DRAG_S", ALWAYS_S)
    session = document.session
    for sigma in (0.5, 1.0, 1.5):
        session.set_coefficient(0, sigma)
        qtbot.waitUntil(lambda: bool(shown) and shown[-1].request is document.asked)
        if shown[-1].request.draft:  # else it has come to rest already
            whole = document.surface_for(session.surface)  # an export does not wait
            assert len(whole.mesh.faces) == len(shown[-1].mesh.faces)
            assert not np.array_equal(whole.mesh.vertices, shown[-1].mesh.vertices)
    assert document.busy or not shown[-1].request.draft
    settle(qtbot, document)
    assert any(each.request.draft for each in shown)
    last = document.shown
    assert last is shown[-1]
    assert not last.request.draft
    assert document.asked is last.request
    exact = meshing.parted_surface(document.model.decode(session.latent), session.surface)
    assert np.array_equal(last.mesh.vertices, exact.mesh.vertices)
    assert np.array_equal(last.mesh.normals, exact.mesh.normals)
    assert document.surface_for(session.surface) is last.surface


def test_a_change_alone_is_no_draft(qtbot, monkeypatch, document, shown):
    monkeypatch.setattr(module, "DRAG_S", NEVER_S)
    for sigma in (0.5, 1.0):
        document.session.set_coefficient(0, sigma)
        settle(qtbot, document)
    assert [each.request.draft for each in shown] == [False, False]


def test_moves_that_wait_for_slow_answers_are_of_a_drag(qtbot, monkeypatch, document, shown):
    now = [time.perf_counter() + 100.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    session = document.session
    for sigma, asked_after, draft in ((0.5, 100.0, False), (1.0, 0.1, True), (1.5, 100.0, False)):
        now[0] += asked_after
        session.set_coefficient(0, sigma)
        assert document.asked.draft == draft
        now[0] += 10.0  # which the answer takes
        qtbot.waitUntil(lambda: bool(shown) and shown[-1].request is document.asked)
    settle(qtbot, document)
    assert document.shown.request is document.asked
    assert not document.asked.draft


def test_even_a_change_alone_is_a_draft_first_where_that_has_far_fewer_cells(
    qtbot, qapp, monkeypatch
):
    monkeypatch.setattr(module, "DRAG_S", NEVER_S)
    procedural = Document(load_model("procedural"))
    found = []
    procedural.surface_ready.connect(found.append)
    procedural.refresh()
    settle(qtbot, procedural)
    procedural.session.set_coefficient(0, 1.0)
    settle(qtbot, procedural)
    procedural.stop()
    assert [(each.request.draft, each.cells) for each in found] == [
        (False, 128),
        (True, 64),
        (False, 128),
    ]
    for each in found:
        assert each.histogram.sum() == each.cells**3


def test_options_of_the_surface_are_seen_as_they_are(qtbot, monkeypatch, document, shown):
    monkeypatch.setattr(module, "DRAG_S", ALWAYS_S)
    session = document.session
    for passes in (0, 30):
        session.surface = replace(session.surface, smoothing=passes)
        settle(qtbot, document)
    assert [each.request.draft for each in shown] == [False, False]
    assert not np.array_equal(shown[0].mesh.vertices, shown[1].mesh.vertices)


def test_a_shape_from_outside_is_no_draft_and_ends_one(qtbot, monkeypatch, document, shown):
    monkeypatch.setattr(module, "DRAG_S", ALWAYS_S)
    document.session.set_coefficient(0, 1.0)
    assert document.asked.draft
    guest = Guest(document.model.decode(document.session.latent), "elsewhere")
    document.show_guest(guest)
    settle(qtbot, document)
    assert document.shown.request.guest is guest
    assert not document.shown.request.draft
    assert document.asked is document.shown.request


def test_a_document_that_is_stopped_in_a_drag_asks_for_nothing_more(qapp, monkeypatch, model):
    monkeypatch.setattr(module, "DRAG_S", ALWAYS_S)
    document = Document(model)
    document.session.set_coefficient(0, 1.0)
    document.session.set_coefficient(0, 1.1)
    assert document.asked.draft
    document.stop()
    assert not document.busy
    assert not document._rest.isActive()


def test_a_draft_that_is_coarser_than_its_target_says_nothing_of_how_it_agrees():
    model = load_model("procedural")
    latent = model.sample("stool", seed=1)[0]
    target = model.decode(latent) > 0.5
    draft, rest = (
        ShapeMaker().make(
            ShapeRequest(1, model, latent, AUTOMATIC, False, target=target, draft=draft)
        )
        for draft in (True, False)
    )
    assert (draft.cells, draft.agreement) == (64, None)
    assert (rest.cells, rest.agreement) == (128, 1.0)
