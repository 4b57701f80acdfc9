"""The gallery: a value in the history, and plain data that believes nothing."""

from __future__ import annotations

import copy
import json
import random
from dataclasses import replace

import numpy as np
import pytest

from shapelab.core.errors import InputError
from shapelab.core.mesh.meshing import SurfaceOptions
from shapelab.core.session import gallery as galleries
from shapelab.core.session.gallery import Gallery, gallery_from_plain, gallery_to_plain
from shapelab.core.session.session import Session
from tests.core.session.tiny_model import Model


@pytest.fixture
def session():
    return Session(Model())


def keep_some(session, count):
    """Keeps the shapes of a few seeds and gives their ids, in order."""
    ids = []
    for seed in range(20, 20 + count):
        session.set_seed(seed)
        ids.append(session.keep().id)
    return ids


def ids_of(gallery):
    return [shape.id for shape in gallery]


def test_keeping_is_a_step_that_undo_takes_back(session):
    heard = []
    session.gallery_changed.connect(heard.append)
    session.set_seed(3)
    session.surface = SurfaceOptions(resolution=2, level=0.3)
    kept = session.keep()
    assert (kept.name, kept.star) == ("Chair, seed 3", False)
    assert (kept.state, kept.surface) == (session.state, session.surface)
    assert kept.model.digest == session.model.digest
    assert session.undo_text == "keep Chair, seed 3"
    shown = session.state
    session.undo()
    assert (list(session.gallery), session.state) == ([], shown)
    session.redo()
    assert session.gallery.shapes == (kept,)
    assert [len(gallery) for gallery in heard] == [1, 0, 1]


def test_a_shape_is_kept_once(session):
    kept = session.keep()
    before = len(session.history)
    assert session.keep("again") is kept
    assert len(session.history) == before
    session.surface = replace(session.surface, smoothing=0)  # looks different: another shape
    assert session.keep().id != kept.id


def test_showing_a_kept_shape_is_one_step_for_shape_and_surface(session):
    session.surface = SurfaceOptions(resolution=3)
    kept = session.keep()
    session.surface = SurfaceOptions(resolution=1)
    session.finish_edit()
    session.set_seed(9)
    before = len(session.history)
    session.show_kept(kept.id)
    assert len(session.history) == before + 1
    assert (session.state, session.surface) == (kept.state, kept.surface)
    session.undo()
    assert (session.state.seed, session.surface.resolution) == (9, 1)


@pytest.mark.parametrize(
    ("chosen", "place", "expected"),
    [
        ("a", 0, "abcde"),
        ("a", 1, "abcde"),
        ("a", 2, "bacde"),
        ("e", 0, "eabcd"),
        ("bd", 0, "bdace"),
        ("bd", 5, "acebd"),
        ("bd", 3, "acbde"),
        ("db", 2, "abdce"),
        ("ae", 3, "bcaed"),
        ("b", 99, "acdeb"),
        ("b", -4, "bacde"),
        ("", 2, "abcde"),
    ],
)
def test_moving_puts_the_chosen_together_before_what_is_there(session, chosen, place, expected):
    letters = dict(zip("abcde", keep_some(session, 5), strict=True))
    session.move_kept([letters[letter] for letter in chosen], place)
    assert ids_of(session.gallery) == [letters[letter] for letter in expected]


def test_deleting_several_is_undone_at_once_to_their_places(session):
    ids = keep_some(session, 5)
    before = session.gallery
    session.delete_kept([ids[3], ids[1], "no such id"])
    assert ids_of(session.gallery) == [ids[0], ids[2], ids[4]]
    assert session.undo_text == "delete 2 shapes"
    session.undo()
    assert session.gallery == before


def test_names_and_stars(session):
    first, second = keep_some(session, 2)
    session.rename_kept(first, "  my\n chair\t two  ")
    assert session.gallery.find(first).name == "my chair two"
    session.rename_kept(first, "x" * 500)
    assert len(session.gallery.find(first).name) == galleries.MOST_LETTERS
    with pytest.raises(InputError, match="needs a name"):
        session.rename_kept(first, " \n")
    session.star_kept([first, second], True)
    assert [shape.star for shape in session.gallery] == [True, True]
    session.star_kept([second], False)
    assert [shape.star for shape in session.gallery] == [True, False]
    assert session.undo_text == "unstar Chair, seed 21"
    before = len(session.history)
    session.star_kept([second], False)  # changes nothing: no step
    assert len(session.history) == before


def test_a_shape_of_another_model_is_refused_by_name(session):
    kept = session.keep()
    other = Session(Model(name="other", digest="def"))
    other.take_gallery(session.gallery)
    with pytest.raises(InputError, match=r"another model \('tiny'\) than other"):
        other.show_kept(kept.id)
    with pytest.raises(InputError, match="no more"):
        other.show_kept("0" * 12)


def test_a_full_gallery_says_so_and_keeps_what_it_has(session, monkeypatch):
    monkeypatch.setattr(galleries, "MOST_KEPT", 3)
    ids = keep_some(session, 3)
    session.set_seed(99)
    with pytest.raises(InputError, match="up to 3 shapes"):
        session.keep()
    assert ids_of(session.gallery) == ids


