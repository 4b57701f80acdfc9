"""Previews on disk: the strip of pictures and the voxels beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from shapelab.core.errors import ExportError, RunError
from shapelab.core.runs.previews import TILE, preview_path, preview_steps, read_preview, tile_corner
from trainer.data.pictures import draw as drawing
from trainer.report import previews


@pytest.fixture(scope="module")
def rows() -> dict[str, NDArray[np.float32]]:
    values = np.random.default_rng(0).random((3, 9, 9, 9), np.float32)
    return {"held out": values[:2], "from voxels": 1 - values[:2], "file": values}


def test_shapes_read_back_as_written(tmp_path: Path, rows: dict[str, NDArray[np.float32]]) -> None:
    path = previews.write(tmp_path / "previews", 123, rows)
    assert path == tmp_path / "previews" / "step-000000123.png"
    for source in (path, path.with_suffix(".npz")):
        back = read_preview(source)
        assert list(back) == list(rows)
        for name, fields in rows.items():
            np.testing.assert_array_equal(back[name], fields > 0.5)
            assert back[name].dtype == np.bool_


def test_strip_has_a_tile_for_each_shape(
    tmp_path: Path, rows: dict[str, NDArray[np.float32]]
) -> None:
    with Image.open(previews.write(tmp_path, 1, rows)) as picture:
        width, height = picture.size
    border, gap, tile = drawing.BORDER, drawing.GAP, drawing.TILE
    assert height == 2 * border + 3 * tile + 2 * gap
    assert 3 * tile + 2 * gap + 2 * border < width < 3 * tile + 2 * gap + 2 * border + 140


def test_the_same_shapes_give_the_same_picture_and_replace_the_old_one(
    tmp_path: Path, rows: dict[str, NDArray[np.float32]]
) -> None:
    first = previews.write(tmp_path, 5, rows).read_bytes()
    assert previews.write(tmp_path, 5, rows).read_bytes() == first
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "step-000000005.npz",
        "step-000000005.png",
    ]


def test_broken_networks_still_give_a_preview(tmp_path: Path) -> None:
    lost = np.full((1, 8, 8, 8), np.nan, np.float32)
    path = previews.write(tmp_path, 0, {"samples": lost, "none": lost[:0]})
    back = read_preview(path)
    assert not back["samples"].any()
    assert back["none"].shape == (0, 8, 8, 8)


def test_steps_are_listed_oldest_first(tmp_path: Path) -> None:
    assert preview_steps(tmp_path / "missing") == []
    for step in (900, 1000, 20):
        preview_path(tmp_path, step).touch()
    (tmp_path / "step-new.png").touch()
    assert preview_steps(tmp_path) == [20, 900, 1000]


def test_disk_errors_reach_the_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        previews.write(tmp_path / "file", 1, {})
    (tmp_path / "step-000000001.png").mkdir()
    with pytest.raises(ExportError, match="is a folder"):
        previews.write(tmp_path, 1, {})


@pytest.mark.parametrize(
    ("arrays", "word"),
    [
        ({}, "damaged"),
        ({"#shapelab-previews": np.array(2)}, "newer"),
        ({"#shapelab-previews": np.array(1), "a": np.zeros(3)}, "no shapes"),
        ({"#shapelab-previews": np.array([None])}, "damaged"),
    ],
)
def test_files_that_are_no_preview_get_one_sentence(
    tmp_path: Path, arrays: dict[str, NDArray], word: str
) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(RunError, match=word):
        read_preview(tmp_path / "a.png")


def test_missing_and_cut_files_get_one_sentence(
    tmp_path: Path, rows: dict[str, NDArray[np.float32]]
) -> None:
    with pytest.raises(RunError, match="no shapes"):
        read_preview(tmp_path / "a.png")
    path = previews.write(tmp_path, 1, rows).with_suffix(".npz")
    whole = path.read_bytes()
    for size in (0, 10, len(whole) // 2, len(whole) - 4):
        path.write_bytes(whole[:size])
        with pytest.raises(RunError, match="damaged"):
            read_preview(path)


def test_a_tile_is_found_where_the_shape_was_drawn(tmp_path: Path) -> None:
    solid = np.zeros((8, 8, 8), np.float32)
    solid[1:7, 1:7, 1:7] = 1
    empty = np.zeros_like(solid)
    rows = {"a long caption": np.stack([empty, empty]), "b": np.stack([empty, solid, empty])}
    with Image.open(previews.write(tmp_path, 1, rows)) as picture:
        pixels = np.asarray(picture)
    left, top = tile_corner(pixels.shape[1], 3, row=1, column=1)
    tile = pixels[top : top + TILE, left : left + TILE]
    np.testing.assert_array_equal(tile, drawing.draw(solid))
