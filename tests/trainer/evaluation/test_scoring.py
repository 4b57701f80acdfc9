"""Scoring says how far it is, scores runs and model files, and finds what is there to score."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from shapelab.core.errors import DataError
from shapelab.core.model.latent import slerp
from shapelab.core.model.procedural import parameter_evolution, parameter_fit, parameter_match
from shapelab.core.model.procedural.procedural_generator import ProceduralGenerator
from shapelab.core.model.wholeness import one_part
from shapelab.core.runs.run_folder import RunFolder
from shapelab.core.runs.store_mix import StoreShare
from tests.trainer.conftest import make_store
from trainer.data.store.joined_store import open_data
from trainer.data.store.prepared_store import open_store
from trainer.evaluation import measures, sample_scoring, scoring, subjects
from trainer.evaluation.measures import MEASURES
from trainer.evaluation.metrics import bootstrap, iou
from trainer.process.control import Control, Stopped


def subject_of(run, store_folder):
    state, store = subjects.read_run(run, store_folder)
    return subjects.of_run(state, store, "run"), subjects.held_out_of(store, state.config.model)


@pytest.mark.parametrize(("camera", "mode"), [(True, "LA"), (False, "RGBA")])
def test_a_run_is_scored_from_pictures_with_and_without_cameras(
    config, train, store_folder, tmp_path, camera, mode
):
    model = config.model.model_copy(update={"camera": camera, "image_mode": mode})
    # Long enough that there are shapes to move: at first all cells are as likely as in the data.
    config = config.model_copy(update={"model": model, "steps": 60, "warm_start": 52})
    train(config, tmp_path)
    told = []
    subject, held = subject_of(tmp_path, store_folder)
    found = scoring.evaluate(subject, held, tell=lambda *at: told.append(at), draws=True)
    assert RunFolder(tmp_path).read_config().model.camera is camera
    seen = [(done, total) for what, done, total in told if what == "fitted pictures"]
    assert seen[-1] == (found.shapes, found.shapes)
    figures = found.figures
    assert (figures["fitted_iou"] == figures["encoded_iou"]) is not camera
    assert set(figures["fitted_iou"].by_class) == set(figures["iou"].by_class)
    # A run with pictures has them all, but those of IKEA's.
    others = ("ikea_", "photo_") if mode == "LA" else ("ikea_",)
    assert set(figures) == {key for key in MEASURES if not key.startswith(others)}
    assert figures["iou_best"].mean >= figures["iou"].mean
    # Each against the definition, computed here.
    store = open_store(store_folder)
    rows = store.indices("validation")
    codes = subject.model.encode_voxels(store.grids(rows))
    made = subject.model.decode(codes) > 0.5
    ious = iou(made, store.grids(rows))
    assert figures["iou"].mean == pytest.approx(ious.mean())
    assert (figures["iou"].low, figures["iou"].high) == bootstrap(ious)
    assert figures["one_piece"].mean == one_part(made).mean()
    assert figures["real_one_piece"].by_class == {"ball": 1, "box": 1}
    halves = [
        slerp(*codes[store.labels[rows] == label], 0.5) for label in range(2)
    ]  # two held-out shapes of each class, and so one pair
    whole = one_part(subject.model.decode(np.stack(halves)) > 0.5)
    assert figures["midpoint_one_piece"].by_class == dict(zip(("ball", "box"), whole, strict=True))
    samples = [subject.model.sample("box", k)[0] for k in range(64)]
    whole = one_part(subject.model.decode(np.stack(samples)) > 0.5)
    assert figures["sample_one_piece"].by_class["box"] == pytest.approx(whole.mean())
    assert figures["whole_sample_one_piece"].by_class["box"] >= whole.mean()
    worst = figures["iou"].worst
    assert figures["iou"].by_class[worst] == min(figures["iou"].by_class.values())
    assert {strip.class_name for strip in found.strips} == {"ball", "box"}


def test_a_stop_ends_the_work(config, train, store_folder, tmp_path):
    train(config, tmp_path)
    control = Control()
    subject, held = subject_of(tmp_path, store_folder)

    def stop(*_at):
        control.request("stop")

    with pytest.raises(Stopped):
        scoring.evaluate(subject, held, tell=stop, check=control.check)


def test_a_file_of_arrays_is_all_held_out_by_the_names_of_its_classes(config, source, tmp_path):
    grids = np.load(source)["voxels"][:6]
    path = tmp_path / "others.npz"
    np.savez(path, voxels=grids, labels=[0, 1] * 3, classes=["cat", "ball"])
    with subjects.held_out(path, config.model) as held:
        assert len(held.rows) == 3
        assert held.all_rows == 6
        assert not len(held.trained)
        assert (held.labels[held.rows] == config.model.classes.index("ball")).all()
        expected = np.pad(grids[1::2], ((0, 0), (1, 1), (1, 1), (1, 1))) > 0
        assert sorted(held.store.grids(held.rows).sum((1, 2, 3))) == sorted(expected.sum((1, 2, 3)))
    finer = config.model.model_copy(update={"classes": ("dog", "cow")})
    with pytest.raises(DataError, match="knows no class of"), subjects.held_out(path, finer):
        pass


def test_a_procedural_model_is_scored_in_the_cells_of_the_store(tmp_path, monkeypatch):
    monkeypatch.setattr(sample_scoring, "SAMPLES", 3)
    monkeypatch.setattr(sample_scoring, "WHOLE", 1)
    for searched in (parameter_evolution, parameter_fit):
        monkeypatch.setattr(searched, "CHILDREN", 1)
    store = make_store(tmp_path / "store", classes=("chair", "table"))
    subject, data, photos = subjects.find("procedural", [str(store)])
    assert photos is None
    assert subject.model.spec.resolution == 32
    told = []
    with subjects.held_out(data, subject.model.spec) as held:
        found = scoring.evaluate(
            subject, held, shapes=2, tell=lambda *at: told.append(at), draws=True
        )
    assert (found.shapes, found.held_out, found.trained) == (2, 4, 36)
    assert [at for what, *at in told if what == "surfaces"] == [[1, 2], [2, 2]]
    missing = {key for key in MEASURES if "svm" in key or key.startswith("ikea_")}
    assert set(found.figures) == set(MEASURES) - missing
    rows = held.some(2).rows
    truth = held.store.grids(rows)
    latents = [parameter_match.matched(grid.astype(np.float32))[0] for grid in truth]
    ious = iou(subject.model.decode(np.stack(latents)) > 0.5, held.solid(rows))
    assert found.figures["iou"].mean == pytest.approx(ious.mean())
    chairs = np.concatenate([subject.model.sample("chair", seed) for seed in range(3)])
    whole = one_part(ProceduralGenerator(32)(torch.from_numpy(chairs))[:, 0].numpy() > 0)
    assert found.figures["sample_one_piece"].by_class["chair"] == pytest.approx(whole.mean())
    assert set(found.figures["sample_1nna"].by_class) == {"chair", "table"}


def test_a_store_of_another_resolution_is_refused(config, store_folder):
    finer = config.model.model_copy(update={"resolution": 64})
    with pytest.raises(DataError, match="--resolution 64"):
        subjects.held_out_of(open_store(store_folder), finer)


def test_of_many_held_out_shapes_some_are_scored(config, store_folder, monkeypatch):
    monkeypatch.setattr(subjects, "MOST", 2)
    held = subjects.held_out_of(open_store(store_folder), config.model)
    assert (len(held.rows), held.all_rows) == (2, 4)


def test_the_level_is_chosen_by_validation_shapes_alone():
    means = {0.3: 0.5, 0.4: 0.7, 0.5: 0.6}
    card = {"figures": {"best_level": 0.3}}
    assert scoring.best_level(means, True, card) == (0.4, "these validation shapes")
    assert scoring.best_level(means, False, card) == (0.3, "the validation shapes of its card")
    assert scoring.best_level(means, False, {}) == (0.4, "these shapes")


def test_shapes_of_several_stores_are_told_apart_and_a_small_store_keeps_its_share(
    config, store_folder, tmp_path, monkeypatch
):
    other = make_store(tmp_path / "other", seed=1)
    joined = open_data([StoreShare(store_folder), StoreShare(other)])
    joined.parts[1][0].index["source"] = "others"
    held = subjects.held_out_of(joined, config.model)
    assert held.sources(held.rows).tolist() == ["shapes.npz"] * 4 + ["others"] * 4
    found = measures.Findings(lambda *_at: None, lambda: None, draws=False)
    values = np.arange(8.0)
    found.add("chamfer", values, held.names(held.rows), held.sources(held.rows))
    assert found.figures["chamfer"].by_source == {"shapes.npz": 1.5, "others": 5.5}
    by_class = found.figures["chamfer"].by_class
    assert found.figures["chamfer"].worst == max(by_class, key=by_class.get)  # lower is better
    monkeypatch.setattr(subjects, "MOST", 5)
    joined.split[np.flatnonzero(joined.split == 1)[:2]] = 0  # one store has fewer now
    some = subjects.held_out_of(joined, config.model)
    assert some.sources(some.rows).tolist() == ["shapes.npz"] * 2 + ["others"] * 3
