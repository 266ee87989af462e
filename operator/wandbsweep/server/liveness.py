"""Who is still alive: facts and clock in, verdict out.

A run shows signs of life in two ways: it streams, and its agent names it in each heartbeat. Agents and runs end
without saying so, so silence is the only evidence. Silence counts from the moment at which this server began to
listen, since a server that was down heard nobody.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

# The SDK repeats a heartbeat whose answer was lost about 2 s later, or after its 30 s time-out; the next heartbeat
# proper comes 5 s after the answer, a little later when the run's process has just ended.
_RETRIED_WITHIN = 4.0
_NEXT_HEARTBEAT_WITHIN = 20.0
_MOST_DELIVERIES = 3


class Verdict(enum.Enum):
    """What has become of a run."""

    ALIVE = "alive"
    CRASHED = "crashed"
    KILLED = "killed"
    PREEMPTED = "preempted"
    DELIVER_AGAIN = "its agent never heard of it"
    HAND_TO_ANOTHER = "its agent died before it started"


@dataclass(frozen=True)
class Timeouts:
    """How much silence is too much, in seconds."""

    run: float
    agent: float


@dataclass(frozen=True)
class Signs:
    """What is known of a run that has not ended; times are seconds, none means never."""

    preempting: bool
    stop_requested: bool
    handed_at: float | None
    listed_at: float | None
    streamed_at: float | None
    agent_heartbeat_at: float | None
    deliveries: int

    @property
    def started(self) -> bool:
        return self.listed_at is not None or self.streamed_at is not None


def judge_silence(signs: Signs, *, now: float, listening_since: float, timeouts: Timeouts) -> Verdict:
    """Has the run been silent for too long? Asked again and again, of every run that is not over."""
    if not signs.started:
        return _judge_unstarted(signs, now=now, listening_since=listening_since, timeouts=timeouts)
    if now - _latest(signs.listed_at, signs.streamed_at, listening_since) <= timeouts.run:
        return Verdict.ALIVE
    return _ended(signs)


def judge_absence(signs: Signs, *, now: float, listening_since: float) -> Verdict:
    """Its agent's heartbeat does not name the run: it has ended, unless the agent never heard of it."""
    if signs.started or signs.handed_at is None:
        return _ended(signs)
    elapsed = now - signs.handed_at
    ended_at_once = signs.handed_at >= listening_since and _RETRIED_WITHIN <= elapsed <= _NEXT_HEARTBEAT_WITHIN
    if ended_at_once or signs.deliveries >= _MOST_DELIVERIES:
        return _ended(signs)
    return Verdict.DELIVER_AGAIN


def agent_is_gone(heartbeat_at: float, *, now: float, listening_since: float, timeouts: Timeouts) -> bool:
    return now - _latest(heartbeat_at, listening_since) > timeouts.agent


def _judge_unstarted(signs: Signs, *, now: float, listening_since: float, timeouts: Timeouts) -> Verdict:
    if signs.agent_heartbeat_at is None:  # nobody was told to start it yet
        return Verdict.ALIVE
    if not agent_is_gone(signs.agent_heartbeat_at, now=now, listening_since=listening_since, timeouts=timeouts):
        return Verdict.ALIVE
    if signs.stop_requested:
        return Verdict.KILLED
    return Verdict.HAND_TO_ANOTHER if signs.deliveries < _MOST_DELIVERIES else Verdict.CRASHED


def _ended(signs: Signs) -> Verdict:
    if signs.stop_requested:
        return Verdict.KILLED
    return Verdict.PREEMPTED if signs.preempting else Verdict.CRASHED


def _latest(*times: float | None) -> float:
    return max(time for time in times if time is not None)
