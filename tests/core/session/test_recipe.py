"""Recipes: own exports open with their sliders; what is odd or changed is a mesh like any other."""

from __future__ import annotations

import json
import struct
import zipfile

import numpy as np
import pytest
import trimesh

from shapelab.core.inputs.untrusted_reader import GuardedReader
from shapelab.core.mesh import formats
from shapelab.core.mesh.meshing import SurfaceOptions, finish, surface
from shapelab.core.mesh.recipe_lines import MAX_RECIPE, PACKAGE_PART, RECIPE
from shapelab.core.mesh.tri_mesh import TriMesh
from shapelab.core.session.recipe import recipe_of, recipe_of_file, recipe_text, sidecar
from shapelab.core.session.session import Session
from shapelab.core.session.shape_export import ShapePart, write_part
from shapelab.core.session.shape_file import read_shape
from tests.core.session.tiny_model import Model
from tests.shapes import chair

SUFFIXES = list(formats.WRITERS)
INSIDE = list(formats.WITH_RECIPE)


@pytest.fixture(scope="module")
def mesh():
    return finish(surface(chair(32)), 80)


@pytest.fixture(scope="module")
def session():
    session = Session(Model())
    session.set_coefficient(1, -1.5)
    session.set_raw(3, 0.7)
    # A name with all that could end a line, a comment, a text or an element.
    session.show(session.latent, 'picture y-up units in\n" & <ü>\\ .png', "sofa")
    session.set_coefficient(0, 0.25)
    session.surface = SurfaceOptions(resolution=2, level=None)
    return session


@pytest.fixture(scope="module")
def recipe(session, mesh):
    return recipe_text(session.state, session.surface, session.model, mesh)


@pytest.fixture(scope="module")
def reader():
    """One child for all files; what reads a file of the user's has a child of its own."""
    with GuardedReader() as reader:
        yield reader


def part(mesh, recipe):
    return ShapePart(mesh, 0.5, None, recipe)


def test_a_recipe_is_one_word_of_ascii(recipe):
    assert recipe.isascii()
    assert recipe.isprintable()
    assert " " not in recipe
    assert json.loads(recipe)["format"] == "shapelab-shape"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_export_opens_as_the_shape_that_it_was(reader, suffix, session, mesh, recipe, tmp_path):
    path = tmp_path / f"part{suffix}"
    write_part(path, part(mesh, recipe), recipe=True)
    found = recipe_of_file(reader.read(path), path)
    assert found.shape.state == session.state
    assert found.shape.surface == session.surface
    assert found.model.digest == session.model.digest
    assert found.fits(session.model)
    assert not found.fits(Model(digest="other"))
    assert sidecar(path).exists() == (suffix == ".stl")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_mesh_is_the_same_with_and_without(reader, suffix, mesh, recipe, tmp_path):
    with_it, without = (formats.encode(mesh, suffix, text) for text in (recipe, ""))
    assert (with_it == without) == (suffix == ".stl")
    assert formats.judge(with_it, suffix, mesh).ok
    (tmp_path / f"a{suffix}").write_bytes(with_it)
    (tmp_path / f"b{suffix}").write_bytes(without)
    ours, plain = (reader.read(tmp_path / f"{name}{suffix}") for name in "ab")
    np.testing.assert_array_equal(ours.content.vertices, plain.content.vertices)
    assert (ours.unit, ours.up) == (plain.unit, plain.up)  # whatever the recipe's names say
    assert plain.recipe == ""
    path = tmp_path / f"c{suffix}"
    write_part(path, part(mesh, recipe), recipe=False)
    assert path.read_bytes() == without
    assert not sidecar(path).exists()


def test_an_stl_has_its_recipe_beside_it_only_if_it_is_asked_for(mesh, recipe, session, tmp_path):
    path = tmp_path / "part.stl"
    write_part(path, part(mesh, recipe))
    assert [each.name for each in tmp_path.iterdir()] == ["part.stl"]
    write_part(path, part(mesh, recipe), force=True, recipe=True)
    beside = tmp_path / "part.stl.shape.json"
    assert read_shape(beside, session.model).state == session.state  # a saved shape as well


@pytest.mark.parametrize("suffix", INSIDE)
def test_a_mesh_that_was_changed_since_is_read_as_a_mesh(reader, suffix, mesh, recipe, tmp_path):
    moved = mesh.vertices.copy()
    moved[moved[:, 2] > 60] *= (1, 1, 1.1)  # a higher back: as many triangles as before
    for changed in (TriMesh(moved, mesh.faces), TriMesh(mesh.vertices, mesh.faces[:-2])):
        path = tmp_path / f"part{suffix}"
        path.write_bytes(formats.encode(changed, suffix, recipe))
        file = reader.read(path)
        assert file.recipe == recipe
        assert recipe_of_file(file, path) is None


