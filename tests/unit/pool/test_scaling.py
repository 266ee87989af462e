"""Who goes when agentCount is lowered: first those without a run, then those whose run is youngest."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from builders import NOW, a_job, a_live_object, a_pod, a_spec
from wandbsweep.pool.slots import plan_slots, wants_busy

JOBS = tuple(a_job(slot) for slot in range(4))
PODS = tuple(a_pod(job) for job in JOBS)


def a_pool(count, *, busy=None, pods=PODS):
    """Four agents, of which `count` are wanted; `busy` has the minutes since the run of a slot began."""
    since = None if busy is None else {PODS[slot].name: NOW - timedelta(minutes=age) for slot, age in busy.items()}
    return a_live_object(spec=a_spec(agentCount=count), jobs=JOBS, pods=pods, busy=since)


def removed_slots(plan):
    return [int(removal.job_name.split("-")[1]) for removal in plan.remove]


def test_idle_agents_go_first_whatever_their_slot():
    plan = plan_slots(a_pool(2, busy={0: 5, 3: 600}))

    assert sorted(removed_slots(plan)) == [1, 2]


def test_of_busy_agents_those_go_that_lose_the_least():
    plan = plan_slots(a_pool(1, busy={0: 5, 1: 600, 2: 60, 3: 1}))

    assert removed_slots(plan) == [3, 0, 2]


def test_an_agent_that_still_waits_for_a_node_goes_before_one_that_waits_for_a_run():
    waiting = (*PODS[:2], a_pod(JOBS[2], phase="Pending", ready=False, started_at=None), PODS[3])

    plan = plan_slots(a_pool(3, busy={3: 10}, pods=waiting))

    assert removed_slots(plan) == [2]


def test_a_suspended_job_has_no_pod_and_goes_first():
    plan = plan_slots(a_pool(3, busy={}, pods=PODS[1:]))

    assert removed_slots(plan) == [0]


def test_while_w_and_b_cannot_tell_who_is_busy_no_run_is_lost():
    plan = plan_slots(a_pool(3))

    assert plan.remove == ()
    assert len(plan.ask) == 1


def test_whoever_was_asked_to_leave_is_not_replaced_by_another_that_is_asked():
    leaving = (*PODS[:3], a_pod(JOBS[3], leaving=True))

    assert plan_slots(a_pool(3, pods=leaving)).ask == ()


def test_a_pool_of_none_needs_no_choice():
    plan = plan_slots(a_pool(0))

    assert sorted(removed_slots(plan)) == [0, 1, 2, 3]
    assert not wants_busy(a_pool(0))


def test_w_and_b_is_asked_who_is_busy_only_when_somebody_running_has_to_go():
    waiting = (*PODS[:3], a_pod(JOBS[3], phase="Pending"))

    assert wants_busy(a_pool(3))
    assert not wants_busy(a_pool(4))
    assert not wants_busy(a_pool(3, pods=waiting))


minutes = st.none() | st.integers(0, 600)
phases = st.sampled_from(["Pending", "Running", "Unknown"])


@given(st.lists(st.tuples(minutes, phases), min_size=4, max_size=4), st.integers(0, 4))
def test_no_busy_agent_goes_while_an_idle_one_stays_and_none_while_a_younger_run_stays(work, count):
    pods = tuple(a_pod(job, phase=phase, ready=phase == "Running") for job, (_, phase) in zip(JOBS, work, strict=True))
    busy = {slot: age for slot, (age, phase) in enumerate(work) if age is not None and phase == "Running"}

    gone = set(removed_slots(plan_slots(a_pool(count, busy=busy, pods=pods))))

    assert len(gone) == 4 - count
    stay = set(range(4)) - gone
    if gone & busy.keys():
        assert stay <= busy.keys()
        assert all(busy[young] <= busy[old] for young in gone & busy.keys() for old in stay)
