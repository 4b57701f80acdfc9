"""Which models are there, and what is known of them without their weights."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from shapelab.core.errors import ModelFileError
from shapelab.core.model import model_summary
from shapelab.core.model.model_summary import (
    digest_today,
    find_models,
    is_model,
    model_with,
    summarise,
)
from shapelab.core.model.shape_model import ShapeModel
from shapelab.core.paths import DEFAULT_MODEL, find_model, user_folder
from shapelab.core.session.shape_file import stamp_of
from tests.small_models import small_model


def test_models_are_listed_once_each_with_the_usual_one_first(tmp_path: Path) -> None:
    shipped = find_model(DEFAULT_MODEL)
    mine, broken = (user_folder() / "models" / name for name in ("a mine", "broken"))
    shutil.copytree(shipped, mine)
    broken.mkdir()
    (broken / "model.safetensors").write_bytes(b"\xff" * 100)
    other = shutil.copytree(shipped, tmp_path / "other")
    found = find_models([other, mine, shipped, tmp_path / "gone", broken])
    assert (found[0].folder, found[0].origin) == (shipped, "shipped")
    assert {model.name: model.origin for model in found if model.origin != "shipped"} == {
        "a mine": "yours",
        "other": "opened before",
    }
    with pytest.raises(ModelFileError, match="damaged or not a model file"):
        summarise(broken, "yours")


def test_a_summary_is_what_loading_finds(model: ShapeModel) -> None:
    folder = find_model(DEFAULT_MODEL)
    summary = summarise(folder, "shipped")
    assert (summary.name, summary.digest) == (model.name, model.digest)
    assert summary.checksum == model.checksum
    assert (summary.spec, summary.card) == (model.spec, model.card)
    assert is_model(folder)
    assert is_model(folder / "model.safetensors")
    assert not is_model(folder / "card.json")
    assert not is_model(folder.parent)


def test_a_shipped_model_is_found_by_the_digests_of_earlier_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "models" / "chairs"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(small_model())
    (folder / "card.json").write_text('{"earlier_digests": ["one", "two"]}')
    monkeypatch.setattr(model_summary, "resources", lambda: tmp_path)
    model_summary._renamed.cache_clear()
    try:
        now = summarise(folder, "shipped").digest
        assert [digest_today(name) for name in ("one", "two", "three")] == [now, now, "three"]
        for name in ("one", now):
            assert stamp_of({"model": {"name": "chairs", "digest": name}}).digest == now
        assert model_with(now).folder == folder
    finally:
        model_summary._renamed.cache_clear()
