"""The Jobs of a search and their pods, as an API server sends them, read into facts."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest

from wandbsweep.agent.exit_codes import SearchExit
from wandbsweep.controller.kube_facts import is_search
from wandbsweep.controller.search_facts import read_search_job
from wandbsweep.pool.facts import JobPhase

LABELS = {
    "app.kubernetes.io/component": "search",
    "app.kubernetes.io/managed-by": "wandbsweep",
    "batch.kubernetes.io/job-name": "anymal-search-1",
    "wandbsweep.dev/attempt": "1",
    "wandbsweep.dev/sweep": "anymal",
}
NOTES = {"wandbsweep.dev/template-digest": "d1", "wandbsweep.dev/sweep-path": "lab/anymal/nkbj7529"}


def a_job(status=None, **metadata):
    sound = {"name": "anymal-search-1", "creationTimestamp": "2026-03-01T11:00:00Z", "labels": LABELS}
    return {"metadata": {**sound, "annotations": NOTES, **metadata}, "status": status or {}}


def a_pod(name="anymal-search-1-x7k2p", *, phase="Running", ready=True, told="3", end=None, **metadata):
    created = metadata.pop("created", "2026-03-01T11:00:01Z")
    sound = {"name": name, "labels": LABELS, "creationTimestamp": created}
    notes = {} if told is None else {"wandbsweep.dev/agent-count": told}
    return {
        "metadata": {**sound, "annotations": notes, **metadata},
        "spec": {"containers": [{"name": "search"}]},
        "status": {
            "phase": phase,
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [{"name": "search", "state": {"terminated": end} if end else {"running": {}}}],
        },
    }


def an_end(code, message=""):
    return {"exitCode": code, "reason": "Error", "message": message, "finishedAt": "2026-03-01T11:05:00Z"}


def test_a_search_is_told_from_an_agent_by_its_label():
    assert is_search(a_job())
    assert not is_search({"metadata": {"labels": {**LABELS, "app.kubernetes.io/component": "agent"}}})
    assert not is_search({"metadata": {}})


def test_a_search_with_its_pod():
    found = read_search_job(a_job(), [a_pod(), a_pod("of-another", labels={})])

    assert (found.name, found.attempt, found.phase) == ("anymal-search-1", 1, JobPhase.ACTIVE)
    assert (found.digest, found.sweep) == ("d1", "lab/anymal/nkbj7529")
    assert (found.ready, found.pod_name, found.told_agents) == (True, "anymal-search-1-x7k2p", 3)
    assert (found.exit_code, found.exit_reason, found.exit_message) == (None, None, None)


def test_a_search_whose_pod_is_not_there_yet():
    found = read_search_job(a_job(), [])

    assert (found.ready, found.pod_name, found.told_agents, found.waiting) == (False, None, None, None)


@pytest.mark.parametrize(("told", "read"), [(None, None), ("many", None), ("-1", None), ("0", 0)])
def test_how_many_agents_it_was_told(told, read):
    assert read_search_job(a_job(), [a_pod(told=told)]).told_agents == read


def test_how_a_search_ended_is_said_in_its_own_words():
    words = json.dumps({"reason": "SearchInvalid", "message": "protein.cost_key: no run has it"})
    ended = {"conditions": [{"type": "Failed", "status": "True", "lastTransitionTime": "2026-03-01T11:06:00Z"}]}

    found = read_search_job(a_job(ended), [a_pod(phase="Failed", ready=False, end=an_end(SearchExit.INVALID, words))])

    assert (found.phase, found.finished_at) == (JobPhase.FAILED, datetime(2026, 3, 1, 11, 6, tzinfo=timezone.utc))
    assert (found.exit_code, found.exit_reason) == (SearchExit.INVALID, "SearchInvalid")
    assert found.exit_message == "SearchInvalid: protein.cost_key: no run has it"
    assert found.pod_name is None


def test_a_search_that_was_killed_left_no_words():
    found = read_search_job(a_job(), [a_pod(phase="Failed", ready=False, end=an_end(137))])

    assert (found.exit_code, found.exit_reason) == (137, None)
    assert found.exit_message == "Error with exit code 137."


def test_of_several_pods_of_a_job_the_living_one_counts_and_else_the_last():
    drained = a_pod("first", phase="Failed", ready=False, end=an_end(20), created="2026-03-01T11:09:00Z")
    going = a_pod("second", deletionTimestamp="2026-03-01T11:04:00Z")

    assert read_search_job(a_job(), [drained, going, a_pod("third")]).pod_name == "third"
    assert read_search_job(a_job(), [going, drained]).exit_code == 20
    assert not read_search_job(a_job(), [going]).ready


def test_what_a_search_waits_for_is_told():
    words = "0/4 nodes are available: 4 Insufficient memory."
    pod = a_pod(phase="Pending", ready=False)
    pod["status"]["conditions"].append(
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": words}
    )

    found = read_search_job(a_job(), [pod])

    assert (found.waiting, found.unschedulable) == (words, True)


@pytest.mark.parametrize("labels", [{}, {**LABELS, "wandbsweep.dev/attempt": "last"}])
def test_a_job_without_an_attempt_is_no_search_of_ours(labels):
    assert read_search_job(a_job(labels=labels), []) is None


def test_a_search_on_its_way_out_says_so():
    assert read_search_job(a_job(deletionTimestamp="2026-03-01T11:04:00Z"), []).deleting
