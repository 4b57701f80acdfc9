"""What a session shows can be taken back, done again, revisited, saved and read, to the bit."""

from __future__ import annotations

import json
import random
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from shapelab.core.errors import InputError
from shapelab.core.mesh.meshing import SurfaceOptions
from shapelab.core.model.latent import DIRECTIONS
from shapelab.core.session.gallery import GalleryChange
from shapelab.core.session.session import Session
from shapelab.core.session.shape_state import ShapeState, plain_state
from shapelab.core.session.snapshot import Snapshot
from tests.core.session.tiny_model import CLASSES, LATENT, Breakable

COMMANDS = 5_000
LONG = 10_000  # steps
MOST_BYTES = 130e6  # of so many; 64 MB more are a thousand thumbnails, see thumbnails.py


@pytest.fixture
def model() -> Any:
    return Breakable()


@pytest.fixture
def session(model: Any) -> Session:
    return Session(model, seed=0)


def state_bits(state: ShapeState | None) -> tuple[Any, ...]:
    """By bits, unlike ==, for which -0.0 is 0.0."""
    if state is None:
        return ()
    arrays = state.base.tobytes(), state.coefficients.tobytes(), state.offsets.tobytes()
    return (*arrays, state.class_name, state.seed, state.truncation, state.origin)


def shown_bits(shown: Session | Snapshot) -> tuple[Any, ...]:
    morph = shown.morph
    keys = [state_bits(key) for key in (morph.a, *morph.between, morph.b)]
    return state_bits(shown.state), keys, morph.t, morph.mode, shown.surface


def bits(session: Session) -> tuple[Any, ...]:
    kept = [
        (each.id, each.name, each.star, each.surface, each.model, *state_bits(each.state))
        for each in session.gallery
    ]
    return (*shown_bits(session), kept)


def commands(rng: random.Random, session: Session) -> list[Callable[[], object]]:
    """All that a person can do to the document, with random values."""
    ids = [shape.id for shape in session.gallery]
    some = rng.sample(ids, rng.randint(0, len(ids)))
    noise = np.random.default_rng(rng.randrange(2**32))
    latent = noise.standard_normal(LATENT).astype(np.float32)
    drag = [rng.gauss(0, 1) for _ in range(rng.randint(1, 4))]
    at, raw = rng.randrange(DIRECTIONS), rng.randrange(LATENT)
    options = SurfaceOptions(
        rng.randint(1, 4), rng.randint(0, 50), rng.random() < 0.5, rng.choice([None, 0.3, 0.5])
    )
    several = [plain_state(latent * i, rng.choice(CLASSES), 0.8, f"{i}") for i in (1, 2, 3)]
    every = [
        lambda: session.set_class(rng.choice(CLASSES)),
        lambda: session.set_seed(rng.randrange(1000)),
        session.randomise,
        lambda: session.set_truncation(rng.choice([0.0, 0.3, 0.8, 2.0])),
        lambda: session.show(latent, "picture a.png", keep=rng.choice(["", "a"])),
        lambda: session.go_to(session.variations(rng.randrange(99), 0.4)[3], "variation"),
        lambda: [session.set_coefficient(at, value) for value in drag],
        lambda: [session.set_raw(raw, value) for value in (*drag, -0.0)],
        lambda: session.reset_direction(at),
        lambda: session.reset_raw(raw),
        session.reset_all,
        session.mend,
        session.finish_edit,
        lambda: session.set_locked(at, rng.random() < 0.5),
        session.pin_a,
        session.pin_b,
        lambda: session.morph_through(several),
        lambda: [session.set_morph(rng.random()) for _ in drag],
        lambda: session.set_morph_mode(rng.choice(["slerp", "lerp"])),
        lambda: setattr(session, "surface", options),
        session.keep,
        lambda: session.delete_kept(some[:2]),
        lambda: session.move_kept(some, rng.randint(0, len(ids))),
        lambda: session.star_kept(some, rng.random() < 0.5),
        session.undo,
        session.undo,
        session.redo,
    ]
    if ids:
        every += [
            lambda: session.rename_kept(rng.choice(ids), f"name {rng.randrange(99)}"),
            lambda: session.show_kept(rng.choice(ids)),
        ]
    return every


def saved_and_read(session: Session) -> Session:
    plain = json.loads(json.dumps(session.history_to_plain()))
    again = Session(session.model, seed=5)
    again.restore_history(plain, session.gallery)
    assert again.history_to_plain() == plain
    return again


def test_thousands_of_commands_can_be_taken_back_and_done_again_to_the_bit(model: Any) -> None:
    rng = random.Random(14)
    session = Session(model, seed=0)
    random.seed(14)  # for randomise
    for count in range(COMMANDS):
        rng.choice(commands(rng, session))()
        if count % 1000 == 500:
            before, session = bits(session), saved_and_read(session)
            assert bits(session) == before
    session.finish_edit()
    assert len(session.history) > COMMANDS / 3
    seen = [bits(session)]
    while session.undo_text:
        session.undo()
        seen.append(bits(session))
    assert len(seen) > COMMANDS / 20
    assert session.history.step.number == 0
    assert not len(session.gallery)
    for expected in reversed(seen[:-1]):
        session.redo()
        assert bits(session) == expected


