"""What is left to do once a sweep is over, and when its object is deleted.

The verdict is written first and alone. What follows from it is done afterwards, until it is done: agents go, the sweep
is stopped on W&B if that would go on, and the object is deleted when its time is over.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

from wandbsweep.api.reasons import ConditionType, Reason
from wandbsweep.api.spec import DeletionPolicy
from wandbsweep.pool import isaac_warm_up
from wandbsweep.pool.actions import Action, DeleteObject, Plan, ReleaseObject, RemoveAgent, SetSweepState
from wandbsweep.pool.creation import find_and_stop, open_intent, settles_in
from wandbsweep.pool.facts import JobPhase, SweepState
from wandbsweep.pool.gpu_hours import may_be_removed
from wandbsweep.pool.retaking import retake
from wandbsweep.pool.searching import farewells

if TYPE_CHECKING:
    from wandbsweep.api.status import WandbSweepStatus
    from wandbsweep.pool.facts import Snapshot
    from wandbsweep.pool.verdict import Verdict

CLEANUP_PATIENCE: Final = timedelta(minutes=5)  # how long a deleted object waits for a W&B server that does not answer
RETRY: Final = timedelta(seconds=10)  # nothing tells that a Secret, a ConfigMap or a server is back
LONGEST_RETRY: Final = timedelta(minutes=10)  # between two attempts to stop a sweep whose object is over
NOW: Final = timedelta()

_OVER: Final = frozenset({SweepState.FINISHED, SweepState.CANCELED, SweepState.CRASHED})


def plan_verdict(snapshot: Snapshot, verdict: Verdict) -> Plan:
    """A pass that writes the verdict. Only a creation that may have happened unseen is made sure of before."""
    if snapshot.path is not None:
        return Plan(look_again=NOW, verdict=verdict)
    if (wait := settles_in(snapshot)) > NOW:
        return Plan(look_again=min(wait, RETRY))
    return Plan(find_and_stop(snapshot, "FINISHED"), look_again=RETRY, verdict=verdict)


def owes_stop(status: WandbSweepStatus) -> bool:
    """Whether the sweep of an ended object would still hand out runs, as far as W&B was last seen or told."""
    if status.completion_time is None or status.sweep_path is None:
        return False
    failed = status.condition(ConditionType.FAILED)
    if failed and failed.reason is Reason.SWEEP_DELETED:
        return False
    return status.sweep_state is None or SweepState.from_wire(status.sweep_state) not in _OVER


def plan_after_end(snapshot: Snapshot) -> Plan:
    """The agents go, whatever W&B does; the sweep is stopped, sooner or later; the object goes when it is due."""
    if again := retake(snapshot):
        return Plan((again,), look_again=RETRY)
    actions: list[Action] = []
    moments: list[datetime] = []
    owed = owes_stop(snapshot.status)
    if owed and snapshot.path is not None:
        actions.append(SetSweepState(snapshot.path, "FINISHED"))
        moments.append(_next_attempt(snapshot))
    actions += [
        RemoveAgent(job.name, running=job.phase is JobPhase.ACTIVE, why="the sweep is over")
        for job in snapshot.jobs
        if not job.deleting and (job.phase is JobPhase.ACTIVE or may_be_removed(snapshot, job.name))
    ]
    actions += farewells(snapshot, "the sweep is over")
    actions += isaac_warm_up.farewells(snapshot, "the sweep is over")
    expires_at = _expires_at(snapshot)
    if expires_at and snapshot.now >= expires_at and not (owed and _is_patient(snapshot, expires_at)):
        return Plan((DeleteObject(),), look_again=RETRY)
    if expires_at and snapshot.now < expires_at:
        moments.append(expires_at)
    return Plan(tuple(actions), look_again=max(min(moments) - snapshot.now, NOW) if moments else None)


def _next_attempt(snapshot: Snapshot) -> datetime:
    """Ever less often: by and by, ten minutes more or less do not matter to a sweep without agents."""
    ended_at = snapshot.status.completion_time or snapshot.now
    return snapshot.now + min(max((snapshot.now - ended_at) / 10, RETRY), LONGEST_RETRY)


def _expires_at(snapshot: Snapshot) -> datetime | None:
    seconds, ended_at = snapshot.spec.ttl_seconds_after_finished, snapshot.status.completion_time
    return ended_at + timedelta(seconds=seconds) if seconds is not None and ended_at is not None else None


def _is_patient(snapshot: Snapshot, since: datetime) -> bool:
    return snapshot.now - since < CLEANUP_PATIENCE


def plan_deletion(snapshot: Snapshot) -> Plan:
    """Brings the sweep to rest as deletionPolicy says, then lets the object go. W&B does not hold it for ever."""
    if not snapshot.has_finalizer:
        return Plan()
    target = _target_state(snapshot)
    at_rest = snapshot.terminal and not owes_stop(snapshot.status)
    if target is None or at_rest or not (snapshot.path or open_intent(snapshot)):
        return Plan((ReleaseObject(),))
    if snapshot.wandb_problem:
        return _wait_or_give_up(snapshot)
    if snapshot.path:
        return Plan((SetSweepState(snapshot.path, target), ReleaseObject()), look_again=RETRY)
    if (wait := settles_in(snapshot)) > NOW:
        return Plan(look_again=min(wait, RETRY))
    return Plan((*find_and_stop(snapshot, target), ReleaseObject()), look_again=RETRY)


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
    if key_may_return and _is_patient(snapshot, snapshot.deleted_at):
        return Plan(look_again=RETRY)
    left_behind = snapshot.path or "a sweep that may have been created"
    return Plan((ReleaseObject(gave_up=f"{left_behind} was left as it is: {snapshot.wandb_problem.message}"),))
