"""Is the sweep over, and how did it end? Read from W&B's run states, never from how a Job ended.

The stock agent exits 0 for nearly every bad ending, so that a Job's success says nothing about the sweep. A verdict is
written before anything is done about it, so that what is done cannot change it, whatever dies in between.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wandbsweep.api.reasons import Reason
from wandbsweep.pool import budget, failed_trials, limits
from wandbsweep.pool.facts import SweepState

if TYPE_CHECKING:
    from wandbsweep.pool.facts import Snapshot, SweepReading


_GAVE_UP: Final = "As many runs failed as the budget has ({}), so that the search replaced them no more"


@dataclass(frozen=True)
class Verdict:
    """How the sweep ended."""

    succeeded: bool
    reason: Reason
    message: str


def decide(snapshot: Snapshot) -> Verdict | None:
    """The verdict, or None while the sweep goes on.

    What W&B says comes first, in this order: deleted or given up there, good enough, too many failures, all done. Only
    a sweep that would go on is ended by its GPU-hours or its deadline.
    """
    if snapshot.path is None:
        return _by_limit(snapshot) if snapshot.status.start_time else None
    if snapshot.sweep_missing:
        return Verdict(succeeded=False, reason=Reason.SWEEP_DELETED, message="The sweep was deleted on W&B.")
    return (_by_reading(snapshot, snapshot.reading) if snapshot.reading else None) or _by_limit(snapshot)


def _by_reading(snapshot: Snapshot, reading: SweepReading) -> Verdict | None:
    if reading.state is SweepState.CANCELED:
        return _failed(Reason.SWEEP_CANCELED, f"The sweep was cancelled on W&B: {tally(reading)}.")
    if reading.state is SweepState.CRASHED:
        return _failed(Reason.SWEEP_CRASHED, f"W&B gave the sweep up as {reading.state_text}: {tally(reading)}.")
    if limits.target_reached(snapshot, reading) and reading.best:
        best, target = reading.best, snapshot.spec.limits.target
        sentence = f"Run {best.name} reached {best.metric} {best.value}, and limits.target is {target}"
        return Verdict(succeeded=True, reason=Reason.TARGET_REACHED, message=f"{sentence}: {tally(reading)}.")
    if limits.too_many_failures(snapshot, reading):
        return _failed(Reason.MAX_FAILED_RUNS, _failures(snapshot, reading))
    reached = _budget_reached(snapshot, reading)
    if reading.state is SweepState.FINISHED and not reading.count("running", "preempting"):
        return _done(snapshot, reading, reached or Reason.SWEEP_FINISHED)
    return _done(snapshot, reading, reached) if reached and not reading.open_runs else None


def _by_limit(snapshot: Snapshot) -> Verdict | None:
    """Ends that W&B does not know of, and need not be reached for."""
    hours, seconds = snapshot.spec.limits.max_gpu_hours, snapshot.spec.limits.active_deadline_seconds
    if limits.gpu_hours_used(snapshot):
        sentence = f"The agents held GPUs for limits.maxGPUHours, {hours:g} hours"
        if _none_finished(snapshot):
            return _failed(Reason.ALL_RUNS_FAILED, f"{sentence}, and no run finished: {_last_tally(snapshot)}.")
        message = f"{sentence}: {_last_tally(snapshot)}."
        return Verdict(succeeded=True, reason=Reason.GPU_HOURS_USED, message=message)
    deadline = limits.deadline(snapshot)
    if deadline is None or snapshot.now < deadline:
        return None
    sentence = f"The sweep was active for limits.activeDeadlineSeconds, {seconds} s"
    return _failed(Reason.DEADLINE_EXCEEDED, f"{sentence}: {_last_tally(snapshot)}.")


def _budget_reached(snapshot: Snapshot, reading: SweepReading) -> Reason | None:
    cap = budget.run_cap(snapshot)
    if cap is not None and budget.runs_that_count(snapshot, reading) >= cap:
        return Reason.RUN_CAP_REACHED
    if budget.is_searched(snapshot):
        if budget.gave_up(snapshot, reading):
            return Reason.SEARCH_GAVE_UP
        return Reason.GRID_EXHAUSTED if budget.scan_is_done(snapshot, reading) else None
    if reading.grid_size is not None and reading.total_runs >= reading.grid_size:
        return Reason.GRID_EXHAUSTED
    return None


def _done(snapshot: Snapshot, reading: SweepReading, reason: Reason) -> Verdict:
    more = failed_trials.sentence(snapshot, reading)
    if reading.total_runs and not reading.count("finished"):
        why = f" {_GAVE_UP.format(budget.run_cap(snapshot))}." if reason is Reason.SEARCH_GAVE_UP else more
        return _failed(Reason.ALL_RUNS_FAILED, f"None of the runs finished: {tally(reading)}.{why}")
    if reason is Reason.SEARCH_GAVE_UP:
        return _failed(reason, f"{_GAVE_UP.format(budget.run_cap(snapshot))}: {tally(reading)}.")
    scan = budget.is_scan(snapshot)
    apart = ", in which failed runs are not counted" if budget.runs_apart(snapshot, reading) else ""
    sentence = {
        Reason.RUN_CAP_REACHED: f"The run budget is used{apart}",
        Reason.GRID_EXHAUSTED: "Every trial of the scan was run" if scan else "Every point of the grid was run",
        Reason.SWEEP_FINISHED: "The sweep was finished on W&B",
    }[reason]
    return Verdict(succeeded=True, reason=reason, message=f"{sentence}: {tally(reading)}.{more}")


def _failed(reason: Reason, message: str) -> Verdict:
    return Verdict(succeeded=False, reason=reason, message=message)


def _failures(snapshot: Snapshot, reading: SweepReading) -> str:
    failures = limits.failures_of_user(reading)
    counted = ", ".join(f"{count} {cause}" for cause, count in sorted(failures.items()))
    limit = snapshot.spec.limits.max_failed_runs
    return f"{sum(failures.values())} runs failed ({counted}), and limits.maxFailedRuns is {limit}: {tally(reading)}."


def _none_finished(snapshot: Snapshot) -> bool:
    """As far as it is known: W&B may not have been asked since the operator started."""
    if snapshot.reading:
        return not snapshot.reading.count("finished")
    return bool(snapshot.status.runs and not snapshot.status.runs.finished)


def _last_tally(snapshot: Snapshot) -> str:
    if snapshot.reading:
        return tally(snapshot.reading)
    return f"{snapshot.status.runs.summary} runs ended" if snapshot.status.runs else "no runs"


def tally(reading: SweepReading) -> str:
    """The runs by state in words, such as `11 finished, 1 failed`."""
    counted = [f"{count} {state}" for state, count in sorted(reading.runs_by_state.items()) if count]
    return ", ".join(counted) or "no runs"
