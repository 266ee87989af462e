"""One pass in one function: from a snapshot to the actions that are due and the time to look again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from wandbsweep.api.reasons import Reason
from wandbsweep.api.spec import DeletionPolicy
from wandbsweep.pool import polling
from wandbsweep.pool.actions import (
    Action,
    ClaimObject,
    FindAndStop,
    Plan,
    ReleaseObject,
    RemoveAgent,
    SetSweepState,
)
from wandbsweep.pool.creation import creation_actions, entity_of, open_intent, project_of, settles_in
from wandbsweep.pool.engines import missing_engine
from wandbsweep.pool.facts import JobPhase
from wandbsweep.pool.retries import STAMP_PRECISION
from wandbsweep.pool.slots import plan_slots
from wandbsweep.pool.verdict import decide
from wandbsweep.sweep.wandb_config import marker

if TYPE_CHECKING:
    from datetime import datetime

    from wandbsweep.pool.facts import Snapshot
    from wandbsweep.pool.verdict import Verdict

RETRY = timedelta(seconds=10)  # a missing Secret or ConfigMap, a server that is down: nothing announces their return
CLEANUP_PATIENCE = timedelta(minutes=5)  # how long a deleted object waits for a W&B server that does not answer
NOW = timedelta()


def make_plan(snapshot: Snapshot) -> Plan:
    """What this pass has to do. The order of the questions is the life of the object, backwards."""
    if snapshot.deleted_at is not None:
        return _plan_deletion(snapshot)
    if snapshot.terminal:
        return Plan(_remove_all(snapshot))
    if snapshot.path is None:
        return _plan_creation(snapshot)
    if verdict := decide(snapshot):
        return _plan_end(snapshot, verdict)
    return _plan_pool(snapshot)


def _plan_creation(snapshot: Snapshot) -> Plan:
    if snapshot.definition_problem or snapshot.wandb_problem or snapshot.sweep_missing:
        return Plan(look_again=_retry(snapshot))
    if missing_engine(snapshot.definition):
        return Plan()
    if snapshot.spec.sweep_id is not None:
        return Plan(() if snapshot.has_finalizer else (ClaimObject(),), look_again=RETRY)
    project = project_of(snapshot)
    if snapshot.definition is None or project is None:
        return Plan(look_again=RETRY)
    unsettled = settles_in(snapshot)
    actions = creation_actions(snapshot, snapshot.definition, project)
    return Plan(actions, look_again=min(unsettled, RETRY) if unsettled > NOW else RETRY)


def _plan_pool(snapshot: Snapshot) -> Plan:
    slots = plan_slots(snapshot)
    return Plan((*slots.remove, *slots.start), look_again=_next_look(snapshot, slots.due_at, slots.needs_reading))


def _next_look(snapshot: Snapshot, due_at: datetime | None, needs_reading: bool) -> timedelta:
    if snapshot.reading is None or snapshot.wandb_problem:
        return _retry(snapshot)
    if needs_reading:
        return STAMP_PRECISION
    moments = [polling.next_poll(snapshot.reading)] + ([due_at] if due_at else [])
    return max(min(moments) - snapshot.now, NOW)


def _retry(snapshot: Snapshot) -> timedelta:
    asked = snapshot.wandb_problem.retry_after if snapshot.wandb_problem else None
    return max(RETRY, asked or RETRY)


def _plan_end(snapshot: Snapshot, verdict: Verdict) -> Plan:
    stop: tuple[Action, ...] = ()
    if verdict.stop_sweep and snapshot.path is not None:
        stop = (SetSweepState(snapshot.path, "FINISHED"),)
    return Plan((*stop, *_remove_all(snapshot)), verdict=verdict)


def _remove_all(snapshot: Snapshot) -> tuple[RemoveAgent, ...]:
    return tuple(
        RemoveAgent(job.name, running=job.phase is JobPhase.ACTIVE, why="the sweep is over")
        for job in snapshot.jobs
        if not job.deleting
    )


def _plan_deletion(snapshot: Snapshot) -> Plan:
    if not snapshot.has_finalizer:
        return Plan()
    target = _target_state(snapshot)
    if target is None or not (snapshot.path or open_intent(snapshot)) or snapshot.terminal:
        return Plan((ReleaseObject(),))
    if snapshot.wandb_problem:
        return _wait_or_give_up(snapshot)
    if snapshot.path:
        return Plan((SetSweepState(snapshot.path, target), ReleaseObject()), look_again=RETRY)
    intent, project = open_intent(snapshot), project_of(snapshot)
    if project is None or intent is None:
        return Plan((ReleaseObject(),))
    find = FindAndStop(entity_of(snapshot), project, marker(snapshot.uid, intent.token), target)
    return Plan((find, ReleaseObject()), look_again=RETRY)


def _target_state(snapshot: Snapshot) -> Literal["FINISHED", "CANCELED"] | None:
    """What deletionPolicy means for the sweep. A sweep that was only joined is left alone unless a policy is set."""
    policy = snapshot.spec.deletion_policy
    if policy is None:
        policy = DeletionPolicy.RETAIN if snapshot.spec.sweep_id else DeletionPolicy.STOP
    targets: dict[DeletionPolicy, Literal["FINISHED", "CANCELED"] | None] = {
        DeletionPolicy.STOP: "FINISHED",
        DeletionPolicy.CANCEL: "CANCELED",
        DeletionPolicy.RETAIN: None,
    }
    return targets[policy]


def _wait_or_give_up(snapshot: Snapshot) -> Plan:
    assert snapshot.deleted_at is not None  # noqa: S101 - only called for objects that are being deleted
    assert snapshot.wandb_problem is not None  # noqa: S101 - and only when W&B cannot be asked
    key_may_return = snapshot.wandb_problem.reason not in {Reason.SECRET_NOT_FOUND, Reason.SECRET_KEY_NOT_FOUND}
    if key_may_return and snapshot.now - snapshot.deleted_at < CLEANUP_PATIENCE:
        return Plan(look_again=RETRY)
    left_behind = snapshot.path or "a sweep that may have been created"
    return Plan((ReleaseObject(gave_up=f"{left_behind} was left as it is: {snapshot.wandb_problem.message}"),))
