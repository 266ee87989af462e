"""Pauses: an object that says suspend is paused, always; a pause on W&B's page is followed; each ends its own way."""

from __future__ import annotations

import pytest

from builders import PATH, a_job, a_live_object, a_new_object, a_pod, a_reading, a_spec, a_status
from wandbsweep.api.reasons import ConditionType, Phase, Reason
from wandbsweep.api.status import ConditionStatus
from wandbsweep.pool.actions import AskToLeave, CreateSweep, RemoveAgent, SetSweepState, StartAgent
from wandbsweep.pool.facts import Problem
from wandbsweep.pool.outcome import Outcome
from wandbsweep.pool.planning import make_plan
from wandbsweep.pool.status import next_status

UNREACHABLE = Problem(Reason.SERVER_UNREACHABLE, "W&B does not answer")
SUSPEND = a_spec(suspend=True)
JOBS = (a_job(0), a_job(1))
PODS = tuple(a_pod(job) for job in JOBS)
POOL = {"jobs": JOBS, "pods": PODS}
PAUSE = SetSweepState(PATH, "PAUSED")
RESUME = SetSweepState(PATH, "RUNNING")


def suspended_by(reason, **fields):
    return a_live_object(status=a_status(suspended=reason), **fields)


def names(plan, kind):
    return [getattr(action, "job_name", None) or action.pod_name for action in plan.actions if isinstance(action, kind)]


def condition_after(snapshot, outcome=None):
    condition = next_status(snapshot, outcome or Outcome(), None).condition(ConditionType.SUSPENDED)
    return condition.status is ConditionStatus.TRUE, condition.reason


def test_whose_pause_it_is_stands_in_the_status_before_the_sweep_is_paused():
    snapshot = a_live_object(spec=SUSPEND, **POOL)

    plan = make_plan(snapshot)

    assert plan.actions == ()
    assert not plan.look_again
    assert condition_after(snapshot) == (True, Reason.SUSPENDED)


def test_the_sweep_is_paused_before_its_agents_go():
    plan = make_plan(suspended_by(Reason.SUSPENDED, spec=SUSPEND, **POOL))

    assert plan.actions[0] == PAUSE
    assert names(plan, RemoveAgent) == ["anymal-0-0", "anymal-1-0"]


def test_after_run_asks_the_agents_to_leave_and_removes_those_that_only_wait():
    waiting = a_job(2)
    pods = (PODS[0], a_pod(JOBS[1], leaving=True), a_pod(waiting, phase="Pending", ready=False, started_at=None))
    spec = a_spec(suspend=True, drainPolicy="AfterRun", agentCount=3)

    plan = make_plan(suspended_by(Reason.SUSPENDED, spec=spec, jobs=(*JOBS, waiting), pods=pods))

    assert plan.actions[0] == PAUSE
    assert names(plan, AskToLeave) == [PODS[0].name]
    assert names(plan, RemoveAgent) == [waiting.name]


def test_gpus_are_given_back_also_while_w_and_b_is_out_of_reach():
    snapshot = suspended_by(Reason.SUSPENDED, spec=SUSPEND, wandb_problem=UNREACHABLE, **POOL)

    plan = make_plan(snapshot)

    assert names(plan, RemoveAgent) == ["anymal-0-0", "anymal-1-0"]
    assert PAUSE not in plan.actions
    assert plan.look_again


def test_a_paused_sweep_is_left_in_peace():
    plan = make_plan(suspended_by(Reason.SUSPENDED, spec=SUSPEND, reading=a_reading(state="PAUSED")))

    assert plan.actions == ()


def test_a_suspended_sweep_that_somebody_resumes_on_w_and_b_is_paused_again():
    plan = make_plan(suspended_by(Reason.SUSPENDED, spec=SUSPEND, reading=a_reading(state="RUNNING", running=1)))

    assert plan.actions == (PAUSE,)


def test_the_sweep_is_resumed_before_its_agents_come():
    paused = suspended_by(Reason.SUSPENDED, reading=a_reading(state="PAUSED", preempted=2))
    resumed = suspended_by(Reason.SUSPENDED, reading=a_reading(state="RUNNING"))

    assert make_plan(paused).actions == (RESUME,)
    assert condition_after(paused) == (True, Reason.SUSPENDED)
    assert [type(action) for action in make_plan(resumed).actions] == [StartAgent, StartAgent]
    assert condition_after(resumed) == (False, Reason.NOT_SUSPENDED)


def test_nothing_comes_back_before_w_and_b_was_seen_to_hand_out_again():
    unseen = suspended_by(Reason.SUSPENDED, reading=None, wandb_problem=UNREACHABLE)

    assert make_plan(unseen).actions == ()
    assert condition_after(unseen) == (True, Reason.SUSPENDED)


def test_a_pause_on_w_and_b_is_followed_after_the_run():
    snapshot = a_live_object(reading=a_reading(state="PAUSED", running=2), **POOL)

    plan = make_plan(snapshot)

    assert names(plan, AskToLeave) == [pod.name for pod in PODS]
    assert not any(isinstance(action, StartAgent | RemoveAgent | SetSweepState) for action in plan.actions)
    assert condition_after(snapshot) == (True, Reason.PAUSED_ON_WANDB)


def test_a_pause_on_w_and_b_ends_when_it_is_resumed_there():
    snapshot = suspended_by(Reason.PAUSED_ON_WANDB, reading=a_reading(state="RUNNING"))

    assert len([action for action in make_plan(snapshot).actions if isinstance(action, StartAgent)]) == 2
    assert condition_after(snapshot) == (False, Reason.NOT_SUSPENDED)


def test_the_pause_of_a_person_outlives_a_suspension():
    paused = a_reading(state="PAUSED")
    suspended = suspended_by(Reason.PAUSED_ON_WANDB, spec=SUSPEND, reading=paused)
    no_more = suspended_by(Reason.PAUSED_ON_WANDB, reading=paused)

    assert condition_after(suspended) == (True, Reason.PAUSED_ON_WANDB)
    assert make_plan(no_more).actions == ()
    assert condition_after(no_more) == (True, Reason.PAUSED_ON_WANDB)


def test_a_person_who_resumes_what_is_suspended_leaves_a_pause_of_the_operator():
    resumed = suspended_by(Reason.PAUSED_ON_WANDB, spec=SUSPEND, reading=a_reading())

    assert make_plan(resumed).actions == ()
    assert condition_after(resumed) == (True, Reason.SUSPENDED)


@pytest.mark.parametrize("state", ["FINISHED", "CANCELED"])
def test_stop_and_cancel_on_w_and_b_are_final_suspended_or_not(state):
    plan = make_plan(suspended_by(Reason.SUSPENDED, spec=SUSPEND, reading=a_reading(state=state, finished=1)))

    assert plan.verdict is not None


def test_an_object_that_is_suspended_from_the_start_gets_its_sweep_and_no_agent():
    snapshot = a_new_object(spec=SUSPEND)

    assert isinstance(make_plan(snapshot).actions[-1], CreateSweep)
    assert condition_after(snapshot) == (True, Reason.SUSPENDED)
    status = next_status(snapshot, Outcome(), None)
    assert status.phase is Phase.PENDING


def test_the_status_tells_of_the_pause_and_wants_no_agents():
    status = next_status(suspended_by(Reason.SUSPENDED, spec=SUSPEND, **POOL), Outcome(), None)

    assert status.phase is Phase.SUSPENDED
    assert status.agents.desired == 0
    assert status.condition(ConditionType.AGENTS_READY).reason is Reason.SUSPENDED
    assert status.condition(ConditionType.READY).reason is Reason.SUSPENDED
