"""A small prepared store of boxes and balls, and a narrow configuration to train on it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from shapelab.core.model.spec import ModelSpec
from shapelab.core.runs.events import Event, StepDone
from shapelab.core.runs.run_config import RunConfig
from shapelab.core.runs.run_folder import RunFolder
from trainer.checkpoints import checkpoint_store
from trainer.data.pictures.picture_cameras import draw_shots, picture_seed
from trainer.data.source import Item
from trainer.data.store.shards import Rejected, encode
from trainer.data.store.store_writer import StoreRecipe, StoreWriter, digest_of
from trainer.process.control import Control
from trainer.process.distributed import Processes
from trainer.training.loop import fit

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


def make_store(
    folder: Path,
    resolution: int = 32,
    pictured: bool = True,
    classes: tuple[str, ...] = CLASSES,
    seed: int = 0,
) -> Path:
    """A prepared store of 40 balls and boxes, with shadows instead of renders as pictures.

    A rejected shape and a duplicate were left out.
    """
    grids, labels = make_grids(40, seed)
    finer = resolution // 30
    solid = np.kron(grids, np.ones((1, finer, finer, finer), np.uint8)) > 0
    pad = (resolution - 30 * finer) // 2
    solid = np.pad(solid, ((0, 0), (pad, pad), (pad, pad), (pad, pad)))
    labels = [*labels, 0, 0]
    items = [Item(f"{k:06d}", classes[label], folder) for k, label in enumerate(labels)]
    views = 2 if pictured else 0
    recipe = StoreRecipe(
        "shapes.npz", "test", "", resolution, views, resolution, 0, digest_of(items)
    )
    with StoreWriter(folder, recipe, items) as writer:
        writer.add(40, Rejected("it is empty"))
        for k, grid in zip((*range(40), 41), (*solid, solid[0]), strict=True):
            shadows = np.stack([grid.max(axis=1), grid.max(axis=2)]).astype(np.uint8) * 255
            pictures = np.stack([shadows // 4, shadows // 3, shadows // 2, shadows], axis=3)
            distance = np.where(grid, 64, 192).astype(np.uint8)
            shots = draw_shots(picture_seed(0, items[k].id), views)
            writer.add(k, encode(grid, distance, pictures[:views], shots.cameras()))
        writer.finish()
    return folder


@pytest.fixture(scope="session")
def store_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The prepared store that most tests train on."""
    return make_store(tmp_path_factory.mktemp("store"))


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
            camera=True,
            image_convs=((8, 5, 4), (8, 3, 2)),
            classes=CLASSES,
        ),
        steps=12,
        batch_size=8,
        warm_start=4,
        generator_every=2,
        reconstruct_every_batch=True,
        delta=800,
        reconstruction="bce",
        learning_rate=1e-3,
        ema=0.99,
        image_loss="distil",
        flip=True,
        image_steps=2,
        validate_every=1000,
        preview_every=1000,
        save_every=5,
        log_every=1,
        threads=1,
    )


@pytest.fixture
def alone() -> Processes:
    """The one process of a plain start."""
    return Processes()


@pytest.fixture
def train(store_folder: Path) -> Callable[..., list[Event]]:
    """Starts or resumes a run on the small store; ``on_event`` may steer it."""

    def run(
        config: RunConfig,
        folder: Path,
        on_event: Callable[[Event, Control], None] = lambda _event, _control: None,
        store: Path = store_folder,
    ) -> list[Event]:
        if not RunFolder(folder).config.exists():
            RunFolder(folder).create(config, store)
        control, events = Control(), []
        for event in fit(store, folder, control):
            events.append(event)
            on_event(event, control)
        return events

    return run


def stop_after(step: int) -> Callable[[Event, Control], None]:
    """Asks for a stop when a step is done."""

    def steer(event: Event, control: Control) -> None:
        if isinstance(event, StepDone) and event.step == step:
            control.request("stop")

    return steer


def digest(folder: Path) -> str:
    """SHA-256 over the tensors of a run's newest checkpoint."""
    tensors, _ = checkpoint_store.read_newest(RunFolder(folder).checkpoints)
    sha = hashlib.sha256()
    for name in sorted(tensors):
        sha.update(name.encode() + tensors[name].numpy().tobytes())
    return sha.hexdigest()
