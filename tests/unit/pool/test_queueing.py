"""Agents of a shared cluster's queue: they wait without failing, and are taken back without a reproach."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from builders import (
    NOW,
    OWNER,
    PATH,
    RUNTIME,
    a_job,
    a_live_object,
    a_pod,
    a_search,
    a_searched_object,
    a_spec,
    a_status,
    a_template,
)
from wandbsweep.api.reasons import ConditionType, Reason
from wandbsweep.pool import gpu_hours, limits, nodes
from wandbsweep.pool.conditions import agents_ready
from wandbsweep.pool.facts import JobPhase
from wandbsweep.pool.jobs import agent_job, template_digest
from wandbsweep.pool.outcome import Outcome
from wandbsweep.pool.retries import failures_in_a_row
from wandbsweep.pool.rolling import QUEUE_PATIENCE
from wandbsweep.pool.search_condition import search_ready
from wandbsweep.pool.search_job import search_job
from wandbsweep.pool.slots import plan_slots
from wandbsweep.pool.status import next_status
from wandbsweep.sweep.search_order import SearchOrder
from wandbsweep.sweep.searching import Engine

QUEUE = "kueue.x-k8s.io/queue-name"
PRIORITY = "kueue.x-k8s.io/priority-class"
QUEUED_OWNER = replace(OWNER, labels={QUEUE: "gpu-research", PRIORITY: "high", "team": "legged"})


def queued(slot, attempt=0, *, since=timedelta(hours=1), **fields):
    """A Job that waits for admission."""
    waiting = {"queue": "gpu-research", "suspended": True, "suspended_since": NOW - since}
    return a_job(slot, attempt, **{**waiting, **fields})


def admitted(slot, attempt=0, **fields):
    return a_job(slot, attempt, queue="gpu-research", **{"started_at": NOW - timedelta(hours=1), **fields})


def a_manifest(owner=OWNER, **fields):
    return agent_job(owner, a_spec(**fields), RUNTIME, PATH, slot=0, attempt=0)


def a_template_with(**metadata):
    return {"metadata": metadata, **a_template()}


def finding(snapshot):
    return agents_ready(snapshot, Outcome(), over=False)


def test_without_a_queue_nothing_is_suspended_since_nobody_would_let_it_go_on():
    assert "suspend" not in a_manifest()["spec"]
    assert "suspend" not in a_manifest(replace(OWNER, labels={"team": "legged", PRIORITY: "high"}))["spec"]
    assert "suspend" not in a_manifest(replace(OWNER, labels={QUEUE: ""}))["spec"]


def test_an_agent_joins_the_queue_that_its_object_names():
    job = a_manifest(QUEUED_OWNER)

    assert job["spec"]["suspend"] is True
    assert job["metadata"]["labels"][QUEUE] == "gpu-research"
    assert job["metadata"]["labels"][PRIORITY] == "high"
    assert "team" not in job["metadata"]["labels"]
    assert job["metadata"]["labels"]["wandbsweep.dev/slot"] == "0"


def test_the_template_may_name_the_queue_and_the_object_has_the_last_word():
    template = a_template_with(labels={QUEUE: "of-template", "kueue.x-k8s.io/max-exec-time-seconds": "600"})

    job = a_manifest(template=template)

    assert job["spec"]["suspend"] is True
    assert job["metadata"]["labels"][QUEUE] == "of-template"
    assert job["metadata"]["labels"]["kueue.x-k8s.io/max-exec-time-seconds"] == "600"
    assert a_manifest(QUEUED_OWNER, template=template)["metadata"]["labels"][QUEUE] == "gpu-research"


def test_topology_priority_and_node_selectors_pass_through_the_template():
    template = a_template_with(
        annotations={
            "kueue.x-k8s.io/podset-required-topology": "cloud.provider.com/topology-rack",
            "provreq.kueue.x-k8s.io/maxRunDurationSeconds": "3600",
        }
    )
    template["spec"] |= {"nodeSelector": {"gpu": "l40s"}, "priorityClassName": "batch", "tolerations": [{"key": "gpu"}]}

    job = a_manifest(QUEUED_OWNER, template=template)

    made = job["spec"]["template"]
    assert made["metadata"]["annotations"] == template["metadata"]["annotations"]
    assert job["metadata"]["annotations"]["provreq.kueue.x-k8s.io/maxRunDurationSeconds"] == "3600"
    for field in ("nodeSelector", "priorityClassName", "tolerations"):
        assert made["spec"][field] == template["spec"][field]


def test_a_search_joins_a_queue_only_if_its_own_template_says_so():
    order = SearchOrder(Engine.SCAN, name="anymal", definition={}, max_runs=None)

    def manifest(**search):
        spec = a_spec(search=search)
        return search_job(QUEUED_OWNER, spec, RUNTIME, PATH, order=order, attempt=0, agent_count=1)

    apart, queued_too = manifest(), manifest(template={"metadata": {"labels": {QUEUE: "cpu"}}})

    assert "suspend" not in apart["spec"]
    assert QUEUE not in apart["metadata"]["labels"]
    assert (queued_too["spec"]["suspend"], queued_too["metadata"]["labels"][QUEUE]) == (True, "cpu")


def test_who_waits_for_admission_is_told_and_is_not_a_failure():
    jobs = (admitted(0), queued(1), queued(2))
    snapshot = a_live_object(spec=a_spec(agentCount=3), jobs=jobs, pods=(a_pod(jobs[0]),))

    told = finding(snapshot)
    status = next_status(snapshot, Outcome(), None)

    assert (told.true, told.reason) == (False, Reason.AGENTS_QUEUED)
    assert told.message == (
        "1 of 3 agents are ready. Job anymal-1-0 and 1 more wait for admission to queue gpu-research."
    )
    assert status.agents.model_dump() == {"desired": 3, "active": 3, "queued": 2, "ready": 1, "summary": "1/3"}
    assert status.condition(ConditionType.READY).reason is Reason.AGENTS_QUEUED


def test_a_job_that_somebody_else_suspended_is_told_of_as_well():
    told = finding(a_live_object(spec=a_spec(agentCount=1), jobs=(queued(0, queue=None),)))

    assert told.message == "0 of 1 agents are ready. Job anymal-0-0 waits for whoever suspended it."


def test_the_pool_is_full_while_agents_wait_and_no_more_are_started():
    plan = plan_slots(a_live_object(spec=a_spec(agentCount=3), jobs=tuple(queued(slot) for slot in range(3))))

    assert (plan.start, plan.remove, plan.ask) == ((), (), ())


def test_those_that_wait_go_first_when_fewer_agents_are_wanted():
    jobs = (admitted(0), queued(1), admitted(2), queued(3, since=timedelta(minutes=1)))
    starting = a_pod(jobs[2], phase="Pending", ready=False, started_at=NOW)
    pool = a_live_object(spec=a_spec(agentCount=3), jobs=jobs, pods=(a_pod(jobs[0]), starting))

    one = plan_slots(pool)
    two = plan_slots(replace(pool, spec=a_spec(agentCount=2)))

    assert [removal.job_name for removal in one.remove] == ["anymal-3-0"]
    assert [removal.job_name for removal in two.remove] == ["anymal-3-0", "anymal-1-0"]


def test_an_agent_keeps_its_place_in_the_queue_when_a_node_may_be_used_again():
    waiting = queued(0, avoids=("gpu-7",))

    assert plan_slots(a_live_object(spec=a_spec(agentCount=1), jobs=(waiting,))).remove == ()


def test_another_queue_replaces_agents_and_another_priority_does_not():
    digests = {
        template_digest(a_spec(), labels)
        for labels in ({}, {QUEUE: "a"}, {QUEUE: "b"}, {QUEUE: "b", PRIORITY: "high"}, {"team": "legged"})
    }

    assert len(digests) == 3
    assert template_digest(a_spec()) in digests


def a_rolling_pool(*, waited, **fields):
    """Two running agents of an older template hold the quota, and two of the new one wait."""
    spec = a_spec(agentCount=4)
    old = tuple(admitted(slot, digest="older") for slot in range(2))
    new = tuple(queued(slot, 1, since=waited, digest=template_digest(spec)) for slot in (2, 3))
    pods = tuple(a_pod(job) for job in old)
    return a_live_object(spec=spec, jobs=(*old, *new), pods=pods, busy={pods[0].name: NOW, pods[1].name: NOW}, **fields)


def test_old_agents_make_room_for_new_ones_that_wait_but_do_not_all_run_away():
    assert len(plan_slots(a_rolling_pool(waited=QUEUE_PATIENCE)).ask) == 1
    assert plan_slots(a_rolling_pool(waited=QUEUE_PATIENCE - timedelta(seconds=1))).ask == ()


def test_an_eviction_costs_no_failure_and_no_delay():
    killed = a_job(0, 1, JobPhase.FAILED, suspended=True, queue="gpu-research", finished_at=NOW - timedelta(seconds=9))
    bad = a_job(0, 0, JobPhase.FAILED)
    snapshot = a_live_object(spec=a_spec(agentCount=1), jobs=(bad, killed))

    assert failures_in_a_row((bad, killed)) == 0
    assert [start.attempt for start in plan_slots(snapshot).start] == [2]


def test_an_evicted_agent_that_is_leaving_its_node_still_holds_its_slot():
    evicted = queued(0, since=timedelta(seconds=5))
    pod = a_pod(evicted, deleting=True, ready=False)
    snapshot = a_live_object(spec=a_spec(agentCount=1), jobs=(evicted,), pods=(pod,))

    assert plan_slots(snapshot) == plan_slots(replace(snapshot, jobs=(replace(evicted, suspended=False),)))
    assert next_status(snapshot, Outcome(), None).agents.queued is None
    assert finding(snapshot).reason is Reason.STARTING


def test_gpu_hours_count_while_a_pod_holds_gpus_and_not_while_its_job_waits():
    jobs = (queued(0), admitted(1))
    ran_before = a_pod(
        jobs[0], started_at=NOW - timedelta(hours=5), ended_at=NOW - timedelta(hours=4), phase="Failed", gpus=2
    )
    gated = a_pod(jobs[1], phase="Pending", ready=False, started_at=None)
    snapshot = a_live_object(jobs=jobs, pods=(ran_before, gated))

    hours = gpu_hours.next_hours(snapshot)

    assert (hours.total, hours.active, hours.preempted) == (2.0, 0.0, 2.0)


@pytest.mark.parametrize("labels", [{QUEUE: "gpu-research"}, {}], ids=["named", "the namespace's own"])
def test_the_deadline_begins_when_the_queue_lets_the_first_agent_in(labels):
    spec = a_spec(limits={"activeDeadlineSeconds": 60})
    status = a_status(start_time=NOW - timedelta(minutes=30))
    waits = a_live_object(spec=spec, labels=labels, status=status, jobs=(queued(0),))
    comes_in = replace(waits, jobs=(admitted(0),))

    first = next_status(comes_in, Outcome(), None)

    assert limits.deadline(waits) is None
    assert next_status(waits, Outcome(), None).admission_time is None
    assert first.admission_time == NOW
    assert limits.deadline(replace(waits, status=first)) == NOW + timedelta(seconds=60)
    assert limits.deadline(replace(waits, labels={}, jobs=(a_job(0),))) == NOW - timedelta(minutes=29)


def test_waiting_in_the_queue_is_no_standstill_for_which_bad_nodes_would_be_used_again():
    bad = a_status(avoided_nodes=[{"name": "gpu-7", "since": NOW - timedelta(minutes=30), "message": "bad GPU"}])
    job = admitted(0, started_at=NOW - timedelta(seconds=20))
    pod = a_pod(job, phase="Pending", ready=False, started_at=None, node=None, unschedulable=True)

    snapshot = a_live_object(status=bad, jobs=(job,), pods=(pod,))

    assert nodes.avoided(snapshot) == ("gpu-7",)
    assert nodes.avoided(replace(snapshot, jobs=(replace(job, started_at=NOW - timedelta(hours=1)),))) == ()


def test_a_search_that_waits_in_a_queue_says_so():
    search = a_search(ready=False, suspended=True, pod_name=None)

    told = search_ready(a_searched_object(search=(search,)), Outcome(), over=False)

    assert told.reason is Reason.SEARCH_STARTING
    assert told.message == "Job anymal-search-0 waits for admission to its queue."
