import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from shapelab.core.mesh import formats
from shapelab.core.mesh.meshing import SurfaceOptions, blocks, finish, surface
from shapelab.core.mesh.print_check import check
from shapelab.core.mesh.tri_mesh import TriMesh

MODELNET = Path(__file__).parents[4] / "shared/data/modelnet10/modelnet10_train_30.npz"
PLACES = np.indices((32, 32, 32)) - 15.5


def ball(radius, x=0.0):
    offset = PLACES - np.reshape([x, 0, 0], (3, 1, 1, 1))
    distance = np.sqrt((offset**2).sum(axis=0)) - radius
    return np.clip(0.5 - distance, 0, 1).astype(np.float32)


@pytest.fixture(scope="module")
def part():
    return finish(surface(ball(10)), 40.0)


def changed(part, vertices=None, faces=None):
    return TriMesh(
        part.vertices if vertices is None else np.asarray(vertices, np.float32),
        part.faces if faces is None else np.asarray(faces, np.int32),
    )


def shifted(part, x):
    return part.vertices + np.array([x, 0, 0], np.float32)


def both(one, other):
    return TriMesh(
        np.concatenate([one.vertices, other.vertices]),
        np.concatenate([one.faces, other.faces + np.int32(len(one.vertices))]),
    )


def test_a_good_part_has_no_problems(part):
    report = check(part)
    assert report.ok
    assert (report.closed, report.manifold, report.outward) == (True, True, True)
    assert report.problems == ()
    assert report.parts == 1
    assert report.triangles == len(part.faces)
    assert report.volume_mm3 == pytest.approx(4 / 3 * np.pi * 8000, rel=0.02)
    assert report.size_mm == pytest.approx((40, 40, 40), rel=0.01)


def test_corners_are_merged_as_a_slicer_does(part):
    soup = TriMesh(
        part.vertices[part.faces].reshape(-1, 3),
        np.arange(3 * len(part.faces), dtype=np.int32).reshape(-1, 3),
    )
    assert check(soup).ok


def test_holes_are_counted(part):
    report = check(changed(part, faces=part.faces[1:]))
    assert (report.closed, report.manifold, report.outward, report.ok) == (False,) * 4
    assert report.problems == ("The surface has holes: 3 edges have a face on one side only.",)


def test_an_inverted_part_is_found(part):
    report = check(changed(part, faces=part.faces[:, ::-1]))
    assert (report.closed, report.manifold, report.outward) == (True, True, False)
    assert report.volume_mm3 < 0
    assert report.parts == 0
    assert report.problems == ("Some surface is inside out: its triangles face inwards.",)


def test_a_flipped_triangle_is_found(part):
    faces = part.faces.copy()
    faces[100] = faces[100, ::-1]
    report = check(changed(part, faces=faces))
    assert report.closed
    assert not report.outward
    assert report.problems == ("Neighbouring triangles disagree about the outside along 3 edges.",)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_corner_that_is_no_number_is_found(part, value):
    vertices = part.vertices.copy()
    vertices[17, 1] = value
    report = check(changed(part, vertices))
    assert report.problems == (
        "Some corners lie at no number; choose another shape or resolution.",
    )


@pytest.mark.parametrize("index", [-1, 10**6])
def test_a_corner_that_is_not_there_is_found(part, index):
    faces = part.faces.copy()
    faces[3, 2] = index
    assert "do not exist" in check(changed(part, faces=faces)).problems[0]


def test_a_collapsed_triangle_is_found(part):
    vertices = part.vertices.copy()
    vertices[part.faces[7, 1]] = vertices[part.faces[7, 0]]
    problems = " ".join(check(changed(part, vertices)).problems)
    assert "triangles have no area" in problems


def test_a_triangle_without_area_but_with_three_corners_is_found(part):
    a, b, c = part.faces[7]
    vertices = part.vertices.copy()
    vertices[c] = (vertices[a].astype(float) + vertices[b]) / 2
    assert any("no area" in p for p in check(changed(part, vertices)).problems)


def test_a_doubled_triangle_is_found(part):
    report = check(changed(part, faces=np.concatenate([part.faces, part.faces[:1]])))
    assert not report.manifold
    assert "1 triangles are there twice." in report.problems


def test_edges_of_four_faces_are_found():
    field = np.zeros((3, 3, 3), np.float32)
    field[0, 0, 0] = field[1, 1, 0] = 1
    report = check(blocks(field))
    assert report.closed
    assert not report.manifold
    assert report.problems == ("1 edges are shared by more than two faces.",)


