"""Several shapes on one build plate: apart, named, in order, as trimesh reads them."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from shapelab.core.errors import ExportError, NotPrintableError
from shapelab.core.mesh import formats
from shapelab.core.mesh.meshing import LooseParts, finish, surface
from shapelab.core.mesh.tri_mesh import TriMesh
from shapelab.core.session import shape_export
from shapelab.core.session.shape_export import GAP_MM, arranged, file_names, write_plate
from tests.shapes import chair


@pytest.fixture(scope="module")
def parts():
    """Chairs and slabs of several sizes; two are the same."""
    whole = surface(chair(32))
    slab = np.zeros((32, 32, 32), np.float32)
    slab[4:28, 10:22, 14:17] = 1
    return [
        *(finish(whole, size) for size in (80, 30, 55, 80)),
        *(finish(surface(slab), size) for size in (120, 10)),
    ]


def test_a_plate_holds_each_part_apart_and_unchanged(parts, tmp_path):
    path = tmp_path / "plate.3mf"
    names = [f"part <{k}> & ü" for k in range(len(parts))]
    reports = write_plate(path, list(zip(names, parts, strict=True)))
    assert all(report.ok and report.path == path for report in reports)
    scene = trimesh.load_scene(path)
    assert set(scene.geometry) == set(names)
    boxes = []
    for name, part in zip(names, parts, strict=True):
        body = scene.geometry[name]
        np.testing.assert_array_equal(body.vertices.astype(np.float32), part.vertices)
        assert body.is_watertight
        matrix = scene.graph[scene.graph.geometry_nodes[name][0]][0]
        moved = trimesh.transform_points(body.vertices, matrix)
        boxes.append((moved.min(axis=0), moved.max(axis=0)))
    assert all(low.min() >= 0 for low, _ in boxes)
    for k, (low, high) in enumerate(boxes):
        assert low[2] == pytest.approx(0, abs=1e-6)  # they stand
        for other_low, other_high in boxes[:k]:
            gap = np.maximum(low[:2] - other_high[:2], other_low[:2] - high[:2]).max()
            assert gap >= GAP_MM - 0.05
    rows = [round(low[1]) for low, _ in boxes]
    assert rows == sorted(rows)  # in order, row after row


def test_a_plate_is_about_as_wide_as_deep(parts):
    many = [parts[1]] * 30
    places = np.array(arranged(many))
    width, depth = np.ptp(places, axis=0) + many[0].extents[:2]
    assert 0.5 < width / depth < 2
    assert len(np.unique(places, axis=0)) == 30


def test_the_same_plate_gives_the_same_bytes(parts, tmp_path):
    named = [("a", parts[0]), ("a", parts[1])]
    for name in ("one.3mf", "two.3mf"):
        write_plate(tmp_path / name, named)
    assert (tmp_path / "one.3mf").read_bytes() == (tmp_path / "two.3mf").read_bytes()
    with pytest.raises(ExportError, match="there already"):
        write_plate(tmp_path / "one.3mf", named)
    write_plate(tmp_path / "one.3mf", named[:1], force=True)


def test_what_cannot_be_printed_is_named_and_nothing_is_written(parts, tmp_path):
    torn = TriMesh(parts[1].vertices, parts[1].faces[:-3])
    path = tmp_path / "plate.3mf"
    with pytest.raises(NotPrintableError, match="the torn one"):
        write_plate(path, [("whole", parts[0]), ("the torn one", torn)])
    with pytest.raises(ExportError, match="no shape"):
        write_plate(path, [])
    with pytest.raises(ExportError, match=r"\.3mf"):
        write_plate(tmp_path / "plate.stl", [("whole", parts[0])])
    assert list(tmp_path.iterdir()) == []


def test_a_part_for_a_plate_is_judged_alone(parts, monkeypatch):
    torn = TriMesh(parts[1].vertices, parts[1].faces[:-3])
    part = shape_export.ShapePart(torn, 0.5, LooseParts(), "")
    monkeypatch.setattr(shape_export, "shape_part", lambda *_: part)
    with pytest.raises(NotPrintableError, match=r"^the torn one: "):
        shape_export.plate_part(None, "the torn one", None, 80)


@pytest.mark.parametrize("fault", ["lost", "mixed up", "moved"])
def test_a_faulty_plate_is_found_out(parts, tmp_path, monkeypatch, fault):
    honest = formats.encode_plate

    def wrong(bodies):
        if fault == "lost":
            return honest(bodies[:-1])
        if fault == "moved":
            return honest([bodies[0], bodies[1]._replace(x=bodies[1].x + 3)])
        first, second = bodies
        return honest([first._replace(mesh=second.mesh), second._replace(mesh=first.mesh)])

    monkeypatch.setattr(formats, "encode_plate", wrong)
    with pytest.raises(ExportError):
        write_plate(tmp_path / "plate.3mf", [("a", parts[0]), ("b", parts[1])])
    assert list(tmp_path.iterdir()) == []


def test_files_are_named_in_order_and_apart():
    names = ["Chair, seed 7", "Chair, seed 7", "../../etc", "…", "a" * 300, "ü/ß"]
    found = file_names(names, ".stl")
    assert found[:2] == ["1-Chair-seed-7.stl", "2-Chair-seed-7.stl"]
    assert len({name.casefold() for name in found}) == len(names)
    assert not any("/" in name or "\\" in name or len(name) > 80 for name in found)
    assert file_names(["x"] * 12, ".obj")[0] == "01-x.obj"
    assert sorted(file_names(["x"] * 120, ".obj")) == file_names(["x"] * 120, ".obj")
