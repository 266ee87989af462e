"""Which agents go when there are too many: those that wait in a queue, those without a run, then the youngest runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wandbsweep.pool.actions import AskToLeave, RemoveAgent
from wandbsweep.pool.agents import Work

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wandbsweep.pool.agents import Agent

_WHY: Final = "agentCount was lowered"
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


def removal(agent: Agent, why: str) -> RemoveAgent:
    """Its Job goes, with its pod."""
    return RemoveAgent(agent.job.name, running=True, why=why)


def _is_unknown(agents: Sequence[Agent]) -> bool:
    return any(agent.work is Work.UNKNOWN for agent in agents)


def _order(agent: Agent) -> tuple[int, bool, float, int]:
    return _RANKS[agent.work], not agent.queued, -agent.since.timestamp(), -agent.job.slot
