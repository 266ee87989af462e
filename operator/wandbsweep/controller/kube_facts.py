"""Reads Jobs and pods, as the API server sends them, into the facts that decisions need."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from wandbsweep.api import labels
from wandbsweep.pool.facts import AgentJob, AgentPod, JobPhase

if TYPE_CHECKING:
    from collections.abc import Mapping

_WAITING_IS_NORMAL = frozenset({"PodInitializing", "ContainerCreating"})


def read_time(text: str | None) -> datetime | None:
    """A moment as Kubernetes writes it."""
    return datetime.fromisoformat(text) if text else None


def agent_job(job: Mapping[str, Any]) -> AgentJob | None:
    """A Job of a pool; None for one that lacks the operator's labels and so is nobody's agent."""
    metadata = job["metadata"]
    marks = metadata.get("labels", {})
    try:
        slot, attempt = int(marks[labels.SLOT_LABEL]), int(marks[labels.ATTEMPT_LABEL])
    except (KeyError, ValueError):
        return None
    conditions = {c["type"]: c for c in job.get("status", {}).get("conditions", []) if c.get("status") == "True"}
    end = conditions.get("Complete") or conditions.get("Failed")
    created_at = read_time(metadata["creationTimestamp"])
    assert created_at is not None  # noqa: S101 - the API server sets it on every object
    return AgentJob(
        name=metadata["name"],
        slot=slot,
        attempt=attempt,
        phase=JobPhase(end["type"].replace("Complete", "Succeeded")) if end else JobPhase.ACTIVE,
        created_at=created_at,
        finished_at=read_time(end.get("lastTransitionTime")) if end else None,
        deleting="deletionTimestamp" in metadata,
    )


def agent_pod(pod: Mapping[str, Any]) -> AgentPod:
    """A pod of a pool."""
    metadata, status = pod["metadata"], pod.get("status", {})
    conditions = {c["type"]: c for c in status.get("conditions", [])}
    scheduled = conditions.get("PodScheduled", {})
    unschedulable = scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable"
    ended = _ended_container(status)
    return AgentPod(
        name=metadata["name"],
        job_name=metadata.get("labels", {}).get("batch.kubernetes.io/job-name", ""),
        phase=status.get("phase", "Unknown"),
        ready=conditions.get("Ready", {}).get("status") == "True" and "deletionTimestamp" not in metadata,
        node=pod.get("spec", {}).get("nodeName"),
        waiting=scheduled.get("message") if unschedulable else _waiting(status),
        unschedulable=unschedulable,
        exit_code=ended.get("exitCode"),
        exit_message=_exit_message(ended),
    )


def _containers(status: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]


def _ended_container(status: Mapping[str, Any]) -> Mapping[str, Any]:
    """The first container that ended badly, else the agent's own end if it has one."""
    states = [container.get("state", {}) for container in _containers(status)]
    ends: list[Mapping[str, Any]] = [state["terminated"] for state in states if "terminated" in state]
    return next((end for end in ends if end.get("exitCode")), ends[-1] if ends else {})


def _exit_message(ended: Mapping[str, Any]) -> str | None:
    if not ended:
        return None
    words = ended.get("message", "")
    try:
        told = json.loads(words)
        return f"{told['reason']}: {told['message']}"
    except (ValueError, KeyError, TypeError):
        reason = ended.get("reason", "Ended")
        return f"{reason} with exit code {ended.get('exitCode')}. {words}".strip()


def _waiting(status: Mapping[str, Any]) -> str | None:
    """Why a container does not start, where that is out of the ordinary (an image that cannot be pulled, say)."""
    for container in _containers(status):
        waiting = container.get("state", {}).get("waiting")
        if waiting and waiting.get("reason") not in _WAITING_IS_NORMAL:
            return f"{waiting.get('reason')}: {waiting.get('message', '')}".rstrip(": ")
    return None
