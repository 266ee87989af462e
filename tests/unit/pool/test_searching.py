"""The one search of a sweep: when it starts, goes and starts again, and that agents wait for the first of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from builders import (
    NOW,
    PATH,
    SCAN,
    a_job,
    a_live_object,
    a_new_object,
    a_reading,
    a_search,
    a_searched_object,
    a_spec,
    a_status,
)
from wandbsweep.agent.exit_codes import SearchExit
from wandbsweep.api.reasons import Reason
from wandbsweep.api.status import PastSweep
from wandbsweep.pool.actions import RemoveSearch, SetSweepState, StartAgent, StartSearch, TellSearch
from wandbsweep.pool.facts import JobPhase, Problem
from wandbsweep.pool.planning import UNSUPPORTED_RETRY, make_plan
from wandbsweep.pool.searching import LONG_LIFE, wanted_digest
from wandbsweep.sweep.search_order import LARGEST_BYTES
from wandbsweep.sweep.searching import Engine

UNREACHABLE = Problem(Reason.SERVER_UNREACHABLE, "W&B does not answer")


def of(kind, plan):
    return [action for action in plan.actions if isinstance(action, kind)]


def started(snapshot):
    return of(StartSearch, make_plan(snapshot))


def removed(snapshot):
    return [action.job_name for action in of(RemoveSearch, make_plan(snapshot))]


def with_searches(*jobs, **fields):
    """An object with these search Jobs, made from what it wants now unless they say otherwise."""
    snapshot = a_searched_object(**fields)
    digest = wanted_digest(snapshot)
    return replace(snapshot, search=tuple(job if job.digest else replace(job, digest=digest) for job in jobs))


def ended(attempt=0, *, minutes=10, phase=JobPhase.FAILED, lived=timedelta(minutes=1), **fields):
    end = NOW - timedelta(minutes=minutes)
    return a_search(attempt, phase, finished_at=end, created_at=end - lived, **fields)


def test_a_sweep_that_needs_a_search_gets_one_and_agents_wait_for_it():
    (start,) = make_plan(a_searched_object(spec={"maxRuns": 9, "agentCount": 3})).actions

    assert isinstance(start, StartSearch)
    assert (start.attempt, start.path, start.agent_count) == (0, PATH, 3)
    assert (start.order.engine, start.order.name, start.order.max_runs) == (Engine.PROTEIN, "anymal", 9)
    assert start.order.definition["parameters"] == {"lr": {"distribution": "log_normal", "min": 0.0001, "max": 0.001}}


def test_a_sweep_that_w_and_b_searches_gets_none():
    assert not started(a_live_object())


def test_a_sweep_that_was_joined_is_searched_by_whoever_made_it():
    spec = a_spec(sweep=None, sweepID="nkbj7529")
    joined = a_live_object(spec=spec, status=a_status(sweep_digest=None), reading=a_reading(method="custom"))

    assert [type(action) for action in make_plan(joined).actions] == [StartAgent, StartAgent]


def test_agents_start_when_the_search_is_ready_and_not_before():
    waiting = with_searches(a_search(ready=False))

    assert not of(StartAgent, make_plan(waiting))
    assert len(of(StartAgent, make_plan(with_searches(a_search())))) == 2


def test_a_search_that_is_down_later_keeps_no_agent_from_starting():
    down = with_searches(ended(minutes=0.1), reading=a_reading(running=1))

    assert len(of(StartAgent, make_plan(down))) == 2


def test_a_search_of_the_sweep_before_lets_no_agent_start():
    of_old_sweep = with_searches(a_search(sweep="lab/anymal/old"))

    assert not of(StartAgent, make_plan(of_old_sweep))
    assert removed(of_old_sweep) == ["anymal-search-0"]


def test_a_running_search_is_left_alone():
    assert not of(StartSearch | RemoveSearch | TellSearch, make_plan(with_searches(a_search())))


def test_a_running_search_is_told_how_many_agents_there_are_and_not_restarted():
    plan = make_plan(with_searches(a_search(), spec={"agentCount": 7}))

    assert of(TellSearch, plan) == [TellSearch("anymal-search-0-x7k2p", 7)]
    assert not of(StartSearch | RemoveSearch, plan)


CHANGES = {
    "maxRuns": {"maxRuns": 20},
    "the template of the search": {"search": {"template": {"spec": {"nodeSelector": {"cpu": "yes"}}}}},
    "the API key": {"wandb": {"apiKeySecretRef": {"name": "other"}}},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_search_that_was_told_something_else_goes_and_the_next_comes_when_it_is_gone(change):
    before = a_searched_object()
    outdated = a_search(digest=wanted_digest(before))
    changed = a_searched_object(spec=change, search=(outdated,))

    assert removed(changed) == ["anymal-search-0"]
    assert not started(changed)
    going = replace(changed, search=(replace(outdated, deleting=True),))
    assert not started(going)
    assert len(started(replace(changed, search=()))) == 1


def test_how_often_failed_trials_are_run_again_concerns_scans_only():
    assert wanted_digest(a_searched_object(spec={"search": {"retryFailed": 2}})) == wanted_digest(a_searched_object())
    once, twice = (a_searched_object(method=SCAN, spec={"search": {"retryFailed": number}}) for number in (1, 2))
    assert wanted_digest(once) != wanted_digest(twice)


def test_a_search_is_not_replaced_while_w_and_b_cannot_be_asked():
    changed = a_searched_object(search=(a_search(digest="another"),), wandb_problem=UNREACHABLE)

    assert make_plan(changed).actions == ()


def test_a_search_is_not_replaced_by_a_template_that_is_refused():
    refused = Problem(Reason.TEMPLATE_REJECTED, "spec.search.template: no")

    assert removed(a_searched_object(search=(a_search(digest="another"),), definition_problem=refused)) == []


def test_a_definition_that_cannot_be_read_leaves_a_running_search_alone_and_starts_none():
    gone = Problem(Reason.SEARCH_INVALID, "the ConfigMap is gone")

    for jobs in ((), (a_search(digest="any"),)):
        assert not of(
            StartSearch | RemoveSearch,
            make_plan(a_searched_object(searched=None, searched_problem=gone, search=jobs)),
        )


def test_of_two_searches_the_older_goes():
    assert removed(with_searches(a_search(0), a_search(1))) == ["anymal-search-0"]


@pytest.mark.parametrize(("ends", "seconds"), [(1, 10), (2, 20), (3, 40), (6, 300)])
def test_a_search_that_ends_badly_is_started_again_with_growing_delay(ends, seconds):
    jobs = [ended(number, minutes=(ends - number) / 10) for number in range(ends)]
    last = NOW - timedelta(seconds=6)

    plan = make_plan(with_searches(*jobs, reading=a_reading(at=NOW)))
    assert not of(StartSearch, plan)
    waited = with_searches(*jobs, now=last + timedelta(seconds=seconds), reading=a_reading(at=NOW))
    assert [start.attempt for start in started(waited)] == [ends]


def test_a_search_that_takes_a_sweep_for_done_which_goes_on_is_started_again_after_a_while():
    done = with_searches(ended(phase=JobPhase.SUCCEEDED, minutes=0.1))

    assert not started(done)
    assert len(started(replace(done, now=NOW + timedelta(seconds=5)))) == 1


def test_a_search_that_had_worked_for_long_is_not_waited_for_long():
    jobs = [ended(number, minutes=60 - number) for number in range(4)]
    worked = ended(4, minutes=0.5, lived=LONG_LIFE)

    assert len(started(with_searches(*jobs, worked))) == 1


def test_w_and_b_is_looked_at_before_a_search_that_ended_is_started_again():
    just_ended = with_searches(ended(phase=JobPhase.SUCCEEDED), reading=a_reading(at=NOW - timedelta(minutes=11)))

    plan = make_plan(just_ended)
    assert not of(StartSearch, plan)
    assert plan.look_again <= timedelta(seconds=1)


@pytest.mark.parametrize("code", [SearchExit.INVALID, SearchExit.UNSUPPORTED, SearchExit.ENGINE_MISSING])
def test_an_end_that_another_search_would_come_to_as_well_is_final_until_it_is_told_something_else(code):
    by_code = with_searches(ended(minutes=600, exit_code=int(code)))
    by_word = with_searches(ended(minutes=600, exit_code=1, exit_reason=code.reason))
    edited = a_searched_object(spec={"maxRuns": 5}, search=by_code.search)

    assert not started(by_code)
    assert not started(by_word)
    assert len(started(edited)) == 1


@pytest.mark.parametrize("code", [SearchExit.UNREACHABLE, SearchExit.FAILED])
def test_an_end_that_may_pass_is_not_final(code):
    assert len(started(with_searches(ended(exit_code=int(code), exit_reason=code.reason)))) == 1


def test_only_the_ended_jobs_that_tell_the_delay_are_kept():
    jobs = [ended(number, minutes=100 - number) for number in range(9)]

    assert removed(with_searches(*jobs, a_search(9))) == ["anymal-search-0", "anymal-search-1", "anymal-search-2"]


def test_ended_jobs_of_another_order_are_of_no_use():
    assert removed(with_searches(ended(0, digest="other"), a_search(1))) == ["anymal-search-0"]


@pytest.mark.parametrize("state", ["FINISHED", "CANCELED", "CRASHED"])
def test_no_search_starts_for_a_sweep_that_hands_out_nothing(state):
    assert not started(a_searched_object(reading=a_reading(state=state, running=1)))


def test_a_suspended_sweep_has_no_search():
    suspended = with_searches(a_search(), spec={"suspend": True}, status=dict(a_status(suspended=Reason.SUSPENDED)))

    assert removed(suspended) == ["anymal-search-0"]
    assert not started(replace(suspended, search=()))


def test_a_sweep_that_is_paused_on_w_and_b_has_no_search():
    paused = with_searches(a_search(), reading=a_reading(state="PAUSED"))

    assert removed(paused) == ["anymal-search-0"]
    assert not started(replace(paused, search=()))


def test_a_sweep_that_is_over_has_no_search():
    over = with_searches(a_search(), ended(1), reading=None, status={"completion_time": NOW, "sweep_state": "FINISHED"})

    assert set(removed(over)) == {"anymal-search-0", "anymal-search-1"}


def test_the_search_of_a_replaced_sweep_goes_at_once_whatever_the_drain_policy():
    between = a_new_object(
        spec=a_spec(drainPolicy="AfterRun"),
        status=a_status(sweep_id=None, sweep_path=None, history=[PastSweep(sweep_id=PATH.sweep_id, end_time=NOW)]),
        search=(a_search(),),
        jobs=(a_job(0, sweep=str(PATH)),),
    )

    assert removed(between) == ["anymal-search-0"]


def test_a_method_that_w_and_b_searches_instead_leaves_no_search():
    assert removed(a_live_object(search=(a_search(),))) == ["anymal-search-0"]


def test_a_definition_that_no_order_can_hold_starts_nothing():
    snapshot = a_searched_object()
    values = {"lr": {"distribution": "categorical", "values": ["x" * LARGEST_BYTES]}}
    huge = replace(snapshot.searched, config={**snapshot.searched.config, "parameters": values})

    assert make_plan(replace(snapshot, searched=huge)).actions == ()


def test_nothing_is_created_on_a_server_without_the_scheduler_feature():
    lacking = Problem(Reason.SCHEDULER_UNSUPPORTED, "take a newer server")
    new = a_new_object(spec=a_searched_object().spec, scheduler_unsupported=lacking)

    assert make_plan(new).actions == ()
    assert make_plan(new).look_again == UNSUPPORTED_RETRY


def test_a_sweep_beyond_its_budget_is_stopped_and_gets_no_new_search():
    beyond = a_searched_object(spec={"maxRuns": 2}, reading=a_reading(running=3))

    plan = make_plan(beyond)
    assert SetSweepState(PATH, "FINISHED", why=Reason.OVERRUN_STOPPED) in plan.actions
    assert not of(StartSearch, plan)
