"""A model's card and its weights come together or not at all, wherever the export dies."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from shapelab.core.errors import ExportError
from shapelab.core.paths import resources, user_folder
from tests.disk import Died, Disk
from trainer.evaluation import model_folder

MOST_CALLS = 40  # of the disk by one export; it takes fewer


@pytest.fixture(scope="module")
def weights() -> bytes:
    """The bytes of a model that can be read back."""
    return (resources() / "models" / "modelnet10" / "model.safetensors").read_bytes()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Reading a model back takes a while; one test does so."""
    monkeypatch.setattr(model_folder.model_file, "read", lambda path: path.read_bytes())


def write(folder: Path, mark: str, force: bool = False) -> None:
    free = model_folder.free_folder(str(folder), force)
    model_folder.write(free, {"mark": mark}, mark.encode(), force)


def marks(folder: Path) -> tuple[str, ...]:
    """What card and weights say, as far as they are there."""
    card, weights = folder / "card.json", folder / "model.safetensors"
    found = [json.loads(card.read_text())["mark"]] if card.exists() else []
    return (*found, weights.read_text()) if weights.exists() else tuple(found)


def test_a_model_is_written_read_back_and_nothing_else_is_left(tmp_path, monkeypatch, weights):
    monkeypatch.undo()
    folder = tmp_path / "models" / "mine"
    model_folder.write(folder, {"name": "mine"}, weights, force=False)
    assert sorted(os.listdir(folder)) == ["card.json", "model.safetensors"]
    assert (folder / "model.safetensors").read_bytes() == weights
    assert os.listdir(folder.parent) == ["mine"]
    with pytest.raises(Exception, match=r"model\.safetensors"):
        model_folder.write(tmp_path / "bad", {}, weights[:-1], force=False)
    assert os.listdir(tmp_path) == ["models"]


@pytest.mark.parametrize("power", [False, True], ids=["killed", "power cut"])
@pytest.mark.parametrize("there", ["nothing", "a model", "notes"])
def test_wherever_an_export_dies_a_model_is_whole_or_not_there(tmp_path, there, power):
    for fail_at in range(MOST_CALLS):
        place = tmp_path / str(fail_at)
        folder, before = place / "mine", ()
        place.mkdir()
        if there == "a model":
            write(folder, "old")
            before = ("old", "old")
        if there != "nothing":
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "notes.txt").write_text("mine")
        died = False
        with pytest.MonkeyPatch.context() as patch:
            Disk(patch, fail_at, Died, power)
            try:
                write(folder, "new", force=True)
            except Died:
                died = True
        assert marks(folder) in ((), before, ("new", "new")), fail_at
        visible = [name for name in os.listdir(place) if not name.startswith(".")]
        assert visible in ([], ["mine"])
        assert not list(place.glob("*/model.safetensors")) or marks(folder)  # none in a draft
        # the next one ends what the dead one began
        free = model_folder.free_folder(str(folder), force=True)
        assert marks(free) in (before, ("new", "new"))
        assert [name for name in os.listdir(place) if name.startswith(".")] == []
        if there != "nothing":
            assert (folder / "notes.txt").read_text() == "mine"
        write(folder, "third", force=True)
        assert marks(folder) == ("third", "third")
        if not died:
            break
    else:
        pytest.fail("more calls than were tried")
    assert fail_at > 5


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES])
def test_a_disk_that_refuses_leaves_the_old_model(tmp_path, code):
    folder = tmp_path / "mine"
    write(folder, "old")
    for fail_at in range(MOST_CALLS):
        with pytest.MonkeyPatch.context() as patch:
            disk = Disk(patch, fail_at, OSError(code, os.strerror(code)))
            try:
                write(folder, "new", force=True)
                break
            except ExportError as error:
                told = str(error)
        assert os.strerror(code) in told
        assert len(disk.calls) > fail_at
        assert len(set(marks(model_folder.free_folder(str(folder), force=True)))) == 1
    assert marks(folder) == ("new", "new")
    assert os.listdir(tmp_path) == ["mine"]


def test_a_model_that_came_meanwhile_is_not_replaced(tmp_path):
    folder = tmp_path / "mine"
    free = model_folder.free_folder(str(folder), force=False)
    write(folder, "quicker")
    with pytest.raises(ExportError, match="holds a model already"):
        model_folder.write(free, {"mark": "late"}, b"late", force=False)
    assert marks(folder) == ("quicker", "quicker")
    assert os.listdir(tmp_path) == ["mine"]


def test_names_that_cannot_be_a_models_are_refused(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ExportError, match="is a file"):
        model_folder.free_folder(str(tmp_path / "file"), force=True)
    for name in ("", ".", "..", "/"):
        with pytest.raises(ExportError, match="no name of a model"):
            model_folder.free_folder(name, force=True)
    assert model_folder.free_folder("chairs", False) == user_folder() / "models" / "chairs"
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write(tmp_path / "link", "linked")
    assert (tmp_path / "link").is_symlink()
    assert marks(tmp_path / "real") == ("linked", "linked")
