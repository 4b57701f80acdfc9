"""Latent vectors: seeds, class densities, paths between two, principal directions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from shapelab.core.errors import InputError

if TYPE_CHECKING:
    from shapelab.core.model.code_flow import CodeFlow

Array = NDArray[np.float32]
Wide = NDArray[np.float64]
PathMode = Literal["slerp", "lerp"]

DIRECTIONS = 12  # principal directions shipped per class
#: Scales how far a sample lies from its class's mean: 0 is the mean, 1 as trained. Samples look
#: better, and vary less, a little below 1.
TRUNCATION, MAX_TRUNCATION = 0.8, 2.0
#: Most length of noise in the middle of a path, in those of normal noise. A straight line between
#: two shapes is about as long there. Measured on ModelNet10: turned at full length 72 % of the
#: midpoints were in one piece, so 84 %, and 75 % where the path ran through the codes themselves.
HALFWAY = 0.5
_SPREAD = (0.4, 1.0)  # of neighbours, in standard deviations of their class


@dataclass(frozen=True)
class LatentDensity:
    """Where the codes of each class lie, fitted to the encoded training shapes (Ghosh et al. 2020).

    A VAE with little KL weight reconstructs well, but N(0, I) is then a poor description of where
    its codes lie; a density fitted afterwards keeps seeds and sigma units meaningful.

    Each class has a Gaussian, z = m + F w. Where there is a flow, w is not normal noise itself but
    the flow's image of it, which follows codes that lie on no ellipsoid. Noise is then the space
    in which shapes are mixed: halfway between two codes of a class there may be no shape.
    """

    classes: tuple[str, ...]
    means: Array  # (classes, latent) float32
    factors: Array  # (classes, latent, latent) float32, lower Cholesky factors of the covariances
    flow: CodeFlow | None = None  # older models, and those of a run's timeline, have none

    @classmethod
    def fit(
        cls, codes: Array, labels: NDArray[np.int64], classes: Sequence[str], shrinkage: float = 0.1
    ) -> LatentDensity:
        """Fits mean and shrunk covariance of each class; one shape alone has the spread of all.

        From a covariance C comes (1 - shrinkage) C + shrinkage diag(C), which has an inverse.

        Args:
            codes: (n, latent) posterior means of the training shapes.
            labels: (n,) index into ``classes``.
            classes: names.
            shrinkage: weight of the diagonal; a class may have fewer shapes than dimensions.
        """
        means, factors = [], []
        for index in range(len(classes)):
            own = codes[labels == index].astype(np.float64)
            mean = own.mean(0) if len(own) else codes.mean(0)
            spread = own if len(own) > 1 else codes
            if len(spread) < 2:  # a single shape in all: there is nothing to vary
                spread = np.repeat(codes, 2, axis=0)
            covariance = np.atleast_2d(np.cov(spread, rowvar=False))
            diagonal = np.diag(np.diag(covariance))
            shrunk = (1 - shrinkage) * covariance + shrinkage * diagonal
            shrunk += 1e-6 * np.eye(codes.shape[1])
            means.append(mean)
            factors.append(np.linalg.cholesky(shrunk))
        return cls(tuple(classes), np.asarray(means, np.float32), np.asarray(factors, np.float32))

    @property
    def latent_size(self) -> int:
        return int(self.means.shape[1])

    def index(self, class_name: str) -> int:
        """Index of a class. Raises InputError that lists the classes when there is none."""
        try:
            return self.classes.index(class_name)
        except ValueError:
            known = ", ".join(self.classes)
            raise InputError(
                f"This model knows no class '{class_name}'; choose one of: {known}."
            ) from None

    def place(self, noise: Array, class_name: str, truncation: float = 1.0) -> Array:
        """Moves standard normal noise (..., latent) into a class's region, scaled by truncation."""
        k = self.index(class_name)
        if self.flow is None:
            return np.asarray(self.means[k] + truncation * noise @ self.factors[k].T, np.float32)
        rows = truncation * noise.reshape(-1, self.latent_size)
        kinds = np.tile(np.eye(len(self.classes))[k], (len(rows), 1))
        return self._of_noise(rows, kinds).reshape(noise.shape)

    def noise_of(self, latents: Array, class_name: str) -> Array:
        """The noise (..., latent) that ``place`` moves to these latents, but for rounding."""
        rows = latents.reshape(-1, self.latent_size)
        noise = self._noise_of(rows, [self.index(class_name)] * len(rows))[0]
        return np.asarray(noise, np.float32).reshape(latents.shape)

    def between(
        self, a: Array, b: Array, t: float, mode: PathMode, classes: tuple[str, str]
    ) -> Array:
        """The latent (latent,) at t on the way from a (t = 0, exactly) to b (t = 1, exactly).

        With a flow the path runs through its noise, and through blends of the two classes. A
        mixture of two shapes is odder than either, and odd shapes have long noise: so the path
        comes nearer to the middle of its class on the way.

        Args:
            a: (latent,) of the first class.
            b: (latent,) of the second class.
            t: place in [0, 1].
            mode: how the noise of one becomes that of the other.
            classes: of a and of b.
        """
        if self.flow is None or t in (0, 1):
            return PATHS[mode](a, b, t)
        ends, places = np.stack([a, b]), [self.index(name) for name in classes]
        noise = self._noise_of(ends, places)[0].astype(np.float32)
        way = PATHS[mode](noise[0], noise[1], t)
        typical = HALFWAY * self.latent_size**0.5
        longer = 1 - typical / max(typical, float(np.linalg.norm(way)))
        way = (1 - 4 * t * (1 - t) * longer) * way
        kinds, shares = np.eye(len(self.classes))[places], np.array([1 - t, t])
        found = self._of_noise(np.stack([*noise, way]), np.stack([*kinds, shares @ kinds]))
        # What rounding leaves at the ends is spread over the path, which so begins at a.
        return np.asarray(found[2] + shares @ (ends - found[:2]), np.float32)

    def neighbours(self, latent: Array, class_name: str, noise: Array, distance: float) -> Array:
        """Latents (n, latent) around one: at distance 0 itself, at 1 any others of its class.

        The latent's own noise w is turned towards other noise e: cos t w + sin t s e with
        sin t = distance. Where s is the length of w over that of e, neighbours are as likely in the
        class as the shape is; it stays between 0.4, so that a class's middle has neighbours, and
        1, so that an odd shape has no odder ones.

        Args:
            latent: (latent,) the shape.
            class_name: its class.
            noise: (n, latent) standard normal.
            distance: 0 to 1.
        """
        own = self.noise_of(latent, class_name)
        scale, kept = np.clip(np.sqrt(np.mean(own**2)), *_SPREAD), np.sqrt(1 - distance**2)
        turned = np.asarray(kept * own + distance * scale * noise, np.float32)
        missed = latent - self.place(own, class_name)  # by rounding
        return np.asarray(self.place(turned, class_name) + kept * missed, np.float32)

    def nearest_class(self, latent: Array) -> str:
        """The class that gives a latent (latent,) the highest likelihood."""
        return self.classes[int(np.argmax(self.log_likelihoods(latent)))]

    def log_likelihoods(self, latent: Array) -> NDArray[np.float64]:
        """How likely each class gives a latent (latent,), but for a constant, (classes,).

        With covariance F F^T and noise n the logarithm is -|n|^2 / 2 - log det F, and the flow's
        log det.
        """
        count = len(self.classes)
        noise, log_det = self._noise_of(np.tile(latent, (count, 1)), range(count))
        scale = np.log(np.diagonal(self.factors, axis1=1, axis2=2)).sum(1)
        return np.asarray(-0.5 * (noise**2).sum(1) + log_det - scale)

    def within_class(self, latent: Array, variance: Array, k: int) -> Array:
        """What a latent (latent,), known with this variance, most likely is if it is of class k.

        With the class's mean m and covariance C it is m + C (C + diag(variance))^-1 (z - m), the
        mean of the product of two Gaussians.
        """
        factor = self.factors[k].astype(np.float64)
        spread = factor @ factor.T
        away = np.linalg.solve(spread + np.diag(variance), (latent - self.means[k]))
        return np.asarray(self.means[k] + spread @ away, np.float32)

    def doubt(self, variance: Array, k: int) -> Array:
        """How a latent, known with this variance, may be off if it is of class k.

        Returns:
            (latent, latent), the lower Cholesky factor of a covariance: of the product of two
            Gaussians, of the class's covariance C and of V = diag(variance), it is
            C - C (C + V)^-1 C.
        """
        factor = self.factors[k].astype(np.float64)
        spread = factor @ factor.T
        told = spread @ np.linalg.solve(spread + np.diag(variance), spread)
        left = spread - told + 1e-9 * np.trace(spread) / len(spread) * np.eye(len(spread))
        return np.asarray(np.linalg.cholesky(left), np.float32)

    def _noise_of(self, latents: Array, places: Sequence[int]) -> tuple[Wide, Wide]:
        """Noise (n, latent) of latents of the classes at n places, and the flow's log det (n,)."""
        from scipy.linalg import solve_triangular

        white = np.zeros(latents.shape)
        for row, k in enumerate(places):
            apart = latents[row].astype(np.float64) - self.means[k]
            white[row] = solve_triangular(self.factors[k].astype(np.float64), apart, lower=True)
        if self.flow is None:
            return white, np.zeros(len(white))
        kinds = np.eye(len(self.classes), dtype=np.float32)[list(places)]
        noise, log_det = self.flow.noise_of(white.astype(np.float32), kinds)
        return noise.astype(np.float64), log_det.astype(np.float64)

    def _of_noise(self, noise: Array, kinds: Wide) -> Array:
        """Latents (n, latent) of noise, each for a class or a blend of them, (n, classes)."""
        assert self.flow is not None
        white = self.flow.white_of(noise.astype(np.float32), kinds.astype(np.float32))
        latents = np.zeros(white.shape)
        for k in np.flatnonzero(kinds.any(0)):
            latents += kinds[:, k, None] * (self.means[k] + white @ self.factors[k].T)
        return latents.astype(np.float32)


