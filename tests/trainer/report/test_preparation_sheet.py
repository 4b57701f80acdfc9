"""The newest shapes of a preparation are shown while it goes on."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from shapelab.core.runs.events import Prepared, Previewed
from shapelab.core.runs.previews import preview_steps, read_preview
from tests.trainer.conftest import make_grids
from trainer.data.store.shards import encode
from trainer.report import preparation_sheet
from trainer.report.preparation_sheet import PreparationSheet


@pytest.fixture
def shapes():
    grids, _ = make_grids(20)
    return np.pad(grids, ((0, 0), (1, 1), (1, 1), (1, 1))) > 0


def run(sheet, shapes, until=None):
    """A preparation of shapes that are told of one by one."""
    for done, shape in enumerate(shapes, 1):
        sheet.add(encode(shape, None, None))
        yield Prepared(0, done, len(shapes) if until is None else until)


def test_the_newest_shapes_are_drawn_before_the_event_that_counts_them(tmp_path, shapes):
    sheet = PreparationSheet(tmp_path / "store", 32)
    events = list(sheet.beside(run(sheet, shapes)))
    assert isinstance(events[0], Previewed)  # the first at once
    assert [type(event) for event in events[-2:]] == [Previewed, Prepared]  # and the last ones
    path = Path(events[-2].path)
    assert path.is_absolute()
    assert path.parent == tmp_path / "store.previews"
    rows = read_preview(path)
    assert list(rows) == ["prepared"]
    np.testing.assert_array_equal(rows["prepared"], shapes[-preparation_sheet.SHOWN :])
    assert preview_steps(path.parent) == [1, 20]  # two: the one before may just be read
    assert sum(isinstance(event, Prepared) for event in events) == 20
    assert not (tmp_path / "store").exists()


def test_old_drawings_go_and_a_disk_that_refuses_harms_nothing(tmp_path, shapes, monkeypatch):
    monkeypatch.setattr(preparation_sheet, "EVERY_S", 0.0)
    monkeypatch.setattr(preparation_sheet, "SHARE", 1e9)
    sheet = PreparationSheet(tmp_path / "store", 32)
    events = list(sheet.beside(run(sheet, shapes[:6])))
    assert sum(isinstance(event, Previewed) for event in events) == 6
    assert sorted(os.listdir(tmp_path / "store.previews")) == [
        f"step-{step:09d}.{kind}" for step in (5, 6) for kind in ("npz", "png")
    ]
    (tmp_path / "other.previews").write_text("in the way")
    sheet = PreparationSheet(tmp_path / "other", 32)
    events = list(sheet.beside(run(sheet, shapes[:6])))
    assert [type(event) for event in events] == [Prepared] * 6
