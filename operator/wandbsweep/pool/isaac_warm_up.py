"""The warm-up of Isaac Sim's caches: whether one is wanted, and how long the agents wait for it.

There is one for each template and profile. Once it has ended, well or badly, or an agent was made from that template,
it is not done again. The pool waits no longer than the object says: cold caches cost minutes, and no result.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from wandbsweep.api.isaac import IsaacProfile
from wandbsweep.pool import rolling
from wandbsweep.pool.actions import RemoveWarmUp, StartWarmUp
from wandbsweep.pool.facts import JobPhase
from wandbsweep.pool.isaac_warm_up_job import warm_up_digest
from wandbsweep.sweep.checks.isaac import cannot_ray_trace

if TYPE_CHECKING:
    from datetime import datetime

    from wandbsweep.pool.facts import Snapshot, WarmUpJob

SLACK: Final = timedelta(seconds=30)  # Kubernetes ends the Job itself, and says so


@dataclass(frozen=True)
class WarmUpPlan:
    """What to do about the warm-up, and when the pool stops waiting for it."""

    actions: tuple[StartWarmUp | RemoveWarmUp, ...] = ()
    due_at: datetime | None = None


def plan_warm_up(snapshot: Snapshot, *, may_start: bool) -> WarmUpPlan:
    """What brings the one warm-up about that agents of a live sweep wait for.

    Args:
        snapshot: the facts.
        may_start: whether agents may start but for it.
    """
    wanted = _wanted_digest(snapshot)
    why = "the template or the profile changed" if wanted else "no warm-up is wanted"
    going = tuple(_removal(job, why) for job in snapshot.warm_ups if not job.deleting and job.digest != wanted)
    job = current(snapshot)
    if job is not None:
        return WarmUpPlan(going, due_at=_give_up_at(snapshot, job) if job.phase is JobPhase.ACTIVE else None)
    if not may_start or not keeps_agents_waiting(snapshot) or snapshot.path is None or not snapshot.spec.agent_count:
        return WarmUpPlan(going)
    if any(each.phase is JobPhase.ACTIVE for each in snapshot.warm_ups):
        return WarmUpPlan(going)  # it holds a GPU until it is gone
    attempt = max((each.attempt for each in snapshot.warm_ups), default=-1) + 1
    return WarmUpPlan((*going, StartWarmUp(attempt, snapshot.path)))


def keeps_agents_waiting(snapshot: Snapshot) -> bool:
    """Whether agents should wait: for a warm-up that is under way, or that is to come."""
    if _wanted_digest(snapshot) is None:
        return False
    job = current(snapshot)
    if job is not None:
        overdue = snapshot.now >= _give_up_at(snapshot, job)
        return job.phase is JobPhase.ACTIVE and not overdue and not _is_kept_out(snapshot, job)
    made_from = rolling.wanted_digest(snapshot)
    return all(agent.digest != made_from for agent in snapshot.jobs)


def current(snapshot: Snapshot) -> WarmUpJob | None:
    """The warm-up of the present template and profile."""
    wanted = _wanted_digest(snapshot)
    jobs = [job for job in snapshot.warm_ups if job.digest == wanted and not job.deleting]
    return max(jobs, key=lambda job: job.attempt, default=None) if wanted else None


def farewells(snapshot: Snapshot, why: str, *, ended_too: bool = True) -> tuple[RemoveWarmUp, ...]:
    """For a sweep that has no agents, now or any more. An ended one may be left as what it is: a note that it ended."""
    return tuple(
        _removal(job, why)
        for job in snapshot.warm_ups
        if not job.deleting and (ended_too or job.phase is JobPhase.ACTIVE)
    )


def told(snapshot: Snapshot) -> str:
    """What agents wait for, as a sentence."""
    job = current(snapshot)
    if job is None:
        return "Agents start once the caches of Isaac Sim are warm."
    waiting = f" {job.waiting}" if job.waiting else ""
    until = f"{_give_up_at(snapshot, job):%H:%M:%S} UTC"
    return f"Job {job.name} warms up the caches of Isaac Sim; agents start after it, or at {until}.{waiting}"


def gpus_without_ray_tracing(snapshot: Snapshot) -> tuple[str, ...]:
    """GPUs that pods of the pool were seen on, and that cannot do what the profile asks for."""
    isaac = snapshot.spec.isaac
    if isaac is None or isaac.profile is not IsaacProfile.CAMERA:
        return ()
    seen = {pod.gpu for pod in snapshot.pods if pod.gpu} | {job.gpu for job in snapshot.warm_ups if job.gpu}
    return tuple(sorted(gpu for gpu in seen if cannot_ray_trace(gpu)))


def _wanted_digest(snapshot: Snapshot) -> str | None:
    """None where caches are not kept, or not filled."""
    isaac = snapshot.spec.isaac
    if isaac is None or isaac.cache is None or not isaac.cache.warm_up.timeout_seconds:
        return None
    return warm_up_digest(snapshot.spec, snapshot.labels)


def _is_kept_out(snapshot: Snapshot, job: WarmUpJob) -> bool:
    """Whether no node has room for it while agents of an older template hold GPUs: one of these has to go first."""
    return job.unschedulable and any(agent.phase is JobPhase.ACTIVE for agent in snapshot.jobs)


def _give_up_at(snapshot: Snapshot, job: WarmUpJob) -> datetime:
    isaac = snapshot.spec.isaac
    seconds = isaac.cache.warm_up.timeout_seconds if isaac and isaac.cache else 0
    return job.created_at + timedelta(seconds=seconds) + SLACK


def _removal(job: WarmUpJob, why: str) -> RemoveWarmUp:
    return RemoveWarmUp(job.name, running=job.phase is JobPhase.ACTIVE, why=why)
