"""Furniture from parameters: geometry, variety, determinism, and the reader that lists it."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from shapelab.core.errors import DataError, InputError
from shapelab.core.mesh.tri_mesh import TriMesh, shell_of_faces
from trainer.data.source import Item
from trainer.data.sources.procedural import (
    FAMILIES,
    PROCEDURAL,
    mesh,
    parameters,
    random_piece,
    signed_distance,
)
from trainer.data.sources.procedural.chair import Chair
from trainer.data.sources.procedural.furniture import Furniture, Parameter
from trainer.data.sources.procedural.solids import block, leg, ring, rod, turned, union
from trainer.data.sources.procedural.table import Table
from trainer.data.sources.procedural.union_mesh import STEPS, sampled

every_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
MODELNET10 = ("bed", "chair", "desk", "dresser", "sofa", "table")


def grid(piece: Furniture, cells: int = 24) -> NDArray[np.bool_]:
    """Solid cells in a cube of cells + 8 along each side, fitted as the voxeliser does."""
    distances, _, pitch = sampled(piece.placed(), cells)
    inside = distances < 0.25 * pitch
    out = np.zeros((cells + 8,) * 3, bool)
    start = [(cells + 8 - n) // 2 for n in inside.shape]
    out[tuple(slice(s, s + n) for s, n in zip(start, inside.shape, strict=True))] = inside
    return out


def plain(family: type[Furniture], **given: object) -> Furniture:
    """A piece in the middle of all ranges, but for what is given."""
    values = {p.name: p.at(0.5) for p in parameters(family)}
    return family(**{**values, **given})


def euler_number(surface: TriMesh) -> int:
    edges = np.sort(surface.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    return len(surface.vertices) - len(np.unique(edges, axis=0)) + len(surface.faces)


def is_closed(surface: TriMesh) -> bool:
    """Whether each edge is passed once in each direction."""
    edges = surface.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2).astype(np.int64)
    there, back = (edges @ (1 << 32, 1), edges[:, ::-1] @ (1 << 32, 1))
    return len(np.unique(there)) == len(there) and np.array_equal(np.sort(there), np.sort(back))


# The solids


def test_distances_of_known_points() -> None:
    points = np.array([[0, 0, 0], [3, 0, 0], [2, 3, 0], [4, 5, 3], [0, 0, 1.5]], float)
    box = block((-2, -1, -1), (2, 1, 1))
    assert union([box], points) == pytest.approx([-1, 1, 2, np.sqrt(4 + 16 + 4), 0.5])
    disc = block((-2, -2, -1), (2, 2, 1), corner=2)
    assert union([disc], points) == pytest.approx(
        [-1, 1, np.hypot(2, 3) - 2, np.hypot(np.hypot(4, 5) - 2, 2), 0.5]
    )
    bar = rod((-2, 0, 0), (2, 0, 0), 0.5)
    assert union([bar], points) == pytest.approx([-0.5, 0.5, 2.5, np.sqrt(38) - 0.5, 1.0])
    hoop = ring((0, 0, 0), 2, 0.5)
    assert union([hoop], points) == pytest.approx(
        [1.5, 0.5, np.hypot(2, 3) - 2.5, np.hypot(np.hypot(4, 5) - 2, 3) - 0.5, 2.0]
    )
    post = leg((0, 0, -1), (0, 0, 1), 2, 2, square=True)
    assert union([post], points)[[0, 1, 4]] == pytest.approx([-1, 1, 0.5])


def test_turning_keeps_distances_and_the_box_around() -> None:
    part = block((-2, -1, 0), (2, 1, 3), edge=0.2)
    quarter = turned(part, 2, 90.0)
    assert quarter.low == pytest.approx((-1, -2, 0))
    assert quarter.high == pytest.approx((1, 2, 3))
    points = np.random.default_rng(0).uniform(-4, 4, (200, 3))
    x, y, z = points.T
    assert union([quarter], points) == pytest.approx(union([part], np.stack([y, -x, z], 1)))
    leaning = turned(part, 0, -20.0, (0.0, 1.0, 0.0))
    top = union([leaning], np.array([[0.0, 1 + 3 * np.sin(np.deg2rad(20)) - 0.3, 2.5]]))
    assert top[0] < 0, "a negative turn about x leans the top backwards"


# The families


@every_family
def test_parameters_are_declared_with_name_bounds_and_meaning(family: type[Furniture]) -> None:
    declared = parameters(family)
    assert len(declared) >= 8
    assert all(p.meaning and (p.options or p.low < p.high) for p in declared)
    for number in range(30):
        piece = random_piece(family, number, seed=4)
        for p in declared:
            value = getattr(piece, p.name)
            assert value in p.options if p.options else p.low <= value <= p.high, p.name
            assert isinstance(value, int) == p.whole


def test_whole_numbers_and_styles_are_drawn_evenly() -> None:
    shares = np.linspace(0, 1, 3000, endpoint=False)
    whole = Parameter("n", "", low=2, high=4, whole=True)
    style = Parameter("s", "", options=("a", "b", "b"))
    assert [sum(whole.at(s) == n for s in shares) for n in (2, 3, 4)] == [1000] * 3
    assert [sum(style.at(s) == o for s in shares) for o in "ab"] == [1000, 2000]


def _others(p: Parameter, value: object) -> list[object]:
    ends = set(p.options) if p.options else {p.at(0.0), p.at(0.999)}
    return sorted(ends - {value}, key=str)


@every_family
def test_each_parameter_alone_changes_the_shape_visibly(family: type[Furniture]) -> None:
    """At 32^3 and after the fit to the grid: somewhere for all, nearly everywhere for eight."""
    pieces = [random_piece(family, number, seed=2) for number in range(6)]
    before = [grid(piece) for piece in pieces]
    seen = {
        p.name: [
            any(
                (grid(dataclasses.replace(piece, **{p.name: other})) != was).sum() >= 4
                for other in _others(p, getattr(piece, p.name))
            )
            for piece, was in zip(pieces, before, strict=True)
        ]
        for p in parameters(family)
    }
    for name in (name for name, where in seen.items() if not any(where)):
        p = next(p for p in parameters(family) if p.name == name)
        more = (random_piece(family, number, seed=2) for number in range(6, 60))
        assert any(
            (grid(dataclasses.replace(piece, **{name: other})) != grid(piece)).sum() >= 4
            for piece in more
            for other in _others(p, getattr(piece, name))
        ), f"{name} is never seen"
    assert sum(sum(where) >= 5 for where in seen.values()) >= 8, seen


@every_family
def test_distances_are_lipschitz_and_signed(family: type[Furniture]) -> None:
    rng = np.random.default_rng(3)
    for number in range(8):
        piece = random_piece(family, number, seed=1)
        size = 1.3 * piece.longest
        points = rng.uniform((-size, -size, -0.2), (size, size, size), (4000, 3))
        steps = rng.normal(size=(4000, 3)) * rng.choice([1e-4, 1e-2, 0.3], (4000, 1))
        here, there = signed_distance(piece, points), signed_distance(piece, points + steps)
        length = np.linalg.norm(steps, axis=1)
        assert (np.abs(here - there) <= length * (1 + 1e-6) + 1e-12).all()
        assert here.min() < 0 < here.max()
        outside = (points[:, 2] < 0) | (np.abs(points[:, :2]) > piece.longest).any(1)
        assert (here[outside] > 0).all(), "nothing below the floor or far beside"


@every_family
def test_surface_is_closed_whole_and_on_the_zero_set(family: type[Furniture]) -> None:
    for number in range(4):
        piece = random_piece(family, number, seed=5)
        found = mesh(piece.placed())
        pitch = float(found.extents.max()) / STEPS
        assert is_closed(found)
        assert shell_of_faces(found.faces).max() == 0, f"{piece} falls apart"
        off = np.abs(signed_distance(piece, found.vertices.astype(np.float64)))
        assert off.max() < pitch
        assert np.median(off) < 0.02 * pitch
        low, high = found.vertices.min(0), found.vertices.max(0)
        points = np.random.default_rng(0).uniform(low, high, (30_000, 3))
        inside = (signed_distance(piece, points) < 0).mean() * float(np.prod(high - low))
        assert found.volume == pytest.approx(inside, rel=0.08)
        assert float(low[2]) == pytest.approx(0.0, abs=pitch), "stands on the floor"


@pytest.mark.parametrize(
    ("given", "tunnels"),
    [
        ({}, 0),
        ({"stretcher": "sides"}, 2),
        ({"stretcher": "box"}, 4),
        ({"shelf": "low"}, 3),
        ({"base": "pedestal"}, 0),
        ({"base": "panels"}, 0),
        ({"base": "panels", "shelf": "middle"}, 1),
    ],
)
def test_tunnels_through_a_table(given: dict[str, str], tunnels: int) -> None:
    simple = {"base": "four", "stretcher": "none", "shelf": "none", "apron": 0.0}
    piece = plain(Table, **{**simple, **given})
    assert euler_number(mesh(piece.placed())) == 2 - 2 * tunnels


@pytest.mark.parametrize("bars", [1, 2, 4])
def test_tunnels_through_a_chair_with_slats(bars: int) -> None:
    piece = plain(
        Chair, back_style="slats", bar_count=bars, back_roundness=0.0, back_width=1.0,
        leg_style="four", stretcher="none", armrest="none",
    )  # fmt: skip
    assert euler_number(mesh(piece.placed())) == 2 - 2 * (bars + 1)


def test_mesh_gets_finer_with_more_steps() -> None:
    parts = [block((-0.5, -0.5, 0), (0.5, 0.5, 1), corner=0.5, edge=0.5)]
    errors = [abs(mesh(parts, steps).volume - np.pi / 6) for steps in (12, 24, 48, 96)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-3 * np.pi / 6


# What a model would learn from


@every_family
def test_shapes_are_whole_and_differ(family: type[Furniture]) -> None:
    pieces = [random_piece(family, number, seed=0) for number in range(40)]
    whole = [ndimage.label(grid(piece, 48), np.ones((3, 3, 3)))[1] == 1 for piece in pieces]
    assert all(whole)
    grids = np.array([grid(piece).ravel() for piece in pieces])
    assert len(np.unique(np.packbits(grids, axis=1), axis=0)) == len(pieces)
    both = grids[:-1] & grids[1:]
    either = grids[:-1] | grids[1:]
    iou = float((both.sum(1) / either.sum(1)).mean())
    assert 0.08 < iou < 0.5, "ModelNet10's classes have 0.09 (table) to 0.47 (dresser)"


@every_family
def test_thicknesses_follow_the_longest_side(family: type[Furniture]) -> None:
    ratios = []
    for number in range(80):
        piece = random_piece(family, number, seed=6)
        low = np.min([part.low for part in piece.placed()], axis=0)
        high = np.max([part.high for part in piece.placed()], axis=0)
        ratios.append(float((high - low).max()) / piece.longest)
        assert low[2] == pytest.approx(0.0, abs=1e-9), f"{piece} does not stand on the floor"
    assert max(ratios) < 1.2, "thicknesses in cells would be too thin"
    assert np.median(ratios) > 0.8


def _leaning(grids: list[NDArray[np.bool_]]) -> NDArray[np.float64]:
    """How far along x and y the upper part of each shape lies from the whole, (n, 2) cells."""
    moved = []
    for solid in grids:
        points = np.argwhere(solid)
        z = points[:, 2]
        upper = points[z > z.min() + 0.7 * np.ptp(z)]
        moved.append((upper.mean(0) - points.mean(0))[:2])
    return np.array(moved)


def _made(label: str) -> list[NDArray[np.bool_]]:
    return [grid(random_piece(FAMILIES[label], number, seed=0)) for number in range(40)]


def test_backs_and_heads_are_where_modelnet10_has_them() -> None:
    """Chairs and beds face -y there, sofas -x."""
    assert (_leaning(_made("chair"))[:, 1] > 0).mean() > 0.9
    assert (_leaning(_made("bed"))[:, 1] > 0).mean() > 0.75
    assert (_leaning(_made("sofa"))[:, 0] > 0).mean() > 0.9


def test_modelnet10_faces_the_same_way(shared_data: Path) -> None:
    with np.load(shared_data / "modelnet10" / "modelnet10_train_30.npz") as data:
        voxels, labels, classes = data["voxels"], data["labels"], list(data["classes"])
    for label in MODELNET10:
        rows = np.flatnonzero(labels == classes.index(label))
        real = [g for g in voxels[rows[20:140]].astype(bool) if g.sum() >= 60]
        made = _made(label)
        if label in ("bed", "chair", "sofa"):
            theirs, ours = (np.median(_leaning(grids), axis=0) for grids in (real, made))
            axis = int(np.abs(theirs).argmax())
            assert np.sign(theirs[axis]) == np.sign(ours[axis]) == 1
            assert axis == int(np.abs(ours).argmax())
        else:
            sides = [
                np.mean([np.ptp(np.argwhere(g), axis=0) for g in grids], axis=0)
                for grids in (real, made)
            ]
            assert all(y > x for x, y, _ in sides), "longer along y in both"


def test_the_same_on_every_machine() -> None:
    chair = random_piece(Chair, 17, seed=3)
    assert (chair.seat_width, chair.back_style, chair.bar_count) == (0.7402781366217084, "solid", 3)
    item = PROCEDURAL.items(Path("procedural:90:3"))[25]
    code = (
        "import hashlib, pathlib\n"
        "from trainer.data.sources.procedural import PROCEDURAL\n"
        "item = PROCEDURAL.items(pathlib.Path('procedural:90:3'))[25]\n"
        "found = PROCEDURAL.load(item)\n"
        "print(hashlib.sha256(found.vertices.tobytes() + found.faces.tobytes()).hexdigest())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "77"}
    other = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    found = PROCEDURAL.load(item)
    here = hashlib.sha256(found.vertices.tobytes() + found.faces.tobytes()).hexdigest()
    assert other.stdout.strip() == here


# The reader


def test_lists_shapes_evenly_in_order_of_their_ids() -> None:
    items = PROCEDURAL.items(Path("procedural"))
    ids = [item.id for item in items]
    assert ids == sorted(set(ids))
    assert len(items) == 200 * len(FAMILIES)
    assert "chair/00017" in ids
    assert {item.label for item in items} == set(FAMILIES)
    counts = [
        sum(i.label == label for i in PROCEDURAL.items(Path("procedural:20"))) for label in FAMILIES
    ]
    assert sum(counts) == 20
    assert max(counts) - min(counts) == 1


def test_a_larger_count_keeps_the_smaller_ones_shapes() -> None:
    few, many = (
        {item.id: item.member for item in PROCEDURAL.items(Path(f"procedural:{count}:5"))}
        for count in (30, 300)
    )
    assert few.items() <= many.items()


def test_another_seed_gives_other_shapes() -> None:
    first, second = (PROCEDURAL.items(Path(f"procedural:9:{seed}"))[2] for seed in (0, 1))
    assert first.id == second.id == "chair/00000"
    assert PROCEDURAL.load(first).volume != PROCEDURAL.load(second).volume
    unseeded = PROCEDURAL.items(Path("procedural:9"))[2]
    assert unseeded.member == first.member


@pytest.mark.parametrize(
    "text", ["procedural:0", "procedural:many", "procedural:-3", "procedural:9:x", "procedural:",
             "procedural:9:1:1", "procedural:99999999"]
)  # fmt: skip
def test_a_source_that_is_misspelt_says_how_to_write_it(text: str) -> None:
    assert PROCEDURAL.sniff(Path(text))
    with pytest.raises(DataError, match="procedural:COUNT:SEED"):
        PROCEDURAL.items(Path(text))


def test_knows_its_own_sources_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert PROCEDURAL.sniff(Path("procedural"))
    assert PROCEDURAL.sniff(Path("procedural:600:1"))
    for other in ("procedural.npz", "proceduralism", "data/procedural", "chairs", "."):
        assert not PROCEDURAL.sniff(Path(other)), other
    (tmp_path / "procedural").mkdir()
    assert not PROCEDURAL.sniff(Path("procedural")), "a folder of that name is a source of its own"


@pytest.mark.parametrize(
    "member", ["", "chair", "chair:1", "throne:1:0", "chair:1:0:2", "chair:x:0"]
)
def test_an_item_of_another_reader_is_refused(member: str) -> None:
    with pytest.raises(InputError, match="chair/00001 is no procedural shape"):
        PROCEDURAL.load(Item("chair/00001", "chair", Path("procedural"), member))
