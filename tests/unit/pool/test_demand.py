"""Fewer runs than agents: nobody holds a GPU for a run that will not come."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import NOW, PATH, a_job, a_live_object, a_pod, a_reading, a_spec
from unit.pool.world import World
from wandbsweep.api.reasons import ConditionType, Reason
from wandbsweep.api.status import ConditionStatus
from wandbsweep.pool.actions import AskToLeave, RemoveAgent, StartAgent
from wandbsweep.pool.demand import runs_left, wanted_agents
from wandbsweep.pool.facts import Problem
from wandbsweep.pool.outcome import Outcome
from wandbsweep.pool.slots import plan_slots, wants_busy
from wandbsweep.pool.status import next_status

JOBS = tuple(a_job(slot, sweep=str(PATH)) for slot in range(4))
PODS = tuple(a_pod(job) for job in JOBS)
TAIL = {"finished": 8, "running": 2}
WHY = "fewer runs are left than agents"


def a_tail(*, busy=(2, 3), pods=PODS, jobs=JOBS, runs=None, max_runs=10, **fields):
    """Four agents and a budget of ten runs, of which two are left."""
    since = None if busy is None else {PODS[slot].name: NOW - timedelta(hours=1) for slot in busy}
    spec = a_spec(agentCount=4, maxRuns=max_runs)
    return a_live_object(spec=spec, jobs=jobs, pods=pods, busy=since, reading=a_reading(**(runs or TAIL)), **fields)


def test_agents_that_no_run_is_left_for_are_asked_to_leave():
    snapshot = a_tail()

    plan = plan_slots(snapshot)

    assert wants_busy(snapshot)
    assert {(ask.pod_name, ask.why) for ask in plan.ask} == {(PODS[0].name, WHY), (PODS[1].name, WHY)}
    assert (plan.remove, plan.start) == ((), ())


def test_an_agent_that_still_waits_for_a_node_goes_instead_of_being_asked():
    waiting = tuple(a_pod(job, phase="Pending", ready=False, started_at=None) for job in JOBS[:2])
    snapshot = a_tail(pods=(*waiting, *PODS[2:]))

    plan = plan_slots(snapshot)

    assert not wants_busy(snapshot)
    assert {removal.job_name for removal in plan.remove} == {JOBS[0].name, JOBS[1].name}
    assert plan.ask == ()


def test_an_agent_whose_job_has_just_begun_or_is_just_ending_is_left_alone():
    assert plan_slots(a_tail(pods=PODS[2:])).remove == ()


def test_a_preempted_run_keeps_an_agent_for_itself():
    plan = plan_slots(a_tail(busy=(3,), runs={"finished": 8, "running": 1, "preempted": 1}))

    assert len(plan.ask) == 2


def test_a_busy_agent_never_goes_for_it():
    """W&B may have given up a run whose trainer only cannot be heard."""
    plan = plan_slots(a_tail(busy=(0, 1, 2, 3)))

    assert (plan.ask, plan.remove) == ((), ())


def test_while_nobody_knows_who_is_idle_or_what_is_left_everybody_stays():
    away = Problem(Reason.SERVER_UNREACHABLE, "W&B does not answer")

    for snapshot in (a_tail(busy=None), a_tail(wandb_problem=away), replace(a_tail(), reading=None)):
        plan = plan_slots(snapshot)
        assert (plan.ask, plan.remove) == ((), ())


def test_whoever_was_asked_already_counts_as_gone():
    leaving = (a_pod(JOBS[0], leaving=True), a_pod(JOBS[1], leaving=True), *PODS[2:])
    snapshot = a_tail(pods=leaving)

    assert not wants_busy(snapshot)
    assert plan_slots(snapshot).ask == ()


def test_an_agent_that_went_comes_back_for_a_run_that_comes_back():
    pool = {"jobs": JOBS[2:], "pods": PODS[2:]}

    assert plan_slots(a_tail(**pool)).start == ()
    back = plan_slots(a_tail(**pool, runs={"finished": 7, "preempted": 1, "running": 2}))

    assert [type(start) for start in back.start] == [StartAgent]


def test_status_wants_as_many_agents_as_there_are_runs_left():
    snapshot = a_tail(jobs=JOBS[2:], pods=PODS[2:])

    status = next_status(snapshot, Outcome(), None)

    ready = status.condition(ConditionType.AGENTS_READY)
    assert status.agents.summary == "2/2"
    assert (ready.status, ready.reason) == (ConditionStatus.TRUE, Reason.ALL_READY)
    assert ready.message == "2 of 2 agents are ready. No more runs are left than these."


def test_without_an_end_that_is_known_there_is_work_for_all():
    endless = a_tail(max_runs=None)

    assert runs_left(endless, endless.reading) is None
    assert wanted_agents(endless) == 4
    assert plan_slots(endless).ask == ()


STATES = ("running", "preempted", "pending", "finished", "failed", "crashed", "killed")


@given(
    runs=st.dictionaries(st.sampled_from(STATES), st.integers(0, 6)),
    busy=st.sets(st.integers(0, 3)),
    cap=st.integers(1, 30),
)
def test_whoever_stays_suffices_for_the_runs_that_are_left_and_no_busy_one_goes(runs, busy, cap):
    snapshot = a_tail(busy=busy, runs=runs, max_runs=cap)
    plan = plan_slots(snapshot)

    going = {ask.pod_name for ask in plan.ask} | {removal.job_name for removal in plan.remove}
    assert not going & {PODS[slot].name for slot in busy}
    assert not any(isinstance(action, RemoveAgent) and action.running for action in plan.remove)
    assert all(isinstance(action, AskToLeave) for action in plan.ask)
    assert len(PODS) - len(going) >= wanted_agents(snapshot)


@pytest.mark.parametrize("seed", range(3))
def test_at_the_end_of_a_sweep_no_more_agents_are_there_than_runs_are_left(seed):
    """W&B's server lets agents wait to the end of the sweep: the pool does not."""
    world = World(seed, runs=9, run_seconds=3000, nodes=[("one", 4), ("two", 4)], agentCount=8)
    idle_for = timedelta()
    while world.status.completion_time is None:
        world.run(timedelta(minutes=1))
        sweep = world.sweep
        runs = 0 if sweep is None else sweep.cap - sum(run.state == "finished" for run in sweep.runs)
        more = len(world.agents()) > max(runs, 0) and world.status.completion_time is None
        idle_for = idle_for + timedelta(minutes=1) if more else timedelta()
        assert idle_for <= timedelta(minutes=2), "agents hold GPUs that no run is left for"
        assert world.now < NOW + timedelta(hours=6)
    assert world.sweep is not None
    assert world.sweep.counts() == {"finished": 9}