@dataclass(frozen=True)
class PrincipalDirections:
    """Latent displacements of one standard deviation along the main axes of a class's variation."""

    classes: tuple[str, ...]
    vectors: Array  # (classes, DIRECTIONS, latent) float32
    explained: Array  # (classes, DIRECTIONS) float32, share of the variance
    words: tuple[tuple[tuple[str, str], ...], ...] = ()  # name and meaning of each, where known

    def of(self, class_name: str) -> Array:
        """(DIRECTIONS, latent) displacements of the class."""
        return self.vectors[self.classes.index(class_name)]

    def name(self, class_name: str, index: int) -> str:
        """What a direction is called: "seat height", or "direction 3"."""
        if not self.words:
            return f"direction {index + 1}"
        return self.words[self.classes.index(class_name)][index][0]

    def meaning(self, class_name: str, index: int) -> str:
        """What a direction changes, in words; empty where nobody has said it."""
        return self.words[self.classes.index(class_name)][index][1] if self.words else ""


def seed_noise(seed: int, size: int, count: int = 1) -> Array:
    """Standard normal noise (count, size) of a seed; the first rows do not depend on ``count``."""
    if seed < 0:
        raise InputError(f"A seed is a whole number from 0 on, not {seed}.")
    return np.random.default_rng(seed).standard_normal((count, size), dtype=np.float32)


