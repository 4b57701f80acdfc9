"""The ``.shapelab`` file: the same again, upgraded, or refused by name; never half a file."""

from __future__ import annotations

import io
import json
import os
import sys
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from shapelab.core.errors import ExportError, InputError
from shapelab.core.project import project_file
from shapelab.core.project.project_file import (
    StoredProject,
    changed_since,
    decoded,
    digest_of,
    encoded,
    read_project,
    write_project,
)

PICTURES = {digest_of(data): data for data in (b"one", b"two" * 1000)}
STORED = StoredProject({"sessions": [1, "ä", None], "shown": 0}, PICTURES)


def document(**changes: Any) -> bytes:
    whole = {"format": "shapelab-project", "version": 1, "pictures": [], "project": {"a": 1}}
    return json.dumps(whole | changes).encode()


def archive(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as written:
        for name, data in members.items():
            written.writestr(name.replace("__", "/"), data)
    return out.getvalue()


def test_what_is_written_is_read_and_the_same_project_makes_the_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.shapelab"
    digest = write_project(path, STORED)
    assert read_project(path) == (STORED, digest)
    assert digest == digest_of(path.read_bytes()) == digest_of(encoded(STORED))
    assert not changed_since(path, digest)
    write_project(path, StoredProject({"other": 1}), force=True)
    assert changed_since(path, digest)
    path.unlink()
    assert not changed_since(path, digest), "what is gone can be written again"


def test_other_programs_can_look_inside(tmp_path: Path) -> None:
    path = tmp_path / "a.shapelab"
    write_project(path, STORED)
    with zipfile.ZipFile(path) as found:
        assert found.testzip() is None
        assert json.loads(found.read("project.json"))["project"] == STORED.content
        assert {f"pictures/{digest}.npz" for digest in PICTURES} < set(found.namelist())


def test_nothing_is_replaced_unasked(tmp_path: Path) -> None:
    path = tmp_path / "a.shapelab"
    path.write_bytes(b"precious")
    with pytest.raises(ExportError, match="there already"):
        write_project(path, STORED)
    assert path.read_bytes() == b"precious"


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_only_be_read_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(ExportError, match="could not be written"):
            write_project(tmp_path / "a.shapelab", STORED)
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full disk to offer")
def test_a_full_disk_leaves_the_old_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.shapelab"
    write_project(path, STORED)
    before = path.read_bytes()

    def full(_place: Path, _parts: object) -> None:
        with open("/dev/full", "wb", 0) as file:
            file.write(b"x")

    monkeypatch.setattr("shapelab.core.atomic.write_through", full)
    with pytest.raises(ExportError, match="No space left"):
        write_project(path, StoredProject({"new": 1}), force=True)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_project_that_could_not_be_read_again_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project_file, "MAX_CONTENT", 100)
    path = tmp_path / "a.shapelab"
    with pytest.raises(ExportError, match="too large for one file"):
        write_project(path, StoredProject({"long": "a" * 200}))
    assert not path.exists()


def test_older_versions_are_upgraded_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project_file, "PROJECT_VERSION", 3)
    upgraders = {1: lambda old: old | {"b": 2}, 2: lambda old: {"c": sum(old.values())}}
    monkeypatch.setattr(project_file, "UPGRADERS", upgraders)
    assert decoded(archive(**{"project.json": document()})).content == {"c": 3}
    second = archive(**{"project.json": document(version=2)})
    assert decoded(second).content == {"c": 1}


@pytest.mark.parametrize("version", [1, 2])
def test_a_project_of_before_point_clouds_or_scans_is_read_as_it_is(version: int) -> None:
    older = document(version=version)
    assert json.loads(older)["version"] == version
    assert decoded(archive(**{"project.json": older})).content == json.loads(older)["project"]


def test_a_newer_project_is_refused_by_name_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.shapelab"
    path.write_bytes(archive(**{"project.json": document(version=7)}))
    before = path.read_bytes()
    with pytest.raises(InputError) as refused:
        read_project(path)
    assert str(refused.value) == (
        "a.shapelab was saved by a newer ShapeLab (version 7; this one reads up to 3); please "
        "update ShapeLab."
    )
    assert path.read_bytes() == before


def test_damage_at_any_byte_is_found(tmp_path: Path) -> None:
    whole = encoded(STORED)
    path = tmp_path / "a.shapelab"
    for place in range(0, len(whole), 19):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        with suppress(InputError):  # else it was a byte that says nothing, such as a date
            assert read_project(path)[0] == STORED
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="damaged"):
        read_project(path)


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"project.json": b"{"},
        {"project.json": document(format="shapelab-shape")},
        {"project.json": document(version=0)},
        {"project.json": document(version=True)},
        {"project.json": document(version="1")},
        {"project.json": document(project=[1])},
        {"project.json": document(pictures=["0" * 64])},
        {"project.json": document(), "readme.txt": b"hello"},
        {"project.json": document(), "pictures__" + "0" * 64 + ".npz": b"another"},
        {"project.json": document(), "pictures__..__..__evil.npz": b"x"},
    ],
)
def test_what_is_no_project_is_refused(members: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / "a.shapelab"
    path.write_bytes(archive(**members))
    with pytest.raises(InputError, match=r"a\.shapelab is no ShapeLab project, or it is damaged"):
        read_project(path)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_project(tmp_path / "a.shapelab")
    with pytest.raises(InputError, match="folder"):
        read_project(tmp_path)
