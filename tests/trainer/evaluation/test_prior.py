"""The density of the codes: its flow follows what no Gaussian does, and leaves what is broken."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from shapelab.core.model.latent import seed_noise
from trainer.data.store.prepared_store import open_store
from trainer.evaluation import flow_fit, prior
from trainer.evaluation.flow_fit import FlowFit, Posteriors
from trainer.evaluation.prior import gaussians
from trainer.process.control import Stopped
from trainer.process.distributed import Processes
from trainer.updates.encoding import encode_grids
from trainer.updates.state import new_state

CLASSES = ("ring", "moons")


def shapes(count: int, seed: int) -> Posteriors:
    """A ring and two moons in the first two of six numbers; the third and fourth say nothing."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    turn = rng.uniform(0, 2 * np.pi, count)
    lower = turn > np.pi
    ring = 3 * np.stack([np.cos(turn), np.sin(turn)], 1)
    moons = np.stack([np.cos(turn) + lower, np.sin(turn) + 0.5 * lower], 1) * 2 + [9, 0]
    means = np.zeros((count, 6), np.float32)
    means[:, :2] = np.where(labels[:, None] == 0, ring, moons)
    means[:, 4:] = 0.1 * rng.standard_normal((count, 2))
    deviations = np.full((count, 6), 0.1, np.float32)
    deviations[:, 2:4] = 1  # the posterior is the prior: nothing was encoded there
    return Posteriors(*map(torch.from_numpy, (means, deviations, labels)))


def whole(codes: np.ndarray) -> np.ndarray:
    """Broken are the ring's right half and the inside of all."""
    return (codes[:, 0] < 0) | (codes[:, 0] > 4)


@pytest.fixture
def quick(monkeypatch):
    changes = {
        "STEPS": 200,
        "GUIDED_STEPS": 120,
        "LAYERS": 6,
        "WIDTH": 32,
        "BATCH": 128,
        "RATE": 5e-3,
        "GUIDED_RATE": 5e-3,
        "JUDGED_FIRST": 400,
        "JUDGE_WIDTH": 32,
        "JUDGE_FIRST_STEPS": 100,
        "JUDGE_RATE": 1e-2,
        "AVERAGED": 0.9,
    }
    for name, value in changes.items():
        monkeypatch.setattr(flow_fit, name, value)


def test_a_flow_follows_rings_and_avoids_what_is_broken(quick):
    known, held = shapes(600, 0), shapes(200, 1)
    density = gaussians(known, CLASSES)
    heard = []
    fit = FlowFit(density, known, held)
    fit.by_likelihood(lambda *told: heard.append(told))
    likely = replace(density, flow=fit.result())
    fit.by_wholeness(whole, lambda *told: heard.append(told))
    guided = replace(density, flow=fit.result())
    assert heard[-1] == (flow_fit.TOLD, 320, 320)
    for value in guided.flow.state_dict().values():
        assert torch.equal(value, value.half().to(value))  # nothing is lost in the file
    noise = seed_noise(0, 6, 4000)
    rings = [each.place(noise, "ring") for each in (density, likely, guided)]
    far = [np.median(np.abs(np.hypot(codes[:, 0], codes[:, 1]) - 3)) for codes in rings]
    assert far[1] < 0.8 * far[0]  # of the radius: a Gaussian fills the middle
    shares = [whole(codes).mean() for codes in rings]
    assert shares[1] == pytest.approx(0.5, abs=0.07)
    assert shares[2] > 0.75
    assert rings[2][:, 1].std() > 0.7 * rings[1][:, 1].std()  # they still differ
    for codes in rings[1:]:
        assert codes[:, 2:4].std(0) == pytest.approx([1, 1], abs=0.2)  # as harmless as before
    for k, name in enumerate(CLASSES):
        assert guided.nearest_class(held.means[k].numpy()) == name


def test_the_same_seed_learns_the_same_flow(quick, monkeypatch):
    for name in ("STEPS", "GUIDED_STEPS"):
        monkeypatch.setattr(flow_fit, name, 3)
    known = shapes(50, 0)
    flows = []
    for seed in (1, 1, 2):
        fit = FlowFit(gaussians(known, CLASSES), known, known, seed)
        torch.rand(1)  # what others draw changes nothing
        fit.by_likelihood()
        fit.by_wholeness(whole)
        flows.append(list(fit.result().state_dict().values()))
    assert all(map(torch.equal, flows[0], flows[1]))
    assert not all(map(torch.equal, flows[0], flows[2]))


def test_gaussians_are_those_of_the_aggregate_posterior():
    known = shapes(40_000, 2)
    rng = torch.Generator().manual_seed(0)
    drawn = known.drawn(torch.arange(40_000), rng).numpy()
    density = gaussians(known, CLASSES)
    for k in range(2):
        own = drawn[known.labels == k]
        np.testing.assert_allclose(density.means[k], own.mean(0), atol=0.05)
        covariance = density.factors[k] @ density.factors[k].T
        np.testing.assert_allclose(covariance, np.cov(own.T), atol=0.1)
    few = gaussians(shapes(3, 3), (*CLASSES, "none"))
    assert np.isfinite(few.factors).all()
    assert (np.diagonal(few.factors, axis1=1, axis2=2) > 0).all()


@pytest.mark.parametrize("phase", ["by_likelihood", "by_wholeness"])
def test_the_fit_ends_between_two_steps(quick, phase):
    asked = []

    def check() -> None:
        asked.append(True)
        if len(asked) == 3:
            raise Stopped

    known = shapes(40, 0)
    fit = FlowFit(gaussians(known, CLASSES), known, known)
    given = (whole,) if phase == "by_wholeness" else ()
    with pytest.raises(Stopped):
        getattr(fit, phase)(*given, check=check)


def test_a_store_with_enough_shapes_gets_a_flow(monkeypatch, quick, config, store_folder):
    averages, store = new_state(config, Processes()).averages, open_store(store_folder)
    for name, value in {"STEPS": 50, "GUIDED_STEPS": 2, "JUDGED_FIRST": 32}.items():
        monkeypatch.setattr(flow_fit, name, value)
    given = averages["generator"], averages["voxel_encoder"], store, True
    assert prior.fit_prior(*given).flow is None
    monkeypatch.setattr(prior, "LEAST", len(store.indices("train")))
    heard = []
    density = prior.fit_prior(*given, lambda *told: heard.append(told))
    assert heard[-1] == (flow_fit.TOLD, 52, 52)
    codes = encode_grids(averages["voxel_encoder"], store, np.arange(4))
    noise = density.noise_of(codes, store.classes[0])
    np.testing.assert_allclose(density.place(noise, store.classes[0]), codes, atol=1e-3)
