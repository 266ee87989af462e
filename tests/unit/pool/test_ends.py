"""The end of a sweep and of its object: the verdict first, then the agents, then what W&B has to be told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from builders import NOW, PATH, UID, a_job, a_live_object, a_new_object, a_pod, a_reading, a_spec, a_status, a_token
from wandbsweep.agent.causes import Cause
from wandbsweep.api.reasons import ConditionType, Reason
from wandbsweep.api.status import ConditionStatus
from wandbsweep.pool import ends
from wandbsweep.pool.actions import DeleteObject, FindAndStop, ReleaseObject, RemoveAgent, SetSweepState
from wandbsweep.pool.creation import SETTLING
from wandbsweep.pool.ends import owes_stop
from wandbsweep.pool.facts import Intent, JobPhase, Problem
from wandbsweep.pool.outcome import Outcome
from wandbsweep.pool.planning import make_plan
from wandbsweep.pool.status import next_status
from wandbsweep.sweep.wandb_config import marker

UNREACHABLE = Problem(Reason.SERVER_UNREACHABLE, "W&B does not answer")
STOP = SetSweepState(PATH, "FINISHED")


def over(*, state="RUNNING", **fields):
    """An object that ended at NOW, and how its sweep stood on W&B at that time."""
    return a_live_object(status=a_status(sweep_state=state, completion_time=NOW), reading=None, **fields)


def after(snapshot, *done, problem=None):
    return next_status(snapshot, Outcome(on_wandb=done, wandb_problem=problem), None)


def test_the_verdict_is_written_before_anything_is_done_about_it():
    plan = make_plan(a_live_object(jobs=(a_job(0),), reading=a_reading(finished=2, run_cap=2)))

    assert plan.verdict is not None
    assert plan.actions == ()
    assert not plan.look_again


def test_why_the_last_runs_ended_is_told_after_the_verdict_too():
    reading = a_reading(state="FINISHED", finished=2, failures={Cause.NAN_METRIC: 1})
    status = after(replace(over(state="FINISHED"), reading=reading))

    assert status.failures == {"nan-metric": 1}
    assert status.completion_time == NOW


def test_after_the_verdict_every_agent_goes_and_a_sweep_that_would_go_on_is_stopped():
    plan = make_plan(over(jobs=(a_job(0), a_job(1, phase=JobPhase.SUCCEEDED))))

    assert plan.actions[0] == STOP
    assert [action.job_name for action in plan.actions[1:]] == ["anymal-0-0", "anymal-1-0"]


def test_a_job_whose_pod_is_not_in_the_account_yet_stays_for_one_more_pass():
    ended = a_job(0, phase=JobPhase.SUCCEEDED)

    plan = make_plan(over(state="FINISHED", jobs=(ended,), pods=(a_pod(ended, ended_at=NOW),)))

    assert plan.actions == ()


@pytest.mark.parametrize("state", ["FINISHED", "CANCELED", "CRASHED", "FLAPPING"])
def test_a_sweep_that_is_over_on_w_and_b_is_left_as_it_is(state):
    assert make_plan(over(state=state)).actions == ()
    assert make_plan(over(state=state)).look_again is None


def test_a_paused_sweep_is_stopped_as_well():
    assert make_plan(over(state="PAUSED")).actions == (STOP,)


def test_a_sweep_that_was_deleted_on_w_and_b_needs_no_stop():
    deleted = a_live_object(reading=None, sweep_missing=True)
    plan = make_plan(deleted)

    ended = next_status(deleted, Outcome(), plan.verdict)

    assert not owes_stop(ended)
    assert ended.condition(ConditionType.FAILED).reason is Reason.SWEEP_DELETED


def test_what_was_stopped_is_not_stopped_again():
    status = after(over(), STOP)

    assert status.sweep_state == "FINISHED"
    assert not owes_stop(status)


def test_a_w_and_b_that_is_down_holds_up_no_agent_and_is_told_later():
    down = over(jobs=(a_job(0),))

    status = after(down, problem=UNREACHABLE)

    assert RemoveAgent("anymal-0-0", running=True, why="the sweep is over") in make_plan(down).actions
    assert owes_stop(status)
    reachable = status.condition(ConditionType.WANDB_REACHABLE)
    assert reachable is None or reachable.status is ConditionStatus.FALSE
    assert make_plan(down).look_again == ends.RETRY


def test_the_stop_is_tried_ever_less_often_and_never_given_up():
    a_day_later = replace(over(), now=NOW + timedelta(days=1))

    assert make_plan(a_day_later).actions == (STOP,)
    assert make_plan(a_day_later).look_again == ends.LONGEST_RETRY


def test_an_object_is_deleted_when_its_time_is_over():
    spec = a_spec(ttlSecondsAfterFinished=60)
    ended = over(state="FINISHED", spec=spec)

    early, late = make_plan(ended), make_plan(replace(ended, now=NOW + timedelta(seconds=60)))

    assert early.look_again == timedelta(seconds=60)
    assert early.actions == ()
    assert late.actions == (DeleteObject(),)


def test_an_object_waits_a_while_for_its_sweep_to_be_stopped_before_it_is_deleted():
    ended = over(spec=a_spec(ttlSecondsAfterFinished=0))

    assert make_plan(ended).actions == (STOP,)
    assert make_plan(replace(ended, now=NOW + ends.CLEANUP_PATIENCE)).actions == (DeleteObject(),)


def test_the_deletion_of_an_ended_object_makes_good_what_is_owed():
    assert make_plan(over(deleted_at=NOW)).actions == (STOP, ReleaseObject())
    assert make_plan(over(state="FINISHED", deleted_at=NOW)).actions == (ReleaseObject(),)


def test_a_w_and_b_that_refuses_to_stop_the_sweep_of_an_ended_object_does_not_hold_it_for_ever():
    refused = over(deleted_at=NOW - ends.CLEANUP_PATIENCE, wandb_problem=UNREACHABLE)

    (release,) = make_plan(refused).actions

    assert isinstance(release, ReleaseObject)
    assert release.gave_up


def test_a_paused_sweep_is_stopped_when_its_object_is_deleted():
    spec = a_spec(suspend=True)
    paused = a_live_object(spec=spec, status=a_status(suspended=Reason.SUSPENDED), reading=a_reading(state="PAUSED"))

    assert make_plan(replace(paused, deleted_at=NOW)).actions == (STOP, ReleaseObject())


def test_deletion_waits_until_a_creation_can_no_longer_be_under_way():
    half_way = a_new_object(deleted_at=NOW, has_finalizer=True, intent=Intent(NOW - SETTLING / 2, a_token()))

    plan = make_plan(half_way)

    assert plan.actions == ()
    assert plan.look_again <= SETTLING / 2


def test_deletion_stops_the_sweep_of_an_edit_that_was_cut_short():
    """The first sweep is in the history, and stopped; the second may have been created."""
    second = a_token(2, method="grid")
    status = a_status(sweep_id=None, sweep_path=None)
    snapshot = a_new_object(
        status=status, deleted_at=NOW, has_finalizer=True, intent=Intent(NOW - timedelta(hours=1), second)
    )

    assert make_plan(snapshot).actions == (
        FindAndStop(None, "anymal", marker(UID, second), "FINISHED"),
        ReleaseObject(),
    )


def test_deletion_between_two_sweeps_has_nothing_to_stop():
    status = a_status(sweep_id=None, sweep_path=None)
    snapshot = a_new_object(status=status, deleted_at=NOW, has_finalizer=True, intent=Intent(NOW, a_token()))

    assert make_plan(snapshot).actions == (ReleaseObject(),)


def test_an_object_of_another_controller_is_left_alone():
    foreign = a_spec(managedBy="kueue.x-k8s.io/multikueue")
    for snapshot in (
        a_new_object(spec=foreign),
        a_live_object(spec=foreign, jobs=(a_job(0),), deleted_at=NOW),
        over(spec=foreign, jobs=(a_job(0),)),
    ):
        assert make_plan(snapshot).actions == ()
        assert next_status(snapshot, Outcome(), None) == snapshot.status


def test_an_object_that_names_this_operator_is_its_own():
    assert make_plan(a_new_object(spec=a_spec(managedBy="wandbsweep.dev/operator"))).actions
