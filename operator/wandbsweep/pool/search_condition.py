"""Condition SearchReady: whether the search of a sweep is up, else what keeps it from it and what comes next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wandbsweep.agent.exit_codes import SearchExit
from wandbsweep.api.reasons import ConditionType, Reason
from wandbsweep.pool import searching
from wandbsweep.pool.budget import is_searched
from wandbsweep.pool.facts import HANDING_OUT, JobPhase, Problem
from wandbsweep.pool.finding import Finding, fails, holds, prevented
from wandbsweep.pool.suspension import pause

if TYPE_CHECKING:
    from wandbsweep.pool.facts import SearchJob, Snapshot
    from wandbsweep.pool.outcome import Outcome

FAILING_AFTER: Final = 2  # one search that ends badly may be chance

_KIND: Final = ConditionType.SEARCH_READY
_FINAL_REASONS: Final = {
    SearchExit.INVALID: Reason.SEARCH_INVALID,
    SearchExit.UNSUPPORTED: Reason.SCHEDULER_UNSUPPORTED,
    SearchExit.ENGINE_MISSING: Reason.SEARCH_ENGINE_MISSING,
}
_PAUSES: Final = {
    Reason.SUSPENDED: "spec.suspend is true: the search starts again with the sweep.",
    Reason.PAUSED_ON_WANDB: "Somebody paused the sweep on W&B: the search starts again with it.",
}


def search_ready(snapshot: Snapshot, outcome: Outcome, *, over: bool) -> Finding | None:
    """None where W&B's server searches the sweep itself."""
    if not is_searched(snapshot):
        return None
    if over:
        return fails(_KIND, Reason.SWEEP_OVER, "The sweep is over: its search is removed.")
    if snapshot.path is None:
        return fails(_KIND, Reason.NO_SWEEP, "There is no sweep to search yet.")
    if paused := pause(snapshot):
        return fails(_KIND, paused, _PAUSES[paused])
    newest = searching.newest(snapshot)
    if newest and newest.ready and newest.phase is JobPhase.ACTIVE and newest.sweep == snapshot.status.sweep_path:
        return holds(_KIND, Reason.SEARCH_RUNNING, f"Job {newest.name} searches.")
    if outcome.search_problem:
        return prevented(_KIND, outcome.search_problem)
    if newest and searching.is_present(newest):
        return _starting(snapshot, newest)
    return _absent(snapshot, outcome, newest)


def _starting(snapshot: Snapshot, job: SearchJob) -> Finding:
    """A search is there and not ready: its pod waits, or it is one of several that did not come to work."""
    if job.suspended:
        return fails(_KIND, Reason.SEARCH_STARTING, f"Job {job.name} waits for admission to its queue.")
    if job.waiting:
        return fails(_KIND, Reason.SEARCH_STARTING, f"{job.pod_name or job.name}: {job.waiting}")
    ended = [each for each in searching.jobs_in_order(snapshot) if not searching.is_present(each)]
    if searching.ends_in_a_row(ended) >= FAILING_AFTER and ended[-1].phase is JobPhase.FAILED:
        return fails(_KIND, Reason.SEARCH_FAILING, f"{_end(ended[-1])} Job {job.name} is tried now.")
    return fails(_KIND, Reason.SEARCH_STARTING, f"The pod of Job {job.name} is not ready yet.")


def _absent(snapshot: Snapshot, outcome: Outcome, last: SearchJob | None) -> Finding:
    if final := searching.final_end(snapshot):
        job, code = final
        return fails(_KIND, _FINAL_REASONS[code], f"{_end(job)} It is not started again before spec changes.")
    if snapshot.reading and snapshot.reading.state not in HANDING_OUT:
        return fails(_KIND, Reason.SWEEP_OVER, "The sweep hands out no more runs; those that train may end.")
    if isinstance(order := searching.order_of(snapshot), Problem):
        return prevented(_KIND, order)
    if last is None or outcome.started_search:
        return fails(_KIND, Reason.SEARCH_STARTING, "The search is being started.")
    bad = last.phase is JobPhase.FAILED
    due = f"{searching.due_at(snapshot):%H:%M:%S} UTC"
    reason = Reason.SEARCH_FAILING if bad else Reason.SEARCH_STARTING
    return fails(_KIND, reason, f"{_end(last)} The next one starts at {due}.")


def _end(job: SearchJob) -> str:
    words = f": {job.exit_message}" if job.exit_message else " ended."
    return f"Job {job.name}{words}"
