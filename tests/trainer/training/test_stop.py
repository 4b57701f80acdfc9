"""A stop is obeyed between two batches, whatever the run is at, and nothing is lost by it."""

from __future__ import annotations

import pytest

from shapelab.core.runs.events import Finished, Prepared, Previewed, Saved, StepDone, Validated
from shapelab.core.runs.run_folder import RunFolder
from shapelab.core.runs.run_state import RunState
from tests.trainer.conftest import digest
from trainer.data.store.prepared_store import open_store
from trainer.process.control import Control, Stopped
from trainer.training.loop import fit
from trainer.updates.code_targets import CodeTargets
from trainer.updates.encoding import encode_grids
from trainer.updates.state import new_state


class Impatient(Control):
    """Asks for a stop in the middle of the first work that looks for one."""

    looks = 0

    def check(self) -> None:
        self.looks += 1
        self.request("stop")
        super().check()


@pytest.fixture
def interrupted(config, store_folder, tmp_path):
    """Runs until the first long work, with these settings; gives the events and the looks."""

    def run(**settings):
        folder, control = RunFolder(tmp_path / "parts"), Impatient()
        folder.create(config.model_copy(update=settings), store_folder)
        events = list(fit(store_folder, folder.path, control))
        return events, control.looks

    return run


@pytest.mark.parametrize(
    ("setting", "kind"), [("validate_every", Validated), ("preview_every", Previewed)]
)
def test_a_validation_and_a_preview_are_given_up(interrupted, setting, kind):
    events, looks = interrupted(**{setting: 3})
    assert looks == 1
    assert not [event for event in events if isinstance(event, kind)]
    assert [(type(e), e.step) for e in events[-3:]] == [(StepDone, 3), (Saved, 3), (Finished, 3)]
    assert events[-1].reason == RunState.STOPPED


@pytest.mark.parametrize("samples", [0, 20])
def test_what_the_image_phase_learns_from_is_put_off(interrupted, config, train, tmp_path, samples):
    """Without synthetic shapes the targets are interrupted, with them the density of the codes."""
    events, looks = interrupted(synthetic_shapes=samples)
    assert looks == 1
    assert events[-1] == Finished(10, RunState.STOPPED)
    assert [e for e in events if isinstance(e, Prepared)] == ([Prepared(10, 0, 20)] * bool(samples))
    if not samples:  # with them it would have to render
        train(config, tmp_path / "parts")
        train(config, tmp_path / "whole")
        assert digest(tmp_path / "parts") == digest(tmp_path / "whole")


def test_every_batch_is_a_chance_to_stop(config, store_folder, alone, monkeypatch):
    monkeypatch.setattr("trainer.updates.encoding.BATCH", 4)
    monkeypatch.setattr("trainer.updates.code_targets.CHUNK", 4)
    state, store = new_state(config, alone), open_store(store_folder)
    encoder, rows = state.averages["voxel_encoder"], store.indices("train")
    looks = []

    def fourth() -> None:
        looks.append(None)
        if len(looks) == 4:
            raise Stopped

    for work in (
        lambda: encode_grids(encoder, store, rows, fourth),
        lambda: CodeTargets(store).learn(state, fourth),
    ):
        looks.clear()
        with pytest.raises(Stopped):
            work()
        assert len(looks) == 4
