"""What a run does about numbers that are not finite: skip the step, then go back, then give up."""

from __future__ import annotations

from dataclasses import dataclass

from shapelab.core.errors import RunError
from shapelab.core.runs.events import Warned

from ..updates.state import TrainState

IN_A_ROW = 3  # steps skipped before the run goes back to a checkpoint
ROLLBACKS = 3  # times that a run goes back before it gives up


@dataclass
class Recovery:
    """Counts what went wrong; one per process and run."""

    skipped: int = 0

    def good(self) -> None:
        """A step went through."""
        self.skipped = 0

    def bad(self, step: int, reason: str) -> tuple[Warned, bool]:
        """A step was skipped: the event, and whether the run must now go back."""
        self.skipped += 1
        event = Warned(step, "skipped", f"Step {step + 1} was skipped: {reason}.")
        return event, self.skipped >= IN_A_ROW

    def gone_back(self, state: TrainState, since: int) -> Warned:
        """Notes that ``state`` was reloaded after step ``since``; rates halve by the count.

        Raises:
            RunError: it has gone back too often.
        """
        self.skipped = 0
        if state.rollbacks >= ROLLBACKS:
            raise RunError(
                f"Training diverges at step {since} even after {ROLLBACKS} returns to a checkpoint "
                "with halved rates; start again with a lower learning_rate or critic_rate."
            )
        state.rollbacks += 1
        return Warned(
            state.step,
            "rolled_back",
            f"{IN_A_ROW} steps in a row were not finite: back from step {since} to the checkpoint "
            f"of step {state.step}, rates times {state.rate_scale:g} "
            f"({state.rollbacks} of {ROLLBACKS}).",
        )
