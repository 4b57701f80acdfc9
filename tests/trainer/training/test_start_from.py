"""Runs that begin with the networks of a model that is there already."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from shapelab.core.errors import ModelFileError, RunError
from shapelab.core.model.shape_model import load_model
from shapelab.core.runs.run_config import problems
from shapelab.core.runs.run_folder import RunFolder
from tests.trainer.conftest import digest, stop_after
from trainer.checkpoints import checkpoint_store
from trainer.data.store.prepared_store import open_store
from trainer.evaluation import export
from trainer.training import loop


@pytest.fixture
def made(config, train, store_folder, tmp_path):
    """The folder of a model that a small run has made."""
    train(config, tmp_path / "before", stop_after(3))
    return export.export(tmp_path / "before", str(tmp_path / "model"), store_folder, "test data")


def test_a_run_begins_where_a_model_ended(made, config, train, store_folder, alone, tmp_path):
    started = config.model_copy(update={"start_from": str(made), "seed": 9})
    folder = RunFolder(tmp_path / "run")
    folder.create(started, store_folder)
    state, _ = loop._load(folder, started, alone, open_store(store_folder))
    model = load_model(made)
    latents = model.sample(model.classes[0], seed=2, n=3)
    for generator in (state.generator.eval(), state.averages["generator"]):
        with torch.inference_mode():
            decoded = torch.sigmoid(generator(torch.from_numpy(latents)))[:, 0].numpy()
        assert np.abs(decoded - model.decode(latents)).max() < 1e-5  # its norms are folded
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(started, whole)
    train(started, parts, stop_after(2))
    made.rename(tmp_path / "elsewhere")  # needed at the start alone
    train(started, parts)
    assert digest(whole) == digest(parts)


def test_another_image_encoder_learns_anew(made, config, store_folder, alone, tmp_path):
    model = config.model.model_copy(update={"camera": not config.model.camera})
    started = config.model_copy(update={"start_from": str(made), "model": model})
    RunFolder(tmp_path / "run").create(started, store_folder)
    state, _ = loop._load(RunFolder(tmp_path / "run"), started, alone, open_store(store_folder))
    parts = loop.starting_model(started)
    for name, weights in parts.networks["voxel_encoder"].state_dict().items():
        assert torch.equal(state.voxel_encoder.state_dict()[name], weights)


def test_a_run_may_teach_the_image_encoder_of_a_model_alone(made, config, train, tmp_path):
    alone = config.model_copy(update={"start_from": str(made), "steps": 3, "image_steps": 3})
    assert problems(alone.model_dump()) == {}
    assert "leave steps" in problems(alone.model_dump() | {"start_from": ""})[""]
    train(alone, tmp_path / "run")
    parts = loop.starting_model(alone)
    tensors, _ = checkpoint_store.read_newest(RunFolder(tmp_path / "run").checkpoints)
    for name in ("generator", "voxel_encoder"):
        for key, value in parts.networks[name].state_dict().items():
            assert torch.equal(tensors[f"average.{name}.{key}"], value), key
    heads = parts.networks["image_encoder"].state_dict()["heads.weight"]
    assert not torch.equal(tensors["average.image_encoder.heads.weight"], heads)


def test_other_shapes_or_classes_are_refused(made, config):
    def refused(**changes):
        model = config.model.model_copy(update=changes)
        return config.model_copy(update={"start_from": str(made), "model": model})

    with pytest.raises(RunError, match=r"which has model\.generator_width = "):
        loop.starting_model(refused(generator_width=2 * config.model.generator_width))
    with pytest.raises(RunError, match="other classes"):
        loop.starting_model(refused(classes=("ship",)))
    with pytest.raises(ModelFileError, match="There is no model 'nothing'"):
        loop.starting_model(config.model_copy(update={"start_from": "nothing"}))
