"""Scoring says how far it is, and scores shapes fitted to outlines beside the encoder's own."""

from __future__ import annotations

import io

import pytest

from shapelab.core.runs.run_folder import RunFolder
from trainer.evaluation.export import evaluate_run
from trainer.report import scoring_progress


def test_a_log_gets_a_line_now_and_then(monkeypatch):
    monkeypatch.setattr(scoring_progress, "LOG_EVERY_S", -1.0)
    stream = io.StringIO()
    with scoring_progress.scoring(stream) as tell:
        tell(3, 10)
    assert stream.getvalue() == "3 of 10 held-out pictures\n"


@pytest.mark.parametrize("camera", [True, False])
def test_a_run_is_scored_from_pictures_with_and_without_cameras(
    config, train, store_folder, tmp_path, camera
):
    model = config.model.model_copy(update={"camera": camera})
    config = config.model_copy(update={"model": model})
    train(config, tmp_path)
    told = []
    report = evaluate_run(tmp_path, store_folder, tell=lambda *at: told.append(at))
    assert RunFolder(tmp_path).read_config().model.camera is camera
    assert told[-1] == (2 * report.shapes, 2 * report.shapes)  # two views of each
    assert told == sorted(told)
    assert (report.fitted_iou == report.picture_iou) is not camera
    assert set(report.fitted_iou_by_class) == set(report.iou_by_class)
