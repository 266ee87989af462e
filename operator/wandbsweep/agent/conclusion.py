"""What became of a trial, as its record, W&B and the W&B agent are told of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wandbsweep.agent.causes import Cause
from wandbsweep.agent.exit_codes import SIGTERM_CODE, TrialExit

if TYPE_CHECKING:
    from wandbsweep.agent.evaluation import StageSeconds
    from wandbsweep.agent.verdicts import TrialFacts
    from wandbsweep.agent.wandb_run import RunLook


@dataclass(frozen=True)
class Conclusion:
    """What became of a trial.

    Attributes:
        cause: why it ended.
        exit_code: of the launcher.
        startup: the seconds without a metric.
        rest: the seconds after the first metric.
        last_line: what the trainer said last.
        pressed: whether the trial was asked to end, so that time is short.
        died: whether the trainer cannot have said its last word to W&B: it was killed, or never said a first one.
        run: as W&B had it after the end; None: unknown.
        stages: what training and evaluation took, where an evaluation belongs to the trial; the last word on its run
            is the launcher's then, and nobody else says it.
    """

    cause: Cause
    exit_code: int
    startup: float = 0.0
    rest: float = 0.0
    last_line: str = ""
    pressed: bool = False
    died: bool = False
    run: RunLook | None = None
    stages: StageSeconds | None = None

    @property
    def seconds(self) -> float:
        """What it took in all."""
        return self.startup + self.rest


def exit_code(cause: Cause, facts: TrialFacts) -> int:
    """The trainer's own, unless it would tell the W&B agent the opposite of the cause."""
    if cause is Cause.FINISHED:
        return 0
    if facts.exit_code != 0 and not facts.ended_well:
        return facts.exit_code
    if facts.watchdog not in {None, Cause.FINISHED}:
        return TrialExit.TIMED_OUT
    return {Cause.NO_RUN: TrialExit.NO_RUN, Cause.NAN_METRIC: TrialExit.NAN_METRIC}.get(cause, SIGTERM_CODE)
