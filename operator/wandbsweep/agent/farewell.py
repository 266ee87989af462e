"""What is said about a trial after its end: a record for the agent, and on W&B the cause and the run's last word.

W&B is told as well as can be within seconds. A trial that was asked to end has few of them.
"""

from __future__ import annotations

import contextlib
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from wandbsweep.agent import outcomes
from wandbsweep.agent.causes import Cause
from wandbsweep.agent.trainer import ENDING_SIGNALS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wandbsweep.agent.conclusion import Conclusion
    from wandbsweep.agent.signal_inbox import SignalInbox
    from wandbsweep.agent.wandb_run import RunLook, RunReporter

_SECONDS: Final = 10.0
_PRESSED_SECONDS: Final = 2.0
_LEAST_SECONDS: Final = 0.1

_PATIENCE_SECONDS: Final = 600.0
"""How long a GPU may wait for W&B with a run that has ended, so that what it took to get there is not lost."""

_FIRST_PAUSE_SECONDS: Final = 5.0
_LONGEST_PAUSE_SECONDS: Final = 60.0
_MOST_ANSWERS: Final = 3

_PREEMPTING: Final = "preempting"
_CRASHED: Final = "crashed"
_FINISHED: Final = "finished"
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


def tell_wandb(reporter: RunReporter, conclusion: Conclusion, node: str | None, inbox: SignalInbox) -> None:
    """The cause goes first: whoever sees the run ended then sees why.

    Where nobody else says the last word, W&B is told again and again while it is away; a signal ends that.
    """
    until = time.monotonic() + (_PRESSED_SECONDS if conclusion.pressed else _SECONDS)
    insists = conclusion.stages is not None and not conclusion.pressed
    noted = _noted(reporter, conclusion, node, until)
    if (noted or not insists) and (_said(reporter, conclusion, until) or not insists):
        return
    for look in _answers(reporter, inbox):
        seen = replace(conclusion, run=look)
        until = time.monotonic() + _SECONDS
        noted = noted or _noted(reporter, seen, node, until)
        if noted and _said(reporter, seen, until):
            return
    _said(reporter, conclusion, time.monotonic() + _PRESSED_SECONDS)


def _noted(reporter: RunReporter, conclusion: Conclusion, node: str | None, until: float) -> bool:
    """The cause, and what the stages took."""
    summary = conclusion.stages.of_summary if conclusion.stages else None
    if conclusion.cause is Cause.FINISHED and not has_old_cause(conclusion) and summary is None:
        return True
    return reporter.tag(conclusion.cause, node, _left(until), summary)


def _said(reporter: RunReporter, conclusion: Conclusion, until: float) -> bool:
    """Whether W&B has taken the last word, or needs none."""
    if needs_mark(conclusion):
        reporter.mark_preempting(_left(until))
    return not needs_last_word(conclusion) or reporter.complete(conclusion.exit_code, _left(until))


def _answers(reporter: RunReporter, inbox: SignalInbox) -> Iterator[RunLook]:
    """The run again and again, whenever W&B can be asked; a few times at most, until somebody hurries."""
    give_up_at, pause, answers = time.monotonic() + _PATIENCE_SECONDS, _FIRST_PAUSE_SECONDS, 0
    while answers < _MOST_ANSWERS and time.monotonic() < give_up_at and not _is_hurried(inbox, pause):
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        if (look := reporter.look()) is not None:
            answers += 1
            yield look


def _is_hurried(inbox: SignalInbox, seconds: float) -> bool:
    """Waits, and tells whether somebody wants this process to end meanwhile."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if not ENDING_SIGNALS.isdisjoint(inbox.wait(left)):
            return True
    return False


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
    is_ours = conclusion.stages is not None
    if conclusion.run is None:
        return is_ours or (conclusion.died and conclusion.cause is not Cause.FINISHED)
    if is_ours and conclusion.run.state == _FINISHED:
        # An SDK that does not know how to be silent said it after the training.
        return conclusion.cause not in {Cause.FINISHED, Cause.NAN_METRIC}
    if conclusion.cause is Cause.PREEMPTED and not conclusion.died:
        return conclusion.run.state in {_PREEMPTING, _CRASHED}
    return conclusion.run.state in _UNFINISHED
