"""The card of a prepared store."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from shapelab.core.errors import DataError
from shapelab.core.runs.store_card import OLDEST, VERSION, is_store, read_card

INDEX = {
    "format": "shapelab-store",
    "version": VERSION,
    "resolution": 32,
    "classes": ["chair", "table"],
    "counts": {"accepted": 4899},
    "views": 12,
    "picture_size": 64,
}


def write(folder, **changes):
    fields = {key: value for key, value in (INDEX | changes).items() if value is not None}
    (folder / "index.json").write_text(json.dumps(fields))
    return folder


def test_a_store_says_what_it_holds(tmp_path):
    assert not is_store(tmp_path)
    card = read_card(write(tmp_path))
    assert is_store(tmp_path)
    assert (card.classes, card.shapes, card.picture_size) == (("chair", "table"), 4899, 64)
    old = read_card(write(tmp_path, version=OLDEST))
    assert old == replace(card, is_canonical=False)  # its fronts are those of its source
    assert card.describe() == "2 classes, 4\N{NO-BREAK SPACE}899 shapes at 32³, 12 pictures of each"


def test_one_class_without_pictures(tmp_path):
    card = read_card(write(tmp_path, classes=["chair"], counts={"accepted": 7}, views=0))
    assert card.describe() == "chair, 7 shapes at 32³, no pictures"


@pytest.mark.parametrize("changes", [{"format": "other"}, {"counts": None}, {"classes": 3}])
def test_what_is_no_store_is_refused(tmp_path, changes):
    with pytest.raises(DataError, match="no prepared dataset"):
        read_card(write(tmp_path, **changes))


def test_damaged_and_missing_indexes_are_refused(tmp_path):
    with pytest.raises(DataError, match="no prepared dataset"):
        read_card(tmp_path)
    (tmp_path / "index.json").write_text("[1, 2")
    with pytest.raises(DataError, match="no prepared dataset"):
        read_card(tmp_path)


@pytest.mark.parametrize(("version", "maker"), [(OLDEST - 1, "an older"), (VERSION + 1, "a newer")])
def test_stores_of_other_versions_are_refused(tmp_path, version, maker):
    with pytest.raises(DataError, match=f"prepared by {maker} ShapeLab"):
        read_card(write(tmp_path, version=version))
