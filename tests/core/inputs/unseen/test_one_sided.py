"""A scan of one side is completed by what was seen and what must be free before it."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest

from shapelab.core.errors import Cancelled, InputError
from shapelab.core.inputs.reconstruct import Reconstruction, iou, turned_around
from shapelab.core.inputs.scan import Scan
from shapelab.core.inputs.unseen.one_sided import completed, eye_at, sight_of
from shapelab.core.mesh import meshing
from shapelab.core.mesh.meshing import SurfaceOptions
from shapelab.core.model.shape_model import load_model
from tests.shapes import cloud_of

EYE = eye_at(30, 20)


def seen_part(solid, eye):
    """The points of a solid's surface that nothing hides from a place."""
    mesh = meshing.surface(solid.astype(np.float32), SurfaceOptions(smoothing=0))
    points = cloud_of(mesh, 3000)
    ways = np.asarray(eye) - points
    hidden = np.zeros(len(points), bool)
    for share in np.linspace(0.03, 0.6, 120):
        places = points + share * ways
        within = (np.abs(places) < 0.5).all(1)
        cells = np.clip(((places + 0.5) * len(solid)).astype(int), 0, len(solid) - 1)
        hidden |= within & solid[tuple(cells.T)]
    return points[~hidden]


def scanned(model, solid, eye) -> Reconstruction:
    points = seen_part(solid, eye).astype(np.float32)
    shell = sight_of(points, np.asarray(eye), model.spec.resolution).seen
    latent = model.encode_voxels(shell)
    scan = Scan(points, None, (1.0, 1.0, 1.0))
    return Reconstruction(
        latent, model.decode(latent), "points", None, shell, "sofa", "", scan=scan
    )


def test_cells_before_a_wall_are_free_and_those_behind_it_unknown():
    wall = np.array(
        [(x, 0.0, z) for x in np.linspace(-0.4, 0.4, 60) for z in np.linspace(-0.4, 0.4, 60)]
    )
    sight = sight_of(wall, np.array([0.0, -3.0, 0.0]), 32)
    assert sight.seen[4:28, 16, 4:28].all()
    assert sight.free[6:26, :14, 6:26].mean() > 0.95
    assert not sight.free[:, 16:].any()
    assert not (sight.free & sight.seen).any()
    assert not sight.known[:, 17:].any()
    cells = sight.cells()
    assert cells.weights[sight.seen].sum() == pytest.approx(cells.weights[sight.free].sum())
    assert not cells.weights[~sight.known].any()


def test_places_of_the_eye_are_as_the_view_counts_them():
    assert eye_at(0, 0)[1] < -2  # from the front
    assert eye_at(90, 0)[0] > 2  # from the right
    assert eye_at(0, 90)[2] > 2


def test_a_half_seen_sofa_is_completed(model):
    solid = model.decode(model.sample("sofa", 2)[0]) > 0.5
    half = scanned(model, solid, EYE)
    whole = completed(model, half, EYE)
    before, after = (iou(each.occupancy > 0.5, solid) for each in (half, whole))
    assert after > before + 0.2
    assert whole.class_name == "sofa"
    assert 0.2 < whole.unknown.mean() < 0.9
    assert not (whole.unknown & half.voxels).any()
    assert "from one side" in whole.note
    assert turned_around(model, whole, 1).unknown is None  # read as a whole once more


@pytest.mark.parametrize(("name", "seed"), [("sofa", 2), ("chair", 1), ("bed", 2)])
def test_parameters_complete_a_half_seen_piece(name, seed):
    model = load_model("procedural")
    solid = model.decode(model.sample(name, seed)[0]) > 0.5
    half = scanned(model, solid, EYE)
    whole = completed(model, half, EYE)
    before, after = (iou(each.occupancy > 0.5, solid) for each in (half, whole))
    assert whole.class_name == name
    assert after > before + 0.2
    assert whole.occupancy.shape == whole.unknown.shape == solid.shape


def test_what_cannot_be_completed_says_so(model):
    solid = model.decode(model.sample("sofa", 2)[0]) > 0.5
    half = scanned(model, solid, EYE)
    with pytest.raises(InputError, match="point cloud or mesh"):
        completed(model, replace(half, scan=None), EYE)
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        completed(model, half, EYE, cancel)
