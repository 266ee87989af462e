"""Reads warm-up Jobs and their pods, as the API server sends them, into the facts for decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wandbsweep.api import labels
from wandbsweep.controller import last_words
from wandbsweep.controller.kube_facts import job_life, why_waiting
from wandbsweep.pool.facts import WarmUpJob

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def is_warm_up(body: Mapping[str, Any]) -> bool:
    """Whether a Job or a pod is of a warm-up."""
    return bool(body["metadata"].get("labels", {}).get(labels.COMPONENT_LABEL) == labels.WARM_UP_COMPONENT)


def read_warm_up_job(job: Mapping[str, Any], pods: Iterable[Mapping[str, Any]]) -> WarmUpJob | None:
    """A warm-up with the last of its pods, out of all pods; None for one that lacks the operator's labels."""
    metadata = job["metadata"]
    try:
        attempt = int(metadata.get("labels", {})[labels.ATTEMPT_LABEL])
    except (KeyError, ValueError):
        return None
    phase, created_at, finished_at = job_life(job)
    ours = [pod for pod in pods if _job_of(pod) == metadata["name"]]
    pod = max(ours, key=lambda pod: pod["metadata"].get("creationTimestamp", ""), default={})
    ended = last_words.trainer_end(pod) if pod else {}
    waiting, unschedulable = why_waiting(pod)
    words = last_words.read_last_words(ended.get("message", ""))
    return WarmUpJob(
        name=metadata["name"],
        attempt=attempt,
        phase=phase,
        created_at=created_at,
        finished_at=finished_at,
        deleting="deletionTimestamp" in metadata,
        digest=metadata.get("annotations", {}).get(labels.TEMPLATE_DIGEST_ANNOTATION),
        waiting=waiting,
        unschedulable=unschedulable,
        exit_message=last_words.exit_message(ended) or _failure(job),
        gpu=words.gpu if words else None,
    )


def _failure(job: Mapping[str, Any]) -> str | None:
    """What Kubernetes says of a Job whose pod has left no words."""
    conditions = job.get("status", {}).get("conditions", [])
    failed: Mapping[str, Any] = next(
        (each for each in conditions if each["type"] == "Failed" and each.get("status") == "True"), {}
    )
    return f"{failed.get('reason')}: {failed.get('message')}" if failed else None


def _job_of(pod: Mapping[str, Any]) -> str | None:
    name: str | None = pod["metadata"].get("labels", {}).get("batch.kubernetes.io/job-name")
    return name
