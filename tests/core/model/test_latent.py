"""Seeds, class densities, paths and principal directions."""

from __future__ import annotations

import numpy as np
import pytest

from shapelab.core.errors import InputError
from shapelab.core.model.latent import (
    Array,
    LatentDensity,
    PrincipalDirections,
    lerp,
    seed_noise,
    slerp,
)

SIZE = 12


def _pair(seed: int = 0) -> tuple[Array, Array]:
    a, b = np.random.default_rng(seed).standard_normal((2, SIZE)).astype(np.float32)
    return a, b


def _angle(a: Array, b: Array) -> float:
    a, b = a.astype(np.float64), b.astype(np.float64)
    return float(np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b)))


SEED_NOISE = {  # written down on purpose: a seed gives the same shape in every later version
    0: [[1.117622, -1.3871249, -0.42657161, -0.80358726], [0.60142773, -0.07499325]],
    7: [[1.5219693, -1.1441058, 1.1501616, -1.7846532], [-0.77149874, 1.0191615]],
    123456: [[0.20605694, 1.1750412, -0.68078202, 0.53658527], [0.42893612, 0.03324319]],
}
LAST_OF_200 = {0: 0.35601425, 7: -1.5385199, 123456: -1.5405983}


@pytest.mark.parametrize("seed", SEED_NOISE)
def test_seed_noise_is_fixed_for_ever(seed: int) -> None:
    first, second = SEED_NOISE[seed]
    noise = seed_noise(seed, 4, 2)
    np.testing.assert_allclose(noise[0], first, rtol=1e-6)
    np.testing.assert_allclose(noise[1, :2], second, rtol=1e-6)
    assert seed_noise(seed, 200)[0, -1] == pytest.approx(LAST_OF_200[seed], rel=1e-6)
    assert noise.dtype == np.float32


def test_the_first_rows_of_a_seed_do_not_depend_on_how_many_are_drawn() -> None:
    np.testing.assert_array_equal(seed_noise(7, SIZE, 2), seed_noise(7, SIZE, 5)[:2])


def test_negative_seed_is_refused() -> None:
    with pytest.raises(InputError, match="not -1"):
        seed_noise(-1, SIZE)


@pytest.mark.parametrize("between", [lerp, slerp])
def test_path_ends_are_exact(between: object) -> None:
    a, b = _pair()
    assert callable(between)
    np.testing.assert_array_equal(between(a, b, 0.0), a)
    np.testing.assert_array_equal(between(a, b, 1.0), b)
    assert between(a, b, 0.0) is not a


def test_lerp_is_straight() -> None:
    a, b = _pair()
    np.testing.assert_allclose(lerp(a, b, 0.25), 0.75 * a + 0.25 * b, rtol=1e-6)


def test_slerp_turns_evenly_while_the_length_changes_linearly() -> None:
    a, b = _pair(3)
    b = 3 * b
    whole = _angle(a, b)
    for t in (0.1, 0.25, 0.5, 0.9):
        here = slerp(a, b, t)
        assert _angle(a, here) == pytest.approx(t * whole, abs=1e-5)
        expected = (1 - t) * np.linalg.norm(a) + t * np.linalg.norm(b)
        assert np.linalg.norm(here) == pytest.approx(expected, rel=1e-5)
        assert here.dtype == np.float32


@pytest.mark.parametrize("factor", [1.0, 2.5, -1.0, 0.0])
def test_slerp_of_parallel_or_null_vectors_is_finite_and_straight(factor: float) -> None:
    a, _ = _pair()
    b = np.asarray(factor * a, np.float32)
    np.testing.assert_allclose(slerp(a, b, 0.3), lerp(a, b, 0.3), atol=1e-6)


@pytest.fixture(scope="module")
def fitted() -> tuple[LatentDensity, Array, np.ndarray]:
    rng = np.random.default_rng(5)
    mix = rng.standard_normal((2, SIZE, SIZE))
    means = np.stack([np.zeros(SIZE), 20 * np.ones(SIZE)])
    labels = np.repeat([0, 1], 4000)
    noise = rng.standard_normal((8000, SIZE))
    codes = means[labels] + np.einsum("nij,nj->ni", mix[labels], noise)
    density = LatentDensity.fit(codes.astype(np.float32), labels, ("low", "high"), shrinkage=0.0)
    return density, means.astype(np.float32), mix @ mix.transpose(0, 2, 1)


def test_fit_recovers_mean_and_covariance(
    fitted: tuple[LatentDensity, Array, np.ndarray],
) -> None:
    density, means, covariances = fitted
    np.testing.assert_allclose(density.means, means, atol=0.25)
    found = density.factors @ density.factors.transpose(0, 2, 1)
    for own, true in zip(found, covariances, strict=True):
        assert np.linalg.norm(own - true) < 0.08 * np.linalg.norm(true)
    assert np.array_equal(density.factors, np.tril(density.factors))
    assert density.latent_size == SIZE


