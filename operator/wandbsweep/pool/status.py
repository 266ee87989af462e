"""The status that a pass writes: the old one, brought up to date by what was seen and done."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wandbsweep.api import labels
from wandbsweep.api.reasons import Phase, Reason
from wandbsweep.api.status import Agents, BestRun, Runs, WandbSweepStatus
from wandbsweep.pool import budget, conditions, edits, front, gpu_hours, nodes, queueing, retaking, searching
from wandbsweep.pool.actions import SetSweepState
from wandbsweep.pool.demand import wanted_agents
from wandbsweep.pool.ends import owes_stop
from wandbsweep.pool.facts import JobPhase
from wandbsweep.pool.outcome import CreatedSweep
from wandbsweep.pool.suspension import pause

if TYPE_CHECKING:
    from wandbsweep.pool.facts import Snapshot, SweepReading
    from wandbsweep.pool.outcome import Outcome
    from wandbsweep.pool.verdict import Verdict


def of_object(name: str) -> str:
    """The label selector of all Jobs and pods of an object, as text."""
    return f"{labels.SWEEP_LABEL}={name}"


def selector(name: str) -> str:
    """The label selector of an object's agents: an autoscaler counts no search among them."""
    return f"{of_object(name)},{labels.COMPONENT_LABEL}={labels.AGENT_COMPONENT}"


def next_status(snapshot: Snapshot, outcome: Outcome, verdict: Verdict | None) -> WandbSweepStatus:
    """The status after this pass."""
    if snapshot.hands_off:
        return snapshot.status
    snapshot = replace(snapshot, wandb_problem=outcome.wandb_problem or snapshot.wandb_problem)
    if retaking.was_retaken(outcome):
        snapshot = replace(snapshot, status=retaking.without_verdict(snapshot.status), reading=None)
    update = _after_end(snapshot, outcome) if snapshot.terminal else None
    if update is None:
        if edits.was_replaced(outcome):
            snapshot = replace(snapshot, status=edits.without_sweep(snapshot), reading=None, sweep_missing=False)
        update = _of_live_object(snapshot, replace(outcome, created=outcome.created or _joined(snapshot)), verdict)
    update |= _accounts(snapshot)
    return WandbSweepStatus.model_validate(snapshot.status.model_copy(update=update).model_dump())


def _after_end(snapshot: Snapshot, outcome: Outcome) -> dict[str, object]:
    """The verdict stands; agents that are still going, and why their runs ended, are told all the same.

    So is a sweep that has yet to be stopped.
    """
    update: dict[str, object] = {"agents": _agents(snapshot, outcome, desired=0)}
    if snapshot.reading:
        update |= _from_reading(snapshot, snapshot.reading)
    if owes_stop(snapshot.status) or retaking.wants_retake(snapshot):
        update["conditions"] = conditions.after_end(snapshot, outcome)
        if stop := next((done for done in outcome.on_wandb if isinstance(done, SetSweepState)), None):
            update["sweep_state"] = stop.state
    return update


def _of_live_object(snapshot: Snapshot, outcome: Outcome, verdict: Verdict | None) -> dict[str, object]:
    status, created, pending = snapshot.status, outcome.created, edits.is_pending(snapshot, outcome)
    paused = pause(snapshot) is not None
    update: dict[str, object] = {
        "observed_generation": status.observed_generation if pending else snapshot.generation,
        "phase": _phase(verdict, exists=bool(snapshot.path or created), paused=paused),
        "conditions": conditions.merge(
            status,
            conditions.findings(snapshot, outcome, verdict),
            generation=snapshot.generation,
            now=snapshot.now,
            edit_pending=pending,
        ),
        "selector": selector(snapshot.name),
        "agents": _agents(snapshot, outcome, desired=0 if verdict or paused else wanted_agents(snapshot)),
        "avoided_nodes": nodes.next_avoided(snapshot),
    }
    if created:
        update |= {
            "sweep_id": created.path.sweep_id,
            "sweep_path": str(created.path),
            "sweep_url": created.url,
            "sweep_digest": created.token,
            "start_time": status.start_time or snapshot.now,
        }
    if queueing.admits_first(snapshot):
        update["admission_time"] = snapshot.now
    if snapshot.definition:
        update["method"] = snapshot.definition.method
    if snapshot.reading:
        update |= _from_reading(snapshot, snapshot.reading)
    update |= _told(snapshot, outcome)
    if verdict:
        update["completion_time"] = snapshot.now
    return update


def _told(snapshot: Snapshot, outcome: Outcome) -> dict[str, object]:
    """How often failed trials of a scan are run again, once its search was told."""
    wanted = searching.wanted_digest(snapshot)
    told = outcome.started_search or any(job.digest == wanted for job in snapshot.search)
    if not budget.is_scan(snapshot) or wanted is None or not told:
        return {}
    return {"retried_failed": snapshot.spec.search.retry_failed}


def _accounts(snapshot: Snapshot) -> dict[str, object]:
    """Hours and settled pods, in one write; an object that never had a pod has none."""
    if not snapshot.pods and snapshot.status.gpu_hours is None:
        return {}
    return {"gpu_hours": gpu_hours.next_hours(snapshot), "settled_pods": gpu_hours.settled(snapshot)}


def _joined(snapshot: Snapshot) -> CreatedSweep | None:
    """A sweep that was there before its object counts as this object's once it has been seen."""
    if snapshot.path is None and snapshot.spec.sweep_id and snapshot.reading and snapshot.has_finalizer:
        return CreatedSweep(snapshot.reading.path, snapshot.reading.url, Reason.JOINED, token=None)
    return None


def _phase(verdict: Verdict | None, *, exists: bool, paused: bool) -> Phase:
    if verdict:
        return Phase.SUCCEEDED if verdict.succeeded else Phase.FAILED
    if not exists:
        return Phase.PENDING
    return Phase.SUSPENDED if paused else Phase.RUNNING


def _agents(snapshot: Snapshot, outcome: Outcome, *, desired: int) -> Agents:
    active = sum(job.phase is JobPhase.ACTIVE and not job.deleting for job in snapshot.jobs)
    active += len(outcome.started) - sum(removal.running for removal in outcome.removed)
    removed = {removal.job_name for removal in outcome.removed}
    queued = sum(job.name not in removed for job in queueing.waiting(snapshot))
    ready = sum(pod.ready for pod in snapshot.pods)
    return Agents(desired=desired, active=max(active, 0), queued=queued or None, ready=ready)


def _from_reading(snapshot: Snapshot, reading: SweepReading) -> dict[str, object]:
    size = budget.scan_size(snapshot, reading) if budget.is_searched(snapshot) else reading.grid_size
    caps = [cap for cap in (budget.run_cap(snapshot), size) if cap is not None]
    runs = Runs(
        total=reading.total_runs,
        running=reading.count("running", "preempting"),
        finished=reading.count("finished"),
        failed=reading.count("failed"),
        crashed=reading.count("crashed"),
        killed=reading.count("killed"),
        preempted=reading.count("preempted"),
        apart=budget.runs_apart(snapshot, reading) or None,
        cap=min(caps, default=None),
    )
    update: dict[str, object] = {
        "sweep_state": reading.state_text,
        "runs": runs,
        "failures": {str(cause): count for cause, count in sorted(reading.failures.items()) if count},
        "method": reading.method,
        "front": front.shown(reading.front),
    }
    if best := reading.best:
        update["best"] = BestRun(
            run_id=best.run_id,
            name=best.name,
            url=best.url,
            metric=best.metric,
            value=best.value,
            parameters=dict(best.parameters),
        )
    return update
