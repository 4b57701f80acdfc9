"""ShapeModel: latents, pictures and voxels in, occupancy grids out; numpy on both sides."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from shapelab.core.errors import InputError, NoSightError
from shapelab.core.model import model_file, silhouette_fit
from shapelab.core.model.draft_decoder import DraftDecoder
from shapelab.core.model.fits import cell_fit
from shapelab.core.model.fits.cell_fit import KnownCells, Prior, Silhouettes
from shapelab.core.model.fits.sight import Sight
from shapelab.core.model.image_encoding import ImageEncoding, encode_images
from shapelab.core.model.latent import (
    TRUNCATION,
    Array,
    LatentDensity,
    PrincipalDirections,
    seed_noise,
)
from shapelab.core.model.networks import Generator, ImageEncoder, coarse, folded
from shapelab.core.model.silhouette_fit import Fit
from shapelab.core.model.spec import ModelSpec
from shapelab.core.model.wholeness import CANDIDATES, SOLID, TOGETHER, best, one_part
from shapelab.core.paths import DEFAULT_MODEL, find_model

if TYPE_CHECKING:
    from shapelab.core.model.procedural.parameter_encoder import ParameterEncoder
    from shapelab.core.model.procedural.procedural_generator import ProceduralGenerator

Decoder = Callable[[torch.Tensor], torch.Tensor]  # latents [B, L] -> logits [B, 1, R, R, R]

BATCH = 32  # grids decoded at once; keeps memory low for large requests


class ShapeModel:
    """A trained model, ready to use on the CPU. Safe to call from several threads."""

    def __init__(self, name: str, parts: model_file.ModelParts, folder: Path | None = None) -> None:
        self.name = name
        self.folder = folder  # where it was read from
        self.spec: ModelSpec = parts.spec
        self.card: dict[str, Any] = parts.card
        self.density: LatentDensity = parts.density
        self.directions: PrincipalDirections = parts.directions
        self.digest, self.checksum = parts.digest, parts.checksum
        self._flip = parts.flip
        self._networks = parts.networks
        generator = parts.networks["generator"]
        self.is_procedural = not isinstance(generator, Generator)  # its latents are parameters
        self._generator, self._draft = _decoders(generator)
        self._lock = threading.Lock()  # oneDNN's primitive caches gain nothing from two callers

    @property
    def latent_size(self) -> int:
        return self.spec.latent_size

    @property
    def classes(self) -> tuple[str, ...]:
        return self.spec.classes

    @property
    def sees_pictures(self) -> bool:
        """Whether it has learnt to; one that was trained without pictures has not."""
        return model_file.PICTURES in self._networks

    def require_pictures(self) -> None:
        """Raises NoSightError unless it sees pictures."""
        if not self.sees_pictures:
            raise NoSightError(
                f"The model {self.name} was trained without pictures and cannot see them; open one "
                f"that can, such as {DEFAULT_MODEL}."
            )

    # What only pictures and voxels need takes memory from the first of them on.

    @cached_property
    def _image_encoder(self) -> ImageEncoder | ParameterEncoder:
        stored = self._networks[model_file.PICTURES]
        return cast("ImageEncoder | ParameterEncoder", stored).folded()

    @cached_property
    def _coarse(self) -> Generator:
        return coarse(cast("Generator", self._networks["generator"]))

    @cached_property
    def _voxel_encoder(self) -> nn.Module:
        return self._networks["voxel_encoder"]

    def first_seed(self, class_name: str) -> int:
        """The seed that shows a class well, by the model's card; 0 where it names none."""
        seeds = self.card.get("first_seeds")
        seed = seeds.get(class_name) if isinstance(seeds, dict) else None
        return seed if isinstance(seed, int) and seed >= 0 else 0

    def sample(
        self,
        class_name: str | None = None,
        seed: int = 0,
        n: int = 1,
        truncation: float = TRUNCATION,
    ) -> Array:
        """Draws latents (n, latent_size) float32; the same seed always gives the same shapes.

        Args:
            class_name: one of ``classes``; None draws a class for each sample from the seed.
            seed: whole number >= 0.
            n: how many.
            truncation: distance from the class's mean (1 = as trained, 0 = the mean itself); people
                choose it between 0 and ``MAX_TRUNCATION``.
        """
        noise = seed_noise(seed, self.latent_size, n)
        if class_name is not None:
            return self.density.place(noise, class_name, truncation)
        picks = np.random.default_rng([seed, 1]).integers(len(self.classes), size=n)
        return np.stack(
            [self.density.place(noise[i], self.classes[picks[i]], truncation) for i in range(n)]
        )

    def whole_seed(
        self,
        class_name: str,
        seed: int,
        truncation: float = TRUNCATION,
        moved: Array | None = None,
    ) -> int:
        """Of a few seeds, from ``seed`` on, the one whose shape shows itself best.

        In one piece if there is such a one, then the most decisive. As many as ``TOGETHER`` are
        looked at, in a twelfth of a second, and while none is whole as many again, up to
        ``CANDIDATES``.

        Args:
            class_name: one of ``classes``.
            seed: whole number >= 0.
            truncation: as for ``sample``.
            moved: (latent_size,) what sliders add to each.
        """
        offset = 0.0 if moved is None else moved
        grids = np.zeros((0, *self.spec.grid), np.float32)
        for first in range(seed, seed + CANDIDATES, TOGETHER):
            seeds = range(first, first + TOGETHER)
            latents = np.concatenate([self.sample(class_name, k, 1, truncation) for k in seeds])
            grids = np.concatenate([grids, self.decode(latents + offset)])
            found = best(grids)
            if one_part(grids[found][None] > SOLID)[0]:
                break
        return seed + found

    def encode_voxels(self, voxels: NDArray[Any]) -> Array:
        """Posterior means of grids (R, R, R) or (n, R, R, R), bool or [0, 1], x right, z up.

        Returns:
            (latent_size,) or (n, latent_size) float32.
        """
        grids = self._batched(np.asarray(voxels, np.float32), self.spec.grid, "Voxels")
        latents = self._encode(grids)
        return latents[0] if voxels.ndim == 3 else latents

    def fit_voxels(self, voxels: NDArray[Any], check: Callable[[], None] = lambda: None) -> Array:
        """The latent (latent_size,) of the shape most like a grid (R, R, R), as ``encode_voxels``.

        A procedural model searches for it, for some seconds.

        Args:
            voxels: bool or [0, 1], x right, z up, its front towards -y.
            check: called between the steps of a search; what it raises ends it.
        """
        if not self.is_procedural:
            return self.encode_voxels(voxels)
        from shapelab.core.model.procedural import parameter_match

        grid = self._batched(np.asarray(voxels, np.float32), self.spec.grid, "Voxels")[0]
        return parameter_match.matched(grid, check)[0]

    def encode_image(self, image: NDArray[Any]) -> Array:
        """Posterior means of pictures (C, S, S) or (n, C, S, S), as ``images.to_input`` makes them.

        Each is encoded twice, flipped too, where the model knows how latents flip.

        Returns:
            (latent_size,) or (n, latent_size) float32.
        """
        latents = self._encode_images(self._pictures(image)).latents
        return latents[0] if image.ndim == 3 else latents

    def picture_classes(self, image: NDArray[Any]) -> Array | None:
        """How likely pictures show each class, and last that they show no object at all.

        Args:
            image: (C, S, S) or (n, C, S, S), as ``encode_image`` takes them.

        Returns:
            (classes + 1,) or (n, classes + 1) float32, or None where the model has not learnt it.
        """
        classes = self._encode_images(self._pictures(image)).classes
        return classes[0] if classes is not None and image.ndim == 3 else classes

    def fit_image(
        self,
        image: NDArray[Any],
        mask: NDArray[Any],
        check: Callable[[], None] = lambda: None,
    ) -> Array:
        """Latents of pictures as ``encode_image`` gives them, then fitted to their silhouettes.

        Takes about half a second a picture. A model that has learnt no cameras only encodes.

        Args:
            image: (C, S, S) or (n, C, S, S), as ``encode_image`` takes them.
            mask: (T, T) or (n, T, T) in [0, 1]: what the object covers in the same pictures.
            check: called between the steps of the fit; what it raises ends it.

        Returns:
            (latent_size,) or (n, latent_size) float32.
        """
        fits = self.fit_silhouettes(image, mask, check)
        latents = np.stack([fit.best.latent for fit in fits])
        return latents[0] if image.ndim == 3 else latents

    def fit_silhouettes(
        self,
        image: NDArray[Any],
        mask: NDArray[Any],
        check: Callable[[], None] = lambda: None,
        views: int = 1,
        class_name: str | None = None,
    ) -> list[Fit]:
        """What ``fit_image`` takes the best of: all hypotheses of each object, with cameras.

        Args:
            image: as ``fit_image`` takes it.
            mask: as ``fit_image`` takes it.
            check: as ``fit_image`` takes it.
            views: how many pictures in a row show one object: they get one shape, a camera each.
            class_name: what they all show, where a person says it; hypotheses of the class come
                first then.
        """
        batch = self._pictures(image)
        masks = self._batched(np.asarray(mask, np.float32), mask.shape[-2:], "Masks")
        if len(masks) != len(batch):
            raise InputError(f"{len(batch)} pictures need as many masks, not {len(masks)}.")
        if views < 1 or len(batch) % views:
            raise InputError(f"{len(batch)} pictures are not {views} of each object.")
        seen = self._encode_images(batch)
        if class_name is not None:
            seen = seen.told(self.density, class_name)
        if seen.by_class is not None:
            from shapelab.core.model.procedural import parameter_fit

            return parameter_fit.fit(seen, masks, check, views=views)
        if seen.cameras is None:
            return silhouette_fit.unfitted(seen, views)
        fits = silhouette_fit.fit(
            self._coarse, seen, masks, check, density=self.density, views=views
        )
        return fits if class_name is None else [self._class_first(fit, class_name) for fit in fits]

    def fit_cells(
        self,
        latent: Array,
        class_name: str,
        cells: KnownCells,
        seen: Silhouettes | None = None,
        variance: Array | None = None,
        moved: Callable[[Array], None] = lambda _latent: None,
    ) -> Array:
        """The latent (latent,) near another one whose shape has the cells that are known.

        Takes a second, and a little more with pictures.

        Args:
            latent: (latent,) where it begins, and from where it goes as little as it can.
            class_name: of the shape.
            cells: what is known.
            seen: pictures whose silhouettes the shape shall fill.
            variance: (latent,) how unsure the encoder was; what it was sure of moves less.
            moved: called with the latent after each step; what it raises ends the fit.

        Raises:
            InputError: the model knows no such class.
        """
        k = self.density.index(class_name)
        if self.is_procedural:
            from shapelab.core.model.procedural import parameter_match

            return parameter_match.refined(latent, class_name, cells, seen, moved)
        factor = self.density.factors[k] if variance is None else self.density.doubt(variance, k)
        prior = Prior(np.asarray(latent, np.float32), factor)
        found, _ = cell_fit.fit_cells(
            self._coarse, [prior], cells, seen, moved=lambda latents: moved(latents[0])
        )
        return found[0]

    def complete(
        self, poses: Sequence[Sight], moved: Callable[[Array], None] = lambda _latents: None
    ) -> tuple[Array, int]:
        """The latent (latent,) of the likeliest shape, of any class, that was seen in part.

        Takes seconds, and more for each further pose.

        Args:
            poses: what was seen, in each pose that the object may have.
            moved: as ``fit_cells`` takes it, for several latents.

        Returns:
            The latent, and the place of the pose that it fits.
        """
        if self.is_procedural:
            from shapelab.core.model.procedural import parameter_completion

            return parameter_completion.completed(poses, moved)
        known = [sight.cells() for sight in poses]
        each_class = zip(self.density.means, self.density.factors, strict=True)
        priors = [Prior(middle, factor) for middle, factor in each_class]
        sifted = np.stack(
            [
                cell_fit.fit_cells(
                    self._coarse, priors, cells, steps=cell_fit.SIFTING, moved=moved
                )[1]
                for cells in known
            ]
        )
        likeliest = sifted.argsort(axis=None)[: cell_fit.FINALISTS * min(2, len(poses))]
        finals = []
        for pose, k in zip(*np.unravel_index(likeliest, sifted.shape), strict=True):
            found, energies = cell_fit.fit_cells(
                self._coarse, [priors[k]], known[pose], steps=cell_fit.LONG, moved=moved
            )
            finals.append((float(energies[0]), found[0], int(pose)))
        _, latent, pose = min(finals, key=lambda each: each[0])
        return latent, pose

    def _class_first(self, fit: Fit, class_name: str) -> Fit:
        """The hypotheses whose shapes are of a class before the others."""
        own = self.density.nearest_class
        ordered = sorted(fit.hypotheses, key=lambda one: own(one.latent) != class_name)
        return replace(fit, hypotheses=tuple(ordered))

    def _pictures(self, image: NDArray[Any]) -> Array:
        side = self.spec.image_size
        shape = (self.spec.image_channels, side, side)
        return self._batched(np.asarray(image, np.float32), shape, "Pictures")

    def _encode_images(self, pictures: Array) -> ImageEncoding:
        self.require_pictures()
        with self._lock:
            encoder = self._image_encoder
            if isinstance(encoder, ImageEncoder):
                return encode_images(encoder, self._flip, pictures)
            from shapelab.core.model.procedural.parameter_encoder import encode_parameters

            return encode_parameters(encoder, pictures)

    def decode(self, latents: NDArray[Any]) -> Array:
        """Occupancy (R, R, R) or (n, R, R, R) float32 in [0, 1] of latents (L,) or (n, L).

        The surface is where it is 0.5. It is the probability that a cell is solid, or sigmoid(-d)
        where the spec's field is the signed distance d: a level of 0.3 then lies 0.85 cells
        outside, and one of 0.6 lies 0.4 cells inside.
        """
        rows = self._batched(np.asarray(latents, np.float32), (self.latent_size,), "Latents")
        with self._lock, torch.inference_mode():
            grids = [
                torch.sigmoid(self._generator(chunk))[:, 0].contiguous().numpy()
                for chunk in torch.from_numpy(rows).split(BATCH)
            ]
        occupancy = np.concatenate(grids)
        return occupancy[0] if latents.ndim == 1 else occupancy

    def draft(self, latent: NDArray[Any]) -> Array:
        """``decode`` of one latent (L,) for a moment of a drag: to about 1e-5, in half the time.

        A procedural model makes it in a coarser grid.
        """
        if self._draft is None:
            return self.decode(latent)
        row = self._batched(np.asarray(latent, np.float32)[None], (self.latent_size,), "Latents")
        with self._lock, torch.inference_mode():
            return torch.sigmoid(self._draft(torch.from_numpy(row)))[0, 0].contiguous().numpy()

    def distance(self, latent: Array) -> Callable[[Array], Array] | None:
        """How far points are from the surface of a latent (L,), for `meshing.surface`.

        None of a model that only knows the grid.
        """
        if not self.is_procedural:
            return None
        return cast("ProceduralGenerator", self._generator).distance(latent)

    def _encode(self, batch: Array) -> Array:
        if self.is_procedural:
            from shapelab.core.model.procedural import parameter_match

            return parameter_match.nearest(batch)
        encoder, grids = self._voxel_encoder, torch.from_numpy(batch[:, None])
        with self._lock, torch.inference_mode():
            means = [encoder(chunk)[0].numpy() for chunk in grids.split(BATCH)]
        return np.concatenate(means)

    @staticmethod
    def _batched(values: Array, shape: tuple[int, ...], what: str) -> Array:
        if values.shape[-len(shape) :] != shape or values.ndim not in (len(shape), len(shape) + 1):
            raise InputError(
                f"{what} must have the shape {shape} or (n, *{shape}) for this model, "
                f"not {values.shape}."
            )
        if not np.isfinite(values).all():
            raise InputError(f"{what} must hold finite numbers only.")
        return np.ascontiguousarray(values.reshape(-1, *shape))


def _decoders(generator: nn.Module) -> tuple[Decoder, Decoder | None]:
    """What decodes at rest and, if that is another, in a drag."""
    if not isinstance(generator, Generator):
        # Only then: it brings two dozen files, one for each kind of furniture.
        from shapelab.core.model.procedural.procedural_generator import DRAFT, ProceduralGenerator

        assert isinstance(generator, ProceduralGenerator)
        return generator, ProceduralGenerator(min(DRAFT, generator.resolution))
    fast = folded(generator)
    return fast, None if fast.has_planes else DraftDecoder(fast)


def load_model(name: str | Path = DEFAULT_MODEL) -> ShapeModel:
    """Loads a model by name (shipped or the user's) or by path.

    Raises:
        ModelFileError: there is no such model, or its file is damaged.
    """
    folder = find_model(name)
    return ShapeModel(folder.name, model_file.read(folder / "model.safetensors"), folder)
