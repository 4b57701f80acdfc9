"""Teaching the procedural model to see: what is known of shapes, and going on bit for bit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from shapelab.core.errors import DataError, ModelFileError
from shapelab.core.furniture.families.family_table import FAMILIES
from shapelab.core.furniture.furniture import parameters, random_piece
from shapelab.core.inputs.reconstruct import iou
from shapelab.core.model import model_file
from shapelab.core.model.procedural import parameter_fit
from shapelab.core.model.procedural.parameter_bins import parameter_bins
from shapelab.core.model.procedural.parameter_encoder import ParameterEncoder, encode_parameters
from shapelab.core.model.procedural.procedural_generator import (
    PARAMETERS,
    ProceduralGenerator,
    procedural_spec,
)
from shapelab.core.model.shape_model import ShapeModel, load_model
from shapelab.core.paths import find_model
from shapelab.core.runs.run_config import RunConfig
from trainer.data.batches.batches import Batches
from trainer.data.pictures.picture_cameras import draw_shots, picture_seed
from trainer.data.sources.procedural import PROCEDURAL
from trainer.data.store.joined_store import JoinedStore
from trainer.data.store.prepared_store import open_store
from trainer.data.store.shards import encode
from trainer.data.store.store_writer import StoreRecipe, StoreWriter, digest_of
from trainer.process.distributed import Processes
from trainer.training import (
    known_parameters,
    parameter_scores,
    parameter_training,
    procedural_model,
)
from trainer.training.known_parameters import UNKNOWN, alike_choices, known_choices
from trainer.updates.imagenet_weights import MADE_FROM, PACKAGE

pytest.importorskip(PACKAGE)

SOURCE, SIZE = "procedural:36:9", 32


@pytest.fixture(scope="module")
def furniture_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pieces of each class with shadows instead of renders as pictures."""
    folder = tmp_path_factory.mktemp("furniture") / "store"
    items = PROCEDURAL.items(Path(SOURCE))
    recipe = StoreRecipe(SOURCE, "procedural", "", 32, 1, SIZE, 0, digest_of(items))
    generator = ProceduralGenerator(32)
    with StoreWriter(folder, recipe, items) as writer:
        for k, item in enumerate(items):
            label, number, *_ = item.member.split(":")
            piece = random_piece(FAMILIES[label], int(number), 9)
            latent = torch.zeros(PARAMETERS + len(FAMILIES))
            latent[PARAMETERS + list(FAMILIES).index(label)] = 4
            for i, p in enumerate(parameters(FAMILIES[label])):
                latent[i] = share_of(p, getattr(piece, p.name))
            solid = (generator(latent[None])[0, 0] > 0).numpy()
            shadow = np.flip(solid.any(1).T, 0).astype(np.uint8) * 255
            picture = np.dstack([shadow // 2, shadow // 3, shadow // 4, shadow])
            shots = draw_shots(picture_seed(0, item.id), 1)
            distance = np.where(solid, 64, 192).astype(np.uint8)
            writer.add(k, encode(solid, distance, picture[None], shots.cameras()))
        writer.finish()
    return folder


def share_of(parameter, value) -> float:
    """A number of the latent that means a value."""
    if parameter.options:
        share = (parameter.options.index(value) + 0.5) / len(parameter.options)
    elif parameter.whole:
        share = (value - parameter.low + 0.5) / (parameter.high - parameter.low + 1)
    else:
        share = (value - parameter.low) / (parameter.high - parameter.low)
    return float(stats.norm.ppf(np.clip(share, 1e-6, 1 - 1e-6)))


def test_the_parameters_of_stored_shapes_are_known(furniture_store):
    store, bins = open_store(furniture_store), parameter_bins()
    for name, (kind, *chosen) in zip(store.ids, known_choices(store).tolist(), strict=True):
        label, number = name.split("/")
        assert list(FAMILIES)[kind] == label
        piece = random_piece(FAMILIES[label], int(number), 9)
        for i, parameter in enumerate(parameters(FAMILIES[label])):
            if parameter.options:
                share = float(stats.norm.cdf(bins.places[kind, i, chosen[i]]))
                assert parameter.at(share) == getattr(piece, parameter.name)


def test_other_stores_are_refused_by_name(store_folder):
    with pytest.raises(DataError, match=r"was made of .*; name a store of procedural:COUNT:SEED"):
        known_choices(open_store(store_folder))


def test_shapes_of_others_teach_the_parameters_of_the_piece_most_like_them(
    furniture_store, tmp_path, monkeypatch
):
    store, bins = open_store(furniture_store), parameter_bins()
    train, generator = store.indices("train").tolist()[:3], ProceduralGenerator(32)
    monkeypatch.setattr(store, "indices", lambda _: np.array(train))
    monkeypatch.setattr(known_parameters, "LIKE", 0.0)
    found = alike_choices(store, tmp_path)
    assert (np.delete(found, train, 0) == UNKNOWN).all()
    for row in train:
        kind, *chosen = found[row].tolist()
        assert list(FAMILIES)[kind] == store.classes[store.labels[row]]
        latent = torch.zeros(1, PARAMETERS + len(FAMILIES))
        latent[0, PARAMETERS + kind] = 4
        latent[0, :PARAMETERS] = torch.from_numpy(bins.places[kind, np.arange(PARAMETERS), chosen])
        alike = (generator(latent)[0, 0] > 0).numpy()
        assert iou(alike, store.grids(np.array([row]))[0]) > 0.4
    monkeypatch.setattr(known_parameters, "matched", None)  # they take long, and are kept
    assert (alike_choices(store, tmp_path) == found).all()
    monkeypatch.setattr(known_parameters, "LIKE", 2.0)
    monkeypatch.setattr(known_parameters, "matched", lambda *_, **__: (latent[0].numpy(), 1.0))
    (tmp_path / "other").mkdir()
    unlike = alike_choices(store, tmp_path / "other")
    assert (unlike[train, 1:] == UNKNOWN).all()
    assert (unlike[train, 0] == found[train, 0]).all()


def test_shapes_of_classes_without_pieces_are_refused_by_name(store_folder, tmp_path):
    with pytest.raises(DataError, match=r"has the class \w+, of which there is no procedural"):
        alike_choices(open_store(store_folder), tmp_path)


def test_without_a_checkpoint_there_is_nothing_to_write(tmp_path):
    with pytest.raises(DataError, match="has no checkpoint; train first"):
        procedural_model.write(tmp_path / "model", tmp_path / "empty")


@pytest.fixture(scope="module")
def few():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parameter_training, "BATCH", 4)
        patch.setattr(parameter_training, "SAVE_EVERY", 2)
        yield patch


@pytest.fixture(scope="module")
def learnt(furniture_store, few, tmp_path_factory):
    few.setattr(JoinedStore, "attributions", [{"titles": ["Stool"], "author": "A. Maker"}])
    folder = tmp_path_factory.mktemp("sight") / "whole"
    parameter_training.train(folder, [furniture_store], 4)
    return folder


def test_an_interrupted_training_ends_as_a_whole_one(
    learnt, furniture_store, tmp_path, monkeypatch
):
    asked = []

    class Dies(parameter_training.Lesson):
        def __call__(self, seen, batch):
            asked.append(len(batch))
            if len(asked) == 4:
                raise KeyboardInterrupt
            return super().__call__(seen, batch)

    monkeypatch.setattr(parameter_training, "Lesson", Dies)
    with pytest.raises(KeyboardInterrupt):
        parameter_training.train(tmp_path, [furniture_store], 4)
    monkeypatch.undo()
    parameter_training.train(tmp_path, [furniture_store], 4)
    whole, again = (parameter_training.trained(folder)[0] for folder in (learnt, tmp_path))
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_it_goes_on_from_a_model_and_other_models_are_refused(
    furniture_store, few, tmp_path, monkeypatch
):
    monkeypatch.setattr(parameter_training, "AGAIN", 0.0)
    parameter_training.train(tmp_path / "more", [furniture_store], 1, start="procedural")
    shipped = model_file.read(find_model("procedural") / "model.safetensors")
    known = shipped.networks[model_file.PICTURES].state_dict()
    again = parameter_training.trained(tmp_path / "more")[0].state_dict()
    learnt = [name for name in known if "running" not in name and "tracked" not in name]
    assert len(learnt) > 100
    for name in learnt:
        assert torch.equal(known[name].float(), again[name]), name
    with pytest.raises(ModelFileError, match="modelnet10 sees pictures in another way"):
        parameter_training.train(tmp_path / "no", [furniture_store], 1, start="modelnet10")


def test_others_shapes_give_a_fifth_of_the_pictures(furniture_store, store_folder):
    stores = [open_store(folder) for folder in (furniture_store, store_folder, furniture_store)]
    weights = parameter_training._weights(stores)
    assert weights == pytest.approx([0.4, 0.2, 0.4])
    assert parameter_training._weights(stores[1:2]) == [len(stores[1])]


def test_the_model_that_is_written_sees_and_is_scored(
    learnt, furniture_store, tmp_path, monkeypatch
):
    monkeypatch.setattr(parameter_fit, "STAGES", ((18, 1),))
    scored = tmp_path / "scored.json"
    figure = {"mean": 0.51234, "class_mean": 0.5}
    scored.write_text(json.dumps({"source": SOURCE, "shapes": 4, "figures": {"iou": figure}}))
    procedural_model.write(tmp_path, learnt, [scored])
    model = ShapeModel("mine", model_file.read(tmp_path / "model.safetensors"))
    pictures = np.random.default_rng(0).random((2, 4, 96, 96), np.float32)
    told = model.picture_classes(pictures)
    np.testing.assert_allclose(told.sum(1), 1, rtol=1e-5)
    encoding = encode_parameters(parameter_training.trained(learnt)[0], pictures)
    exist = parameter_bins().exist
    np.testing.assert_allclose(
        encoding.by_class.chances.sum(-1), np.broadcast_to(exist.any(-1), (2, *exist.shape[:2])),
        rtol=1e-5,
    )  # fmt: skip
    np.testing.assert_allclose(model.encode_image(pictures), encoding.latents, atol=0.05)
    found = parameter_scores.scores(model, open_store(furniture_store), 1)
    card = json.loads((tmp_path / "card.json").read_bytes())
    assert card[f"figures on {SOURCE}"] == {"shapes": 4, "iou": 0.5123}
    procedural_model.write(tmp_path / "again", tmp_path)  # with the sight of that one
    again = load_model(tmp_path / "again")
    assert again.digest == load_model(tmp_path).digest == load_model("procedural").digest
    np.testing.assert_array_equal(again.encode_image(pictures), model.encode_image(pictures))
    assert again.card["attributions"] == card["attributions"]
    assert [credit["author"] for credit in card["attributions"]] == [
        "A. Maker",
        MADE_FROM["author"],
    ]
    assert found["outline, found"] >= found["outline, encoder"] > 0


def test_a_batch_of_which_no_parameters_are_known_teaches_the_class(furniture_store):
    store = open_store(furniture_store)
    config = RunConfig(model=procedural_spec(), flip=False, steps=2, image_steps=1, seed=1)
    batch = Batches(store, config, Processes(), 4)(0, pictures=True)
    known = np.full((len(store), 1 + PARAMETERS), UNKNOWN, np.int64)
    lesson = parameter_training.Lesson(known)
    seen = ParameterEncoder(procedural_spec()).eval()(batch.pictures)
    loss, told = lesson(seen, batch)
    assert told["choices"] == 0
    assert told["classes"] > 0
    assert torch.isfinite(loss)
