"""Following a run: the shape stays in its place while the model under it gets better."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch

from shapelab.core.errors import ModelFileError, RunError
from shapelab.core.model import model_file
from shapelab.core.paths import resources
from shapelab.core.runs.events import Saved, StepDone
from shapelab.core.runs.run_folder import RunFolder
from shapelab.gui.base import workers
from shapelab.gui.document.document import Document
from shapelab.gui.training.follow import Follow

PATIENCE_MS = 60_000


@pytest.fixture(autouse=True)
def no_thread_left(qapp):
    yield
    assert not workers.WorkerThread.live


@pytest.fixture(scope="module")
def models(model) -> list[bytes]:
    """The shipped model, and a later stage of it that makes everything a bit larger."""
    parts = model_file.read(resources() / "models" / "modelnet10" / "model.safetensors")
    networks, found = dict(parts.networks), []
    for step in range(2):
        with torch.no_grad():
            networks["generator"].head.bias.add_(0.5 * step)
        found.append(model_file.encode(parts.spec, networks, parts.density, parts.directions))
    return found


def put(run: RunFolder, step: int, data: bytes) -> None:
    folder = run.timeline / f"step-{step:09d}"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(data)


class Shown:
    """A follower whose ``opened`` makes a document, as the window's does."""

    def __init__(self, qtbot, run: RunFolder) -> None:
        self.qtbot = qtbot
        self.follow = Follow(run)
        self.documents: list[Document] = []
        self.steps: list[int] = []
        self.errors: list[Exception] = []
        self.follow.opened.connect(self._open)
        self.follow.shown.connect(self.steps.append)
        self.follow.failed.connect(self.errors.append)

    def _open(self, model) -> None:
        self.documents.append(Document(model))
        self.follow.set_session(self.documents[-1].session)
        self.documents[-1].refresh()

    def settle(self) -> None:
        self.qtbot.waitUntil(lambda: not self.follow.busy, timeout=PATIENCE_MS)
        for document in self.documents:
            self.qtbot.waitUntil(lambda d=document: not d.busy, timeout=PATIENCE_MS)

    def stop(self) -> None:
        self.follow.stop()
        for document in self.documents:
            document.stop()


@pytest.fixture
def shown(qtbot, tmp_path):
    shown = Shown(qtbot, RunFolder(tmp_path / "run"))
    yield shown
    shown.stop()


def test_the_shape_stays_while_the_model_under_it_changes(shown, models):
    follow, run = shown.follow, shown.follow.run
    put(run, 100, models[0])
    follow.add_events([StepDone(100, {})])
    assert not follow.busy  # only saves bring models
    follow.add_events([Saved(100, "x"), StepDone(120, {})])
    shown.settle()
    (document,) = shown.documents
    session, first = document.session, document.shown
    session.set_coefficient(0, 1.0)
    session.finish_edit()
    shown.settle()
    latent, before = session.latent, document.shown
    assert before is not first

    put(run, 200, models[1])
    follow.add_events([Saved(200, "x")])
    shown.settle()
    assert shown.steps == [100, 200]
    assert len(shown.documents) == 1
    assert session.model.name == "run, step 200"
    assert np.array_equal(session.latent, latent)
    assert session.undo_text == "direction 1"
    after = document.shown
    assert after.request.model is session.model
    assert np.ptp(after.mesh.vertices, axis=0).prod() > np.ptp(before.mesh.vertices, axis=0).prod()

    follow.show_at(150)  # along the timeline: the same shape, as it was
    shown.settle()
    assert shown.steps[-1] == 100
    assert np.array_equal(document.shown.mesh.vertices, before.mesh.vertices)
    follow.add_events([Saved(300, "x")])
    assert not follow.busy  # who looks back is not torn away
    follow.show_newest()
    shown.settle()
    assert shown.steps[-1] == 200
    assert follow.steps() == [100, 200]
    assert not shown.errors


def test_a_document_of_another_model_is_not_overwritten(shown, models, model):
    put(shown.follow.run, 100, models[0])
    other = Document(model)
    try:
        shown.follow.set_session(other.session)
        shown.follow.show_newest()
        shown.settle()
        assert other.session.model is model
        assert len(shown.documents) == 1
    finally:
        other.stop()


def test_nothing_to_show_and_damage_are_told_and_the_shape_stays(shown, models):
    run = shown.follow.run
    shown.follow.show_newest()
    shown.settle()
    put(run, 100, models[0])
    shown.follow.show_newest()
    shown.settle()
    put(run, 200, models[0][:-1])
    shown.follow.show_newest()
    shown.settle()
    assert [type(error) for error in shown.errors] == [RunError, ModelFileError]
    assert shown.steps == [100]
    assert shown.documents[0].session.model.name == "run, step 100"


def test_a_run_made_anew_with_other_classes_is_told(shown, models, tmp_path):
    run = shown.follow.run
    put(run, 100, models[0])
    shown.follow.show_newest()
    shown.settle()
    parts = model_file.read(resources() / "models" / "modelnet10" / "model.safetensors")
    classes = tuple(f"kind {i}" for i in range(len(parts.spec.classes)))
    spec = parts.spec.model_copy(update={"classes": classes})
    shutil.rmtree(run.timeline)
    put(run, 50, model_file.encode(spec, parts.networks, parts.density, parts.directions))
    shown.follow.show_newest()
    shown.settle()
    assert "open it as a new model" in str(shown.errors[0])
    assert shown.steps == [100]
