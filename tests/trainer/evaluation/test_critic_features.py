"""The critic's features and the linear machine on them, against a solver of its own kind."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from shapelab.core.model.spec import ModelSpec
from trainer.evaluation.critic_features import LinearSvm, features, untrained


def test_the_machine_is_that_of_the_dual_problem():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(24, 3))
    labels = (rows @ [1.0, -2.0, 0.5] + rng.normal(0, 1, 24) > 0).astype(int)
    machine = LinearSvm.at(rows, labels, cost := 0.3)
    # The dual: max sum a - |sum a y x|^2 / 2 - sum a^2 / (4 cost), a >= 0 (Hsieh et al. 2008).
    x = np.hstack([(rows - rows.mean(0)) / rows.std(0), np.ones((24, 1))])
    y = np.where(labels == 1, 1.0, -1.0)
    kernel = (y[:, None] * x) @ (y[:, None] * x).T + np.eye(24) / (2 * cost)
    dual = minimize(
        lambda a: 0.5 * a @ kernel @ a - a.sum(),
        np.zeros(24),
        jac=lambda a: kernel @ a - 1,
        bounds=[(0, None)] * 24,
        method="L-BFGS-B",
        options={"ftol": 1e-14, "gtol": 1e-9},
    )
    assert machine.weights[:, 1] == pytest.approx((dual.x * y) @ x, abs=2e-3)
    assert machine.weights[:, 0] == pytest.approx(-machine.weights[:, 1], abs=2e-3)
    scores = x @ machine.weights[:, 1]
    assert (machine.predict(rows) == (scores > 0)).all()


def test_classes_that_a_plane_parts_are_told_apart_by_labels_of_any_number():
    rng = np.random.default_rng(0)
    labels = np.repeat([3, 5, 9], 20)
    rows = rng.normal(size=(60, 4)) + 8 * np.eye(4)[np.repeat([0, 1, 2], 20)]
    machine = LinearSvm.fit(rows, labels)
    assert (machine.predict(rows) == labels).all()


def test_features_are_the_maxima_of_the_layers_but_the_first():
    spec = ModelSpec(critic_width=4)
    critic = untrained(spec)
    grids = np.random.default_rng(0).random((3, 32, 32, 32)) < 0.2
    found = features(critic, grids)
    assert found.shape == (3, (8 + 16 + 32) * 8)
    with torch.inference_mode():
        x = torch.from_numpy(grids[:, None].astype(np.float32))
        for conv in critic.convs[:2]:
            x = torch.nn.functional.leaky_relu(conv(x), 0.2)
    corner = x[:, :, :4, :4, :4].amax((2, 3, 4)).numpy()  # of 8 x 8 x 8 cells
    assert found[:, : 8 * 8 : 8] == pytest.approx(corner)
