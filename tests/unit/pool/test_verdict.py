from __future__ import annotations

import pytest

from builders import a_live_object, a_new_object, a_reading, a_spec
from wandbsweep.api.reasons import Reason
from wandbsweep.pool.verdict import decide

# state of the sweep, its runs, run cap, grid size -> succeeded, reason
ENDS = {
    "stopped on W&B": ("FINISHED", {"finished": 3}, None, None, True, Reason.SWEEP_FINISHED),
    "stopped before any run": ("FINISHED", {}, None, None, True, Reason.SWEEP_FINISHED),
    "cap reached and W&B knows": ("FINISHED", {"finished": 12}, 12, None, True, Reason.RUN_CAP_REACHED),
    "cap reached and W&B goes on": ("RUNNING", {"finished": 11, "failed": 1}, 12, None, True, Reason.RUN_CAP_REACHED),
    "grid done": ("RUNNING", {"finished": 6}, None, 6, True, Reason.GRID_EXHAUSTED),
    "every run failed": ("FINISHED", {"failed": 2, "crashed": 1}, None, None, False, Reason.ALL_RUNS_FAILED),
    "every run killed at the cap": ("RUNNING", {"killed": 2}, 2, None, False, Reason.ALL_RUNS_FAILED),
    "cancelled": ("CANCELED", {"finished": 5, "running": 1}, None, None, False, Reason.SWEEP_CANCELED),
    "crashed": ("CRASHED", {}, None, None, False, Reason.SWEEP_CRASHED),
    "given up as flapping": ("FLAPPING", {"failed": 3}, None, None, False, Reason.SWEEP_CRASHED),
}


@pytest.mark.parametrize(("state", "runs", "cap", "grid", "succeeded", "reason"), ENDS.values(), ids=ENDS)
def test_a_sweep_that_is_over_gets_the_verdict_of_its_runs(state, runs, cap, grid, succeeded, reason):
    verdict = decide(a_live_object(reading=a_reading(state=state, run_cap=cap, grid_size=grid, **runs)))

    assert verdict is not None
    assert (verdict.succeeded, verdict.reason) == (succeeded, reason)


GOING_ON = {
    "nothing has started": ("PENDING", {}, 12, None),
    "runs are left": ("RUNNING", {"finished": 3, "running": 2}, 12, None),
    "the last run of the budget trains": ("RUNNING", {"finished": 11, "running": 1}, 12, None),
    "a preempted run waits for its next agent": ("RUNNING", {"finished": 11, "preempted": 1}, 12, None),
    "stopped, and a run still trains": ("FINISHED", {"finished": 3, "running": 1}, None, None),
    "paused": ("PAUSED", {"finished": 3}, 12, None),
    "a state of the future": ("MELTED", {"finished": 3}, None, None),
}


@pytest.mark.parametrize(("state", "runs", "cap", "grid"), GOING_ON.values(), ids=GOING_ON)
def test_a_sweep_that_goes_on_has_no_verdict(state, runs, cap, grid):
    assert decide(a_live_object(reading=a_reading(state=state, run_cap=cap, grid_size=grid, **runs))) is None


def test_a_sweep_that_was_deleted_on_w_and_b_has_failed():
    verdict = decide(a_live_object(reading=None, sweep_missing=True))

    assert verdict is not None
    assert verdict.reason is Reason.SWEEP_DELETED


def test_the_budget_of_the_object_wins_over_the_one_on_w_and_b():
    snapshot = a_live_object(spec=a_spec(maxRuns=2), reading=a_reading(finished=2, run_cap=50))

    verdict = decide(snapshot)

    assert verdict is not None
    assert verdict.reason is Reason.RUN_CAP_REACHED


def test_without_an_answer_from_w_and_b_there_is_no_verdict():
    assert decide(a_live_object(reading=None)) is None
    assert decide(a_new_object()) is None
