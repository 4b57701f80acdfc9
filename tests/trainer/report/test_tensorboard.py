"""The TensorBoard writer, against a recording stand-in and, where it is installed, the real one."""

from __future__ import annotations

import math
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from shapelab.core.errors import RunError
from shapelab.core.runs.events import (
    Event,
    Finished,
    Previewed,
    Saved,
    Started,
    StepDone,
    Validated,
    Warned,
)
from shapelab.core.runs.run_state import RunState
from trainer.report.tensorboard import TensorBoardWriter

MODULE = "torch.utils.tensorboard"
CALLS: list[tuple[Any, ...]] = []


class Recorder:
    """Notes what torch's SummaryWriter would be told."""

    def __init__(self, folder: str, purge_step: int) -> None:
        CALLS.append(("open", folder, purge_step))

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **_: CALLS.append((name, *args))


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    module = types.ModuleType(MODULE)
    module.SummaryWriter = Recorder  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, MODULE, module)
    CALLS.clear()
    return CALLS


def events(run: Path) -> list[Event]:
    Image.fromarray(np.zeros((4, 6, 3), np.uint8)).save(run / "a.png")
    return [
        Started(40, 100, "cpu", 1),
        StepDone(60, {"critic": -3.0, "kl": math.nan}, time=7.0),
        Validated(60, {"iou": 0.5}, time=8.0),
        Saved(60, "checkpoints/step-000000060"),
        Previewed(60, "a.png", time=9.0),
        Previewed(61, "gone.png"),
        Warned(62, "skipped", "Step 62 was skipped.", time=9.5),
        Finished(100, RunState.COMPLETED),
    ]


def test_each_event_is_told_once(tmp_path: Path, recorded: list[tuple[Any, ...]]) -> None:
    writer = TensorBoardWriter(tmp_path / "tensorboard")
    assert recorded == []
    for event in events(tmp_path):
        writer.write(event)
    assert recorded[0] == ("open", str(tmp_path / "tensorboard"), 41)
    assert recorded[1] == ("add_scalar", "train/critic", -3.0, 60, 7.0)
    assert recorded[2][:2] == ("add_scalar", "train/kl")
    assert math.isnan(recorded[2][2])
    assert recorded[3] == ("add_scalar", "validation/iou", 0.5, 60, 8.0)
    name, tag, pixels, step, _ = recorded[4]
    assert (name, tag, pixels.shape, step) == ("add_image", "preview", (4, 6, 3), 60)
    assert recorded[5] == ("add_text", "skipped", "Step 62 was skipped.", 62, 9.5)
    assert recorded[6:] == [("close",)]
    writer.close()
    assert len(recorded) == 7


def test_without_the_package_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, MODULE, None)
    with pytest.raises(RunError, match=r'pip install "tensorboard>=2\.14"'):
        TensorBoardWriter(tmp_path)


def test_the_real_package_reads_what_was_written(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    writer = TensorBoardWriter(tmp_path / "tensorboard")
    for event in events(tmp_path):
        writer.write(event)
    found = accumulator.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert {"train/critic", "validation/iou"} <= set(found.Tags()["scalars"])
    (scalar,) = found.Scalars("train/critic")
    assert (scalar.step, scalar.value, scalar.wall_time) == (60, -3.0, 7.0)
    assert found.Tags()["images"] == ["preview"]
