"""The model that was not trained: furniture from parameters, judged by its closed form."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from safetensors.numpy import load_file
from scipy import ndimage, stats

from shapelab.core.errors import InputError, ModelFileError, NoSightError
from shapelab.core.furniture.families import family_table
from shapelab.core.furniture.families.family_table import FAMILIES
from shapelab.core.furniture.furniture import parameters, signed_distance
from shapelab.core.mesh import meshing
from shapelab.core.mesh.print_check import check
from shapelab.core.model import model_file
from shapelab.core.model.latent import DIRECTIONS
from shapelab.core.model.procedural.parameter_encoder import ParameterEncoder
from shapelab.core.model.procedural.procedural_generator import (
    CLASS,
    LATENT_SIZE,
    PARAMETERS,
    RESOLUTION,
    ProceduralGenerator,
    density,
    directions,
    normal_share,
    procedural_spec,
)
from shapelab.core.model.shape_model import ShapeModel, load_model
from shapelab.core.model.spec import ModelSpec
from shapelab.core.paths import resources
from shapelab.core.session.session import Session
from shapelab.core.session.shape_file import read_shape, write_shape

every_class = pytest.mark.parametrize("name", FAMILIES)


@pytest.fixture(scope="module")
def furniture() -> ShapeModel:
    return load_model("procedural")


def parts_of(occupancy: np.ndarray) -> int:
    return int(ndimage.label(occupancy > 0.5, np.ones((3, 3, 3)))[1])


@every_class
def test_samples_are_whole_and_framed_like_all_shapes(furniture: ShapeModel, name: str) -> None:
    for occupancy in furniture.decode(furniture.sample(name, 3, 2)):
        assert occupancy.shape == (RESOLUTION,) * 3
        assert parts_of(occupancy) == 1
        places = np.argwhere(occupancy > 0.5)
        low, high = places.min(0), places.max(0) + 1
        assert 0.7 * RESOLUTION < (high - low).max() <= 0.75 * RESOLUTION + 2
        assert (np.abs(low + high - RESOLUTION) < 0.06 * RESOLUTION).all()


@pytest.mark.parametrize("name", ["chair", "dresser", "lamp"])
def test_a_latent_is_the_furniture_of_its_parameters(furniture: ShapeModel, name: str) -> None:
    """The distances are those of the piece that the shares of the normal distribution give."""
    latent = furniture.sample(name, 11)[0]
    declared = parameters(FAMILIES[name])
    shares = stats.norm.cdf(latent[: len(declared)].astype(float))
    piece = FAMILIES[name](
        **{p.name: p.at(float(s)) for p, s in zip(declared, shares, strict=True)}
    )
    parts = piece.parts()
    low, high = (np.array([getattr(p, end) for p in parts]) for end in ("low", "high"))
    low, high = low.min(0), high.max(0)
    cell = (high - low).max() / (0.75 * RESOLUTION)
    cells = np.random.default_rng(0).integers(0, RESOLUTION, (400, 3))
    points = (cells + 0.5 - RESOLUTION / 2) * cell + (low + high) / 2
    expected = np.clip(signed_distance(piece, points) / cell, -3, 3)
    occupancy = furniture.decode(latent)[tuple(cells.T)]
    found = -np.log(occupancy / (1 - occupancy))
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_seeds_are_as_even_over_their_ranges_as_the_training_data(furniture: ShapeModel) -> None:
    numbers = furniture.sample("table", 5, 400, truncation=1.0)[:, :PARAMETERS]
    own = len(parameters(FAMILIES["table"]))
    shares = np.vectorize(normal_share)(numbers[:, :own].astype(float))
    assert stats.kstest(shares.ravel(), "uniform").statistic < 0.02
    assert np.abs(numbers[:, own:]).max() < 0.1  # of parameters that a table lacks
    assert normal_share(50.0) < 1
    assert normal_share(-50.0) == 0


@every_class
def test_a_shape_is_of_its_class_and_its_sliders_are_parameters(
    furniture: ShapeModel, name: str
) -> None:
    latent = furniture.sample(name, 1)[0]
    assert furniture.density.nearest_class(latent) == name
    assert latent[PARAMETERS + list(FAMILIES).index(name)] == pytest.approx(CLASS, abs=0.2)
    declared = [p.name.replace("_", " ") for p in parameters(FAMILIES[name])]
    said = [furniture.directions.name(name, index) for index in range(DIRECTIONS)]
    assert len(set(said)) == DIRECTIONS
    assert set(said) <= set(declared)
    assert all(furniture.directions.meaning(name, index) for index in range(DIRECTIONS))
    shares = furniture.directions.explained[list(FAMILIES).index(name)]
    assert (np.diff(shares) <= 0).all()


def test_a_slider_moves_what_its_name_says(furniture: ShapeModel) -> None:
    said = [furniture.directions.name("chair", index) for index in range(DIRECTIONS)]
    direction = furniture.directions.of("chair")[said.index("seat width")]
    start = furniture.sample("chair", 0)[0]
    narrow, wide = (furniture.decode(start + sigma * direction) > 0.5 for sigma in (-1.5, 1.5))

    def proportion(solid: np.ndarray) -> float:
        places = np.argwhere(solid)
        size = np.ptp(places, axis=0) + 1
        return float(size[0] / size[2])

    assert proportion(wide) > 1.15 * proportion(narrow)


def test_a_draft_is_the_same_shape_in_a_coarser_grid(furniture: ShapeModel) -> None:
    latent = furniture.sample("bed", 2)[0]
    fine, draft = furniture.decode(latent) > 0.5, furniture.draft(latent) > 0.5
    assert draft.shape == (RESOLUTION // 2,) * 3
    rough = fine.reshape(64, 2, 64, 2, 64, 2).mean((1, 3, 5)) >= 0.5
    assert (rough & draft).sum() / (rough | draft).sum() > 0.8


def test_a_path_begins_and_ends_at_its_shapes_and_is_solid_between(furniture: ShapeModel) -> None:
    a, b = furniture.sample("chair", 1)[0], furniture.sample("sofa", 2)[0]
    way = [
        furniture.decode(furniture.density.between(a, b, t, "slerp", ("chair", "sofa"))) > 0.5
        for t in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    assert np.array_equal(way[0], furniture.decode(a) > 0.5)
    assert np.array_equal(way[-1], furniture.decode(b) > 0.5)
    assert all(solid.any() for solid in way)
    shared = [float((x & way[0]).sum() / (x | way[0]).sum()) for x in way]
    assert shared == sorted(shared, reverse=True)


def test_it_takes_shapes_and_pictures(furniture: ShapeModel) -> None:
    assert furniture.sees_pictures
    wanted = furniture.decode(furniture.sample("bathtub", 3)[0]) > 0.5
    quick, fitted = furniture.encode_voxels(wanted), furniture.fit_voxels(wanted)
    assert quick.shape == fitted.shape == (furniture.latent_size,)
    shared = [
        float((wanted & found).sum() / (wanted | found).sum())
        for found in (furniture.decode(quick) > 0.5, furniture.decode(fitted) > 0.5)
    ]
    assert shared[1] > max(shared[0], 0.6)


def test_a_model_without_an_encoder_says_so() -> None:
    parts = model_file.read(resources() / "models" / "procedural" / "model.safetensors")
    blind = replace(parts, networks={"generator": parts.networks["generator"]})
    with pytest.raises(NoSightError, match=r"trained without pictures .* modelnet10"):
        ShapeModel("blind", blind).require_pictures()


def test_the_shipped_file_is_the_codes_own(furniture: ShapeModel) -> None:
    """But for the sliders, which ``python -m trainer.training.procedural_model`` chooses."""
    fresh = density()
    np.testing.assert_array_equal(furniture.density.means, fresh.means)
    np.testing.assert_array_equal(furniture.density.factors, fresh.factors)
    vectors = furniture.directions.vectors
    assert np.array_equal(np.sort(vectors, 2)[..., -1], np.ones(vectors.shape[:2]))
    assert vectors.sum() == vectors.shape[0] * vectors.shape[1]
    folder = resources() / "models" / "procedural"
    assert "sold freely" in json.loads((folder / "card.json").read_text())["data"]["licence"]


def spec_of(**changed: object) -> ModelSpec:
    fields = {
        "resolution": 32,
        "latent_size": LATENT_SIZE,
        "field": "signed_distance",
        "classes": tuple(FAMILIES),
    }
    return ModelSpec(**(fields | changed))  # type: ignore[arg-type]


def written(folder: Path, spec: ModelSpec) -> Path:
    effects = {
        name: np.arange(len(parameters(family)), 0, -1, dtype=np.float32)
        for name, family in FAMILIES.items()
    }
    path = folder / "model.safetensors"
    data = model_file.encode(
        spec, {"generator": ProceduralGenerator()}, density(), directions(effects)
    )
    path.write_bytes(data)
    return path


def test_a_model_file_without_networks_is_read_back(tmp_path: Path) -> None:
    path = written(tmp_path, spec_of())
    names = load_file(path)
    assert not [name for name in names if "generator" in name or "encoder" in name]
    model = load_model(tmp_path)
    assert model.decode(model.sample("stool", 4)[0]).shape == (32, 32, 32)
    assert [model.directions.name("chair", k) for k in range(2)] == [
        p.name.replace("_", " ") for p in parameters(FAMILIES["chair"])[:2]
    ]


def test_shapes_open_with_other_eyes_and_not_with_other_furniture(tmp_path, monkeypatch):
    effects = {name: np.arange(50, 50 - len(parameters(f)), -1) for name, f in FAMILIES.items()}
    effects = {name: found.astype(np.float32) for name, found in effects.items()}
    spec, networks = procedural_spec(), {"generator": ProceduralGenerator()}
    folders = tmp_path / "first", tmp_path / "second", tmp_path / "third"
    for seed, folder in enumerate(folders):
        torch.manual_seed(seed)
        networks[model_file.PICTURES] = ParameterEncoder(spec)
        if seed == 2:
            monkeypatch.setattr(family_table, "EDITION", family_table.EDITION + 1)
        folder.mkdir()
        data = model_file.encode(spec, networks, density(), directions(effects))
        (folder / "model.safetensors").write_bytes(data)
    with pytest.raises(ModelFileError, match="the furniture of another ShapeLab"):
        load_model(folders[0])
    third = load_model(folders[2])
    monkeypatch.undo()
    with pytest.raises(ModelFileError, match="the furniture of another ShapeLab"):
        load_model(folders[2])
    first, second = load_model(folders[0]), load_model(folders[1])
    assert first.digest == second.digest != third.digest
    assert first.checksum != second.checksum
    session = Session(first, seed=5)
    session.set_coefficient(0, 1.5)
    write_shape(tmp_path / "mine.shape.json", session.state, first, session.surface)
    again = Session(second)
    again.open(tmp_path / "mine.shape.json")
    mine, its = (
        meshing.surface(m.decode(s.latent), distance=m.distance(s.latent))
        for m, s in ((first, session), (second, again))
    )
    assert mine.vertices.tobytes() == its.vertices.tobytes()
    assert mine.faces.tobytes() == its.faces.tobytes()
    with pytest.raises(InputError, match="saved with another model"):
        read_shape(tmp_path / "mine.shape.json", third)


def test_generators_of_another_shapelab_are_refused_by_name(tmp_path: Path) -> None:
    path = written(tmp_path, spec_of())
    data = path.read_bytes()
    path.write_bytes(data.replace(b'"generator":"procedural"', b'"generator":"telepathic"'))
    with pytest.raises(ModelFileError, match=r"a generator of a kind .* please update ShapeLab"):
        model_file.read(path)
    few = spec_of(classes=("chair",))
    one = np.zeros(1, int)
    spread = density()
    spread = type(spread)(("chair",), spread.means[one], spread.factors[one])
    found = directions(
        {name: np.ones(len(parameters(family)), np.float32) for name, family in FAMILIES.items()}
    )
    found = type(found)(("chair",), found.vectors[one], found.explained[one])
    path.write_bytes(model_file.encode(few, {"generator": ProceduralGenerator()}, spread, found))
    with pytest.raises(ModelFileError, match="the furniture of another ShapeLab"):
        model_file.read(path)


def test_a_latent_of_no_class_at_all_is_a_shape_too() -> None:
    with torch.inference_mode():
        logits = ProceduralGenerator(32)(torch.full((1, LATENT_SIZE), -1.0))
    assert (logits > 0).any()


@pytest.mark.parametrize("other", ["chair", "sofa"])
def test_distances_of_points_are_those_of_the_grid(furniture, other):
    first, second = (furniture.sample(name, seed=3)[0] for name in ("chair", other))
    latent, side = (first + second) / 2, furniture.spec.resolution
    depth = np.log(1 / furniture.decode(latent) - 1)
    cells = np.argwhere(np.abs(depth) < 2)[::97]
    points = ((cells + 0.5) / side - 0.5).astype(np.float32)
    told = furniture.distance(latent)(points) * side
    np.testing.assert_allclose(told, depth[tuple(cells.T)], atol=2e-3)


def test_surfaces_lie_on_the_true_shape_and_can_be_printed(furniture):
    for name in ("chair", "lamp", "wardrobe"):
        latent = furniture.sample(name, seed=2, truncation=0.9)[0]
        occupancy, distance = furniture.decode(latent), furniture.distance(latent)
        blunt, sharp = (meshing.surface(occupancy, meshing.AUTOMATIC, d) for d in (None, distance))
        off = [float(np.abs(distance(mesh.vertices)).mean()) for mesh in (blunt, sharp)]
        assert off[1] < 0.5 * off[0]
        part = meshing.finish(sharp, 80)
        assert check(part).problems == ()
        assert trimesh.Trimesh(part.vertices, part.faces, process=False).is_volume


def test_trained_models_know_the_grid_alone(model):
    assert model.distance(model.sample("chair")[0]) is None
