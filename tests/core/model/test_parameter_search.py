"""Parameters found again from what their shape shows: from its cells, and from its outline."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import stats

from shapelab.core.errors import Cancelled
from shapelab.core.furniture.families.family_table import FAMILIES
from shapelab.core.furniture.furniture import parameters, random_piece, random_shares
from shapelab.core.model.camera import Camera
from shapelab.core.model.image_encoding import ImageEncoding, OfClasses
from shapelab.core.model.procedural import parameter_fit, parameter_match
from shapelab.core.model.procedural.parameter_bins import parameter_bins
from shapelab.core.model.procedural.parameter_draws import ParameterDraws
from shapelab.core.model.procedural.procedural_generator import (
    CLASS,
    LATENT_SIZE,
    PARAMETERS,
    ProceduralGenerator,
    density,
)
from shapelab.core.model.silhouette_fit import SIDE

every_class = pytest.mark.parametrize("name", FAMILIES)
LABELS = list(FAMILIES)
CAMERA = Camera(np.radians(-55), np.radians(18), 2.2, 0.0)


def solid(latent: NDArray[np.float32], side: int = 64) -> NDArray[np.bool_]:
    return (ProceduralGenerator(side)(torch.from_numpy(latent)[None])[0, 0] > 0).numpy()


def shared(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return float((a & b).sum() / (a | b).sum())


def drawn(name: str, seed: int) -> NDArray[np.float32]:
    noise = np.random.default_rng(seed).standard_normal((1, LATENT_SIZE)).astype(np.float32)
    return np.asarray(density().place(noise, name)[0], np.float32)


@every_class
def test_a_choice_means_what_the_parameter_was(name: str) -> None:
    """Of styles and counts exactly, of numbers to half of what a choice of them spans."""
    kind, family, bins = LABELS.index(name), FAMILIES[name], parameter_bins()
    for number in range(40):
        chosen = bins.chosen(kind, random_shares(family, number, 3))
        piece = random_piece(family, number, 3)
        for i, parameter in enumerate(parameters(family)):
            share = float(stats.norm.cdf(bins.places[kind, i, chosen[i]]))
            found, wanted = parameter.at(share), getattr(piece, parameter.name)
            if bins.widths[kind, i].any():
                span = (parameter.high - parameter.low) / bins.exist[kind, i].sum()
                assert abs(float(found) - float(wanted)) <= span / 2 + 1e-6 + parameter.whole / 2
            else:
                assert found == wanted


def test_all_choices_are_counted_once() -> None:
    bins = parameter_bins()
    assert np.array_equal(np.sort(bins.number[bins.exist]), np.arange(bins.count))
    declared = [len(parameters(family)) for family in FAMILIES.values()]
    assert bins.exist.any(-1).sum(-1).tolist() == declared


@every_class
def test_what_is_drawn_is_of_its_class_and_the_same_each_time(name: str) -> None:
    kind = LABELS.index(name)
    twice = []
    for _ in range(2):
        draws = ParameterDraws()
        first, second = draws.drawn(kind), draws.drawn(kind)
        twice.append((first, second, draws.child(kind, first, second)))
        for latent in twice[-1]:
            assert density().nearest_class(latent) == name
            assert not latent[len(parameters(FAMILIES[name])) : PARAMETERS].any()
    np.testing.assert_array_equal(*twice)


def test_chances_say_what_is_drawn_and_what_surprises() -> None:
    kind, bins = LABELS.index("chair"), parameter_bins()
    chances = np.where(bins.exist, 0.0, 0.0)
    chances[..., 2] = bins.exist[..., 2]  # all sure of the third choice
    chances[~bins.exist[..., 2], 0] = 1.0
    draws = ParameterDraws(chances)
    place = parameters(FAMILIES["chair"]).index(
        next(p for p in parameters(FAMILIES["chair"]) if p.name == "base")
    )
    found = [draws.drawn(kind)[place] for _ in range(200)]
    assert np.mean(np.isclose(found, bins.places[kind, place, 2])) > 0.85
    sure, other = draws.drawn(kind), draws.drawn(kind)
    for i in range(len(parameters(FAMILIES["chair"]))):
        sure[i] = bins.places[kind, i, 2 if bins.exist[kind, i, 2] else 0]
    other[:] = sure
    other[place] = bins.places[kind, place, 0]
    assert draws.surprise(kind, sure) == 0
    assert draws.surprise(kind, other) > 5


@pytest.mark.parametrize(
    ("name", "seed", "least"), [("bathtub", 4, 0.7), ("wardrobe", 7, 0.85), ("sofa", 7, 0.6)]
)
def test_the_piece_that_a_grid_shows_is_found(name: str, seed: int, least: float) -> None:
    wanted = solid(drawn(name, seed))
    quick = parameter_match.nearest(wanted[None].astype(np.float32))[0]
    found, _ = parameter_match.matched(wanted.astype(np.float32))
    assert density().nearest_class(found) == name
    assert shared(solid(found), wanted) > least
    assert shared(solid(found), wanted) > shared(solid(quick), wanted)


def test_a_search_in_cells_can_be_stopped() -> None:
    def check() -> None:
        raise Cancelled("Enough.")

    with pytest.raises(Cancelled, match="Enough"):
        parameter_match.matched(solid(drawn("bed", 1)).astype(np.float32), check)


def outline(latent: NDArray[np.float32], camera: Camera) -> NDArray[np.float32]:
    """The silhouette [64, 64] by marching along rays through the solid cells."""
    grid, side = solid(latent), 64
    towards, right, up = camera.axes()
    steps = (np.arange(side) + 0.5) / side * 2 - 1
    u, v, depth = np.meshgrid(
        camera.frame[0] + camera.frame[2] * steps,
        camera.frame[1] - camera.frame[2] * steps,
        np.linspace(-0.6, 0.6, 160),
        indexing="xy",
    )
    rays = (u[..., None] * right + v[..., None] * up) / camera.distance - towards
    points = towards * camera.distance + (camera.distance + depth[..., None]) * rays
    cells = np.floor((points + 0.5) * side).astype(int)
    inside = ((cells >= 0) & (cells < side)).all(-1)
    x, y, z = np.clip(cells, 0, side - 1).transpose(3, 0, 1, 2)
    return (inside & grid[x, y, z]).any(-1).astype(np.float32)


def told(latent: NDArray[np.float32], cameras: list[Camera]) -> ImageEncoding:
    """What an encoder says that knows the class and the cameras, and half of the parameters."""
    bins, kind = parameter_bins(), int(latent[PARAMETERS:].argmax())
    chances = np.where(bins.exist, 1.0, 0.0)
    apart = np.where(bins.exist[kind], np.abs(bins.places[kind] - latent[:PARAMETERS, None]), 99)
    for i in range(0, PARAMETERS, 2):
        chances[kind, i, apart[i].argmin()] = 20 * bins.exist[kind, i, 0]
    chances /= np.maximum(chances.sum(-1, keepdims=True), 1e-9)
    means = (chances * bins.places).sum(-1)
    own = np.concatenate([means, CLASS * np.eye(len(LABELS))], 1).astype(np.float32)
    count = len(cameras)
    classes = np.full((count, len(LABELS) + 1), 0.004, np.float32)
    classes[:, kind] = 0.9
    guesses = []
    for camera in cameras:
        near = np.abs((np.arange(24) - camera.azimuth / (2 * np.pi) * 24 + 12) % 24 - 12)
        guesses.append([*(-(near**2) / 2), *camera.code()[2:]])
    latents = np.repeat(own[None], count, 0)
    variances = np.ones_like(latents)
    each = OfClasses(latents, variances, np.repeat(chances[None], count, 0).astype(np.float32))
    cameras_ = np.array(guesses, np.float32)
    return ImageEncoding(latents[:, kind], variances[:, kind], cameras_, classes, each)


def test_a_silhouette_leads_to_a_shape_that_fills_it() -> None:
    wanted = drawn("bed", 5)
    masks = outline(wanted, CAMERA)[None]
    fit = parameter_fit.fit(told(wanted, [CAMERA]), masks)[0]
    assert density().nearest_class(fit.best.latent) == "bed"
    assert fit.best.overlap > max(0.8, fit.before + 0.2)
    assert [one.energy for one in fit.hypotheses] == sorted(one.energy for one in fit.hypotheses)
    # judged by rays through the cells that are shown, not by what the fit went by
    seen, mask = outline(fit.best.latent, fit.best.cameras[0]) > 0, masks[0] > 0
    assert shared(seen, mask) > 0.75


def test_a_second_picture_narrows_it_down() -> None:
    wanted = drawn("night_stand", 11)
    other = replace(CAMERA, azimuth=CAMERA.azimuth + 1.2)
    masks = np.stack([outline(wanted, camera) for camera in (CAMERA, other)])
    fit = parameter_fit.fit(told(wanted, [CAMERA, other]), masks, views=2)[0]
    assert len(fit.best.cameras) == 2
    assert fit.best.overlap > 0.8
    seen = outline(fit.best.latent, fit.best.cameras[1]) > 0
    assert shared(seen, masks[1] > 0) > 0.75


def test_a_search_in_pictures_can_be_stopped() -> None:
    steps = []

    def check() -> None:
        steps.append(1)
        if len(steps) > 3:
            raise Cancelled("Enough.")

    wanted = drawn("bed", 5)
    with pytest.raises(Cancelled, match="Enough"):
        parameter_fit.fit(told(wanted, [CAMERA]), np.ones((1, SIDE, SIDE), np.float32), check)
