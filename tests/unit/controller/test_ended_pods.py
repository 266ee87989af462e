"""The hours of a pod that is gone before anybody looked are not lost, and none are counted twice."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from wandbsweep.controller.ended_pods import EndedPods
from wandbsweep.controller.object_loops import ObjectKey

KEY = ObjectKey("robots", "anymal")
OTHER = ObjectKey("robots", "spot")
NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


def moment(at):
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def a_pod(uid="u1", *, phase="Succeeded", started=True):
    end = {"terminated": {"exitCode": 0, "finishedAt": moment(NOON)}}
    running = {"running": {"startedAt": moment(NOON - timedelta(hours=1))}}
    status = {
        "phase": phase,
        "containerStatuses": [{"name": "trainer", "state": end if phase == "Succeeded" else running}],
    }
    if started:
        status["startTime"] = moment(NOON - timedelta(hours=1))
    created = moment(NOON - timedelta(hours=2))
    return {
        "metadata": {"name": f"anymal-0-0-{uid}", "uid": uid, "creationTimestamp": created},
        "spec": {"containers": [{"name": "trainer"}]},
        "status": status,
    }


def uids(pods):
    return [pod.uid for pod in pods]


def test_a_pod_that_ended_is_kept_until_a_pass_has_accounted_for_it():
    ended = EndedPods()
    ended.saw(KEY, a_pod(), now=NOON, gone=False)
    ended.saw(KEY, a_pod(), now=NOON, gone=True)
    assert uids(ended.of(KEY, since=None)) == ["u1"]
    assert ended.of(OTHER, since=None) == ()

    ended.settle(KEY, ["u1"])

    assert ended.of(KEY, since=None) == ()


def test_a_pod_that_was_accounted_for_while_it_was_there_is_not_kept_when_it_goes():
    ended = EndedPods()
    ended.settle(KEY, ["u1"])

    ended.saw(KEY, a_pod(), now=NOON, gone=False)
    ended.saw(KEY, a_pod(), now=NOON, gone=True)

    assert ended.of(KEY, since=None) == ()


def test_pods_that_are_running_or_never_ran_hold_nothing_to_account_for():
    ended = EndedPods()
    ended.saw(KEY, a_pod(phase="Running"), now=NOON, gone=False)
    ended.saw(KEY, a_pod("u2", phase="Pending", started=False), now=NOON, gone=True)

    assert ended.of(KEY, since=None) == ()


def test_a_pod_that_is_gone_without_an_end_ended_when_it_went():
    ended = EndedPods()
    ended.saw(KEY, a_pod(phase="Running"), now=NOON, gone=True)

    (pod,) = ended.of(KEY, since=None)

    assert (pod.ended_at, pod.phase, pod.ready) == (NOON, "Failed", False)


def test_pods_of_a_namesake_that_was_deleted_are_not_those_of_its_successor():
    ended = EndedPods()
    ended.saw(KEY, a_pod(), now=NOON, gone=True)

    assert ended.of(KEY, since=NOON - timedelta(hours=1)) == ()
    assert uids(ended.of(KEY, since=NOON - timedelta(hours=3))) == ["u1"]


def test_nothing_is_kept_of_an_object_that_is_gone():
    ended = EndedPods()
    ended.saw(KEY, a_pod(), now=NOON, gone=True)

    ended.forget(KEY)

    assert ended.of(KEY, since=None) == ()


def test_the_pods_of_a_search_are_not_kept():
    ended, pod = EndedPods(), a_pod()
    pod["metadata"]["labels"] = {"app.kubernetes.io/component": "search"}

    ended.saw(KEY, pod, now=NOON, gone=True)

    assert ended.of(KEY, since=None) == ()
