"""Reads Jobs and pods, as the API server sends them, into the facts that decisions need."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from wandbsweep.api import labels
from wandbsweep.controller import last_words
from wandbsweep.pool.facts import AgentJob, AgentPod, JobPhase
from wandbsweep.pool.queueing import QUEUE_LABEL

if TYPE_CHECKING:
    from collections.abc import Mapping

_WAITING_IS_NORMAL = frozenset({"PodInitializing", "ContainerCreating"})
_ENDED_PHASES = frozenset({"Succeeded", "Failed"})


def read_time(text: str | None) -> datetime | None:
    """A moment as Kubernetes writes it."""
    return datetime.fromisoformat(text) if text else None


def is_search(body: Mapping[str, Any]) -> bool:
    """Whether a Job or a pod is of a search."""
    return bool(body["metadata"].get("labels", {}).get(labels.COMPONENT_LABEL) == labels.SEARCH_COMPONENT)


def is_agent(body: Mapping[str, Any]) -> bool:
    """Whether a Job or a pod with the operator's labels is of an agent."""
    others = {labels.SEARCH_COMPONENT, labels.WARM_UP_COMPONENT}
    return body["metadata"].get("labels", {}).get(labels.COMPONENT_LABEL) not in others


def job_life(job: Mapping[str, Any]) -> tuple[JobPhase, datetime, datetime | None]:
    """How far a Job is, since when it exists, and when it ended."""
    conditions = {c["type"]: c for c in job.get("status", {}).get("conditions", []) if c.get("status") == "True"}
    end = conditions.get("Complete") or conditions.get("Failed")
    created_at = read_time(job["metadata"]["creationTimestamp"])
    assert created_at is not None  # noqa: S101 - the API server sets it on every object
    if end is None:
        return JobPhase.ACTIVE, created_at, None
    phase = JobPhase(end["type"].replace("Complete", "Succeeded"))
    return phase, created_at, read_time(end.get("lastTransitionTime"))


def is_suspended(job: Mapping[str, Any]) -> bool:
    """Whether somebody keeps a Job from having pods."""
    return job.get("spec", {}).get("suspend") is True


def why_waiting(pod: Mapping[str, Any]) -> tuple[str | None, bool]:
    """Why a pod does not run yet, where that is out of the ordinary; and whether no node takes it."""
    status = pod.get("status", {})
    conditions = {c["type"]: c for c in status.get("conditions", [])}
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable":
        return scheduled.get("message"), True
    if scheduled.get("reason") == "SchedulingGated":
        return scheduled.get("message"), False
    return _waiting(status), False


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Whether a pod is ready, and not on its way out."""
    conditions = pod.get("status", {}).get("conditions", [])
    ready = any(c["type"] == "Ready" and c.get("status") == "True" for c in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]


def agent_job(job: Mapping[str, Any]) -> AgentJob | None:
    """A Job of a pool; None for one that lacks the operator's labels and so is nobody's agent."""
    metadata = job["metadata"]
    marks, notes = metadata.get("labels", {}), metadata.get("annotations", {})
    try:
        slot, attempt = int(marks[labels.SLOT_LABEL]), int(marks[labels.ATTEMPT_LABEL])
    except (KeyError, ValueError):
        return None
    phase, created_at, finished_at = job_life(job)
    return AgentJob(
        name=metadata["name"],
        slot=slot,
        attempt=attempt,
        phase=phase,
        created_at=created_at,
        finished_at=finished_at,
        deleting="deletionTimestamp" in metadata,
        digest=notes.get(labels.TEMPLATE_DIGEST_ANNOTATION),
        sweep=notes.get(labels.SWEEP_PATH_ANNOTATION),
        avoids=tuple(notes.get(labels.AVOIDED_NODES_ANNOTATION, "").split()),
        queue=marks.get(QUEUE_LABEL),
        suspended=is_suspended(job),
        suspended_since=_suspended_since(job),
        started_at=read_time(job.get("status", {}).get("startTime")),
    )


def _suspended_since(job: Mapping[str, Any]) -> datetime | None:
    conditions = job.get("status", {}).get("conditions", [])
    times = (c.get("lastTransitionTime") for c in conditions if c["type"] == "Suspended" and c.get("status") == "True")
    return read_time(next(times, None))


def agent_pod(pod: Mapping[str, Any]) -> AgentPod:
    """A pod of a pool."""
    metadata, spec, status = pod["metadata"], pod.get("spec", {}), pod.get("status", {})
    conditions = {c["type"]: c for c in status.get("conditions", [])}
    waiting, unschedulable = why_waiting(pod)
    deleting = "deletionTimestamp" in metadata
    ended, trainer = last_words.ended_container(status), last_words.trainer_end(pod)
    words = last_words.read_last_words(trainer.get("message", ""))
    disrupted = conditions.get("DisruptionTarget", {}).get("status") == "True"
    return AgentPod(
        name=metadata["name"],
        job_name=metadata.get("labels", {}).get("batch.kubernetes.io/job-name", ""),
        phase=status.get("phase", "Unknown"),
        ready=is_ready(pod),
        node=spec.get("nodeName"),
        waiting=waiting,
        unschedulable=unschedulable,
        exit_code=ended.get("exitCode"),
        exit_message=last_words.exit_message(ended),
        exit_reason=words.reason if words else None,
        oom_killed=last_words.killed_for_memory(trainer, words, asked_to_go=deleting or disrupted),
        uid=metadata.get("uid", ""),
        started_at=read_time(status.get("startTime")),
        ended_at=_ended_at(status, conditions),
        gpus=sum(_gpus(container) for container in spec.get("containers", [])),
        seconds=words.seconds if words else None,
        gpu=words.gpu if words else None,
        has_own_host=not (spec.get("hostNetwork") or spec.get("hostname")),
        leaving=metadata.get("annotations", {}).get(labels.LEAVE_ANNOTATION) == labels.LEAVE_AFTER_RUN,
        deleting=deleting,
    )


def _ended_at(status: Mapping[str, Any], conditions: Mapping[str, Mapping[str, Any]]) -> datetime | None:
    """When the last container ended. A pod whose node is lost has none that did; it was then given up as not ready."""
    if status.get("phase") not in _ENDED_PHASES:
        return None
    ends = [c.get("state", {}).get("terminated", {}).get("finishedAt") for c in last_words.containers(status)]
    known = [moment for end in ends if (moment := read_time(end))]
    return max(known, default=None) or read_time(conditions.get("Ready", {}).get("lastTransitionTime"))


def _gpus(container: Mapping[str, Any]) -> int:
    """The GPUs of a container, whole ones and slices. A limit that is no plain number holds none that is known."""
    limits = container.get("resources", {}).get("limits", {})
    return sum(int(amount) for name, amount in limits.items() if _is_gpu(name) and str(amount).isdecimal())


def _is_gpu(resource: str) -> bool:
    return resource.endswith("/gpu") or resource.startswith("nvidia.com/mig-")


def _waiting(status: Mapping[str, Any]) -> str | None:
    """Why a container does not start, where that is out of the ordinary (an image that cannot be pulled, say)."""
    for container in last_words.containers(status):
        waiting = container.get("state", {}).get("waiting")
        if waiting and waiting.get("reason") not in _WAITING_IS_NORMAL:
            return f"{waiting.get('reason')}: {waiting.get('message', '')}".rstrip(": ")
    return None
