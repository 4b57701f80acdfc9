"""Corrections of a cut-out carried out, on pictures whose true masks are known."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from shapelab.core.errors import InputError
from shapelab.core.inputs import cutout, images
from shapelab.core.inputs.corrected_picture import CutoutCorrection, corrected
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
    Step,
)
from shapelab.core.inputs.images import NoObject, PreparedImage
from tests.table_photo import HEIGHT, LEG, WIDTH, photo, prepared, table


def after(picture: PreparedImage, *steps: Step) -> np.ndarray:
    return CutoutCorrection(picture).mask(CutoutEdit(steps)) >= 128


def brush(x: float, y: float, is_object: bool, **options: Any) -> Brush:
    """A dab of 12 pixels' width at a pixel."""
    return Brush(((x / WIDTH, y / WIDTH),), 12 / WIDTH, is_object, **options)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def test_one_dab_brings_a_lost_leg_back_and_changes_nothing_else() -> None:
    true = table()
    found = true.copy()
    found[LEG] = False
    mask = after(prepared(photo(true), found), brush(96, 160, True))
    assert mask[LEG].mean() > 0.92  # the corners are round
    beside = np.ones_like(true)
    beside[100:220, 80:112] = False
    assert (mask == found)[beside].all()
    assert iou(mask, true) > 0.98


def test_one_dab_takes_a_piece_of_the_wall_away_and_nothing_of_the_table() -> None:
    true = table()
    found = true.copy()
    found[20:70, 250:310] = True
    mask = after(prepared(photo(true), found), brush(280, 45, False))
    assert not mask[20:70, 250:310].any()
    assert mask[true].all()


def test_a_stroke_holds_what_the_strokes_before_it_said() -> None:
    true = table()
    found = true.copy()
    found[LEG] = False
    kept = brush(96, 200, False, find_edges=False)  # the foot is none of it
    mask = after(prepared(photo(true), found), kept, brush(96, 140, True))
    assert mask[120:180, 92:100].all()
    assert not mask[198:202, 94:98].any()


def test_without_edges_a_brush_paints_its_disc_alone() -> None:
    empty = np.zeros((HEIGHT, WIDTH), bool)
    mask = after(prepared(photo(table()), empty), brush(200, 180, True, find_edges=False))
    rows, columns = np.nonzero(mask)
    assert mask.sum() == pytest.approx(np.pi * 6**2, rel=0.12)
    assert (rows.mean() + 0.5, columns.mean() + 0.5) == pytest.approx((180, 200), abs=0.6)


def test_a_box_finds_the_object_in_it_and_nothing_beside() -> None:
    true = table()
    other = np.zeros_like(true)
    other[20:60, 270:310] = True
    box = Box(70 / WIDTH, 70 / WIDTH, 180 / WIDTH, 150 / WIDTH)
    mask = after(prepared(photo(true | other), other), box)
    assert iou(mask, true) > 0.95
    assert not mask[other].any()


def test_a_box_counts_where_nothing_can_be_told_from_the_wall() -> None:
    wall = photo(np.zeros((HEIGHT, WIDTH), bool))
    box = Box(0.25, 0.125, 0.5, 0.5)
    picture = prepared(wall, np.zeros((HEIGHT, WIDTH), bool), "nothing")
    everything = after(picture, Box(0.0, 0.0, 1.0, 1.0))
    assert after(picture, replace(box, find_edges=False)).sum() == pytest.approx(160**2, rel=0.02)
    assert after(picture, box).any()
    assert everything.any()


def test_a_lasso_without_edges_is_its_area() -> None:
    line = ((0.2, 0.1), (0.8, 0.1), (0.5, 0.6))
    mask = after(prepared(photo(table()), table()), Lasso(line, find_edges=False))
    assert mask.sum() == pytest.approx(0.6 * 0.5 / 2 * WIDTH**2, rel=0.03)


def test_the_part_that_is_picked_stays_alone() -> None:
    found = table()
    found[20:60, 270:310] = True
    picture = prepared(photo(found), found)
    near = after(picture, Pick(260 / WIDTH, 40 / WIDTH))
    assert near[20:60, 270:310].all()
    assert near.sum() == 40 * 40
    assert (after(picture, Pick(100 / WIDTH, 100 / WIDTH)) == table()).all()
    empty = prepared(photo(found), np.zeros_like(found))
    assert not after(empty, Pick(0.5, 0.5)).any()


@pytest.mark.parametrize("pixels", [5, -5])
def test_growing_moves_the_edge_of_a_disc_by_as_much(pixels: int) -> None:
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    disc = np.hypot(rows - 120, columns - 160) <= 40
    mask = after(prepared(photo(disc), disc), Grow(pixels / WIDTH))
    assert mask.sum() == pytest.approx(np.pi * (40 + pixels) ** 2, rel=0.04)


def test_inverting_twice_is_nothing() -> None:
    picture = prepared(photo(table()), table())
    assert (after(picture, Invert()) == ~table()).all()
    assert (after(picture, Invert(), Invert()) == table()).all()


