"""Warm-ups as an API server sends them, what is told of them, and that nobody takes them for agents."""

from __future__ import annotations

import json
from datetime import datetime, timezone

from builders import NOW, a_job, a_live_object, a_pod, a_spec
from wandbsweep.api.reasons import Reason
from wandbsweep.controller import events
from wandbsweep.controller.ended_pods import EndedPods
from wandbsweep.controller.isaac_facts import is_warm_up, read_warm_up_job
from wandbsweep.controller.kube_facts import agent_pod, is_agent
from wandbsweep.controller.object_loops import ObjectKey
from wandbsweep.pool.facts import JobPhase, WarmUpJob
from wandbsweep.pool.outcome import Outcome

LABELS = {
    "app.kubernetes.io/component": "warm-up",
    "app.kubernetes.io/managed-by": "wandbsweep",
    "batch.kubernetes.io/job-name": "anymal-warm-up-1",
    "wandbsweep.dev/attempt": "1",
    "wandbsweep.dev/sweep": "anymal",
}
CREATED = "2026-03-01T11:00:00Z"
H100 = "NVIDIA H100 80GB HBM3"


def job_body(status=None, **metadata):
    notes = {"wandbsweep.dev/template-digest": "d1"}
    sound = {"name": "anymal-warm-up-1", "creationTimestamp": CREATED, "labels": LABELS, "annotations": notes}
    return {"metadata": {**sound, **metadata}, "status": status or {}}


def pod_body(*, words=None, code=0, conditions=(), created="2026-03-01T11:00:01Z", phase="Succeeded"):
    end = {"exitCode": code, "message": json.dumps(words), "finishedAt": "2026-03-01T11:05:00Z"}
    state = {"terminated": end} if words else {"running": {}}
    return {
        "metadata": {"name": "p", "uid": "u", "labels": LABELS, "creationTimestamp": created},
        "spec": {"containers": [{"name": "trainer"}]},
        "status": {
            "phase": phase,
            "startTime": CREATED,
            "conditions": list(conditions),
            "containerStatuses": [{"name": "trainer", "state": state}],
        },
    }


def a_status(kind, **fields):
    return {"conditions": [{"type": kind, "status": "True", "lastTransitionTime": "2026-03-01T11:06:00Z", **fields}]}


def test_a_warm_up_is_told_from_an_agent_and_a_search_by_its_label():
    search = {"metadata": {"labels": {**LABELS, "app.kubernetes.io/component": "search"}}}

    assert is_warm_up(job_body())
    assert not is_warm_up({"metadata": {}})
    assert [is_agent(body) for body in (job_body(), search, {"metadata": {}})] == [False, False, True]


def test_one_that_ended_with_its_words_and_its_gpu():
    words = {"reason": "Done", "message": "The warm-up filled x.", "gpu": H100}

    found = read_warm_up_job(job_body(a_status("Complete")), [pod_body(words=words)])

    assert (found.name, found.attempt, found.phase, found.digest) == ("anymal-warm-up-1", 1, JobPhase.SUCCEEDED, "d1")
    assert found.finished_at == datetime(2026, 3, 1, 11, 6, tzinfo=timezone.utc)
    assert (found.exit_message, found.gpu) == ("Done: The warm-up filled x.", H100)


def test_one_that_waits_for_a_node():
    kept_out = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}

    found = read_warm_up_job(job_body(), [pod_body(conditions=[kept_out], phase="Pending")])

    assert (found.phase, found.unschedulable, found.waiting) == (JobPhase.ACTIVE, True, "0/3 nodes")


def test_of_several_pods_the_last_counts():
    first = pod_body(words={"reason": "Drained", "message": "Asked to end."}, code=20)
    second = pod_body(
        words={"reason": "WarmUpFailed", "message": "It ended with code 1."}, code=40, created=CREATED[:-3] + "9Z"
    )

    assert read_warm_up_job(job_body(), [first, second]).exit_message.startswith("WarmUpFailed")


def test_of_one_without_a_pod_kubernetes_says_what_happened():
    failed = a_status("Failed", reason="DeadlineExceeded", message="Job was active longer than specified deadline")

    found = read_warm_up_job(job_body(failed), [])

    assert found.exit_message == "DeadlineExceeded: Job was active longer than specified deadline"


def test_a_job_without_the_operators_labels_is_none():
    assert read_warm_up_job(job_body(labels={}), []) is None


def test_its_pods_are_not_accounted_for_as_agents():
    kept, key = EndedPods(), ObjectKey("robots", "anymal")
    kept.saw(key, pod_body(words={"reason": "Done", "message": "x"}), now=NOW, gone=True)

    assert kept.of(key, since=None) == ()


def test_an_agent_tells_its_gpu_too():
    words = {"reason": "Done", "message": "x", "seconds": {"idle": 1}, "gpu": H100}

    assert agent_pod(pod_body(words=words)).gpu == H100
    assert agent_pod(pod_body(words={**words, "gpu": 7})).gpu is None


def reasons(snapshot, outcome=None):
    return [(event.reason, event.warning) for event in events.of_isaac(snapshot, outcome or Outcome())]


def test_its_beginning_and_its_end_are_told():
    done = WarmUpJob("anymal-warm-up-0", 0, JobPhase.SUCCEEDED, NOW, exit_message="Done: filled.")
    failed = WarmUpJob("anymal-warm-up-1", 1, JobPhase.FAILED, NOW, exit_message="WarmUpFailed: code 1.")

    assert reasons(a_live_object(), Outcome(started_warm_up="anymal-warm-up-0")) == [(Reason.WARM_UP_STARTED, False)]
    assert reasons(a_live_object(warm_ups=(done, failed))) == [
        (Reason.WARM_UP_DONE, False),
        (Reason.WARM_UP_FAILED, True),
    ]
    (_, told) = events.of_isaac(a_live_object(warm_ups=(done, failed)), Outcome())
    assert told.message == "Job anymal-warm-up-1 ended badly. WarmUpFailed: code 1. Agents start all the same."


def test_a_gpu_that_cannot_trace_rays_is_told_once_however_many_pods_are_on_it():
    spec = a_spec(isaac={"acceptEULA": True, "profile": "camera"})
    pods = tuple(a_pod(a_job(slot), gpu=H100) for slot in range(3))

    (event,) = events.of_isaac(a_live_object(spec=spec, pods=pods), Outcome())

    assert (event.reason, event.warning, event.key) == (Reason.NO_RAY_TRACING, True, H100)
    assert event.message.startswith(f"A pod was on {H100}, a GPU without ray-tracing cores, and spec.isaac.profile")
