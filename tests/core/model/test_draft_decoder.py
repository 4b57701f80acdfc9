"""Drafts: the occupancy of ``decode`` but for rounding, for every kind of generator."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from shapelab.core.errors import InputError
from shapelab.core.model.model_file import ModelParts
from shapelab.core.model.networks import Generator
from shapelab.core.model.shape_model import ShapeModel, load_model
from tests.small_models import SPEC, small_parts

KINDS = {
    "grids": {},
    "residual blocks": {"residual_sides": (4, 8)},
    "sub-cells": {"sub_cells": True},
    "64 cells": {"resolution": 64, "sub_cells": True, "field": "signed_distance"},
    "planes": {"decoder": "planes", "generator_width": 24},
}


@pytest.mark.parametrize("changes", KINDS.values(), ids=KINDS)
def test_a_draft_is_the_shape_but_for_rounding(changes: dict[str, object]) -> None:
    spec = SPEC.model_validate({**SPEC.model_dump(), **changes})
    torch.manual_seed(3)
    generator = Generator(spec).eval()
    for module in generator.modules():  # as after a training: nothing is normalised by 0 and 1
        if hasattr(module, "running_mean"):
            torch.nn.init.uniform_(module.running_mean, -0.1, 0.1)
            torch.nn.init.uniform_(module.running_var, 0.0005, 0.002)
    own = small_parts()
    parts = ModelParts(spec, {"generator": generator}, own.density, own.directions, {}, "", "")
    model = ShapeModel("untrained", parts)
    latent = np.random.default_rng(0).standard_normal(8).astype(np.float32)
    exact, draft = model.decode(latent), model.draft(latent)
    assert draft.shape == exact.shape == spec.grid
    assert draft.dtype == np.float32
    assert np.ptp(exact) > 1e-3
    assert np.abs(draft - exact).max() < 1e-5


def test_a_draft_of_the_shipped_model_has_its_solid_cells() -> None:
    model = load_model()
    for seed, name in enumerate(model.classes):
        latent = model.sample(name, seed)[0]
        exact, draft = model.decode(latent), model.draft(latent)
        assert np.abs(draft - exact).max() < 1e-4
        assert ((draft >= 0.5) != (exact >= 0.5)).sum() <= 1
        again = model.decode(latent)
        assert np.array_equal(again, exact)  # drafts leave nothing behind


def test_what_is_no_latent_is_refused() -> None:
    model = load_model()
    with pytest.raises(InputError, match="finite"):
        model.draft(np.full(model.latent_size, np.nan, np.float32))
    with pytest.raises(InputError, match="shape"):
        model.draft(np.zeros(3, np.float32))
