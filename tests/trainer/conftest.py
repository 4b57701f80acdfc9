"""A small prepared store of boxes and balls, and a narrow configuration to train on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shapelab.core.run import RunConfig
from shapelab.core.spec import ModelSpec
from trainer.data.prepare import prepare

CLASSES = ("ball", "box")


def make_grids(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Distinct 30^3 balls and boxes, and their labels."""
    rng = np.random.default_rng(seed)
    axis = np.arange(30) - 14.5
    x, y, z = np.meshgrid(axis, axis, axis, indexing="ij")
    grids, labels = [], np.arange(count) % 2
    for label in labels:
        a, b, c = rng.uniform(4, 12, 3)
        ball = (x / a) ** 2 + (y / b) ** 2 + (z / c) ** 2 < 1
        box = (abs(x) < a) & (abs(y) < b) & (abs(z) < c)
        grids.append(box if label else ball)
    return np.stack(grids).astype(np.uint8), labels


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An .npz of 40 shapes, plus one empty grid and one duplicate."""
    grids, labels = make_grids(40)
    grids = np.concatenate([grids, np.zeros((1, 30, 30, 30), np.uint8), grids[:1]])
    labels = np.concatenate([labels, [0, 0]])
    path = tmp_path_factory.mktemp("source") / "shapes.npz"
    np.savez_compressed(path, voxels=grids, labels=labels, classes=np.array(CLASSES))
    return path


@pytest.fixture(scope="session")
def store_folder(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The prepared store of ``source``, with hand-made pictures instead of renders."""
    folder = tmp_path_factory.mktemp("store")
    list(prepare(source, folder, views=0))
    return folder


@pytest.fixture
def config() -> RunConfig:
    """A run of 12 steps that passes through warm start, adversarial and image phases."""
    return RunConfig(
        preset="test",
        model=ModelSpec(
            latent_size=8,
            generator_width=16,
            encoder_width=4,
            critic_width=4,
            image_size=32,
            image_mode="LA",
            image_convs=((8, 5, 4), (8, 3, 2)),
            classes=CLASSES,
        ),
        steps=12,
        batch=8,
        warm_start=4,
        generator_every=2,
        reconstruct_every_batch=True,
        delta=800,
        reconstruction="bce",
        learning_rate=1e-3,
        ema=0.99,
        reflect=True,
        image_steps=2,
        validate_every=6,
        save_every=5,
        log_every=1,
        threads=1,
    )
