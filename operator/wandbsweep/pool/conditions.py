"""The conditions that a snapshot and the outcome of its pass amount to; one function for each type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wandbsweep.api.reasons import ConditionType, Reason
from wandbsweep.api.status import Condition
from wandbsweep.pool import isaac_warm_up, queueing
from wandbsweep.pool.demand import wanted_agents
from wandbsweep.pool.edits import differs
from wandbsweep.pool.finding import Finding, fails, holds, kept, prevented
from wandbsweep.pool.retries import failures_in_a_row, jobs_by_slot
from wandbsweep.pool.search_condition import search_ready
from wandbsweep.pool.searching import has_begun
from wandbsweep.pool.suspension import pause
from wandbsweep.sweep.problems import summary

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from wandbsweep.api.status import WandbSweepStatus
    from wandbsweep.pool.facts import Snapshot
    from wandbsweep.pool.outcome import Outcome
    from wandbsweep.pool.verdict import Verdict

_PAUSES = {
    Reason.SUSPENDED: "spec.suspend is true: the sweep is paused and gets no agents.",
    Reason.PAUSED_ON_WANDB: "Somebody paused the sweep on W&B: agents come back when it is resumed there.",
}

FAILING_AFTER = 2  # one agent that ends badly may be chance


def findings(snapshot: Snapshot, outcome: Outcome, verdict: Verdict | None) -> list[Finding]:
    """All conditions of a live object; those of which nothing is known yet are left out."""
    valid = sweep_valid(snapshot)
    reachable = wandb_reachable(snapshot, outcome)
    created = sweep_created(snapshot, outcome)
    agents = agents_ready(snapshot, outcome, over=verdict is not None)
    search = search_ready(snapshot, outcome, over=verdict is not None)
    links = [finding for finding in (valid, reachable, created, search, agents) if finding]
    return [*links, ready(links), suspended(snapshot, over=verdict is not None), *ends(verdict)]


def sweep_valid(snapshot: Snapshot) -> Finding | None:
    """Kept from earlier passes once the sweep exists: the definition is read once for each generation."""
    if snapshot.definition_problem:
        return prevented(ConditionType.SWEEP_VALID, snapshot.definition_problem)
    if snapshot.definition and snapshot.definition.warnings:
        message = summary(snapshot.definition.warnings)
        return holds(ConditionType.SWEEP_VALID, Reason.VALID_WITH_WARNINGS, message)
    if snapshot.definition or snapshot.spec.sweep_id:
        return holds(ConditionType.SWEEP_VALID, Reason.VALID)
    return kept(snapshot, ConditionType.SWEEP_VALID)


def wandb_reachable(snapshot: Snapshot, outcome: Outcome) -> Finding | None:
    """The last answer of the W&B server, or why there was none."""
    if problem := outcome.wandb_problem or snapshot.wandb_problem:
        return prevented(ConditionType.WANDB_REACHABLE, problem)
    if outcome.created or snapshot.reading or snapshot.sweep_missing or outcome.create_problem or outcome.on_wandb:
        return holds(ConditionType.WANDB_REACHABLE, Reason.REACHABLE)
    return kept(snapshot, ConditionType.WANDB_REACHABLE)


def sweep_created(snapshot: Snapshot, outcome: Outcome) -> Finding:
    """Whether the sweep is on W&B, and whose doing that is."""
    kind = ConditionType.SWEEP_CREATED
    if outcome.created:
        return holds(kind, outcome.created.how, f"The sweep is {outcome.created.path}.")
    if outcome.create_problem:
        return prevented(kind, outcome.create_problem)
    if snapshot.path:
        return _sweep_there(snapshot)
    if snapshot.sweep_missing and snapshot.spec.sweep_id:
        return fails(kind, Reason.SWEEP_NOT_FOUND, _not_found(snapshot))
    if snapshot.definition_problem:
        return fails(kind, Reason.NOT_VALID, "Nothing is created while SweepValid is false.")
    if snapshot.scheduler_unsupported:
        return prevented(kind, snapshot.scheduler_unsupported)
    if outcome.wandb_problem or snapshot.wandb_problem:
        message = "Nothing can be created while WandbReachable is false."
        return fails(kind, Reason.NOT_REACHABLE, message)
    return fails(kind, Reason.CREATING, "The sweep is being created.")


def _sweep_there(snapshot: Snapshot) -> Finding:
    """Kept, until an edit of the definition says something else."""
    kind = ConditionType.SWEEP_CREATED
    if differs(snapshot) and (lacking := snapshot.scheduler_unsupported):
        return fails(kind, lacking.reason, f"{lacking.message} {snapshot.path} goes on.")
    before = kept(snapshot, kind)
    if before and (before.true or snapshot.definition is None):
        return before
    return holds(kind, Reason.CREATED, f"The sweep is {snapshot.path}.")


def agents_ready(snapshot: Snapshot, outcome: Outcome, *, over: bool) -> Finding:
    """Whether as many agents are ready as are wanted, else what keeps the pool from it."""
    kind = ConditionType.AGENTS_READY
    if over:
        return fails(kind, Reason.SWEEP_OVER, "The sweep is over: its agents are removed.")
    if snapshot.path is None:
        return fails(kind, Reason.NO_SWEEP, "There is no sweep to work on yet.")
    if paused := pause(snapshot):
        return fails(kind, paused, _PAUSES[paused])
    wanted = wanted_agents(snapshot)
    if snapshot.spec.agent_count == 0:
        return holds(kind, Reason.SCALED_TO_ZERO, "spec.agentCount is 0.")
    if outcome.agents_problem:
        return prevented(kind, outcome.agents_problem)
    if not has_begun(snapshot):
        return fails(kind, Reason.STARTING, "Agents start once the search is ready.")
    ready_pods = sum(pod.ready for pod in snapshot.pods)
    if ready_pods >= wanted:
        fewer = "" if wanted == snapshot.spec.agent_count else " No more runs are left than these."
        return holds(kind, Reason.ALL_READY, f"{ready_pods} of {wanted} agents are ready.{fewer}")
    return _not_ready(snapshot, ready_pods)


def _not_ready(snapshot: Snapshot, ready_pods: int) -> Finding:
    """What keeps agents from being ready, the worst first."""
    kind, wanted = ConditionType.AGENTS_READY, wanted_agents(snapshot)
    if failing := _failing_slots(snapshot):
        return fails(kind, Reason.AGENTS_FAILING, failing)
    if isaac_warm_up.keeps_agents_waiting(snapshot):
        return fails(kind, Reason.WARMING_UP, isaac_warm_up.told(snapshot))
    stuck = next((pod for pod in snapshot.pods if pod.unschedulable), None)
    if stuck:
        return fails(kind, Reason.UNSCHEDULABLE, f"{stuck.name}: {stuck.waiting}")
    if queued := queueing.told(snapshot, ready_pods):
        return fails(kind, Reason.AGENTS_QUEUED, queued)
    waiting = next((f" {pod.name}: {pod.waiting}" for pod in snapshot.pods if pod.waiting), "")
    return fails(kind, Reason.STARTING, f"{ready_pods} of {wanted} agents are ready.{waiting}")


def ready(links: Iterable[Finding]) -> Finding:
    """True when every other link of the chain is; else it repeats the first that is not."""
    for link in links:
        if not link.true:
            return fails(ConditionType.READY, link.reason, link.message)
    return holds(ConditionType.READY, Reason.AGENTS_RUNNING, "The sweep is on W&B and its agents are ready.")


def suspended(snapshot: Snapshot, *, over: bool) -> Finding:
    """Whether the sweep is paused, and by whom: what a later pass needs to know in order to resume only its own."""
    kind = ConditionType.SUSPENDED
    reason = None if over else pause(snapshot)
    if reason is None:
        return fails(kind, Reason.NOT_SUSPENDED)
    if reason is Reason.SUSPENDED and not snapshot.spec.suspend:
        return holds(kind, reason, "spec.suspend is false again: the sweep is being resumed on W&B, then the agents.")
    if reason is Reason.PAUSED_ON_WANDB and snapshot.spec.suspend:
        return holds(kind, reason, f"{_PAUSES[reason]} It stays paused until then, also when spec.suspend is false.")
    return holds(kind, reason, _PAUSES[reason])


def ends(verdict: Verdict | None) -> list[Finding]:
    """Complete and Failed: at most one is true, and then for good."""
    if verdict is None:
        return [
            fails(ConditionType.COMPLETE, Reason.IN_PROGRESS),
            fails(ConditionType.FAILED, Reason.NOT_FAILED),
        ]
    if verdict.succeeded:
        return [
            holds(ConditionType.COMPLETE, verdict.reason, verdict.message),
            fails(ConditionType.FAILED, Reason.NOT_FAILED),
        ]
    return [
        fails(ConditionType.COMPLETE, verdict.reason, verdict.message),
        holds(ConditionType.FAILED, verdict.reason, verdict.message),
    ]


def merge(
    status: WandbSweepStatus,
    new: Iterable[Finding],
    *,
    generation: int | None,
    now: datetime,
    edit_pending: bool = False,
) -> list[Condition]:
    """The findings as metav1 conditions: lastTransitionTime moves only when the status does.

    While an edit is pending, SweepValid does not speak of this generation, so that the next pass reads it again.
    """
    merged = []
    for finding in new:
        old = status.condition(finding.type)
        lags = edit_pending and finding.type is ConditionType.SWEEP_VALID
        since = old.last_transition_time if old and old.status is finding.status else now
        merged.append(
            Condition(
                type=finding.type,
                status=finding.status,
                observed_generation=_earlier(old, generation) if lags else generation,
                last_transition_time=since,
                reason=finding.reason,
                message=finding.message,
            )
        )
    return merged


def _earlier(old: Condition | None, generation: int | None) -> int | None:
    return None if old is None or old.observed_generation == generation else old.observed_generation


def after_end(snapshot: Snapshot, outcome: Outcome) -> list[Condition]:
    """The conditions of an ended object: frozen, but that W&B may still have to be reached to stop the sweep."""
    old = snapshot.status
    before = [Finding(each.type, each.status, each.reason, each.message) for each in old.conditions]
    now = wandb_reachable(snapshot, outcome)
    if now is None:
        return old.conditions
    new = [now if finding.type is now.type else finding for finding in before]
    return merge(old, new, generation=old.observed_generation, now=snapshot.now)


def _not_found(snapshot: Snapshot) -> str:
    return (
        f"spec.sweepID: W&B knows no sweep {snapshot.spec.sweep_id!r} in project {snapshot.spec.project!r} of "
        f"{snapshot.spec.entity or 'the default entity of the API key'}; check spec.entity, spec.project and the ID, "
        "then delete this object and apply it anew"
    )


def _failing_slots(snapshot: Snapshot) -> str | None:
    worst = max((failures_in_a_row(jobs) for jobs in jobs_by_slot(snapshot.jobs).values()), default=0)
    if worst < FAILING_AFTER:
        return None
    failed = {job.name for job in snapshot.jobs if job.failed}
    last_words = next((p.exit_message for p in reversed(snapshot.pods) if p.job_name in failed and p.exit_message), "")
    return f"{worst} agents in a row ended badly in one slot. {last_words}".rstrip()
