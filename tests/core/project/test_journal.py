"""The journal: what was written is read again, up to the last whole line, whatever happened."""

from __future__ import annotations

import json
import os
import random
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shapelab.core.errors import ExportError, InputError
from shapelab.core.project import journal as journal_module
from shapelab.core.project.journal import (
    Journal,
    Standing,
    journals,
    left_behind,
    read_journal,
)
from shapelab.core.project.project_file import digest_of

STANDING = Standing("/a/b.shapelab", "0" * 64, modified=True)
PICTURE = {digest_of(b"picture"): b"picture"}


def content(step: int) -> dict[str, Any]:
    return {"sessions": [{"steps": [{"n": n, "x": [0.1] * 20} for n in range(step)]}], "shown": 0}


def written(steps: int = 5) -> Path:
    """A journal of some steps that no window has any more."""
    journal = Journal()
    for step in range(1, steps + 1):
        journal.write(content(step), PICTURE, STANDING)
    journal.release()
    return journal.folder


def test_each_change_is_a_line_and_all_of_them_are_read() -> None:
    folder = written(5)
    stored, standing = read_journal(folder)
    assert (stored.content, dict(stored.pictures), standing) == (content(5), PICTURE, STANDING)
    lines = (folder / "journal.jsonl").read_bytes().splitlines()
    assert len(lines) == 5
    assert all(len(line) < 300 for line in lines[1:]), "one step, not all of them"


def test_the_same_again_writes_nothing() -> None:
    journal = Journal()
    journal.write(content(3), {}, STANDING)
    before = (journal.folder / "journal.jsonl").read_bytes()
    journal.write(content(3), {}, STANDING)
    assert (journal.folder / "journal.jsonl").read_bytes() == before
    journal.discard()
    assert not journal.folder.exists()


def test_cut_at_any_byte_it_holds_all_but_the_cut_line() -> None:
    folder = written(5)
    path = folder / "journal.jsonl"
    whole = path.read_bytes()
    ends = [place + 1 for place, byte in enumerate(whole) if byte == 10]
    for size in range(0, len(whole), 41):
        path.write_bytes(whole[:size])
        complete = sum(end <= size for end in ends)
        if complete:
            assert read_journal(folder)[0].content == content(complete)
        else:
            with pytest.raises(InputError, match="damaged"):
                read_journal(folder)


def test_a_damaged_line_ends_it_and_what_came_before_counts() -> None:
    folder = written(5)
    path = folder / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[3] = lines[3].replace(b"0.1", b"0.7", 1)
    path.write_bytes(b"".join(lines))
    assert read_journal(folder)[0].content == content(3)


def test_a_long_journal_begins_anew_and_stays_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "MOST_APPENDED", 2000)
    journal, sizes = Journal(), []
    for step in range(100):
        steps = [{"n": step % 7, "x": [random.random()] * 20}]
        journal.write({"sessions": [{"steps": steps}]}, {}, STANDING)
        sizes.append((journal.folder / "journal.jsonl").stat().st_size)
    assert max(sizes) < 4000
    journal.release()
    assert read_journal(journal.folder)[0].content == {"sessions": [{"steps": steps}]}


def test_only_journals_of_windows_that_have_ended_are_left_behind() -> None:
    ended, running = Journal(), Journal()
    ended.write(content(1), {}, replace(STANDING, ended=True))
    running.write(content(2), {}, STANDING)
    assert left_behind() == [], "both have their windows"
    assert not Journal(ended.folder).take()
    ended.release()
    (left,) = left_behind()
    assert (left.folder, left.standing) == (ended.folder, replace(STANDING, ended=True))
    running.release()
    os.utime(running.folder / "journal.jsonl", (2e9, 2e9))
    assert [each.folder for each in left_behind()] == [running.folder, ended.folder]


def test_another_window_goes_on_with_it() -> None:
    folder = written(3)
    journal = Journal(folder)
    assert journal.take()
    stored, _ = read_journal(folder)
    assert stored.content == content(3)
    journal.write(content(4), PICTURE, STANDING)
    journal.release()
    assert read_journal(folder)[0].content == content(4)
    assert [each.folder for each in left_behind()] == [folder]


