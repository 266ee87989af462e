"""Queues of a shared cluster, as Kueue keeps them: which Jobs join one, and which wait for admission.

A Job joins a queue by a label and is created suspended. From then on `suspend` and all that decides where its pods run
are the queue's: it admits a Job when there is quota, and may suspend it again (evict it) at any time. The operator only
looks. A Job that waits is neither failing nor starting, and one that is evicted has not failed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from wandbsweep.pool.demand import wanted_agents
from wandbsweep.pool.facts import JobPhase
from wandbsweep.pool.gpu_hours import has_ended
from wandbsweep.pool.retries import ended_since

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandbsweep.pool.facts import AgentJob, AgentPod, Snapshot

QUEUE_LABEL: Final = "kueue.x-k8s.io/queue-name"
JOB_LABELS: Final = (QUEUE_LABEL, "kueue.x-k8s.io/priority-class", "kueue.x-k8s.io/max-exec-time-seconds")
"""Labels that Kueue reads from a Job itself, and not from the template of its pod."""

JOB_ANNOTATIONS: Final = "provreq.kueue.x-k8s.io/"
"""Annotations that begin so are parameters of a request for nodes, and read from a Job as well."""


def job_labels(template: Mapping[str, Any], own: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a queue has to find on a Job: the labels of its pod template, and before these its object's `own`."""
    labels = {**_of_metadata(template, "labels"), **(own or {})}
    return {name: labels[name] for name in JOB_LABELS if labels.get(name)}


def job_annotations(template: Mapping[str, Any]) -> dict[str, str]:
    """The annotations of a pod template that a queue reads from the Job."""
    notes = _of_metadata(template, "annotations")
    return {name: text for name, text in notes.items() if name.startswith(JOB_ANNOTATIONS)}


def queue_of(template: Mapping[str, Any], own: Mapping[str, str] | None = None) -> str | None:
    """The queue that a Job joins; None for one that starts by itself."""
    return job_labels(template, own).get(QUEUE_LABEL)


def waiting(snapshot: Snapshot) -> list[AgentJob]:
    """The Jobs that wait for admission: suspended, and no pod of theirs is left."""
    draining = {pod.job_name for pod in snapshot.pods if not has_ended(pod)}
    return [job for job in snapshot.jobs if is_suspended(job) and not job.deleting and job.name not in draining]


def is_suspended(job: AgentJob) -> bool:
    """Whether a Job that has not ended is kept from having pods."""
    return job.suspended and job.phase is JobPhase.ACTIVE


def evicted(snapshot: Snapshot) -> list[tuple[AgentJob, AgentPod]]:
    """Jobs that were suspended while they had a pod, each with that pod, as long as it is known."""
    taken_back = {job.name: job for job in snapshot.jobs if job.suspended and job.phase is not JobPhase.SUCCEEDED}
    pods = [pod for pod in snapshot.pods if pod.started_at and pod.job_name in taken_back]
    return [(taken_back[pod.job_name], pod) for pod in pods if _was_taken_from(pod, taken_back[pod.job_name])]


def _was_taken_from(pod: AgentPod, job: AgentJob) -> bool:
    """Whether a pod of a suspended Job ended because of that, and not before."""
    if pod.ended_at is None:
        return not has_ended(pod)
    return ended_since(pod.ended_at, job.suspended_since) if job.suspended_since else False


def waits_for_first(snapshot: Snapshot) -> bool:
    """Whether a sweep in a queue has not had an agent yet. Its deadline does not run then.

    A namespace may have a queue for Jobs that name none: their label is not the sweep's then.
    """
    if snapshot.status.admission_time is not None:
        return False
    named = queue_of(snapshot.spec.template, snapshot.labels) is not None
    return named or any(job.queue for job in snapshot.jobs)


def admits_first(snapshot: Snapshot) -> bool:
    """Whether the queue is seen to have let an agent in, for the first time."""
    return waits_for_first(snapshot) and any(job.started_at and not job.suspended for job in snapshot.jobs)


def told(snapshot: Snapshot, ready: int) -> str | None:
    """Who waits, and where; None if nobody does."""
    jobs = waiting(snapshot)
    if not jobs:
        return None
    first = min(jobs, key=lambda job: (job.created_at, job.slot))
    others = f" and {len(jobs) - 1} more wait" if len(jobs) > 1 else " waits"
    where = f"admission to queue {first.queue}" if first.queue else "whoever suspended it"
    return f"{ready} of {wanted_agents(snapshot)} agents are ready. Job {first.name}{others} for {where}."


def _of_metadata(template: Mapping[str, Any], kind: str) -> dict[str, str]:
    """Of a template as it was written, which nobody may have judged yet."""
    found = (template.get("metadata") or {}).get(kind)
    return {name: text for name, text in found.items() if isinstance(text, str)} if isinstance(found, dict) else {}
