"""Presets, and how a choice of settings is written for the command line."""

from __future__ import annotations

import pytest

from shapelab.core.errors import RunError
from shapelab.core.runs.presets import differences, preset, preset_names, preset_words


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_says_in_one_sentence_what_it_is_for(name):
    words = preset_words(name)
    assert words.endswith(".")
    assert 20 < len(words) < 140
    assert "#" not in words


def test_nothing_differs_from_itself():
    small = preset("small", ("a",), 32)
    assert differences(small, small) == []


def test_what_differs_gives_the_same_settings_to_the_trainer():
    from shapelab.core.runs import overrides

    small = preset("small", ("night_stand", "sofa bed"), 32)
    model = small.model.model_copy(update={"critic_width": 8})
    wanted = small.model_copy(
        update={
            "batch_size": 8,
            "learning_rate": 3e-5,
            "flip": False,
            "betas": (0.1, 0.2),
            "reconstruction": "squared",
            "vae": "true",
            "model": model,
        }
    )
    texts = differences(wanted, small)
    assert "reconstruction=squared" in texts
    assert "model.critic_width=8" in texts
    assert overrides.load("small", small.model.classes, 32, texts) == wanted


def test_words_that_toml_reads_otherwise_are_quoted():
    small = preset("small", ("a",), 32)
    released = small.model_copy(update={"vae": "released"})
    assert differences(small, released) == ['vae="true"']


def test_an_unknown_preset_names_those_there_are():
    with pytest.raises(RunError, match="small"):
        preset("tiny", ("a",), 32)