def test_bodies_that_touch_in_a_point_are_found():
    field = np.zeros((3, 3, 3), np.float32)
    field[0, 0, 0] = field[1, 1, 1] = 1
    report = check(blocks(field))
    assert report.closed
    assert not report.manifold
    assert "single points" in report.problems[0]


def test_two_bodies_are_two_parts(part):
    report = check(both(part, changed(part, shifted(part, 50))))
    assert report.ok
    assert report.parts == 2


def test_a_void_is_fine_only_if_it_faces_inwards(part):
    small = changed(part, part.vertices * np.float32(0.3) + np.float32([0, 0, 14]))
    void = changed(small, faces=small.faces[:, ::-1])
    report = check(both(part, void))
    assert report.ok
    assert report.parts == 1
    assert report.volume_mm3 == pytest.approx(part.volume * (1 - 0.027), rel=1e-4)
    assert "inside out" in check(both(part, small)).problems[0]
    outside = changed(void, shifted(void, 60))
    assert "inside out" in check(both(part, outside)).problems[0]


def test_bodies_that_cut_into_one_another_are_outward(part):
    for step in (1, 15, 30, 39):
        report = check(both(part, changed(part, shifted(part, step))))
        assert report.ok, step
        assert report.parts == 2


def test_an_island_in_a_void_is_a_second_body(part):
    void = changed(part, part.vertices * np.float32(0.6) + np.float32([0, 0, 8]))
    void = changed(void, faces=void.faces[:, ::-1])
    island = changed(part, part.vertices * np.float32(0.2) + np.float32([0, 0, 16]))
    report = check(both(both(part, void), island))
    assert report.ok
    assert report.parts == 2


def test_an_empty_mesh_is_no_part():
    report = check(TriMesh(np.zeros((0, 3), np.float32)))
    assert report.problems == ("The mesh holds no triangles; choose another shape.",)


def test_a_part_too_small_for_any_printer_is_found(part):
    report = check(changed(part, part.vertices * np.float32(1e-3)))
    assert "too thin for any printer" in report.problems[0]
    assert report.manifold


# --- Judges that are no code of ours -------------------------------------------------------------

needs_admesh = pytest.mark.skipif(
    shutil.which("admesh") is None, reason="the program admesh is not installed"
)
needs_slicer = pytest.mark.skipif(
    shutil.which("prusa-slicer") is None, reason="the program prusa-slicer is not installed"
)
REPAIRS = (
    "open_edges",
    "facets_reversed",
    "degenerate_facets",
    "facets_removed",
    "edges_fixed",
    "backwards_edges",
)


def run(*command):
    return subprocess.run(
        [str(c) for c in command], capture_output=True, text=True, timeout=120, check=False
    )


def slicer_problems(path, report):
    """What prusa-slicer finds wrong; its return code and 'manifold = yes' alone prove nothing."""
    done = run("prusa-slicer", "--info", path)
    facts = dict(re.findall(r"^(\w+) = +(.*?) *$", done.stdout, re.MULTILINE))
    found = [key for key in REPAIRS if key in facts]
    if done.returncode or facts.get("manifold") != "yes":
        found.append("not manifold")
    if facts.get("number_of_facets") != str(report.triangles):
        found.append("number of facets")
    if facts.get("number_of_parts") != str(report.parts):
        found.append("number of parts")
    volume = float(facts.get("volume", "nan"))
    if not abs(volume - report.volume_mm3) <= 1e-3 * report.volume_mm3:
        found.append("volume")
    size = [float(facts.get(f"size_{axis}", "nan")) for axis in "xyz"]
    if not np.allclose(size, report.size_mm, rtol=1e-4):
        found.append("size")
    if abs(float(facts.get("min_z", "nan"))) > 1e-4:
        found.append("does not stand on z = 0")
    return found


def admesh_problems(path):
    """What admesh would have to mend, by its own statistics."""
    text = run("admesh", path).stdout
    wanted = (
        "Total disconnected facets",
        "Degenerate facets",
        "Edges fixed",
        "Facets removed",
        "Facets added",
        "Facets reversed",
        "Backwards edges",
    )
    found = []
    for name in wanted:
        count = re.search(rf"^{name} +: +(\d+)", text, re.MULTILINE)
        if count is None or int(count.group(1)):
            found.append(name)
    return found


