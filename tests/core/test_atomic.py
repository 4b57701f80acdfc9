"""A file is the old one or the new one, whatever the disk does."""

import errno
import os
import threading
from pathlib import Path

import pytest

from shapelab.core.atomic import atomic_write
from shapelab.core.errors import ExportError
from tests.disk import Died, Disk


def test_an_old_file_is_replaced(tmp_path):
    path = tmp_path / "a.bin"
    atomic_write(path, b"old" * 1000)
    atomic_write(path, b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("new", [False, True])
@pytest.mark.parametrize(
    "how", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EACCES, errno.EROFS, "death", "power cut"]
)
def test_whatever_call_fails_the_old_file_is_there_or_the_new_one(monkeypatch, tmp_path, how, new):
    path, old, fresh = tmp_path / "a.bin", b"" if new else b"old" * 1000, b"new" * 1000
    error = OSError(how, os.strerror(how)) if isinstance(how, int) else Died
    told: list[str] = []

    def write(fail_at: int | None) -> tuple[int, bool]:
        """How many calls reached the disk, and whether all went well."""
        path.unlink(missing_ok=True)
        if not new:
            path.write_bytes(old)
        with monkeypatch.context() as patch:
            disk = Disk(patch, fail_at, error, power=how == "power cut")
            try:
                atomic_write(path, fresh, new)
            except ExportError as refused:
                told.append(str(refused))
            except Died:
                pass
            else:
                return len(disk.calls), True
        return len(disk.calls), False

    calls, done = write(None)
    assert done
    kept = 0
    for number in range(calls):
        _, done = write(number)
        found = path.read_bytes() if path.exists() else b""
        assert found == fresh if done else found in (old, fresh), number
        kept += found == old
        drafts = [each for each in tmp_path.iterdir() if each != path]
        assert not drafts or not isinstance(how, int)
        for draft in drafts:
            draft.unlink()
    assert kept >= 3  # opened, written, synced
    words = f"a.bin could not be written ({os.strerror(how)})" if isinstance(how, int) else ""
    assert len(told) >= 3 * bool(words)
    assert all(words and words in each for each in told)


def test_of_several_that_write_one_new_file_one_wins_and_the_others_say_so(tmp_path):
    path, start = tmp_path / "a.bin", threading.Barrier(8)
    told: list[int | str] = []

    def write(number: int) -> None:
        start.wait()
        try:
            atomic_write(path, bytes([number]) * 100_000, new=True)
            told.append(number)
        except ExportError as error:
            told.append(str(error))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = (each for each in told if isinstance(each, int))
    assert path.read_bytes() == bytes([winner]) * 100_000
    assert sum("is there already" in each for each in told if isinstance(each, str)) == 7
    assert os.listdir(tmp_path) == ["a.bin"]


def test_a_disk_that_gives_back_other_bytes_is_found_out(monkeypatch, tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    monkeypatch.setattr(Path, "read_bytes", lambda _: b"nex")
    with pytest.raises(ExportError, match="other bytes"):
        atomic_write(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("links", [True, False])
def test_a_new_file_never_replaces_another(monkeypatch, tmp_path, links):
    path = tmp_path / "a.bin"
    if not links:  # as on exFAT

        def refuse(*_):
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))

        monkeypatch.setattr(os, "link", refuse)
    atomic_write(path, b"first", new=True)
    with pytest.raises(ExportError, match="is there already"):
        atomic_write(path, b"second", new=True)
    assert path.read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_a_name_as_long_as_can_be(tmp_path):
    atomic_write(tmp_path / ("n" * 255), b"data")
    with pytest.raises(ExportError, match="could not be written"):
        atomic_write(tmp_path / ("n" * 256), b"data")


def test_a_missing_folder_and_a_folder_in_the_way_are_told(tmp_path):
    with pytest.raises(ExportError, match="does not exist"):
        atomic_write(tmp_path / "none" / "a.stl", b"")
    (tmp_path / "b.stl").mkdir()
    with pytest.raises(ExportError, match="is a folder"):
        atomic_write(tmp_path / "b.stl", b"")
