"""From a new object, or one whose definition changed, to its sweep on W&B: claimed, created once, found again.

An intent is open until the sweep that it led to is known. While a request of it may still be under way, its sweep is
only looked for; what an intent to another definition led to is stopped before a new claim. That it will be is recorded
first: a sweep that may have been stopped is never taken up again, whichever definition comes back.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from wandbsweep.pool.actions import Action, AdoptSweep, ClaimObject, CreateSweep, FindAndStop, LeaveSweep
from wandbsweep.sweep.rendering.evaluation import EvaluationStage
from wandbsweep.sweep.wandb_config import (
    definition_digest,
    definition_token,
    digest_of_token,
    marker,
    wandb_config,
)

if TYPE_CHECKING:
    from wandbsweep.api.spec import WandbSweepSpec
    from wandbsweep.pool.facts import Intent, Snapshot
    from wandbsweep.sweep.definition import SweepDefinition

SETTLING = timedelta(seconds=45)  # a creation that was sent may still be carried out: the time-out and a half


def open_intent(snapshot: Snapshot) -> Intent | None:
    """The intent that led to no sweep that is known, but may have led to one."""
    intent = snapshot.intent
    return intent if intent and snapshot.path is None and intent.token != snapshot.status.sweep_digest else None


def settles_in(snapshot: Snapshot) -> timedelta:
    """How long a request of the open intent may still be under way; zero or less when none is."""
    intent = open_intent(snapshot)
    return intent.at + SETTLING - snapshot.now if intent and not intent.leaving else timedelta()


def project_of(snapshot: Snapshot) -> str | None:
    """The project of the sweep: the object's, else the definition's."""
    definition = snapshot.definition
    return snapshot.spec.project or (definition.project if definition else None)


def entity_of(snapshot: Snapshot) -> str | None:
    """The entity of the sweep: the object's, else the definition's; None for the default of the API key."""
    definition = snapshot.definition
    return snapshot.spec.entity or (definition.entity if definition else None)


def wanted_digest(snapshot: Snapshot, definition: SweepDefinition) -> str:
    """The digest of the sweep that the object wants now."""
    return definition_digest(
        definition,
        entity=entity_of(snapshot),
        project=project_of(snapshot) or "",
        evaluation=evaluation_of(snapshot.spec),
    )


def evaluation_of(spec: WandbSweepSpec) -> EvaluationStage | None:
    """What the object has run after each training."""
    stage = spec.evaluation
    return EvaluationStage(tuple(stage.command), stage.timeout_seconds) if stage else None


def creation_actions(snapshot: Snapshot, definition: SweepDefinition, project: str) -> tuple[Action, ...]:
    """What brings the wanted sweep into being, or only looks for it; nothing while an unwanted one may yet appear."""
    entity, digest = entity_of(snapshot), wanted_digest(snapshot, definition)
    intent = open_intent(snapshot)
    wanted = intent is not None and not intent.leaving and digest_of_token(intent.token) == digest
    token = intent.token if intent and wanted else definition_token(digest, snapshot.generation)
    line = marker(snapshot.uid, token)
    if intent and settles_in(snapshot) > timedelta():
        return (AdoptSweep(entity, project, token, line),) if wanted else ()
    stale = find_and_stop(snapshot, "FINISHED") if not wanted else ()
    spec = snapshot.spec
    config = wandb_config(
        definition,
        display_name=snapshot.name,
        uid=snapshot.uid,
        token=token,
        max_runs=spec.max_runs,
        runs_per_agent=spec.runs_per_agent,
        agent_count=spec.agent_count,
        evaluation=evaluation_of(spec),
    )
    return (
        *stale,
        ClaimObject(token),
        CreateSweep(entity, project, config, token, line, look_up_first=wanted),
    )


def find_and_stop(snapshot: Snapshot, target: Literal["FINISHED", "CANCELED"]) -> tuple[Action, ...]:
    """For the sweep that an open intent may have led to. Without a project nothing was created."""
    intent, project = open_intent(snapshot), project_of(snapshot)
    if intent is None or project is None:
        return ()
    stop = FindAndStop(entity_of(snapshot), project, marker(snapshot.uid, intent.token), target)
    no_way_back = intent.leaving or snapshot.deleted_at is not None
    return (stop,) if no_way_back else (LeaveSweep(intent.token), stop)
