"""Settings that change under way: the command, what it may change, and how it is told."""

from __future__ import annotations

import pytest

from shapelab.core.errors import RunError
from shapelab.core.runs.live_settings import LIVE, adjusted, changes, command, settings_of, told
from shapelab.core.runs.run_config import RunConfig


def test_a_command_carries_settings_and_no_other_line_does():
    line = command(["delta=300", "learning_rate=5e-05"])
    assert line == "set delta=300 learning_rate=5e-05"
    assert settings_of(line) == ["delta=300", "learning_rate=5e-05"]
    assert settings_of("set ") == []
    for other in ("save", "settle", "set", "reset delta=3"):
        assert settings_of(other) is None


def test_what_may_change_changes_and_the_rest_stays():
    before = RunConfig()
    after = adjusted(before, ["delta=300", "preview_seed=7", "learning_rate=5e-5"])
    assert (after.delta, after.preview_seed, after.learning_rate) == (300, 7, 5e-5)
    assert after.model_copy(update={name: getattr(before, name) for name in LIVE}) == before
    assert changes(before, after) == {
        "learning_rate": (1e-4, 5e-5),
        "delta": (100, 300),
        "preview_seed": (0, 7),
    }
    words = "learning_rate 0.0001 → 5e-05, delta 100 → 300, preview_seed 0 → 7"
    assert told(before, after) == words
    assert adjusted(before, []) == before
    assert (
        told(after, adjusted(after, ["preview_seed=1234567890"])) == "preview_seed 7 → 1234567890"
    )


def test_the_rate_of_muon_changes_but_not_which_optimiser_moves_the_matrices():
    adam, muon = RunConfig(), RunConfig(muon_learning_rate=0.006)
    assert adjusted(muon, ["muon_learning_rate=0.003"]).muon_learning_rate == 0.003
    for before, setting in ((adam, "muon_learning_rate=0.006"), (muon, "muon_learning_rate=0")):
        with pytest.raises(RunError, match=f"resume RUN --set {setting}"):
            adjusted(before, [setting])


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("steps=7", "'steps' cannot change while the run is trained; these can: learning_rate"),
        ("model.latent_size=8", "cannot change while"),
        ("delta=-1", "'delta' cannot be used: it must be more than 0"),
        ("delta=nan", "'delta' cannot be used"),
        ("delta", "write it as key=value"),
        ("=3", "'' cannot change"),
    ],
)
def test_what_cannot_change_is_refused_in_a_sentence(setting, reason):
    with pytest.raises(RunError, match=reason):
        adjusted(RunConfig(), [setting])
