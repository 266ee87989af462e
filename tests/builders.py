"""Makes the facts that tests start from; what a test does not name is ordinary and does not matter to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from wandbsweep.api.reasons import ConditionType, Reason
from wandbsweep.api.spec import WandbSweepSpec
from wandbsweep.api.status import Condition, ConditionStatus, WandbSweepStatus
from wandbsweep.pool.facts import AgentJob, AgentPod, Intent, JobPhase, SearchJob, Snapshot, SweepReading, SweepState
from wandbsweep.pool.jobs import Owner, Runtime
from wandbsweep.sweep.definition import read_definition
from wandbsweep.sweep.path import SweepPath
from wandbsweep.sweep.wandb_config import definition_digest, definition_token

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=timezone.utc)
UID = "8f0e1c52-6a0b-4d5e-9a57-2f3b6f1f0c11"
PATH = SweepPath("lab", "anymal", "nkbj7529")
RUNTIME = Runtime(
    image="wandbsweep/operator:test", image_pull_policy="IfNotPresent", wandb_base_url="http://wandb.test"
)
OWNER = Owner("robots", "anymal", UID)


def a_sweep(**changes: Any) -> dict[str, Any]:
    """A sweep definition as in a sweep.yaml."""
    definition = {
        "program": "train.py",
        "method": "random",
        "metric": {"name": "reward", "goal": "maximize"},
        "parameters": {"agent.algorithm.gamma": {"values": [0.9, 0.99]}},
    }
    return {**definition, **changes}


def a_token(generation: int = 1, **changes: Any) -> str:
    """The token of the sweep that an object with this definition gets."""
    definition = read_definition(a_sweep(**changes), field="spec.sweep")
    return definition_token(definition_digest(definition, entity=None, project="anymal"), generation)


def a_template(**container: Any) -> dict[str, Any]:
    """A pod template with one trainer container."""
    return {"spec": {"containers": [{"name": "trainer", "image": "lab/trainer:1", **container}]}}


def a_spec(**fields: Any) -> WandbSweepSpec:
    """A valid spec; fields are named as in a manifest."""
    spec: dict[str, Any] = {"project": "anymal", "sweep": a_sweep(), "agentCount": 2, "template": a_template()}
    spec.update(fields)
    return WandbSweepSpec.model_validate({name: value for name, value in spec.items() if value is not None})


def a_reading(*, state: str = "RUNNING", at: datetime = NOW, **fields: Any) -> SweepReading:
    """A look at the sweep; runs are given as keywords of their states, such as `finished=3`."""
    states = {"pending", "running", "finished", "failed", "crashed", "killed", "preempting", "preempted"}
    runs = {name: fields.pop(name) for name in list(fields) if name in states}
    return replace(
        SweepReading(
            path=PATH,
            url="http://wandb.test/lab/anymal/sweeps/nkbj7529",
            state=SweepState.from_wire(state),
            state_text=state,
            method="random",
            run_cap=None,
            grid_size=None,
            runs_by_state=runs,
            best=None,
            read_at=at,
            quiet_since=at,
        ),
        **fields,
    )


def a_job(slot: int, attempt: int = 0, phase: JobPhase = JobPhase.ACTIVE, **fields: Any) -> AgentJob:
    """An agent Job; one that ended did so ten minutes ago unless said otherwise."""
    ended = None if phase is JobPhase.ACTIVE else NOW - timedelta(minutes=10)
    job = AgentJob(f"anymal-{slot}-{attempt}", slot, attempt, phase, NOW - timedelta(hours=1), ended)
    return replace(job, **fields)


def a_pod(job: AgentJob, **fields: Any) -> AgentPod:
    """The running pod of an agent Job, with one GPU; with `ended_at` one that ended well."""
    ended = "ended_at" in fields
    pod = AgentPod(
        name=f"{job.name}-x7k2p",
        job_name=job.name,
        phase="Succeeded" if ended else "Running",
        ready=not ended,
        node="gpu-1",
        uid=f"uid-of-{job.name}",
        started_at=job.created_at,
        gpus=1,
    )
    return replace(pod, **fields)


PROTEIN: dict[str, Any] = {
    "method": "protein",
    "parameters": {"lr": {"distribution": "log_normal", "min": 0.0001, "max": 0.001}},
}
SCAN: dict[str, Any] = {"method": "scan", "parameters": {"lr": {"values": [0.1, 0.2, 0.3, 0.4]}}}


def a_search(attempt: int = 0, phase: JobPhase = JobPhase.ACTIVE, **fields: Any) -> SearchJob:
    """The search's Job of `a_searched_object()`, ready if it is active; one that ended did so ten minutes ago."""
    active = phase is JobPhase.ACTIVE
    name = f"anymal-search-{attempt}"
    job = SearchJob(name, attempt, phase, NOW - timedelta(minutes=15), None if active else NOW - timedelta(minutes=10))
    of_pod: dict[str, Any] = {"ready": True, "pod_name": f"{name}-x7k2p", "told_agents": 2} if active else {}
    return replace(job, **{"sweep": str(PATH), **of_pod, **fields})


def a_searched_object(**fields: Any) -> Snapshot:
    """An object whose sweep needs a search, by Protein unless `method` says otherwise; `told` is its retriedFailed."""
    sweep = a_sweep(**fields.pop("method", PROTEIN))
    spec = fields.pop("spec", {})
    definition = read_definition(sweep, field="spec.sweep")
    told = fields.pop("told", None)
    status = a_status(method=definition.method, retried_failed=told)
    ready = Condition(
        type=ConditionType.SEARCH_READY,
        status=ConditionStatus.FALSE,
        last_transition_time=NOW,
        reason=Reason.SEARCH_STARTING,
    )
    status = status.model_copy(update={"conditions": [*status.conditions, ready], **fields.pop("status", {})})
    reading = fields.pop("reading", a_reading())
    facts = {
        "status": status,
        "searched": definition,
        "reading": reading and replace(reading, method=definition.method),
    }
    return a_live_object(spec=a_spec(sweep=sweep, **spec), **{**facts, **fields})


def a_new_object(**fields: Any) -> Snapshot:
    """An object that was just applied and whose definition was read."""
    spec = fields.pop("spec", a_spec())
    snapshot = Snapshot(
        namespace="robots",
        name="anymal",
        uid=UID,
        generation=1,
        spec=spec,
        status=WandbSweepStatus(),
        now=NOW,
        definition=read_definition(spec.sweep, field="spec.sweep") if spec.sweep else None,
    )
    return replace(snapshot, **fields)


def a_status(**fields: Any) -> WandbSweepStatus:
    """The status of an object whose sweep is on W&B; its condition Suspended is given as `suspended`, by its reason."""
    reason = fields.pop("suspended", Reason.NOT_SUSPENDED)
    suspended = Condition(
        type=ConditionType.SUSPENDED,
        status=ConditionStatus.FALSE if reason is Reason.NOT_SUSPENDED else ConditionStatus.TRUE,
        last_transition_time=fields.pop("since", NOW - timedelta(hours=1)),
        reason=reason,
    )
    known = {"sweep_id": PATH.sweep_id, "sweep_path": str(PATH), "sweep_digest": a_token(), "conditions": [suspended]}
    return WandbSweepStatus(**{**known, **fields})


def a_live_object(**fields: Any) -> Snapshot:
    """An object whose sweep is on W&B, read just now."""
    status = a_status()
    live = {
        "status": status,
        "has_finalizer": True,
        "intent": Intent(NOW - timedelta(hours=1), a_token()),
        "definition": None,
        "reading": a_reading(),
    }
    return a_new_object(**{**live, **fields})
