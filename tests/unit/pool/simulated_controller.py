"""Carries out the actions of a plan on the simulated cluster and the simulated W&B, as the controller does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from unit.pool.simulated_cluster import SimulatedJob
from unit.pool.simulated_wandb import SimulatedSweep
from wandbsweep.api.reasons import Reason
from wandbsweep.pool import actions
from wandbsweep.pool.facts import AgentJob, Intent, JobPhase, Problem, SearchJob
from wandbsweep.pool.jobs import job_name, template_digest
from wandbsweep.pool.outcome import CreatedSweep
from wandbsweep.pool.search_job import search_digest, search_job_name
from wandbsweep.sweep.path import SweepPath

if TYPE_CHECKING:
    from unit.pool.world import World
    from wandbsweep.pool.actions import Action
    from wandbsweep.pool.facts import Snapshot
    from wandbsweep.pool.outcome import Outcome

AWAY = Problem(Reason.SERVER_UNREACHABLE, "W&B does not answer")
URL = "http://wandb.test/sweep"


def carry_out(world: World, snapshot: Snapshot, action: Action, outcome: Outcome) -> Outcome:
    """Trouble with W&B ends what is done there, and keeps agents from starting; who has to go goes."""
    match action:
        case actions.RemoveAgent() | actions.RemoveSearch():
            return _remove(world, action, outcome)
        case actions.AskToLeave():
            world.cluster.ask_to_leave(action.pod_name)
        case actions.TellSearch():
            world.searches.tell(action.pod_name, action.agent_count)
        case actions.ClaimObject() | actions.LeaveSweep():
            _record(world, action)
        case _ if outcome.wandb_problem or world.now < world.wandb_back_at:
            return replace(outcome, wandb_problem=AWAY)
        case actions.StartAgent():
            return replace(outcome, started=(*outcome.started, _start(world, snapshot, action)))
        case actions.StartSearch():
            return replace(outcome, started_search=_start_search(world, snapshot, action))
        case actions.CreateSweep() | actions.AdoptSweep():
            return replace(outcome, created=_create_or_adopt(world, action))
        case actions.SetSweepState() | actions.UpdateSweep() | actions.FindAndStop():
            _change_sweep(world, action)
            return replace(outcome, on_wandb=(*outcome.on_wandb, action))
        case _:
            assert isinstance(action, actions.MarkRun), f"nobody carries out {action}"
    return outcome


def _record(world: World, action: actions.ClaimObject | actions.LeaveSweep) -> None:
    world.claimed = True
    leaving = isinstance(action, actions.LeaveSweep)
    world.intent = Intent(world.now, action.token, leaving=leaving) if action.token else world.intent


def _remove(world: World, action: actions.RemoveAgent | actions.RemoveSearch, outcome: Outcome) -> Outcome:
    if isinstance(action, actions.RemoveAgent):
        world.cluster.delete_job(action.job_name, world.now)
        return replace(outcome, removed=(*outcome.removed, action))
    world.searches.remove(action.job_name, world.now)
    return replace(outcome, removed_search=(*outcome.removed_search, action))


def _create_or_adopt(world: World, action: actions.CreateSweep | actions.AdoptSweep) -> CreatedSweep | None:
    found = _find(world, action.marker)
    if isinstance(action, actions.AdoptSweep) or action.look_up_first:
        if found:
            return CreatedSweep(found.path, URL, Reason.ADOPTED, action.token)
        if isinstance(action, actions.AdoptSweep):
            return None
    assert found is None, "a sweep was created twice"
    path = SweepPath("lab", action.project, f"sweep{len(world.sweeps)}")
    made = SimulatedSweep(path, action.config["run_cap"], world.durations, action.config["description"])
    made.searched = action.config["method"] == "custom"
    world.sweeps[str(path)] = made
    return CreatedSweep(path, URL, Reason.CREATED, action.token)


def _change_sweep(world: World, action: actions.SetSweepState | actions.UpdateSweep | actions.FindAndStop) -> None:
    if isinstance(action, actions.FindAndStop):
        if found := _find(world, action.marker):
            found.state = action.state
        return
    sweep = world.sweeps[str(action.path)]
    world.memory.outdated = True
    assert not getattr(action, "revive", False), "nobody asked for failed trials to be run again"
    if isinstance(action, actions.SetSweepState):
        sweep.state = action.state
    else:
        sweep.cap = action.config["run_cap"]


def _find(world: World, marker: str) -> SimulatedSweep | None:
    return next((sweep for sweep in world.sweeps.values() if marker in sweep.description.splitlines()), None)


def _start_search(world: World, snapshot: Snapshot, action: actions.StartSearch) -> str:
    assert not world.spec.suspend, "a search of a suspended sweep"
    fact = SearchJob(
        search_job_name(snapshot.name, action.attempt),
        action.attempt,
        JobPhase.ACTIVE,
        created_at=world.now,
        digest=search_digest(world.spec, action.order),
        sweep=str(action.path),
    )
    world.searches.create(fact, action.agent_count, world.now)
    return fact.name


def _start(world: World, snapshot: Snapshot, action: actions.StartAgent) -> str:
    agents, sweep = world.agents(), world.sweeps[str(action.path)]
    assert not sweep.searched or sweep.runs or world.search_is_ready(), "an agent before the search"
    assert len(agents) < world.spec.agent_count, "more agents than agentCount"
    assert action.slot not in {job.fact.slot for job in agents}, "two agents in one slot"
    fact = AgentJob(
        job_name(snapshot.name, action.slot, action.attempt),
        action.slot,
        action.attempt,
        JobPhase.ACTIVE,
        created_at=world.now,
        digest=template_digest(world.spec),
        sweep=str(action.path),
        avoids=action.avoid,
    )
    job = SimulatedJob(fact, world.spec.runs_per_agent, world.template_works, action.unwelcome)
    assert world.cluster.create_job(job), "a name that is in use"
    return fact.name
