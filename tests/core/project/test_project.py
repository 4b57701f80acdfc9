"""Projects: save and load is the identity, and what is odd or missing is said."""

from __future__ import annotations

import copy
import json
import random
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from shapelab.core.errors import InputError
from shapelab.core.inputs.cutout_edit import Box, CutoutEdit
from shapelab.core.inputs.images import PreparedImage
from shapelab.core.inputs.reconstruct import ClassGuess, Reconstruction
from shapelab.core.model.camera import Camera
from shapelab.core.project import json_patch
from shapelab.core.project.originals import Original, read_original
from shapelab.core.project.project import (
    Project,
    ProjectEncoder,
    SessionPart,
    models_of,
    open_project,
)
from shapelab.core.project.project_file import StoredProject, read_project, write_project
from shapelab.core.project.view_state import ViewState, view_from_plain
from shapelab.core.session.session import Session
from shapelab.core.session.shape_file import ModelStamp
from tests.core.project.random_work import work
from tests.core.session.tiny_model import LATENT, Model

RESOLUTION = 8
VIEW = ViewState(azimuth=-31.5, distance=2.25, fitted=False, style="wireframe", morph_speed=2.0)


def models() -> dict[str, Any]:
    made = [Model("one", "d1"), Model("two", "d2")]
    for model in made:
        model.spec = SimpleNamespace(resolution=RESOLUTION)  # type: ignore[attr-defined]
    return {model.digest: model for model in made}


def original(seed: int, picture: bool = True) -> Original:
    rng = np.random.default_rng(seed)
    rgba = rng.integers(0, 256, (16, 16, 4), np.uint8)
    plain = PreparedImage(rgba, rgba[:9], "grabcut", rgba[..., :3], rgba[:9, :, 0], (640, 480))
    edit = CutoutEdit().with_step(Box(0.1, 0.2, 0.3, 0.4)).turned(1)
    prepared = replace(plain, rgba=rgba[::-1], method="corrected", edit=edit, found=plain)
    result = Reconstruction(
        rng.standard_normal(LATENT).astype(np.float32),
        rng.random((RESOLUTION,) * 3).astype(np.float32),
        "picture" if picture else "mesh",
        prepared if picture else None,
        None if picture else rng.random((RESOLUTION,) * 3) > 0.5,
        "chair",
        "The background was removed.",
        _fit(rng) if picture else None,
        2 if picture else 0,
        (ClassGuess("chair", 0.75), ClassGuess("bed", None)),
        "sofa",
        unknown=None if picture else rng.random((RESOLUTION,) * 3) > 0.5,
    )
    return Original(result, f"photo {seed}.png")


def _fit(rng: np.random.Generator) -> Any:
    from shapelab.core.model.silhouette_fit import Fit, Hypothesis

    cameras = tuple(Camera(*rng.random(4).tolist(), tuple(rng.random(3).tolist())) for _ in "12")
    latents = rng.standard_normal((3, LATENT)).astype(np.float32)
    found = tuple(Hypothesis(latent, cameras, 0.5, 2.25) for latent in latents)
    return Fit(found, 0.25, np.full(LATENT, 0.5, np.float32))


def tree(session: Session) -> dict[str, Any]:
    return json.loads(json.dumps(session.history_to_plain()))


def journey(session: Session) -> list[Any]:
    """All that undo and redo lead through."""
    found = []
    while session.undo_text:
        session.undo()
    while True:
        found.append((session.state, session.morph, session.surface, session.gallery))
        if not session.redo_text:
            break
        session.redo()
    return found


def project_of(*sessions: Session, shown: int = 0, originals: Any = ()) -> Project:
    last = sessions[-1]
    parts = tuple(
        SessionPart.of(session, originals, None if session is last else 0) for session in sessions
    )
    return Project(parts, shown, VIEW)


def test_after_any_work_save_and_load_is_the_identity(tmp_path: Path) -> None:
    path, known = tmp_path / "a.shapelab", models()
    for seed in range(4):
        rng = random.Random(seed)
        sessions = [Session(known["d1"], seed=1), Session(known["d2"], seed=2)]
        for _ in range(80):
            work(rng.choice(sessions), rng)
        pictures = [original(seed), original(seed + 1, picture=False)]
        before = project_of(*sessions, shown=seed % 2, originals=pictures)
        write_project(path, ProjectEncoder().stored(before), force=True)
        opened = open_project(read_project(path)[0], known, ViewState())
        assert (opened.shown, opened.view) == (seed % 2, VIEW)
        for old, new in zip(sessions, opened.sessions, strict=True):
            assert tree(new) == tree(old)
            assert new.locked == old.locked
            assert (new.state, new.morph, new.surface) == (old.state, old.morph, old.surface)
            assert new.gallery == old.gallery
            assert np.array_equal(new.latent, old.latent)
        assert opened.left == (0, None)
        parts = zip(opened.sessions, opened.originals, opened.left, strict=True)
        after = Project(tuple(SessionPart.of(*part) for part in parts), opened.shown, opened.view)
        again = ProjectEncoder().stored(after)
        assert again == read_project(path)[0], "nor does it change when it is saved again"
        for old, new in zip(sessions, opened.sessions, strict=True):
            assert journey(new) == journey(old)


def test_the_encoder_writes_the_same_as_a_fresh_one_and_patches_stay_short() -> None:
    rng, session = random.Random(5), Session(models()["d1"])  # type: ignore[arg-type]
    encoder, last, longest = ProjectEncoder(), None, 0
    for _ in range(120):
        work(session, rng)
        stored = encoder.stored(project_of(session))
        assert stored == ProjectEncoder().stored(project_of(session))
        kept = copy.deepcopy(stored.content)
        if last is not None:
            patch = json_patch.difference(last, stored.content)
            longest = max(longest, len(json.dumps(patch)))
        last = stored.content
        assert last == kept
    whole = len(json.dumps(last))
    assert longest < whole / 3


