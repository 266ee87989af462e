"""Jobs and pods as an API server sends them, read into facts."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from wandbsweep.controller import kube_facts
from wandbsweep.pool.facts import JobPhase

LABELS = {
    "app.kubernetes.io/component": "agent",
    "app.kubernetes.io/managed-by": "wandbsweep",
    "batch.kubernetes.io/job-name": "anymal-2-1",
    "wandbsweep.dev/attempt": "1",
    "wandbsweep.dev/slot": "2",
    "wandbsweep.dev/sweep": "anymal",
}


def a_job(**parts):
    """A Job as it is read back, without what nobody reads."""
    metadata = {
        "name": "anymal-2-1",
        "namespace": "robots",
        "creationTimestamp": "2026-03-01T11:00:00Z",
        "labels": LABELS,
        **parts.pop("metadata", {}),
    }
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"backoffLimit": 0}, **parts}


def ended(kind, at="2026-03-01T12:00:00Z"):
    before = {"type": "SuccessCriteriaMet" if kind == "Complete" else "FailureTarget", "status": "True"}
    return {"conditions": [before, {"type": kind, "status": "True", "lastTransitionTime": at}]}


@pytest.mark.parametrize(
    ("status", "phase", "finished"),
    [
        ({}, JobPhase.ACTIVE, None),
        ({"active": 1, "ready": 0}, JobPhase.ACTIVE, None),
        ({"conditions": [{"type": "FailureTarget", "status": "True"}], "terminating": 1}, JobPhase.ACTIVE, None),
        ({"conditions": [{"type": "Suspended", "status": "True"}]}, JobPhase.ACTIVE, None),
        ({"conditions": [{"type": "Failed", "status": "False"}]}, JobPhase.ACTIVE, None),
        (ended("Complete"), JobPhase.SUCCEEDED, datetime(2026, 3, 1, 12, tzinfo=timezone.utc)),
        (ended("Failed"), JobPhase.FAILED, datetime(2026, 3, 1, 12, tzinfo=timezone.utc)),
    ],
)
def test_how_far_a_job_is(status, phase, finished):
    job = kube_facts.agent_job(a_job(status=status))

    assert (job.phase, job.finished_at) == (phase, finished)
    assert (job.name, job.slot, job.attempt, job.deleting) == ("anymal-2-1", 2, 1, False)


def test_a_job_on_its_way_out_still_holds_its_slot():
    job = kube_facts.agent_job(a_job(metadata={"deletionTimestamp": "2026-03-01T12:00:00Z"}))

    assert job.deleting


@pytest.mark.parametrize("labels", [{}, {**LABELS, "wandbsweep.dev/slot": "first"}])
def test_a_job_without_slot_is_nobodys_agent(labels):
    assert kube_facts.agent_job(a_job(metadata={"labels": labels})) is None


def a_pod(*, phase="Running", conditions=(), containers=(), init=(), **metadata):
    return {
        "metadata": {"name": "anymal-2-1-x7k2p", "labels": LABELS, **metadata},
        "spec": {"nodeName": "gpu-7"},
        "status": {
            "phase": phase,
            "conditions": [dict(zip(("type", "status", "reason", "message"), c, strict=False)) for c in conditions],
            "containerStatuses": [{"name": "trainer", "state": state} for state in containers],
            "initContainerStatuses": [{"name": "wandbsweep-runtime", "state": state} for state in init],
        },
    }


def test_a_pod_is_ready_when_its_condition_says_so_and_it_is_not_going():
    ready = [("Ready", "True")]

    assert kube_facts.agent_pod(a_pod(conditions=ready)).ready
    assert not kube_facts.agent_pod(a_pod(conditions=[("Ready", "False")])).ready
    assert not kube_facts.agent_pod(a_pod(conditions=ready, deletionTimestamp="2026-03-01T12:00:00Z")).ready
    assert kube_facts.agent_pod(a_pod()).job_name == "anymal-2-1"


def test_a_pod_without_a_node_tells_the_words_of_the_scheduler():
    words = "0/4 nodes are available: 4 Insufficient nvidia.com/gpu."
    pod = kube_facts.agent_pod(a_pod(phase="Pending", conditions=[("PodScheduled", "False", "Unschedulable", words)]))

    assert pod.unschedulable
    assert pod.waiting == words


@pytest.mark.parametrize(
    ("state", "waiting"),
    [
        ({"waiting": {"reason": "ContainerCreating"}}, None),
        ({"waiting": {"reason": "PodInitializing"}}, None),
        (
            {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image lab/trainer:1"}},
            "ImagePullBackOff: Back-off pulling image lab/trainer:1",
        ),
        ({"waiting": {"reason": "CreateContainerConfigError"}}, "CreateContainerConfigError"),
        ({"running": {"startedAt": "2026-03-01T12:00:00Z"}}, None),
    ],
)
def test_what_a_container_waits_for_is_told_where_it_is_out_of_the_ordinary(state, waiting):
    assert kube_facts.agent_pod(a_pod(phase="Pending", containers=[state])).waiting == waiting


LAST_WORDS = '{"reason": "APIKeyRejected", "message": "W&B does not accept the API key.", "runs": {"finished": 0}}'


@pytest.mark.parametrize(
    ("containers", "init", "code", "message"),
    [
        ([], [], None, None),
        (
            [{"terminated": {"exitCode": 24, "reason": "Error", "message": LAST_WORDS}}],
            [{"terminated": {"exitCode": 0, "reason": "Completed"}}],
            24,
            "APIKeyRejected: W&B does not accept the API key.",
        ),
        (
            [{"terminated": {"exitCode": 137, "reason": "OOMKilled"}}],
            [],
            137,
            "OOMKilled with exit code 137.",
        ),
        (
            [{"terminated": {"exitCode": 1, "reason": "Error", "message": "no JSON at all"}}],
            [],
            1,
            "Error with exit code 1. no JSON at all",
        ),
        (
            [{"waiting": {"reason": "PodInitializing"}}],
            [{"terminated": {"exitCode": 1, "reason": "Error", "message": "/wandbsweep cannot be written"}}],
            1,
            "Error with exit code 1. /wandbsweep cannot be written",
        ),
        ([{"terminated": {"exitCode": 0, "message": "[]"}}], [], 0, "Ended with exit code 0. []"),
    ],
)
def test_the_end_of_a_pod_is_that_of_the_container_that_ended_badly(containers, init, code, message):
    pod = kube_facts.agent_pod(a_pod(phase="Failed", containers=containers, init=init))

    assert (pod.exit_code, pod.exit_message) == (code, message)


def test_a_pod_that_nobody_has_looked_at_yet_can_be_read():
    pod = kube_facts.agent_pod({"metadata": {"name": "anymal-2-1-x7k2p"}, "spec": {}})

    assert (pod.phase, pod.ready, pod.node, pod.waiting, pod.exit_code) == ("Unknown", False, None, None, None)
