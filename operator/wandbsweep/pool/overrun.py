"""The guard against a sweep that goes on beyond its budget: one that was joined, or a server that does not count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wandbsweep.api.reasons import Reason
from wandbsweep.pool.actions import SetSweepState
from wandbsweep.pool.budget import is_searched, run_cap, runs_that_count
from wandbsweep.pool.facts import HANDING_OUT

if TYPE_CHECKING:
    from wandbsweep.pool.facts import Snapshot


def overrun_stop(snapshot: Snapshot) -> SetSweepState | None:
    """Stops a sweep that would hand out more runs than it may; those that train may end.

    At the cap itself W&B is trusted to stop if it knows the cap: a stopped sweep could not hand a run out again that is
    preempted later. For the same reason nothing is stopped while a run waits to be handed out. Where a search of ours
    hands the runs out, it knows the cap.
    """
    cap, reading = run_cap(snapshot), snapshot.reading
    if snapshot.path is None or reading is None or cap is None or reading.state not in HANDING_OUT:
        return None
    counted = runs_that_count(snapshot, reading)
    waiting = reading.count("pending", "preempting", "preempted")
    would_go_on = not is_searched(snapshot) and (reading.run_cap is None or reading.run_cap > cap)
    if counted > cap or (counted == cap and would_go_on and not waiting):
        return SetSweepState(snapshot.path, "FINISHED", why=Reason.OVERRUN_STOPPED)
    return None
