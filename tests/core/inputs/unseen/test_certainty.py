"""How far off a surface may be is measured where other samples of the posterior lie elsewhere."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from shapelab.core.errors import Cancelled, InputError
from shapelab.core.inputs.reconstruct import Reconstruction
from shapelab.core.inputs.unseen.certainty import doubt_words, surface_doubt
from shapelab.core.mesh import meshing
from shapelab.core.mesh.meshing import SurfaceOptions
from shapelab.core.model.latent import LatentDensity
from shapelab.core.model.silhouette_fit import Fit, Hypothesis

PLAIN = SurfaceOptions(smoothing=0)


class Walls:
    """A latent's only number moves the right side of a block, in cells."""

    density = LatentDensity(("wall",), np.zeros((1, 1), np.float32), np.full((1, 1, 1), 4.0))

    def decode(self, latents):
        rows = np.atleast_2d(latents)
        places = np.arange(32)
        grids = np.zeros((len(rows), 32, 32, 32), np.float32)
        for grid, (far,) in zip(grids, rows, strict=True):
            solid = np.clip(20.5 + far - places, 0, 1) * (places > 7)
            grid[:, 8:24, 8:24] = solid[:, None, None]
        return grids[0] if latents.ndim == 1 else grids


def result(variance: float | None) -> Reconstruction:
    latent = np.zeros(1, np.float32)
    known = None if variance is None else np.array([variance], np.float32)
    fit = Fit((Hypothesis(latent, (), 0.9, 0.0),), 0.5, known)
    return Reconstruction(latent, Walls().decode(latent), "picture", None, None, "wall", "", fit)


def sides(variance):
    mesh = meshing.surface(Walls().decode(np.zeros(1, np.float32)), PLAIN)
    doubt = surface_doubt(Walls(), result(variance), mesh)
    normal = mesh.vertices[:, 0]
    return doubt[normal > normal.max() - 1e-3], doubt[normal < normal.min() + 1e-3]


def test_only_the_side_that_is_not_known_is_doubted():
    moving, still = sides(4.0)
    # C = 16 and V = 4 cells^2 leave 3.2 cells^2
    assert moving.mean() * 32 == pytest.approx(np.sqrt(3.2), rel=0.35)
    assert still.max() < 0.1 / 32


def test_what_the_encoder_is_sure_of_is_not_doubted():
    assert sides(0.01)[0].mean() < 0.2 * sides(4.0)[0].mean()


def test_the_density_keeps_samples_within_the_class():
    """The encoder knows nothing: what is left is the class's own spread."""
    for variance, left in ((1e6, 4.0), (4.0, np.sqrt(3.2)), (1e-3, np.sqrt(1e-3))):
        factor = Walls.density.doubt(np.array([variance], np.float32), 0)
        assert factor.item() == pytest.approx(left, rel=1e-3)


def test_without_a_posterior_and_when_given_up_it_says_so():
    mesh = meshing.surface(Walls().decode(np.zeros(1, np.float32)), PLAIN)
    with pytest.raises(InputError, match="of a picture alone"):
        surface_doubt(Walls(), result(None), mesh)
    with pytest.raises(InputError, match="of a picture alone"):
        surface_doubt(Walls(), replace(result(1.0), fit=None), mesh)
    with pytest.raises(Cancelled):
        surface_doubt(Walls(), result(1.0), mesh, cancelled=lambda: True)


def test_words_are_of_the_printed_part():
    mesh = SimpleNamespace(extents=np.array([0.5, 0.2, 0.1]))
    words = doubt_words(np.linspace(0, 0.01, 101), mesh, 100.0)
    assert words == "sure to ± 1 mm for half of it, ± 1.8 mm for nine tenths"
