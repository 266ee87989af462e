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


def test_a_job_tells_its_queue_and_whether_and_since_when_it_may_have_no_pods():
    labels = {**LABELS, "kueue.x-k8s.io/queue-name": "gpu-research"}
    since = {"type": "Suspended", "status": "True", "lastTransitionTime": "2026-03-01T12:00:00Z"}
    resumed = {"conditions": [{**since, "status": "False"}], "startTime": "2026-03-01T13:00:00Z"}

    waits = kube_facts.agent_job(
        a_job(metadata={"labels": labels}, spec={"suspend": True}, status={"conditions": [since]})
    )
    runs = kube_facts.agent_job(a_job(metadata={"labels": labels}, spec={"suspend": False}, status=resumed))

    assert (waits.queue, waits.suspended, waits.started_at) == ("gpu-research", True, None)
    assert waits.suspended_since == datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
    assert (runs.suspended, runs.suspended_since) == (False, None)
    assert runs.started_at == datetime(2026, 3, 1, 13, tzinfo=timezone.utc)
    assert (kube_facts.agent_job(a_job()).queue, kube_facts.agent_job(a_job()).suspended) == (None, False)


@pytest.mark.parametrize("labels", [{}, {**LABELS, "wandbsweep.dev/slot": "first"}])
def test_a_job_without_slot_is_nobodys_agent(labels):
    assert kube_facts.agent_job(a_job(metadata={"labels": labels})) is None


def a_pod(*, phase="Running", conditions=(), containers=(), init=(), **metadata):
    return {
        "metadata": {"name": "anymal-2-1-x7k2p", "labels": LABELS, **metadata},
        "spec": {"nodeName": "gpu-7", "containers": [{"name": "trainer"}]},
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


def test_a_pod_that_nobody_has_looked_at_yet_can_be_read():
    pod = kube_facts.agent_pod({"metadata": {"name": "anymal-2-1-x7k2p"}, "spec": {}})

    assert (pod.phase, pod.ready, pod.node, pod.waiting, pod.exit_code) == ("Unknown", False, None, None, None)
    assert (pod.gpus, pod.started_at, pod.ended_at, pod.seconds, pod.oom_killed) == (0, None, None, None, False)


def test_a_job_says_what_it_was_made_from_and_on_which_sweep_it_works():
    notes = {"wandbsweep.dev/template-digest": "d1", "wandbsweep.dev/sweep-path": "lab/anymal/nkbj7529"}
    job = kube_facts.agent_job(a_job(metadata={"annotations": notes}))

    assert (job.digest, job.sweep) == ("d1", "lab/anymal/nkbj7529")
    assert kube_facts.agent_job(a_job()).digest is None


def with_limits(*limits, init=()):
    pod = a_pod()
    pod["spec"]["containers"] = [{"name": f"c{n}", "resources": {"limits": each}} for n, each in enumerate(limits)]
    pod["spec"]["initContainers"] = [{"name": "i", "resources": {"limits": each}} for each in init]
    return pod


@pytest.mark.parametrize(
    ("pod", "gpus"),
    [
        (with_limits({"nvidia.com/gpu": "2", "memory": "8Gi", "cpu": "4"}), 2),
        (with_limits({"nvidia.com/gpu": 1}, {"nvidia.com/gpu": "1"}, {}), 2),
        (with_limits({"nvidia.com/mig-1g.10gb": "3"}), 3),
        (with_limits({"amd.com/gpu": "4"}), 4),
        (with_limits({}, init=[{"nvidia.com/gpu": "8"}]), 0),
        (with_limits({"nvidia.com/gpu": "many"}), 0),
        (with_limits({"example.com/gpus-of-a-friend": "1"}), 0),
    ],
)
def test_the_gpus_of_a_pod_are_those_that_its_containers_hold(pod, gpus):
    assert kube_facts.agent_pod(pod).gpus == gpus


def at(minute):
    return f"2026-03-01T12:{minute:02}:00Z"


def a_moment(minute):
    return datetime(2026, 3, 1, 12, minute, tzinfo=timezone.utc)


def the_end(minute, code=0, **more):
    return {"terminated": {"exitCode": code, "finishedAt": at(minute), **more}}


def test_a_pod_holds_its_gpus_until_its_last_container_ended():
    ended_pod = a_pod(phase="Succeeded", containers=[the_end(7), the_end(9)], init=[the_end(1)])
    ended_pod["status"]["startTime"] = at(0)

    pod = kube_facts.agent_pod(ended_pod)

    assert (pod.started_at, pod.ended_at) == (a_moment(0), a_moment(9))
    assert kube_facts.agent_pod(a_pod(containers=[the_end(7), {"running": {}}])).ended_at is None


def test_a_pod_that_was_lost_with_its_node_ended_when_it_was_given_up():
    lost = a_pod(phase="Failed")
    lost["status"]["conditions"] = [{"type": "Ready", "status": "False", "lastTransitionTime": at(5)}]

    assert kube_facts.agent_pod(lost).ended_at == a_moment(5)


def test_a_pod_tells_that_it_was_asked_to_leave_and_that_it_is_going():
    asked = kube_facts.agent_pod(a_pod(annotations={"wandbsweep.dev/leave": "after-run"}))
    going = kube_facts.agent_pod(a_pod(deletionTimestamp=at(0)))

    assert (asked.leaving, asked.deleting) == (True, False)
    assert (going.leaving, going.deleting) == (False, True)
