"""Session: signals, undo, sliders, morph, saved shapes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shapelab.core.errors import InputError
from shapelab.core.mesh.meshing import AUTOMATIC, SurfaceOptions
from shapelab.core.model.latent import (
    DIRECTIONS,
    lerp,
    slerp,
)
from shapelab.core.session.session import Session
from shapelab.core.session.shape_file import SavedShape, read_shape, write_shape
from shapelab.core.session.shape_sources import named_shape
from shapelab.core.session.shape_state import Morph, ShapeState, plain_state
from shapelab.core.session.undoable import ChangeSignal
from tests.core.session.tiny_model import LATENT, Model


@pytest.fixture
def model() -> Any:
    return Model()


@pytest.fixture
def session(model: Any) -> Session:
    return Session(model, seed=0)


class Heard:
    """Counts and keeps what signals told."""

    def __init__(self, session: Session) -> None:
        self.log: list[str] = []
        session.shape_changed.connect(lambda _: self.log.append("shape"))
        session.surface_changed.connect(lambda _: self.log.append("surface"))
        session.morph_changed.connect(lambda _: self.log.append("morph"))
        session.locked_changed.connect(lambda _: self.log.append("locked"))
        session.gallery_changed.connect(lambda _: self.log.append("gallery"))
        session.history_changed.connect(lambda: self.log.append("history"))

    def news(self) -> list[str]:
        taken, self.log = self.log, []
        return taken


def test_a_signal_tells_in_order_and_disconnects() -> None:
    signal: ChangeSignal[[int]] = ChangeSignal()
    heard: list[tuple[str, int]] = []
    first = signal.connect(lambda value: heard.append(("a", value)))
    signal.connect(lambda value: heard.append(("b", value)))
    signal(1)
    first()
    first()  # harmless when repeated
    signal(2)
    assert heard == [("a", 1), ("b", 1), ("b", 2)]


def test_a_listener_may_disconnect_itself_without_silencing_the_next() -> None:
    signal: ChangeSignal[[]] = ChangeSignal()
    heard: list[str] = []
    disconnect: list[Callable[[], None]] = []

    def once() -> None:
        heard.append("once")
        disconnect[0]()

    disconnect.append(signal.connect(once))
    signal.connect(lambda: heard.append("always"))
    signal()
    signal()
    assert heard == ["once", "always", "always"]


def test_starts_with_the_chair_of_its_seed(session: Session, model: Any) -> None:
    assert session.state.class_name == "chair"
    assert session.state.origin == "chair, seed 0"
    np.testing.assert_array_equal(session.latent, model.sample("chair", 0, 1, 0.8)[0])
    assert not session.undo_text
    assert not session.redo_text


def test_latent_is_base_plus_directions_plus_offsets(session: Session, model: Any) -> None:
    base = session.state.base
    session.set_coefficient(2, 1.5)
    session.set_coefficient(5, -2.0)
    moved = base + 1.5 * model.directions.of("chair")[2] - 2 * model.directions.of("chair")[5]
    np.testing.assert_allclose(session.latent, moved, atol=1e-5)
    session.set_raw(3, 9.0)
    moved[3] = 9.0
    np.testing.assert_allclose(session.latent, moved, atol=1e-5)
    assert session.latent.dtype == np.float32


def test_states_cannot_be_changed_behind_the_sessions_back(session: Session) -> None:
    latent = np.zeros(LATENT, np.float32)
    session.show(latent, "mine", "bed")
    latent[0] = 5
    assert session.state.base[0] == 0
    with pytest.raises(ValueError, match="read-only"):
        session.state.base[0] = 1


def test_tells_only_of_changes(session: Session) -> None:
    heard = Heard(session)
    session.set_coefficient(0, 1.0)
    assert heard.news() == ["shape", "history"]
    session.set_coefficient(0, 1.0)
    session.set_class("chair")
    session.set_seed(0)
    session.set_truncation(0.8)
    session.surface = AUTOMATIC
    session.set_locked(3, False)
    session.finish_edit()
    session.redo()
    assert heard.news() == []
    session.surface = SurfaceOptions(resolution=2)
    assert heard.news() == ["surface", "history"]
    session.set_locked(3, True)
    assert heard.news() == ["locked"]


def test_one_drag_is_one_undo_step(session: Session) -> None:
    start = session.state
    for sigma in np.linspace(0.1, 2, 20):
        session.set_coefficient(4, float(sigma))
    session.finish_edit()
    session.set_coefficient(4, 3.0)
    assert session.undo_text == "direction 5"
    session.undo()
    assert session.state.coefficients[4] == 2.0
    session.undo()
    assert session.state == start
    assert not session.undo_text
    assert session.redo_text == "direction 5"
    session.redo()
    session.redo()
    assert session.state.coefficients[4] == 3.0
    assert not session.redo_text


def test_drag_back_to_the_start_leaves_no_step(session: Session) -> None:
    session.set_coefficient(0, 1.0)
    session.set_coefficient(0, 0.0)
    session.finish_edit()
    assert not session.undo_text


def test_drags_of_two_sliders_are_two_steps_and_a_new_change_forgets_redo(
    session: Session,
) -> None:
    session.set_coefficient(0, 1.0)
    session.set_coefficient(1, 1.0)
    session.undo()
    np.testing.assert_array_equal(session.state.coefficients[:2], [1, 0])
    session.set_seed(9)
    assert not session.redo_text
    session.undo()
    assert session.state.coefficients[0] == 1


def test_a_drag_after_undo_does_not_join_the_step_before(session: Session) -> None:
    session.set_coefficient(0, 1.0)
    session.finish_edit()
    session.set_coefficient(0, 2.0)
    session.undo()
    session.set_coefficient(0, 3.0)
    session.undo()
    assert session.state.coefficients[0] == 1.0


def test_undo_and_redo_tell_exactly_what_changed(session: Session) -> None:
    session.set_coefficient(0, 1.0)
    session.surface = SurfaceOptions(smoothing=3)
    heard = Heard(session)
    session.undo()
    assert heard.news() == ["surface", "history"]
    session.undo()
    assert heard.news() == ["shape", "history"]
    session.undo()
    assert heard.news() == []


def test_every_kind_of_change_can_be_undone_to_the_bit(session: Session) -> None:
    changes: list[Callable[[], object]] = [
        lambda: session.set_class("sofa"),
        lambda: session.set_seed(11),
        session.randomise,
        lambda: session.set_truncation(0.3),
        lambda: session.set_coefficient(1, 2.0),
        lambda: session.set_raw(0, -3.0),
        lambda: session.reset_direction(1),
        lambda: session.reset_raw(0),
        lambda: session.set_coefficient(2, 1.0),
        session.reset_all,
        session.pin_a,
        lambda: session.set_seed(12),
        session.pin_b,
        lambda: session.set_morph(0.25),
        lambda: session.set_morph_mode("lerp"),
        lambda: session.show(np.ones(LATENT, np.float32), "picture a.png"),
        lambda: setattr(session, "surface", SurfaceOptions(level=0.3, largest_part=False)),
    ]
    seen = [(session.state, session.morph, session.surface)]
    for change in changes:
        change()
        assert session.undo_text
        seen.append((session.state, session.morph, session.surface))
    for expected in reversed(seen[:-1]):
        session.undo()
        assert (session.state, session.morph, session.surface) == expected
    for expected in seen[1:]:
        session.redo()
        assert (session.state, session.morph, session.surface) == expected


def test_randomise_keeps_locked_directions_and_frees_the_rest(session: Session) -> None:
    session.set_coefficient(1, 1.5)
    session.set_coefficient(2, -1.0)
    session.set_raw(0, 4.0)
    session.set_locked(1, True)
    seed = session.state.seed
    session.randomise()
    assert session.state.seed != seed
    draw = session.draw()
    session.accept(draw, draw.best())
    assert session.state.seed == draw.first + 2
    session.accept(draw, draw.first)
    session.set_class("bed" if session.state.class_name != "bed" else "chair")
    seed = session.state.seed
    session.accept(draw, draw.best())  # found too late
    assert session.state.seed == seed
    session.undo()
    expected = np.zeros(DIRECTIONS, np.float32)
    expected[1] = 1.5
    np.testing.assert_array_equal(session.state.coefficients, expected)
    assert not session.state.offsets.any()
    session.reset_all()
    assert session.state.coefficients[1] == 1.5
    session.set_locked(1, False)
    session.reset_all()
    assert not session.state.coefficients.any()


def test_a_new_class_keeps_the_seed(session: Session, model: Any) -> None:
    session.set_seed(5)
    session.set_class("bed")
    np.testing.assert_array_equal(session.latent, model.sample("bed", 5, 1, 0.8)[0])
    assert session.state.origin == "bed, seed 5"


def test_truncation_moves_samples_but_not_pictures(session: Session, model: Any) -> None:
    session.set_coefficient(0, 1.0)
    session.set_truncation(0.0)
    moved = model.density.means[1] + model.directions.of("chair")[0]
    np.testing.assert_allclose(session.latent, moved, atol=1e-6)
    picture = np.linspace(-1, 1, LATENT).astype(np.float32)
    session.show(picture, "picture chair.png", "chair")
    session.set_truncation(0.5)
    np.testing.assert_array_equal(session.latent, picture)
    session.set_seed(3)
    np.testing.assert_array_equal(session.latent, model.sample("chair", 3, 1, 0.5)[0])


def test_show_is_exact_and_finds_the_class(session: Session, model: Any) -> None:
    session.set_coefficient(0, 1.0)
    session.show(model.density.means[2] + 0.01, "mesh sofa.obj")
    np.testing.assert_array_equal(session.latent, model.density.means[2] + np.float32(0.01))
    assert session.state.class_name == "sofa"
    assert session.state.seed is None
    assert session.state.origin == "mesh sofa.obj"
    assert session.undo_text == "mesh sofa.obj"


@pytest.mark.parametrize(
    "act",
    [
        lambda s: s.set_class("spoon"),
        lambda s: s.set_seed(-1),
        lambda s: s.set_truncation(-0.1),
        lambda s: s.set_truncation(float("nan")),
        lambda s: s.set_coefficient(0, float("nan")),
        lambda s: s.set_raw(0, float("inf")),
        lambda s: s.show(np.zeros(LATENT + 1, np.float32), "x"),
        lambda s: s.show(np.full(LATENT, np.nan, np.float32), "x"),
        lambda s: s.set_morph_mode("spiral"),
    ],
)
def test_refuses_in_one_sentence_and_stays_as_it_was(
    session: Session, act: Callable[[Session], None]
) -> None:
    before, heard = session.state, Heard(session)
    with pytest.raises(InputError) as caught:
        act(session)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)
    assert session.state == before
    assert heard.news() == []


def test_morph_follows_the_path_and_ends_exactly(session: Session) -> None:
    session.set_coefficient(0, 1.0)
    a = session.state
    session.pin_a()
    session.set_class("sofa")
    b = session.state
    session.pin_b()
    latent_a, latent_b = a.latent(session.model), b.latent(session.model)
    session.set_morph(0.25)
    np.testing.assert_array_equal(session.latent, slerp(latent_a, latent_b, 0.25))
    assert session.state.class_name == "chair"
    assert session.state.origin == "morph 25% from chair, seed 0 to sofa, seed 0"
    session.set_morph_mode("lerp")
    np.testing.assert_array_equal(session.latent, lerp(latent_a, latent_b, 0.25))
    session.set_morph(0.75)
    assert session.state.class_name == "sofa"
    session.set_morph(0)
    assert session.state == a
    session.set_morph(7)
    assert session.morph.t == 1
    assert session.state == b


def test_morph_play_is_one_undo_step(session: Session) -> None:
    session.pin_a()
    session.set_seed(1)
    session.pin_b()
    for t in np.linspace(0, 1, 30):
        session.set_morph(float(t))
    session.set_morph(0.5)
    session.finish_edit()
    session.undo()
    assert session.state.origin == "chair, seed 1"
    assert session.morph.t == 1


def test_morph_with_one_end_only_leaves_the_shape(session: Session) -> None:
    before = session.state
    session.pin_a()
    session.set_morph(0.5)
    assert session.state == before
    assert session.morph.t == 0.5


def test_path_mode_does_not_pull_back_a_shape_that_left_the_path(session: Session) -> None:
    session.pin_a()
    session.set_seed(1)
    session.pin_b()
    session.set_morph(0.5)
    session.set_seed(2)
    elsewhere = session.state
    session.set_morph_mode("lerp")
    assert session.state == elsewhere
    assert session.morph.mode == "lerp"


def test_saved_shape_round_trip_is_exact(session: Session, model: Any, tmp_path: Path) -> None:
    path = tmp_path / "mine.shape.json"
    session.set_coefficient(3, 0.7)
    session.set_raw(0, np.pi)
    for level in (None, 0.35):
        session.surface = SurfaceOptions(2, 7, False, level)
        session.save(path, force=True)
        other = Session(model, seed=5)
        before = other.state
        other.open(path)
        assert (other.state, other.surface) == (session.state, session.surface)
        assert other.undo_text == "open mine.shape.json"
        assert named_shape(model, str(path)) == session.state
        other.undo()  # shape and surface are one step
        assert (other.state, other.surface) == (before, AUTOMATIC)


def test_a_saved_shape_is_laid_out_for_ever(model: Any, tmp_path: Path) -> None:
    """Such files lie on people's disks: this text must be written, and read, as it is."""
    base = np.arange(LATENT, dtype=np.float32) / 4
    state = replace(plain_state(base, "sofa", 0.5, "picture sofa.png"), seed=7)
    path = tmp_path / "golden.shape.json"
    write_shape(path, state, model, SurfaceOptions(level=None))
    zeros = ["0.0"] * LATENT
    lists = {
        "base": [str(i / 4) for i in range(LATENT)],
        "coefficients": zeros[:DIRECTIONS],
        "offsets": zeros,
    }
    rows = {name: ",\n   ".join(numbers) for name, numbers in lists.items()}
    golden = (
        '{\n "format": "shapelab-shape",\n "version": 2,\n'
        ' "model": {\n  "name": "tiny",\n  "digest": "abc"\n },\n'
        ' "shape": {\n  "class": "sofa",\n  "seed": 7,\n  "truncation": 0.5,\n'
        '  "origin": "picture sofa.png",\n'
        + ",\n".join(f'  "{name}": [\n   {numbers}\n  ]' for name, numbers in rows.items())
        + '\n },\n "surface": {\n  "resolution": 1,\n  "smoothing": 10,\n'
        + '  "largest_part": true,\n  "level": "auto"\n }\n}'
    )
    assert path.read_text("utf-8") == golden
    assert read_shape(path, model) == SavedShape(state, AUTOMATIC)
    first = golden[: golden.index(',\n "surface"')].replace('"version": 2', '"version": 1') + "\n}"
    path.write_text(first, "utf-8")  # as version 1 was written: it says nothing of the surface
    assert read_shape(path, model) == SavedShape(state)