def test_another_stage_of_the_model_carries_its_own_shapes_alone(session):
    session.set_coefficient(0, 1.5)
    mine = session.keep()
    theirs = replace(mine, id="0" * 12, model=replace(mine.model, digest="zzz"))
    session.keep_all([theirs])
    old, new = session.model, Model(name="later", digest="def")
    new.directions.vectors[:] *= 2
    session.replace_model(new)
    carried, untouched = session.gallery
    np.testing.assert_allclose(carried.state.latent(new), mine.state.latent(old), atol=1e-5)
    assert (carried.model.name, carried.model.digest) == ("later", "def")
    assert untouched == theirs


def test_random_commands_are_undone_and_redone_to_the_bit(session):
    rng = random.Random(5)
    for _ in range(300):
        ids = [*ids_of(session.gallery), "0" * 12]
        some = rng.sample(ids, rng.randrange(len(ids)) + 1)
        rng.choice(
            [
                session.keep,
                lambda: session.set_seed(rng.randrange(1000)),
                lambda some=some: session.delete_kept(some[:1]),
                lambda some=some: session.move_kept(some, rng.randrange(-1, 9)),
                lambda some=some: session.star_kept(some, rng.random() < 0.5),
                lambda some=some: session.rename_kept(some[0], f"name {rng.random()}"),
            ]
        )()
    end = session.gallery, session.state
    steps = []
    while session.undo_text:
        steps.append(session.gallery)
        session.undo()
    assert not len(session.gallery)
    while session.redo_text:
        session.redo()
        assert session.gallery == steps.pop()
    assert (session.gallery, session.state) == end


def test_plain_data_come_back_to_the_bit(session):
    ids = keep_some(session, 4)
    session.set_raw(2, 0.1)
    session.keep("ünïcode ☃")
    session.star_kept(ids[:2], True)
    text = json.dumps(gallery_to_plain(session.gallery))
    assert gallery_from_plain(json.loads(text)) == session.gallery
    assert gallery_from_plain([]) == Gallery()


def damaged():
    session = Session(Model())
    keep_some(session, 2)
    good = gallery_to_plain(session.gallery)
    yield from (None, {}, "gallery", 7, [None], [[]], [{}], ["x"])
    for key in ("id", "name", "star", "shape", "surface"):
        for odd in (None, 3.5, [], {}, "", {"base": "x"}):
            bad = copy.deepcopy(good)
            bad[1][key] = odd
            yield bad
        bad = copy.deepcopy(good)
        del bad[1][key]
        yield bad
    for key, odd in (
        ("base", [[1.0]]),
        ("base", [1e999]),
        ("base", [float("nan")]),
        ("offsets", ["a"]),
        ("seed", -1),
        ("truncation", float("inf")),
        ("coefficients", 1.0),
    ):
        bad = copy.deepcopy(good)
        bad[0]["shape"][key] = odd
        yield bad
    twice = copy.deepcopy(good)
    twice[1]["id"] = twice[0]["id"]
    yield twice
    for number in ("../../etc/pw", "A" * 12, "0" * 13, "0" * 12 + "\n"):
        bad = copy.deepcopy(good)
        bad[0]["id"] = number
        yield bad


@pytest.mark.parametrize("data", list(damaged()))
def test_odd_data_are_one_sentence(data):
    with pytest.raises(InputError) as caught:
        gallery_from_plain(data)
    assert str(caught.value).count(".") == 1


def test_another_session_goes_on_with_the_gallery(session):
    kept = session.keep()
    fresh, used = Session(Model(digest="def")), Session(Model(digest="ghi"))
    used.set_seed(5)
    for other in (fresh, used):
        other.take_gallery(session.gallery)
        assert other.gallery.shapes == (kept,)
    assert fresh.undo_text == ""
    assert used.undo_text == "keep shapes"
    used.undo()
    assert not len(used.gallery)


def test_what_is_opened_among_others_is_kept_in_the_same_step(session, tmp_path):
    latent = np.arange(16, dtype=np.float32)
    session.show(latent, "picture a.png", "bed", keep="a.png")
    assert len(session.history) == 2
    assert [shape.name for shape in session.gallery] == ["a.png"]
    assert session.gallery.shapes[0].state == session.state
    session.save(tmp_path / "b.shape.json")
    session.set_seed(3)
    session.open(tmp_path / "b.shape.json", keep="b")
    assert len(session.gallery) == 1  # the same shape
    session.undo()
    assert session.state.seed == 3
    session.undo()
    session.undo()
    assert not len(session.gallery)


def test_a_state_that_no_model_has_is_found_when_it_is_shown(session):
    kept = session.keep()
    plain = gallery_to_plain(session.gallery)
    plain[0]["shape"]["base"] = [0.5, 0.5]
    other = Session(Model())
    other.take_gallery(gallery_from_plain(plain))
    with pytest.raises(InputError, match="does not fit"):
        other.show_kept(kept.id)
    assert len(other.history) == 1


def test_a_name_from_a_file_cannot_hide_anything(session):
    session.keep()
    plain = gallery_to_plain(session.gallery)
    plain[0]["name"] = "a\u202eb\x00c" + "d" * 10_000
    (shape,) = gallery_from_plain(plain)
    assert len(shape.name) == galleries.MOST_LETTERS
    assert not {"\u202e", "\x00"} & set(shape.name)
