"""Tags and notes of a run: kept as they were meant, searched, and nobody's trap."""

from __future__ import annotations

import json
import os

import pytest

from shapelab.core.errors import ExportError, RunError
from shapelab.core.runs.presets import preset
from shapelab.core.runs.run_folder import RunFolder, summarise
from shapelab.core.runs.run_notes import RunNotes, noted, read_notes, write_notes


@pytest.fixture
def run(tmp_path):
    RunFolder(tmp_path / "chairs-003").create(preset("small", ("a",), 32, 100), tmp_path / "store")
    return tmp_path / "chairs-003"


def test_what_was_noted_comes_back(run):
    assert read_notes(run) == RunNotes()
    notes = noted(["#good", " baseline ", "good", ""], "  Legs are thin.\nλ = 3 😀  ")
    assert notes == RunNotes(("good", "baseline"), "Legs are thin.\nλ = 3 😀")
    write_notes(run, notes)
    assert read_notes(run) == notes
    assert summarise(RunFolder(run)).notes == notes
    assert [name for name in os.listdir(run) if name.startswith(".")] == []


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", True),
        ("chairs", True),
        ("CHAIRS small", True),
        ("chairs table", False),
        ("#good", True),
        ("#goo", False),
        ("goo", True),
        ("legs THIN", True),
        ("#", False),
        ("not started", True),
    ],
)
def test_a_search_finds_all_its_words_somewhere(run, search, found):
    write_notes(run, RunNotes(("good",), "Legs are thin."))
    assert summarise(RunFolder(run)).matches(search) is found


@pytest.mark.parametrize(
    ("tags", "text", "reason"),
    [
        (["two words"], "", "'two words' is no tag; a tag is one word"),
        (["a,b"], "", "is no tag"),
        (["\u202eevil"], "", "is no tag"),
        (["x" * 41], "", "too long"),
        ([f"t{k}" for k in range(21)], "", "20 tags at most"),
        ([], "x" * 20_001, "too long"),
    ],
)
def test_what_cannot_be_noted_is_refused(tags, text, reason):
    with pytest.raises(RunError, match=reason):
        noted(tags, text)


GOOD = {"format": "shapelab-notes", "version": 1, "tags": ["a"], "text": ""}


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "[" * 10**5, " " * 2**19, json.dumps(GOOD | {"version": 2}),
        json.dumps(GOOD | {"tags": ["two words"]}), json.dumps(GOOD | {"tags": 7}),
    ],
    ids=range(7),
)  # fmt: skip
def test_notes_that_cannot_be_read_hide_no_run(run, text):
    (run / "notes.json").write_text(text)
    assert read_notes(run) == RunNotes()
    assert summarise(RunFolder(run)).notes == RunNotes()


def test_a_disk_that_refuses_is_told(run):
    (run / "notes.json").mkdir()
    with pytest.raises(ExportError, match=r"notes\.json is a folder"):
        write_notes(run, RunNotes(("a",)))