def _saved(session: Session, path: Path, **changes: Any) -> None:
    write_shape(path, session.state, session.model, session.surface)
    document = json.loads(path.read_text())
    document["shape"] |= changes.pop("shape", {})
    path.write_text(json.dumps(document | changes))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": 3}, "newer ShapeLab"),
        ({"surface": None}, "damaged"),
        (
            {"surface": {"resolution": 9, "smoothing": 1, "largest_part": True, "level": 0.5}},
            "damaged",
        ),
        (
            {"surface": {"resolution": 1, "smoothing": 1, "largest_part": "no", "level": 0.5}},
            "damaged",
        ),
        ({"version": "1"}, "damaged"),
        ({"format": "something"}, "no shape"),
        ({"model": {"name": "other", "digest": "x"}}, "another model .'other'"),
        ({"model": None}, "another model"),
        ({"shape": {"base": [0.0] * 3}}, "latent size"),
        ({"shape": {"base": "zero"}}, "damaged"),
        ({"shape": {"base": [float("nan")] * LATENT}}, "impossible numbers"),
        ({"shape": {"base": [1e300] * LATENT}}, "impossible numbers"),
        ({"shape": {"seed": -4}}, "impossible numbers"),
        ({"shape": {"seed": "x"}}, "damaged"),
        ({"shape": {"class": "spoon"}}, "no class 'spoon'"),
        ({"shape": {"truncation": float("inf")}}, "impossible numbers"),
    ],
)
def test_odd_saved_shapes_get_one_sentence(
    session: Session, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    path = tmp_path / "odd.shape.json"
    _saved(session, path, **changes)
    with pytest.raises(InputError, match=said) as caught:
        read_shape(path, session.model)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"\xff\xfe\x00", b"[" * 200_000])
