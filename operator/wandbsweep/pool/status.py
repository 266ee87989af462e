"""The status that a pass writes: the old one, brought up to date by what was seen and done."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wandbsweep.api import labels
from wandbsweep.api.reasons import Phase, Reason
from wandbsweep.api.status import Agents, BestRun, Runs, WandbSweepStatus
from wandbsweep.pool import conditions
from wandbsweep.pool.facts import JobPhase
from wandbsweep.pool.outcome import CreatedSweep
from wandbsweep.pool.verdict import run_cap

if TYPE_CHECKING:
    from wandbsweep.pool.facts import Snapshot, SweepReading
    from wandbsweep.pool.outcome import Outcome
    from wandbsweep.pool.verdict import Verdict


def selector(name: str) -> str:
    """The label selector of an object's agent Jobs and pods, as text."""
    return f"{labels.SWEEP_LABEL}={name}"


def next_status(snapshot: Snapshot, outcome: Outcome, verdict: Verdict | None) -> WandbSweepStatus:
    """The status after this pass. A terminal status is frozen but for the agents that are still going."""
    if snapshot.terminal:
        return snapshot.status.model_copy(update={"agents": _agents(snapshot, outcome, desired=0)})
    status = snapshot.status
    created = outcome.created or _joined(snapshot)
    outcome = replace(outcome, created=created)
    reading = snapshot.reading
    update = {
        "observed_generation": snapshot.generation,
        "phase": _phase(snapshot, created, verdict),
        "conditions": conditions.merge(
            status,
            conditions.findings(snapshot, outcome, verdict),
            generation=snapshot.generation,
            now=snapshot.now,
        ),
        "selector": selector(snapshot.name),
        "agents": _agents(snapshot, outcome, desired=_desired(snapshot, verdict)),
    }
    if created:
        update |= {
            "sweep_id": created.path.sweep_id,
            "sweep_path": str(created.path),
            "sweep_url": created.url,
            "sweep_digest": created.token,
            "start_time": status.start_time or snapshot.now,
        }
    if snapshot.definition:
        update["method"] = snapshot.definition.method
    if reading:
        update |= _from_reading(snapshot, reading)
    if verdict:
        update["completion_time"] = snapshot.now
    return WandbSweepStatus.model_validate(status.model_copy(update=update).model_dump())


def _joined(snapshot: Snapshot) -> CreatedSweep | None:
    """A sweep that was there before its object counts as this object's once it has been seen."""
    if snapshot.path is None and snapshot.spec.sweep_id and snapshot.reading and snapshot.has_finalizer:
        return CreatedSweep(snapshot.reading.path, snapshot.reading.url, Reason.JOINED, token=None)
    return None


def _phase(snapshot: Snapshot, created: CreatedSweep | None, verdict: Verdict | None) -> Phase:
    if verdict:
        return Phase.SUCCEEDED if verdict.succeeded else Phase.FAILED
    return Phase.RUNNING if snapshot.path or created else Phase.PENDING


def _desired(snapshot: Snapshot, verdict: Verdict | None) -> int:
    return 0 if verdict else snapshot.spec.agent_count


def _agents(snapshot: Snapshot, outcome: Outcome, *, desired: int) -> Agents:
    active = sum(job.phase is JobPhase.ACTIVE and not job.deleting for job in snapshot.jobs)
    active += len(outcome.started) - sum(removal.running for removal in outcome.removed)
    return Agents(desired=desired, active=max(active, 0), ready=sum(pod.ready for pod in snapshot.pods))


def _from_reading(snapshot: Snapshot, reading: SweepReading) -> dict[str, object]:
    caps = [cap for cap in (run_cap(snapshot), reading.grid_size) if cap is not None]
    runs = Runs(
        total=reading.total_runs,
        running=reading.count("running", "preempting"),
        finished=reading.count("finished"),
        failed=reading.count("failed"),
        crashed=reading.count("crashed"),
        killed=reading.count("killed"),
        preempted=reading.count("preempted"),
        cap=min(caps, default=None),
    )
    update: dict[str, object] = {"sweep_state": reading.state_text, "runs": runs, "method": reading.method}
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
