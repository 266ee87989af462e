"""Pauses: by `spec.suspend`, which always wins, or by somebody on W&B's page, which is followed.

Who paused is written into the condition before the sweep is paused, so that after a crash it is still known:
`spec.suspend` set back to false resumes what the operator paused, and not what a person did.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from wandbsweep.api.reasons import ConditionType, Reason
from wandbsweep.api.spec import DrainPolicy
from wandbsweep.api.status import ConditionStatus
from wandbsweep.pool import isaac_warm_up
from wandbsweep.pool.actions import Action, AskToLeave, Plan, RemoveAgent, SetSweepState
from wandbsweep.pool.agents import Work, agents_of
from wandbsweep.pool.facts import HANDING_OUT, SweepState
from wandbsweep.pool.searching import farewells as search_farewells

if TYPE_CHECKING:
    from wandbsweep.pool.agents import Agent
    from wandbsweep.pool.facts import Snapshot

RESUMING: Final = timedelta(seconds=1)  # between telling W&B to resume and seeing that it did

_WHY: Final = {Reason.SUSPENDED: "the sweep is suspended", Reason.PAUSED_ON_WANDB: "the sweep was paused on W&B"}


def pause(snapshot: Snapshot) -> Reason | None:
    """Whose pause is in force: SUSPENDED by the object, PAUSED_ON_WANDB by a person, None for none.

    A pause that this operator made stays its own until W&B is seen to hand out again.
    """
    told, by_spec = _told(snapshot), Reason.SUSPENDED if snapshot.spec.suspend else None
    if snapshot.reading is None:
        return (told if snapshot.path else None) or by_spec
    if snapshot.reading.state is not SweepState.PAUSED:
        return by_spec
    return Reason.SUSPENDED if told is Reason.SUSPENDED else Reason.PAUSED_ON_WANDB


def plan_pause(snapshot: Snapshot) -> Plan | None:
    """What a pause asks for now; None where the pool goes on."""
    reason = pause(snapshot)
    if reason is None:
        return None
    if snapshot.spec.suspend:
        if _told(snapshot) is not reason:
            return Plan(look_again=timedelta())  # the condition first: whose pause this is
        return Plan((*_pause_on_wandb(snapshot, reason), *_farewells(snapshot, reason, snapshot.spec.drain_policy)))
    if reason is Reason.PAUSED_ON_WANDB:
        return Plan(_farewells(snapshot, reason, DrainPolicy.AFTER_RUN))
    if snapshot.path is None or snapshot.wandb_problem:
        return Plan()
    return Plan((SetSweepState(snapshot.path, "RUNNING"),), look_again=RESUMING)


def _told(snapshot: Snapshot) -> Reason | None:
    """What the condition said after the last pass."""
    condition = snapshot.status.condition(ConditionType.SUSPENDED)
    return condition.reason if condition and condition.status is ConditionStatus.TRUE else None


def _pause_on_wandb(snapshot: Snapshot, reason: Reason) -> tuple[Action, ...]:
    """Also again, when somebody resumed it there. A server that cannot be reached is told later; agents go at once."""
    going_on = snapshot.reading is None or snapshot.reading.state in HANDING_OUT
    if snapshot.path is None or snapshot.wandb_problem or reason is not Reason.SUSPENDED or not going_on:
        return ()
    return (SetSweepState(snapshot.path, "PAUSED"),)


def _farewells(snapshot: Snapshot, reason: Reason, policy: DrainPolicy) -> tuple[Action, ...]:
    """Of the agents, and of the search: it hands out nothing, and reads afterwards what came of the last runs."""
    agents = [agent for agent in agents_of(snapshot) if not agent.job.deleting]
    farewells = (_farewell(agent, _WHY[reason], policy) for agent in agents)
    caches = isaac_warm_up.farewells(snapshot, _WHY[reason], ended_too=False)
    return (*(farewell for farewell in farewells if farewell), *search_farewells(snapshot, _WHY[reason]), *caches)


def _farewell(agent: Agent, why: str, policy: DrainPolicy) -> RemoveAgent | AskToLeave | None:
    """An agent without a running container has no run to end: it would only wait for a GPU to leave it again."""
    if policy is DrainPolicy.AT_ONCE or agent.work is Work.NOT_RUNNING or agent.pod is None:
        return RemoveAgent(agent.job.name, running=True, why=why)
    return None if agent.leaving else AskToLeave(agent.pod.name, why)
