"""Scoring says how far it is, and scores shapes fitted to silhouettes beside the encoder's own."""

from __future__ import annotations

import pytest

from shapelab.core.runs.run_folder import RunFolder
from trainer.evaluation.export import evaluate_run


@pytest.mark.parametrize("camera", [True, False])
def test_a_run_is_scored_from_pictures_with_and_without_cameras(
    config, train, store_folder, tmp_path, camera
):
    model = config.model.model_copy(update={"camera": camera})
    config = config.model_copy(update={"model": model})
    train(config, tmp_path)
    told = []
    scores = evaluate_run(tmp_path, store_folder, tell=lambda *at: told.append(at))
    assert RunFolder(tmp_path).read_config().model.camera is camera
    assert told[-1] == (2 * scores.shapes, 2 * scores.shapes)  # two views of each
    assert told == sorted(told)
    assert (scores.fitted_iou == scores.picture_iou) is not camera
    assert set(scores.fitted_iou_by_class) == set(scores.iou_by_class)
