"""Reshapes a shape by strokes on its surface: more of it here, less of it there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from shapelab.core.errors import InputError
from shapelab.core.model.latent import Array
from shapelab.core.session.shape_state import ShapeState

if TYPE_CHECKING:
    from shapelab.core.inputs.reconstruct import Reconstruction
    from shapelab.core.model.fits.cell_fit import Silhouettes
    from shapelab.core.model.shape_model import ShapeModel

#: Nats of a nat of cross-entropy of all that was brushed, and of all that was not: what nobody
#: touched stays as far as the model can have it so.
STROKES, REST = 20.0, 300.0
RADIUS = 2.5 / 32  # of the brush, in sides of the grid


@dataclass(frozen=True)
class ShapeStroke:
    """A line of a brush on the surface.

    Attributes:
        more: whether the shape shall reach out here, else it shall draw back.
        points: on the surface, in sides of the grid, the origin in its middle.
        radius: of the ball about each point.
    """

    more: bool
    points: tuple[tuple[float, float, float], ...]
    radius: float = RADIUS

    def cells(self, side: int) -> NDArray[np.bool_]:
        """The cells of a grid (side, side, side) whose middles it covers."""
        middles = (np.arange(side) + 0.5) / side - 0.5
        covered = np.zeros((side,) * 3, bool)
        for x, y, z in self.points:
            away = (middles - x) ** 2
            away = away[:, None] + (middles - y) ** 2
            covered |= away[:, :, None] + (middles - z) ** 2 < self.radius**2
        return covered


@dataclass(frozen=True, eq=False)
class Refining:
    """A shape that strokes shall change.

    Attributes:
        model: that makes the shape.
        state: the shape.
        strokes: what shall change.
        original: of pictures, what they were made into: the shape goes on to fill the silhouettes.
    """

    model: ShapeModel
    state: ShapeState
    strokes: tuple[ShapeStroke, ...]
    original: Reconstruction | None = None

    def best(self, moved: Callable[[Array], None] = lambda _latent: None) -> ShapeState:
        """The shape that has what was brushed, and else is as it was; for any thread.

        It differs from ``state`` by its offsets alone. So it stays the shape of its seed or
        picture, and resetting the sliders takes it back.

        Args:
            moved: called with the latent after each step; what it raises ends the fit.

        Raises:
            InputError: no stroke touches the grid.
        """
        from shapelab.core.model.fits.cell_fit import KnownCells, cells_of  # imports torch
        from shapelab.core.model.silhouette_fit import SIDE

        more = self._covered(SIDE, more=True)
        less = self._covered(SIDE, more=False) & ~more
        brushed = more | less
        if not brushed.any():
            raise InputError("The strokes lie beside the shape; draw them on its surface.")
        latent = self.state.latent(self.model)
        now = cells_of(self.model.decode(latent))
        wanted = np.where(brushed, more, now).astype(np.float32)
        weights = np.where(brushed, STROKES / brushed.sum(), REST / (~brushed).sum())
        cells = KnownCells(wanted, weights.astype(np.float32))
        fit = None if self.original is None else self.original.fit
        found = self.model.fit_cells(
            latent,
            self.state.class_name,
            cells,
            self._silhouettes(),
            None if fit is None else fit.variance,
            moved,
        )
        return replace(self.state, offsets=self.state.offsets + (found - latent))

    def _silhouettes(self) -> Silhouettes | None:
        from shapelab.core.model.fits.cell_fit import Silhouettes

        original = self.original
        hypothesis = None if original is None else original.hypothesis
        if original is None or hypothesis is None or not hypothesis.cameras:
            return None
        assert original.prepared is not None
        pictures = (original.prepared, *original.others)[: len(hypothesis.cameras)]
        alphas = np.stack([each.rgba[..., 3] for each in pictures])
        masks = np.asarray(alphas / 255, np.float32)
        return Silhouettes(masks, hypothesis.cameras[: len(pictures)])

    def _covered(self, side: int, more: bool) -> NDArray[np.bool_]:
        covered = np.zeros((side,) * 3, bool)
        for stroke in self.strokes:
            if stroke.more == more:
                covered |= stroke.cells(side)
        return covered
