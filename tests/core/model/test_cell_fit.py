"""A latent is fitted to the cells that are known; others, and what the prior forbids, stay."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from shapelab.core.model.fits.cell_fit import SIDE, KnownCells, Prior, Silhouettes, fit_cells
from tests.core.model.test_silhouette_fit import CAMERA, Boxes, masks_of

START = np.zeros(4, np.float32)
WIDE = 4 * np.eye(4, dtype=np.float32)


def grid_of(latent):
    with torch.no_grad():
        grid = torch.sigmoid(Boxes()(torch.from_numpy(np.asarray(latent, np.float32))[None]))
    return grid[0, 0].numpy()


def known(latent, where):
    wanted = np.where(grid_of(latent) > 0.5, 1, 0).astype(np.float32)
    return KnownCells(wanted, np.where(where, 100 / where.sum(), 0).astype(np.float32))


def test_what_is_known_of_a_half_is_fitted_and_the_rest_is_the_priors():
    true = (3, -2, 2, 0)
    half = np.zeros((SIDE,) * 3, bool)
    half[:, :, SIDE // 2 :] = True  # of x and y all is known, and the upper half of z
    found, energy = fit_cells(Boxes(), [Prior(START, WIDE)], known(true, half))
    assert np.abs(found[0] - true)[:3].max() < 0.6
    assert energy[0] < 15
    nothing = np.zeros((SIDE,) * 3, np.float32)
    still, _ = fit_cells(Boxes(), [Prior(START, WIDE)], KnownCells(nothing, nothing))
    assert np.abs(still).max() < 1e-6


def test_what_the_prior_is_sure_of_stays():
    everywhere = np.ones((SIDE,) * 3, bool)
    sure = np.diag([4, 4e-3, 4, 4]).astype(np.float32)
    found, _ = fit_cells(Boxes(), [Prior(START, sure)], known((3, -3, 0, 0), everywhere))
    assert abs(found[0, 1]) < 0.1
    assert found[0, 0] > 1


def test_of_several_priors_the_one_that_suits_has_least_energy():
    everywhere = np.ones((SIDE,) * 3, bool)
    near = np.array([4, -4, 0, 0], np.float32)
    priors = [Prior(START, WIDE / 8), Prior(near, WIDE / 8)]
    _, energy = fit_cells(Boxes(), priors, known(near, everywhere))
    assert energy[1] < energy[0]


def test_pictures_go_on_to_be_filled():
    """No cell is known: what moves the latent is its silhouette."""
    true = np.array([[3, -3, 2, 0]], np.float32)
    nothing = np.zeros((SIDE,) * 3, np.float32)
    seen = Silhouettes(masks_of(true, CAMERA), (CAMERA,))
    found, _ = fit_cells(Boxes(), [Prior(START, WIDE)], KnownCells(nothing, nothing), seen)
    assert np.abs(found - true)[0, :3].mean() < 0.5 * np.abs(true)[0, :3].mean()


def test_what_is_raised_after_a_step_ends_it():
    class Enough(Exception):
        pass

    def moved(latents):
        raise Enough

    nothing = np.zeros((SIDE,) * 3, np.float32)
    with pytest.raises(Enough):
        fit_cells(Boxes(), [Prior(START, WIDE)], KnownCells(nothing, nothing), moved=moved)
