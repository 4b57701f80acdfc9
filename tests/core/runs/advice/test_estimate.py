"""The estimate counts the very networks that torch builds."""

from __future__ import annotations

import pytest

from shapelab.core.model import networks
from shapelab.core.model.spec import ModelSpec
from shapelab.core.runs.advice import estimate
from shapelab.core.runs.presets import preset


@pytest.mark.parametrize(
    ("name", "side"), [("small", 32), ("paper", 32), ("large", 64), ("furniture", 64)]
)
def test_parameters_are_those_of_the_networks(name: str, side: int) -> None:
    model = preset(name, ("a", "b"), side).model
    _check_parameters(model)
    parted = {
        "sub_cells": not model.sub_cells,
        "residual_sides": (4, 8),
        "field": "signed_distance",
    }
    _check_parameters(model.model_copy(update=parted))
    planes = {"decoder": "planes", "residual_sides": (), "generator_width": 48}
    _check_parameters(model.model_copy(update=planes))


def _check_parameters(model: ModelSpec) -> None:
    for layers, network in (
        (estimate.generator_layers, networks.Generator),
        (estimate.critic_layers, networks.Critic),
        (estimate.voxel_encoder_layers, networks.VoxelEncoder),
        (estimate.image_encoder_layers, networks.ImageEncoder),
    ):
        counted = sum(layer.parameters for layer in layers(model))
        built = network(model)
        assert counted == sum(p.numel() for p in built.parameters()), network.__name__


def test_work_grows_with_steps_and_batch_and_memory_with_batch_alone() -> None:
    config = preset("small", ("a",), 32)
    one = estimate.estimate(config)
    longer = estimate.estimate(preset("small", ("a",), 32, steps=2 * config.steps))
    wider = estimate.estimate(config.model_copy(update={"batch_size": 2 * config.batch_size}))
    assert longer.flops == pytest.approx(2 * one.flops)
    assert longer.memory_mb == one.memory_mb
    assert wider.flops == pytest.approx(2 * one.flops)
    assert one.memory_mb < wider.memory_mb < 2 * one.memory_mb
    assert one.seconds(1e9) == pytest.approx(2 * one.seconds(2e9))
