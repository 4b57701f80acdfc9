"""The flow of the codes: an exact inverse, the likelihood of calculus, paths through its noise."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch

from shapelab.core.model.code_flow import CodeFlow
from shapelab.core.model.latent import HALFWAY, PATHS, Array, LatentDensity, seed_noise

LATENT, CLASSES = 6, ("low", "high")


@pytest.fixture
def density() -> LatentDensity:
    """A flow that is far from the identity, over two Gaussians that are far from N(0, I)."""
    torch.manual_seed(0)
    flow = CodeFlow(LATENT, len(CLASSES), layers=4, width=16)
    for value in flow.parameters():
        torch.nn.init.normal_(value, 0, 0.3)
    rng = np.random.default_rng(0)
    mix = rng.normal(size=(2, LATENT, LATENT))
    factors = np.linalg.cholesky(mix @ mix.transpose(0, 2, 1) + 0.1 * np.eye(LATENT))
    means = rng.normal(size=(2, LATENT)) * 3
    return LatentDensity(CLASSES, means.astype(np.float32), factors.astype(np.float32), flow.eval())


def placed(density: LatentDensity, k: int, noise: torch.Tensor) -> torch.Tensor:
    """``place`` in float64 and by autograd's rules, written down apart from it."""
    assert density.flow is not None
    flow, kind = density.flow.double(), torch.eye(len(CLASSES), dtype=torch.float64)[[k]]
    white = flow.inverse(noise[None], kind)[0][0]
    means, factors = (torch.from_numpy(part).double() for part in (density.means, density.factors))
    return means[k] + factors[k] @ white


def test_noise_and_codes_are_each_others_inverse(density: LatentDensity) -> None:
    noise = seed_noise(3, LATENT, 500)
    for name in CLASSES:
        codes = density.place(noise, name)
        assert np.abs(codes - density.means[CLASSES.index(name)]).max() > 1
        np.testing.assert_allclose(density.noise_of(codes, name), noise, atol=1e-4)
        one = density.place(noise[7], name, 0.5)
        np.testing.assert_allclose(density.noise_of(one, name), 0.5 * noise[7], atol=1e-4)


def test_the_likelihood_is_that_of_the_jacobian(density: LatentDensity) -> None:
    """p(z) = N(n; 0, I) / |det dz / dn|, with the determinant of autograd's Jacobian."""
    wanted = density.place(seed_noise(1, LATENT, 12), "low")
    known = [density.nearest_class(code) for code in wanted]
    noise = [density.noise_of(wanted, name) for name in CLASSES]
    by_hand = np.zeros((len(wanted), len(CLASSES)))
    for k in range(len(CLASSES)):
        for row, start in enumerate(torch.from_numpy(noise[k]).double()):
            jacobian = torch.autograd.functional.jacobian(partial(placed, density, k), start)
            by_hand[row, k] = -0.5 * start @ start - torch.linalg.slogdet(jacobian).logabsdet
    assert known == [CLASSES[k] for k in by_hand.argmax(1)]
    assert density.flow is not None
    flow = density.flow.float()
    for k in range(len(CLASSES)):
        factor = density.factors[k].astype(np.float64)
        apart = np.linalg.solve(factor, (wanted - density.means[k]).T)
        kinds = np.tile(np.eye(2, dtype=np.float32)[k], (len(wanted), 1))
        made, log_det = flow.noise_of(np.ascontiguousarray(apart.T, np.float32), kinds)
        scale = np.log(np.diag(factor)).sum()
        found = -0.5 * (made**2).sum(1) + log_det - scale
        np.testing.assert_allclose(found, by_hand[:, k], rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("mode", ["slerp", "lerp"])
@pytest.mark.parametrize("classes", [("low", "low"), ("low", "high")])
def test_a_path_begins_and_ends_at_the_very_shapes(
    density: LatentDensity, mode: str, classes: tuple[str, str]
) -> None:
    a, b = (density.place(seed_noise(k, LATENT), c)[0] for k, c in enumerate(classes))
    way = [density.between(a, b, t, mode, classes) for t in (0, 1e-6, 0.5, 1 - 1e-6, 1)]  # type: ignore[arg-type]
    np.testing.assert_array_equal(way[0], a)
    np.testing.assert_array_equal(way[4], b)
    np.testing.assert_allclose(way[1], a, atol=1e-3)  # no jump behind the ends
    np.testing.assert_allclose(way[3], b, atol=1e-3)
    assert (
        np.abs(way[2] - PATHS[mode](a, b, 0.5)).max() > 0.1
    )  # it is another way than the straight
    if classes[0] == classes[1]:
        ends = [density.noise_of(end, classes[0]) for end in (a, b)]
        noise = PATHS[mode](*ends, 0.5)
        noise *= min(1, HALFWAY * LATENT**0.5 / np.linalg.norm(noise))  # nearer to the middle
        halfway = density.place(noise, classes[0])
        np.testing.assert_allclose(way[2], halfway, atol=1e-4)


def test_a_new_flow_changes_nothing(density: LatentDensity) -> None:
    plain = LatentDensity(CLASSES, density.means, density.factors)
    new = LatentDensity(CLASSES, density.means, density.factors, CodeFlow(LATENT, 2, 3, 8).eval())
    noise: Array = seed_noise(2, LATENT, 4)
    np.testing.assert_allclose(new.place(noise, "high"), plain.place(noise, "high"), atol=1e-5)
    a, b = noise[:2]
    np.testing.assert_array_equal(
        plain.between(a, b, 0.3, "slerp", CLASSES), PATHS["slerp"](a, b, 0.3)
    )