def lerp(a: Array, b: Array, t: float) -> Array:
    """Straight line from a (t = 0, exactly) to b (t = 1, exactly)."""
    if t == 0:
        return a.copy()
    if t == 1:
        return b.copy()
    return np.asarray((1 - t) * a + t * b, np.float32)


def slerp(a: Array, b: Array, t: float) -> Array:
    """Turns the direction of a into that of b at constant speed while the length changes linearly.

    Shoemake 1985 for the directions; falls back to ``lerp`` when they are (anti)parallel or null.
    """
    # In float64: near 0 and 180 degrees the angle hangs on the last digits of the cosine.
    wide_a, wide_b = a.astype(np.float64), b.astype(np.float64)
    length_a, length_b = float(np.linalg.norm(wide_a)), float(np.linalg.norm(wide_b))
    if t in (0, 1) or min(length_a, length_b) < 1e-8:
        return lerp(a, b, t)
    cosine = float(np.clip(np.dot(wide_a, wide_b) / (length_a * length_b), -1, 1))
    angle = np.arccos(cosine)
    if np.sin(angle) < 1e-4:
        return lerp(a, b, t)
    direction = (
        np.sin((1 - t) * angle) * wide_a / length_a + np.sin(t * angle) * wide_b / length_b
    ) / np.sin(angle)
    return np.asarray(((1 - t) * length_a + t * length_b) * direction, np.float32)


PATHS = {"slerp": slerp, "lerp": lerp}
