"""Settings that may change while a run is trained, and the command that asks for it.

echo "set delta=300 learning_rate=5e-5" >> RUN/commands.txt
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from shapelab.core.errors import RunError

if TYPE_CHECKING:
    from shapelab.core.runs.run_config import RunConfig

#: What is read anew at each step, in the order in which it is shown.
LIVE = (
    "learning_rate",
    "muon_learning_rate",
    "critic_learning_rate",
    "adversarial_learning_rate",
    "image_learning_rate",
    "delta",
    "adversarial",
    "preview_seed",
)
_WORD = "set "


def command(settings: Sequence[str]) -> str:
    """The command that changes settings, of ``key=value`` texts without spaces."""
    return _WORD + " ".join(settings)


def settings_of(line: str) -> list[str] | None:
    """The ``key=value`` texts of such a command; None for any other."""
    return line[len(_WORD) :].split() if line.startswith(_WORD) else None


def adjusted(config: RunConfig, settings: Sequence[str]) -> RunConfig:
    """The settings of a run with some of ``LIVE`` changed.

    Raises:
        RunError: one that cannot change under way, that there is not, or a value out of its bounds;
            Muon where Adam moves the matrices, or the other way round.
    """
    from shapelab.core.runs import overrides

    for text in settings:
        key = text.partition("=")[0]
        if key not in LIVE:
            known = ", ".join(LIVE)
            raise RunError(f"'{key}' cannot change while the run is trained; these can: {known}.")
    after = overrides.change(config, settings)
    before, rate = config.muon_learning_rate, after.muon_learning_rate
    if bool(before) != bool(rate):  # the optimisers are made when a run begins or goes on
        raise RunError(
            "'muon_learning_rate' cannot go to or from 0, which is Adam, while the run is trained; "
            f"stop it and use `shapelab train resume RUN --set muon_learning_rate={rate:g}`."
        )
    return after


def changes(before: RunConfig, after: RunConfig) -> dict[str, tuple[float, float]]:
    """What ``adjusted`` changed: by name the old value and the new one."""
    pairs = {name: (getattr(before, name), getattr(after, name)) for name in LIVE}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def told(before: RunConfig, after: RunConfig) -> str:
    """The same in words: 'delta 100 → 300, learning_rate 0.0001 → 5e-05'."""
    found = changes(before, after).items()
    return ", ".join(f"{name} {old:.10g} → {new:.10g}" for name, (old, new) in found)
