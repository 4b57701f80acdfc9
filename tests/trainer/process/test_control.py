"""Requests to a run, and the file that brings them."""

from __future__ import annotations

import pytest

from shapelab.core.runs.run_folder import RunFolder
from trainer.process.control import Control


def test_commands_from_before_do_not_count_and_nonsense_is_no_command(tmp_path):
    folder, control = RunFolder(tmp_path), Control()
    folder.send("stop")
    with control.following(folder.commands):
        with folder.commands.open("a") as file:
            file.write("\nhalt\n SAVE \n")
        folder.send("pause")
        while not control.paused:
            control.wait(20.0)
    assert control.was_asked("save")
    assert not control.stop


def test_a_file_of_commands_may_come_later(tmp_path):
    folder, control = RunFolder(tmp_path), Control()
    with control.following(folder.commands):
        assert not folder.commands.exists()
        folder.send("stop")
        while not control.stop:
            control.wait(20.0)
    folder.send("pause")
    assert not control.paused  # nobody listens any more


def test_settings_come_by_the_same_file_in_their_order(tmp_path):
    folder, control = RunFolder(tmp_path), Control()
    with control.following(folder.commands):
        folder.send("set delta=300 learning_rate=1e-4")
        folder.send("set delta=100")
        folder.send("pause")
        while not control.paused:
            control.wait(20.0)
    assert control.has_settings
    assert control.take_settings() == ["delta=300", "learning_rate=1e-4", "delta=100"]
    assert not control.has_settings
    assert control.take_settings() == []
    with pytest.raises(ValueError, match="none of"):
        folder.send("delta=100")
