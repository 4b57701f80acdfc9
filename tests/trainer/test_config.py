"""Presets and overrides."""

from __future__ import annotations

import pytest

from shapelab.errors import RunError
from trainer import config


@pytest.mark.parametrize("preset", config.preset_names())
def test_every_shipped_preset_is_valid(preset):
    loaded = config.load(preset, ("a", "b"), 32)
    assert loaded.preset == preset
    assert loaded.model.classes == ("a", "b")


def test_paper_preset_holds_the_papers_numbers():
    paper = config.load("paper", ("chair",), 32)
    assert (paper.delta, paper.penalty, paper.generator_every, paper.batch) == (100, 10, 5, 256)
    assert (paper.learning_rate, paper.betas) == (1e-4, (0.5, 0.9))
    assert (paper.model.generator_width, paper.model.critic_width) == (256, 32)
    assert paper.penalty_per == "sample"


def test_overrides_reach_run_and_model():
    loaded = config.load(
        "furniture", ("a",), 32, ["batch=8", "model.critic_width=8", "reconstruction=squared"]
    )
    assert (loaded.batch, loaded.model.critic_width) == (8, 8)
    assert loaded.reconstruction == "squared"


@pytest.mark.parametrize(
    ("preset", "override", "word"),
    [
        ("nothing", [], "choose one of"),
        ("paper", ["batch"], "key=value"),
        ("paper", ["bath=8"], "'bath'"),
        ("paper", ["batch=0"], "'batch'"),
    ],
)
def test_mistakes_get_one_sentence(preset, override, word):
    with pytest.raises(RunError, match=word):
        config.load(preset, ("a",), 32, override)
