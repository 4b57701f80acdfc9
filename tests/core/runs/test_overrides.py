"""Presets and overrides."""

from __future__ import annotations

import pytest

from shapelab.core.errors import RunError
from shapelab.core.runs import overrides
from shapelab.core.runs.presets import preset_names


@pytest.mark.parametrize("preset", preset_names())
def test_every_shipped_preset_is_valid(preset):
    loaded = overrides.load(preset, ("a", "b"), 32)
    assert loaded.preset == preset
    assert loaded.model.classes == ("a", "b")


def test_paper_preset_holds_the_papers_numbers():
    paper = overrides.load("paper", ("chair",), 32)
    assert (paper.delta, paper.penalty_weight, paper.generator_every) == (100, 10, 5)
    assert (paper.batch_size, paper.penalty, paper.vae) == (256, "sample", "true")
    assert (paper.learning_rate, paper.betas) == (1e-4, (0.5, 0.9))
    assert (paper.model.generator_width, paper.model.critic_width) == (256, 32)
    assert paper.delta_in_encoder
    assert (paper.model.latent_size, paper.loss, paper.image_loss) == (200, "wasserstein", "vae")


def test_overrides_reach_run_and_model():
    loaded = overrides.load(
        "small", ("a",), 32, ["batch_size=8", "model.critic_width=8", "reconstruction=squared"]
    )
    assert (loaded.batch_size, loaded.model.critic_width) == (8, 8)
    assert loaded.reconstruction == "squared"


@pytest.mark.parametrize(
    ("preset", "override", "word"),
    [
        ("nothing", [], "choose one of"),
        ("paper", ["batch_size"], "key=value"),
        ("paper", ["bath=8"], "'bath'"),
        ("paper", ["batch_size=0"], "'batch_size'"),
    ],
)
def test_mistakes_get_one_sentence(preset, override, word):
    with pytest.raises(RunError, match=word):
        overrides.load(preset, ("a",), 32, override)


def test_a_run_that_goes_on_may_change_settings_but_not_its_networks():
    before = overrides.load("small", ("a",), 32)
    after = overrides.change(before, ["steps=99999", "learning_rate=1e-5"])
    assert (after.steps, after.learning_rate) == (99999, 1e-5)
    assert after.model_copy(update={"steps": before.steps, "learning_rate": 1e-3}) == before
    for override in ("model.generator_width=64", "spectral_norm=true"):
        with pytest.raises(RunError, match="cannot change"):
            overrides.change(before, [override])
    pictures = overrides.change(before, ["model.image_size=32", "model.camera=false"]).model
    assert (pictures.image_size, pictures.camera) == (32, False)


def test_fewer_steps_take_the_phases_along():
    small, short = (
        overrides.load("small", ("a",), 32),
        overrides.load("small", ("a",), 32, steps=250),
    )
    assert (short.steps, short.warm_start) == (250, round(250 * small.warm_start / small.steps))
    assert 0 < short.image_steps < short.main_steps + short.image_steps == 250
    own = overrides.load("small", ("a",), 32, ["image_steps=7"], steps=250)
    assert (own.image_steps, own.warm_start) == (7, short.warm_start)
    with pytest.raises(RunError, match="'steps'"):
        overrides.load("small", ("a",), 32, steps=0)
