"""Plans of new runs and the command lines that do the same."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from shapelab.core.runs.presets import preset
from shapelab.core.runs.training_plan import Preparation, TrainingPlan, free_name

RUN, STORE = Path("/a folder/runs/small-001"), Path("/data/my store")


def plan(preparation=None, steps=None, **changes):
    config = preset("small", ("a",), 32, steps)
    return TrainingPlan(RUN, STORE, config.model_copy(update=changes), preparation)


def test_a_preset_as_it_is_needs_no_settings():
    assert plan().steps is None
    assert plan().settings == []


def test_phases_that_follow_the_steps_are_no_settings_of_their_own():
    short = plan(steps=500, batch_size=8)
    assert short.steps == 500
    assert short.settings == ["batch_size=8"]


@pytest.mark.skipif(sys.platform == "win32", reason="quotes of a POSIX shell")
def test_commands_come_through_the_shell_to_the_trainer():
    from trainer.__main__ import app

    lines = plan(Preparation("/my shapes", 32, 4), steps=500, batch_size=8).commands()
    first, second = (shlex.split(line) for line in lines)
    given = [str(STORE), "--resolution", "32", "--views", "4"]
    assert first == ["shapelab", "train", "prepare", "/my shapes", "--out", *given]
    given = [str(RUN), "--preset", "small", "--steps", "500", "--set", "batch_size=8"]
    assert second == ["shapelab", "train", "fit", "--data", str(STORE), "--run", *given]
    for words in (first, second):
        asked = CliRunner().invoke(app, [*words[2:], "--nonsense"])
        assert "--nonsense" in asked.output  # the only word that the trainer does not know
        assert asked.output.count("No such option") == 1


def test_what_is_told_about_the_shapes_is_passed_on():
    made = Preparation("/shapes", 32, 4, "-x", "/a table.csv", only_sellable=True, picture_size=128)
    given = ("--size", "128", "--front", "-x", "--classes", "/a table.csv", "--only-sellable")
    assert made.options()[4:] == given


def test_a_prepared_store_needs_one_command():
    assert len(plan().commands()) == 1


def test_names_are_numbered_after_the_highest(tmp_path):
    assert free_name(tmp_path / "missing", "small") == "small-001"
    for name in ("small-002", "small-010", "small-10b", "paper-040"):
        (tmp_path / name).mkdir()
    assert free_name(tmp_path, "small") == "small-011"
