"""The training doctor on real runs: made sick on purpose, each in its way, and healthy ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from shapelab.core.runs.advice.doctor import Finding, diagnose, diversity_of, share_empty
from shapelab.core.runs.curves import RunCurves
from shapelab.core.runs.events import Event, Previewed, StepDone
from shapelab.core.runs.previews import read_preview
from shapelab.core.runs.run_config import RunConfig
from shapelab.core.runs.run_folder import RunFolder
from tests.trainer.conftest import make_store
from trainer.process.control import Control

#: Learns from the first step on, and is looked at by the doctor at each.
QUICK = {
    "batch_size": 4, "learning_rate": 0.01, "critic_learning_rate": 2e-3,
    "image_steps": 0, "image_every": 0, "validate_every": 20, "ema": 0.0, "save_every": 1000,
}  # fmt: skip

# Empty cells count for ten times as much as solid ones: all of them become empty.
DEAD = {"positive_weight": 0.1, "learning_rate": 0.02, "warm_start": 35, "validate_every": 10}
# Nobody hears the reconstruction.
COLLAPSED = {"delta": 1e-3, "learning_rate": 1e-3, "warm_start": 35}
ONE_SHAPE = COLLAPSED | {
    "batch_size": 8, "learning_rate": 0.01, "adversarial_learning_rate": 0.01,
    "critic_learning_rate": 1e-4, "warm_start": 0,
}  # fmt: skip
TOO_FAST = {"batch_size": 8, "learning_rate": 30 * 0.01, "warm_start": 60}
UNBOUND = {"penalty": "r1", "penalty_weight": 0.0, "warm_start": 0}
LOUD = {"adversarial": 1e4, "warm_start": 0}
QUIET = {"adversarial": 1e-3, "warm_start": 0}
PICTURED = {"image_every": 1, "image_learning_rate": 1e-3}
SLEEPY = {"critic_learning_rate": 1e-5, "warm_start": 0}

#: Each learns in another way.
HEALTHY = {
    "vae": {"warm_start": 400},
    "paper": {"warm_start": 0},
    "phases": {"warm_start": 20},
    "r3": {"warm_start": 0, "loss": "r3", "penalty": "r1r2", "penalty_weight": 1.0, "delta": 200},
    "distances and pictures": {
        "warm_start": 400, "reconstruction": "distance", "image_every": 1,
        "image_learning_rate": 1e-3,
    },
}  # fmt: skip


def ask_at(step: int, command: str) -> Callable[[Event, Control], None]:
    """Asks a run for something when a step is done."""

    def steer(event: Event, control: Control) -> None:
        if isinstance(event, StepDone) and event.step == step:
            assert control.request(command)

    return steer


def told(events: list[Event], run: Path, config: RunConfig) -> list[Finding]:
    """What the doctor says of so much of a run."""
    curves, diversity, empty = RunCurves(), None, None
    curves.append(events)
    seen = [event for event in events if isinstance(event, Previewed)]
    if seen:
        solid = read_preview(RunFolder(run).path / seen[-1].path)["samples"] > 0.5
        diversity, empty = diversity_of(solid), share_empty(solid)
    return diagnose(curves, config, diversity, empty)


def changed(config: RunConfig, changes: dict[str, object]) -> RunConfig:
    """A valid configuration with other settings."""
    return RunConfig.model_validate(config.model_dump() | QUICK | changes)


@pytest.mark.parametrize(
    ("codes", "steps", "changes", "command"),
    [
        ({"nothing_drawn"}, 35, DEAD, ""),
        ({"kl_collapsed"}, 35, COLLAPSED, ""),
        ({"no_diversity"}, 60, ONE_SHAPE, ""),
        ({"no_diversity"}, 60, TOO_FAST, ""),
        ({"critic_ahead"}, 52, UNBOUND, ""),
        (
            {"penalty_exploding", "gradient_norm"},
            58,
            {"warm_start": 0},
            "set critic_learning_rate=0.3",
        ),
        ({"gradient_norm"}, 31, SLEEPY, ""),
        ({"critic_too_loud"}, 61, LOUD, ""),
        ({"critic_saturated"}, 61, QUIET, ""),
    ],
    ids=[
        "dead",
        "collapsed posterior",
        "mode collapse",
        "rate x30",
        "critic too strong",
        "exploding penalty",
        "critic asleep",
        "critic too loud",
        "critic too quiet",
    ],
)
def test_a_sick_run_is_told_so(config, train, tmp_path, codes, steps, changes, command):
    config = changed(config, {"steps": steps, "preview_every": steps, **changes})
    ask = ask_at(48 if steps > 48 else 36, command) if command else lambda *_: None
    found = told(train(config, tmp_path, ask), tmp_path, config)
    assert codes <= {finding.code for finding in found if finding.severity != "hint"}


def test_a_rate_that_is_raised_too_far_under_way_is_told(config, train, tmp_path):
    """What becomes of such a model is the processor's rounding to say: nothing, or always one."""
    config = changed(config, {"steps": 61, "preview_every": 61, "warm_start": 90})
    events = train(config, tmp_path, ask_at(48, "set learning_rate=0.3"))
    found = {finding.code for finding in told(events, tmp_path, config)}
    assert found & {"nothing_drawn", "no_diversity", "rolled_back", "iou_fell"}


