"""The verdict on a searched sweep waits for the last words of its search, and not for long."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from builders import NOW, a_job, a_reading, a_search, a_searched_object
from wandbsweep.api.reasons import Reason
from wandbsweep.pool.actions import StartAgent, StartSearch
from wandbsweep.pool.closing import PATIENCE
from wandbsweep.pool.facts import JobPhase
from wandbsweep.pool.planning import make_plan

SECOND = timedelta(seconds=1)


def done(*, state="FINISHED", search=None, since=NOW, **fields):
    """A sweep whose budget of two is used."""
    reading = replace(a_reading(state=state, finished=2), quiet_since=since)
    jobs = (search or a_search(),)
    return a_searched_object(spec={"maxRuns": 2, **fields.pop("spec", {})}, reading=reading, search=jobs, **fields)


@pytest.mark.parametrize("state", ["RUNNING", "FINISHED"])
def test_a_search_that_is_at_work_is_waited_for(state):
    plan = make_plan(done(state=state))

    assert plan.verdict is None
    assert timedelta() < plan.look_again <= timedelta(seconds=5)
    assert not any(isinstance(action, StartAgent | StartSearch) for action in plan.actions)


def test_when_it_has_ended_w_and_b_is_looked_at_once_more():
    just_ended = a_search(0, JobPhase.SUCCEEDED, finished_at=NOW)
    seen_after = replace(a_reading(state="FINISHED", finished=2, at=NOW + 2 * SECOND), quiet_since=NOW)

    assert make_plan(done(search=just_ended)).verdict is None
    assert make_plan(done(search=just_ended)).look_again <= SECOND
    later = replace(done(search=just_ended), now=NOW + 2 * SECOND, reading=seen_after)
    assert make_plan(later).verdict.reason is Reason.RUN_CAP_REACHED


def test_no_end_waits_for_more_than_a_minute():
    assert make_plan(done(since=NOW - PATIENCE)).verdict is not None


def test_a_sweep_without_a_search_is_over_at_once():
    assert make_plan(replace(done(), search=())).verdict is not None
    assert make_plan(done(search=a_search(deleting=True))).verdict is not None
    assert make_plan(done(search=a_search(sweep="lab/anymal/old"))).verdict is not None


def test_what_a_limit_or_a_person_ends_waits_for_nothing():
    cancelled = replace(done(), reading=a_reading(state="CANCELED", finished=1))
    late = done(spec={"limits": {"activeDeadlineSeconds": 60}, "maxRuns": 9}, state="RUNNING")
    late = replace(late, status=late.status.model_copy(update={"start_time": NOW - timedelta(hours=1)}))

    assert make_plan(cancelled).verdict.reason is Reason.SWEEP_CANCELED
    assert make_plan(late).verdict.reason is Reason.DEADLINE_EXCEEDED


def test_agents_stay_as_they_are_meanwhile():
    assert make_plan(replace(done(), jobs=(a_job(0), a_job(1)))).actions == ()
