"""The account of GPU-hours: what agents held, by what became of it, each pod counted once.

A pod's hours are divided when it has ended, from the last words of its agent. `status.settledPods` names the ended pods
whose hours are in the account already, as long as they exist; both are written at once, so that whatever dies between
two passes, the next one finds either both or none. A Job is removed only after its ended pods have been settled.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

from wandbsweep.agent.causes import Cause
from wandbsweep.api.status import GPUHours
from wandbsweep.pool.actions import MarkRun
from wandbsweep.sweep.path import SweepPath

if TYPE_CHECKING:
    from wandbsweep.pool.facts import AgentPod, Snapshot

PARTS: Final = ("finished", "failed", "preempted", "idle", "startup")
REFRESH: Final = timedelta(minutes=5)  # how often the hours of live agents move in status
MARKING_PATIENCE: Final = timedelta(minutes=10)  # how long a run waits for its tag while W&B is out of reach
_DIGITS: Final = 6
_HOUR: Final = timedelta(hours=1)
_EPOCH: Final = datetime(2020, 1, 1, tzinfo=timezone.utc)


def next_hours(snapshot: Snapshot) -> GPUHours:
    """The account after this pass: the old one, what ended since, and what live agents have held so far.

    A pod that vanished without an end that anybody saw was lost with its node or deleted; what it was known to hold
    is counted as preempted, so that the total never falls.
    """
    old = snapshot.status.gpu_hours or GPUHours()
    parts = {name: float(getattr(old, name)) for name in PARTS}
    for pod in _to_settle(snapshot):
        for name, hours in _shares(pod).items():
            parts[name] += hours
    active = round(_held_by_others(snapshot, _last_refresh(snapshot.now)), _DIGITS)
    parts = {name: round(hours, _DIGITS) for name, hours in parts.items()}
    vanished = old.total - sum(parts.values()) - active
    parts["preempted"] = round(parts["preempted"] + max(vanished, 0.0), _DIGITS)
    return GPUHours(total=round(sum(parts.values()) + active, _DIGITS), active=active, **parts)


def settled(snapshot: Snapshot) -> list[str]:
    """The next status.settledPods: ended pods that still exist and are in the account."""
    waiting = {pod.uid for pod in unsettled(snapshot)} - {pod.uid for pod in _to_settle(snapshot)}
    return sorted(pod.uid for pod in snapshot.pods if has_ended(pod) and pod.uid not in waiting)


def may_be_removed(snapshot: Snapshot, job_name: str) -> bool:
    """Whether a Job can go without taking along hours, causes or failures that nobody has noted yet."""
    return not any(pod.job_name == job_name for pod in unsettled(snapshot))


def held(snapshot: Snapshot) -> float:
    """The exact hours up to now."""
    hours = next_hours(snapshot)
    return hours.total - hours.active + _held_by_others(snapshot, snapshot.now)


def exhausted_at(snapshot: Snapshot, limit: float) -> datetime | None:
    """When the agents that run now will have used up so many hours; None while none holds a GPU."""
    left = limit - held(snapshot)
    if left <= 0:
        return snapshot.now
    gpus = sum(pod.gpus for pod in snapshot.pods if pod.started_at and not has_ended(pod))
    return snapshot.now + left / gpus * _HOUR if gpus else None


def marks(snapshot: Snapshot) -> tuple[MarkRun, ...]:
    """Runs whose container was killed as a whole for its memory, so that nobody in it could tell."""
    if snapshot.path is None or snapshot.wandb_problem:
        return ()
    paths = {job.name: job.sweep for job in snapshot.jobs}
    return tuple(
        MarkRun(
            SweepPath.parse(paths.get(pod.job_name) or str(snapshot.path)),
            host=pod.name,
            node=pod.node,
            cause=Cause.OUT_OF_MEMORY,
            ended_at=pod.ended_at,
        )
        for pod in unsettled(snapshot)
        if pod.ended_at and _died_speechless(pod)
    )


def unsettled(snapshot: Snapshot) -> list[AgentPod]:
    """Pods that have ended and that no pass has taken note of."""
    known = set(snapshot.status.settled_pods)
    return [pod for pod in snapshot.pods if has_ended(pod) and pod.uid not in known]


def has_ended(pod: AgentPod) -> bool:
    """Whether no container of the pod will run again; a kubelet that refused a pod names no time for its end."""
    return pod.ended_at is not None or pod.phase in {"Succeeded", "Failed"}


def _to_settle(snapshot: Snapshot) -> list[AgentPod]:
    """Those of which this pass takes note. A run that has to be tagged waits for W&B, but not for ever."""
    return [pod for pod in unsettled(snapshot) if not _has_to_wait(pod, snapshot)]


def _has_to_wait(pod: AgentPod, snapshot: Snapshot) -> bool:
    late = pod.ended_at is not None and snapshot.now - pod.ended_at > MARKING_PATIENCE
    return bool(snapshot.wandb_problem) and _died_speechless(pod) and not late


def _died_speechless(pod: AgentPod) -> bool:
    return pod.oom_killed and pod.seconds is None


def _shares(pod: AgentPod) -> dict[str, float]:
    """The pod's hours, divided as its agent's life was. What it took to get to the agent is startup."""
    whole = _hours(pod, pod.ended_at)
    if pod.seconds is None:
        return {"failed" if pod.oom_killed else "preempted": whole}
    life = {name: _sound(pod.seconds.get(name)) * pod.gpus / 3600 for name in PARTS}
    told = sum(life.values())
    if told <= whole:
        return {**life, "startup": life["startup"] + whole - told}
    return {name: hours * whole / told for name, hours in life.items()}


def _sound(seconds: float | None) -> float:
    """A container may say anything; what is no duration is none."""
    return seconds if seconds is not None and math.isfinite(seconds) and seconds > 0 else 0.0


def _held_by_others(snapshot: Snapshot, until: datetime) -> float:
    """The hours of pods that are not settled: those that live, and those that ended and wait for W&B."""
    waiting = sum(_hours(pod, pod.ended_at) for pod in unsettled(snapshot) if _has_to_wait(pod, snapshot))
    return waiting + sum(_hours(pod, until) for pod in snapshot.pods if not has_ended(pod))


def _hours(pod: AgentPod, until: datetime | None) -> float:
    if pod.started_at is None or until is None:
        return 0.0
    return max((until - pod.started_at) / _HOUR, 0.0) * pod.gpus


def _last_refresh(now: datetime) -> datetime:
    return _EPOCH + (now - _EPOCH) // REFRESH * REFRESH