def test_no_json_at_all_gets_one_sentence(session: Session, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "odd.shape.json"
    path.write_bytes(data)
    with pytest.raises(InputError, match="no shape saved by ShapeLab"):
        session.open(path)


def test_missing_and_huge_files_get_one_sentence(session: Session, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        session.open(tmp_path / "none.shape.json")
    huge = tmp_path / "huge.shape.json"
    with huge.open("wb") as file:
        file.truncate(5 * 1024**2)
    with pytest.raises(InputError, match="larger than"):
        session.open(huge)


def test_sources_name_seeds_classes_and_say_what_is_none(model: Any) -> None:
    assert named_shape(model, "chair:7").origin == "chair, seed 7"
    assert named_shape(model, "7").seed == 7
    with pytest.raises(InputError, match="no class 'spoon'"):
        named_shape(model, "spoon:7")
    for text in ("spoon", "", "-3", "chair:", "chair:x", "no/such.png"):
        with pytest.raises(InputError, match="no file and no seed"):
            named_shape(model, text)


def test_states_compare_by_value(session: Session) -> None:
    state = session.state
    twin = ShapeState(
        state.base.copy(),
        state.coefficients,
        state.offsets,
        state.class_name,
        state.seed,
        state.truncation,
        state.origin,
    )
    assert twin == state
    assert Morph(a=twin) == Morph(a=state)
    assert state != "chair"


def test_a_session_opens_with_the_seed_that_the_model_recommends(model):
    first = Session(model).state
    assert first.seed == model.first_seed(first.class_name)
    assert Session(model, seed=3).state.seed == 3


# --- another stage of the model ---


@pytest.fixture
def later(model: Any) -> Any:
    """The same model with other directions and another density, as training would leave it."""
    directions = replace(model.directions, vectors=model.directions.vectors[:, ::-1])
    density = replace(model.density, means=model.density.means + 1)
    return Model("later", "def", density=density, directions=directions)


def test_another_model_keeps_latents_sliders_and_history(session: Session, later: Any) -> None:
    session.set_coefficient(2, 1.5)
    session.finish_edit()
    session.set_raw(5, 0.25)
    session.finish_edit()
    session.pin_a()
    session.set_seed(9)
    session.undo()
    latent, sliders = session.latent, session.state.coefficients
    pinned = session.morph.a.latent(session.model)
    texts = session.undo_text, session.redo_text
    heard, told = Heard(session), []
    session.model_changed.connect(told.append)
    session.replace_model(later)
    assert told == [later]
    assert heard.news() == ["morph"]  # only the pictures of the pins
    assert session.model is later
    np.testing.assert_allclose(session.latent, latent, atol=1e-5)
    np.testing.assert_allclose(session.morph.a.latent(later), pinned, atol=1e-5)
    np.testing.assert_array_equal(session.state.coefficients, sliders)
    assert (session.undo_text, session.redo_text) == texts
    for _ in range(3):
        session.undo()
    assert not session.undo_text
    np.testing.assert_allclose(session.latent, Model().sample("chair", 0, 1, 0.8)[0])
    session.redo()
    assert session.state.coefficients[2] == 1.5
    session.set_seed(3)  # from now on seeds are the new model's
    np.testing.assert_array_equal(session.latent, later.sample("chair", 3, 1, 0.8)[0])


@pytest.mark.parametrize("changed", [{"latent_size": 64}, {"classes": ("cat", "dog")}])
def test_a_model_of_another_kind_is_refused_and_nothing_changes(
    session: Session, model: Any, later: Any, changed: dict[str, Any]
) -> None:
    before = session.state, session.morph, session.locked
    with pytest.raises(InputError, match=r"later .* open it as a new model"):
        session.replace_model(replace(later, **changed))
    assert session.model is model
    assert (session.state, session.morph, session.locked) == before


# --- a path through keyframes ------------------------------------------------------------------


def test_a_path_goes_through_all_keyframes_at_equal_distances(session, model):
    keys = []
    for seed in (3, 8, 21, 34):
        session.set_seed(seed)
        keys.append(session.state)
    before = len(session.history)
    session.morph_through(keys)
    assert len(session.history) == before + 1
    assert session.state == keys[0]
    for k, key in enumerate(keys):
        session.set_morph(k / 3)
        assert session.state == key
    session.set_morph(0.5)  # halfway on the second leg of three
    half = Morph(keys[1], keys[2], 0.5).state(model)
    np.testing.assert_allclose(session.state.base, half.base, atol=1e-5)
    assert session.state.origin == half.origin
    session.pin_b()  # another end: a plain path again
    assert session.morph.between == ()
    session.undo()
    assert len(session.morph.between) == 2


def test_a_path_needs_two_shapes_that_fit(session):
    with pytest.raises(InputError, match="two shapes or more"):
        session.morph_through([session.state])
    odd = plain_state(np.zeros(3, np.float32), "bed", 0.8, "elsewhere")
    with pytest.raises(InputError, match="does not fit"):
        session.morph_through([session.state, odd])
    assert len(session.history) == 1
