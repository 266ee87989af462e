"""Agents made from an older template are replaced: those without a container at once, the others one by one.

A busy agent leaves after its run. The next one is taken only when the pool is full again and an agent of the new
template is ready, so that a template which does not work costs one agent and not the pool. New agents that wait in a
queue prove nothing: once they have waited for a while, it is the old ones that hold their quota.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from wandbsweep.pool.actions import AskToLeave, RemoveAgent
from wandbsweep.pool.agents import Work
from wandbsweep.pool.demand import wanted_agents
from wandbsweep.pool.jobs import template_digest
from wandbsweep.pool.scaling import removal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wandbsweep.pool.agents import Agent
    from wandbsweep.pool.facts import AgentJob, Snapshot

QUEUE_PATIENCE: Final = timedelta(minutes=2)  # how long a queue may take to admit an agent before another makes room

_WHY: Final = "the template changed"


def wanted_digest(snapshot: Snapshot) -> str:
    """Of what new agents are made from."""
    return template_digest(snapshot.spec, snapshot.labels)


def is_outdated(job: AgentJob, digest: str) -> bool:
    """Whether a Job was made from another template. One that does not say counts as made from this one."""
    return job.digest is not None and job.digest != digest


def replacements(snapshot: Snapshot, agents: Sequence[Agent], digest: str) -> list[RemoveAgent | AskToLeave]:
    """The agents to replace now; `agents` are all that hold a slot of the present sweep."""
    outdated = [agent for agent in agents if is_outdated(agent.job, digest)]
    without_container = [agent for agent in outdated if agent.work is Work.NOT_RUNNING and not agent.job.deleting]
    following = next_in_line(snapshot, agents, digest)
    return [
        *([_farewell(following)] if following else []),
        *(removal(agent, _WHY) for agent in without_container),
    ]


def next_in_line(snapshot: Snapshot, agents: Sequence[Agent], digest: str) -> Agent | None:
    """The running agent to replace now: an idle one, else the one whose run is oldest; None while one is under way."""
    outdated = [agent for agent in agents if is_outdated(agent.job, digest)]
    running = [agent for agent in outdated if agent.work is not Work.NOT_RUNNING]
    if not running or any(agent.leaving for agent in outdated) or len(agents) < wanted_agents(snapshot):
        return None
    if not _is_proven(snapshot, [agent for agent in agents if agent not in outdated], digest):
        return None
    return min(running, key=lambda agent: (agent.work is not Work.IDLE, agent.since))


def _is_proven(snapshot: Snapshot, new: Sequence[Agent], digest: str) -> bool:
    """Whether one more may go: none has come yet, or one works and the others at most wait for a node or a queue."""
    admitted = [agent for agent in new if not agent.queued]
    if not admitted:
        failed = any(job.failed and job.digest == digest for job in snapshot.jobs)
        return not failed and all(snapshot.now - agent.since >= QUEUE_PATIENCE for agent in new)
    waiting = [agent for agent in admitted if not agent.ready]
    return len(waiting) < len(admitted) and all(agent.pod and agent.pod.unschedulable for agent in waiting)


def _farewell(agent: Agent) -> RemoveAgent | AskToLeave:
    if agent.work is Work.IDLE or agent.pod is None:
        return removal(agent, _WHY)
    return AskToLeave(agent.pod.name, _WHY)
