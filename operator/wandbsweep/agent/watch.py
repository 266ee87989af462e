"""When a trainer has to be ended: facts and a clock in, a cause out. Nothing here waits, asks or kills.

A metric that W&B does not have is held against a trainer only if W&B said so after the time was over: while it cannot
be asked nobody is ended for silence. The limit for the whole trial needs no witness.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wandbsweep.agent.causes import Cause
from wandbsweep.agent.variables import STALL_TIMEOUT, STARTUP_TIMEOUT, TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LINGERING_SECONDS: Final = 30.0
"""How long a trainer may live on after its run has finished on W&B."""

_LONGEST_PAUSE: Final = 60.0
_USUAL_PAUSE: Final = 10.0
_SHORTEST_PAUSE: Final = 2.0
_LEAST_PAUSE: Final = 0.2


class BadLimitError(Exception):
    """A limit cannot be read; the message names the variable and the remedy."""


@dataclass(frozen=True)
class Limits:
    """In seconds; 0 is off.

    Attributes:
        startup: from the trainer's start to its first metric.
        stall: without output and without a metric.
        whole: from the trainer's start to its end.
        lingering: from the end of the run on W&B to the end of the trainer.
        evaluation: from the start of an evaluation to its end.
        logs_later: whether an evaluation follows that logs for both; to its first metric a trainer's output will do.
    """

    startup: float = 0.0
    stall: float = 0.0
    whole: float = 0.0
    lingering: float = LINGERING_SECONDS
    evaluation: float = 0.0
    logs_later: bool = False

    @property
    def are_timed(self) -> bool:
        """Whether one of them needs no witness."""
        return bool(self.whole or self.evaluation)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Limits:
        """As the operator set them; an empty variable counts as absent."""
        startup, stall, whole = (
            read_seconds(variable.name, environ) for variable in (STARTUP_TIMEOUT, STALL_TIMEOUT, TIMEOUT)
        )
        return cls(startup, stall, whole)


def read_seconds(variable: str, environ: Mapping[str, str]) -> float:
    """The seconds in a variable; 0 if it is absent or empty."""
    text = environ.get(variable, "")
    try:
        seconds = float(text) if text else 0.0
    except ValueError:
        seconds = math.nan
    if not 0.0 <= seconds < math.inf:
        raise BadLimitError(f"{variable} is {text!r}: set it to a number of seconds, 0 for no limit, or remove it")
    return seconds


@dataclass(frozen=True)
class Sight:
    """What has been seen of a trainer; all times on one clock.

    Attributes:
        started_at: when it was started.
        output_at: when it last printed something.
        answered_at: when W&B was last asked a question that it answered.
        metric_at: when a metric of this trial was last seen to be new.
        finished_at: since when its run has been seen as finished.
    """

    started_at: float
    output_at: float | None = None
    answered_at: float | None = None
    metric_at: float | None = None
    finished_at: float | None = None

    @property
    def silent_since(self) -> float:
        """The latest sign of life."""
        return max(at for at in (self.started_at, self.output_at, self.metric_at) if at is not None)


def verdict(limits: Limits, sight: Sight, now: float) -> Cause | None:
    """Why the trainer has to be ended now; None while it may go on."""
    if sight.finished_at is not None:
        # What an evaluation needs may be written after the run was closed.
        since = max(sight.finished_at, sight.silent_since) if limits.logs_later else sight.finished_at
        return Cause.FINISHED if now >= since + limits.lingering else None
    if limits.evaluation and now >= sight.started_at + limits.evaluation:
        return Cause.EVALUATION_FAILED
    if limits.whole and now >= sight.started_at + limits.whole:
        return Cause.RUN_TIMEOUT
    return next((cause for deadline, cause in _deadlines(limits, sight) if _passed(deadline, sight, now)), None)


def _deadlines(limits: Limits, sight: Sight) -> Iterator[tuple[float, Cause]]:
    """By when a metric must be there, as it looks now."""
    if limits.startup and sight.metric_at is None:
        since = sight.silent_since if limits.logs_later else sight.started_at
        yield since + limits.startup, Cause.STARTUP_TIMEOUT
    if limits.stall:
        yield sight.silent_since + limits.stall, Cause.STALLED


def _passed(deadline: float, sight: Sight, now: float) -> bool:
    return now >= deadline and sight.answered_at is not None and sight.answered_at >= deadline


def next_question(limits: Limits, sight: Sight, asked_at: float) -> float:
    """When W&B should be asked again, if it was last asked at that time, answered or not.

    Often while the first metric is awaited; then rarely, unless the output falls silent; and when a deadline has come.
    """
    looks = [asked_at + _pause(limits, sight, asked_at), _after_silence(sight, asked_at)]
    looks += [deadline for deadline, _ in _deadlines(limits, sight) if deadline > asked_at]
    return max(min(looks), asked_at + _LEAST_PAUSE)


def _pause(limits: Limits, sight: Sight, asked_at: float) -> float:
    if sight.finished_at is not None:
        return _USUAL_PAUSE
    if sight.metric_at is None:
        pause = min(_USUAL_PAUSE, max(_SHORTEST_PAUSE, (asked_at - sight.started_at) / 2))
        return min(pause, limits.startup / 4 or pause, limits.stall / 4 or pause)
    if limits.stall and asked_at >= sight.silent_since + limits.stall / 2:
        return min(_LONGEST_PAUSE, limits.stall / 4)
    return _LONGEST_PAUSE


def _after_silence(sight: Sight, asked_at: float) -> float:
    """Soon after the output has ended, then at ever longer intervals."""
    silent_since = sight.started_at if sight.output_at is None else sight.output_at
    silence = _USUAL_PAUSE
    while silent_since + silence <= asked_at:
        silence *= 2
    return silent_since + silence