def test_every_step_of_every_branch_can_be_returned_to_to_the_bit(model: Any) -> None:
    rng = random.Random(15)
    random.seed(15)
    session = Session(model, seed=0)
    made: dict[int, tuple[Any, ...]] = {}
    session.step_changed.connect(
        lambda number: (
            made.update({number: shown_bits(session)})
            if number in session.history
            else made.pop(number, None)
        )
    )
    for count in range(600):
        rng.choice(commands(rng, session))()
        if count % 7 == 0:
            numbers = [step.number for step in session.history]
            kept = session.gallery
            session.go_to_step(rng.choice(numbers))
            assert session.gallery == kept, "what was kept stays wherever one looks"
    session.finish_edit()
    session = saved_and_read(session)
    numbers = list(made)
    rng.shuffle(numbers)
    for number in numbers:
        session.go_to_step(number)
        assert shown_bits(session) == made[number]


def test_the_gallery_stays_while_another_branch_is_looked_at(session: Session) -> None:
    session.set_seed(1)
    kept = session.keep("one")
    session.go_to_step(0)
    session.set_seed(2)
    session.keep("two")
    assert [shape.name for shape in session.gallery] == ["one", "two"]
    session.undo()
    assert [shape.name for shape in session.gallery] == ["one"]
    session.go_to_step(2)
    session.undo()
    assert not len(session.gallery)
    session.redo()
    assert [shape.id for shape in session.gallery] == [kept.id]


def test_a_change_of_the_gallery_is_exact_where_nothing_else_happened(session: Session) -> None:
    for seed in range(4):
        session.set_seed(seed)
        session.keep(str(seed))
    before = session.gallery
    ids = [shape.id for shape in before]
    after = before.without(ids[:1]).renamed(ids[2], "new").moved(ids[3:], 0)
    change = GalleryChange.between(before, after)
    assert change.applied(before) == after
    assert change.inverse().applied(after) == before
    elsewhere = before.without([ids[3]])
    assert [shape.name for shape in change.applied(elsewhere)] == ["1", "new"]


def test_a_step_is_named_and_starred_and_told_of(session: Session) -> None:
    heard: list[int] = []
    session.step_changed.connect(heard.append)
    session.set_seed(4)
    session.name_step(1, "mine")
    session.name_step(1, "mine")
    session.star_step(0, True)
    assert heard == [1, 1, 0]
    assert (session.history[1].name, session.history[0].starred) == ("mine", True)
    assert session.undo_text == "seed 4", "a name is no step"
    for act in (session.go_to_step, lambda n: session.name_step(n, "x")):
        with pytest.raises(InputError, match="no step 9"):
            act(9)


def test_restoring_tells_of_what_changed(session: Session, model: Any) -> None:
    session.set_seed(4)
    session.pin_a()
    kept = session.keep()
    plain = session.history_to_plain()
    other = Session(model, seed=8)
    log: list[str] = []
    other.shape_changed.connect(lambda _: log.append("shape"))
    other.morph_changed.connect(lambda _: log.append("morph"))
    other.gallery_changed.connect(lambda _: log.append("gallery"))
    other.restore_history(plain, session.gallery)
    assert log == ["shape", "morph", "gallery"]
    assert other.gallery.shapes == (kept,)
    assert other.undo_text == session.undo_text


@pytest.mark.parametrize(
    "spoil",
    [
        lambda steps: steps[0]["value"].pop("state"),
        lambda steps: steps[0].update(value=None),
        lambda steps: steps[0]["value"].update(state=[]),
        lambda steps: steps[0]["value"]["state"].pop("seed"),
        lambda steps: steps[0]["value"]["state"].update(base="****"),
        lambda steps: steps[0]["value"]["state"].update(base="AAAA"),
        lambda steps: steps[0]["value"]["state"].update(base=""),
        lambda steps: steps[0]["value"]["state"].update(base=7),
        lambda steps: steps[0]["value"]["state"].update({"class": "spoon"}),
        lambda steps: steps[0]["value"].update(surface={}),
        lambda steps: steps[1]["value"].update(morph=None),
        lambda steps: steps[1]["value"]["morph"].update(t=2),
        lambda steps: steps[1]["value"]["morph"].update(t=float("nan")),
        lambda steps: steps[1]["value"]["morph"].update(mode=[]),
        lambda steps: steps[1]["value"]["morph"].update(a=3),
        lambda steps: steps[1]["value"]["morph"].update(between={}),
        lambda steps: steps[2]["value"].update(kept=None),
        lambda steps: steps[2]["value"]["kept"].update(before="x"),
        lambda steps: steps[2]["value"]["kept"].update(after=["../x"]),
        lambda steps: steps[2]["value"]["kept"].pop("came"),
    ],
)
def test_a_damaged_history_is_refused_and_nothing_changes(
    session: Session, spoil: Callable[[Any], object]
) -> None:
    session.pin_a()
    session.keep()
    plain = json.loads(json.dumps(session.history_to_plain()))
    spoil(plain["steps"])
    before, history = bits(session), session.history
    with pytest.raises(InputError) as caught:
        session.restore_history(plain, session.gallery)
    assert str(caught.value).endswith(".")
    assert bits(session) == before
    assert session.history is history


def test_ten_thousand_steps_fit_into_memory() -> None:
    wide = 1024  # numbers, the most that a latent may have
    session = Session(Breakable(latent_size=wide), seed=0)  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    tracemalloc.start()
    try:
        for count in range(LONG):  # the largest kind of step: all numbers are new
            latent = rng.standard_normal(wide).astype(np.float32)
            session.go_to(plain_state(latent, "chair", 0.8, f"{count}"), f"step {count}")
        used, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(session.history) == LONG + 1
    assert used < MOST_BYTES
