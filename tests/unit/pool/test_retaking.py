"""A finished scan goes on when its failed trials are to be run once more, and nothing else takes a verdict back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from builders import NOW, PATH, PROTEIN, SCAN, a_reading, a_search, a_searched_object
from wandbsweep.api.reasons import ConditionType, Phase, Reason
from wandbsweep.api.status import ConditionStatus, Runs
from wandbsweep.pool.actions import DeleteObject, SetSweepState, StartSearch
from wandbsweep.pool.facts import Problem, SweepState
from wandbsweep.pool.outcome import Outcome
from wandbsweep.pool.planning import make_plan
from wandbsweep.pool.searching import wanted_digest
from wandbsweep.pool.status import next_status

AGAIN = SetSweepState(PATH, "RUNNING", why=Reason.SCAN_RETAKEN, revive=True)
UNREACHABLE = Problem(Reason.SERVER_UNREACHABLE, "W&B does not answer")


def finished(*, retry=1, told=0, method=SCAN, reading=None, spec=None, **fields):
    """An object whose scan ended, as the pass finds it that comes after an edit."""
    reading = reading or a_reading(state="FINISHED", finished=3, failed=1)
    live = a_searched_object(method=method, told=told, reading=reading)
    over = next_status(live, Outcome(), make_plan(live).verdict)
    edited = a_searched_object(method=method, spec={"search": {"retryFailed": retry}, **(spec or {})})
    return replace(edited, status=over, reading=None, generation=2, **fields)


def after(snapshot, *done, problem=None):
    return next_status(snapshot, Outcome(on_wandb=done, wandb_problem=problem), None)


def test_a_finished_scan_is_run_again_on_w_and_b_when_its_failed_trials_are_to_be_run_again():
    assert make_plan(finished()).actions == (AGAIN,)


def test_the_verdict_is_taken_back_once_that_is_done():
    status = after(finished(), AGAIN)

    assert (status.phase, status.completion_time, status.sweep_state) == (Phase.RUNNING, None, "RUNNING")
    for kind in (ConditionType.COMPLETE, ConditionType.FAILED):
        assert status.condition(kind).status is ConditionStatus.FALSE
    assert status.condition(ConditionType.SEARCH_READY).reason is Reason.SEARCH_STARTING
    assert status.runs.failed == 1
    assert status.retried_failed == 0  # the search was not told yet


def test_what_else_was_edited_is_read_in_the_next_pass():
    status = after(finished(), AGAIN)

    assert status.condition(ConditionType.SWEEP_VALID) is None or (
        status.condition(ConditionType.SWEEP_VALID).observed_generation != 2
    )
    assert status.observed_generation == 1


def test_the_next_search_is_told_how_often_failed_trials_are_run_again():
    over = finished()
    live = replace(over, status=after(over, AGAIN), reading=a_reading(finished=3, failed=1))

    (start,) = (action for action in make_plan(live).actions if isinstance(action, StartSearch))

    assert start.order.retry_failed == 1
    told = next_status(live, Outcome(started_search="anymal-search-0"), None)
    assert told.retried_failed == 1


def test_the_same_number_takes_a_scan_up_once():
    again = finished(retry=1, told=1)

    assert make_plan(again).actions == ()


def test_an_old_look_at_w_and_b_ends_the_scan_again_and_it_is_taken_up_again():
    over = finished()
    stale = replace(
        over, status=after(over, AGAIN), reading=a_reading(state="FINISHED", method="scan", finished=3, failed=1)
    )
    verdict = make_plan(stale).verdict
    assert verdict is not None

    ended = replace(stale, status=next_status(stale, Outcome(), verdict), reading=None)

    assert make_plan(ended).actions == (AGAIN,)


def test_a_w_and_b_that_cannot_be_told_leaves_the_verdict_as_it_is_and_is_told_later():
    over = finished()

    status = after(over, problem=UNREACHABLE)

    assert status.completion_time == over.status.completion_time
    assert status.phase is Phase.SUCCEEDED
    assert make_plan(over).look_again > timedelta()


def test_why_w_and_b_cannot_be_told_is_in_the_conditions():
    reachable = after(finished(), problem=UNREACHABLE).condition(ConditionType.WANDB_REACHABLE)

    assert (reachable.status, reachable.reason) == (ConditionStatus.FALSE, Reason.SERVER_UNREACHABLE)


def test_the_clock_of_the_deadline_starts_anew():
    over = finished(spec={"limits": {"activeDeadlineSeconds": 60}})
    begun = over.status.model_copy(update={"start_time": NOW - timedelta(hours=1)})
    over = replace(over, status=begun, now=NOW + timedelta(minutes=5))
    live = replace(over, status=after(over, AGAIN), reading=a_reading(finished=3, failed=1))

    assert make_plan(live).verdict is None
    late = make_plan(replace(live, now=live.now + timedelta(seconds=61))).verdict
    assert late.reason is Reason.DEADLINE_EXCEEDED


def test_a_scan_of_which_all_trials_failed_is_taken_up_as_well():
    assert make_plan(finished(reading=a_reading(state="FINISHED", failed=4))).actions == (AGAIN,)


STAYS_OVER = {
    "no trial failed": {"reading": a_reading(state="FINISHED", finished=4)},
    "another method": {"method": PROTEIN},
    "cancelled on W&B": {"reading": a_reading(state="CANCELED", finished=3, failed=1)},
    "the definition was edited": {"searched": None},
    "no more often than before": {"retry": 0},
}


@pytest.mark.parametrize("fields", STAYS_OVER.values(), ids=STAYS_OVER)
def test_everything_else_stays_over(fields):
    assert AGAIN not in make_plan(finished(**fields)).actions


def test_an_object_that_is_being_deleted_is_not_taken_up():
    deleted = finished(deleted_at=NOW)

    assert AGAIN not in make_plan(deleted).actions


def test_an_object_whose_time_is_over_is_taken_up_rather_than_deleted():
    late = replace(finished(spec={"ttlSecondsAfterFinished": 0}), now=NOW + timedelta(hours=1))

    assert make_plan(late).actions == (AGAIN,)
    told = replace(late, status=late.status.model_copy(update={"retried_failed": 1}))
    assert make_plan(told).actions == (DeleteObject(),)


def test_a_scan_that_was_never_told_is_not_taken_up():
    over = finished()
    untold = replace(over, status=over.status.model_copy(update={"retried_failed": None, "runs": Runs(failed=1)}))

    assert make_plan(untold).actions == ()


def test_the_search_of_the_ended_scan_does_not_hinder_the_next():
    over = finished()
    digest = wanted_digest(replace(over, reading=a_reading()))
    live = replace(
        over,
        status=after(over, AGAIN),
        reading=a_reading(finished=3, failed=1, state=SweepState.RUNNING.value),
        search=(a_search(deleting=True, digest="the one before"),),
    )

    assert not any(isinstance(action, StartSearch) for action in make_plan(live).actions)
    (start,) = (a for a in make_plan(replace(live, search=())).actions if isinstance(a, StartSearch))
    assert digest is not None
    assert start.attempt == 0
