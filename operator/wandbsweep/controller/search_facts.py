"""Reads the Jobs of a sweep's search and their pods, as the API server sends them, into the facts for decisions.

A search's Job replaces a pod that was drained or disrupted, so that one Job may have several: the living one counts,
else the one that ended last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wandbsweep.api import labels
from wandbsweep.controller import last_words
from wandbsweep.controller.kube_facts import is_ready, is_suspended, job_life, why_waiting
from wandbsweep.pool.facts import SearchJob

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ENDED = frozenset({"Succeeded", "Failed"})


def read_search_job(job: Mapping[str, Any], pods: Iterable[Mapping[str, Any]]) -> SearchJob | None:
    """A Job of a search with its pod, out of all pods; None for one that lacks the operator's labels."""
    metadata = job["metadata"]
    marks, notes = metadata.get("labels", {}), metadata.get("annotations", {})
    try:
        attempt = int(marks[labels.ATTEMPT_LABEL])
    except (KeyError, ValueError):
        return None
    phase, created_at, finished_at = job_life(job)
    pod = _pod_that_counts([each for each in pods if _job_of(each) == metadata["name"]])
    return SearchJob(
        name=metadata["name"],
        attempt=attempt,
        phase=phase,
        created_at=created_at,
        finished_at=finished_at,
        deleting="deletionTimestamp" in metadata,
        digest=notes.get(labels.TEMPLATE_DIGEST_ANNOTATION),
        sweep=notes.get(labels.SWEEP_PATH_ANNOTATION),
        suspended=is_suspended(job),
        **(_of_pod(pod) if pod else {}),
    )


def _of_pod(pod: Mapping[str, Any]) -> dict[str, Any]:
    ended = last_words.trainer_end(pod) or last_words.ended_container(pod.get("status", {}))
    words = last_words.read_last_words(ended.get("message", ""))
    waiting, unschedulable = why_waiting(pod)
    return {
        "ready": is_ready(pod),
        "pod_name": pod["metadata"]["name"] if _lives(pod) else None,
        "told_agents": _count(pod["metadata"].get("annotations", {}).get(labels.AGENT_COUNT_ANNOTATION)),
        "waiting": waiting,
        "unschedulable": unschedulable,
        "exit_code": ended.get("exitCode"),
        "exit_reason": words.reason if words else None,
        "exit_message": last_words.exit_message(ended),
    }


def _pod_that_counts(pods: list[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    return max(pods, key=lambda pod: (_lives(pod), pod["metadata"].get("creationTimestamp", "")), default=None)


def _lives(pod: Mapping[str, Any]) -> bool:
    return pod.get("status", {}).get("phase") not in _ENDED and "deletionTimestamp" not in pod["metadata"]


def _job_of(pod: Mapping[str, Any]) -> str | None:
    name: str | None = pod["metadata"].get("labels", {}).get("batch.kubernetes.io/job-name")
    return name


def _count(text: str | None) -> int | None:
    """What somebody wrote there by hand is as good as nothing."""
    return int(text) if text is not None and text.isdecimal() else None