def test_same_work_sees_every_change_and_no_other() -> None:
    session = Session(models()["d1"])  # type: ignore[arg-type]
    first = project_of(session)
    looked_at = Project(first.sessions, 0, ViewState(azimuth=77.0))
    assert first.same_work(looked_at)
    assert first.same_work(project_of(session))
    session.set_coefficient(0, 1.5)
    session.finish_edit()
    second = project_of(session)
    assert not first.same_work(second)
    session.star_step(1, True)
    third = project_of(session)
    assert not second.same_work(third)
    session.set_locked(3, True)
    fourth = project_of(session)
    assert not third.same_work(fourth)
    session.undo()
    assert not fourth.same_work(project_of(session)), "another shape is shown"
    session.redo()
    assert fourth.same_work(project_of(session))
    assert not fourth.same_work(project_of(session, originals=[original(1)]))


def test_what_was_taken_stays_as_it_was_while_the_session_goes_on() -> None:
    session = Session(models()["d1"])  # type: ignore[arg-type]
    session.set_coefficient(0, 1.0)
    taken = project_of(session)
    before = ProjectEncoder().stored(taken)
    for seed in range(5):
        work(session, random.Random(seed))
    session.name_step(0, "named since")
    assert ProjectEncoder().stored(taken) == before


@pytest.mark.parametrize("picture", [True, False])
def test_originals_come_back_bit_for_bit(picture: bool) -> None:
    old = original(3, picture)
    new = read_original(old.data, LATENT, RESOLUTION)
    assert (new.name, new.digest, new.data) == (old.name, old.digest, old.data)
    mine, its = vars(old.result), vars(new.result)
    for name in ("latent", "occupancy", "voxels", "unknown"):
        assert np.array_equal(mine[name], its[name]), name
    assert picture or its["unknown"].any()
    for name in ("source_kind", "class_name", "note", "chosen", "guesses", "told_class"):
        assert mine[name] == its[name]
    if picture:
        used = old.result.prepared, new.result.prepared
        for a, b in (used, (used[0].found, used[1].found)):
            for name in ("rgba", "original", "scene", "mask"):
                assert np.array_equal(getattr(a, name), getattr(b, name)), name
            assert (a.method, a.full_size, a.edit) == (b.method, b.full_size, b.edit)
        assert used[1].found.found is None
        assert new.result.fit.before == 0.25
        assert (new.result.fit.variance == 0.5).all()
        for a, b in zip(old.result.fit.hypotheses, new.result.fit.hypotheses, strict=True):
            assert (a.cameras, a.overlap, a.energy) == (b.cameras, b.overlap, b.energy)
            assert np.array_equal(a.latent, b.latent)


def test_a_damaged_original_or_one_of_another_model_is_refused() -> None:
    data = original(3).data
    for odd in (b"", data[:-40], data[:500] + b"x" + data[501:]):
        with pytest.raises(InputError, match="picture in the project is damaged"):
            read_original(odd, LATENT, RESOLUTION)
    with pytest.raises(InputError, match="picture in the project is damaged"):
        read_original(data, LATENT + 1, RESOLUTION)
    with pytest.raises(InputError, match="picture in the project is damaged"):
        read_original(data, LATENT, 2 * RESOLUTION)


def stored() -> StoredProject:
    known = models()
    sessions = [Session(known["d1"]), Session(known["d2"])]
    return ProjectEncoder().stored(project_of(*sessions, shown=1, originals=[original(1)]))


def test_a_missing_model_is_named_and_the_shown_one_is_asked_for_first() -> None:
    found, known = stored(), models()
    assert models_of(found) == (ModelStamp("two", "d2"), ModelStamp("one", "d1"))
    del known["d1"]
    with pytest.raises(InputError, match=r"needs the model 'one' \(d1\)"):
        open_project(found, known, ViewState())


def odd(change: Any) -> StoredProject:
    found = stored()
    content = json.loads(json.dumps(found.content))
    change(content)
    return StoredProject(content, found.pictures)


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.pop("sessions"),
        lambda c: c.update(sessions=[]),
        lambda c: c.update(sessions=[7]),
        lambda c: c.update(sessions=c["sessions"] * 9),
        lambda c: c.update(shown=2),
        lambda c: c.update(shown=True),
        lambda c: c["sessions"][0].pop("history"),
        lambda c: c["sessions"][0].update(locked=[99]),
        lambda c: c["sessions"][0].update(locked=[True]),
        lambda c: c["sessions"][0].update(locked=7),
        lambda c: c["sessions"][0].update(gallery=None),
        lambda c: c["sessions"][0].update(left=None),
        lambda c: c["sessions"][0].update(originals=["0" * 64]),
        lambda c: c["sessions"][0].update(originals=["../../evil"]),
        lambda c: c["sessions"][0].update(originals=None),
    ],
)
def test_an_odd_project_is_refused_in_one_sentence(change: Any) -> None:
    with pytest.raises(InputError, match="damaged") as refused:
        open_project(odd(change), models(), ViewState())
    assert str(refused.value).endswith(".")


def test_an_odd_view_is_no_reason_to_refuse_a_project() -> None:
    views = [None, {"azimuth": float("nan"), "style": "../x", "grid": 1}, {"distance": 1e9}]
    usual = ViewState(azimuth=5.0, grid=False)
    for view in views:
        assert view_from_plain(view, usual) == usual
        assert open_project(odd(lambda c, view=view: c.update(view=view)), models(), usual)
    assert view_from_plain(json.loads(json.dumps(VIEW.to_plain())), usual) == VIEW
