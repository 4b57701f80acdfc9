"""From a run to a model file: densities, directions, card, and the same numbers after loading."""

from __future__ import annotations

import json
import shlex

import numpy as np
import pytest
import torch

from shapelab import load_model
from shapelab.core.errors import ExportError, RunError
from shapelab.core.model.latent import LatentDensity
from shapelab.core.model.networks import Generator
from shapelab.core.model.spec import ModelSpec
from shapelab.core.runs.overrides import load
from shapelab.core.runs.run_folder import RunFolder
from shapelab.core.session.session import Session
from trainer.checkpoints import checkpoint_store
from trainer.evaluation import export, scoring, subjects
from trainer.evaluation.code_statistics import principal_directions
from trainer.training import loop


@pytest.fixture
def run(config, store_folder, tmp_path):
    RunFolder(tmp_path / "run").create(config, store_folder)
    list(loop.fit(store_folder, tmp_path / "run"))
    return tmp_path / "run"


def test_exported_model_decodes_as_the_run_does(run, store_folder, tmp_path):
    folder = export.export(run, str(tmp_path / "made" / "tiny"), store_folder, "test data")
    model = load_model(folder)
    assert model.classes == ("ball", "box")
    state, _ = subjects.read_run(run, store_folder)
    z = model.sample("box", seed=3, n=2)
    with torch.inference_mode():
        expected = torch.sigmoid(state.averages["generator"](torch.from_numpy(z)))[:, 0].numpy()
    assert np.abs(model.decode(z) - expected).max() < 5e-3  # weights are rounded to float16
    card = json.loads((folder / "card.json").read_text("utf-8"))
    assert card["data"] == {
        "source": "shapes.npz",
        "licence": "test data",
        "front": "-y",
        "train": 36,
        "validation": 4,
        "rejected": 2,
    }
    assert 0 <= card["figures"]["iou"] <= 1
    assert 0 <= card["figures"]["sample_1nna"] <= 1
    assert set(card["first_seeds"]) == {"ball", "box"}
    words = shlex.split(card["reproduce"][1])
    settings = [words[k + 1] for k, word in enumerate(words) if word == "--set"]
    again = load(words[words.index("--preset") + 1], ("ball", "box"), 32, settings)
    assert again == RunFolder(run).read_config().model_copy(update={"preset": again.preset})
    assert Session(model).state.seed == model.first_seed("ball") == card["first_seeds"]["ball"]
    assert model.first_seed("cat") == 0
    made = (folder / "model.safetensors").read_bytes()
    with pytest.raises(ExportError, match="holds a model already"):
        export.export(run, str(folder), store_folder, "test data")
    assert (folder / "model.safetensors").read_bytes() == made


def test_a_run_without_a_checkpoint_is_refused(config, store_folder, tmp_path):
    RunFolder(tmp_path).create(config, store_folder)
    with pytest.raises(RunError, match="no checkpoint"):
        subjects.read_run(tmp_path, store_folder)


def test_directions_find_the_axis_along_which_the_class_varies():
    torch.manual_seed(0)
    spec = ModelSpec(latent_size=16, generator_width=16)
    generator = Generator(spec).eval()
    spread = np.full(16, 0.1, np.float32)
    spread[5] = 4.0
    density = LatentDensity(("a",), np.zeros((1, 16), np.float32), np.diag(spread)[None])
    directions = principal_directions(generator, density)
    first = directions.of("a")[0]
    assert abs(first[5]) == pytest.approx(4.0, rel=0.05)  # one standard deviation of that axis
    assert np.abs(np.delete(first, 5)).max() < 0.4
    assert directions.explained[0, 0] > 0.9
    assert np.all(np.diff(directions.explained[0]) <= 1e-6)


def test_any_checkpoint_of_a_run_can_be_scored(run, store_folder):
    names = [path.name for path in checkpoint_store.steps(RunFolder(run).checkpoints)]

    def iou(checkpoint):
        state, store = subjects.read_run(run, store_folder, checkpoint)
        return scoring.validation_scores(state, store)["iou"]

    scores = {name: iou(name) for name in names}
    assert iou("newest") == scores[names[-1]]
    assert iou("best") in scores.values()
    with pytest.raises(RunError, match=f"no checkpoint 'step-7'; it has: {names[0]}"):
        subjects.read_run(run, store_folder, "step-7")


def test_a_model_gets_a_new_prior_and_keeps_its_networks(run, store_folder, tmp_path, monkeypatch):
    old = export.export(run, str(tmp_path / "old"), store_folder, "test data")
    monkeypatch.setattr(export, "fit_prior", lambda *_: moved)
    moved = LatentDensity(
        ("ball", "box"), load_model(old).density.means + 1, load_model(old).density.factors
    )
    new = export.renew_prior(str(old), str(tmp_path / "new"), store_folder)
    before, after = load_model(old), load_model(new)
    z = before.sample("box", seed=1, n=2)
    assert np.array_equal(before.decode(z), after.decode(z))
    assert np.allclose(after.density.means, before.density.means + 1)
    card = json.loads((new / "card.json").read_text("utf-8"))
    assert card["data"] == before.card["data"]
    assert "fit-prior" in card["prior"]
    with pytest.raises(ExportError, match="holds a model already"):
        export.renew_prior(str(old), str(tmp_path / "new"), store_folder)
    with pytest.raises(ExportError, match="other classes"):
        export.renew_prior("modelnet10", str(tmp_path / "newer"), store_folder)
