"""Signed distances: what a batch holds of them, their losses, and a run that learns them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from shapelab.core.errors import DataError, RunError
from shapelab.core.model.shape_model import load_model
from shapelab.core.runs.events import Finished, Validated
from shapelab.core.runs.run_config import RunConfig, problems
from shapelab.core.runs.run_folder import RunFolder
from shapelab.core.runs.run_state import RunState
from tests.trainer.conftest import digest, stop_after
from trainer.data.batches.batches import Batches
from trainer.data.store.prepared_store import open_store
from trainer.evaluation import export
from trainer.training import loop
from trainer.updates import losses, steps
from trainer.updates.encoding import solid_truth
from trainer.updates.state import new_state


@pytest.fixture
def distances(config: RunConfig) -> RunConfig:
    """A run that learns signed distances through every new part."""
    model = config.model.model_copy(
        update={"field": "signed_distance", "sub_cells": True, "residual_sides": (8,)}
    )
    changed = {"model": model, "reconstruction": "distance", "thin_weight": 2, "centre_lines": 0.1}
    changed |= {"overlap": 0.1, "slopes": 0.1}
    return config.model_copy(update=changed | {"prior": "blends"})


def test_a_batch_holds_the_squashed_distances_flipped_like_the_shapes(
    distances, store_folder, alone
):
    store = open_store(store_folder)
    batch = Batches(store, distances, alone)(3, pictures=True)
    assert batch.flipped.any()
    assert not batch.flipped.all()
    expected = torch.sigmoid(-torch.from_numpy(store.signed_distances(batch.rows)))
    expected[batch.flipped] = expected[batch.flipped].flip(1)
    torch.testing.assert_close(batch.targets[:, 0], expected)
    assert bool(batch.measured.all())
    assert torch.equal(batch.targets > 0.5, batch.grids > 0.5)  # of this store


def test_occupancy_is_its_own_target(config, store_folder, alone):
    batch = Batches(open_store(store_folder), config, alone)(0, pictures=False)
    assert batch.targets is batch.grids


def test_stretched_shapes_teach_solid_and_empty_only(distances, store_folder, alone):
    stretched = distances.model_copy(update={"stretched": 0.5})
    batch = Batches(open_store(store_folder), stretched, alone)(0, pictures=False)
    told = ~batch.measured
    assert 0 < int(told.sum()) < len(batch)
    assert torch.equal(batch.targets[told], batch.grids[told])
    assert not torch.equal(batch.targets[batch.measured], batch.grids[batch.measured])


def test_shapes_of_a_store_of_voxels_have_no_measured_distances(
    distances, store_folder, alone, monkeypatch
):
    store = open_store(store_folder)
    monkeypatch.setitem(store.index, "measured", False)
    assert not Batches(store, distances, alone)(0, pictures=False).measured.any()


def test_the_truth_is_what_lies_inside(distances, config, store_folder):
    store, rows = open_store(store_folder), np.arange(3)
    inside = solid_truth(store, rows, distances.model)
    assert np.array_equal(inside, store.signed_distances(rows) < 0)
    assert np.array_equal(solid_truth(store, rows, config.model), store.grids(rows))


def _ball(side: int = 16) -> torch.Tensor:
    """Signed distances [1, 1, R, R, R] of a ball, up to 3."""
    axis = torch.arange(side, dtype=torch.float64) - side / 2 + 0.5
    x, y, z = torch.meshgrid(axis, axis, axis, indexing="ij")
    return ((x**2 + y**2 + z**2).sqrt() - 4.2).clamp(-3, 3)[None, None]


@pytest.mark.parametrize("kind", ["bce", "squared", "distance"])
def test_the_loss_of_measured_distances_is_least_at_the_distances(kind):
    distance = _ball()
    target, measured = torch.sigmoid(-distance), torch.tensor([True])
    weights = {"solid_weight": 2.0, "extra": 1.0}

    def loss(logits):
        return losses.distance_reconstruction(logits, target, measured, kind, **weights).item()

    least = loss(-distance)
    assert least < 1e-12
    for off in (0.3, -0.3):
        assert loss(-distance + off) > least
    assert loss(distance) > 10 * least + 0.1


@pytest.mark.parametrize("kind", ["bce", "squared", "distance"])
def test_what_was_not_measured_teaches_the_side_alone(kind):
    target, told = torch.sigmoid(-_ball()), torch.tensor([False])
    loss = losses.distance_reconstruction
    halved = (target - 0.5) / 2 + 0.5  # other distances, the same sides
    logits = torch.randn_like(target)
    assert torch.equal(
        loss(logits, target, told, kind, 1.0, 0.0), loss(logits, halved, told, kind, 1.0, 0.0)
    )
    right = 20 * (target - 0.5).sign()
    assert loss(right, target, told, kind, 1.0, 0.0) < 1e-6


def test_thin_parts_are_those_without_a_block_of_three():
    solid = torch.zeros(1, 1, 16, 16, 16)
    solid[..., 2:7, 2:7, 2:7] = 1
    solid[..., 10:12, 10:12, 2:14] = 1  # a leg two voxels wide
    thin = losses.thin_parts(solid)
    assert not thin[..., :8, :8, :8].any()
    assert thin[..., 9:13, 9:13, 2:14].all()
    assert thin.sum() == 4 * 4 * 14


def test_ripples_cost_their_slopes_and_a_face_that_is_too_high_costs_none():
    side = torch.arange(12.0)
    distance = (side.view(1, 1, 1, 1, 12) - 5.5).expand(1, 1, 12, 12, 12)  # a floor below z = 5.5
    target, known = torch.sigmoid(-distance), torch.ones(1, dtype=torch.bool)
    assert float(losses.slopes_loss(0.3 - distance, target, known)) < 1e-5
    ripples = 0.2 * (side % 2).view(1, 1, 1, 12, 1)  # along y: each step of a cell is off by 0.2
    along_y, along_z = 11 * 12 * 4, 12 * 12 * 3  # pairs of cells in the four layers that are near
    assert float(losses.slopes_loss(ripples - distance, target, known)) == pytest.approx(
        0.2 * along_y / (along_y + along_z), rel=1e-4
    )
    assert float(losses.slopes_loss(ripples - distance, target, ~known)) == 0
    # Along x the slabs of an update have no neighbours.
    along_x = 0.2 * (side % 2).view(1, 1, 12, 1, 1)
    assert float(losses.slopes_loss(along_x - distance, target, known)) < 1e-5


def test_slopes_of_a_far_surface_cost_nothing():
    distance = (torch.arange(12.0).view(1, 1, 1, 1, 12) - 5.5).expand(1, 1, 12, 12, 12)
    target, known = torch.sigmoid(-distance), torch.ones(1, dtype=torch.bool)
    far = (distance.abs() > 2.5) * torch.randn(distance.shape)
    assert float(losses.slopes_loss(far - distance, target, known)) < 1e-5


def test_a_gap_costs_its_share_of_the_centre_line_and_little_else():
    leg = torch.zeros(1, 1, 16, 16, 16)
    leg[..., 7:9, 7:9, 2:14] = 1
    broken = leg.clone()
    broken[..., 7:10] = 0
    thinner = leg.clone()
    thinner[..., 8:9, :, :] = 0
    assert losses.centre_line_loss(leg, leg) < 1e-3
    assert losses.centre_line_loss(broken, leg) > 0.1
    assert losses.centre_line_loss(torch.zeros_like(leg), leg) > 0.99
    soft = (0.5 * leg).requires_grad_(True)
    losses.centre_line_loss(soft, leg).backward()
    assert bool((soft.grad[leg > 0] < 0).any())


def test_settings_of_distances_need_distances():
    for field in ("thin_weight", "centre_lines", "slopes"):
        assert "signed_distance" in problems({field: 1.0})[""]
    assert "signed_distance" in problems({"reconstruction": "distance"})[""]
    parted = {"model": {"sub_cells": True}, "penalty": "column"}
    assert "sub_cells" in problems(parted)[""]


def test_a_store_without_distances_is_refused(distances, store_folder, alone, monkeypatch):
    store = open_store(store_folder)
    monkeypatch.setitem(store.index, "fields", False)
    with pytest.raises(RunError, match="no signed distances"):
        loop.check_fit(distances, store, alone)
    with pytest.raises(DataError, match="no signed distances"):
        store.inside(np.arange(1))


PLANES = {"decoder": "planes", "residual_sides": (), "generator_width": 24}


def planes_of(config: RunConfig) -> RunConfig:
    """The run with planes, half of which a step decodes."""
    model = config.model.model_copy(update=PLANES)
    return config.model_copy(update={"model": model, "slabs": 0.5})


@pytest.mark.parametrize("decoder", ["grids", "planes"])
def test_a_run_resumes_bit_equal_and_its_model_opens(
    decoder, distances, train, store_folder, tmp_path
):
    distances = distances.model_copy(update={"validate_every": 4})
    if decoder == "planes":
        distances = planes_of(distances)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    events = train(distances, whole)
    assert all(0 <= e.metrics["iou"] <= 1 for e in events if isinstance(e, Validated))
    for cut in (2, 7):  # in the warm start, in the adversarial phase
        assert train(distances, parts, stop_after(cut))[-1] == Finished(cut, RunState.STOPPED)
    assert train(distances, parts)[-1] == Finished(distances.steps, RunState.COMPLETED)
    assert digest(whole) == digest(parts)
    folder = export.export(whole, str(tmp_path / "made" / "tiny"), store_folder, "test data")
    model = load_model(folder)
    assert model.spec == distances.model
    decoded = model.decode(model.sample("box", seed=1))
    assert decoded.shape == (1, 32, 32, 32)
    assert 0 <= decoded.min() <= decoded.max() <= 1


@pytest.mark.parametrize("field", ["occupancy", "signed_distance"])
def test_a_run_begins_at_the_log_odds_of_the_data(
    field, config, distances, store_folder, alone, tmp_path: Path
):
    chosen = config if field == "occupancy" else distances
    folder = RunFolder(tmp_path)
    folder.create(chosen, store_folder)
    store = open_store(store_folder)
    state, _ = loop._load(folder, chosen, alone, store)
    filled = store.grids(store.indices("train")).mean()
    begun = torch.sigmoid(state.generator.head.bias.double()).detach().numpy()
    np.testing.assert_allclose(begun, filled, rtol=1e-5)
    assert torch.equal(state.averages["generator"].head.bias, state.generator.head.bias)
    assert not new_state(chosen, alone).generator.head.bias.any()


def test_slabs_are_drawn_anew_and_their_loss_is_that_of_what_they_hold(
    distances, store_folder, alone
):
    config = planes_of(distances).model_copy(update={"thin_weight": 0.0, "centre_lines": 0.0})
    state = new_state(config, alone)
    batch = Batches(open_store(store_folder), config, alone)(0, pictures=False)
    first = steps._slabs(state)
    assert len(first) == config.model.network_side // 2
    assert torch.equal(first, steps._slabs(state))
    state.step += 1
    assert not torch.equal(first, steps._slabs(state))
    logits = torch.randn_like(batch.targets)
    cells = (2 * first[:, None] + torch.arange(2)).flatten()
    cut = dataclasses.replace(batch, targets=batch.targets[:, :, cells])
    expected = steps._reconstruction(config, logits[:, :, cells], cut)
    found = steps._reconstruction(config, logits[:, :, cells], batch, slabs=first)
    assert torch.equal(found, expected)


def test_planes_have_no_blocks_and_grids_no_slabs():
    planes = {"decoder": "planes", "generator_width": 24}
    assert "residual_sides" in problems({"model": planes | {"residual_sides": [8]}})["model"]
    assert "by 12" in problems({"model": planes | {"generator_width": 32}})["model"]
    assert "decoder = planes" in problems({"slabs": 0.5})[""]
