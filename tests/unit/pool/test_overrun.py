"""The guard against a W&B that goes on beyond the budget."""

from __future__ import annotations

import pytest

from builders import PATH, a_live_object, a_reading, a_spec
from wandbsweep.api.reasons import Reason
from wandbsweep.pool.actions import SetSweepState, StartAgent
from wandbsweep.pool.planning import make_plan

STOP = SetSweepState(PATH, "FINISHED", why=Reason.OVERRUN_STOPPED)

# runs, state of the sweep, W&B's own cap -> whether it is stopped, where spec.maxRuns is 4
CASES = {
    "one run too many": ({"finished": 3, "running": 2}, "RUNNING", None, True),
    "one too many, whatever W&B says of its cap": ({"finished": 3, "running": 2}, "RUNNING", 4, True),
    "at the cap, and W&B knows none": ({"finished": 3, "running": 1}, "RUNNING", None, True),
    "at the cap, and W&B would go on to ten": ({"finished": 3, "running": 1}, "PENDING", 10, True),
    "at the cap, and W&B knows": ({"finished": 3, "running": 1}, "RUNNING", 4, False),
    "a preempted run waits": ({"finished": 2, "running": 1, "preempted": 1}, "RUNNING", None, False),
    "a run is about to start": ({"finished": 3, "pending": 1}, "RUNNING", None, False),
    "runs are left": ({"finished": 2, "running": 1}, "RUNNING", None, False),
    "nothing is handed out any more": ({"finished": 3, "running": 3}, "FINISHED", None, False),
    "paused": ({"finished": 3, "running": 3}, "PAUSED", None, False),
}


@pytest.mark.parametrize(("runs", "state", "cap", "stopped"), CASES.values(), ids=CASES)
def test_a_sweep_is_stopped_only_where_w_and_b_would_hand_out_more_than_it_may(runs, state, cap, stopped):
    plan = make_plan(a_live_object(spec=a_spec(maxRuns=4), reading=a_reading(state=state, run_cap=cap, **runs)))

    assert (STOP in plan.actions) is stopped
    assert not (stopped and any(isinstance(action, StartAgent) for action in plan.actions))


def test_the_runs_that_train_may_end_and_then_the_budget_is_used():
    training = a_live_object(spec=a_spec(maxRuns=4), reading=a_reading(state="FINISHED", finished=4, running=1))
    done = a_live_object(spec=a_spec(maxRuns=4), reading=a_reading(state="FINISHED", finished=5))

    assert make_plan(training).verdict is None
    verdict = make_plan(done).verdict
    assert verdict is not None
    assert verdict.reason is Reason.RUN_CAP_REACHED