def test_place_has_the_fitted_spread_scaled_by_truncation(
    fitted: tuple[LatentDensity, Array, np.ndarray],
) -> None:
    density, _, covariances = fitted
    drawn = density.place(seed_noise(1, SIZE, 20_000), "high", 0.5)
    np.testing.assert_allclose(drawn.mean(0), density.means[1], atol=0.1)
    spread = np.cov(drawn, rowvar=False)
    assert np.linalg.norm(spread - covariances[1] / 4) < 0.1 * np.linalg.norm(covariances[1] / 4)
    still = density.place(seed_noise(1, SIZE, 3), "high", 0.0)
    np.testing.assert_array_equal(still, np.stack([density.means[1]] * 3))


def test_nearest_class_is_by_likelihood_not_by_distance() -> None:
    means = np.array([[0, 0], [3, 0]], np.float32)
    factors = np.stack([np.eye(2) * 10, np.eye(2) * 0.1]).astype(np.float32)
    density = LatentDensity(("wide", "narrow"), means, factors)
    assert density.nearest_class(np.array([2.9, 0], np.float32)) == "narrow"
    assert density.nearest_class(np.array([2.0, 0], np.float32)) == "wide"


def test_fit_copes_with_fewer_shapes_than_dimensions() -> None:
    codes = np.random.default_rng(0).standard_normal((5, SIZE)).astype(np.float32)
    density = LatentDensity.fit(codes, np.zeros(5, np.int64), ("few",))
    assert np.isfinite(density.factors).all()
    assert (np.diagonal(density.factors[0]) > 0).all()


def test_unknown_class_lists_the_known(fitted: tuple[LatentDensity, Array, np.ndarray]) -> None:
    with pytest.raises(InputError, match=r"no class 'spoon'; choose one of: low, high\."):
        fitted[0].index("spoon")


def test_directions_of_a_class() -> None:
    vectors = np.arange(2 * 3 * SIZE, dtype=np.float32).reshape(2, 3, SIZE)
    directions = PrincipalDirections(("a", "b"), vectors, np.ones((2, 3), np.float32))
    np.testing.assert_array_equal(directions.of("b"), vectors[1])


def test_of_a_single_shape_in_all_samples_are_that_shape():
    code = np.arange(4, dtype=np.float32)[None]
    density = LatentDensity.fit(code, np.zeros(1, np.int64), ("only",))
    assert density.place(seed_noise(0, 4), "only") == pytest.approx(code, abs=0.01)


def test_a_class_of_one_shape_has_the_spread_of_all():
    codes = np.random.default_rng(0).standard_normal((50, 3)).astype(np.float32)
    labels = np.array([0] * 49 + [1])
    density = LatentDensity.fit(codes, labels, ("many", "one", "none"))
    assert np.isfinite(density.factors).all()
    assert np.allclose(density.means[1], codes[49])
    samples = density.place(seed_noise(0, 3, 20_000), "one")
    assert np.allclose(samples.std(0), codes.std(0, ddof=1), rtol=0.05)


def test_neighbours_are_as_near_and_as_likely_as_is_asked() -> None:
    random = np.random.default_rng(0)
    factor = np.tril(random.normal(0, 0.3, (64, 64)) + 2 * np.eye(64)).astype(np.float32)
    mean = random.normal(0, 5, 64).astype(np.float32)
    density = LatentDensity(("chair",), mean[None], factor[None])
    noise = seed_noise(7, 64, 500)
    latent = density.place(noise[0], "chair", 0.8)

    def spread(latents: np.ndarray) -> np.ndarray:
        return np.linalg.norm(np.linalg.solve(factor, (latents - mean).T), axis=0) / 8

    np.testing.assert_allclose(
        density.neighbours(latent, "chair", noise, 0.0)[3], latent, atol=1e-4
    )
    before = 0.0
    for distance in (0.1, 0.4, 1.0):
        found = density.neighbours(latent, "chair", noise[1:], distance)
        assert spread(found).mean() == pytest.approx(spread(latent[None])[0], rel=0.05)
        away = spread(found - latent + mean).mean()
        assert away > before + 0.05
        before = away
    assert spread(density.neighbours(mean, "chair", noise, 1.0)).mean() == pytest.approx(
        0.4, rel=0.1
    )
    odd = density.place(noise[0], "chair", 5.0)
    assert spread(density.neighbours(odd, "chair", noise, 1.0)).mean() == pytest.approx(1, rel=0.1)
