"""Which agents go when there are too many: those that wait in a queue, those without a run, then the youngest runs.

Where `agentCount` was lowered, all above it go. Where fewer runs are left than agents, only those without a run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wandbsweep.pool.actions import AskToLeave, RemoveAgent
from wandbsweep.pool.agents import Work

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wandbsweep.pool.agents import Agent

_WHY: Final = "agentCount was lowered"
_NOTHING_LEFT: Final = "fewer runs are left than agents"
_RANKS: Final = {Work.NOT_RUNNING: 0, Work.IDLE: 1, Work.OF_OLD_SWEEP: 2, Work.UNKNOWN: 3, Work.BUSY: 3}


def surplus(agents: Sequence[Agent], wanted: int) -> list[RemoveAgent | AskToLeave]:
    """What brings so many agents, none of which is going yet, down to the wanted number.

    While W&B cannot tell who is busy, running agents are asked to leave after their run: an idle one goes at once, and
    no run is lost.
    """
    excess = len(agents) - wanted
    if excess <= 0:
        return []
    first_to_go = sorted(agents, key=_order)
    if wanted == 0 or not _is_unknown(agents):
        return [removal(agent, _WHY) for agent in first_to_go[:excess]]
    stopped = [agent for agent in first_to_go if agent.work is Work.NOT_RUNNING][:excess]
    leaving = [agent for agent in first_to_go if agent.work is not Work.NOT_RUNNING and agent.leaving]
    staying = [agent for agent in first_to_go if agent.work is not Work.NOT_RUNNING and not agent.leaving]
    to_ask = staying[: max(excess - len(stopped) - len(leaving), 0)]
    return [
        *(removal(agent, _WHY) for agent in stopped),
        *(AskToLeave(agent.pod.name, _WHY) for agent in to_ask if agent.pod),
    ]


def depends_on_work(agents: Sequence[Agent], wanted: int) -> bool:
    """Whether it has to be known who is busy to tell who goes."""
    excess = len(agents) - wanted
    running = [agent for agent in agents if agent.work is not Work.NOT_RUNNING]
    return wanted > 0 and excess > len(agents) - len(running)


def spare(agents: Sequence[Agent], wanted: int) -> list[RemoveAgent | AskToLeave]:
    """Agents of the present sweep that will get no run any more. One that is just given a run may do it."""
    excess = _excess(agents, wanted)
    idle = [agent for agent in sorted(agents, key=_order) if agent.work is Work.IDLE and not agent.leaving]
    return [
        *(removal(agent, _NOTHING_LEFT) for agent in _waiting(agents)[:excess]),
        *(
            AskToLeave(agent.pod.name, _NOTHING_LEFT)
            for agent in idle[: max(excess - len(_waiting(agents)), 0)]
            if agent.pod
        ),
    ]


def may_have_spare(agents: Sequence[Agent], wanted: int) -> bool:
    """Whether it has to be known who is idle to tell who goes."""
    return _excess(agents, wanted) > len(_waiting(agents))


def _excess(agents: Sequence[Agent], wanted: int) -> int:
    return max(sum(not agent.leaving for agent in agents) - wanted, 0)


def _waiting(agents: Sequence[Agent]) -> list[Agent]:
    """Those that wait for a node or in a queue. One without a pod has just begun, or is just ending."""
    waiting = [agent for agent in agents if agent.work is Work.NOT_RUNNING and (agent.pod or agent.queued)]
    return sorted((agent for agent in waiting if not agent.leaving), key=_order)


def removal(agent: Agent, why: str) -> RemoveAgent:
    """Its Job goes, with its pod."""
    return RemoveAgent(agent.job.name, running=True, why=why)


def _is_unknown(agents: Sequence[Agent]) -> bool:
    return any(agent.work is Work.UNKNOWN for agent in agents)


def _order(agent: Agent) -> tuple[int, bool, float, int]:
    return _RANKS[agent.work], not agent.queued, -agent.since.timestamp(), -agent.job.slot