def test_pictures_that_nothing_names_any_more_neither_stay_nor_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = {digest_of(b"other"): b"other"}
    journal = Journal()
    journal.write(content(1), PICTURE, STANDING)
    journal.write(content(2), other, STANDING)
    files = journal.folder / "pictures"
    assert len(list(files.iterdir())) == 2, "an earlier line names it, and the last may be cut"
    with monkeypatch.context() as small:
        small.setattr(journal_module, "MAX_BYTES", len(b"other"))  # both would be too much
        assert dict(read_journal(journal.folder)[0].pictures) == other
    journal.release()
    again = Journal(journal.folder)
    again.write(content(3), other, STANDING)
    assert [each.stem for each in files.iterdir()] == list(other)
    again.release()
    assert dict(read_journal(journal.folder)[0].pictures) == other


def test_a_lock_that_the_system_took_away_hides_no_journal() -> None:
    folder = written(2)
    (folder / "lock").unlink()  # as Windows does where it is freed
    assert [each.folder for each in left_behind()] == [folder]
    assert Journal(folder).take()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full disk to offer")
def test_after_a_full_disk_the_next_change_writes_everything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    journal = Journal()
    journal.write(content(2), PICTURE, STANDING)
    whole = journal.folder / "journal.jsonl"

    def full(_path: Path, _mode: str) -> Any:
        with whole.open("ab") as file:
            file.write(b"half a li")  # what had room
        return open("/dev/full", "ab", 0)

    with monkeypatch.context() as patched:
        patched.setattr(journal_module.files_of_others, "opened", full)
        with pytest.raises(ExportError, match="cannot be kept against a crash"):
            journal.write(content(3), PICTURE, STANDING)
    journal.release()
    assert read_journal(journal.folder)[0].content == content(2)
    journal.write(content(4), PICTURE, STANDING)
    journal.release()
    assert read_journal(journal.folder)[0].content == content(4)


def test_a_disk_that_is_full_at_the_first_line_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    journal = Journal()
    with monkeypatch.context() as patched:
        patched.setattr("shapelab.core.atomic.os.fsync", full)
        with pytest.raises(ExportError, match=r"crash \(No space left on device\); save"):
            journal.write(content(1), PICTURE, STANDING)
    journal.write(content(1), PICTURE, STANDING)
    journal.release()
    assert read_journal(journal.folder)[0].content == content(1)


def test_a_place_that_is_no_folder_is_said() -> None:
    journals().parent.mkdir(parents=True)
    journals().write_text("no folder")
    with pytest.raises(ExportError, match="Changes cannot be kept"):
        Journal().write(content(1), {}, STANDING)
    assert left_behind() == []


def test_odd_neighbours_hide_no_journal(tmp_path: Path) -> None:
    good = written(2)
    for name, data in (
        ("empty", b""),
        ("text", b"hello\n"),
        ("other", json.dumps({"format": "x"}).encode()),
    ):
        folder = journals() / name
        folder.mkdir()
        (folder / "lock").write_bytes(b"")
        (folder / "journal.jsonl").write_bytes(data)
    (journals() / "a file").write_text("x")
    if sys.platform != "win32":
        (journals() / "link").symlink_to(tmp_path)
        (journals() / "pipes").mkdir()
        os.mkfifo(journals() / "pipes" / "lock")
        os.mkfifo(journals() / "pipes" / "journal.jsonl")
    assert [each.folder for each in left_behind()] == [good]


def test_a_newer_journal_is_kept_for_the_newer_program(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as newer:
        newer.setattr(journal_module, "PROJECT_VERSION", 9)
        folder = written(1)
    with pytest.raises(InputError, match=r"saved by a newer ShapeLab \(version 9"):
        read_journal(folder)
    assert (folder / "journal.jsonl").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_discarding_follows_no_link(tmp_path: Path) -> None:
    folder = written(1)
    treasure = tmp_path / "thesis"
    treasure.mkdir()
    (treasure / "a.npz").write_text("years of work")
    (folder / "link").symlink_to(treasure)
    Journal(folder).discard()
    assert not folder.exists()
    assert (treasure / "a.npz").read_text() == "years of work"


def test_pictures_that_come_and_go_do_not_fill_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "MAX_BYTES", 5000)  # of all pictures together
    journal = Journal()
    for step in range(1, 40):
        scan = b"%d" % step * 500
        journal.write(content(step), {digest_of(scan): scan}, STANDING)
        kept = sum(each.stat().st_size for each in (journal.folder / "pictures").iterdir())
        assert kept <= 5000 + 2 * len(scan)
    journal.release()
    stored, _ = read_journal(journal.folder)
    assert (stored.content, dict(stored.pictures)) == (content(39), {digest_of(scan): scan})
