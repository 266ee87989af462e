"""The second stage of a trial: a command that evaluates what a training has made, in the same run on W&B.

To W&B both are one: the SDK of neither process says that the run is over, the second one resumes it, and the launcher
says its last word at the very end. What each stage took goes into the run's summary, where a search reads its cost.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.agent.causes import Cause
from wandbsweep.agent.exit_codes import SIGNAL_BASE
from wandbsweep.agent.variables import UPDATE_FINISH_STATE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandbsweep.agent.verdicts import TrialFacts
    from wandbsweep.agent.watch import Limits

SILENT: Final = {UPDATE_FINISH_STATE.name: "false"}
"""W&B's setting for one process of several that make up a run: its end is not the end of the run."""

TRAIN: Final = "time.train"
EVAL: Final = "time.eval"
TOTAL: Final = "time.total"

_LEAST_SECONDS: Final = 0.1
_LONGEST_LINE: Final = 200


@dataclass(frozen=True)
class Evaluation:
    """What is run after a training that ended well.

    Attributes:
        argv: as it is started.
        timeout: how many seconds it may take; 0 is off.
        resumed: whether the run began before, so that its training took time before, too.
    """

    argv: tuple[str, ...]
    timeout: float = 0.0
    resumed: bool = False

    def limits(self, of_trial: Limits, spent: float) -> Limits:
        """What it is held to, once a training has taken so long: it need not log before its end."""
        left = max(_LEAST_SECONDS, of_trial.whole - spent) if of_trial.whole else 0.0
        return replace(of_trial, startup=0.0, whole=left, evaluation=self.timeout)


@dataclass(frozen=True)
class StageSeconds:
    """What the stages of a trial took.

    Attributes:
        train: the training, in this life of the run.
        evaluate: the evaluation; None if it did not begin, or will be done anew.
        resumed: whether the run has a life before this one.
        over: whether it has none after this one.
    """

    train: float
    evaluate: float | None = None
    resumed: bool = False
    over: bool = True

    def of_summary(self, before: Mapping[str, Any]) -> dict[str, float]:
        """The entries of the run's summary, when it has these: a run that goes on has trained before."""
        trained = before.get(TRAIN) if self.resumed else None
        train = self.train + (trained if isinstance(trained, (int, float)) else 0.0)
        told = {TRAIN: train}
        if self.evaluate is not None:
            told[EVAL] = self.evaluate
        if self.over:
            told[TOTAL] = train + (self.evaluate or 0.0)
        return {name: round(seconds, 3) for name, seconds in told.items()}


def failure(facts: TrialFacts, limits: Limits, last_line: str) -> str:
    """What is told of an evaluation that failed, in one line."""
    said = f": {last_line[:_LONGEST_LINE]}" if last_line else ""
    return f"the evaluation {_fault(facts, limits)}{said}"


def _fault(facts: TrialFacts, limits: Limits) -> str:
    if facts.watchdog is Cause.EVALUATION_FAILED:
        return f"took longer than evaluation.timeoutSeconds, {limits.evaluation:g} s"
    if facts.watchdog is Cause.STALLED:
        return f"neither printed nor logged anything for trial.stallTimeoutSeconds, {limits.stall:g} s"
    if facts.signal in {*signal.Signals}:
        return f"died by {signal.Signals(facts.exit_code - SIGNAL_BASE).name}"
    return f"ended with code {facts.exit_code}"
