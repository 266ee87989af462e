"""One trial from its command to its cause: the trainer is started, watched, and started again if that may help."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from wandbsweep.agent.asking import RunWatch
from wandbsweep.agent.causes import Cause
from wandbsweep.agent.exit_codes import SIGTERM_CODE, TrialExit
from wandbsweep.agent.memory import oom_kills
from wandbsweep.agent.relay import Tail
from wandbsweep.agent.signatures import last_line
from wandbsweep.agent.trainer import Trainer, TrainerEnd
from wandbsweep.agent.verdicts import TrialFacts, cause_of
from wandbsweep.agent.watch import Sight, verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wandbsweep.agent.home import Home
    from wandbsweep.agent.signal_inbox import SignalInbox
    from wandbsweep.agent.trial_settings import TrialSettings
    from wandbsweep.agent.wandb_run import RunLook, RunReporter

_LOOK_SECONDS: Final = 5.0
"""What the last look at the run may take; a trial that finished waits so long for W&B, and no longer."""

_PRESSED_LOOK_SECONDS: Final = 1.0

_RESUME: Final = {"WANDB_RESUME": "allow"}
"""The second trainer goes on with the run that the first one may have begun."""


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
    """

    cause: Cause
    exit_code: int
    startup: float = 0.0
    rest: float = 0.0
    last_line: str = ""
    pressed: bool = False
    died: bool = False
    run: RunLook | None = None


class Attempts:
    """The attempts to run one trial's trainer.

    Args:
        inbox: holds the signals of this process.
        settings: what the operator said.
        reporter: the run on W&B; None where it is not known, and nobody watches for its metrics.
        home: where the runtime's main process says that the container has to go.
    """

    def __init__(self, inbox: SignalInbox, settings: TrialSettings, reporter: RunReporter | None, home: Home) -> None:
        self._inbox = inbox
        self._settings = settings
        self._reporter = reporter
        self._home = home
        self._draining = False
        self._watch = RunWatch(reporter.look, settings.limits) if reporter else None
        self._started_at = 0.0

    def run(self, argv: Sequence[str], environment: Mapping[str, str]) -> Conclusion:
        """Until the trial has ended for good; an OSError when the trainer cannot be started."""
        lost, left = 0.0, self._settings.startup_retries
        while True:
            conclusion, again = self._once(argv, environment)
            if not (again and left):
                return replace(conclusion, startup=conclusion.startup + lost)
            left -= 1
            lost += conclusion.startup + conclusion.rest
            environment = {**environment, **_RESUME}
            _tell(f"the trainer is started again, {left} more times at most: {conclusion.cause} ({_words(conclusion)})")

    def _once(self, argv: Sequence[str], environment: Mapping[str, str]) -> tuple[Conclusion, bool]:
        kills_before = oom_kills()
        end = self._run_trainer(argv, environment)
        look = self._last_look(end)
        first_metric_at = self._watch.first_metric_at(end.ended_at) if self._watch else None
        facts = TrialFacts(
            exit_code=end.exit_code,
            watchdog=end.watchdog,
            asked=end.asked,
            draining=self._draining,
            killed=end.killed,
            oom_kills=oom_kills() - kills_before,
            tail=end.tail,
            metric_seen=True if first_metric_at is not None else None if look is None else False,
            run=look,
            run_finished=self._watch is not None and self._watch.sight().finished_at is not None,
        )
        conclusion = self._conclude(facts, end, first_metric_at)
        return conclusion, conclusion.cause.may_pass and not facts.metric_seen and not end.asked

    def _run_trainer(self, argv: Sequence[str], environment: Mapping[str, str]) -> TrainerEnd:
        tail = Tail()
        self._started_at = time.monotonic()
        watchdog = self._watchdog if self._watch or self._settings.limits.whole else None
        if self._watch is None:
            return Trainer(self._inbox, watchdog, self._asked).run(argv, environment, tail)
        self._watch.start(tail)
        try:
            return Trainer(self._inbox, watchdog, self._asked).run(argv, environment, tail)
        finally:
            self._watch.stop()

    def _watchdog(self, now: float) -> Cause | None:
        sight = self._watch.sight() if self._watch else Sight(self._started_at)
        return verdict(self._settings.limits, sight, now)

    def _asked(self) -> float | None:
        """Asked while the container has to go, the trial is preempted, and stopped otherwise."""
        self._draining = self._home.draining.exists()
        return self._settings.patience(draining=self._draining)

    def _last_look(self, end: TrainerEnd) -> RunLook | None:
        if self._reporter is None or self._watch is None:
            return None
        budget = _PRESSED_LOOK_SECONDS if end.asked else _LOOK_SECONDS
        return self._watch.ask(partial(self._reporter.look, budget))

    def _conclude(self, facts: TrialFacts, end: TrainerEnd, first_metric_at: float | None) -> Conclusion:
        cause = cause_of(facts)
        whole = max(0.0, end.ended_at - self._started_at)
        if first_metric_at is not None:
            startup = first_metric_at - self._started_at
        else:
            startup = whole if facts.metric_seen is False and cause is not Cause.FINISHED else 0.0
        return Conclusion(
            cause,
            exit_code=exit_code(cause, facts),
            startup=startup,
            rest=whole - startup,
            last_line=last_line(end.tail),
            pressed=end.asked,
            died=facts.signal is not None or end.killed or (facts.run is not None and not facts.run.begun),
            run=facts.run,
        )


def exit_code(cause: Cause, facts: TrialFacts) -> int:
    """The trainer's own, unless it would tell the W&B agent the opposite of the cause."""
    if cause is Cause.FINISHED:
        return 0
    if facts.exit_code != 0 and not facts.ended_well:
        return facts.exit_code
    if facts.watchdog is cause:
        return TrialExit.TIMED_OUT
    return {Cause.NO_RUN: TrialExit.NO_RUN, Cause.NAN_METRIC: TrialExit.NAN_METRIC}.get(cause, SIGTERM_CODE)


def _words(conclusion: Conclusion) -> str:
    return conclusion.last_line or f"exit code {conclusion.exit_code}, without a word"


def _tell(sentence: str) -> None:
    sys.stderr.write(f"wandbsweep trial: {sentence}\n")
    sys.stderr.flush()
