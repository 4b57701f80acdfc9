"""Evaluating from the window: the trainer as a process, its progress, its end, what it found."""

from __future__ import annotations

import json
import sys
import textwrap

import pytest
from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QWidget

from shapelab.core import formatting
from shapelab.core.errors import RunError
from shapelab.core.runs import evaluation_file
from shapelab.core.runs.presets import preset
from shapelab.core.runs.run_folder import RunFolder
from shapelab.gui.process import trainer_process
from shapelab.gui.training.jobs.evaluation_dialog import EvaluationDialog
from shapelab.gui.training.jobs.job_dialog import JobDialogs

WAIT_MS = 60_000
FIGURE = {
    "mean": 0.75, "class_mean": 0.7, "low": 0.6, "high": 0.8, "by_class": {"bed": 0.9, "sofa": 0.5},
    "by_source": {}, "worst": "sofa", "label": "In one piece", "meaning": "at 0.5", "percent": True,
}  # fmt: skip
FOUND = {
    "format": "shapelab-evaluation", "version": 1, "subject": "run", "source": "shapes.npz",
    "photos": "ikea",    "shapes": 1200, "truncation": 0.8,
    "figures": {
        "one_piece": FIGURE,
        "chamfer": {**FIGURE, "percent": False, "low": None, "high": None, "worst": "",
                    "by_class": {"bed": 0.01}},
    },
}  # fmt: skip
SCRIPT = """
    import json, pathlib, sys
    at = sys.argv.index
    page = pathlib.Path(sys.argv[at("--report") + 1])
    def say(**event):
        print(json.dumps({"step": 0, "time": 0, **event}), flush=True)
    say(event="scored", what="surfaces", done=3, total=9)
    page.with_suffix(".txt").write_text(" ".join(sys.argv[1:]))
    if sys.stdin.readline().strip() == "stop":
        say(event="finished", reason="stopped")
        sys.exit()
    page.write_text("<html>")
    page.with_suffix(".json").write_text(FOUND)
    say(event="finished", reason="completed")
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run, and a trainer that goes on when it is told anything and ends when told to stop."""
    script = tmp_path / "script.py"
    script.write_text(f"FOUND = {json.dumps(FOUND)!r}\n" + textwrap.dedent(SCRIPT))
    command = (sys.executable, "-I", "-S", str(script))
    monkeypatch.setattr(trainer_process, "trainer_command", lambda: command)
    RunFolder(tmp_path / "run").create(preset("small", ("a",), 32, 100), tmp_path / "store")
    return tmp_path / "run"


@pytest.fixture
def dialog(qtbot, run, threads_end):
    window = QWidget()
    qtbot.addWidget(window)
    evaluations: JobDialogs[EvaluationDialog] = JobDialogs()
    yield evaluations.open(run, lambda: EvaluationDialog(run, "run", None, window))
    evaluations.shutdown()
    threads_end()


def texts(table):
    return [
        [table.item(row, column).text() for column in range(table.columnCount())]
        for row in range(table.rowCount())
    ]


def test_what_was_found_is_shown_and_its_report_opens(qtbot, run, dialog, monkeypatch):
    assert not dialog.tabs.isVisible()
    assert not dialog.report.isEnabled()
    dialog.start.click()
    qtbot.waitUntil(lambda: dialog.work.bar.value() == 3, timeout=WAIT_MS)
    assert dialog.told.text() == "Surfaces: 3 of 9"
    assert dialog.work.stop_button.isVisible()
    assert not dialog.start.isVisible()
    told = (run / "evaluation.txt").read_text().split()
    assert told[:2] == ["evaluate", str(run)]
    assert "--data" not in told  # a run knows its own
    dialog.close()  # which is no reason to stop
    dialog.work.send("save")
    qtbot.waitUntil(lambda: not dialog.busy, timeout=WAIT_MS)
    dialog.show()
    assert texts(dialog.figures) == [
        ["In one piece", "75.0 %", "70.0 %", "60.0 – 80.0 %", "Sofa 50.0 %"],
        ["In one piece", "0.750", "0.700", "", ""],
    ]
    assert texts(dialog.by_class) == [
        ["In one piece", "90.0 %", "50.0 %"],
        ["In one piece", "0.0100", "–"],
    ]
    shapes = formatting.count(1200)
    assert dialog.told.text() == f"{shapes} held-out shapes of shapes.npz, photos of ikea"
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url) or True)
    dialog.report.click()
    assert opened == [QUrl.fromLocalFile(str(run / "evaluation.html"))]
    again = EvaluationDialog(run, "run", None, dialog)  # in the next window
    assert texts(again.figures) == texts(dialog.figures)


def test_a_stop_keeps_what_was_found_before_and_a_death_is_told(qtbot, run, dialog):
    (run / "evaluation.json").write_text(json.dumps(FOUND))
    dialog.start.click()
    qtbot.waitUntil(lambda: dialog.work.bar.value() == 3, timeout=WAIT_MS)
    dialog.work.stop_button.click()
    qtbot.waitUntil(lambda: not dialog.busy, timeout=WAIT_MS)
    assert dialog.told.text() == "Stopped."
    assert dialog.figures.rowCount() == 2
    (run.parent / "script.py").write_text("raise SystemExit(3)")
    dialog.start.click()
    qtbot.waitUntil(lambda: not dialog.busy, timeout=WAIT_MS)
    assert (
        dialog.work.trouble.text.text() == "The evaluation ended with exit code 3; evaluate again."
    )
    assert dialog.start.isVisible()


def test_a_model_asks_for_data_of_its_resolution(qtbot, tmp_path, monkeypatch, dialog):
    monkeypatch.setattr(
        "shapelab.gui.training.jobs.evaluation_dialog.user_folder", lambda: tmp_path
    )
    known = {
        "format": "shapelab-store", "version": 5, "classes": ["a"], "counts": {"accepted": 3},
        "views": 0, "picture_size": 64,
    }  # fmt: skip
    alone = EvaluationDialog(tmp_path / "model", "model", (64,), dialog)
    assert not alone.start.isEnabled()
    assert "choose a prepared dataset" in alone.told.text()
    for name, side in (("coarse", 32), ("fine", 64)):
        (tmp_path / "data" / name).mkdir(parents=True)
        index = tmp_path / "data" / name / "index.json"
        index.write_text(json.dumps({**known, "resolution": side}))
    model = EvaluationDialog(tmp_path / "model", "model", (64,), dialog)
    assert [model.data.itemText(k) for k in range(model.data.count())] == ["fine", "Open others…"]
    assert model.start.isEnabled()
    every = EvaluationDialog(tmp_path / "model", "model", (32, 64, 128), dialog)
    listed = {every.data.itemText(k) for k in range(every.data.count())}
    assert listed == {"coarse", "fine", "Open others…"}


BAD = ["", "[]", '{"format": "x"}', json.dumps(FOUND | {"version": 2}), "[" * 10**5, " " * 2**21]


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_what_is_no_evaluation_is_said_in_one_sentence(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(RunError, match=r"x\.json"):
        evaluation_file.read(tmp_path / "x.json")
