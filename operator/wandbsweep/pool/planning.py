"""One pass in one function: from a snapshot to the actions that are due and the time to look again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from wandbsweep.pool import edits, limits, polling
from wandbsweep.pool.actions import ClaimObject, Plan, StartAgent, StartSearch, StartWarmUp
from wandbsweep.pool.closing import waits_for_search
from wandbsweep.pool.creation import creation_actions, project_of, settles_in
from wandbsweep.pool.ends import NOW, RETRY, plan_after_end, plan_deletion, plan_verdict
from wandbsweep.pool.gpu_hours import marks
from wandbsweep.pool.isaac_warm_up import plan_warm_up
from wandbsweep.pool.overrun import overrun_stop
from wandbsweep.pool.retries import STAMP_PRECISION
from wandbsweep.pool.searching import plan_search
from wandbsweep.pool.slots import plan_slots
from wandbsweep.pool.starting import may_start_but_for_caches
from wandbsweep.pool.suspension import plan_pause
from wandbsweep.pool.verdict import decide

if TYPE_CHECKING:
    from datetime import datetime

    from wandbsweep.pool.facts import Snapshot
    from wandbsweep.pool.verdict import Verdict

UNSUPPORTED_RETRY: Final = timedelta(minutes=5)  # servers get new features rarely


def make_plan(snapshot: Snapshot) -> Plan:
    """What this pass has to do. The order of the questions is the life of the object, backwards."""
    if snapshot.hands_off:
        return Plan()
    if snapshot.deleted_at is not None:
        return plan_deletion(snapshot)
    if snapshot.terminal:
        return plan_after_end(snapshot)
    if replacement := edits.replacement(snapshot):
        return Plan(replacement, look_again=NOW)
    if verdict := decide(snapshot):
        return _soon(snapshot, verdict) or plan_verdict(snapshot, verdict)
    if snapshot.path is None:
        return _plan_creation(snapshot)
    return _plan_life(snapshot)


def _soon(snapshot: Snapshot, verdict: Verdict) -> Plan | None:
    """Life as before while the search says its last words; None where that is not waited for."""
    moment = waits_for_search(snapshot, verdict)
    if moment is None:
        return None
    plan = _plan_life(snapshot)
    return replace(plan, look_again=moment if plan.look_again is None else min(plan.look_again, moment))


def _plan_creation(snapshot: Snapshot) -> Plan:
    """Nothing waits for the agents of a sweep that was replaced: they hold GPUs."""
    plan = _what_to_create(snapshot)
    return replace(plan, actions=(*plan.actions, *edits.farewells_of_past_sweeps(snapshot)))


def _what_to_create(snapshot: Snapshot) -> Plan:
    if snapshot.definition_problem or snapshot.wandb_problem or snapshot.sweep_missing:
        return Plan(look_again=_retry(snapshot))
    if snapshot.scheduler_unsupported:
        return Plan(look_again=UNSUPPORTED_RETRY)
    if snapshot.spec.sweep_id is not None:
        return Plan(() if snapshot.has_finalizer else (ClaimObject(),), look_again=RETRY)
    project = project_of(snapshot)
    if snapshot.definition is None or project is None:
        return Plan(look_again=RETRY)
    unsettled = settles_in(snapshot)
    actions = creation_actions(snapshot, snapshot.definition, project)
    return Plan(actions, look_again=min(unsettled, RETRY) if unsettled > NOW else RETRY)


def _plan_life(snapshot: Snapshot) -> Plan:
    """A pause, else the pool; before it, what keeps the sweep on W&B within its bounds."""
    plan = plan_pause(snapshot) or _plan_pool(snapshot)
    stop = overrun_stop(snapshot)
    first = [action for action in (edits.update(snapshot), stop) if action]
    rest = [
        action for action in plan.actions if not (stop and isinstance(action, StartAgent | StartSearch | StartWarmUp))
    ]
    look_again = plan.look_again if plan.look_again is not None else _next_look(snapshot)
    return replace(plan, actions=(*first, *marks(snapshot), *rest), look_again=look_again)


def _plan_pool(snapshot: Snapshot) -> Plan:
    """The search and the warm-up first: agents wait for them."""
    search, slots = plan_search(snapshot), plan_slots(snapshot)
    caches = plan_warm_up(snapshot, may_start=may_start_but_for_caches(snapshot))
    actions = (*search.actions, *caches.actions, *slots.remove, *slots.ask, *slots.start)
    if search.needs_reading or slots.needs_reading:
        return Plan(actions, look_again=STAMP_PRECISION)
    return Plan(actions, look_again=_next_look(snapshot, search.due_at, caches.due_at, slots.due_at))


def _next_look(snapshot: Snapshot, *due_at: datetime | None) -> timedelta:
    moments = [moment for moment in (*due_at, limits.next_moment(snapshot)) if moment]
    if snapshot.reading is None or snapshot.wandb_problem:
        moments.append(snapshot.now + _retry(snapshot))
    else:
        moments.append(polling.next_poll(snapshot.reading))
    return max(min(moments) - snapshot.now, NOW)


def _retry(snapshot: Snapshot) -> timedelta:
    asked = snapshot.wandb_problem.retry_after if snapshot.wandb_problem else None
    return max(RETRY, asked or RETRY)
