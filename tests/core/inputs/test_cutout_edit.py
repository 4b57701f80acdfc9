"""Corrections of a cut-out as values: how they are shown, and as plain data."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from shapelab.core.errors import InputError
from shapelab.core.inputs.cutout_edit import (
    UNCHANGED,
    AsIs,
    Box,
    Brush,
    CutoutEdit,
    GivenMask,
    Grow,
    Invert,
    Lasso,
    Pick,
    straightening,
)

LINE = ((0.1, 0.2), (0.30000000000000004, 0.25), (-0.02, 1.1))
ALL = CutoutEdit(
    (
        Box(0.1, 0.2, 0.5, 0.25, find_edges=False),
        Lasso(LINE),
        Brush(LINE, 0.05, is_object=True),
        Brush(LINE[:1], 0.01, is_object=False, find_edges=False),
        Pick(0.5, 1 / 3),
        Grow(-1 / 256),
        Invert(),
        AsIs(),
        GivenMask.of(np.arange(12, dtype=np.uint8).reshape(3, 4)),
    ),
    turns=3,
    flipped=True,
    crop=(0.0, 0.1, 0.75, 0.5),
    tilt=-3.3,
)
ORIENTATIONS = [(turns, flipped) for turns in range(4) for flipped in (False, True)]


def test_an_edit_survives_json_exactly() -> None:
    assert CutoutEdit.from_dict(json.loads(json.dumps(ALL.to_dict()))) == ALL
    assert CutoutEdit.from_dict(UNCHANGED.to_dict()) == UNCHANGED == CutoutEdit()


def test_a_given_mask_keeps_its_opacities() -> None:
    alpha = np.random.default_rng(0).integers(0, 256, (5, 7), np.uint8)
    assert (GivenMask.of(alpha).alpha() == alpha).all()


def changed(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """The plain data of ``ALL`` with one value replaced."""
    data = json.loads(json.dumps(ALL.to_dict()))
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return data


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("steps",), None),
        (("steps",), [{"kind": "invert"}] * 1001),
        (("steps", 0), {"kind": "box", "x": 0, "y": 0, "width": 1}),
        (("steps", 0, "kind"), "circle"),
        (("steps", 0, "width"), 0),
        (("steps", 0, "x"), float("nan")),
        (("steps", 0, "x"), 1e300),
        (("steps", 0, "find_edges"), 1),
        (("steps", 1, "line"), []),
        (("steps", 1, "line"), [[0, 0]] * 10_001),
        (("steps", 1, "line", 0), [1]),
        (("steps", 1, "line", 0), ["1", 2]),
        (("steps", 2, "width"), -1),
        (("steps", 5, "by"), 0.26),
        (("steps", 5, "by"), -16),
        (("steps", 8, "columns"), 2**40),
        (("steps", 8, "rows"), 4),
        (("steps", 8, "packed"), "no Base64!"),
        (("steps", 8, "packed"), "bm8gemxpYg=="),
        (("turns",), 4),
        (("flipped",), None),
        (("crop",), [0, 0, 1]),
        (("crop",), [0, 0, 0, 1]),
        (("tilt",), 46),
        (("tilt",), None),
    ],
)
def test_damaged_data_are_refused_in_one_sentence(path: tuple[Any, ...], value: Any) -> None:
    with pytest.raises(InputError, match="correction of the picture is damaged"):
        CutoutEdit.from_dict(changed(path, value))


@pytest.mark.parametrize("data", [None, [], "steps", {"steps": []}])
def test_other_data_are_refused_too(data: Any) -> None:
    with pytest.raises(InputError, match="draw it again"):
        CutoutEdit.from_dict(data)


@pytest.mark.parametrize(("turns", "flipped"), ORIENTATIONS)
def test_places_are_shown_where_the_pixels_are(turns: int, flipped: bool) -> None:
    edit = CutoutEdit(turns=turns, flipped=flipped)
    picture = np.arange(20 * 50).reshape(20, 50)
    rows, columns = np.array([0, 3, 19]), np.array([49, 7, 0])
    places = np.stack([columns + 0.5, rows + 0.5], 1) / 50
    seen = edit.to_shown(places, (1.0, 0.4)) * 50
    shown = edit.shown(picture)
    found = shown[np.floor(seen[:, 1]).astype(int), np.floor(seen[:, 0]).astype(int)]
    assert found.tolist() == picture[rows, columns].tolist()
    assert np.allclose(edit.to_picture(seen / 50, (1.0, 0.4)), places)


@pytest.mark.parametrize("tilt", [-45.0, -7.5, 20.0])
@pytest.mark.parametrize(("turns", "flipped"), ORIENTATIONS)
def test_places_of_a_tilted_picture_are_shown_where_the_pixels_are(
    turns: int, flipped: bool, tilt: float
) -> None:
    edit = CutoutEdit(turns=turns, flipped=flipped, tilt=tilt)
    picture = np.zeros((80, 200), np.uint8)
    picture[20:23, 150:153] = 255
    place = np.array([[151.5, 21.5]]) / 200
    seen = edit.to_shown(place, (1.0, 0.4))
    shown = edit.shown(picture)
    rows, columns = np.nonzero(shown > 100)
    assert [columns.mean() + 0.5, rows.mean() + 0.5] == pytest.approx(seen[0] * 200, abs=0.6)
    assert np.allclose(edit.to_picture(seen, (1.0, 0.4)), place)
    corners = edit.to_shown(np.array([(0, 0), (1, 0), (1, 0.4), (0, 0.4)]), (1.0, 0.4)) * 200
    assert corners.min(0) == pytest.approx((0, 0), abs=1)
    assert corners.max(0) == pytest.approx(shown.shape[::-1], abs=1)


def test_nothing_is_opaque_beyond_the_corners_of_a_tilted_picture() -> None:
    picture = np.full((40, 60, 4), 255, np.uint8)
    picture[..., 0] = 90
    shown = CutoutEdit(tilt=10.0).shown(picture)
    assert shown[0, 0].tolist() == [90, 255, 255, 0]
    assert shown[len(shown) // 2, shown.shape[1] // 2].tolist() == [90, 255, 255, 255]


@pytest.mark.parametrize(
    ("line", "tilt"),
    [
        ([(0.1, 0.5), (0.9, 0.5)], 0.0),
        ([(0.1, 0.5), (0.5, 0.55), (0.9, 0.6)], 7.125),  # falls to the right: turned back
        ([(0.9, 0.6), (0.1, 0.5)], 7.125),
        ([(0.5, 0.9), (0.45, 0.1)], -3.576),  # leans to the left
        ([(0.5, 0.5), (0.51, 0.5)], None),  # too short
    ],
)
def test_a_line_says_what_is_straight(line: list[tuple[float, float]], tilt: float | None) -> None:
    found = straightening(np.array(line))
    assert found == (None if tilt is None else pytest.approx(tilt, abs=1e-3))
    if found is not None:  # and afterwards it is
        ends = CutoutEdit(tilt=found).to_shown(np.array([line[0], line[-1]]), (1.0, 0.7))
        assert np.abs(ends[1] - ends[0]).min() == pytest.approx(0, abs=1e-9)


def test_edits_of_before_have_no_tilt() -> None:
    data = ALL.to_dict()
    del data["tilt"]
    assert CutoutEdit.from_dict(data) == replace(ALL, tilt=0.0)


@pytest.mark.parametrize(("turns", "flipped"), ORIENTATIONS)
def test_turning_and_flipping_act_on_what_is_seen(turns: int, flipped: bool) -> None:
    edit, picture = CutoutEdit(turns=turns, flipped=flipped), np.arange(6).reshape(2, 3)
    seen = edit.shown(picture)
    assert (edit.turned(1).shown(picture) == np.rot90(seen)).all()
    assert (edit.turned(-1).shown(picture) == np.rot90(seen, -1)).all()
    assert (edit.mirrored().shown(picture) == seen[:, ::-1]).all()
    assert edit.turned(1).turned(-1) == edit.mirrored().mirrored() == edit


def test_a_step_is_added_at_the_end() -> None:
    assert ALL.with_step(Invert()) == replace(ALL, steps=(*ALL.steps, Invert()))
