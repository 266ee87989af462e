"""Jobs and pods as an API server sends them, read into facts."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def test_an_agent_says_what_became_of_its_time():
    words = json.dumps({"reason": "RunsFailed", "message": "m", "seconds": {"startup": 3, "failed": 60.5, "other": 1}})
    pod = kube_facts.agent_pod(a_pod(phase="Failed", containers=[the_end(1, 21, message=words)]))

    assert pod.exit_reason == "RunsFailed"
    assert pod.seconds == {"startup": 3.0, "failed": 60.5}


@pytest.mark.parametrize("amount", ["-1", "1e999", "NaN", "true", '"7"', "null", "[]", "9" * 400])
def test_times_that_cannot_be_are_not_believed(amount):
    words = f'{{"reason": "Done", "message": "m", "seconds": {{"idle": 1, "finished": {amount}}}}}'
    pod = kube_facts.agent_pod(a_pod(phase="Succeeded", containers=[the_end(1, message=words)]))

    assert (pod.exit_reason, pod.seconds) == ("Done", None)


def test_the_words_are_those_of_the_agent_and_not_of_another_container():
    pod = a_pod(phase="Failed", containers=[the_end(1, message=LAST_WORDS)])
    pod["status"]["containerStatuses"].insert(
        0, {"name": "a-sidecar", "state": the_end(2, 137, reason="OOMKilled", message="Killed")}
    )

    facts = kube_facts.agent_pod(pod)

    assert (facts.exit_reason, facts.oom_killed) == ("APIKeyRejected", False)


@pytest.mark.parametrize(
    ("end", "pod", "killed"),
    [
        (the_end(1, 137, reason="OOMKilled"), {}, True),
        (the_end(1, 137, reason="Error"), {}, True),
        (the_end(1, 137, reason="Error"), {"deletionTimestamp": at(0)}, False),
        (the_end(1, 137, reason="Error"), {"conditions": [("DisruptionTarget", "True")]}, False),
        (the_end(1, 137, reason="OOMKilled"), {"deletionTimestamp": at(0)}, True),
        (the_end(1, 21, reason="OOMKilled", message=LAST_WORDS), {}, False),
        (the_end(1, 1, reason="Error"), {}, False),
        ({"running": {}}, {}, False),
    ],
    ids=["oom", "killed", "grace over", "evicted", "oom while it goes", "trainer alone", "error", "running"],
)
def test_a_container_that_was_killed_as_a_whole_ran_out_of_memory(end, pod, killed):
    assert kube_facts.agent_pod(a_pod(phase="Failed", containers=[end], **pod)).oom_killed is killed


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
NEARLY_WORDS = st.fixed_dictionaries(
    {}, optional={"reason": ANYTHING, "message": ANYTHING, "runs": ANYTHING, "seconds": ANYTHING}
)
TIMES = st.fixed_dictionaries(
    {
        "reason": st.text(),
        "message": st.text(),
        "seconds": st.dictionaries(st.sampled_from(["idle", "startup", "x"]), ANYTHING),
    }
)


@given(message=st.text() | ANYTHING.map(json.dumps) | NEARLY_WORDS.map(json.dumps) | TIMES.map(json.dumps))
def test_no_last_words_whatsoever_stop_the_operator(message):
    pod = kube_facts.agent_pod(a_pod(phase="Failed", containers=[the_end(1, 1, message=message)]))

    assert pod.exit_message
    assert all(amount >= 0 for amount in (pod.seconds or {}).values())


def test_words_that_are_nested_without_end_are_no_words():
    pod = kube_facts.agent_pod(a_pod(phase="Failed", containers=[the_end(1, 1, message="[" * 100_000)]))

    assert pod.exit_reason is None