def test_a_mesh_that_was_scaled_and_turned_keeps_its_recipe(mesh, recipe):
    turned = mesh.vertices[:, [2, 0, 1]] / 25.4 + 7
    assert recipe_of(recipe, TriMesh(turned, mesh.faces)) is not None


def hostile(recipe):
    good = json.loads(recipe)
    yield from ("x", "{}", "[]", "null", "{" * 50_000, "[" * 100_000, '"a"', "1" * 5000)
    yield recipe[:-1]
    for key, value in (
        ("format", "other"),
        ("version", 99),
        ("version", "2"),
        ("shape", None),
        ("shape", {}),
        ("surface", {"resolution": 10**9}),
        ("surface", []),
        ("mesh", None),
        ("mesh", {"sides": [1, 1], "volume": 1, "triangles": 1}),
        ("mesh", {"sides": "abc", "volume": [[1]], "triangles": {}}),
        ("mesh", {"sides": [10**90] * 3, "volume": 10**90, "triangles": 1}),
    ):
        yield json.dumps(good | {key: value})
    for key, value in (
        ("base", [1e999]),
        ("base", [[1]]),
        ("base", "abc"),
        ("seed", -1),
        ("class", None),
    ):
        shape = good["shape"] | {key: value}
        if key != "class":
            yield json.dumps(good | {"shape": shape})


def test_odd_recipes_are_passed_over_in_silence(mesh, recipe):
    for text in hostile(recipe):
        assert recipe_of(text, mesh) is None, text[:80]


@pytest.mark.parametrize("suffix", INSIDE)
def test_a_file_with_an_odd_recipe_is_still_a_mesh(reader, suffix, mesh, tmp_path):
    for number, text in enumerate(("{}", "x" * (MAX_RECIPE + 100), "[" * 9999)):
        path = tmp_path / f"part-{number}{suffix}"
        path.write_bytes(formats.encode(mesh, suffix, text))
        file = reader.read(path)
        assert len(file.content.faces) == len(mesh.faces)
        assert recipe_of_file(file, path) is None


def test_recipes_that_are_no_text_are_passed_over(reader, mesh, recipe, tmp_path):
    data = formats.encode(mesh, ".glb", recipe)
    size = struct.unpack_from("<I", data, 12)[0]
    document = json.loads(data[20 : 20 + size])
    for odd in ([recipe], {"a": 1}, 7, None, "wörd", "two words"):
        document["asset"]["extras"] = {RECIPE: odd}
        text = json.dumps(document).encode()
        text += b" " * (-len(text) % 4)
        rest = data[20 + size :]
        head = struct.pack("<III", 0x46546C67, 2, 20 + len(text) + len(rest))
        path = tmp_path / "part.glb"
        path.write_bytes(head + struct.pack("<II", len(text), 0x4E4F534A) + text + rest)
        assert reader.read(path).recipe == ""
    for extras in ("a", [1], None):
        document["asset"]["extras"] = extras
    bomb = tmp_path / "bomb.3mf"
    bomb.write_bytes(formats.encode(mesh, ".3mf"))
    with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(PACKAGE_PART, "x" * 50_000_000)
    assert reader.read(bomb).recipe == ""
    stl = tmp_path / "part.stl"
    stl.write_bytes(formats.encode(mesh, ".stl"))
    for odd in (b"", b"\xff\xfe", b"x" * 10_000_000):
        sidecar(stl).write_bytes(odd)
        assert recipe_of_file(reader.read(stl), stl) is None
    sidecar(stl).unlink()
    sidecar(stl).mkdir()
    assert recipe_of_file(reader.read(stl), stl) is None


@pytest.mark.parametrize("suffix", INSIDE)
def test_others_read_a_file_with_a_recipe(suffix, mesh, recipe, tmp_path):
    path = tmp_path / f"part{suffix}"
    path.write_bytes(formats.encode(mesh, suffix, recipe))
    loaded = trimesh.load(path, force="mesh")
    assert len(loaded.faces) == len(mesh.faces)
    if suffix in (".ply", ".obj"):
        lines = path.read_bytes().partition(b"end_header")[0].split(b"\n")
        assert max(map(len, lines)) < 200  # some readers have short lines
