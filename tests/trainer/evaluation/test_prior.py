"""The density of the codes: its flow follows what no Gaussian does, and stops when it is asked."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from shapelab.core.model.latent import seed_noise
from trainer.evaluation import prior
from trainer.evaluation.prior import Posteriors
from trainer.process.control import Stopped

CLASSES = ("ring", "moons")


def shapes(count: int, seed: int) -> Posteriors:
    """A ring and two moons in the first two of six numbers; the third and fourth say nothing."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    turn = rng.uniform(0, 2 * np.pi, count)
    upper = turn < np.pi
    ring = 3 * np.stack([np.cos(turn), np.sin(turn)], 1)
    moons = np.stack([np.cos(turn) + ~upper, np.sin(turn) + 0.5 * ~upper], 1) * 2 + [9, 0]
    means = np.zeros((count, 6), np.float32)
    means[:, :2] = np.where(labels[:, None] == 0, ring, moons)
    means[:, 4:] = 0.1 * rng.standard_normal((count, 2))
    deviations = np.full((count, 6), 0.1, np.float32)
    deviations[:, 2:4] = 1  # the posterior is the prior: nothing was encoded there
    return Posteriors(means, deviations, labels)


@pytest.fixture
def quick(monkeypatch):
    changes = {"STEPS": 300, "WIDTH": 32, "BATCH": 128, "LOOK_EVERY": 50, "RATE": 5e-3}
    for name, value in changes.items():
        monkeypatch.setattr(prior, name, value)


def test_a_flow_beats_the_gaussians_on_rings_and_moons(quick):
    known, held = shapes(600, 0), shapes(200, 1)
    density = prior.gaussians(known, CLASSES)
    heard = []
    flow = prior.fit_flow(density, known, held, lambda *told: heard.append(told))
    assert heard[-1] == (prior.TOLD, 300, 300)
    again = prior.fit_flow(density, known, held)
    for one, other in zip(flow.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(one, other)
        assert torch.equal(one, one.half().to(one))  # nothing is lost in the file
    noise = seed_noise(0, 6, 4000)
    plain = density.place(noise, "ring")
    learnt = prior.replace(density, flow=flow).place(noise, "ring")
    far = [np.abs(np.hypot(codes[:, 0], codes[:, 1]) - 3) for codes in (plain, learnt)]
    assert np.median(far[1]) < 0.75 * np.median(far[0])  # of the radius: Gaussians fill the middle
    assert np.median(np.abs(np.arctan2(learnt[:, 1], learnt[:, 0]))) == pytest.approx(1.57, abs=0.2)
    assert learnt[:, 2:4].std(0) == pytest.approx([1, 1], abs=0.15)  # as harmless as before
    assert prior.replace(density, flow=flow).nearest_class(held.means[0]) == "ring"


def test_gaussians_are_those_of_the_aggregate_posterior():
    known = shapes(40_000, 2)
    rng = torch.Generator().manual_seed(0)
    drawn = known.drawn(torch.arange(40_000), rng).numpy()
    density = prior.gaussians(known, CLASSES)
    for k in range(2):
        own = drawn[known.labels == k]
        np.testing.assert_allclose(density.means[k], own.mean(0), atol=0.05)
        covariance = density.factors[k] @ density.factors[k].T
        np.testing.assert_allclose(covariance, np.cov(own.T), atol=0.1)
    few = prior.gaussians(shapes(3, 3), (*CLASSES, "none"))
    assert np.isfinite(few.factors).all()
    assert (np.diagonal(few.factors, axis1=1, axis2=2) > 0).all()


def test_the_fit_ends_between_two_steps():
    asked = []

    def check() -> None:
        asked.append(True)
        if len(asked) == 3:
            raise Stopped

    known = shapes(40, 0)
    with pytest.raises(Stopped):
        prior.fit_flow(prior.gaussians(known, CLASSES), known, known, check=check)
