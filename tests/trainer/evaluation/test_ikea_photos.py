"""The papers' alignment against the definition on grids that are really turned and shifted."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from shapelab.core.inputs import images
from trainer.evaluation import ikea_photos, measures, subjects
from trainer.evaluation.ikea_photos import aligned_precision, at_release_side


def poses(grid: np.ndarray, fill: float):
    """All 48 turns and flips of a grid, each shifted by up to 2 cells a side."""
    for axes in permutations(range(3)):
        for flips in product((False, True), repeat=3):
            turned = np.flip(grid.transpose(axes), [k for k in range(3) if flips[k]])
            around = np.pad(turned, 2, constant_values=fill)
            for x, y, z in product(range(5), repeat=3):
                side = grid.shape[0]
                yield around[x : x + side, y : y + side, z : z + side]


def by_definition(truth: np.ndarray, values: np.ndarray) -> float:
    """Sum of (R_n - R_(n-1)) P_n over the distinct values, as scikit-learn says it of its own."""
    levels = np.unique(values)[::-1, None]
    chosen = values.ravel() >= levels
    hits = (chosen & truth.ravel()).sum(1)
    return float((np.diff(hits, prepend=0) * hits / chosen.sum(1)).sum() / truth.sum())


def test_the_best_of_all_alignments_is_what_the_definition_finds():
    rng = np.random.default_rng(0)
    truth = rng.random((5, 5, 5)) < 0.3
    prediction = np.round(rng.random((5, 5, 5)), 1).astype(np.float32)  # with many ties
    expected = max(by_definition(truth, pose) for pose in poses(prediction, fill=-1))
    assert aligned_precision(prediction, truth) == pytest.approx(expected)
    assert aligned_precision(prediction, truth, 2) <= expected + 1e-9


def test_a_turned_flipped_and_shifted_shape_is_found_by_both_searches():
    truth = np.zeros((20, 20, 20), bool)
    truth[3:9, 4:16, 2:5] = truth[3:5, 4:6, 5:14] = True
    moved = np.roll(truth.transpose(2, 0, 1)[::-1, :, ::-1], (2, -1, 1), (0, 1, 2))
    blurred = np.where(moved, 0.9, 0.1).astype(np.float32)
    assert aligned_precision(blurred, truth) == pytest.approx(1)
    assert aligned_precision(blurred, truth, ikea_photos.TRIED) == pytest.approx(1)
    nothing = np.zeros((20, 20, 20), np.float32)
    assert aligned_precision(nothing, truth) == pytest.approx(truth.mean(), rel=0.5)


@pytest.mark.parametrize("side", [32, 64])
def test_the_middle_of_a_models_grid_fills_the_releases(side):
    grid = np.zeros((side, side, side), np.float32)
    low = side // 8
    grid[low : side - low, low : side // 2, low : side - low] = 1
    made = at_release_side(grid)
    assert made[:, :10] == pytest.approx(np.ones((20, 10, 20)))
    assert made[:, 10:].max() == 0
    anything = np.random.default_rng(0).random(side).astype(np.float32)
    along_z = at_release_side(np.broadcast_to(anything, grid.shape).copy())[3, 3]
    fifths = np.repeat(anything, 5)[5 * low : 5 * (side - low)]  # of a cell
    assert along_z == pytest.approx(fifths.reshape(20, -1).mean(1), rel=1e-4)


LOW = np.zeros((20, 20, 20), bool)
LOW[2:18, :, 4:9] = True


@pytest.fixture
def release(tmp_path):
    """A small release: one shape with two photos; on the second there is nothing."""
    release = tmp_path / "release"
    for folder in ("ball", "list", "model"):
        (release / folder).mkdir(parents=True)
    savemat(release / "model" / "low.mat", {"voxel": LOW.astype(np.uint8)})
    (release / "list" / "ball.txt").write_text("low\nlow\n")
    pixels = np.zeros((2, 64, 64, 4), np.uint8)
    pixels[0, 20:40, 8:56] = (120, 80, 50, 255)
    for number, each in enumerate(pixels):
        Image.fromarray(each).save(release / "ball" / f"000{number}.png")
    return release


def test_a_release_is_scored_photo_by_photo(config, train, store_folder, release, tmp_path):
    solid = LOW
    train(config, tmp_path / "run")
    subject, held, photos = subjects.find(str(tmp_path / "run"), [str(release)])
    assert photos == release
    assert held[0].store == store_folder  # a run's own data are scored too
    found = measures.Findings(lambda *_at: None, lambda: None, draws=True)
    ikea_photos.score(subject, release, found)
    model = subject.model
    picture = images.prepare((release / "ball" / "0000.png").read_bytes())
    latent = model.encode_image(images.to_input(picture.rgba, model.spec))
    made = at_release_side(model.decode(latent))
    encoded = [by_definition(solid, made), solid.mean()]
    figures = found.figures
    assert figures["ikea_encoded"].by_class["ball"] == pytest.approx(np.mean(encoded), rel=1e-3)
    exact = [aligned_precision(made, solid), aligned_precision(np.zeros_like(made), solid)]
    assert figures["ikea_encoded_aligned"].mean == pytest.approx(np.mean(exact), rel=1e-3)
    assert figures["ikea_fitted_aligned"].mean >= figures["ikea_fitted_pruned"].mean - 1e-9
    mean_shape = at_release_side(model.decode(model.sample("ball", 0, 1, 0.0))[0])
    told = figures["ikea_mean_shape"].mean
    assert told == pytest.approx(aligned_precision(mean_shape, solid))
    assert [len(strip.tiles) for strip in found.strips] == [2 * 4]


def test_photos_may_be_all_that_a_model_is_scored_on(release):
    given, shares, photos = subjects.find("modelnet10", [str(release)])
    assert photos == release
    with subjects.held_out(shares, given.model.spec) as held:
        assert held is None
