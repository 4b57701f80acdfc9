"""A file is the old one or the new one, whatever the disk does."""

import errno
import os
from pathlib import Path

import pytest

from shapelab.core.atomic import atomic_write
from shapelab.core.errors import ExportError


def test_an_old_file_is_replaced(tmp_path):
    path = tmp_path / "a.bin"
    atomic_write(path, b"old" * 1000)
    atomic_write(path, b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EACCES])
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failing_disk_leaves_the_old_file_and_no_draft(monkeypatch, tmp_path, step, code):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def fail(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(*(os, "fsync") if step == "fsync" else (Path, "replace"), fail)
    with pytest.raises(ExportError, match=r"a\.bin could not be written"):
        atomic_write(path, b"new")
    assert path.read_bytes() == b"old"
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
