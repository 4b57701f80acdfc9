"""A disk that fails on demand: every call of a save that reaches it is counted, one may fail."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from shapelab.core import files_of_others


class Died(BaseException):
    """The process ends here: no handler may answer, and nothing later reaches the disk."""


class Disk:
    """Stands between a save and the file system.

    ``fail_at`` is the number of the call that fails. With an OSError that call alone fails. With
    ``Died`` it is half done (a write) and all later ones fail too, clean-up included; with
    ``power`` what was not yet synced is lost besides: the sizes are there, the bytes are zeros.
    """

    def __init__(self, monkeypatch, fail_at=None, error=None, power=False, only=None):
        self.calls = []
        self._fail_at, self._error, self._only = fail_at, error, only
        self._power = power
        self._unsynced = {}  # path -> handle
        self._depth = 0
        for owner, attribute, name in (
            (Path, "mkdir", "mkdir"),
            (Path, "open", "open"),
            (files_of_others, "opened", "open"),
            (Path, "replace", "replace"),
            (Path, "unlink", "unlink"),
            (os, "fsync", "fsync"),
            (shutil, "rmtree", "rmtree"),
        ):
            original = getattr(owner, attribute)
            monkeypatch.setattr(owner, attribute, self._counted(name, original))

    def _counted(self, name, original):
        def call(*args, **kwargs):
            if self._depth:  # what rmtree and mkdir do within
                return original(*args, **kwargs)
            self.strike(name, args)
            self._depth += 1
            try:
                result = original(*args, **kwargs)
            finally:
                self._depth -= 1
            return self._after(name, args, result)

        return call

    def strike(self, name, args, half=None):
        """Counts a call, and fails it when its turn has come."""
        if self._only and name not in self._only:
            return
        if name == "unlink" and isinstance(self._error, OSError):
            return  # whoever clears up after a disk that refused may not be refused that, too
        number = len(self.calls)
        self.calls.append(name)
        if self._fail_at is None or number < self._fail_at:
            return
        if self._error is not Died:
            if number == self._fail_at:
                raise self._error
            return
        if number == self._fail_at:
            if half:
                half()
            if name == "rmtree" and args[0].exists():  # dies in the middle of removing
                for path in [path for path in sorted(args[0].rglob("*")) if path.is_file()][:1]:
                    os.unlink(path)
            if self._power:
                self._lose_the_unsynced()
        raise Died

    def _lose_the_unsynced(self):
        self._depth += 1  # not a call of the save
        for path in self._unsynced:
            path.write_bytes(bytes(path.stat().st_size))
        self._depth -= 1

    def _after(self, name, args, result):
        if name == "open" and args[1:2] == ("xb",):
            return _File(self, args[0], result)
        if name == "fsync":
            self._unsynced = {p: h for p, h in self._unsynced.items() if h != args[0]}
        if name == "replace":
            source, target = args
            self._unsynced = {
                target / p.relative_to(source) if p.is_relative_to(source) else p: h
                for p, h in self._unsynced.items()
            }
        return result

    def written(self, path, handle):
        self._unsynced[path] = handle

    def closed(self, handle):
        """The handle's number is free for another file now; what is not synced stays so."""
        self._unsynced = {p: None if h == handle else h for p, h in self._unsynced.items()}


class _File:
    """A file being written; each write goes straight through, so half a write is half a file."""

    def __init__(self, disk, path, file):
        self._disk, self._path, self._file = disk, path, file

    def write(self, data):
        raw = self._file.raw
        self._disk.strike("write", (), lambda: raw.write(data[: len(data) // 2]))
        raw.write(data)
        self._disk.written(self._path, raw.fileno())

    def flush(self):
        self._file.flush()

    def fileno(self):
        return self._file.fileno()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._disk.closed(self._file.fileno())
        self._file.close()