def test_as_is_keeps_everything_or_the_pictures_own_transparency() -> None:
    opaque = photo(table())
    assert after(prepared(opaque, table()), AsIs()).all()
    opaque[..., 3] = np.where(table(), 255, 0)
    assert (after(prepared(opaque, np.ones_like(table())), AsIs()) == table()).all()


def test_a_given_mask_fits_the_picture_whatever_its_size() -> None:
    small = np.zeros((24, 32), np.uint8)
    small[:, 16:] = 255
    mask = after(prepared(photo(table()), table()), GivenMask.of(small))
    assert mask[:, 166:].all()
    assert not mask[:, :154].any()


def test_undo_needs_no_new_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    cuts = []
    grabcut = cutout.grabcut
    monkeypatch.setattr(cutout, "grabcut", lambda *given: cuts.append(1) or grabcut(*given))
    correction = CutoutCorrection(prepared(photo(table()), table()))
    edits = [UNCHANGED]
    for x in (96, 224):
        edits.append(edits[-1].with_step(brush(x, 200, False)))
        correction.mask(edits[-1])
    masks = [correction.mask(edit) for edit in edits]
    assert len(cuts) == 2
    assert (masks[0] >= 128).sum() > (masks[1] >= 128).sum() > (masks[2] >= 128).sum()


def test_many_strokes_are_forgotten_and_computed_again_alike() -> None:
    correction = CutoutCorrection(prepared(photo(table()), table()))
    edit = UNCHANGED
    for k in range(40):
        edit = edit.with_step(brush(10 + 7 * k, 20, True, find_edges=False))
    mask = correction.mask(edit)
    early = correction.mask(replace(edit, steps=edit.steps[:3]))
    assert (CutoutCorrection(prepared(photo(table()), table())).mask(edit) == mask).all()
    assert (early >= 128).sum() < (mask >= 128).sum()


def test_without_a_change_a_picture_is_as_it_was_read() -> None:
    picture = prepared(photo(table()), table())
    again = corrected(picture, CutoutEdit((Invert(),)))
    assert corrected(picture, UNCHANGED) is picture
    assert corrected(again, UNCHANGED) is picture
    assert again.found is picture
    assert (again.method, again.edit.steps) == ("corrected", (Invert(),))


def test_what_is_turned_and_flipped_is_framed_so() -> None:
    picture = prepared(photo(table()), table())
    plain = corrected(picture, CutoutEdit((Grow(1e-9),)))
    turned = corrected(picture, CutoutEdit((Grow(1e-9),), turns=1, flipped=True))
    expected = np.rot90(plain.rgba[..., 3])[:, ::-1]
    assert np.abs(turned.rgba[..., 3].astype(int) - expected).mean() < 4
    assert turned.scene is not None
    assert turned.scene.shape == (64, 64, 3)


def test_what_is_cropped_away_is_neither_object_nor_scene() -> None:
    true = table()
    rgba = photo(true)
    rgba[:, 160:, :3] = (250, 0, 0)  # the right half
    picture = prepared(rgba, true)
    half = corrected(picture, CutoutEdit((), crop=(0.0, 0.0, 0.5, 1.0)))
    assert half.scene is not None
    assert half.scene[..., 0].max() < 200
    with pytest.raises(InputError, match="No object found in the picture: draw a box round it"):
        corrected(picture, CutoutEdit((), crop=(0.0, 0.0, 0.1, 0.1)))
    outside = CutoutEdit((), crop=(5.0, 5.0, 1.0, 1.0))
    with pytest.raises(InputError, match="No object found"):
        corrected(picture, outside)


def test_a_picture_that_shows_nothing_comes_back_to_be_cut_out_by_hand() -> None:
    stream = io.BytesIO()
    Image.new("RGB", (1000, 500), (90, 120, 90)).save(stream, "PNG")
    with pytest.raises(NoObject, match="No object found in the picture: draw a box") as refused:
        images.prepare(stream.getvalue())
    picture = refused.value.picture
    assert picture is not None
    assert (picture.method, picture.original.shape) == ("nothing", (384, 768, 4))
    assert picture.full_size == (1000, 500)
    with pytest.raises(InputError, match="No object found"):
        corrected(picture, UNCHANGED)
    boxed = corrected(picture, CutoutEdit((Box(0.25, 0.1, 0.2, 0.3, find_edges=False),)))
    rows, columns = np.nonzero(boxed.rgba[..., 3] > 127)
    assert (np.ptp(rows) + 1) / (np.ptp(columns) + 1) == pytest.approx(1.5, rel=0.03)


def test_a_clear_picture_gets_no_scene_from_what_is_hidden() -> None:
    rgba = photo(table())
    rgba[..., 3] = np.where(table(), 255, 0)
    picture = prepared(rgba, table(), "alpha")
    assert corrected(picture, CutoutEdit((Grow(3 / WIDTH),))).scene is None
