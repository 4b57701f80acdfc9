"""A run that is steered: other settings from a step on, noted, told, and kept by a resume."""

from __future__ import annotations

import numpy as np
import pytest

from shapelab.core.runs.events import Adjusted, Event, EventReader, Paused, Saved, StepDone, Warned
from shapelab.core.runs.run_folder import RunFolder
from tests.trainer.conftest import digest, stop_after
from trainer.process.control import Control
from trainer.report.inspection import inspect_text
from trainer.updates.schedule import learning_rates

AT = 3  # the step after which it is asked; the configuration saves at 5 and 10


def steered(*commands: str, at: int = AT, then_stop: int | None = None):
    """Sends commands when a step is done, and stops after another one."""

    def steer(event: Event, control: Control) -> None:
        if isinstance(event, StepDone) and event.step == at:
            for command in commands:
                assert control.request(command)
        if then_stop is not None:
            stop_after(then_stop)(event, control)

    return steer


def kinds(events: list[Event], kind: type[Event]) -> list[Event]:
    return [event for event in events if isinstance(event, kind)]


def losses(events: list[Event]) -> list[float]:
    told = [event.metrics for event in kinds(events, StepDone)]
    return [metrics["reconstruction"] for metrics in told if "reconstruction" in metrics]


def test_new_settings_count_from_the_next_step_on(config, train, tmp_path):
    events = train(config, tmp_path / "run", steered("set delta=80 learning_rate=1e-4"))
    (adjusted,) = kinds(events, Adjusted)
    assert adjusted.step == AT
    assert adjusted.changes == "learning_rate 0.001 → 0.0001, delta 800 → 80"
    assert adjusted in EventReader(RunFolder(tmp_path / "run").events).read()
    told = inspect_text(RunFolder(tmp_path / "run"))
    assert f"Changed under way\n  step {AT}  learning_rate 0.001 → 0.0001, delta 800 → 80" in told
    kept = RunFolder(tmp_path / "run").read_config()
    assert (kept.delta, kept.learning_rate) == (80, 1e-4)
    assert kept == config.model_copy(update={"delta": 80.0, "learning_rate": 1e-4})
    rates = {e.step: e.metrics["learning_rate"] for e in kinds(events, StepDone)}
    for step in range(1, config.main_steps + 1):
        expected = learning_rates(config if step <= AT else kept, step - 1)["generator"]
        assert rates[step] == pytest.approx(expected)
    other = train(config, tmp_path / "other")
    steered_losses, plain_losses = losses(events), losses(other)
    # The rates of the next step are others; what they do is seen one step later.
    assert steered_losses[: AT + 1] == plain_losses[: AT + 1]
    assert steered_losses[AT + 1] != plain_losses[AT + 1]


def test_a_resumed_run_repeats_what_a_steered_one_did(config, train, tmp_path):
    """It is saved where it is steered: even a kill right after repeats it, bit for bit."""
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    train(config, whole, steered("set delta=80"))

    class Killed(Exception):
        """Nothing is saved after this."""

    def kill(event: Event, control: Control) -> None:
        steered("set delta=80")(event, control)
        if isinstance(event, StepDone) and event.step == AT + 1:
            raise Killed

    with pytest.raises(Killed):
        train(config, cut, kill)
    saved = kinds(EventReader(RunFolder(cut).events).read(), Saved)
    assert [event.step for event in saved] == [AT]
    train(config, cut)
    assert digest(cut) == digest(whole)


def test_what_cannot_be_is_refused_and_training_goes_on(config, train, tmp_path):
    events = train(config, tmp_path / "run", steered("set steps=7", "set delta=-3"))
    warned = [event for event in kinds(events, Warned) if event.code == "refused"]
    assert len(warned) == 1  # both came at one step
    assert warned[0].message.startswith("The settings stay as they are. 'steps' cannot change")
    assert kinds(events, Adjusted) == []
    assert RunFolder(tmp_path / "run").read_config() == config
    assert max(event.step for event in events) == config.steps


@pytest.mark.parametrize("rates", [(0.0, 0.006), (0.006, 0.0)])
def test_the_optimiser_of_matrices_changes_with_a_resume(config, train, tmp_path, rates):
    """Not under way, where no optimiser is made; after it all parameters are still moved."""
    before, after = (config.model_copy(update={"muon_learning_rate": rate}) for rate in rates)
    command = f"set muon_learning_rate={rates[1]:g}"
    events = train(before, tmp_path / "run", steered(command, then_stop=AT + 2))
    assert [event.code for event in kinds(events, Warned)] == ["refused"]
    folder = RunFolder(tmp_path / "run")
    assert folder.read_config() == before
    folder.write_config(after)
    events = train(after, folder.path)
    assert max(event.step for event in events) == config.steps
    assert all(np.isfinite(losses(events)))
    train(before, tmp_path / "whole", stop_after(AT + 2))  # and a stop after it changes nothing
    whole = RunFolder(tmp_path / "whole")
    whole.write_config(after)
    train(after, whole.path, stop_after(AT + 4))
    train(after, whole.path)
    assert digest(whole.path) == digest(folder.path)


def test_a_paused_run_takes_them_too(config, train, tmp_path):
    def steer(event: Event, control: Control) -> None:
        if isinstance(event, StepDone) and event.step == AT:
            control.request("pause")
        elif isinstance(event, Paused):
            control.request("set adversarial=0.5")
        elif isinstance(event, Adjusted):
            control.request("resume")

    events = train(config, tmp_path / "run", steer)
    assert [(e.step, e.changes) for e in kinds(events, Adjusted)] == [(AT, "adversarial 1 → 0.5")]
    assert max(event.step for event in events) == config.steps


def test_settings_that_cannot_be_noted_stay(config, train, tmp_path):
    folder = RunFolder(tmp_path / "run")

    def steer(event: Event, control: Control) -> None:
        if isinstance(event, StepDone) and event.step == AT:
            text = folder.config.read_text()
            folder.config.unlink()
            folder.config.mkdir()
            (folder.path / "kept.toml").write_text(text)
            control.request("set delta=80")

    events = train(config, folder.path, steer)
    (refused,) = [event for event in kinds(events, Warned) if event.code == "refused"]
    assert "is a folder" in refused.message
    assert kinds(events, Adjusted) == []
