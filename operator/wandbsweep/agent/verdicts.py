"""Why a trial ended: the facts about it in, one cause out."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from wandbsweep.agent.causes import Cause
from wandbsweep.agent.exit_codes import SIGNAL_BASE
from wandbsweep.agent.signatures import (
    tells_of_killed_child,
    tells_of_memory,
    tells_of_missing_program,
    tells_of_refused_arguments,
    tells_of_simulator,
)

if TYPE_CHECKING:
    from wandbsweep.agent.wandb_run import RunLook

_OF_A_CRASH: Final = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL})


_NOT_OF_AN_EVALUATION: Final = frozenset(
    {Cause.FINISHED, Cause.PREEMPTED, Cause.STOPPED, Cause.NAN_METRIC, Cause.NO_RUN, Cause.RUN_TIMEOUT}
)
"""What an evaluation has in common with a trainer; all else is a failure of its own."""


class Stage(Enum):
    """What a process is of its trial."""

    WHOLE = "all of it"
    TRAINING = "the training, which an evaluation follows"
    EVALUATION = "the evaluation"


@dataclass(frozen=True)
class TrialFacts:
    """What is known when a process of a trial, the trainer or the evaluation, has ended.

    Attributes:
        exit_code: of the trainer, as a shell would report it.
        watchdog: for which cause the watchdog had ended it; None if it did not.
        asked: whether somebody had asked the trial to end.
        draining: whether that was because the container has to go.
        killed: whether it was the launcher that sent SIGKILL.
        oom_kills: how many processes the kernel killed meanwhile because memory was used up.
        tail: the last of what it printed.
        metric_seen: whether a metric of this trial reached W&B; None: unknown.
        run: as W&B has it after the end; None: unknown.
        run_finished: whether this trial's trainer finished the run there, before it ended itself.
        stage: what the process is of its trial.
        awaits_metric: whether the name of the sweep's metric is known.
    """

    exit_code: int = 0
    watchdog: Cause | None = None
    asked: bool = False
    draining: bool = False
    killed: bool = False
    oom_kills: int = 0
    tail: str = ""
    metric_seen: bool | None = None
    run: RunLook | None = None
    run_finished: bool = False
    stage: Stage = Stage.WHOLE
    awaits_metric: bool = False

    @property
    def signal(self) -> int | None:
        """By which it died, itself or behind a shell."""
        return self.exit_code - SIGNAL_BASE if self.exit_code > SIGNAL_BASE else None

    @property
    def ended_well(self) -> bool:
        """By its own code; or when asked to, or by a signal, after its run had finished: simulators crash then."""
        if self.watchdog is not None:
            return self.watchdog is Cause.FINISHED
        return self.exit_code == 0 or (self.run_finished and (self.asked or self.signal is not None))


def cause_of(facts: TrialFacts) -> Cause:
    """Why the trial ended; FINISHED for a training that ended well means that its evaluation can begin."""
    cause = _first_that_applies(facts)
    if facts.stage is Stage.EVALUATION and cause not in _NOT_OF_AN_EVALUATION:
        return Cause.EVALUATION_FAILED
    return cause


def _first_that_applies(facts: TrialFacts) -> Cause:
    """From what the launcher did itself to what has to be read from the output."""
    if facts.watchdog is not None and facts.watchdog is not Cause.FINISHED:
        return facts.watchdog
    if facts.asked and facts.run is not None and facts.run.state == "preempted":
        return Cause.PREEMPTED  # it goes on elsewhere, even if its trainer ended with 0 after an exception
    if facts.ended_well:
        return _of_a_good_end(facts)
    if facts.asked:
        return _asked(facts)
    if _out_of_memory(facts):
        return Cause.OUT_OF_MEMORY
    if _bad_arguments(facts):
        return Cause.BAD_ARGUMENTS
    if _simulator_start(facts):
        return Cause.SIMULATOR_START
    return Cause.NAN_METRIC if _metric_is_bad(facts) else Cause.TRAINER_ERROR


def _of_a_good_end(facts: TrialFacts) -> Cause:
    """A training says nothing of what its evaluation will log, and one that was asked to end has no evaluation."""
    if facts.stage is Stage.TRAINING:
        return _asked(facts) if facts.asked else Cause.FINISHED
    if facts.stage is Stage.EVALUATION and facts.asked and _lacks_its_metric(facts):
        return _asked(facts)
    if _metric_is_bad(facts):
        return Cause.NAN_METRIC
    if facts.run is not None and not facts.run.begun:
        return _asked(facts) if facts.asked else Cause.NO_RUN
    return Cause.FINISHED


def _asked(facts: TrialFacts) -> Cause:
    """W&B's own order is known by what it made of the run."""
    was_stopped = facts.run is not None and facts.run.state == "killed"
    return Cause.PREEMPTED if facts.draining and not was_stopped else Cause.STOPPED


def _out_of_memory(facts: TrialFacts) -> bool:
    was_killed = facts.signal == signal.SIGKILL or tells_of_killed_child(facts.tail)
    return (facts.oom_kills > 0 and was_killed and not facts.killed) or tells_of_memory(facts.tail)


def _bad_arguments(facts: TrialFacts) -> bool:
    """Arguments are refused before anything is trained."""
    return not facts.metric_seen and (
        tells_of_refused_arguments(facts.tail, facts.exit_code) or tells_of_missing_program(facts.tail, facts.exit_code)
    )


def _simulator_start(facts: TrialFacts) -> bool:
    return not facts.metric_seen and (facts.signal in _OF_A_CRASH or tells_of_simulator(facts.tail))


def _lacks_its_metric(facts: TrialFacts) -> bool:
    return facts.awaits_metric and facts.run is not None and facts.run.metric is None and not facts.run.metric_is_bad


def _metric_is_bad(facts: TrialFacts) -> bool:
    return facts.run is not None and facts.run.metric_is_bad