@pytest.mark.parametrize(
    ("codes", "changes", "command"),
    [
        ({"iou_fell", "picture_iou_fell"}, PICTURED, "set learning_rate=0.3"),
        ({"image_kl_collapsed"}, PICTURED | {"image_loss": "vae", "delta": 1e-3}, ""),
    ],
    ids=["fell", "collapsed picture encoder"],
)
def test_a_run_whose_scores_fall_is_told_so(config, train, tmp_path, codes, changes, command):
    changes = {"steps": 90, "warm_start": 90, "validate_every": 1, **changes}
    config, asked = changed(config, changes), ask_at(60, command) if command else None
    seen: list[Event] = []

    def steer(event: Event, control: Control) -> None:
        seen.append(event)
        if asked is not None:
            asked(event, control)
        if isinstance(event, StepDone) and event.step == 64:
            control.request("stop")

    train(config, tmp_path, steer)
    assert codes <= {finding.code for finding in told(seen, tmp_path, config)}


@pytest.mark.parametrize("fill", [0.2, 0.6])
def test_noise_is_told_to_be_unlearnable(config, train, tmp_path, monkeypatch, fill):
    rng = np.random.default_rng(0)

    def noise(count: int, _seed: int) -> tuple[np.ndarray, np.ndarray]:
        return (rng.random((count, 30, 30, 30)) < fill).astype(np.uint8), np.arange(count) % 2

    monkeypatch.setattr("tests.trainer.conftest.make_grids", noise)
    store = make_store(tmp_path / "noise", pictured=False)
    steps = 102
    config = changed(config, {"steps": steps, "warm_start": steps, "validate_every": steps})
    found = told(train(config, tmp_path / "run", store=store), tmp_path, config)
    assert "unlearnable" in {finding.code for finding in found}


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_run_is_left_in_peace_whenever_the_doctor_is_asked(config, train, tmp_path, name):
    model = config.model
    if HEALTHY[name].get("reconstruction") == "distance":
        model = model.model_copy(update={"field": "signed_distance"})
    changes = {"steps": 60, "preview_every": 60, **HEALTHY[name], "model": model.model_dump()}
    config = changed(config, changes)
    seen: list[Event] = []

    def look(event: Event, _control: Control) -> None:
        seen.append(event)
        if isinstance(event, StepDone):
            assert told(seen, tmp_path, config) == [], event.step

    train(config, tmp_path, look)
    assert len([event for event in seen if isinstance(event, StepDone)]) == 60
