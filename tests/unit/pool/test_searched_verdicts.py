"""The budget of a sweep with a search of its own: failed runs are apart, and the verdict says what became of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builders import NOW, PATH, PROTEIN, SCAN, a_live_object, a_reading, a_search, a_searched_object
from wandbsweep.agent.causes import Cause
from wandbsweep.api.reasons import Reason
from wandbsweep.pool.actions import SetSweepState, StartAgent
from wandbsweep.pool.facts import FailedRun, SweepState
from wandbsweep.pool.outcome import Outcome
from wandbsweep.pool.planning import make_plan
from wandbsweep.pool.status import next_status

STOP = SetSweepState(PATH, "FINISHED", why=Reason.OVERRUN_STOPPED)

# method, maxRuns, runs, state on W&B -> succeeded and reason, or None while it goes on
ENDS = {
    "the budget, failures apart": (PROTEIN, 4, {"finished": 3, "killed": 1, "failed": 3}, "RUNNING", True, "RunCap"),
    "failures do not use it": (PROTEIN, 4, {"finished": 3, "failed": 2, "crashed": 1}, "RUNNING", None, None),
    "a preempted run may still end": (PROTEIN, 4, {"finished": 3, "preempted": 1}, "RUNNING", None, None),
    "a run waits for an agent": (PROTEIN, 4, {"finished": 3, "pending": 1, "failed": 1}, "RUNNING", None, None),
    "the search gave up": (PROTEIN, 4, {"finished": 2, "failed": 3, "crashed": 1}, "RUNNING", False, "SearchGaveUp"),
    "it gave up and W&B knows": (PROTEIN, 4, {"finished": 2, "failed": 4}, "FINISHED", False, "SearchGaveUp"),
    "all failed": (PROTEIN, 4, {"failed": 4}, "RUNNING", False, "AllRunsFailed"),
    "without a budget nothing is given up": (PROTEIN, None, {"failed": 9}, "RUNNING", None, None),
    "stopped on W&B": (PROTEIN, 9, {"finished": 3, "failed": 1}, "FINISHED", True, "SweepFinished"),
    "every trial of a scan": (SCAN, None, {"finished": 4}, "RUNNING", True, "GridExhausted"),
    "every trial, and some failed": (SCAN, None, {"finished": 2, "failed": 2}, "FINISHED", True, "GridExhausted"),
    "trials are left": (SCAN, None, {"finished": 2, "failed": 1}, "RUNNING", None, None),
    "every trial failed": (SCAN, None, {"failed": 4}, "RUNNING", False, "AllRunsFailed"),
    "a scan within a budget": (SCAN, 3, {"finished": 3, "failed": 1}, "RUNNING", True, "RunCap"),
}


@pytest.mark.parametrize(("method", "budget", "runs", "state", "succeeded", "reason"), ENDS.values(), ids=ENDS)
def test_a_searched_sweep_ends_when_so_many_runs_have_ended_otherwise_than_by_failing(
    method, budget, runs, state, succeeded, reason
):
    snapshot = a_searched_object(method=method, spec={"maxRuns": budget}, reading=a_reading(state=state, **runs))

    verdict = make_plan(snapshot).verdict

    assert (verdict and verdict.succeeded) is succeeded
    assert verdict.reason.startswith(reason) if reason else verdict is None, verdict


def test_a_sweep_that_w_and_b_searches_counts_as_it_did():
    verdict = make_plan(a_live_object(reading=a_reading(finished=1, failed=3, run_cap=4))).verdict

    assert verdict.reason is Reason.RUN_CAP_REACHED


def test_while_failed_trials_are_run_again_only_the_search_knows_when_a_scan_is_done():
    retrying = {"method": SCAN, "spec": {"search": {"retryFailed": 1}}}
    reading = a_reading(finished=3, failed=1)

    assert make_plan(a_searched_object(**retrying, reading=reading)).verdict is None
    over = a_searched_object(**retrying, reading=replace(reading, state=SweepState.FINISHED))
    assert make_plan(over).verdict.reason is Reason.GRID_EXHAUSTED


def failure(name):
    return FailedRun(name, name, f"http://wandb.test/{name}", Cause.STALLED, "gpu-1")


def test_the_verdict_on_a_scan_names_what_failed_and_how_it_is_run_again():
    reading = a_reading(finished=1, failed=3, latest_failures=tuple(map(failure, ["lr_0.4", "lr_0.2", "lr_0.4"])))

    message = make_plan(a_searched_object(method=SCAN, reading=reading)).verdict.message

    assert "3 of 4 trials failed (lr_0.4, lr_0.2 and others)" in message
    assert "set spec.search.retryFailed to 1 or more" in message


def test_a_scan_whose_failed_trials_ended_well_in_the_end_names_none():
    reading = a_reading(state="FINISHED", finished=4, failed=2, latest_failures=(failure("lr_0.4"),))

    snapshot = a_searched_object(method=SCAN, spec={"search": {"retryFailed": 3}}, reading=reading)

    assert "lr_0.4" not in make_plan(snapshot).verdict.message


def test_the_size_of_a_scan_is_known_without_its_definition_if_w_and_b_tells():
    status = {"method": "scan"}
    scan = a_searched_object(method=SCAN, searched=None, status=status, reading=a_reading(finished=4, grid_size=4))

    assert make_plan(scan).verdict.reason is Reason.GRID_EXHAUSTED


OVERRUNS = {
    "at the cap the search stops by itself": ({"finished": 3, "running": 1}, False),
    "failed runs do not count": ({"finished": 3, "running": 1, "failed": 5}, False),
    "one too many": ({"finished": 3, "running": 2}, True),
    "one too many that waits": ({"finished": 4, "pending": 1}, True),
}


@pytest.mark.parametrize(("runs", "stopped"), OVERRUNS.values(), ids=OVERRUNS)
def test_a_searched_sweep_is_stopped_only_beyond_its_budget(runs, stopped):
    plan = make_plan(a_searched_object(spec={"maxRuns": 4}, reading=a_reading(**runs), search=(a_search(),)))

    assert (STOP in plan.actions) is stopped


def agents_for(**fields):
    plan = make_plan(a_searched_object(**fields, search=(a_search(),)))
    return sum(isinstance(action, StartAgent) for action in plan.actions)


def test_no_more_agents_start_than_find_a_run_and_failed_runs_are_replaced():
    assert agents_for(spec={"maxRuns": 4, "agentCount": 5}, reading=a_reading(finished=2, failed=3)) == 2
    assert agents_for(method=SCAN, spec={"agentCount": 5}, reading=a_reading(finished=1, failed=1)) == 2
    retried = {"agentCount": 5, "search": {"retryFailed": 1}}
    assert agents_for(method=SCAN, spec=retried, reading=a_reading(finished=1, failed=1)) == 5


def test_the_runs_column_counts_failed_runs_apart():
    snapshot = a_searched_object(spec={"maxRuns": 50}, reading=a_reading(finished=7, killed=1, failed=2, crashed=1))

    runs = next_status(snapshot, Outcome(), None).runs

    assert (runs.summary, runs.failed, runs.apart, runs.total) == ("8/50", 2, 3, 11)


def test_the_runs_column_of_a_scan_counts_to_its_size():
    runs = next_status(a_searched_object(method=SCAN, reading=a_reading(finished=2, at=NOW)), Outcome(), None).runs

    assert runs.summary == "2/4"
