"""The searches of a sweep as far as the planner sees them: Jobs, their pods, and runs that they hand out.

A search knows nothing but the runs of its sweep on W&B. It may die at any time; its Job puts another pod in the place
of one that was drained.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from wandbsweep.agent.exit_codes import SearchExit
from wandbsweep.pool.facts import JobPhase

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from random import Random

    from unit.pool.simulated_wandb import SimulatedSweep
    from wandbsweep.pool.facts import SearchJob


@dataclass
class SimulatedSearch:
    """One Job. `told_at_first` is what each of its pods begins with."""

    fact: SearchJob
    told_at_first: int
    ready_at: datetime
    gone_at: datetime | None = None


class SimulatedSearches:
    """All search Jobs of an object."""

    def __init__(
        self, random: Random, sweep_of: Callable[[str], SimulatedSweep], is_reachable: Callable[[], bool]
    ) -> None:
        self.jobs: dict[str, SimulatedSearch] = {}
        self.changes = 0
        self.created = 0
        self._random = random
        self._sweep_of = sweep_of
        self._is_reachable = is_reachable

    def active(self) -> list[SimulatedSearch]:
        """Those that may be at work."""
        return [job for job in self.jobs.values() if job.fact.phase is JobPhase.ACTIVE or job.fact.deleting]

    def step(self, now: datetime) -> None:
        """What happens of itself until the next step."""
        for job in list(self.jobs.values()):
            if job.gone_at and job.gone_at <= now:
                self._change()
                del self.jobs[job.fact.name]
            elif job.fact.phase is JobPhase.ACTIVE and not job.fact.ready and job.ready_at <= now:
                if not job.fact.deleting:
                    self._tell(job, ready=True)
            elif job.fact.ready and not job.fact.deleting and self._is_reachable():
                self._search(job, now)

    def create(self, fact: SearchJob, agent_count: int, now: datetime) -> None:
        assert fact.name not in self.jobs, "a search's name that is in use"
        assert not self.active(), "two searches at once"
        self.created += 1
        job = SimulatedSearch(fact, agent_count, now)
        self.jobs[fact.name] = job
        self._new_pod(job, now)

    def remove(self, name: str, now: datetime) -> None:
        job = self.jobs.get(name)
        if job is None or job.fact.deleting:
            return
        grace = self._random.choice([0, 10, 20]) if job.fact.phase is JobPhase.ACTIVE else 0
        job.gone_at = now + timedelta(seconds=grace)
        self._tell(job, deleting=True, ready=False, pod_name=None)

    def tell(self, pod_name: str, agent_count: int) -> None:
        for job in self.jobs.values():
            if job.fact.pod_name == pod_name:
                self._tell(job, told_agents=agent_count)

    def drain(self, now: datetime) -> None:
        """Its node is drained: the Job replaces the pod."""
        for job in self.active():
            if not job.fact.deleting:
                self._new_pod(job, now)

    def fail(self, now: datetime, code: SearchExit) -> None:
        """The engine, or W&B, or the kernel ends it."""
        for job in self.active():
            if not job.fact.deleting:
                self._end(job, now, JobPhase.FAILED, code)

    def _search(self, job: SimulatedSearch, now: datetime) -> None:
        sweep = self._sweep_of(job.fact.sweep or "")
        sweep.enqueue(job.fact.told_agents or 0)
        if sweep.state in {"FINISHED", "CANCELED"}:
            self._end(job, now, JobPhase.SUCCEEDED, SearchExit.DONE)

    def _end(self, job: SimulatedSearch, now: datetime, phase: JobPhase, code: SearchExit) -> None:
        words = {"exit_code": int(code), "exit_reason": code.reason, "exit_message": code.when}
        self._tell(job, phase=phase, finished_at=now, ready=False, pod_name=None, **words)

    def _new_pod(self, job: SimulatedSearch, now: datetime) -> None:
        job.ready_at = now + timedelta(seconds=self._random.choice([10, 20, 60]))
        pod_name = f"{job.fact.name}-{self.changes:x}"
        self._tell(job, ready=False, pod_name=pod_name, told_agents=job.told_at_first)

    def _tell(self, job: SimulatedSearch, **facts: object) -> None:
        job.fact = replace(job.fact, **facts)
        self._change()

    def _change(self) -> None:
        self.changes += 1
