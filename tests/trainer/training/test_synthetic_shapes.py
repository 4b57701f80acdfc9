"""Made-up shapes: whole, of the classes there are, made once for each generator."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from shapelab.core.model.latent import LatentDensity
from shapelab.core.model.wholeness import one_part
from trainer.data.store.prepared_store import open_store
from trainer.training.synthetic_shapes import make_synthetic_shapes

CPU = torch.device("cpu")


class Boxes(nn.Module):
    """A latent's first number is the half width of a box; negative ones make two boxes."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(scale), requires_grad=False)

    def forward(self, z: Tensor) -> Tensor:
        logits = -torch.ones(len(z), 1, 32, 32, 32)
        for one, latent in zip(logits, z, strict=True):
            reach = 3 + int((self.scale * latent[0].abs()).clamp(0, 6))
            one[:, 16 - reach : 16 + reach, 10:20, 6:16] = 1
            if latent[0] < 0:
                one[:, 10:20, 10:20, 26:29] = 1
        return logits


@pytest.fixture
def density() -> LatentDensity:
    codes = np.random.default_rng(0).standard_normal((60, 4)).astype(np.float32)
    return LatentDensity.fit(codes, np.arange(60) % 2, ("ball", "box"))


def make(folder, real, generator, density, stretched=0.0, count=12):
    return list(make_synthetic_shapes(folder, real, generator, density, count, stretched, 0, CPU))


@pytest.mark.gl
def test_shapes_are_whole_pictured_and_made_once(store_folder, density, tmp_path):
    real, folder = open_store(store_folder), tmp_path / "synthetic"
    progress = make(folder, real, Boxes(2.0), density)
    assert (progress[-1].done, progress[-1].total) == (12, 12)
    store = open_store(folder)
    assert store.classes == real.classes
    assert len(store.indices("train")) == len(store) == 12
    assert one_part(store.grids(np.arange(12))).mean() > 0.75  # the generator makes one half whole
    views = [store.pictures(np.arange(12), np.full(12, view)) for view in range(3)]
    assert np.stack(views).any(axis=(2, 3, 4)).all()  # no picture is empty
    before = store.shapes["digest"].copy()
    assert make(folder, real, Boxes(2.0), density) == []  # there already
    make(folder, real, Boxes(4.0), density)
    assert not np.array_equal(open_store(folder).shapes["digest"], before)


@pytest.mark.gl
def test_a_share_of_them_are_real_shapes_of_other_proportions(store_folder, density, tmp_path):
    real, folder = open_store(store_folder), tmp_path / "synthetic"
    make(folder, real, Boxes(2.0), density, stretched=0.75)
    made = open_store(folder)
    grids, rows = made.grids(np.arange(9)), real.indices("train")
    known = {grid.tobytes() for grid in real.grids(rows)}
    assert all(grid.tobytes() not in known for grid in grids)
    counts = np.bincount(made.labels[:9], minlength=2) / 9
    assert np.abs(counts - np.bincount(real.labels[rows], minlength=2) / len(rows)).max() < 0.2


@pytest.mark.gl
def test_stretched_shapes_stand_in_for_a_generator_that_makes_nothing(
    store_folder, density, tmp_path
):
    class Nothing(Boxes):
        def forward(self, z: Tensor) -> Tensor:
            return -torch.ones(len(z), 1, 32, 32, 32)

    folder = tmp_path / "synthetic"
    make(folder, open_store(store_folder), Nothing(1.0), density)
    made = open_store(folder)
    assert len(made) == 12
    assert (made.grids(np.arange(12)).sum((1, 2, 3)) >= 60).all()
