"""Voxel files and the model's grid convention."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from shapelab.core.errors import InputError
from shapelab.core.inputs.voxel_files import VoxelGrid, bounds, fit, read


def box(side: int = 16) -> np.ndarray:
    """An L of three different sides, so that no axis or flip can be mistaken."""
    grid = np.zeros((side,) * 3, np.uint8)
    grid[2:12, 3:8, 4:10] = 1
    grid[2:4, 3:5, 4:14] = 1
    return grid


def npy(values: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values, allow_pickle=True)
    return stream.getvalue()


def npz(**arrays: Any) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def binvox(values_x_z_y: np.ndarray, runs: bytes | None = None) -> bytes:
    flat = values_x_z_y.ravel()
    sides = " ".join(map(str, values_x_z_y.shape))
    body = runs if runs is not None else b"".join(bytes([v, 1]) for v in flat)
    head = f"#binvox 1\ndim {sides}\ntranslate 0 0 0\nscale 2\ndata\n"
    return head.encode() + body


@pytest.mark.parametrize(
    "stored", [box(), box().astype(bool), box() * 255, box().astype(np.float64), box()[None]]
)
def test_npy_is_read_whatever_its_numbers(stored: np.ndarray) -> None:
    assert (read(npy(stored), ".npy").values == box()).all()


@pytest.mark.parametrize(
    "stored",
    [
        box().astype(np.float32) * 7,  # one label of several
        box() * np.arange(1, 17, dtype=np.float64),  # a label for each slice
        box().astype(np.int8) * 2 - 1,  # -1 is empty
        box().astype(np.float32) * 2 - 1,
    ],
)
def test_labels_and_signs_are_occupancies(stored: np.ndarray) -> None:
    assert (read(npy(stored), ".npy").values == box()).all()
    assert (read(npz(stored=stored), ".npz").values == box()).all()


def test_all_versions_of_npy_are_read() -> None:
    for version in ((1, 0), (2, 0), (3, 0)):
        stream = io.BytesIO()
        np.lib.format.write_array(stream, box(), version=version)
        assert (read(stream.getvalue(), ".npy").values == box()).all()


def test_an_npz_has_one_grid_whatever_its_name() -> None:
    names = np.array(["chair", "table"])
    others = {"a": np.zeros(3), "labels": np.ones((4, 4)), "data": np.arange(5), "names": names}
    assert (read(npz(mine=box(), **others), ".npz").values == box()).all()
    with pytest.raises(InputError, match="name it 'voxels'"):
        read(npz(mine=box(), yours=box(), labels=np.zeros(4)), ".npz")


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("tail", [b"", b"\n", b"\r\n", bytes(100)])
def test_a_binvox_may_have_line_ends_of_windows_and_padding(end: bytes, tail: bytes) -> None:
    head, mark, body = binvox(box()).partition(b"data\n")
    data = (head + mark).replace(b"\n", end) + body + tail
    assert read(data, ".binvox").values.sum() == box().sum()
    with pytest.raises(InputError, match="4096 cells, but holds 4097"):
        read((head + mark).replace(b"\n", end) + body + b"\x01\x01", ".binvox")


def test_messages_stay_short_whatever_a_file_claims() -> None:
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({'9' * 900}, 2, 2), }}".encode()
    data = b"\x93NUMPY\x01\x00" + (len(header) + 1).to_bytes(2, "little") + header + b"\n"
    with pytest.raises(InputError) as caught:
        read(data, ".npy")
    assert len(str(caught.value)) < 200


def test_fortran_order_is_respected() -> None:
    assert (read(npy(np.asfortranarray(box())), ".npy").values == box()).all()


def test_npz_finds_the_named_or_the_only_array() -> None:
    assert (read(npz(other=np.zeros(3), voxels=box()), ".npz").values == box()).all()
    assert (read(npz(thing=box()), ".npz").values == box()).all()
    with pytest.raises(InputError, match="name it 'voxels'"):
        read(npz(a=box(), b=box()), ".npz")


def test_mat_is_read() -> None:
    from scipy.io import savemat

    stream = io.BytesIO()
    savemat(stream, {"grid": box(), "label": "x"})
    assert (read(stream.getvalue(), ".mat").values == box()).all()


def test_binvox_comes_out_with_z_up_and_is_not_flipped() -> None:
    # A corner at x=0, y(up)=0, z=0 with arms of 2, 3 and 4 cells along x, y and z.
    stored = np.zeros((6, 6, 6), np.uint8)  # x, z, y
    stored[:2, 0, 0] = stored[0, 0, :3] = stored[0, :4, 0] = 1
    grid = read(binvox(stored), ".binvox")
    assert grid.pitch == pytest.approx(2 / 6)
    # A turn about x takes y to z and z to -y.
    assert np.flatnonzero(grid.values[:, 5, 0]).tolist() == [0, 1]
    assert np.flatnonzero(grid.values[0, 5, :]).tolist() == [0, 1, 2]
    assert np.flatnonzero(grid.values[0, :, 0]).tolist() == [2, 3, 4, 5]


@pytest.mark.parametrize(
    ("data", "suffix", "words"),
    [
        (npy(np.zeros((4, 4, 4))), ".npy", "empty"),
        (npy(np.ones((4, 4))), ".npy", "three axes"),
        (npy(np.ones((1, 600, 4))), ".npy", "three axes"),
        (npy(np.ones((5, 4, 4, 4))), ".npy", "5 voxel grids"),
        (npy(np.full((4, 4, 4), np.nan)), ".npy", "finite"),
        (npy(np.full((4, 4, 4), -1.0)), ".npy", "finite"),
        (npy(np.array([{"a": 1}], dtype=object)), ".npy", "no numbers"),
        (npy(np.full((4, 4, 4), "x")), ".npy", "no numbers"),
        (npy(box())[:-9], ".npy", "cut off"),
        (b"\x93NUMPY\x02\x00" + b"\xff" * 40, ".npy", "odd header"),
        (b"PK\x03\x04rubbish", ".npz", "damaged"),
        (b"not a mat file at all", ".mat", "damaged"),
        (b"MATLAB 7.3 MAT-file", ".mat", "-v7"),
        (b"hello", ".binvox", "not a binvox"),
        (binvox(box(), b"\x01\xff"), ".binvox", "lies about its size"),
        (b"#binvox 1\ndim 9999 9999 9999\ndata\n", ".binvox", "three sides"),
        (b"#binvox 1\ndata\n", ".binvox", "damaged"),
    ],
)
def test_bad_files_give_one_sentence(data: bytes, suffix: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        read(data, suffix)
    assert str(caught.value).endswith(".")


def test_a_lying_npy_header_allocates_nothing() -> None:
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (60000, 60000, 60000), }"
    data = b"\x93NUMPY\x01\x00" + (len(header) + 1).to_bytes(2, "little") + header + b"\n"
    with pytest.raises(InputError, match="too large"):
        read(data, ".npy")


def test_an_npz_bomb_is_cut_short() -> None:
    with pytest.raises(InputError, match="too large"):
        read(npz(voxels=np.zeros((300, 1024, 1024), np.uint8)), ".npz")


def test_fit_leaves_a_grid_of_the_convention_as_it_is() -> None:
    grid = np.zeros((32, 32, 32), np.float32)
    grid[4:28, 10:22, 9:23] = 1
    grid[6:20, 10:12, 9:20] = 0
    assert (fit(VoxelGrid(grid, 1.0), 32) == (grid > 0)).all()


@pytest.mark.parametrize("side", [16, 48, 128])
def test_fit_scales_to_24_cells_and_centres(side: int) -> None:
    grid = np.zeros((side,) * 3, np.float32)
    grid[: side // 2, : side // 4, -side // 4 :] = 1
    fitted = fit(VoxelGrid(grid, 1.0), 32)
    box_of = bounds(fitted)
    assert box_of == (slice(4, 28), slice(10, 22), slice(10, 22))
    assert fitted[box_of].all()


def test_fit_keeps_thin_legs_when_it_shrinks() -> None:
    grid = np.zeros((96, 96, 96), np.float32)
    grid[:, :, 90:] = 1
    for x in (1, 93):
        for y in (2, 92):
            grid[x : x + 2, y : y + 2, :90] = 1  # half a cell wide after shrinking
    fitted = fit(VoxelGrid(grid, 1.0), 32)
    assert (fitted[:, :, 4:28].any((0, 1))).all()
    assert fitted[4:28, 4:28, 10].sum() >= 4


def test_fit_refuses_an_empty_grid() -> None:
    with pytest.raises(InputError, match="empty"):
        fit(VoxelGrid(np.zeros((4, 4, 4), np.float32), 1.0), 32)
