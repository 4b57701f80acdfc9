"""How sure the model is of a picture's shape, place by place on its surface."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from shapelab.core.errors import Cancelled, InputError, MeshError
from shapelab.core.inputs.reconstruct import Reconstruction
from shapelab.core.mesh import meshing
from shapelab.core.mesh.meshing import SurfaceOptions
from shapelab.core.mesh.signed_distance import signed_distances
from shapelab.core.mesh.tri_mesh import TriMesh
from shapelab.core.model.latent import Array, seed_noise

if TYPE_CHECKING:
    from shapelab.core.model.shape_model import ShapeModel

SAMPLES = 16
#: As the model makes them; smoothed ones would take longer and lie nearer together.
_PLAIN = SurfaceOptions(smoothing=0, largest_part=False)
UNKNOWN = "How sure the model is can be said of shapes that it made of a picture alone."


def surface_doubt(
    model: ShapeModel,
    result: Reconstruction,
    mesh: TriMesh,
    latent: Array | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> NDArray[np.float32]:
    """How far off the surface of a picture's shape may well be at each vertex (n,).

    The root mean square of the distances to the surfaces of ``SAMPLES`` other shapes that may be in
    the picture: samples of the encoder's posterior, as far as they are shapes of the class.

    Args:
        model: that made the shape.
        result: what it made of the picture.
        mesh: the shape's surface, in sides of the grid.
        latent: of the shape, where it has been moved since.
        cancelled: asked now and then, for a thread.

    Returns:
        Lengths in sides of the grid.

    Raises:
        InputError: the shape is not made of a picture, or comes from a project that did not keep
            how sure the encoder was; or no sample is solid anywhere.
        Cancelled: that was the answer.
    """
    fit = result.fit
    if fit is None or fit.variance is None:
        raise InputError(UNKNOWN)
    place = model.density.index(result.class_name)
    noise = seed_noise(0, model.density.latent_size, SAMPLES)
    doubts = noise @ model.density.doubt(fit.variance, place).T
    squares, count = np.zeros(len(mesh.vertices)), 0
    for grid in model.decode((result.latent if latent is None else latent) + doubts):
        if cancelled():
            raise Cancelled("The certainty is no longer wanted.")
        try:
            sample = meshing.surface(grid, _PLAIN)
        except MeshError:  # nothing of it is solid
            continue
        squares += np.square(signed_distances(mesh.vertices, sample, cancelled), dtype=np.float64)
        count += 1
    if not count:
        raise InputError("The model is not sure of anything in this picture.")
    return np.sqrt(squares / count).astype(np.float32)


def doubt_words(doubt: NDArray[np.floating], mesh: TriMesh, size_mm: float) -> str:
    """In words: what half and nine tenths of the lengths stay below, in mm of a part."""
    mm = size_mm / float(mesh.extents.max())
    half, most = np.quantile(doubt * mm, (0.5, 0.9))
    return f"sure to ± {half:.2g} mm for half of it, ± {most:.2g} mm for nine tenths"
