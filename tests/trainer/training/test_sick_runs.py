"""The training doctor on real runs that were made sick on purpose."""

from __future__ import annotations

import pytest

from shapelab.core.runs.advice.doctor import diagnose, share_empty
from shapelab.core.runs.curves import RunCurves
from shapelab.core.runs.previews import preview_path, read_preview
from shapelab.core.runs.run_folder import RunFolder

STEPS = 35
SHORT = {"steps": STEPS, "image_steps": 0, "image_every": 0, "validate_every": 10, "ema": 0.0,
         "preview_every": STEPS, "save_every": 100}  # fmt: skip


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        # Empty cells count for ten times as much as solid ones: all of them become empty.
        ("nothing_drawn", {"positive_weight": 0.1, "learning_rate": 0.02, "warm_start": STEPS}),
        # Nobody hears the reconstruction.
        ("kl_collapsed", {"delta": 1e-3, "kl_warm_up": 0.0, "warm_start": STEPS}),
    ],
    ids=["dead", "collapsed"],
)
def test_a_sick_run_is_told_so(config, train, tmp_path, code, changes):
    config = config.model_copy(update=SHORT | changes)
    curves = RunCurves()
    curves.append(train(config, tmp_path))
    seen = read_preview(preview_path(RunFolder(tmp_path).previews, STEPS))["samples"]
    found = diagnose(curves, config, None, share_empty(seen > 0.5))
    assert code in [finding.code for finding in found if finding.severity == "problem"]
