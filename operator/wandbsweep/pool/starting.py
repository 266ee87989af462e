"""Which agents start now: in which slots, how soon after a failure, and how many there is work for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import count, islice
from typing import TYPE_CHECKING

from wandbsweep.pool import nodes, rolling
from wandbsweep.pool.actions import StartAgent
from wandbsweep.pool.agents import is_of_old_sweep
from wandbsweep.pool.budget import is_searched, run_cap, runs_apart, scan_size
from wandbsweep.pool.facts import HANDING_OUT, JobPhase
from wandbsweep.pool.isaac_warm_up import keeps_agents_waiting
from wandbsweep.pool.retries import ended_since, failures_in_a_row, retry_delay
from wandbsweep.pool.searching import has_begun

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from wandbsweep.pool.agents import Agent
    from wandbsweep.pool.facts import AgentJob, Snapshot, SweepReading

    Slots = Mapping[int, Sequence[AgentJob]]

STAGGER = timedelta(seconds=5)  # between two agents while preempted runs wait: W&B may hand one run to both


@dataclass(frozen=True)
class Starts:
    """The agents to start; when a waiting slot comes due; whether W&B has to be looked at before."""

    agents: tuple[StartAgent, ...] = ()
    due_at: datetime | None = None
    needs_reading: bool = False


def may_start(snapshot: Snapshot) -> bool:
    """Whether agents may start at all. With a definition that has mistakes the sweep goes on as it was.

    An agent that starts before the search, or before the caches are warm, would hold a GPU and wait.
    """
    return may_start_but_for_caches(snapshot) and not keeps_agents_waiting(snapshot)


def may_start_but_for_caches(snapshot: Snapshot) -> bool:
    """Whether all else is there that agents need."""
    reading = snapshot.reading
    if snapshot.path is None or reading is None or snapshot.wandb_problem:
        return False
    return reading.state in HANDING_OUT and not snapshot.pods_refused and has_begun(snapshot)


def free_slots(snapshot: Snapshot, agents: Sequence[Agent], slots: Slots) -> list[int]:
    """The slots that get the agents that are missing: those that wait after a failure, then the lowest numbers."""
    taken = {agent.job.slot for agent in agents}
    digest = rolling.wanted_digest(snapshot)
    failing = [slot for slot in sorted(slots) if slot not in taken and _failures(slots[slot], digest)]
    others = (slot for slot in count() if slot not in taken and slot not in failing)
    missing = max(snapshot.spec.agent_count - len(agents), 0)
    return sorted([*failing, *islice(others, missing)][:missing])


def starts(snapshot: Snapshot, slots: Slots, free: Sequence[int]) -> Starts:
    """What becomes of the free slots in this pass."""
    reading, path = snapshot.reading, snapshot.path
    if reading is None or path is None or not free or not may_start(snapshot):
        return Starts()
    digest = rolling.wanted_digest(snapshot)
    just_ended = _just_ended(slots, reading)
    due = {slot: _due_at(slots.get(slot, ()), digest, snapshot.now) for slot in free if slot not in just_ended}
    limits = [len(free) - len(just_ended), _runs_without_an_agent(snapshot, reading)]
    most = max(min(limit for limit in limits if limit is not None), 0)
    now = [slot for slot, moment in due.items() if moment <= snapshot.now][:most]
    now, next_at = _staggered(snapshot, reading, now)
    moments = [moment for moment in (*due.values(), next_at) if moment and moment > snapshot.now]
    avoid, unwelcome = nodes.avoided(snapshot), nodes.unwelcome(snapshot)
    return Starts(
        tuple(
            StartAgent(slot, _next_attempt(slots.get(slot, ())), path, reading.metric, avoid, unwelcome) for slot in now
        ),
        due_at=min(moments, default=None),
        needs_reading=bool(just_ended),
    )


def _next_attempt(jobs: Sequence[AgentJob]) -> int:
    return jobs[-1].attempt + 1 if jobs else 0


def _just_ended(slots: Slots, reading: SweepReading) -> set[int]:
    """Slots without an agent whose last one ended after the last look at W&B, and so perhaps with the sweep."""
    return {
        slot
        for slot, jobs in slots.items()
        if all(job.phase is not JobPhase.ACTIVE for job in jobs) and ended_since(jobs[-1].finished_at, reading.read_at)
    }


def _staggered(snapshot: Snapshot, reading: SweepReading, slots: list[int]) -> tuple[list[int], datetime | None]:
    """One agent at a time while preempted runs wait, so that two do not ask for the same run; and when the next may."""
    if not slots or not reading.count("preempted"):
        return slots, None
    last_start = max((job.created_at for job in snapshot.jobs), default=None)
    if last_start and (next_at := last_start + STAGGER) > snapshot.now:
        return [], next_at
    return slots[:1], snapshot.now + STAGGER if len(slots) > 1 else None


def _failures(jobs: Sequence[AgentJob], digest: str) -> int:
    """How often a slot failed in a row with the present template; a new one begins anew."""
    return 0 if rolling.is_outdated(jobs[-1], digest) else failures_in_a_row(jobs)


def _due_at(jobs: Sequence[AgentJob], digest: str, now: datetime) -> datetime:
    if not jobs or jobs[-1].finished_at is None:
        return now
    return jobs[-1].finished_at + retry_delay(_failures(jobs, digest))


def _runs_without_an_agent(snapshot: Snapshot, reading: SweepReading) -> int | None:
    """How many more agents can find a run to do; None without a cap."""
    active = sum(job.phase is JobPhase.ACTIVE and not is_of_old_sweep(job, snapshot) for job in snapshot.jobs)
    ended = reading.total_runs - reading.open_runs
    cap, size = run_cap(snapshot), reading.grid_size
    left = [] if cap is None else [cap - ended + runs_apart(snapshot, reading)]
    if is_searched(snapshot):
        size = None if snapshot.spec.search.retry_failed else scan_size(snapshot, reading)
    if size is not None:
        left.append(size - ended)
    return min(left) - active if left else None
