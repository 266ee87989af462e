"""One trial from its command to its cause: the trainer is started, watched, and started again if that may help.

Where an evaluation belongs to the trial it follows a training that ended well, and is watched in the same way.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from wandbsweep.agent import evaluation as evaluating
from wandbsweep.agent.asking import RunWatch
from wandbsweep.agent.causes import Cause
from wandbsweep.agent.conclusion import Conclusion, exit_code
from wandbsweep.agent.evaluation import Evaluation, StageSeconds
from wandbsweep.agent.exit_codes import SIGTERM_CODE, TrialExit
from wandbsweep.agent.heartbeat import signs_of_life
from wandbsweep.agent.memory import oom_kills
from wandbsweep.agent.relay import Tail
from wandbsweep.agent.signatures import last_line
from wandbsweep.agent.trainer import ENDING_SIGNALS, Trainer, TrainerEnd
from wandbsweep.agent.verdicts import Stage, TrialFacts, cause_of
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
"""The second process goes on with the run that the first one may have begun."""

_INTERRUPTED: Final = frozenset({Cause.STOPPED, Cause.PREEMPTED})


class Attempts:
    """The attempts to run one trial.

    Args:
        inbox: holds the signals of this process.
        settings: what the operator said.
        reporter: the run on W&B; None where it is not known, and nobody watches for its metrics.
        home: where the runtime's main process says that the container has to go.
        evaluation: what follows a training that ended well; None: nothing does.
    """

    def __init__(
        self,
        inbox: SignalInbox,
        settings: TrialSettings,
        reporter: RunReporter | None,
        home: Home,
        evaluation: Evaluation | None = None,
    ) -> None:
        self._inbox = inbox
        self._settings = settings
        self._reporter = reporter
        self._home = home
        self._evaluation = evaluation
        self._stage = Stage.TRAINING if evaluation else Stage.WHOLE
        self._limits = replace(settings.limits, logs_later=evaluation is not None)
        self._draining = False
        look = reporter and partial(reporter.look, closing=evaluation is not None)
        self._watch = RunWatch(look, self._limits) if look else None
        self._started_at = 0.0

    def run(self, argv: Sequence[str], environment: Mapping[str, str]) -> Conclusion:
        """Until the trial has ended for good; an OSError when the trainer cannot be started."""
        if self._evaluation is None:
            return self._train(argv, environment)
        environment = {**environment, **evaluating.SILENT}
        training = self._train(argv, environment)
        if training.cause is Cause.FINISHED and not self._inbox.wait_for(ENDING_SIGNALS):
            return self._evaluate(self._evaluation, {**environment, **_RESUME}, training)
        if training.cause is Cause.FINISHED:
            training = self._interrupted(training)
        return self._with_stages(training, training.seconds, None)

    def _train(self, argv: Sequence[str], environment: Mapping[str, str]) -> Conclusion:
        lost, left = 0.0, self._settings.startup_retries
        while True:
            conclusion, again = self._once(argv, environment)
            if not (again and left):
                return replace(conclusion, startup=conclusion.startup + lost)
            left -= 1
            lost += conclusion.seconds
            environment = {**environment, **_RESUME}
            _tell(f"the trainer is started again, {left} more times at most: {conclusion.cause} ({_words(conclusion)})")

    def _evaluate(self, evaluation: Evaluation, environment: Mapping[str, str], training: Conclusion) -> Conclusion:
        spent = time.monotonic() - self._started_at
        _tell(f"the training ended well after {training.seconds:.0f} s, and is evaluated now")
        self._stage, self._limits = Stage.EVALUATION, evaluation.limits(self._settings.limits, spent)
        begun = training.run is not None and training.run.begun
        try:
            with signs_of_life(self._reporter if begun else None):
                own, _ = self._once(evaluation.argv, environment)
        except OSError as error:
            own = _not_started(evaluation.argv[0], error, training)
        whole = replace(own, startup=training.startup, rest=training.rest + own.seconds)
        return self._with_stages(whole, training.seconds, own.seconds)

    def _with_stages(self, conclusion: Conclusion, train: float, evaluate: float | None) -> Conclusion:
        """Nobody but the launcher says the last word on a run with an evaluation."""
        assert self._evaluation is not None  # noqa: S101 - only asked for with one
        over = conclusion.cause not in _INTERRUPTED
        stages = StageSeconds(train, evaluate if over else None, self._evaluation.resumed, over)
        return replace(conclusion, stages=stages, died=True)

    def _interrupted(self, training: Conclusion) -> Conclusion:
        self._asked()
        cause = Cause.PREEMPTED if self._draining else Cause.STOPPED
        return replace(training, cause=cause, exit_code=SIGTERM_CODE, pressed=True)

    def _once(self, argv: Sequence[str], environment: Mapping[str, str]) -> tuple[Conclusion, bool]:
        kills_before = oom_kills()
        end = self._run_trainer(argv, environment)
        if end.asked_late:
            self._asked()
        look = self._last_look(end)
        first_metric_at = self._watch.first_metric_at(end.ended_at) if self._watch else None
        facts = TrialFacts(
            exit_code=end.exit_code,
            watchdog=end.watchdog,
            asked=end.asked or (end.asked_late and self._stage is Stage.TRAINING),
            draining=self._draining,
            killed=end.killed,
            oom_kills=oom_kills() - kills_before,
            tail=end.tail,
            metric_seen=True if first_metric_at is not None else None if look is None else False,
            run=look,
            run_finished=self._watch is not None and self._watch.sight().finished_at is not None,
            stage=self._stage,
            awaits_metric=self._reporter is not None and self._reporter.knows_metric,
        )
        conclusion = self._conclude(facts, end, first_metric_at)
        return conclusion, conclusion.cause.may_pass and not facts.metric_seen and not facts.asked

    def _run_trainer(self, argv: Sequence[str], environment: Mapping[str, str]) -> TrainerEnd:
        tail = Tail()
        self._started_at = time.monotonic()
        watchdog = self._watchdog if self._watch or self._limits.are_timed else None
        if self._watch is None:
            return Trainer(self._inbox, watchdog, self._asked).run(argv, environment, tail)
        self._watch.start(tail, self._limits)
        try:
            return Trainer(self._inbox, watchdog, self._asked).run(argv, environment, tail)
        finally:
            self._watch.stop()

    def _watchdog(self, now: float) -> Cause | None:
        sight = self._watch.sight() if self._watch else Sight(self._started_at)
        return verdict(self._limits, sight, now)

    def _asked(self) -> float | None:
        """Asked while the container has to go, the trial is preempted, and stopped otherwise."""
        self._draining = self._home.draining.exists()
        return self._settings.patience(draining=self._draining)

    def _last_look(self, end: TrainerEnd) -> RunLook | None:
        if self._reporter is None or self._watch is None:
            return None
        budget = _PRESSED_LOOK_SECONDS if end.asked or end.asked_late else _LOOK_SECONDS
        return self._watch.ask(partial(self._reporter.look, budget, closing=self._evaluation is not None))

    def _conclude(self, facts: TrialFacts, end: TrainerEnd, first_metric_at: float | None) -> Conclusion:
        cause = cause_of(facts)
        whole = max(0.0, end.ended_at - self._started_at)
        if first_metric_at is not None:
            startup = first_metric_at - self._started_at
        else:
            startup = whole if facts.metric_seen is False and cause is not Cause.FINISHED else 0.0
        said = last_line(end.tail)
        return Conclusion(
            cause,
            exit_code=exit_code(cause, facts),
            startup=startup,
            rest=whole - startup,
            last_line=evaluating.failure(facts, self._limits, said) if cause is Cause.EVALUATION_FAILED else said,
            pressed=end.asked or end.asked_late,
            died=facts.signal is not None or end.killed or (facts.run is not None and not facts.run.begun),
            run=facts.run,
        )


def _not_started(program: str, error: OSError, training: Conclusion) -> Conclusion:
    code = TrialExit.NOT_FOUND if isinstance(error, FileNotFoundError) else TrialExit.NOT_EXECUTABLE
    said = f"the evaluation could not be started: {program}: {error.strerror}; correct spec.evaluation.command"
    _tell(said)
    return Conclusion(Cause.EVALUATION_FAILED, code, last_line=said, run=training.run)


def _words(conclusion: Conclusion) -> str:
    return conclusion.last_line or f"exit code {conclusion.exit_code}, without a word"


def _tell(sentence: str) -> None:
    sys.stderr.write(f"wandbsweep trial: {sentence}\n")
    sys.stderr.flush()