def shapes():
    """Fields that are hard in different ways, with the options they are shown with."""
    noise = (np.random.default_rng(1).random((16, 16, 16)) < 0.5).astype(np.float32)
    leg = np.zeros((32, 32, 32), np.float32)
    leg[4:28, 4:28, 20] = leg[4, 4, 4:20] = leg[27, 27, 4:20] = leg[4, 27, 4:20] = 1
    return {
        "ball": (ball(10), SurfaceOptions()),
        "border": (np.ones((8, 9, 10), np.float32), SurfaceOptions()),
        "level": (np.where(ball(10) > 0.5, 0.5, 0).astype(np.float32), SurfaceOptions()),
        "noise": (noise, SurfaceOptions()),
        "fine noise": (noise, SurfaceOptions(resolution=2, smoothing=0)),
        "two": (np.maximum(ball(5, -8), ball(5, 8)), SurfaceOptions(largest_part=False)),
        "legs": (leg, SurfaceOptions(smoothing=50)),
        "raw legs": (leg, SurfaceOptions(smoothing=0)),
    }


@needs_slicer
@pytest.mark.parametrize("suffix", [".stl", ".obj", ".3mf"])
@pytest.mark.parametrize("name", shapes())
def test_a_slicer_takes_every_file_without_repair(name, suffix, tmp_path):
    field, options = shapes()[name]
    report = formats.write(tmp_path / f"part{suffix}", finish(surface(field, options), 60.0))
    assert slicer_problems(report.path, report) == []


@needs_admesh
@pytest.mark.parametrize("keep", [1.0, 0.2])
@pytest.mark.parametrize("name", shapes())
def test_admesh_finds_nothing_to_mend(name, keep, tmp_path):
    field, options = shapes()[name]
    report = formats.write(tmp_path / "part.stl", finish(surface(field, options), 60.0, keep))
    assert admesh_problems(report.path) == []


@needs_slicer
def test_a_slicer_makes_layers_of_a_part(part, tmp_path):
    formats.write(tmp_path / "part.stl", part)
    code = tmp_path / "part.gcode"
    done = run("prusa-slicer", "--export-gcode", "--output", code, tmp_path / "part.stl")
    assert done.returncode == 0, done.stderr
    assert code.read_text().count(";LAYER_CHANGE") > 50


@needs_slicer
@needs_admesh
def test_the_judges_do_bite(part, tmp_path):
    report = check(part)
    for name, faces in {"open": part.faces[25:], "inverted": part.faces[:, ::-1]}.items():
        path = tmp_path / f"{name}.stl"
        path.write_bytes(formats.encode(changed(part, faces=faces), ".stl"))
        assert slicer_problems(path, report)
        assert admesh_problems(path)


@pytest.mark.slow
@pytest.mark.skipif(not MODELNET.is_file(), reason=f"the real shapes {MODELNET} are not here")
@pytest.mark.parametrize("seed", range(25))
def test_500_shapes_in_all_formats_pass(seed, tmp_path):
    with np.load(MODELNET) as data:
        voxels = data["voxels"]
    random = np.random.default_rng(seed)
    solid = np.flatnonzero(voxels.reshape(len(voxels), -1).sum(axis=1) >= 60)
    for turn, index in enumerate(random.choice(solid, 20, replace=False)):
        field = np.pad(voxels[index], 1).astype(np.float32)
        if turn % 3:
            field = np.clip(field + random.normal(0, 0.3, field.shape), 0, 1).astype(np.float32)
        options = SurfaceOptions(
            resolution=1 + turn % 2,
            smoothing=int(random.choice([0, 5, 10, 20, 50])),
            level=float(random.uniform(0.2, 0.8)),
            largest_part=bool(turn % 5),
        )
        shown = surface(field, options)
        part = finish(shown, float(random.uniform(20, 200)), float(random.choice([1.0, 0.5, 0.1])))
        for suffix in formats.WRITERS:
            report = formats.write(tmp_path / f"part{suffix}", part)
            assert report.ok, (index, options)
        if turn % 10 == 1:
            report = check(part)
            if shutil.which("admesh"):
                assert admesh_problems(tmp_path / "part.stl") == [], (index, options)
            if shutil.which("prusa-slicer"):
                assert slicer_problems(tmp_path / "part.3mf", report) == [], (index, options)
