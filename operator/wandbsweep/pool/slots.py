"""The pool: which slots get an agent now, which wait, and which agents have to go.

A slot holds one agent at a time. A Job that is being deleted still holds its slot, so that two agents never claim one
GPU. Names are deterministic (slot and attempt), so that creating twice is a conflict and not a duplicate.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from itertools import takewhile
from typing import TYPE_CHECKING

from wandbsweep.pool.actions import RemoveAgent, StartAgent
from wandbsweep.pool.facts import JobPhase, SweepState
from wandbsweep.pool.verdict import run_cap

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from wandbsweep.pool.facts import AgentJob, Snapshot, SweepReading

FIRST_RETRY_DELAY = timedelta(seconds=10)
LONGEST_RETRY_DELAY = timedelta(minutes=5)
STAMP_PRECISION = timedelta(seconds=1)  # Kubernetes writes whole seconds
KEPT_FAILURES = 6  # enough to reach the longest delay; older failed Jobs are deleted

_HANDING_OUT = frozenset({SweepState.PENDING, SweepState.RUNNING})


@dataclass(frozen=True)
class SlotPlan:
    """What to do about the pool, and when a waiting slot comes due."""

    start: tuple[StartAgent, ...] = ()
    remove: tuple[RemoveAgent, ...] = ()
    due_at: datetime | None = None
    needs_reading: bool = False  # an agent ended after the last look at W&B: look before it is replaced


def plan_slots(snapshot: Snapshot) -> SlotPlan:
    """The changes that bring the Jobs of a live sweep to `agentCount` agents."""
    slots = jobs_by_slot(snapshot.jobs)
    wanted = range(snapshot.spec.agent_count)
    remove = [*_surplus(slots, wanted), *_outdated(slots, wanted)]
    reading = snapshot.reading
    blocked = snapshot.definition_problem or snapshot.wandb_problem
    if snapshot.path is None or reading is None or blocked or reading.state not in _HANDING_OUT:
        return SlotPlan(remove=tuple(remove))
    start: list[StartAgent] = []
    due: list[datetime] = []
    needs_reading = False
    room = _runs_without_an_agent(snapshot, reading)
    for slot in wanted:
        jobs = slots.get(slot, [])
        if any(job.phase is JobPhase.ACTIVE for job in jobs):
            continue
        if jobs and ended_since(jobs[-1], reading.read_at):
            needs_reading = True
            continue
        due_at = _start_time(jobs, snapshot.now)
        if due_at > snapshot.now:
            due.append(due_at)
        elif room is None or room > 0:
            start.append(StartAgent(slot, jobs[-1].attempt + 1 if jobs else 0, snapshot.path))
            room = None if room is None else room - 1
    return SlotPlan(tuple(start), tuple(remove), min(due, default=None), needs_reading)


def ended_since(job: AgentJob, moment: datetime) -> bool:
    """Whether this Job may have ended after a look at W&B; agents also end because the sweep is over."""
    return job.finished_at is not None and moment <= job.finished_at + STAMP_PRECISION


def failures_in_a_row(jobs: Sequence[AgentJob]) -> int:
    """How many of a slot's newest ended Jobs failed one after the other."""
    ended = [job for job in jobs if job.phase is not JobPhase.ACTIVE]
    return sum(1 for _ in takewhile(lambda job: job.phase is JobPhase.FAILED, reversed(ended)))


def retry_delay(failures: int) -> timedelta:
    """The pause before a slot gets its next agent: none after a good end, doubled with each failure in a row."""
    if failures == 0:
        return timedelta()
    doublings: int = 2 ** (failures - 1)
    return min(FIRST_RETRY_DELAY * doublings, LONGEST_RETRY_DELAY)


def jobs_by_slot(jobs: Iterable[AgentJob]) -> dict[int, list[AgentJob]]:
    """The Jobs of each slot, oldest attempt first."""
    slots: dict[int, list[AgentJob]] = defaultdict(list)
    for job in sorted(jobs, key=lambda job: (job.slot, job.attempt)):
        slots[job.slot].append(job)
    return slots


def _surplus(slots: dict[int, list[AgentJob]], wanted: range) -> list[RemoveAgent]:
    """Agents in slots that are no longer wanted, and all but the newest where a slot has several."""
    removals = []
    for slot, jobs in slots.items():
        active = [job for job in jobs if job.phase is JobPhase.ACTIVE and not job.deleting]
        if slot not in wanted:
            removals += [RemoveAgent(job.name, running=True, why="agentCount was lowered") for job in active]
        else:
            removals += [RemoveAgent(job.name, running=True, why="a newer agent has its slot") for job in active[:-1]]
    return removals


def _outdated(slots: dict[int, list[AgentJob]], wanted: range) -> list[RemoveAgent]:
    """Ended Jobs that no decision needs any more: a slot's newest ones tell its attempt and its delay."""
    removals = []
    for slot, jobs in slots.items():
        ended = [job for job in jobs if job.phase is not JobPhase.ACTIVE]
        has_active = len(ended) < len(jobs)
        kept = min(max(failures_in_a_row(ended), 0 if has_active else 1), KEPT_FAILURES)
        outdated = ended if slot not in wanted else ended[: len(ended) - kept]
        removals += [RemoveAgent(job.name, running=False, why="it ended") for job in outdated if not job.deleting]
    return removals


def _start_time(jobs: Sequence[AgentJob], now: datetime) -> datetime:
    if not jobs or jobs[-1].finished_at is None:
        return now
    return jobs[-1].finished_at + retry_delay(failures_in_a_row(jobs))


def _runs_without_an_agent(snapshot: Snapshot, reading: SweepReading) -> int | None:
    """How many more agents can find a run to do; None without a cap."""
    cap = run_cap(snapshot)
    limits = [limit for limit in (cap, reading.grid_size) if limit is not None]
    if not limits:
        return None
    active = sum(job.phase is JobPhase.ACTIVE for job in snapshot.jobs)
    ended = reading.total_runs - reading.open_runs
    return min(limits) - ended - active
