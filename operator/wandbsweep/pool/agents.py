"""The agents that hold a slot now: each Job with its live pod, and what is known of its work."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from wandbsweep.pool.facts import JobPhase
from wandbsweep.pool.gpu_hours import has_ended
from wandbsweep.pool.queueing import is_suspended

if TYPE_CHECKING:
    from datetime import datetime

    from wandbsweep.pool.facts import AgentJob, AgentPod, Snapshot


class Work(Enum):
    """What an agent is at, as far as its removal is concerned."""

    NOT_RUNNING = "not running"  # no container of it runs, or it was evicted and is leaving: it takes no run along
    IDLE = "idle"
    OF_OLD_SWEEP = "of an old sweep"  # running; W&B was asked about the present sweep only
    BUSY = "busy"
    UNKNOWN = "unknown"  # running, and W&B could not be asked


@dataclass(frozen=True)
class Agent:
    """An agent Job that holds its slot, until it has ended and no pod of it is left."""

    job: AgentJob
    pod: AgentPod | None
    work: Work
    since: datetime  # when its run began; of one without a known run, when its pod, its Job or its wait did

    @property
    def ready(self) -> bool:
        """Whether it can be given runs."""
        return self.pod is not None and self.pod.ready

    @property
    def queued(self) -> bool:
        """Whether it waits for admission to its queue, and holds nothing."""
        return is_suspended(self.job) and self.pod is None

    @property
    def leaving(self) -> bool:
        """Whether it was asked to leave after its run, or is being deleted."""
        return self.job.deleting or (self.pod is not None and self.pod.leaving)


def agents_of(snapshot: Snapshot) -> list[Agent]:
    """Every agent that holds a slot, by slot and attempt."""
    live: dict[str, list[AgentPod]] = defaultdict(list)
    for pod in snapshot.pods:
        if not has_ended(pod):
            live[pod.job_name].append(pod)
    return [
        _agent(job, live[job.name], snapshot)
        for job in sorted(snapshot.jobs, key=lambda job: (job.slot, job.attempt))
        if job.phase is JobPhase.ACTIVE or live[job.name]
    ]


def is_of_old_sweep(job: AgentJob, snapshot: Snapshot) -> bool:
    """Whether a Job was made for a sweep that the object has replaced."""
    present = snapshot.status.sweep_path
    return job.sweep is not None and present is not None and job.sweep != present


def _agent(job: AgentJob, pods: list[AgentPod], snapshot: Snapshot) -> Agent:
    """A Job has one live pod at a time; for a moment a disrupted one and its successor, of which one runs."""
    pod = max(pods, key=lambda pod: (pod.phase == "Running", not pod.deleting), default=None)
    started_at = (pod.started_at if pod else None) or job.suspended_since or job.created_at
    if pod is None or pod.phase != "Running" or is_suspended(job):
        return Agent(job, pod, Work.NOT_RUNNING, started_at)
    if is_of_old_sweep(job, snapshot):
        return Agent(job, pod, Work.OF_OLD_SWEEP, started_at)
    if snapshot.busy is None or not pod.has_own_host:
        return Agent(job, pod, Work.UNKNOWN, started_at)
    since = snapshot.busy.get(pod.name)
    return Agent(job, pod, Work.BUSY if since else Work.IDLE, since or started_at)
