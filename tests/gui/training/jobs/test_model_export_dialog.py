"""Exporting from the window: what the trainer is told, its progress, its end, and opening."""

from __future__ import annotations

import sys
import textwrap

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from shapelab.core.errors import ShapelabError
from shapelab.core.paths import user_folder
from shapelab.core.runs.presets import preset
from shapelab.core.runs.run_folder import RunFolder
from shapelab.gui.process import trainer_process
from shapelab.gui.training.jobs.job_dialog import JobDialogs
from shapelab.gui.training.jobs.model_export_dialog import ModelExportDialog

LEFT = Qt.MouseButton.LeftButton
SCRIPT = """
    import json, pathlib, sys
    run, name = sys.argv[-2:]
    def say(**event):
        print(json.dumps({"step": 0, "time": 0, **event}), flush=True)
    say(event="scored", what="surfaces", done=3, total=9)
    pathlib.Path(run, "told.json").write_text(json.dumps(sys.argv[1:]))
    if sys.stdin.readline().strip() == "stop":
        say(event="finished", reason="stopped")
        sys.exit()
    (pathlib.Path(MODELS) / name).mkdir(parents=True)
    say(event="finished", reason="completed")
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run, and a trainer that goes on when it is told anything and ends when told to stop."""
    script = tmp_path / "script.py"
    models = str(user_folder() / "models")
    script.write_text(f"MODELS = {models!r}\n" + textwrap.dedent(SCRIPT))
    command = (sys.executable, "-I", "-S", str(script))
    monkeypatch.setattr(trainer_process, "trainer_command", lambda: command)
    RunFolder(tmp_path / "chairs").create(preset("small", ("a",), 32, 100), tmp_path / "store")
    return tmp_path / "chairs"


@pytest.fixture
def open_dialog(qtbot, run, threads_end):
    window = QWidget()
    qtbot.addWidget(window)
    exports: JobDialogs[ModelExportDialog] = JobDialogs()
    yield lambda: exports.open(run, lambda: ModelExportDialog(run, window))
    exports.shutdown()
    threads_end()


def test_a_model_is_made_with_its_card_and_opened(qtbot, run, open_dialog):
    dialog = open_dialog()
    opened = []
    dialog.opened.connect(opened.append)
    assert dialog.name.text() == "chairs"
    assert not dialog.open_button.isVisible()
    dialog.checkpoint.setCurrentIndex(1)
    dialog.licence.setText("-- my own")
    dialog.note.setPlainText("Legs are thin.\nNot for sale.")
    qtbot.mouseClick(dialog.start, LEFT)
    qtbot.waitUntil(lambda: dialog.work.bar.value() == 3)
    assert dialog.work.told.text() == "Surfaces: 3 of 9"
    assert not dialog.name.isEnabled()
    dialog.close()  # which is no reason to stop
    dialog.work.send("save")
    qtbot.waitUntil(lambda: not dialog.busy)
    told = (run / "told.json").read_text()
    assert '"--licence=-- my own", "--note=Legs are thin.\\nNot for sale."' in told
    assert told.endswith(f'"--checkpoint=best", "--events", "jsonl", "--", "{run}", "chairs"]')
    open_dialog()
    assert dialog.work.told.text() == "The model is there, with its card."
    qtbot.mouseClick(dialog.open_button, LEFT)
    assert opened == [user_folder() / "models" / "chairs"]
    assert not dialog.isVisible()
    # the next export of the run gets another name
    assert open_dialog() is dialog
    dialog.name.setText("chairs-2")
    assert dialog.start.isEnabled()
    assert not dialog.open_button.isVisible()


def test_a_stop_writes_nothing_and_a_death_is_told(qtbot, run, open_dialog):
    dialog = open_dialog()
    qtbot.mouseClick(dialog.start, LEFT)
    qtbot.waitUntil(lambda: dialog.work.bar.value() == 3)
    qtbot.mouseClick(dialog.work.stop_button, LEFT)
    qtbot.waitUntil(lambda: not dialog.busy)
    assert dialog.work.told.text() == "Stopped; nothing was written."
    assert not dialog.open_button.isVisible()
    (run.parent / "script.py").write_text("raise SystemExit(3)")
    qtbot.mouseClick(dialog.start, LEFT)
    qtbot.waitUntil(lambda: not dialog.busy)
    assert dialog.work.trouble.text.text() == "The export ended with exit code 3; export again."
    assert dialog.start.isVisible()


def test_names_that_cannot_be_are_refused_before_anything_starts(run, open_dialog):
    (user_folder() / "models" / "chairs").mkdir(parents=True)
    dialog = open_dialog()
    assert dialog.name.text() == "chairs-001"
    for name, reason in (
        ("", "without slashes"),
        ("a/b", "without slashes"),
        ("..", "without slashes"),
        ("-rf", "without slashes"),
        ("é" * 150, "shorter"),
        ("chairs", "already"),
    ):
        dialog.name.setText(name)
        assert reason in dialog.work.told.text()
        assert not dialog.start.isEnabled()
        with pytest.raises(ShapelabError):
            dialog.job()
    dialog.name.setText("stools")
    assert dialog.start.isEnabled()
    assert dialog.work.told.text() == ""
