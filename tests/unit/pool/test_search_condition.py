"""Condition SearchReady: what a user reads of the search of a sweep."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from builders import (
    NOW,
    PROTEIN,
    SCAN,
    a_live_object,
    a_new_object,
    a_reading,
    a_search,
    a_searched_object,
    a_spec,
    a_status,
    a_sweep,
)
from wandbsweep.agent.exit_codes import SearchExit
from wandbsweep.api.reasons import ConditionType, Reason
from wandbsweep.api.status import ConditionStatus
from wandbsweep.pool.facts import JobPhase, Problem
from wandbsweep.pool.outcome import Outcome
from wandbsweep.pool.planning import make_plan
from wandbsweep.pool.searching import wanted_digest
from wandbsweep.pool.status import next_status

TRUE, FALSE = ConditionStatus.TRUE, ConditionStatus.FALSE


def status_of(snapshot, outcome=None):
    return next_status(snapshot, outcome or Outcome(), make_plan(snapshot).verdict)


def condition(snapshot, outcome=None, kind=ConditionType.SEARCH_READY):
    return status_of(snapshot, outcome).condition(kind)


def says(snapshot, outcome=None):
    found = condition(snapshot, outcome)
    return found.status, found.reason


def failed(attempt=0, **fields):
    digest = wanted_digest(a_searched_object())
    seconds = timedelta(seconds=3)
    job = a_search(attempt, JobPhase.FAILED, finished_at=NOW - seconds, created_at=NOW - 2 * seconds, digest=digest)
    return replace(job, **fields)


def test_a_sweep_that_w_and_b_searches_has_no_such_condition():
    assert condition(a_live_object()) is None
    assert condition(a_new_object()) is None


def test_before_there_is_a_sweep_there_is_nothing_to_search():
    assert says(a_new_object(spec=a_spec(sweep=a_sweep(**PROTEIN)))) == (FALSE, Reason.NO_SWEEP)


def test_a_search_that_is_ready_is_named():
    found = condition(a_searched_object(search=(a_search(),)))

    assert (found.status, found.reason) == (TRUE, Reason.SEARCH_RUNNING)
    assert "anymal-search-0" in found.message


def test_what_the_first_search_waits_for_is_the_first_thing_that_keeps_the_sweep_from_being_ready():
    waiting = a_searched_object(search=(a_search(ready=False, waiting="ErrImagePull: no such image"),))

    assert says(waiting) == (FALSE, Reason.SEARCH_STARTING)
    assert "ErrImagePull" in condition(waiting).message
    assert condition(waiting, kind=ConditionType.READY).reason is Reason.SEARCH_STARTING
    agents = condition(waiting, kind=ConditionType.AGENTS_READY)
    assert (agents.reason, agents.message) == (Reason.STARTING, "Agents start once the search is ready.")


def test_a_search_that_ended_badly_tells_why_and_when_the_next_one_starts():
    found = condition(a_searched_object(search=(failed(exit_message="SearchFailed: singular matrix"),)))

    assert (found.status, found.reason) == (FALSE, Reason.SEARCH_FAILING)
    assert "singular matrix" in found.message
    assert "12:00:07 UTC" in found.message


def test_searches_that_fail_one_after_the_other_are_told_while_the_next_is_tried():
    jobs = (failed(0), failed(1, exit_message="SearchFailed: no"), a_search(2, ready=False))

    found = condition(a_searched_object(search=jobs))

    assert found.reason is Reason.SEARCH_FAILING
    assert "anymal-search-1: SearchFailed: no" in found.message
    assert "anymal-search-2" in found.message


def test_a_search_that_ended_well_too_early_is_only_starting():
    assert says(a_searched_object(search=(failed(phase=JobPhase.SUCCEEDED),))) == (FALSE, Reason.SEARCH_STARTING)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (SearchExit.INVALID, Reason.SEARCH_INVALID),
        (SearchExit.UNSUPPORTED, Reason.SCHEDULER_UNSUPPORTED),
        (SearchExit.ENGINE_MISSING, Reason.SEARCH_ENGINE_MISSING),
    ],
)
def test_what_only_an_edit_can_mend_has_a_reason_of_its_own(code, reason):
    found = condition(a_searched_object(search=(failed(exit_code=int(code), exit_message="no package optuna"),)))

    assert (found.status, found.reason) == (FALSE, reason)
    assert "no package optuna" in found.message
    assert "before spec changes" in found.message


def test_a_job_that_the_api_server_refuses_is_told():
    refused = Problem(Reason.SEARCH_REJECTED, "exceeded quota")

    assert says(a_searched_object(), Outcome(search_problem=refused)) == (FALSE, Reason.SEARCH_REJECTED)


def test_a_definition_that_cannot_be_read_any_more_is_told_only_where_a_search_is_missing():
    gone = Problem(Reason.SEARCH_INVALID, "the ConfigMap is gone")
    snapshot = a_searched_object(searched=None, searched_problem=gone)

    assert says(snapshot) == (FALSE, Reason.SEARCH_INVALID)
    assert says(replace(snapshot, search=(a_search(),))) == (TRUE, Reason.SEARCH_RUNNING)


@pytest.mark.parametrize("reason", [Reason.SUSPENDED, Reason.PAUSED_ON_WANDB])
def test_a_pause_is_a_reason(reason):
    suspended = a_searched_object(
        spec={"suspend": reason is Reason.SUSPENDED},
        reading=a_reading(state="PAUSED"),
        status={"conditions": [*a_status(suspended=reason).conditions, *a_searched_object().status.conditions[1:]]},
    )

    assert says(suspended) == (FALSE, reason)


def test_a_stopped_sweep_whose_last_runs_train_needs_no_search():
    assert says(a_searched_object(reading=a_reading(state="FINISHED", running=1))) == (FALSE, Reason.SWEEP_OVER)


def test_the_verdict_is_a_reason_too():
    assert says(a_searched_object(reading=a_reading(state="FINISHED", finished=1))) == (FALSE, Reason.SWEEP_OVER)


def test_a_server_without_the_scheduler_feature_is_told_before_anything_is_created():
    lacking = Problem(Reason.SCHEDULER_UNSUPPORTED, "take a newer server, the embedded one, or method bayes")
    new = a_new_object(spec=a_spec(sweep=a_sweep(**PROTEIN)), scheduler_unsupported=lacking)

    valid, created, ready = (
        condition(new, kind=kind)
        for kind in (ConditionType.SWEEP_VALID, ConditionType.SWEEP_CREATED, ConditionType.READY)
    )
    assert valid.status is TRUE
    assert (created.status, created.reason, created.message) == (FALSE, lacking.reason, lacking.message)
    assert ready.reason is Reason.SCHEDULER_UNSUPPORTED


def test_status_remembers_what_the_search_of_a_scan_was_told():
    scan = a_searched_object(method=SCAN, spec={"search": {"retryFailed": 2}})
    told = replace(scan, search=(a_search(digest=wanted_digest(scan)),))
    told_before = replace(scan, search=(a_search(digest="other"),))

    assert status_of(scan).retried_failed is None
    assert status_of(scan, Outcome(started_search="anymal-search-0")).retried_failed == 2
    assert status_of(told).retried_failed == 2
    assert status_of(told_before).retried_failed is None


def test_an_autoscaler_counts_no_search_among_the_agents():
    selector = status_of(a_searched_object()).selector

    assert selector == "wandbsweep.dev/sweep=anymal,app.kubernetes.io/component=agent"
