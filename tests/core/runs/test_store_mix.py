"""Several stores of one run: how they are named, noted, and refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from shapelab.core.errors import DataError, RunError
from shapelab.core.runs.presets import preset
from shapelab.core.runs.run_folder import RunFolder
from shapelab.core.runs.store_card import StoreCard
from shapelab.core.runs.store_mix import StoreShare, mixed_card, parse_share, shares_of
from shapelab.core.runs.training_plan import TrainingPlan

A = StoreCard(Path("a"), 32, ("bed", "chair"), 10, 8, 64)
B = StoreCard(Path("b"), 32, ("chair", "table"), 5, 4, 64)


@pytest.mark.parametrize("text", ["a", "a:3", "a:0.5", "/x y/a:2", "C:\\data\\a", "C:\\a:3"])
def test_a_share_is_read_as_it_is_written(text):
    assert str(parse_share(text)) == text
    assert parse_share(text).weight == {"a": 1, "C:\\data\\a": 1, "a:0.5": 0.5, "/x y/a:2": 2}.get(
        text, 3
    )


def test_a_folder_that_is_there_is_no_weight(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a:3").mkdir()
    assert parse_share("a:3") == StoreShare(Path("a:3"))


@pytest.mark.parametrize("number", ["0", "-1", "nan", "inf"])
def test_weights_are_above_nothing(number):
    with pytest.raises(DataError, match="must be above 0"):
        parse_share(f"a:{number}")


def test_classes_are_joined_by_name():
    card = mixed_card([A, B])
    assert (card.classes, card.shapes, card.views) == (("bed", "chair", "table"), 15, 4)
    assert mixed_card([A]) == A


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"resolution": 64}, "32³ and 64³ cells"),
        ({"picture_size": 128}, "64 and 128 pixels"),
        ({"is_canonical": False}, "fronts of b are not turned"),
        ({"folder": Path("a")}, "named twice"),
    ],
)
def test_what_cannot_be_mixed_is_one_sentence(change, words):
    with pytest.raises(DataError, match=words):
        mixed_card([A, replace(B, **change)])


def test_a_run_notes_its_stores_and_a_plan_names_them(tmp_path):
    shares = (StoreShare(tmp_path / "a", 3), StoreShare(tmp_path / "b"))
    config = preset("small", ("a",), 32)
    folder = RunFolder(tmp_path / "run")
    folder.create(config, shares)
    assert folder.stores() == shares
    single = RunFolder(tmp_path / "single")
    single.create(config, [StoreShare(tmp_path / "a", 3)])
    single.create(config, tmp_path / "a")  # the same again
    folder.create(config, shares)
    with pytest.raises(RunError, match="other settings or data"):
        folder.create(config, shares[::-1])
    assert single.stores() == shares_of(tmp_path / "a")
    assert json.loads(single.data.read_text()) == {"store": str(tmp_path / "a")}  # as ever
    plan = TrainingPlan(folder.path, shares[0].store, config, weight=3, others=shares[1:])
    assert f"--data {tmp_path / 'a'}:3 --data {tmp_path / 'b'} --run" in plan.commands()[0]
    folder.data.write_text('{"stores": [{}]}')
    with pytest.raises(RunError, match="where its data is"):
        folder.stores()
