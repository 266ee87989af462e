"""Builds the Job of one agent: what it is called, whose it is, how its pods' ends are taken, and its pod.

The pod is the user's template with the agent in it; see `agent_pod`. What a Job is around its pod is the same for the
search of a sweep; see `search_job`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from wandbsweep.agent.exit_codes import AgentExit
from wandbsweep.api import labels
from wandbsweep.pool import queueing
from wandbsweep.pool.agent_pod import AgentSettings, pod_template

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wandbsweep.api.spec import WandbSweepSpec
    from wandbsweep.sweep.path import SweepPath

_DIGEST_LENGTH: Final = 12
_FAILURES: Final = tuple(sorted(code for code in AgentExit if code not in {AgentExit.DONE, AgentExit.DRAINED}))


@dataclass(frozen=True)
class Runtime:
    """What the operator's installation adds to every agent.

    `image` holds the wandbsweep package, for searches; the init container of `agent_image`, or of `image` too, copies
    the agent runtime into the pod.
    """

    image: str
    image_pull_policy: str
    wandb_base_url: str
    wandb_app_url: str | None = None
    agent_image: str | None = None


@dataclass(frozen=True)
class Owner:
    """The WandbSweep that a Job belongs to, with its own labels: they may name a queue."""

    namespace: str
    name: str
    uid: str
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)


def job_name(owner_name: str, slot: int, attempt: int) -> str:
    """The name of a slot's n-th Job. Deterministic: whoever creates it twice gets a conflict."""
    return f"{owner_name}-{slot}-{attempt}"


def base_url(spec: WandbSweepSpec, runtime: Runtime) -> str:
    """The W&B server of this sweep: the object's own, else the installation's default."""
    return (spec.wandb.base_url or runtime.wandb_base_url).rstrip("/")


def app_url(spec: WandbSweepSpec, runtime: Runtime) -> str | None:
    """Where people see that server, if it is the installation's own; None where that is not known."""
    return runtime.wandb_app_url if spec.wandb.base_url is None else None


def template_digest(spec: WandbSweepSpec, own: Mapping[str, str] | None = None) -> str:
    """Of all that an agent is made from and an edit may change. Agents with another digest are replaced.

    `own` are the object's labels, of which the queue counts. The operator's own image and the defaults of its fields
    are not in it: an upgrade replaces no agent.
    """
    made_from = {"template", "trial", "checkpoint", "runs_per_agent", "wandb", "isaac"}
    parts = spec.model_dump(mode="json", include=made_from, exclude_defaults=True)
    queue = queueing.queue_of(spec.template, own)
    return digest({**parts, "queue": queue} if queue else parts)


def digest(parts: dict[str, Any]) -> str:
    """Of what a Job is made from, so that one made from something else can be told."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:_DIGEST_LENGTH]


def agent_job(
    owner: Owner,
    spec: WandbSweepSpec,
    runtime: Runtime,
    path: SweepPath,
    *,
    slot: int,
    attempt: int,
    metric: str | None = None,
    avoid: Sequence[str] = (),
    unwelcome: Sequence[str] = (),
) -> dict[str, Any]:
    """The Job manifest of one agent; `metric` is the sweep's, the nodes are those of StartAgent."""
    marks = {
        labels.SWEEP_LABEL: owner.name,
        labels.SLOT_LABEL: str(slot),
        labels.ATTEMPT_LABEL: str(attempt),
        labels.MANAGED_BY_LABEL: labels.MANAGED_BY,
        labels.COMPONENT_LABEL: labels.AGENT_COMPONENT,
    }
    made_from = template_digest(spec, owner.labels)
    notes = {labels.TEMPLATE_DIGEST_ANNOTATION: made_from, labels.SWEEP_PATH_ANNOTATION: str(path)}
    if avoid:
        notes[labels.AVOIDED_NODES_ANNOTATION] = " ".join(avoid)
    settings = AgentSettings(
        path=path,
        base_url=base_url(spec, runtime),
        app_url=app_url(spec, runtime),
        runtime_image=runtime.agent_image or runtime.image,
        runtime_pull_policy=runtime.image_pull_policy,
        metric=metric,
        avoid=tuple(avoid),
        unwelcome=tuple(unwelcome),
    )
    name, template = job_name(owner.name, slot, attempt), pod_template(spec, settings, marks)
    return job_manifest(owner, name, template, marks, notes, failures=_FAILURES, own=owner.labels)


def job_manifest(
    owner: Owner,
    name: str,
    template: dict[str, Any],
    marks: dict[str, str],
    notes: dict[str, str],
    *,
    failures: Sequence[int],
    own: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A Job of the object's around this pod; `failures` are the codes with which its first container ends badly.

    It is created suspended if, and only if, its template or the `own` labels of its object name a queue: nobody else
    would ever let it start.
    """
    queued = {"suspend": True} if queueing.queue_of(template, own) else {}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": owner.namespace,
            "labels": {**queueing.job_labels(template, own), **marks},
            "annotations": {**queueing.job_annotations(template), **notes},
            "ownerReferences": [_owner_reference(owner)],
        },
        "spec": {
            **queued,
            "backoffLimit": 0,
            "podReplacementPolicy": "Failed",
            "podFailurePolicy": {"rules": _failure_rules(template, failures)},
            "template": template,
        },
    }


def _failure_rules(template: dict[str, Any], failures: Sequence[int]) -> list[dict[str, Any]]:
    """The Job itself replaces a pod that was disrupted or drained, at no cost; the operator judges every other end.

    Drained is a pod that somebody deleted, and one of a Job that was suspended, which tells of no disruption.
    """
    first = {"containerName": name} if (name := template["spec"]["containers"][0].get("name")) else {}
    drained = {**first, "operator": "In", "values": [int(AgentExit.DRAINED)]}
    failed = {**first, "operator": "In", "values": [int(code) for code in failures]}
    return [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {"action": "Ignore", "onExitCodes": drained},
        {"action": "FailJob", "onExitCodes": failed},
    ]


def _owner_reference(owner: Owner) -> dict[str, Any]:
    return {
        "apiVersion": labels.API_VERSION,
        "kind": labels.KIND,
        "name": owner.name,
        "uid": owner.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
