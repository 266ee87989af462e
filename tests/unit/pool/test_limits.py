"""The ends that a user sets: each with its own reason, and with W&B or without."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from builders import NOW, a_job, a_live_object, a_new_object, a_pod, a_reading, a_spec, a_status
from wandbsweep.agent.causes import Cause
from wandbsweep.api.reasons import Reason
from wandbsweep.pool.facts import Best, Problem
from wandbsweep.pool.planning import make_plan
from wandbsweep.pool.verdict import decide

UNREACHABLE = Problem(Reason.SERVER_UNREACHABLE, "W&B does not answer")
HOUR = timedelta(hours=1)


def limited(*, status=None, **limits):
    spec = a_spec(limits=limits)
    return a_live_object(spec=spec, status=status or a_status(start_time=NOW - HOUR))


def reason(snapshot):
    verdict = decide(snapshot)
    return verdict and verdict.reason


def with_best(value, goal):
    best = Best("r1", "walk-1", "http://wandb.test/r1", "reward", value, {})
    return a_reading(finished=3, running=1, best=best, goal=goal)


@pytest.mark.parametrize(
    ("value", "goal", "reached"),
    [
        (0.9, "maximize", True),
        (0.95, "maximize", True),
        (0.89, "maximize", False),
        (0.9, "minimize", True),
        (0.1, "minimize", True),
        (0.91, "minimize", False),
        (0.95, None, False),
    ],
)
def test_a_run_that_is_good_enough_completes_the_sweep_in_the_direction_of_its_goal(value, goal, reached):
    snapshot = replace(limited(target=0.9), reading=with_best(value, goal))

    assert reason(snapshot) is (Reason.TARGET_REACHED if reached else None)


@pytest.mark.parametrize(("waiting", "failed"), [(timedelta(seconds=5), False), (timedelta(seconds=30), True)])
def test_a_run_that_failed_for_a_reason_nobody_told_yet_fails_the_sweep_only_after_a_while(waiting, failed):
    failures = {Cause.TRAINER_ERROR: 3}
    reading = a_reading(failed=3, finished=9, failures=failures, unexplained=1, unexplained_since=NOW - waiting)

    assert reason(replace(limited(maxFailedRuns=3), reading=reading)) is (Reason.MAX_FAILED_RUNS if failed else None)


def test_the_verdict_names_the_run_that_was_good_enough():
    verdict = decide(replace(limited(target=0.9), reading=with_best(0.95, "maximize")))

    assert verdict is not None
    assert verdict.succeeded
    assert "walk-1 reached reward 0.95" in verdict.message


def test_failed_runs_count_that_the_users_code_brought_about():
    failures = {Cause.TRAINER_ERROR: 2, Cause.NAN_METRIC: 1}

    verdict = decide(replace(limited(maxFailedRuns=3), reading=a_reading(failed=3, finished=9, failures=failures)))

    assert verdict is not None
    assert verdict.reason is Reason.MAX_FAILED_RUNS
    assert "1 nan-metric, 2 trainer-error" in verdict.message


def test_what_the_infrastructure_did_is_not_held_against_the_sweep():
    failures = {cause: 50 for cause in Cause if not cause.of_user}

    assert reason(replace(limited(maxFailedRuns=1), reading=a_reading(failures=failures))) is None


def test_the_deadline_fails_the_sweep_also_while_w_and_b_is_out_of_reach():
    late = replace(limited(activeDeadlineSeconds=3600), reading=None, wandb_problem=UNREACHABLE)

    assert reason(late) is Reason.DEADLINE_EXCEEDED
    assert reason(replace(late, now=NOW - timedelta(seconds=1))) is None


def test_the_deadline_holds_also_between_two_sweeps_of_an_object():
    between = a_new_object(spec=a_spec(limits={"activeDeadlineSeconds": 60}), status=a_status(sweep_path=None))

    assert reason(between) is None
    started = a_status(sweep_path=None, start_time=NOW - HOUR)
    assert reason(replace(between, status=started)) is Reason.DEADLINE_EXCEEDED


def test_the_clock_starts_anew_when_a_suspended_sweep_is_resumed():
    resumed = a_status(start_time=NOW - 5 * HOUR, since=NOW - timedelta(minutes=10))
    suspended = a_status(start_time=NOW - 5 * HOUR, suspended=Reason.SUSPENDED)

    assert reason(limited(activeDeadlineSeconds=3600, status=resumed)) is None
    assert reason(limited(activeDeadlineSeconds=3600, status=suspended)) is None
    assert reason(limited(activeDeadlineSeconds=600, status=resumed)) is Reason.DEADLINE_EXCEEDED


def test_hours_of_gpus_end_the_sweep_whatever_became_of_them():
    pods = tuple(a_pod(a_job(slot), gpus=2) for slot in range(2))  # each for an hour
    used = replace(limited(maxGPUHours=4.0), pods=pods, reading=a_reading(finished=1, running=2))

    verdict = decide(used)

    assert verdict is not None
    assert (verdict.succeeded, verdict.reason) == (True, Reason.GPU_HOURS_USED)
    assert reason(replace(limited(maxGPUHours=4.1), pods=pods)) is None


def test_hours_that_led_to_no_finished_run_fail_the_sweep():
    pods = (a_pod(a_job(0), gpus=8),)

    assert reason(replace(limited(maxGPUHours=1), pods=pods, reading=a_reading(failed=4))) is Reason.ALL_RUNS_FAILED


def test_a_sweep_that_is_done_is_not_failed_by_its_deadline():
    done = replace(limited(activeDeadlineSeconds=1), reading=a_reading(finished=2, run_cap=2))

    assert reason(done) is Reason.RUN_CAP_REACHED


@pytest.mark.parametrize("seconds", [1, 3])
def test_a_pass_comes_at_the_moment_of_the_deadline(seconds):
    snapshot = limited(activeDeadlineSeconds=3600, status=a_status(start_time=NOW - HOUR + timedelta(seconds=seconds)))

    assert make_plan(snapshot).look_again <= timedelta(seconds=seconds)


def test_a_pass_comes_when_the_hours_will_be_used_up():
    pods = (a_pod(a_job(0), gpus=8),)
    snapshot = replace(limited(maxGPUHours=8 + 8 / 3600), pods=pods, jobs=(a_job(0),))

    assert timedelta() < make_plan(snapshot).look_again <= timedelta(seconds=1.001)
