"""Why an agent ends although there are runs left: it was asked to, or what it runs fails again and again.

Both take effect between two trials. Standard library only, and cheap: this is looked at every second.
"""

from __future__ import annotations

import time
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wandbsweep.agent import outcomes
from wandbsweep.agent.ending import Ending, of_last
from wandbsweep.agent.exit_codes import AgentExit
from wandbsweep.agent.outcomes import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wandbsweep.agent.outcomes import Tally, TrialRecord

AFTER_RUN: Final = "after-run"
"""What the file says, and the value of the pod's annotation that it shows."""

MOST_FAILURES_IN_A_ROW: Final = 3

_PERIOD_SECONDS: Final = 1.0
_CLOCK_STEP_SECONDS: Final = 0.1


class Leaving(Enum):
    """Why the agent takes no other run."""

    ASKED = "somebody asked for it"
    FAILURES = "too many runs failed one after another"


class Lookout:
    """Looks for a reason to leave, at most once a second."""

    def __init__(self, leave_file: str | None, outcomes_folder: Path) -> None:
        self._leave_file = Path(leave_file) if leave_file else None
        self._outcomes = outcomes_folder
        self._counted_at = 0.0
        self._next_look = 0.0

    def reason(self) -> Leaving | None:
        """The reason that there is now."""
        now = time.monotonic()
        if now < self._next_look:
            return None
        self._next_look = now + _PERIOD_SECONDS
        if self._leave_file is not None and asks_to_leave(self._leave_file):
            return Leaving.ASKED
        return Leaving.FAILURES if self._too_many_failures() else None

    def _too_many_failures(self) -> bool:
        """Records are put in place by renaming, which the folder shows; twice within the clock's step shows once."""
        try:
            changed_at = self._outcomes.stat().st_mtime
        except OSError:
            return False
        if changed_at + _CLOCK_STEP_SECONDS < self._counted_at:
            return False
        self._counted_at = time.time()
        return failures_in_a_row(outcomes.trials(self._outcomes)) >= MOST_FAILURES_IN_A_ROW


def asks_to_leave(file: Path) -> bool:
    """Whether the file says so; one that is not there yet, or has no such annotation to show, does not."""
    try:
        return file.read_text(encoding="utf-8").strip() == AFTER_RUN
    except (OSError, ValueError):
        return False


def failures_in_a_row(trials: Iterable[TrialRecord]) -> int:
    """How many of the last trials failed one after another; those that were interrupted tell nothing either way."""
    count = 0
    for trial in trials:
        if trial.outcome is Outcome.FAILED:
            count += 1
        elif trial.outcome is Outcome.FINISHED:
            count = 0
    return count


def ending_of(leaving: Leaving, runs: Tally, *, interrupted: bool) -> Ending:
    """What the container ends with.

    Args:
        leaving: why the agent left.
        runs: what it did until then.
        interrupted: whether it had been given another run just then.
    """
    if leaving is Leaving.FAILURES:
        told = f"; {of_last(runs.last_failure)}" if runs.last_failure else "."
        return Ending(AgentExit.RUNS_FAILED, f"{MOST_FAILURES_IN_A_ROW} runs failed one after another{told}")
    if interrupted:
        return Ending(AgentExit.DRAINED, "Left as asked; a run that had just begun goes to another agent.")
    return Ending(AgentExit.DONE, "Left as asked, while no run was going on.")
