"""What is said about a trial after its end: a record for the agent, and on W&B the cause and the run's last word.

W&B is told as well as can be within seconds. A trial that was asked to end has few of them.
"""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING, Final

from wandbsweep.agent import outcomes
from wandbsweep.agent.causes import Cause

if TYPE_CHECKING:
    from pathlib import Path

    from wandbsweep.agent.attempts import Conclusion
    from wandbsweep.agent.wandb_run import RunReporter

_SECONDS: Final = 10.0
_PRESSED_SECONDS: Final = 2.0
_LEAST_SECONDS: Final = 0.1

_PREEMPTING: Final = "preempting"
_CRASHED: Final = "crashed"
_UNFINISHED: Final = frozenset({"pending", "running", _PREEMPTING, _CRASHED})


def record_begin(folder: Path, run_id: str) -> None:
    """So that the trial is known even if nobody is left to record its end; where nothing can be written, it is not."""
    with contextlib.suppress(OSError):
        outcomes.begin(folder, run_id, time.time())


def record_end(folder: Path, run_id: str, conclusion: Conclusion) -> None:
    """For the agent that counts the runs."""
    seconds = outcomes.spent(conclusion.cause, conclusion.startup, conclusion.rest)
    trial = outcomes.TrialRecord(
        run_id, conclusion.cause, int(conclusion.exit_code), time.time(), seconds, conclusion.last_line
    )
    try:
        outcomes.record(folder, trial)
    except OSError as error:
        # The run's state on W&B is the verdict; a full disk must not turn a finished run into a failed one.
        sys.stderr.write(f"wandbsweep trial: the outcome could not be recorded: {error}\n")


def tell_wandb(reporter: RunReporter, conclusion: Conclusion, node: str | None) -> None:
    """The cause goes first: whoever sees the run ended then sees why."""
    until = time.monotonic() + (_PRESSED_SECONDS if conclusion.pressed else _SECONDS)
    if conclusion.cause is not Cause.FINISHED or has_old_cause(conclusion):
        reporter.tag(conclusion.cause, node, _left(until))
    if needs_mark(conclusion):
        reporter.mark_preempting(_left(until))
    if needs_last_word(conclusion):
        reporter.complete(conclusion.exit_code, _left(until))


def _left(until: float) -> float:
    return max(_LEAST_SECONDS, until - time.monotonic())


def has_old_cause(conclusion: Conclusion) -> bool:
    """A run that finished after an earlier trial of it ended badly."""
    tags = conclusion.run.tags if conclusion.run else ()
    return any(cause.tag in tags for cause in Cause if cause is not Cause.PREEMPTED)


def needs_mark(conclusion: Conclusion) -> bool:
    """Whether the mark that was set before SIGTERM may have been lost, or overtaken by the trainer's last word."""
    if conclusion.cause is not Cause.PREEMPTED:
        return False
    if conclusion.run is None or conclusion.run.state in {"pending", "running"}:
        return conclusion.died
    return conclusion.run.state in {"failed", _CRASHED}


def needs_last_word(conclusion: Conclusion) -> bool:
    """Whether W&B still waits for the trainer that is gone.

    Simulators end the process at their close, and a good end with it is not said either. A preempted run that has ended
    may be another agent's by now: it is ours only as long as it is preempting, or if its trainer cannot have said it.
    """
    if conclusion.run is None:
        return conclusion.died and conclusion.cause is not Cause.FINISHED
    if conclusion.cause is Cause.PREEMPTED and not conclusion.died:
        return conclusion.run.state in {_PREEMPTING, _CRASHED}
    return conclusion.run.state in _UNFINISHED
