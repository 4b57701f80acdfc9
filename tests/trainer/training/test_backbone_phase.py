"""Runs whose image encoder has a backbone: they learn, are exported, and may begin it anew."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from shapelab.core.errors import RunError
from shapelab.core.inputs.images import NoObject, PreparedImage
from shapelab.core.inputs.picture_hints import PictureHints
from shapelab.core.inputs.reconstruct import reconstruct
from shapelab.core.inputs.untrusted_reader import ReadFile
from shapelab.core.model.attributions import KEY, credits_of
from shapelab.core.model.shape_model import load_model
from shapelab.core.runs import overrides
from shapelab.core.runs.events import StepDone
from shapelab.core.runs.run_config import validated
from shapelab.core.runs.run_folder import RunFolder
from trainer.checkpoints import checkpoint_store
from trainer.data.batches.batches import Batches
from trainer.data.store.prepared_store import open_store
from trainer.evaluation.subjects import encoded, read_run
from trainer.updates.imagenet_weights import MADE_FROM, PACKAGE

pytest.importorskip(PACKAGE)

PICTURES = [
    "model.image_mode=RGBA",
    "model.image_backbone=efficientnet_lite0",
    "image_batch_size=12",
    "image_learning_rate=1e-2",
]


def learnt(config, change):
    """The configuration with a backbone, checked as a whole."""
    made = overrides.change(config, PICTURES)
    return validated({**made.model_dump(), **change})


def tensors(run):
    return checkpoint_store.read_newest(RunFolder(run).checkpoints)[0]


def test_who_made_the_weights_is_told_as_of_all_data():
    (credit,) = credits_of({KEY: [MADE_FROM]})
    assert "ImageNet" in str(credit)
    assert "Apache-2.0" in str(credit)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("backbone")


def test_it_learns_and_the_exported_model_knows_it(config, train, store_folder, place):
    config = learnt(config, {"steps": 24, "image_steps": 20, "warm_start": 4})
    events = train(config, place / "run")
    metrics = [e.metrics for e in events if isinstance(e, StepDone) and e.step > 4]
    errors = {name: [m[name] for m in metrics] for name in ("image_error", "class_error")}
    assert np.mean(errors["image_error"][-5:]) < 0.95 * np.mean(errors["image_error"][:5])
    assert all(0 < value < 3 for value in errors["class_error"])
    live, shape = tensors(place / "run"), "network.image_encoder.body.stem.convolution.weight"
    assert live[shape][:, 3].abs().max() > 0  # the mask counts by now
    data = encoded(*read_run(place / "run", store_folder))
    (place / "model").mkdir()
    (place / "model" / "model.safetensors").write_bytes(data)
    model = load_model(place / "model")
    picture = np.random.default_rng(0).random((3, 4, 32, 32), np.float32)
    classes = model.picture_classes(picture)
    assert classes is not None
    assert classes.shape == (3, 3)
    assert np.allclose(classes.sum(1), 1, atol=1e-5)
    assert model.encode_image(picture[0]).shape == (8,)


def test_a_picture_of_nothing_is_refused_by_its_name(monkeypatch, place):
    model = load_model(place / "model")
    rgba = np.full((64, 64, 4), 200, np.uint8)
    file = ReadFile(
        "picture", PreparedImage(rgba, rgba, "grabcut", rgba[..., :3]), "wall.jpg", ".jpg"
    )
    monkeypatch.setattr(model, "picture_classes", lambda _seen: np.array([[0.1, 0.2, 0.7]]))
    words = r"^No object found in wall.jpg: draw a box round it.$"
    with pytest.raises(NoObject, match=words) as refused:
        reconstruct(model, file)
    assert refused.value.picture is file.content
    by_hand = replace(file, content=replace(file.content, method="corrected"))
    assert reconstruct(model, by_hand).prepared is by_hand.content
    told = reconstruct(model, file, hints=PictureHints(class_name=model.classes[1]))
    assert told.class_name == model.classes[1]
    assert [guess.name for guess in told.guesses] == list(model.classes[1::-1])
    assert [guess.share for guess in told.guesses] == pytest.approx([2 / 3, 1 / 3])
    monkeypatch.setattr(model, "picture_classes", lambda _seen: np.array([[0.6, 0.3, 0.1]]))
    assert reconstruct(model, file).prepared is file.content


def test_some_pictures_of_its_phase_show_nothing(config, store_folder, alone):
    config = learnt(config, {"image_batch_size": 64})
    store = open_store(store_folder)
    before = Batches(store, config, alone, 64)(0, True)
    assert (before.labels.numpy() == store.labels[before.rows]).all()
    batch = Batches(store, config, alone, 64)(config.main_steps, True)
    assert batch.pictures.shape == (64, 4, 32, 32)
    empty = batch.labels.numpy() == 2
    assert 0 < empty.sum() < 16
    assert (batch.labels.numpy()[~empty] == store.labels[batch.rows[~empty]]).all()
    assert batch.cameras.isnan().all(1).numpy().tolist() == empty.tolist()


def test_a_run_goes_on_with_another_image_encoder(config, train, tmp_path):
    train(config, tmp_path)
    before, folder = tensors(tmp_path), RunFolder(tmp_path)
    folder.write_config(learnt(config, {}))
    with pytest.raises(RunError, match=r"add --set steps=14\.$"):
        train(config, tmp_path)
    folder.write_config(learnt(config, {"steps": 14}))
    train(config, tmp_path)
    after = tensors(tmp_path)
    kept = [name for name in before if "image_encoder" not in name]
    assert all(np.array_equal(before[name], after[name]) for name in kept)
    assert any(".image_encoder.body.blocks.14." in name for name in after)
    train(config, tmp_path)  # and loads again
