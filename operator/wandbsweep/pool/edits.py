"""Edits of a live object: what of a changed definition makes a new sweep, what W&B can change in the one that exists.

A definition is read in each pass until condition SweepValid says so of the object's generation. That is not said before
what follows from the definition has been done, so that an edit is carried out whatever dies or fails in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from wandbsweep.api.reasons import Reason
from wandbsweep.api.spec import DrainPolicy
from wandbsweep.api.status import PastSweep, WandbSweepStatus
from wandbsweep.pool.actions import Action, LeaveSweep, RemoveAgent, SetSweepState, UpdateSweep
from wandbsweep.pool.agents import Work, agents_of
from wandbsweep.pool.creation import evaluation_of, wanted_digest
from wandbsweep.pool.retaking import was_retaken
from wandbsweep.pool.searching import farewells_of_past_sweeps as search_farewells
from wandbsweep.sweep.wandb_config import digest_of_token, effective_run_cap, wandb_config

if TYPE_CHECKING:
    from wandbsweep.pool.facts import Snapshot, SweepReading
    from wandbsweep.pool.outcome import Outcome
    from wandbsweep.sweep.definition import SweepDefinition

KEPT_HISTORY: Final = 10


def differs(snapshot: Snapshot) -> bool:
    """Whether the object's definition is that of another sweep than the one it has. One that is not sound is none."""
    token, definition = snapshot.status.sweep_digest, snapshot.definition
    if snapshot.path is None or token is None or definition is None or snapshot.definition_problem:
        return False
    return digest_of_token(token) != wanted_digest(snapshot, definition)


def is_left(snapshot: Snapshot) -> bool:
    """Whether it is recorded that the object's sweep is being replaced, so that it may have been stopped already."""
    intent = snapshot.intent
    return bool(snapshot.path and intent and intent.leaving and intent.token == snapshot.status.sweep_digest)


def replacement(snapshot: Snapshot) -> tuple[Action, ...]:
    """Stops the sweep that is to be replaced, if there is one, W&B can be reached, and the new one can be searched.

    It is recorded before. From then on there is no way back, not even to the same definition: where the operator dies,
    the next one could not tell whether the sweep was stopped for this or is over.
    """
    token = snapshot.status.sweep_digest
    if snapshot.path is None or token is None or snapshot.wandb_problem:
        return ()
    stop = SetSweepState(snapshot.path, "FINISHED", why=Reason.SWEEP_REPLACED)
    if is_left(snapshot):
        return (stop,)
    return (LeaveSweep(token), stop) if differs(snapshot) and not snapshot.scheduler_unsupported else ()


def update(snapshot: Snapshot) -> UpdateSweep | None:
    """Brings run cap, name and description on W&B to what the definition says now."""
    definition, reading = snapshot.definition, snapshot.reading
    if snapshot.path is None or definition is None or reading is None or snapshot.status.sweep_digest is None:
        return None
    if snapshot.definition_problem or snapshot.wandb_problem or differs(snapshot):
        return None
    config = _config(snapshot, definition, reading)
    return UpdateSweep(snapshot.path, config) if _is_news(config, reading) else None


def is_pending(snapshot: Snapshot, outcome: Outcome) -> bool:
    """Whether something still has to follow from the definition that was read in this pass.

    A sweep that was found may have been created before the last edits, and is compared in the next pass. While a scan
    was over nothing was read.
    """
    if (outcome.created and outcome.created.how is Reason.ADOPTED) or was_retaken(outcome):
        return True
    if is_left(snapshot):
        return True
    if snapshot.path is None or snapshot.definition is None or snapshot.definition_problem:
        return False
    if snapshot.status.sweep_digest is None or outcome.create_problem:
        return False
    if differs(snapshot) or snapshot.reading is None or snapshot.wandb_problem:
        return True
    return (wanted := update(snapshot)) is not None and wanted not in outcome.on_wandb


def was_replaced(outcome: Outcome) -> bool:
    """Whether the object's sweep was stopped in this pass to make room for another."""
    return any(isinstance(done, SetSweepState) and done.why is Reason.SWEEP_REPLACED for done in outcome.on_wandb)


def without_sweep(snapshot: Snapshot) -> WandbSweepStatus:
    """The status of an object whose sweep went into its history. Hours, start and the digest of the last sweep stay."""
    status = snapshot.status
    past = PastSweep(
        sweep_id=status.sweep_id or "",
        sweep_url=status.sweep_url,
        end_time=snapshot.now,
        runs=status.runs.summary if status.runs else None,
    )
    return status.model_copy(
        update={
            "history": [past, *status.history][:KEPT_HISTORY],
            "sweep_id": None,
            "sweep_path": None,
            "sweep_url": None,
            "sweep_state": None,
            "runs": None,
            "best": None,
            "front": [],
            "retried_failed": None,
            "failures": {},
        }
    )


def farewells_of_past_sweeps(snapshot: Snapshot) -> tuple[Action, ...]:
    """Agents of replaced sweeps, while there is no new one yet: they go as drainPolicy says. Searches go at once."""
    past = {sweep.sweep_id for sweep in snapshot.status.history}
    at_once = snapshot.spec.drain_policy is DrainPolicy.AT_ONCE
    agents = (
        RemoveAgent(agent.job.name, running=True, why="its sweep was replaced")
        for agent in agents_of(snapshot)
        if agent.job.sweep and agent.job.sweep.rpartition("/")[2] in past and not agent.job.deleting
        if at_once or agent.work is Work.NOT_RUNNING
    )
    return (*agents, *search_farewells(snapshot))


def _config(snapshot: Snapshot, definition: SweepDefinition, reading: SweepReading) -> dict[str, Any]:
    """As W&B is to have it. A cap that was derived from agentCount and runsPerAgent stays as it was created."""
    spec = snapshot.spec
    own = spec.max_runs or definition.run_cap
    derived = effective_run_cap(definition, max_runs=None, runs_per_agent=spec.runs_per_agent, agent_count=1)
    return wandb_config(
        definition,
        display_name=snapshot.name,
        uid=snapshot.uid,
        token=snapshot.status.sweep_digest or "",
        max_runs=own or (reading.run_cap if derived else None),
        runs_per_agent=None,
        agent_count=spec.agent_count,
        evaluation=evaluation_of(spec),
    )


def _is_news(config: dict[str, Any], reading: SweepReading) -> bool:
    """What a reading leaves out is not known, and taken to be as it should."""
    if config.get("run_cap") != reading.run_cap:
        return True
    texts = ((config["name"], reading.display_name), (config["description"], reading.description))
    return any(seen is not None and wanted.strip() != seen.strip() for wanted, seen in texts)
