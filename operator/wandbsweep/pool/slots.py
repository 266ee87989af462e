"""The pool: which agents start now, which wait, and which have to go.

`agentCount` is a count and a slot a label: after the agent of slot 2 of eight went, slots 0, 1, 3 to 7 are a pool of
seven. A slot holds one agent at a time, and a Job that is being deleted still holds its slot, so that two agents never
claim one GPU. Names are deterministic (slot and attempt), so that creating twice is a conflict and not a duplicate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wandbsweep.api.spec import DrainPolicy
from wandbsweep.pool import nodes, rolling, scaling, starting
from wandbsweep.pool.actions import AskToLeave, RemoveAgent, StartAgent
from wandbsweep.pool.agents import Work, agents_of, is_of_old_sweep
from wandbsweep.pool.demand import wanted_agents
from wandbsweep.pool.facts import HANDING_OUT, JobPhase
from wandbsweep.pool.gpu_hours import may_be_removed
from wandbsweep.pool.retries import ended_since, failures_in_a_row, jobs_by_slot

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from wandbsweep.pool.agents import Agent
    from wandbsweep.pool.facts import AgentJob, Snapshot

KEPT_FAILURES = 6  # enough to reach the longest delay; older failed Jobs are deleted


@dataclass(frozen=True)
class SlotPlan:
    """What to do about the pool, and when a waiting slot comes due."""

    start: tuple[StartAgent, ...] = ()
    remove: tuple[RemoveAgent, ...] = ()
    ask: tuple[AskToLeave, ...] = ()
    due_at: datetime | None = None
    needs_reading: bool = False  # an agent ended after the last look at W&B: look before it is replaced


def plan_slots(snapshot: Snapshot) -> SlotPlan:
    """The changes that bring the Jobs of a live sweep to `agentCount` agents."""
    agents = agents_of(snapshot)
    slots = jobs_by_slot(snapshot.jobs)
    free = starting.free_slots(snapshot, agents, slots)
    farewells = _farewells(snapshot, agents)
    starts = starting.starts(snapshot, slots, free)
    in_use = {agent.job.slot for agent in agents}.union(free)
    going = tuple(action for action in farewells if isinstance(action, RemoveAgent))
    return SlotPlan(
        start=starts.agents,
        remove=(*going, *_outdated(snapshot, slots, in_use)),
        ask=tuple(action for action in farewells if isinstance(action, AskToLeave)),
        due_at=starts.due_at,
        needs_reading=starts.needs_reading,
    )


def wants_busy(snapshot: Snapshot) -> bool:
    """Whether somebody has to go in this pass, so that it is worth asking W&B which agents have a run."""
    if snapshot.path is None or snapshot.terminal or snapshot.deleted_at is not None:
        return False
    agents = agents_of(snapshot)
    staying = _staying(agents, _certain_farewells(snapshot, agents))
    if scaling.depends_on_work(staying, snapshot.spec.agent_count):
        return True
    if _is_short_of_runs(snapshot) and scaling.may_have_spare(
        _of_this_sweep(snapshot, staying), wanted_agents(snapshot)
    ):
        return True
    return _may_roll(snapshot) and bool(rolling.next_in_line(snapshot, staying, rolling.wanted_digest(snapshot)))


def _farewells(snapshot: Snapshot, agents: Sequence[Agent]) -> list[RemoveAgent | AskToLeave]:
    """The agents that have to go although they have not ended."""
    certain = _certain_farewells(snapshot, agents)
    staying = _staying(agents, certain)
    surplus = scaling.surplus(staying, snapshot.spec.agent_count)
    if not certain and not surplus and _is_short_of_runs(snapshot):
        surplus = scaling.spare(_of_this_sweep(snapshot, staying), wanted_agents(snapshot))
    if certain or surplus or not _may_roll(snapshot):
        return [*certain, *surplus]
    return rolling.replacements(snapshot, _of_this_sweep(snapshot, agents), rolling.wanted_digest(snapshot))


def _is_short_of_runs(snapshot: Snapshot) -> bool:
    """Whether fewer runs are left than agents are to be, by what W&B says of a sweep that still hands out runs."""
    reading = snapshot.reading
    if reading is None or snapshot.wandb_problem or reading.state not in HANDING_OUT:
        return False
    return wanted_agents(snapshot) < snapshot.spec.agent_count


def _of_this_sweep(snapshot: Snapshot, agents: Sequence[Agent]) -> list[Agent]:
    return [agent for agent in agents if not is_of_old_sweep(agent.job, snapshot)]


def _certain_farewells(snapshot: Snapshot, agents: Sequence[Agent]) -> list[RemoveAgent]:
    """Those that go whoever else stays."""
    avoided = set(nodes.avoided(snapshot))
    newest = {agent.job.slot: agent.job.name for agent in agents if not agent.job.deleting}
    removals = []
    for agent in agents:
        if agent.job.deleting:
            continue
        waiting = agent.work is Work.NOT_RUNNING
        if agent.job.name != newest[agent.job.slot]:
            removals.append(scaling.removal(agent, "a newer agent has its slot"))
        elif is_of_old_sweep(agent.job, snapshot):
            if waiting or snapshot.spec.drain_policy is DrainPolicy.AT_ONCE:
                removals.append(scaling.removal(agent, "its sweep was replaced"))
        elif agent.queued:
            continue  # it would lose its place in the queue
        elif waiting and not avoided.issuperset(agent.job.avoids) and not (agent.pod and agent.pod.node):
            removals.append(scaling.removal(agent, "a node that it kept away from may be used again"))
    return removals


def _staying(agents: Sequence[Agent], going: Sequence[RemoveAgent]) -> list[Agent]:
    names = {removal.job_name for removal in going}
    return [agent for agent in agents if not agent.job.deleting and agent.job.name not in names]


def _may_roll(snapshot: Snapshot) -> bool:
    """Not with a template that may be refused, nor while no successor could be started."""
    return snapshot.definition_problem is None and starting.may_start(snapshot)


def _outdated(snapshot: Snapshot, slots: dict[int, list[AgentJob]], in_use: set[int]) -> list[RemoveAgent]:
    """Ended Jobs that no decision needs any more: a slot's newest ones tell its attempt and its delay."""
    removals = []
    for slot, jobs in slots.items():
        ended = [job for job in jobs if job.phase is not JobPhase.ACTIVE]
        has_active = len(ended) < len(jobs)
        kept = min(max(failures_in_a_row(ended), 0 if has_active else 1), KEPT_FAILURES)
        outdated = ended if slot not in in_use else ended[: len(ended) - kept]
        removals += [
            RemoveAgent(job.name, running=False, why="it ended")
            for job in outdated
            if not job.deleting and not _is_needed(snapshot, job)
        ]
    return removals


def _is_needed(snapshot: Snapshot, job: AgentJob) -> bool:
    just_ended = snapshot.reading is not None and ended_since(job.finished_at, snapshot.reading.read_at)
    return just_ended or not may_be_removed(snapshot, job.name)
