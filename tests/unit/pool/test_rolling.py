"""A changed template reaches all agents, one after the other, and a bad one costs a single agent."""

from __future__ import annotations

from datetime import timedelta

from builders import NOW, a_job, a_live_object, a_pod, a_spec
from wandbsweep.api.reasons import Reason
from wandbsweep.pool.actions import AskToLeave
from wandbsweep.pool.facts import JobPhase, Problem
from wandbsweep.pool.jobs import template_digest
from wandbsweep.pool.slots import plan_slots, wants_busy

SPEC = a_spec(agentCount=3)
NEW = template_digest(SPEC)
OLD = tuple(a_job(slot, digest="older") for slot in range(3))
PODS = tuple(a_pod(job) for job in OLD)


def a_pool(jobs=OLD, pods=PODS, **fields):
    return a_live_object(spec=SPEC, jobs=jobs, pods=pods, **fields)


def busy(*ages):
    """How long the runs of the first slots have been going on, in minutes."""
    return {pod.name: NOW - timedelta(minutes=age) for pod, age in zip(PODS, ages, strict=False)}


def removed(plan):
    return [removal.job_name for removal in plan.remove]


def test_a_busy_agent_is_asked_to_leave_after_its_run_the_one_with_the_oldest_run_first():
    plan = plan_slots(a_pool(busy=busy(10, 300, 20)))

    assert plan.ask == (AskToLeave(PODS[1].name, "the template changed"),)
    assert plan.remove == ()


def test_an_idle_agent_is_replaced_first_and_at_once():
    plan = plan_slots(a_pool(busy=busy(10, 300)))

    assert removed(plan) == ["anymal-2-0"]
    assert plan.ask == ()


def test_the_next_one_waits_until_the_one_before_has_left():
    leaving = (a_pod(OLD[0], leaving=True), *PODS[1:])

    plan = plan_slots(a_pool(pods=leaving, busy=busy(1, 2, 3)))

    assert (plan.remove, plan.ask) == ((), ())


def test_the_next_one_waits_until_the_successor_is_there_and_ready():
    successor = a_job(0, 1, digest=NEW)
    jobs = (successor, *OLD[1:])
    starting, ready = a_pod(successor, ready=False), a_pod(successor)

    nobody_yet = plan_slots(a_pool(jobs=OLD[1:], pods=PODS[1:]))
    not_ready = plan_slots(a_pool(jobs=jobs, pods=(starting, *PODS[1:])))
    then = plan_slots(a_pool(jobs=jobs, pods=(ready, *PODS[1:])))

    assert (nobody_yet.ask, len(nobody_yet.start)) == ((), 1)
    assert not_ready.ask == ()
    assert len(then.ask) == 1


def test_a_template_that_does_not_work_takes_no_second_agent():
    failed = a_job(0, 1, JobPhase.FAILED, digest=NEW, finished_at=NOW - timedelta(seconds=30))
    again = a_job(0, 2, digest=NEW)

    waiting = plan_slots(a_pool(jobs=(failed, *OLD[1:]), pods=PODS[1:]))
    trying = plan_slots(a_pool(jobs=(failed, again, *OLD[1:]), pods=(a_pod(again, ready=False), *PODS[1:])))

    assert (waiting.ask, trying.ask) == ((), ())
    assert (removed(waiting), removed(trying)) == ([], [])


def test_agents_that_have_not_begun_are_replaced_together():
    stuck = tuple(a_pod(job, phase="Pending", ready=False) for job in OLD)

    assert removed(plan_slots(a_pool(pods=stuck))) == ["anymal-0-0", "anymal-1-0", "anymal-2-0"]


def test_a_pool_that_is_larger_than_the_cluster_rolls_all_the_same():
    stuck = a_pod(OLD[2], phase="Pending", ready=False, unschedulable=True)
    first = plan_slots(a_pool(pods=(*PODS[:2], stuck), busy=busy(5, 9)))
    ready, waiting = a_job(2, 1, digest=NEW), a_job(1, 1, digest=NEW)
    pods = (PODS[0], a_pod(ready), a_pod(waiting, phase="Pending", ready=False, unschedulable=True))
    then = plan_slots(a_pool(jobs=(OLD[0], ready, waiting), pods=pods, busy=busy(5)))

    assert (len(first.ask), removed(first)) == (1, ["anymal-2-0"])
    assert len(then.ask) == 1


def test_nothing_is_replaced_when_nothing_changed_or_nobody_could_follow():
    same = tuple(a_job(slot, digest=NEW) for slot in range(3))
    unmarked = tuple(a_job(slot) for slot in range(3))
    refused = Problem(Reason.TEMPLATE_REJECTED, "no such field")
    away = Problem(Reason.SERVER_UNREACHABLE, "no answer")

    for pool in (
        a_pool(jobs=same),
        a_pool(jobs=unmarked),
        a_pool(definition_problem=refused),
        a_pool(wandb_problem=away),
    ):
        plan = plan_slots(pool)
        assert (plan.ask, plan.remove) == ((), ())
        assert not wants_busy(pool)


def test_w_and_b_is_asked_who_is_busy_when_the_next_agent_is_to_be_replaced():
    assert wants_busy(a_pool())
    assert not wants_busy(a_pool(pods=(a_pod(OLD[0], leaving=True), *PODS[1:])))


def test_the_digest_is_of_what_agents_are_made_from_and_of_nothing_else():
    changes = [
        {"template": {"spec": {"containers": [{"name": "trainer", "image": "lab/trainer:2"}]}}},
        {"trial": {"timeoutSeconds": 60}},
        {"checkpoint": {"claimName": "runs"}},
        {"runsPerAgent": 3},
        {"wandb": {"apiKeySecretRef": {"name": "other"}}},
    ]
    no_changes = [{"agentCount": 7}, {"maxRuns": 9}, {"suspend": True}, {"trial": {"startupRetries": 1}}]

    assert len({template_digest(a_spec(**change)) for change in changes} | {template_digest(a_spec())}) == 6
    assert {template_digest(a_spec(**same)) for same in no_changes} == {template_digest(a_spec())}
